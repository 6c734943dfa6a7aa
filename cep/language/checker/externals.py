"""Functions of Python modules: ``function f(a: int, b: string?) -> float from "module:name"``.

What is declared is all that is known here; whether the code may run is the host's affair, and no module is imported.
Parameters are numbers, bools, strings, times, durations, decimals, or lists of such; what is given is one of them, no
list.
Tested by: tests/language/test_check_externals.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cep.language.checker.attributes import resolve_type
from cep.language.checker.report import Report, Reporter
from cep.language.checker.shapes import plain
from cep.language.typed import Call, External
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.checker.declarations import Declarations
    from cep.language.typed import Code, Typed
    from cep.model.diagnostics import Span

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SCALARS = ("int", "float", "bool", "string", "time", "duration", "decimal")


def declare_externals(declarations: Declarations, report: Report, codes: Mapping[str, Code]) -> None:
    """Enter every function of a module without mistakes, with its code where the host gave it."""
    for name, (source, function) in declarations.functions.items():
        if function.origin is None or function.returns is None:
            continue
        reporter = Reporter(report, source)
        before = report.mistakes
        if not _REFERENCE.fullmatch(function.origin):
            message = f"`{function.origin}` names no function of a module"
            reporter.error(function.span, "module-name", message, 'write from "module:name", e.g. "models:risk_score"')
        parameters: list[Type] = []
        seen: set[str] = set()
        for field in function.parameters:
            if field.name.text in seen:
                message = f"the function {name} has the parameter `{field.name.text}` twice"
                reporter.error(field.name.span, "duplicate-field", message)
            seen.add(field.name.text)
            declared = resolve_type(declarations, reporter, field.type)
            if declared is not None and _is_taken(reporter, declared, field.type.span):
                parameters.append(plain(declared))
        gives = resolve_type(declarations, reporter, function.returns)
        if gives is not None and gives.kind not in _SCALARS:
            reporter.not_yet(function.returns.span, f"a function of a module that gives a {gives.kind}")
        if report.mistakes > before or gives is None or len(parameters) < len(function.parameters):
            declarations.broken.add(name)
            continue
        declarations.externals[name] = External(
            name, function.origin, tuple(parameters), plain(gives), source, function.name.span, codes.get(name)
        )


def _is_taken(reporter: Reporter, declared: Type, span: Span) -> bool:
    if declared.kind == "list" and declared.items[0].kind in ("int", "float", "bool", "string", "decimal"):
        return True
    if declared.kind in _SCALARS:
        return True
    hint = "give its fields, each as a parameter" if declared.kind == "record" else None
    reporter.not_yet(span, f"a {declared.kind} as a parameter of a function of a module", hint)
    return False


def called(function: External, arguments: Sequence[Typed]) -> Call:
    """A call, its arguments cast to the types of the parameters."""
    missing = any(
        argument.type.optional and not parameter.optional
        for argument, parameter in zip(arguments, function.parameters, strict=True)
    )
    # a float that is no number becomes null
    optional = missing or function.gives.optional or function.gives.kind == "float"
    return Call(f"{function.name}()", tuple(arguments), function.gives.as_optional(optional), function)

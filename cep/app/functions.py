"""Functions of Python modules: which may run, and their code.

A rule file alone runs no Python. The host gives code by the declared name (``{"risk_score": score}``), or names modules
that may be imported (``{"models"}``), or allows every one (True). What is not allowed is checked all the same, and
refused when it is to run.
Tested by: tests/app/test_functions.py
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.report import did_you_mean
from cep.language.fingerprint import externals_of
from cep.model.diagnostics import Diagnostic
from cep.model.errors import RuleError, UsageError, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from cep.language.rulebook import Rulebook
    from cep.language.typed import Code
    from cep.model.diagnostics import Source

    Allowed = bool | Mapping[str, Callable[..., object]] | Iterable[str]


def allowed_codes(files: Iterable[ast.File], allowed: Allowed | None) -> dict[str, Code]:
    """The code of the functions that the files declare and the host allows, by declared name.

    Raises `UsageError` where a module has no such function or cannot be imported, and for what is no permission.
    """
    if allowed is None or allowed is False:
        return {}
    declared = [(source, f, f.origin) for source, f in _declared(files) if f.origin is not None]
    if isinstance(allowed, Mapping):
        return _given(allowed, {f.name.text for _, f, _ in declared})
    modules = None if allowed is True else _names(allowed)
    codes: dict[str, Code] = {}
    problems: list[str] = []
    for source, function, origin in declared:
        module, _, name = origin.partition(":")
        if not name or (modules is not None and module not in modules):
            continue
        found = _imported(module, name)
        if isinstance(found, str):
            span = function.name.span
            problems.append(f"{source.name}:{span.line}:{span.column}: {found}")
        else:
            codes[function.name.text] = found
    if problems:
        raise UsageError("\n".join(problems))
    return codes


def require_codes(book: Rulebook) -> None:
    """Raise `RuleError` when a rule calls a function that may not run."""
    rules = book.rules if book.has_externals else ()
    refused = {f.name: f for rule in rules for f in externals_of(rule) if f.code is None}
    if not refused:
        return
    problems = []
    for name, function in refused.items():
        module = function.reference.partition(":")[0]
        message = f"`{name}` runs Python code of the module {module}, which is not allowed here"
        hint = f'allow it: --functions {module} on the command line, functions={{"{module}"}} in cep.load'
        problems.append(Diagnostic("function-not-allowed", message, function.source, function.span, hint))
    raise RuleError(problems)


def _declared(files: Iterable[ast.File]) -> Iterator[tuple[Source, ast.Function]]:
    for file in files:
        for declaration in file.declarations:
            if isinstance(declaration, ast.Function):
                yield file.source, declaration


def _given(codes: Mapping[str, object], declared: set[str]) -> dict[str, Code]:
    out: dict[str, Code] = {}
    for name, code in codes.items():
        if name not in declared:
            hint = did_you_mean(name, declared, f"declared are {', '.join(sorted(declared)) or 'none'}")
            msg = f"functions gives {name!r}, which no rule file declares from a module: {hint}"
            raise UsageError(msg)
        if not callable(code):
            msg = f"functions gives {name!r} {kind_of(code)}, which cannot be called"
            raise UsageError(msg)
        out[name] = code
    return out


def _names(allowed: object) -> set[str]:
    if isinstance(allowed, Iterable) and not isinstance(allowed, str | bytes):
        names: set[object] = set(allowed)
        if all(isinstance(name, str) for name in names):
            return {str(name) for name in names}
    msg = f"functions is a set of module names, a dict of functions by name, or True, not {allowed!r}"
    raise UsageError(msg)


def _imported(module: str, name: str) -> Code | str:
    """The function, or what is wrong."""
    try:
        found: ModuleType = import_module(module)
    except Exception as problem:  # the module's own code runs here
        words = f"the module {module} cannot be imported: {type(problem).__name__}: {problem}"
        return f"{words}\n  hint: modules are looked for as Python does; on the command line in the current folder, too"
    code: object = getattr(found, name, None)
    if code is None:
        hint = did_you_mean(name, [n for n, v in vars(found).items() if not n.startswith("_") and callable(v)])
        return f"the module {module} has no function {name}" + (f": {hint}" if hint else "")
    if not callable(code):
        return f"{module}:{name} is {kind_of(code)}, which cannot be called"
    return code

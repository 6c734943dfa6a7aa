"""Params: constants with a type, and the values that replace them from outside.

Tested by: tests/language/test_check_params.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.attributes import resolve_type
from cep.language.checker.constants import Constant, NotConstantError, as_type, evaluate, from_host
from cep.language.checker.report import Reporter, did_you_mean, listed
from cep.language.checker.shapes import plain
from cep.language.rulebook import CheckedParam
from cep.language.typed import Const
from cep.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.language.checker.declarations import Declarations
    from cep.model.diagnostics import Source
    from cep.model.types import Type


def declare_params(
    declarations: Declarations, params: list[tuple[Source, ast.Param]], overrides: Mapping[str, object]
) -> None:
    """Enter the params with their values; a value in ``overrides`` stands for the one in the file."""
    for source, param in params:
        reporter = Reporter(declarations.report, source)
        name = param.name.text
        declarations.params[name] = None
        declared = resolve_type(declarations, reporter, param.type)
        if declared is None:
            continue
        if declared.kind in ("record", "list", "map"):
            reporter.not_yet(param.type.span, f"a param of type {declared}")
            continue
        if declared.optional:
            reporter.error(
                param.type.span,
                "wrong-type",
                "a param is never null",
                f"write {str(declared).removesuffix('?')}",
            )
            declared = declared.as_optional(False)
        declared = plain(declared)
        try:
            value = as_type(evaluate(param.value), declared)
        except NotConstantError as problem:
            reporter.error(problem.span or param.value.span, "param-value", f"{name}: {problem.message}", problem.hint)
            continue
        if name in overrides:
            value = _override(name, overrides[name], declared)
        declarations.params[name] = CheckedParam(name, declared, value)
    for name in overrides:
        if name not in declarations.params:
            hint = did_you_mean(name, declarations.params)
            known = f"params are {listed(sorted(declarations.params))}" if declarations.params else "there are none"
            raise UsageError(f"there is no param `{name}`: {hint or known}")


def _override(name: str, value: object, declared: Type) -> Const:
    if isinstance(value, Const) and value.type == declared:
        return value
    try:
        return as_type(_constant(value, declared), declared)
    except NotConstantError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        raise UsageError(f"param {name}: {problem.message}{hint}") from None


def _constant(value: object, declared: Type) -> Constant:
    if isinstance(value, ast.Expr):
        return evaluate(value)
    if isinstance(value, str):
        return _from_text(value, declared)
    return from_host(value)


def _from_text(text: str, declared: Type) -> Constant:
    """What a text from the command line means: an expression; for strings and times also just the text."""
    from cep.language.parser import parse_expression
    from cep.model.errors import RuleError

    parse: Callable[[str], ast.Expr] = parse_expression
    try:
        parsed = parse(text)
    except RuleError:
        if declared.kind in ("string", "time"):
            return Constant("string", text)
        raise NotConstantError(f"`{text}` is no {declared}") from None
    if declared.kind in ("string", "time") and not isinstance(parsed, ast.StringLiteral):
        return Constant("string", text)
    return evaluate(parsed)

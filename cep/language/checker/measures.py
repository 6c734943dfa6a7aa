"""Aggregates that need all values at once: ``percentile``, ``median``, ``stddev``, ``top``, ``count(distinct v.e)``.

They stand where all events of a match are there, in ``emit``; nulls are passed over. ``where`` inside an aggregate
counts the events for which it is true: the others are null to it.
Tested by: tests/language/test_check_measures.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.checker.operations import kind_text
from cep.language.checker.report import listed
from cep.language.typed import Apply, Const, Fold
from cep.model.types import BOOL, DURATION, FLOAT, INT, list_of

if TYPE_CHECKING:
    from cep.language.checker.calls import Calls
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Variable
    from cep.language.typed import Typed
    from cep.model.diagnostics import Span
    from cep.model.types import Type

Measure = Literal["percentile", "median", "stddev", "top"]

MEASURES: tuple[Measure, ...] = ("percentile", "median", "stddev", "top")
"""The aggregates that need all values at once."""

_SHAPES = {
    "percentile": "percentile(v.field, 0.95)",
    "median": "median(v.field)",
    "stddev": "stddev(v.field)",
    "top": "top(v.field, 3)",
}
_NUMBERS = ("int", "float", "decimal", "duration")
_ORDERED = ("int", "float", "decimal", "time", "duration")
_SINGLE = ("int", "float", "bool", "string", "decimal", "time", "duration")
_DIGITS = 6
_MOST = 10_000


def measure(calls: Calls, call: ast.Call, name: Measure) -> Typed | None:
    """The typed form of a call of one of `MEASURES`, wherever it may stand."""
    scope, reporter = calls.scope, calls.reporter
    if scope.windowed:
        return None  # the window has been refused, and its aggregates with it
    if scope.window is not None or scope.inside:
        from cep.language.checker.windows import window_aggregate

        return window_aggregate(calls, call)
    if scope.fold is not None:
        reporter.error(call.span, "nested-aggregate", f"`{name}` stands inside another aggregate")
        return None
    if scope.place == "row":
        reporter.not_yet(call.span, f"`{name}` over the events of a query, which needs a window (`over …`),")
        return None
    if not _is_in_emit(calls, call, f"`{name}`"):
        return None
    given = given_of(calls, call, name)
    found = None if given is None else _values(calls, call, name, given[0])
    if found is None or given is None:
        return None
    return measured(calls, name, found[0], found[1], given)


def given_of(calls: Calls, call: ast.Call, name: Measure) -> tuple[ast.Expr, tuple[int, ...]] | None:
    """What a measure is of, and the number beside it, if there is one."""
    reporter = calls.reporter
    values = [a.value for a in call.arguments if a.value is not None]
    if len(values) != len(call.arguments) or len(values) != (2 if name in ("percentile", "top") else 1):
        many = "a field and a number" if name in ("percentile", "top") else "one argument"
        reporter.error(call.span, "wrong-arguments", f"`{name}` takes {many}", f"write {_SHAPES[name]}")
        return None
    if any(a.distinct for a in call.arguments):
        reporter.not_yet(call.span, f"`distinct` inside `{name}(…)`")
        return None
    given: tuple[int, ...] | None = ()
    if len(values) == 2:
        given = _share(calls, values[1]) if name == "percentile" else _count(calls, values[1])
    return None if given is None else (values[0], given)


def measured(
    calls: Calls, name: Measure, variable: Variable, argument: Typed, given: tuple[ast.Expr, tuple[int, ...]]
) -> Typed | None:
    """The fold of a measure over values, if it is defined for their type."""
    kind = argument.type
    allowed = {"percentile": _ORDERED, "top": _SINGLE}.get(name, _NUMBERS)
    if kind.kind not in allowed:
        message = f"`{name}` is not defined for {kind_text(kind)}"
        calls.reporter.error(given[0].span, "wrong-type", message, f"it takes {listed(list(allowed), 'or')}")
        return None
    if name == "percentile":
        gives = kind.as_optional(variable.low == 0 or kind.optional)
    elif name == "top":
        gives = list_of(kind.as_optional(False))
    else:
        gives = (DURATION if kind.kind == "duration" else replace(FLOAT, infinite=kind.infinite)).as_optional()
    return Fold(name, variable.name, argument, False, gives, given[1])


def distinct_count(calls: Calls, call: ast.Call) -> Typed | None:
    """The typed form of ``count(distinct v.e)``."""
    argument = call.arguments[0].value
    if argument is None or not _is_in_emit(calls, call, "`count(distinct …)`"):
        return None
    found = _values(calls, call, "count", argument)
    if found is None:
        return None
    return counted_distinct(calls, found[0], found[1], argument.span)


def counted_distinct(calls: Calls, variable: Variable, value: Typed, span: Span) -> Typed | None:
    """The fold of ``count(distinct …)`` over values, if it is defined for their type."""
    if value.type.kind not in _SINGLE:
        message = f"`count(distinct …)` is not defined for {kind_text(value.type)}"
        calls.reporter.error(span, "wrong-type", message, f"it takes {listed(list(_SINGLE), 'or')}")
        return None
    return Fold("count_distinct", variable.name, value, False, INT)


def _is_in_emit(calls: Calls, call: ast.Call, what: str) -> bool:
    if calls.scope.place == "emit":
        return True
    hint = "let a rule before this one emit it, as a field of a derived event"
    calls.reporter.not_yet(call.span, f"{what} in a condition", hint)
    return False


def _values(calls: Calls, call: ast.Call, name: str, expr: ast.Expr) -> tuple[Variable, Typed] | None:
    """The alias and what is asked of each of its events."""
    variable = calls.variable_of(name, expr, call)
    if variable is None:
        return None
    if isinstance(expr, ast.Path) and expr.names == (variable.name,):
        hint = "name a step inside the group, and its field" if variable.is_group else f"write {name}(v.field)"
        message = f"`{name}` needs a field of `{variable.name}`"
        calls.reporter.error(expr.span, "event-as-value", message, hint)
        return None
    inner = calls.expressions.within(replace(calls.scope, current=variable.shape, fold=variable.name))
    found = inner.whole(expr)
    if found is None or variable.is_group:
        return None  # told by the argument
    return restricted(calls, call.arguments[0].where, variable, found, expr.span)


def restricted(
    calls: Calls, where: ast.Expr | None, variable: Variable, value: Typed | None, span: Span
) -> tuple[Variable, Typed] | None:
    """A value that is null but for the events of which ``where`` is true; the value None is the event itself."""
    if where is None:
        assert value is not None, "only a condition makes an event a value"
        return variable, value
    inner = calls.expressions.within(replace(calls.scope, current=variable.shape, fold=variable.name))
    return chosen(calls, inner, where, variable, value, span)


def chosen(
    calls: Calls, inner: Expressions, where: ast.Expr, variable: Variable, value: Typed | None, span: Span
) -> tuple[Variable, Typed] | None:
    """The same, where ``inner`` reads the condition."""
    condition = inner.condition(where)
    if condition is None:
        return None
    taken: Typed = Const(True, BOOL) if value is None else value
    kind: Type = taken.type.as_optional()
    if kind.kind in ("list", "record"):
        calls.reporter.not_yet(span, f"`where` over a {kind.kind}")
        return None
    return variable, Apply("select", (condition, taken, Const(None, kind)), kind)


def _share(calls: Calls, expr: ast.Expr) -> tuple[int, ...] | None:
    """A share from 0 to 1 as numerator and denominator."""
    text = str(expr.value) if isinstance(expr, ast.IntLiteral) else getattr(expr, "text", "")
    if isinstance(expr, ast.IntLiteral | ast.PointLiteral):
        whole, _, digits = text.partition(".")
        share, of = int(whole + digits), 10 ** len(digits)
        if len(digits) <= _DIGITS and 0 <= share <= of:
            return share, of
    message = f"`percentile` takes a number from 0 to 1, with at most {_DIGITS} digits, as written"
    calls.reporter.error(expr.span, "wrong-arguments", message, f"write {_SHAPES['percentile']}")
    return None


def _count(calls: Calls, expr: ast.Expr) -> tuple[int, ...] | None:
    if isinstance(expr, ast.IntLiteral) and 1 <= expr.value <= _MOST:
        return (expr.value,)
    message = f"`top` takes how many values are wanted, 1 to {_MOST}, as written"
    calls.reporter.error(expr.span, "wrong-arguments", message, f"write {_SHAPES['top']}")
    return None

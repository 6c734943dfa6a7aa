"""Approximate aggregates over a window, by name: ``approx_distinct(e)``, ``approx_percentile(e, 0.99)``.

Tested by: tests/language/test_check_windows.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language.checker.measures import given_of
from cep.language.checker.operations import kind_text
from cep.language.checker.report import listed
from cep.language.typed import WINDOW, Fold
from cep.model.types import FLOAT, INT

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.language import ast
    from cep.language.checker.calls import Calls
    from cep.language.typed import Typed

APPROXIMATE = ("approx_distinct", "approx_percentile")
_ALLOWED = {
    "approx_distinct": ("int", "float", "bool", "string", "decimal", "time", "duration"),
    "approx_percentile": ("int", "float", "decimal"),
}


def approximate(calls: Calls, call: ast.Call, value_of: Callable[[ast.Expr], Typed | None]) -> Typed | None:
    """The typed form of a call of one of `APPROXIMATE`; ``value_of`` reads what it asks of each event."""
    name, reporter = call.name.text, calls.reporter
    given: tuple[int, ...] = ()
    if name == "approx_percentile":
        found = given_of(calls, call, "percentile")
        if found is None:
            return None
        written, given = found
    else:
        first = call.arguments[0].value if len(call.arguments) == 1 else None
        if first is None or call.arguments[0].distinct:
            message = "`approx_distinct` takes one argument"
            reporter.error(call.span, "wrong-arguments", message, "write approx_distinct(field)")
            return None
        written = first
    value = value_of(written)
    if value is None:
        return None
    allowed = _ALLOWED[name]
    if value.type.kind not in allowed:
        message = f"`{name}` is not defined for {kind_text(value.type)}"
        reporter.error(written.span, "wrong-type", message, f"it takes {listed(list(allowed), 'or')}")
        return None
    if name == "approx_distinct":
        return Fold("approx_distinct", WINDOW, value, False, INT)
    return Fold("approx_percentile", WINDOW, value, False, FLOAT.as_optional(), given)

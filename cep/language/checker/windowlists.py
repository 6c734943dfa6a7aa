"""Aggregates over a window that tell of its events one by one, and how often they come: ``list``, ``rate`` and others.

A rate is a quotient of what is known already: how many events, by how long the window is.
Tested by: tests/language/test_check_windows.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.measures import chosen
from cep.language.checker.operations import kind_text, to_float
from cep.language.typed import WINDOW, Apply, Attr, Const, Fold, OfMatch
from cep.model.time import SECOND
from cep.model.types import DURATION, FLOAT, INT, STRING, TIME, list_of

if TYPE_CHECKING:
    from cep.language.checker.calls import Calls
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.scope import Variable
    from cep.language.typed import Typed

LISTED = ("ids", "list", "flatten", "events", "rate")
_SHAPES = {"ids": "ids()", "list": "list(field)", "flatten": "flatten(field)", "events": "events()"}


def window_list(calls: Calls, call: ast.Call, inner: Expressions, events: Variable) -> Typed | None:
    """The typed form of a call of one of `LISTED` over the events of a window."""
    name, reporter = call.name.text, calls.reporter
    if any(a.distinct for a in call.arguments):
        reporter.error(
            call.span, "wrong-arguments", f"`{name}` takes no `distinct`", "distinct(field) is a list of its own"
        )
        return None
    if name == "rate":
        return _rate(calls, call, inner, events)
    if any(a.where is not None for a in call.arguments):
        hint = "ask it of each event in the `where` of the rule, or let a rule before this one do so"
        reporter.not_yet(call.span, f"`where` inside `{name}(…)`", hint)
        return None
    bare = name in ("ids", "events")
    if len(call.arguments) != (0 if bare else 1):
        takes = "no argument" if bare else "one argument"
        hint = f"it is of all events of the window: write {_SHAPES[name]}" if bare else f"write {_SHAPES[name]}"
        reporter.error(call.span, "wrong-arguments", f"over a window `{name}` takes {takes}", hint)
        return None
    if name == "events":
        return Fold("events", WINDOW, None, False, list_of(STRING))
    if name == "ids":
        return _ids(calls, call, events)
    written = call.arguments[0].value
    assert written is not None, "there is no `where`"
    value = inner.whole(written)
    if value is None:
        return None
    kind = value.type
    if name == "flatten":
        if kind.kind == "list":
            return Fold("flatten", WINDOW, value, False, kind.as_optional(False))
        message = f"`flatten` joins lists; this is {kind_text(kind)}"
        reporter.error(call.span, "wrong-type", message, "write list(…), or distinct(…)")
        return None
    if kind.kind in ("record", "list", "map", "null"):
        hint = "write flatten(…) for the elements of all the lists" if kind.kind == "list" else "name a field of it"
        reporter.error(call.span, "wrong-type", f"`list` is not defined for {kind_text(kind)}", hint)
        return None
    return Fold("list", WINDOW, value, False, list_of(kind))


def _ids(calls: Calls, call: ast.Call, events: Variable) -> Typed | None:
    declared = events.shape.attributes.get("id")
    if declared is not None:
        return Fold("list", WINDOW, Attr(None, "id", declared), False, list_of(declared))
    if not events.shape.open and "id" not in events.shape.attributes:
        message = "`ids` lists the field `id`, which the events of the window have not"
        hint = "write list(field) for another field, or events() for which events they are"
        calls.reporter.error(call.span, "unknown-field", message, hint)
    return None


def _rate(calls: Calls, call: ast.Call, inner: Expressions, events: Variable) -> Typed | None:
    """How many events there are a second, or a duration that is given, from the beginning of the window to its end."""
    unit, where = SECOND, None
    wrong = len(call.arguments) > 1
    for argument in call.arguments:
        where = argument.where
        if isinstance(argument.value, ast.DurationLiteral) and argument.value.value > 0:
            unit = argument.value.value
        else:
            wrong = wrong or argument.value is not None
    if wrong:
        message = "`rate` takes a duration, as written, or nothing, which is a second"
        calls.reporter.error(call.span, "wrong-arguments", message, "write rate(1 min), or rate(1 min where ok)")
        return None
    counted: Typed = Fold("count", WINDOW, None, False, INT)
    if where is not None:
        found = chosen(calls, inner, where, events, None, call.span)
        if found is None:
            return None
        counted = Fold("count", WINDOW, found[1], False, INT)
    ends = (OfMatch("window_end", TIME), OfMatch("window_start", TIME))
    length = Apply("sub", ends, DURATION.as_optional())
    units = Apply("in_unit", (length, Const(unit, DURATION)), FLOAT.as_optional())
    return Apply("div", (to_float(counted), units), FLOAT.as_optional())

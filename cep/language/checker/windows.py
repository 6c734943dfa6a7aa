"""Windows: what follows ``over``, and the aggregates over the events of a window.

An aggregate names no alias: it is over all events of the window, each of which is the event at hand inside it. Outside
of one a bare field is that of the event that the window ends with, where each event has a window of its own; elsewhere
it would be any of them, and is a mistake.
Tested by: tests/language/test_check_windows.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.approximate import APPROXIMATE, approximate
from cep.language.checker.bounds import duration_text
from cep.language.checker.measures import MEASURES, chosen, counted_distinct, given_of, measured
from cep.language.checker.operations import path_text
from cep.language.checker.report import listed
from cep.language.checker.windowlists import LISTED, window_list
from cep.language.typed import WINDOW, CheckedWindow, Fold, OfMatch
from cep.model.types import INT, TIME, list_of
from cep.model.zones import is_zone

if TYPE_CHECKING:
    from cep.language.checker.calls import Calls
    from cep.language.checker.expressions import Expressions
    from cep.language.checker.report import Reporter
    from cep.language.checker.scope import Scope
    from cep.language.typed import Typed

_MOST_EVENTS = 10**9


def check_window(reporter: Reporter, window: ast.Window) -> CheckedWindow | None:
    """The checked window; None when it is wrong or does not run yet, which is reported."""
    if window.zone is not None and not is_zone(window.zone):
        message = f'"{window.zone}" is no time zone'
        reporter.error(window.span, "unknown-zone", message, 'write its name, e.g. "Europe/Paris"')
        return None
    for written in (window.duration, window.every):
        if written is not None and written.value <= 0:
            reporter.error(written.span, "bad-duration", "a window lasts some time", "write e.g. 10 min")
            return None
    if window.count is not None and not 1 <= window.count <= _MOST_EVENTS:
        message = f"a window holds at least one event, and at most {_MOST_EVENTS:,}"
        reporter.error(window.span, "impossible-count", message, "write e.g. last 100 events")
        return None
    length = None if window.duration is None else window.duration.value
    every = None if window.every is None else window.every.value
    match window.kind:
        case "sliding" if every is None:
            return CheckedWindow("sliding", length)
        case "sliding":
            return CheckedWindow("panes", length, every)
        case "tumbling" if window.zone is not None:
            return CheckedWindow("calendar", every, zone=window.zone)
        case "tumbling":
            return CheckedWindow("panes", every, every)
        case "sliding_count":
            return CheckedWindow("latest", length, count=window.count)
        case "tumbling_count":
            return CheckedWindow("batches", count=window.count)
        case "latest_per":
            return CheckedWindow("newest", count=window.count or 1)
        case "ranked":
            return CheckedWindow("best", count=window.count, ascending=window.order == "asc")
        case "span":
            return CheckedWindow("span")
        case "unbounded":
            return CheckedWindow("everything")
        case _:
            return CheckedWindow("session", length, every)


def window_bound(window: CheckedWindow) -> str:
    """What one key can hold, in a sentence."""
    length = "" if window.length is None else duration_text(window.length)
    every = "" if window.every is None else duration_text(window.every)
    match window.kind:
        case "sliding":
            return f"what aggregates read of the events of {length}"
        case "latest":
            within = f", and of {length}" if length else ", for ever"
            return f"what aggregates read of the last {window.count or 0:,} events{within}"
        case "batches":
            return f"what aggregates read of at most {window.count or 0:,} events, for ever"
        case "panes":
            return f"what aggregates read of the events of {length}, until their windows are decided"
        case "calendar":
            return f"what aggregates read of the events of {length} on the clocks of {window.zone}, until they are over"
        case "newest":
            count = "the last event" if window.count == 1 else f"the last {window.count or 0:,} events"
            return f"what aggregates read of {count} of each value of `per`, for ever"
        case "best":
            return f"what aggregates read of the {window.count or 0:,} best events, for ever"
        case "span":
            return "what aggregates read of the events of one span, however long it lasts"
        case "everything":
            return "what aggregates have come to, for ever; it does not grow"
        case _:
            most = f", which lasts {every} at most" if every else ", however long it lasts"
            return f"what aggregates read of the events of one session{most}; it ends {length} after its last event"


def window_call(calls: Calls, call: ast.Call) -> Typed | None:
    """``window_start()``, ``window_end()``."""
    name, scope = call.name.text, calls.scope
    if scope.windowed:
        return None  # the window has been refused, and what is said of it
    if call.arguments:
        calls.reporter.error(call.span, "wrong-arguments", f"`{name}` takes no argument", f"write {name}()")
    elif scope.window is None:
        message = f"`{name}()` is of a window: it stands in `having` and `emit` of a rule with `over`"
        calls.reporter.error(call.span, "needs-alias", message, "write a field of the event")
    else:
        return OfMatch("window_start" if name == "window_start" else "window_end", TIME)
    return None


def window_aggregate(calls: Calls, call: ast.Call) -> Typed | None:
    """The typed form of an aggregate over the events of a window."""
    scope, reporter, name = calls.scope, calls.reporter, call.name.text
    variable = scope.window
    if variable is None:
        reporter.error(call.span, "nested-aggregate", f"`{name}` stands inside another aggregate")
        return None
    inner = calls.expressions.within(_inside(scope))
    events = replace(variable, name=WINDOW)
    if name in LISTED:
        return window_list(calls, call, inner, events)
    if name in APPROXIMATE:
        return approximate(calls, call, lambda written: _value(calls, call, inner, written))
    distinct = [a for a in call.arguments if a.distinct]
    if distinct and name != "count":
        return _of_each_once(calls, call)
    measure = next((m for m in MEASURES if m == name), None)
    if measure is not None:
        given = given_of(calls, call, measure)
        value = None if given is None else _value(calls, call, inner, given[0])
        return None if value is None or given is None else measured(calls, measure, events, value, given)
    if name == "count" and not call.arguments:
        return Fold("count", WINDOW, None, False, INT)
    if len(call.arguments) != 1 or (call.arguments[0].value is None and name != "count"):
        hint = "write count(), or count(where …)" if name == "count" else f"write {name}(field)"
        reporter.error(call.span, "wrong-arguments", f"`{name}` takes one argument", hint)
        return None
    written = call.arguments[0].value
    if written is None:
        where = call.arguments[0].where
        assert where is not None, "the grammar has no empty argument"
        counted = chosen(calls, inner, where, events, None, call.span)
        return None if counted is None else Fold("count", WINDOW, counted[1], False, INT)
    value = _value(calls, call, inner, written)
    if value is None:
        return None
    if value.type.kind == "list":
        hint = "aggregate its length, or let a rule before this one emit an event for each element"
        reporter.not_yet(written.span, f"`{name}` of lists over a window", hint)
        return None
    if distinct:
        return counted_distinct(calls, events, value, written.span)
    if name == "distinct":
        if value.type.kind == "record":
            reporter.error(written.span, "wrong-type", "`distinct` is not defined for a record", "name a field of it")
            return None
        return Fold("distinct", WINDOW, value, False, list_of(value.type.as_optional(False)))
    return calls.folded(name, events, value, False, written.span)


def _of_each_once(calls: Calls, call: ast.Call) -> Typed | None:
    """An aggregate of each value once: what is least, greatest, first or last is so with and without."""
    plain = tuple(replace(a, distinct=False) for a in call.arguments)
    found = window_aggregate(calls, replace(call, arguments=plain))
    if not isinstance(found, Fold) or found.function in ("min", "max", "first", "last", "distinct"):
        return found
    assert found.argument is not None, "`distinct` is of a value"
    if found.argument.type.kind == "list":
        calls.reporter.error(call.span, "wrong-type", f"`{call.name.text}(distinct …)` is not defined for lists")
        return None
    return replace(found, distinct=True)


def _value(calls: Calls, call: ast.Call, inner: Expressions, written: ast.Expr) -> Typed | None:
    """What an aggregate asks of each event, null where its ``where`` is not true."""
    value = inner.whole(written)
    where = call.arguments[0].where
    if value is None or where is None:
        return value
    assert calls.scope.window is not None
    found = chosen(calls, inner, where, calls.scope.window, value, written.span)
    return None if found is None else found[1]


def _inside(scope: Scope) -> Scope:
    """Inside an aggregate: each event of the window is the event at hand."""
    window = scope.window
    assert window is not None
    own = None if window.name == WINDOW else window
    return replace(scope, current=window.shape, own=own, window=None, inside=True)


def refuse_bare(reporter: Reporter, scope: Scope, path: ast.Path) -> bool:
    """Whether a path is a field of a window's events outside an aggregate, where it is no one value; it is reported."""
    window, names = scope.window, path.names
    if window is None or scope.current is not None or names is None:
        return False
    is_alias = names[0] == window.name and names[0] not in window.shape.heads
    if names[0] in scope.keys or not (is_alias or names[0] in window.shape.heads):
        return False
    flat = ".".join(names[1:] if is_alias else names)
    example = flat if flat in window.shape.attributes else next(iter(window.shape.attributes), "field")
    said = [f"{each}({example})" for each in ("first", "last", "max")]
    message = f"`{path_text(path)}` differs among the events of the window, so it is no one value"
    reporter.error(path.span, "loop-alias", message, f"write an aggregate, e.g. {listed(said, 'or')}")
    return True

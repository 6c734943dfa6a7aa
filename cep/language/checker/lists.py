"""Aggregates that give lists: ``ids``, ``list``, ``distinct``, ``flatten``, ``events``, over the events of one alias.

They are never null: of no event they are the empty list. ``list`` keeps nulls, so that lists of one alias stand side by
side; ``distinct`` passes them over, and ``flatten`` passes over lists that are null (not elements).
Tested by: tests/language/test_check_lists.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.checker.measures import restricted
from cep.language.checker.operations import kind_text, to_float
from cep.language.checker.report import listed
from cep.language.typed import Attr, Fold
from cep.model.types import FLOAT, STRING, list_of

if TYPE_CHECKING:
    from cep.language.checker.calls import Calls
    from cep.language.checker.report import Reporter
    from cep.language.checker.scope import Scope, Variable
    from cep.language.typed import Typed
    from cep.model.diagnostics import Span

Listing = Literal["list", "distinct", "flatten", "events"]

LISTS = ("ids", "list", "distinct", "flatten", "events")
"""The aggregates that give lists."""


def list_aggregate(calls: Calls, call: ast.Call) -> Typed | None:
    """The typed form of a call of one of `LISTS`, wherever it may stand."""
    name, scope, reporter = call.name.text, calls.scope, calls.reporter
    if scope.windowed:
        return None  # the window has been refused, and its aggregates with it
    if scope.window is not None or scope.inside:
        from cep.language.checker.windows import window_aggregate

        return window_aggregate(calls, call)
    if scope.fold is not None:
        reporter.error(call.span, "nested-aggregate", f"`{name}` stands inside another aggregate")
        return None
    if any(a.distinct for a in call.arguments):
        hint = "distinct(v.field) is a list of its own" if name != "distinct" else "leave it out"
        reporter.not_yet(call.span, f"`distinct` inside `{name}(…)`", hint)
        return None
    if any(a.where is not None for a in call.arguments) and name != "distinct":
        reporter.not_yet(call.span, f"`where` inside `{name}(…)`")
        return None
    if scope.place == "row":
        reporter.not_yet(call.span, f"`{name}` over the events of a query, which needs a window (`over …`),")
        return None
    bare = name in ("ids", "events")
    shape = "v" if bare else "v.field"
    if len(call.arguments) != 1 or call.arguments[0].value is None:
        reporter.error(call.span, "wrong-arguments", f"`{name}` takes one argument", f"write {name}({shape})")
        return None
    argument = call.arguments[0].value
    variable = calls.variable_of(name, argument, call)
    if variable is None:
        return None
    if variable.is_group:
        hint = "name a step inside the group: its alias stands for the events of all iterations"
        reporter.not_yet(call.span, f"`{name}` of a group", hint)
        return None
    running = scope.own is not None and variable.name == scope.own.name
    if running and scope.place == "absence":
        reporter.error(call.span, "absent-alias", f"`{variable.name}` binds no event to aggregate")
        return None
    is_alias = isinstance(argument, ast.Path) and argument.names == (variable.name,)
    if bare != is_alias:
        what = "the alias of events" if bare else f"a field of `{variable.name}`"
        hint = f"write {name}({variable.name})" if bare else f"write {name}({variable.name}.{_example(variable)})"
        reporter.error(argument.span, "wrong-arguments", f"`{name}` takes {what}", hint)
        return None
    if name == "events":
        return Fold("events", variable.name, None, running, list_of(STRING))
    if name == "ids":
        return _ids(calls, call, variable, running)
    found = calls.expressions.within(replace(scope, current=variable.shape, fold=variable.name)).whole(argument)
    if found is None:
        return None
    chosen = restricted(calls, call.arguments[0].where, variable, found, argument.span)
    return None if chosen is None else _of_values(calls, call, variable, chosen[1], running)


def _example(variable: Variable) -> str:
    known = [(a, t) for a, t in variable.shape.attributes.items() if t is not None and t.kind != "record"]
    names = [*(a for a, t in known if t.kind != "time"), *(a for a, _ in known)]  # the time is seldom meant
    return names[0] if names else "field"


def _ids(calls: Calls, call: ast.Call, variable: Variable, running: bool) -> Typed | None:
    declared = variable.shape.attributes.get("id")
    if "id" not in variable.shape.attributes and not variable.shape.open:
        message = f"`ids` lists the field `id`, which the events of `{variable.name}` have not"
        alias = variable.name
        hint = f"write list({alias}.{_example(variable)}) for a field, or events({alias}) for which they are"
        calls.reporter.error(call.span, "unknown-field", message, hint)
        return None
    if declared is None:
        return None
    return _of_values(calls, call, variable, Attr(None, "id", declared), running)


def _of_values(calls: Calls, call: ast.Call, variable: Variable, argument: Typed, running: bool) -> Typed | None:
    name, kind = call.name.text, argument.type
    allowed = ["int", "float", "bool", "string", "time", "duration", "decimal"]
    if name == "flatten" and kind.kind != "list":
        message = f"`flatten` joins lists; this is {kind_text(kind)}"
        calls.reporter.error(call.span, "wrong-type", message, "write list(…), or distinct(…)")
        return None
    if name != "flatten" and kind.kind not in (allowed if name == "distinct" else [*allowed, "list"]):
        of_lists = "write flatten(…) for the elements of all the lists"
        hint = of_lists if kind.kind == "list" else f"it takes {listed(allowed, 'or')}"
        calls.reporter.error(call.span, "wrong-type", f"`{name}` is not defined for {kind_text(kind)}", hint)
        return None
    if name == "flatten":
        return Fold("flatten", variable.name, argument, running, kind.as_optional(False))
    if name == "distinct":
        return Fold("distinct", variable.name, argument, running, list_of(kind.as_optional(False)))
    return Fold("list", variable.name, argument, running, list_of(kind))


# ------------------------------------------------------------------------------------------------------- membership


def with_floats(item: Typed) -> Typed:
    """A list whose elements are compared with a float, as floats where they are made from events."""
    if not isinstance(item, Fold) or item.argument is None or item.function not in ("list", "distinct"):
        return item
    element = item.type.items[0]
    return replace(item, argument=to_float(item.argument), type=list_of(FLOAT.as_optional(element.optional)))


def may_look(reporter: Reporter, scope: Scope, item: Typed, span: Span) -> bool:
    """Whether a list may be gone through here; what does not run yet is reported."""
    if not isinstance(item, Fold) or item.type.kind != "list" or scope.place in ("emit", "row"):
        return True
    if item.function in ("list", "distinct"):
        return True
    hint = "let a rule before this one emit it, as a field of a derived event"
    reporter.not_yet(span, f"`{item.function}` in a condition", hint)
    return False

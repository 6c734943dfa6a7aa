"""What is computed beforehand: operations that exist a column at a time only, inside conditions that compare events.

A generated condition sees strings as codes of the operator's store, and knows no time zones. So an operation on one
event's values is computed with that event's own columns and kept in a slot of its row (`cep.compiler.reading`). One
that is asked of a value chosen among several events is asked of each of them first, and then the answer is chosen:
``f(coalesce(x, y))`` is ``case when x is not null then f(x) else f(y) end``. An operation on values of two events, such
as ``a.s || b.s``, has no such form. ``any`` over a list of one event that asks about this event alone is decided
beforehand too; else the condition walks through the list, and an element is asked nothing that columns alone compute.
Cost: O(size of the expression).
Tested by: tests/language/test_beforehand.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cep.language.typed import Apply, Attr, Call, Const, Element, Fold, Present, Prev, Typed
from cep.model.strings import FUNCTIONS as OF_STRINGS
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TEXT = OF_STRINGS | {"like", "matches"}
_PLAIN = {"hour_of": 1, "day_of": 1, "weekday_of": 1, "truncate": 2}
_NOT_OF_NULL_ALONE = frozenset({"concat", "truncate"})  # not null exactly where an argument is
_NOT_NULL_WITH = frozenset(
    {"concat", "coalesce", "least", "greatest", "select", "and", "or", "is_null", "is_not_null", "any"}
)


_OF_WORDS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "is_null", "is_not_null", "any"})


def is_beforehand(node: Typed) -> bool:
    """Whether a condition on several events leaves this operation to the columns of one event."""
    if not isinstance(node, Apply):
        return False
    if isinstance(node, Call):
        return True
    if node.op == "any":
        return not reads_run(node) and len(events_of(node)) <= 1 and not elements_of(node)
    return node.op in _TEXT or len(node.args) > _PLAIN.get(node.op, len(node.args))


def elements_of(node: Typed) -> set[str]:
    """The elements that are read, of lists that an ``any`` around the expression goes through."""
    read: set[str] = set()
    bound: set[str] = set()
    for part in _outside_folds(node):
        if isinstance(part, Element):
            read.add(part.name)
        elif isinstance(part, Apply) and part.op == "any" and isinstance(part.args[1], Element):
            bound.add(part.args[1].name)
    return read - bound


def beyond_walks(condition: Typed) -> Iterator[Apply]:
    """What a walk through a list in a condition on several events cannot ask of an element."""
    for node in _outside_folds(condition, is_beforehand):
        if not isinstance(node, Apply):
            continue
        if is_beforehand(node):
            if node.op != "any" and elements_of(node):
                yield node
        elif node.op == "any":
            if node.args[1].type.kind == "list":
                yield node
        elif node.op not in _OF_WORDS and any(isinstance(a, Element) and a.type.kind == "string" for a in node.args):
            yield node


def events_of(node: Typed) -> set[str | None]:
    """The variables whose attributes are read; None is the event at hand. Those of aggregates do not count."""
    return {n.variable for n in _outside_folds(node) if isinstance(n, Attr)}


def of_several_events(condition: Typed) -> Iterator[Apply]:
    """The operations in a condition that would have to be computed from values of several events."""
    waiting = [condition]
    while waiting:
        for node in _outside_folds(waiting.pop(), is_beforehand):
            if isinstance(node, Apply) and is_beforehand(node) and (reads_run(node) or len(events_of(node)) > 1):
                moved = distributed(node)
                if moved is None:
                    yield node
                else:
                    waiting.append(moved)


def reads_run(node: Typed) -> bool:
    """Whether an aggregate, a neighbour, or whether a step is bound is read."""
    return any(isinstance(n, Fold | Prev | Present) for n in _outside_folds(node))


def is_null_with(node: Typed) -> bool:
    """Whether an expression over one event is null where all attributes are."""
    applied = (n for n in _outside_folds(node) if isinstance(n, Apply))
    return all(n.op not in _NOT_NULL_WITH and not isinstance(n, Call) for n in applied)


def of_event_at_hand(node: Typed) -> Typed:
    """The same of the event at hand, for an expression over one event."""
    return _replaced(node, lambda attribute: replace(attribute, variable=None))


def of_nothing(node: Typed) -> Typed:
    """The same with nulls for all attributes."""
    return _replaced(node, lambda attribute: Const(None, attribute.type.as_optional()))


def distributed(node: Apply) -> Typed | None:
    """The same value, with the operation moved to each event that it may be asked of; None: there is no such form."""
    places = [i for i, a in enumerate(node.args) if events_of(a) or reads_run(a)]
    if len(places) != 1 or isinstance(node, Call):
        return None
    place = places[0]

    def of(value: Typed) -> Apply:
        args = (*node.args[:place], value, *node.args[place + 1 :])
        optional = node.op != "concat" and (node.op == "truncate" or any(a.type.optional for a in args))
        return Apply(node.op, args, node.type.as_optional(optional))

    match node.args[place]:
        case Fold(function="first" | "last", argument=argument) as fold if argument is not None:
            if node.op in _NOT_OF_NULL_ALONE:
                return None
            return replace(fold, argument=of(argument), type=node.type.as_optional(fold.type.optional))
        case Prev(default=default) as prev:
            if default is None and node.op == "concat":
                default = Const(None, prev.type.as_optional())
            otherwise = None if default is None else of(default)
            return replace(prev, argument=of(prev.argument), default=otherwise, type=node.type)
        case Apply(op="select") as choice:
            *branches, last = choice.args
            parts = [p if i % 2 == 0 else of(p) for i, p in enumerate(branches)]
            return Apply("select", (*parts, of(last)), node.type)
        case Apply(op="coalesce") as choice:
            parts = [p for a in choice.args[:-1] for p in (Apply("is_not_null", (a,), BOOL), of(a))]
            return Apply("select", (*parts, of(choice.args[-1])), node.type)
        case Apply(op="least" | "greatest") as choice:
            found: Typed = of(choice.args[0])
            for n in range(1, len(choice.args)):
                better = _comes_before(choice, n)
                found = Apply("select", (better, of(choice.args[n]), found), node.type)
            return found
        case Apply() as inner if is_beforehand(inner):
            moved = distributed(inner)
            return None if moved is None else distributed(of(moved))
        case _:
            return None


def _comes_before(choice: Apply, n: int) -> Typed:
    """Whether argument ``n`` is taken before all that stand left of it."""
    value = choice.args[n]
    left = choice.args[0]
    if n > 1:
        known = choice.args[:n]
        left = Apply(choice.op, known, choice.type.as_optional(all(a.type.optional for a in known)))
    optional = BOOL.as_optional(value.type.optional or left.type.optional)
    better = Apply("lt" if choice.op == "least" else "gt", (value, left), optional)
    present = Apply("and", (Apply("is_not_null", (value,), BOOL), better), optional)
    return Apply("or", (Apply("is_null", (left,), BOOL), present), optional)


def _replaced(node: Typed, change: Callable[[Attr], Typed]) -> Typed:
    if isinstance(node, Attr):
        return change(node)
    if not isinstance(node, Apply):
        return node
    return replace(node, args=tuple(_replaced(a, change) for a in node.args))


def _outside_folds(node: Typed, leaf: Callable[[Typed], bool] | None = None) -> Iterator[Typed]:
    """Every part, but for what stands in aggregates, and in parts that are a ``leaf``."""
    waiting: list[Typed] = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if isinstance(current, Apply) and (leaf is None or not leaf(current)):
            waiting.extend(current.args)

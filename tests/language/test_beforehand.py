"""What columns alone compute: asked of each event before one is chosen, and told when there is no such form."""

from __future__ import annotations

import pytest

from cep.language.beforehand import distributed, events_of, is_beforehand, is_null_with, of_several_events
from cep.language.typed import Apply, Attr, Const, Fold, Prev, Typed
from cep.model.types import BOOL, DURATION, INT, STRING, TIME

MAYBE = STRING.as_optional()
HERE, THERE = Attr(None, "s", MAYBE), Attr("a", "s", MAYBE)
FLAG = Attr("a", "ok", BOOL)


def lower(value: Typed) -> Apply:
    return Apply("lower", (value,), MAYBE)


def shown(node: Typed) -> str:
    """An expression as short text."""
    match node:
        case Apply(op, args):
            return f"{op}({', '.join(map(shown, args))})"
        case Attr(variable, name):
            return f"{variable}.{name}" if variable else name
        case Const(value):
            return repr(value)
        case Fold(function, variable, argument):
            return f"{function}({variable}: {shown(argument) if argument else ''})"
        case Prev(variable, argument, default):
            return f"prev({variable}: {shown(argument)}, {shown(default) if default else ''})"
    raise AssertionError(node)


MOVED = [
    (lower(Apply("coalesce", (THERE, HERE), MAYBE)), "select(is_not_null(a.s), lower(a.s), lower(s))"),
    (lower(Apply("select", (FLAG, HERE, THERE), MAYBE)), "select(a.ok, lower(s), lower(a.s))"),
    (
        lower(Apply("least", (THERE, HERE), MAYBE)),
        "select(or(is_null(a.s), and(is_not_null(s), lt(s, a.s))), lower(s), lower(a.s))",
    ),
    (lower(Fold("last", "v", HERE, False, MAYBE)), "last(v: lower(s))"),
    (lower(Prev("v", HERE, THERE, MAYBE)), "prev(v: lower(s), lower(a.s))"),
    (lower(Prev("v", HERE, None, MAYBE)), "prev(v: lower(s), )"),
    (
        Apply("concat", (Prev("v", HERE, None, MAYBE), Const("x", STRING)), STRING),
        "prev(v: concat(s, 'x'), concat(None, 'x'))",
    ),
    (
        Apply("length", (lower(Apply("coalesce", (THERE, HERE), MAYBE)),), INT),
        "select(is_not_null(a.s), length(lower(a.s)), length(lower(s)))",
    ),
]


@pytest.mark.parametrize(("node", "want"), MOVED, ids=[shown(n) for n, _ in MOVED])
def test_an_operation_is_asked_of_each_that_may_be_chosen(node, want):
    moved = distributed(node)
    assert moved is not None
    assert shown(moved) == want
    assert not list(of_several_events(node))


NONE = [
    Apply("join", (THERE, HERE), MAYBE),
    Apply("substr", (HERE, Attr("a", "n", INT)), MAYBE),
    Apply("concat", (Fold("last", "v", HERE, False, MAYBE), Const("x", STRING)), STRING),
    lower(Apply("join", (THERE, HERE), MAYBE)),
]


@pytest.mark.parametrize("node", NONE, ids=shown)
def test_values_of_two_events_and_what_is_there_for_null_are_not(node):
    assert distributed(node) is None
    condition = Apply("eq", (node, HERE), BOOL.as_optional())
    found = list(of_several_events(condition))
    assert [n.op for n in found] == [node.op if node.op != "lower" else "lower"]


def test_what_is_of_one_event_is_left_alone():
    node = Apply("join", (lower(THERE), Attr("a", "t", MAYBE)), MAYBE)
    assert events_of(node) == {"a"}
    assert not list(of_several_events(Apply("eq", (node, lower(HERE)), BOOL)))


def test_which_operations_these_are():
    time, zone = Attr(None, "at", TIME), Const("Europe/Paris", STRING)
    day = Const(86_400 * 10**9, DURATION)
    assert is_beforehand(lower(HERE))
    assert is_beforehand(Apply("hour_of", (time, zone), INT))
    assert is_beforehand(Apply("truncate", (time, day, zone), TIME))
    assert not is_beforehand(Apply("hour_of", (time,), INT))
    assert not is_beforehand(Apply("truncate", (time, day), TIME))
    assert not is_beforehand(Apply("coalesce", (HERE, THERE), MAYBE))


def test_what_is_null_with_its_attributes():
    assert is_null_with(lower(HERE))
    assert not is_null_with(Apply("join", (Apply("concat", (HERE, HERE), STRING), HERE), MAYBE))

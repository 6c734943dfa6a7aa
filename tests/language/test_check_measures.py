"""Aggregates that need all values at once, and `where` and `distinct` inside aggregates."""

from __future__ import annotations

import pytest

from cep.language.typed import Apply, Fold
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, decimal, list_of
from tests.language.checking import assert_mistakes, rulebook

LOOP = "rule R when 2 or more Pay as a where ok then optional Temp as t within 1 h "


def emitted(expression):
    return rulebook(f"{LOOP}emit X {{ x = {expression} }}").rules[0].emits[0].fields[0][1]


@pytest.mark.parametrize(
    ("expression", "function", "kind", "given"),
    [
        ("percentile(a.seq, 0.95)", "percentile", INT, (95, 100)),
        ("percentile(a.at, 1)", "percentile", TIME, (1, 1)),
        ("percentile(t.celsius, 0)", "percentile", FLOAT.as_optional(), (0, 1)),
        ("median(a.amount)", "median", FLOAT.as_optional(), ()),
        ("median(a.at - a.at)", "median", DURATION.as_optional(), ()),
        ("stddev(a.tries)", "stddev", FLOAT.as_optional(), ()),
        ("top(a.note, 3)", "top", list_of(STRING), (3,)),
        ("count(distinct a.card)", "count_distinct", INT, ()),
        ("max(a.amount where a.seq > 1)", "max", decimal().as_optional(), ()),
    ],
)
def test_types(expression, function, kind, given):
    found = emitted(expression)
    assert isinstance(found, Fold)
    assert (found.function, found.type, found.given) == (function, kind, given)


def test_where_makes_the_other_events_null():
    found = emitted("count(a where not a.ok)")
    assert isinstance(found.argument, Apply)
    assert (found.argument.op, found.argument.type) == ("select", BOOL.as_optional())
    assert emitted("count(distinct a.card where a.seq > 1)").argument.op == "select"


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("«percentile(a.seq)", "wrong-arguments", "a field and a number"),
        ("percentile(a.seq, «95)", "wrong-arguments", "from 0 to 1"),
        ("percentile(a.seq, «0.1234567)", "wrong-arguments", "at most 6 digits"),
        ("top(a.seq, «0)", "wrong-arguments", "how many"),
        ("top(a.seq, «a.seq)", "wrong-arguments", "how many"),
        ("median(«a.card)", "wrong-type", "not defined for a string"),
        ("stddev(«a.at)", "wrong-type", "not defined for a time"),
        ("median(«a)", "event-as-value", "a field of `a`"),
        ("«sum(distinct a.seq)", "not-yet", "`distinct` inside `sum(…)`"),
        ("«ids(a where a.seq > 1)", "not-yet", "`where` inside `ids(…)`"),
        ("max(a.seq + «median(a.seq))", "nested-aggregate", "inside another"),
        ("«rate(a)", "not-yet", "`rate`"),
    ],
)
def test_mistakes(expression, code, message):
    assert_mistakes(f"{LOOP}emit X {{ x = {expression} }}", code, message)


def test_a_condition_may_not_ask_them_yet():
    text = "rule R when 2 Pay as a then Pay as b where {} > 1 within 1 h emit X {{ }}"
    assert_mistakes(text.format("«median(a.seq)"), "not-yet", "`median` in a condition")
    assert_mistakes(text.format("«count(distinct a.card)"), "not-yet", "`count(distinct …)` in a condition")

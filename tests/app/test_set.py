"""`Engine.set`: a param has another value for the events that arrive afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

import cep

RULES = """\
param n: int = 1
param f: float = 1.0
param d: decimal = 1.00
param s: string = "a"
param ok: bool = true
param wait: duration = 1 min
param since: time = "2000-01-01"
param deadline: duration = 5 min
param silence: duration = 5 min
param sought: string = "z%"
param more: int = 7
param inner: duration = 1 min
stream Pay ordered by at late 10 s { at: time(s), card: string, amount: int }
rule Big from Pay where amount > n and (f > 0.5 or d > 0) and ok and card = s and at > since
emit Alert { card, amount, n, wait }
rule Twice keyed by card
when Pay as one where amount > n then Pay as two where amount > n + one.amount and two.at - one.at < wait
within deadline
emit Again { first = one.amount, second = two.amount, n, total = one.amount + n }
rule Quiet keyed by card when Pay as one where amount > 900 then no Pay for silence emit Silent { card }
rule Text keyed by card when Pay as one where card like sought next Pay as two where one.card like sought
within 1 min emit Texts { card }
rule Fresh keyed by card when no Pay where amount > new.amount + more for 10 s then Pay as new where amount > 90000
emit Fresh { card }
rule Pair keyed by card when (Pay where amount > 90000 then Pay within inner) within 1 h emit Pair { card }
"""
FREE = RULES.replace("late 10 s ", "")


def pay(at, amount=10, card="a"):
    return {"at": at, "card": card, "amount": amount}


@pytest.mark.parametrize(
    ("param", "value", "alerts"),
    [
        ("n", 10, 0),
        ("n", "10 + 5", 0),
        ("n", 9, 1),
        ("f", 0, 1),
        ("f", Decimal("0.25"), 1),
        ("s", "b", 0),
        ("ok", False, 0),
        ("ok", "false", 0),
        ("wait", timedelta(seconds=3), 1),
        ("wait", "3 s", 1),
        ("since", datetime(2020, 1, 1, tzinfo=UTC), 0),
        ("since", "1970-01-01", 1),
        ("d", 7, 1),
    ],
)
def test_a_value_is_of_the_declared_type_or_a_text_that_says_it(param, value, alerts):
    engine = cep.Engine(cep.loads(FREE, params={"since": "1970-01-01"}))
    engine.set(param, value)
    assert sum(len(b) for b in engine.send("Pay", pay(1)) if b.schema.name == "Alert") == alerts


@pytest.mark.parametrize(
    ("param", "value", "message"),
    [
        (1, 1, "a param is told by its name, not by an int"),
        ("m", 1, "there is no param `m`: "),
        ("sice", 1, "did you mean `since`"),
        ("n", 1.5, "param n: this is a number with a point, not an int"),
        ("n", "often", "param n: "),
        ("n", 2**70, "beyond 64 bits"),
        ("ok", 1, "param ok: this is an int, not a bool"),
        ("wait", 5, "write a unit"),
        ("wait", None, "a NoneType is no value"),
        ("deadline", "1 h", "param deadline cannot change while rules run: it is the `within` of Twice"),
        ("silence", "1 h", "it is how long an absence of Quiet lasts"),
        ("more", 8, "it is what an absence at the start of Fresh asks of events that came before"),
        ("inner", "2 min", "it is the `within` of Pair"),
        ("sought", "b%", "it is what Text looks for in an event when it comes"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(param, value, message):
    engine = cep.Engine(cep.loads(FREE, params={"since": "1970-01-01"}))
    with pytest.raises(cep.UsageError, match=message):
        engine.set(param, value)
    assert [b.schema.name for b in engine.send("Pay", pay(1))] == ["Alert"]


def test_a_closed_engine_takes_no_value():
    engine = cep.Engine(cep.loads(FREE))
    engine.close()
    with pytest.raises(cep.UsageError, match="closed"):
        engine.set("n", 2)


def test_runs_go_on_and_each_event_meets_the_value_of_its_arrival():
    engine = cep.Engine(cep.loads(FREE))
    engine.send("Pay", pay(1, 10))
    engine.set("n", 5)
    assert engine.send("Pay", pay(2, 15)) == []  # not more than 10 + 5
    [found] = [b for b in engine.send("Pay", pay(3, 16)) if b.schema.name == "Again"]
    assert found.to_dicts() == [{"first": 10, "second": 16, "n": 5, "total": 15}]


def test_an_event_that_waits_for_the_watermark_keeps_the_values_of_its_arrival():
    engine = cep.Engine(cep.loads(RULES, params={"since": "1970-01-01"}))
    assert engine.send("Pay", pay(10, 10)) == []
    engine.set("n", 100)
    assert engine.send("Pay", pay(5, 99)) == []  # stands first in the order, and meets 100
    [alert] = engine.close()
    assert alert.to_dicts() == [{"card": "a", "amount": 10, "n": 1, "wait": "1 min"}]


def test_old_values_are_forgotten_when_no_event_met_them():
    engine = cep.Engine(cep.loads(FREE))
    for n in range(50):
        engine.set("n", n)
        engine.send("Pay", pay(200 * n, 10))  # what was begun before is over
        engine.advance((200 * n + 199) * 10**9)
    [twice] = [o for e in engine._executors for o in e.operators if o.operator.rule.name == "Twice"]
    assert len(twice._shards[0]._versions) <= 4


def test_strings_of_new_values_are_kept_with_the_state():
    rules = cep.loads(
        'param word: string = "x"\nstream S ordered by at { at: time(s), k: int, v: string }\n'
        "rule R keyed by k when S as a then S as b where b.v = word and a.v != word within 1 h emit Out { k, v = b.v }"
    )
    engine = cep.Engine(rules)
    for n in range(6000):  # enough strings to make the store collect dead ones
        if n % 1000 == 0:
            engine.set("word", f"w{n}")
        if n % 1000 == 999:
            found = engine.send("S", {"at": n, "k": 1, "v": f"w{n - 999}"})
            assert [b.to_dicts() for b in found] == [[{"k": 1, "v": f"w{n - 999}"}]]
        else:
            assert engine.send("S", {"at": n, "k": 1, "v": f"v{n}"}) == []

"""Timeouts in a running engine: counts, params that change, snapshots, and rules that read them."""

from __future__ import annotations

import cep
from cep.app.explain import explain, rule_text

RULES = """
param least: int = 5
stream S ordered by at { at: time(s), k: string, n: int }
rule R keyed by k when S as a where n > 0 then S as b where n > a.n within 10 s
emit X { k, n = b.n }
on timeout where a.n >= least emit T { k, n = a.n, least = least } emit U { s = stage() }
"""
SECOND = 10**9


def row(at, k, n):
    return {"at": at, "k": k, "n": n}


def told(batches):
    return [(b.schema.name, *event.values()) for b in batches for event in b.to_dicts()]


def test_matches_and_timeouts_are_counted_apart():
    engine = cep.Engine(cep.loads(RULES))
    engine.send_batch("S", [row(0, "a", 7), row(1, "b", 1), row(2, "b", 9), row(3, "c", 2)])
    engine.advance(30 * SECOND)
    stats = engine.stats().rules["R"]
    assert (stats.matches, stats.timeouts, stats.derived, stats.open_runs) == (1, 1, 3, 0)


def test_the_condition_has_the_values_that_the_last_bound_event_met():
    engine = cep.Engine(cep.loads(RULES))
    engine.send("S", row(0, "a", 7))
    engine.set("least", 9)
    engine.send("S", row(1, "b", 7))
    engine.send("S", row(2, "c", 9))
    found = told(engine.advance(30 * SECOND))
    assert [f for f in found if f[0] == "T"] == [("T", "a", 7, 5), ("T", "c", 9, 9)]


def test_a_restored_engine_keeps_who_may_have_no_timeout_any_more():
    text = RULES.replace("then S as b where n > a.n", "then 0 or more S as m then S as b where n > 100")
    alone = cep.Engine(cep.loads(text))
    restarted = cep.Engine(cep.loads(text))
    for at in range(0, 40, 3):
        restarted = cep.Engine.restore(cep.loads(text), restarted.snapshot())
        found = told(alone.send("S", row(at, "a", 6)))
        assert found == told(restarted.send("S", row(at, "a", 6)))
    assert alone.snapshot() == restarted.snapshot()
    assert alone.stats().rules["R"].timeouts == 3


def test_explain_says_who_times_out():
    (explained,) = explain(cep.loads(RULES + "output first every 1 h per k".replace(" per k", "")))
    text = rule_text(explained)
    assert "timeouts a start whose bound passes, with the run that came furthest, if its condition holds" in text
    assert "output   the first event of each period, at once; a period lasts 1 h" in text

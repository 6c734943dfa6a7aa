"""The operator of windows: what is decided when, what is kept and freed, and what a changed param applies to."""

from __future__ import annotations

import pytest

import cep
from cep.runtime.clock import END_OF_TIME, NOTHING, Frontier
from cep.runtime.operators.window import WindowOperator

STREAMS = """
stream S ordered by at late 1 h { at: time(s), k: string?, n: int }
"""


def operator(rule):
    rules = cep.loads(STREAMS + rule)
    plan = rules.plan
    program = rules.programs.by_rule[plan.operators[0].rule.name]
    running = WindowOperator(plan.operators[0], program, rules.rulebook.sources, plan.places)
    engine = cep.Engine(rules)

    def receive(*rows, first=0):
        named = [dict(zip(("at", "k", "n"), r, strict=True)) for r in rows]
        running.receive("S", engine.decoder("S").decode_rows(named, first).batch, {})

    return running, receive


def given_out(running, time, kind=NOTHING):
    found = running.advance(Frontier(time * 10**9, kind))
    return sorted(zip([t // 10**9 for o in found for t in o.batch.ts.tolist()],
                      [n for o in found for n in o.batch["n"].to_list()], strict=True))  # fmt: skip


def test_a_window_of_time_waits_until_the_frontier_has_passed_its_end():
    running, receive = operator("rule R from S over every 10 s emit X { n = sum(n) }")
    receive((3, "a", 1), (9, "a", 2), (10, "a", 4), (41, "a", 8))
    assert given_out(running, 10) == []
    assert running.wakes_at == 10 * 10**9  # for the event that waits
    assert given_out(running, 11) == [(10, 3)]
    assert given_out(running, 60) == [(20, 4), (50, 8)]
    assert (running.held.rows, running.held.keys, running.held.runs) == (0, 0, 0)


def test_a_window_of_each_event_is_decided_with_it_and_time_frees_what_it_keeps():
    running, receive = operator("rule R keyed by k from S over last 5 s emit X { n = sum(n) }")
    receive((1, "a", 1), (2, "b", 2), (5, "a", 4), (6, "a", 8), (2, None, 9))
    assert given_out(running, 5) == [(1, 1), (2, 2)]
    assert given_out(running, 7) == [(5, 5), (6, 12)]
    assert (running.held.rows, running.held.keys, running.null_keys) == (3, 2, 1)
    assert given_out(running, 8) == []
    assert (running.held.rows, running.held.keys) == (2, 1)
    assert given_out(running, 12) == []
    assert (running.held.rows, running.held.keys) == (0, 0)


def test_an_event_between_windows_that_stand_apart_is_not_kept():
    running, receive = operator("rule R from S over last 2 s every 10 s emit X { n = sum(n) }")
    receive((3, "a", 1), (7, "a", 2), (8, "a", 4), (9, "a", 8), (10, "a", 16))
    assert running.held.waiting == 2
    assert given_out(running, 60) == [(10, 12)]


def test_a_session_is_looked_at_only_when_it_may_be_over():
    running, receive = operator("rule R from S over session gap 3 s max 8 s emit X { n = sum(n) }")
    receive((1, "a", 1), (4, "a", 2), (7, "a", 4), (9, "a", 8), (10, "a", 16), (20, "a", 32))
    assert given_out(running, 9) == []
    assert given_out(running, 10) == [(9, 15)]
    assert given_out(running, 20) == [(13, 16)]
    found = [o.batch["n"].to_list() for o in running.advance(END_OF_TIME)]
    assert found == [[32]]
    assert running.held.rows == 0


def test_a_batch_of_events_that_is_not_full_stays_open_though_time_runs_out():
    running, receive = operator("rule R keyed by k from S over every 2 events emit X { n = sum(n) }")
    receive((1, "a", 1), (2, "b", 2), (3, "a", 4))
    assert [o.batch["n"].to_list() for o in running.advance(END_OF_TIME)] == [[5]]
    assert (running.held.runs, running.held.rows) == (1, 1)


def test_rows_and_keys_are_used_again_and_a_burst_is_given_back():
    running, receive = operator("rule R keyed by k from S over every 10 s emit X { n = sum(n) }")
    for start in (0, 10, 20):
        receive(*((start + n % 10, f"{start} {n}", 1) for n in range(500)), first=1000 * start)
        assert len(given_out(running, start + 11)) == 500
    assert running.held.keys == 0
    receive(*((40, f"k{n}", 1) for n in range(70_000)), first=100_000)
    assert len(given_out(running, 41)) == 0
    large = running.held.bytes
    assert len(given_out(running, 51)) == 70_000
    assert running.held.bytes < large - 65_536 * 8 * 8


def test_an_aggregate_asks_each_event_under_the_params_it_met_and_emit_under_those_of_the_last():
    text = (
        STREAMS.replace(" late 1 h", "")
        + "param p: int = 1\nrule R from S over last 3 events emit X { n = sum(n * p), p }"
    )
    engine = cep.Engine(cep.loads(text))
    out = [*engine.send("S", {"at": 1, "n": 10})]
    engine.set("p", 2)
    out += [*engine.send("S", {"at": 2, "n": 10})]
    assert [(r["n"], r["p"]) for b in out for r in b.to_dicts()] == [(10, 1), (30, 2)]


@pytest.mark.parametrize("window", ["last 5 s", "every 5 s", "session gap 2 s", "last 3 events", "every 3 events"])
def test_a_snapshot_is_the_same_after_a_restart(window):
    rule = f"rule R keyed by k from S over {window} emit X {{ n = sum(n), k = first(k) }}"
    rules = cep.loads(STREAMS.replace(" late 1 h", " late 2 s") + rule)
    engine = cep.Engine(rules)
    for at, k in ((1, "a"), (4, "b"), (3, "a"), (9, None), (8, "c")):
        engine.send("S", {"at": at, "k": k, "n": 1})
    saved = engine.snapshot()
    again = cep.Engine.restore(rules, saved)
    assert again.snapshot() == saved
    assert [b.to_dicts(meta=True) for b in engine.close(end="final")] == [
        b.to_dicts(meta=True) for b in again.close(end="final")
    ]

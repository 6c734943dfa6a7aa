"""The filter operator: selection and projection on arrival, given out when the frontier has passed."""

from __future__ import annotations

import pytest

import cep
from cep.runtime.clock import END_OF_TIME, NOTHING, Frontier
from cep.runtime.operators.filter import FilterOperator

STREAMS = """
stream P ordered by at late 1 h { at: time(s), k: string?, n: int }
stream S ordered by at late 1 h { at: time(s), k: string?, n: int }
stream Q = P | S
"""


def operator(rule):
    rules = cep.loads(STREAMS + rule)
    plan = rules.plan
    program = rules.programs.by_rule[plan.operators[0].rule.name]
    running = FilterOperator(plan.operators[0], program, rules.rulebook.sources, plan.places)
    engine = cep.Engine(rules)

    def receive(stream, *rows, first=0):
        batch = (
            engine.decoder(stream).decode_rows([dict(zip(("at", "k", "n"), r, strict=True)) for r in rows], first).batch
        )
        running.receive(stream, batch, {})

    return running, receive


def given_out(running, time, kind=NOTHING):
    return sorted(n for o in running.advance(Frontier(time * 10**9, kind)) for n in o.batch["n"].to_list())


def test_what_waits_is_given_out_when_the_frontier_has_passed_it():
    running, receive = operator("rule R from S where n > 0 emit X { n }")
    receive("S", (5, "a", 1), (3, "a", 2), (4, "a", 0), (9, "a", 3))
    assert given_out(running, 3) == []
    assert given_out(running, 3, kind=1) == [2]
    assert given_out(running, 5) == []
    assert given_out(running, 6) == [1]
    assert given_out(running, 6) == []
    assert [o.batch["n"].to_list() for o in running.advance(END_OF_TIME)] == [[3]]
    assert running.held.runs == 0


def test_at_the_frontiers_own_time_only_earlier_classes_come_out():
    running, receive = operator("rule R from Q emit X { n }")
    receive("P", (5, "a", 1))
    receive("S", (5, "a", 2))
    assert given_out(running, 5, kind=0) == [1]
    assert given_out(running, 5, kind=1) == [2]


def test_an_event_without_a_key_is_counted_and_left_out():
    running, receive = operator("rule R keyed by k from S where n > 0 emit X { k, n }")
    receive("S", (1, None, 1), (1, "a", 2), (1, None, 0), (1, "b", 0))
    assert running.null_keys == 2
    assert given_out(running, 2) == [2]


def test_every_emit_has_its_own_events_in_the_order_written():
    running, receive = operator("rule R from S emit X { n } emit Y { n = n + 1 } emit X { n = 0 }")
    receive("S", (1, "a", 1))
    outputs = running.advance(END_OF_TIME)
    assert [(o.batch.schema.name, o.batch["n"].to_list(), o.order.emit) for o in outputs] == [
        ("X", [1], 0), ("Y", [2], 1), ("X", [0], 2),
    ]  # fmt: skip


def test_rules_that_test_the_same_share_the_answer_and_count_its_faults_each():
    rule = "rule {0} from S where n div (n - 1) >= 1 emit {0} {{ n }}\n"
    rules = cep.loads(STREAMS + rule.format("A") + rule.format("B"))
    result = cep.run(rules, {"S": [{"at": 0, "k": "x", "n": n} for n in (1, 2, 1, 3)]})
    assert result["A"]["n"].to_list() == result["B"]["n"].to_list() == [2, 3]
    assert result.summary.faults == {r: {"division by zero": 2} for r in "AB"}


@pytest.mark.parametrize("size", [1, 3, 10])
def test_faults_do_not_hang_on_how_events_are_cut(size):
    text = (
        f"param p: int = 0\n{STREAMS}rule R from S where n >= 0 emit X {{ a = n div p, b = 9223372036854775807 + n }}"
    )
    engine = cep.Engine(cep.loads(text))
    rows = [{"at": i, "k": "x", "n": i % 2} for i in range(10)]
    for at in range(0, 10, size):
        engine.send_batch("S", rows[at : at + size])
    engine.close()
    assert engine.summary.faults == {"R": {"division by zero": 10, "overflow": 5}}

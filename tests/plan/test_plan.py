"""The operator graph: levels put causes before effects, parts wait for nobody, places order streams at one time."""

from __future__ import annotations

from random import Random

import pytest

import cep
from cep.plan.plan import StreamPlace, base_stream

STREAMS = """
stream A ordered by at { at: time(s), k: int, s: string }
stream B ordered by at { at: time(s), k: int, s: string }
stream C ordered by at { at: time(s), k: int, s: string }
"""

CHAIN = """
stream Reading ordered by at late 5 s { at: time(s), machine: string, celsius: int }
stream Move ordered by at { at: time(s), robot: string }
rule Twice keyed by machine when Hot as a then Hot as b within 1 min emit Alarm { machine }
rule Warm keyed by machine from Reading where celsius > 80 emit Hot { machine, celsius }
rule Calls keyed by machine when Alarm as a then no Hot for 5 min emit Call { machine } emit Note { machine }
rule Stuck keyed by robot when Move as m then no Move for 1 min emit Halt { robot }
rule Tardy from Late.Reading emit Note { machine }
rule Broken from Rejected.Move emit Bad { row }
"""

GOLDEN = """\
Twice: Hot -> pattern of 2 steps keyed by machine -> Alarm (level 1)
Warm: Reading -> filter keyed by machine -> Hot (level 0)
Calls: Alarm, Hot -> pattern of 1 step keyed by machine -> Call, Note (level 2)
Stuck: Move -> pattern of 1 step keyed by robot -> Halt (level 0)
Tardy: Late.Reading -> filter -> Note (level 0)
Broken: Rejected.Move -> filter -> Bad (level 0)"""


def plan(rules, streams=STREAMS):
    return cep.loads(streams + rules).plan


def levels(plan):
    return {o.rule.name: o.level for o in plan.operators}


def parts(plan):
    return [[o.rule.name for o in part] for part in plan.parts]


def test_a_level_is_one_more_than_that_of_what_is_read():
    made = plan(
        """
        rule Last from Y emit Z { k }
        rule First from A emit X { k }
        rule Middle when X as x then A as a within 1 s emit Y { k = x.k }
        rule Other from A emit Y { k }
        """
    )
    assert levels(made) == {"Last": 2, "First": 0, "Middle": 1, "Other": 0}


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_has_its_levels_in_whatever_order_its_rules_are_written(seed):
    rules = [f"rule R{n} from {f'E{n - 1}' if n else 'A'} emit E{n} {{ k }}" for n in range(30)]
    Random(seed).shuffle(rules)
    assert levels(plan("\n".join(rules))) == {f"R{n}": n for n in range(30)}


def test_late_and_rejected_events_come_from_outside():
    made = plan("rule L from Late.A emit X { k }\nrule R from Rejected.A emit Y { row }\nrule Q from X emit Z { k }")
    assert levels(made) == {"L": 0, "R": 0, "Q": 1}
    assert parts(made) == [["L", "R", "Q"]]


def test_parts_share_no_stream():
    made = plan(
        """
        rule One from A emit X { k }
        rule Two from B emit Y { k }
        rule Three from C emit Z { k }
        rule Four from Z emit W { k }
        rule Five from Late.A emit V { k }
        """
    )
    assert parts(made) == [["One", "Five"], ["Two"], ["Three", "Four"]]


def test_a_rule_that_reads_two_parts_makes_them_one():
    made = plan(
        """
        rule One from A emit X { k }
        rule Two from B emit Y { k }
        rule Three from C emit Z { k }
        rule Four when Z as z then X as x within 1 s emit W { k = x.k }
        """
    )
    assert parts(made) == [["One", "Three", "Four"], ["Two"]]


def test_rules_that_emit_one_type_belong_together():
    made = plan("rule One from A emit X { k }\nrule Two from B emit Y { k }\nrule Three from C emit X { k }")
    assert parts(made) == [["One", "Three"], ["Two"]]


def test_every_operator_is_in_one_part():
    made = plan("".join(f"rule R{i} from {'ABC'[i % 3]} emit T{i} {{ k }}\n" for i in range(9)))
    assert sorted(n for part in parts(made) for n in part) == sorted(f"R{i}" for i in range(9))
    assert parts(made) == [["R0", "R3", "R6"], ["R1", "R4", "R7"], ["R2", "R5", "R8"]]


def test_streams_with_the_same_ties_are_one_class_at_the_place_of_the_first():
    streams = """
    stream P ordered by at { at: time(s), k: int, s: string }
    stream Q ordered by at ties by k { at: time(s), k: int, s: string }
    stream R ordered by at { at: time(s), k: int, s: string }
    stream S ordered by at ties by k { at: time(s), k: int, s: string }
    stream T ordered by at ties by s, k { at: time(s), k: int, s: string }
    stream U ordered by at ties by k, s { at: time(s), k: int, s: string }
    """
    made = plan("rule Two from S emit Y { k }\nrule One from P emit X { k }", streams)
    assert [made.places[n] for n in "PQRSTU"] == [
        StreamPlace(0, 0, False),
        StreamPlace(1, 1, True),
        StreamPlace(2, 2, False),
        StreamPlace(1, 3, True),
        StreamPlace(4, 4, True),
        StreamPlace(5, 5, True),
    ]
    after = [f"{prefix}.{n}" for prefix in ("Late", "Rejected") for n in "PQRSTU"] + ["Y", "X"]
    assert [made.places[n].rank for n in after] == list(range(6, 20))
    assert not any(made.places[n].has_ties for n in after)


def test_a_side_stream_knows_what_it_is_the_side_of():
    assert [base_stream(n) for n in ("A", "Late.A", "Rejected.A")] == ["A", "A", "A"]


def test_a_plan_is_printed_a_line_a_rule():
    made = plan(
        """
        rule One keyed by k from A emit X { k } emit X { k } emit Y { k }
        rule Two keyed by k, s when A as a emit Z { k }
        rule Three when X as x then B as b within 1 s emit W { k = x.k }
        """
    )
    assert str(made).splitlines() == [
        "One: A -> filter keyed by k -> X, Y (level 0)",
        "Two: A -> pattern of 1 step keyed by k, s -> Z (level 0)",
        "Three: B, X -> pattern of 2 steps -> W (level 1)",
    ]


def test_a_rulebook_with_a_chain_has_this_plan():
    made = plan(CHAIN, "")
    assert str(made) == GOLDEN
    assert parts(made) == [["Twice", "Warm", "Calls", "Tardy"], ["Stuck", "Broken"]]
    names = ["Reading", "Move", "Late.Reading", "Late.Move", "Rejected.Reading", "Rejected.Move"]
    names += ["Alarm", "Hot", "Call", "Note", "Halt", "Bad"]  # derived: by the first rule that emits each
    assert sorted(made.places, key=lambda n: (made.places[n].kind, made.places[n].rank)) == names


def test_no_rules_make_an_empty_plan():
    made = plan("")
    assert made.operators == made.parts == ()
    assert str(made) == ""

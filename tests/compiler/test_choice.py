"""Which matcher a rule gets, and why not a cheaper one."""

from __future__ import annotations

import pytest

import cep
from cep.app.compile import FILTER, MODULES, WINDOW
from cep.compiler import rowtable
from cep.compiler.choice import CHAIN, COUNTING, FOLDING, GRAPH, ONE_PASS, RUN_TABLE, only

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, m: int?, f: float, s: string, r: R? }\n"
RECORD = "record R { x: int, y: int }\nparam most: int = 3\n"


def choice(body):
    return cep.loads(f"{RECORD}{STREAM}rule R {body}").programs.choices["R"]


VALLEY = """keyed by k when S as top
next 1 or more S in a row as fall where n < prev(fall.n, top.n)
next S as out where not n < last(fall.n) {0}
emit X {{ k, top = top.n, low = last(fall.n), steps = count(fall) }}"""
ENDLESS = """when S as a next 1 or more S in a row as b where n < 3 next S as c where n > {0}
allow unbounded prefer earliest emit X {{ n = c.n }}"""
CHAINS = (
    "when S as a where n > 1 then S as b where n < 1 within 1 h emit X { n = b.n }",
    "keyed by k, n when S as a then S as b then S as c where f > 1 allow unbounded emit X { k, s = a.s }",
    "when S as a then S as b within 1 h after match keep all emit X { t = a.n + b.m }",
    "when S as a then no S where n > 3 then S as b within 1 h emit X { n = a.n }",
    "when S as a then no S for 1 h emit X { n = a.n }",
    "keyed by k when S as a then S as b then no S where f > 1 for 1 h then no S for 1 s within 1 h emit X { n = a.n }",
)
GRAPHS = (
    "when S as a where n > 1 then any S as b where n < 1 within 1 h after match keep all emit X { n = b.n }",
    "keyed by k when S as a then S as b then any S as c where f > 1 within 1 h after match keep all emit X { s = a.s }",
    "when S as a then any S as b then S as c within 1 h emit X { t = a.n + b.m }",
    "when S as a then any S as b within 1 h after match skip to next emit X { t = a.n }",
)
COUNTED = "when S as a then any S as b then any S as c within 1 h {0} emit X {{ n = {1}, m = c.n }}"
ROWS = (
    VALLEY.format("allow unbounded"),
    "when S as a next S as b where n > a.n allow unbounded emit X { n = a.n }",
    "when S as a where n > 1 allow unbounded emit X { n = a.n }",
    "when S as a next optional S as b where n > a.n next S as c where n > 3 allow unbounded emit X { n = b.n }",
    VALLEY.format("allow unbounded prefer earliest"),
    ENDLESS.format(5),
)
TABLES = {
    "when S as a then S as b where n > a.n within 1 h emit X { n = a.n }": "a condition compares events",
    "when S as a then 2 S as b within 1 h emit X { n = a.n }": "a step is a loop or optional",
    "when S as a then no S where n > a.n then S as b within 1 h emit X { n = a.n }": "an absence compares events",
    "when S as a then no S where n > a.n for 1 h emit X { n = a.n }": "an absence compares events",
    "when S as a then no S where n > most for 1 h emit X { n = a.n }": "it reads a param",
    "when S as a then no S for 1 h after match skip to next emit X { n = a.n }": "it skips to next",
    "when no S where n > 3 for 1 h then S as a then S as b within 1 h emit X { n = a.n }": "an absence at the start",
    "when S as a then no S where n > 3 for 1 s then S as b within 1 h emit X { n = a.n }": "for a time between steps",
    "when S as a then any S as b then no S for 1 s within 1 h emit X { n = a.n }": "it has an absence at the end",
    "when all of (S as a, S as b where n > 3) within 1 h emit X { n = a.n }": "a group or a choice",
    "when (S as a then S as b within 1 s) allow unbounded emit X { n = a.n }": "it has `within`",
    "when S as a then S as b within 1 h gap 1 min emit X { n = a.n }": "it has `gap`",
    "when S as a then one of (S as b, S as c) within 1 h emit X { n = a.n }": "a group or a choice",
    "when S as a then S as b within 1 h emit X { n = count(a) }": "more than attributes",
    "when S as a then any S as b where n > a.n within 1 h emit X { n = a.n }": "no match graph: a condition compares",
    "when S as a then any 2 S as b within 1 h emit X { n = a.n }": "no match graph: a step is a loop or optional",
    "when S as a then any S as b then S as c within 1 h after match keep all emit X { n = a.n }": "the first that fits",
    "when S as a then 2 S in any combination as b within 1 h emit X { n = a.n }": "graph: it has `in any combination`",
    COUNTED.format("", "count()"): "no counting matcher: it does not keep all",
    VALLEY.format("within 1 h"): "it has `within`",
    VALLEY.format("allow unbounded after match keep all"): "skip past the last",
    ROWS[3].replace("emit", "prefer earliest emit"): "no one pass: a match may have to wait for an earlier start",
    ENDLESS.format(1): "or a longer loop",
    "when S as a then S as b within 1 h prefer earliest emit X { n = a.n }": "it has `prefer earliest`",
    VALLEY.format("allow unbounded").replace("not n < last(fall.n)", "n > top.n"): "more than the event at hand",
    VALLEY.format("allow unbounded").replace("n < prev", "n + 1 < prev"): "may divide by zero, overflow",
    VALLEY.format("allow unbounded").replace("count(fall)", "sum(fall.n)"): "more than attributes, first, last",
}


@pytest.mark.parametrize("body", CHAINS)
def test_a_sequence_that_compares_nothing_is_a_chain(body):
    assert choice(body).name == CHAIN


def test_of_a_chain_that_ends_in_a_silence_it_is_said_what_waits():
    assert "absence at the end" in choice(CHAINS[-1]).why
    assert "absence" not in choice(CHAINS[3]).why


@pytest.mark.parametrize("body", GRAPHS)
def test_a_sequence_with_choices_that_compares_nothing_is_a_match_graph(body):
    assert choice(body).name == GRAPH


def test_a_rule_that_only_counts_lists_nothing():
    assert choice(COUNTED.format("after match keep all", "count()")).name == COUNTING
    assert choice(COUNTED.format("after match keep all", "b.n")).name == GRAPH


def test_a_rule_that_folds_all_matches_lists_nothing():
    for shown in (
        "sum(b.n)",
        "count(), s = avg(a.f)",
        "count(), s = last(a.k), t = max(c.n)",
        "count(b), t = match_start()",
    ):
        assert choice(COUNTED.format("after match keep all", f"count(), f = {shown}")).name == FOLDING
    listed = choice(COUNTED.format("after match keep all", "count(), s = percentile(b.n, 0.5)"))
    assert listed.name == RUN_TABLE
    assert "no folding matcher: `percentile` of all matches needs all their values" in listed.why
    computed = choice(COUNTED.format("after match keep all", "count(), s = sum(b.n * 2)"))
    assert "no folding matcher: an aggregate is of more than a field" in computed.why


def test_the_kernels_of_every_matcher_are_known():
    assert set(MODULES) == {CHAIN, COUNTING, FOLDING, GRAPH, ONE_PASS, RUN_TABLE, WINDOW, FILTER}


def test_choices_are_not_spoken_of_where_there_are_none():
    assert "graph" not in choice(next(iter(TABLES))).why


@pytest.mark.parametrize("body", ROWS)
def test_a_row_pattern_that_looks_one_event_back_is_one_pass(body):
    assert choice(body).name == ONE_PASS


@pytest.mark.parametrize("body", TABLES)
def test_what_they_cannot_take_runs_on_the_run_table_and_it_is_said_why(body):
    made = choice(body)
    assert made.name == RUN_TABLE
    assert TABLES[body] in made.why
    assert made.tables is None


def test_a_matcher_can_be_asked_for_and_the_run_table_takes_the_rest():
    with only(CHAIN):
        assert choice(ROWS[0]).name == RUN_TABLE
        assert choice(CHAINS[0]).name == CHAIN
    with only(RUN_TABLE):
        assert choice(CHAINS[0]).name == choice(ROWS[0]).name == RUN_TABLE


def test_rules_of_one_shape_share_a_matcher():
    rule = "when S as a where n > {0} next S as b where n > a.n and f < {1} allow unbounded emit X {{ n = a.n }}"
    first, second = (choice(rule.format(*constants)).tables for constants in ((1, "0.5"), (7, "2.5")))
    assert first.text == second.text
    assert first.floats.tolist() != second.floats.tolist() or first.ints.tolist() == second.ints.tolist()


def test_a_pattern_with_too_many_lists_of_runs_is_one_pass_all_the_same():
    steps = " next ".join(f"S as a{i} where n > {i} and f < {i}" for i in range(8))
    made = choice(f"keyed by k when {steps} allow unbounded emit X {{ n = a0.n, m = a7.n }}")
    assert (made.name, made.tables.live) == (ONE_PASS, None)
    assert choice(ROWS[0]).tables.runs.tolist() == [0, 1, 2]


def test_ranks_are_kept_only_where_conditions_do_not_contradict_each_other(monkeypatch):
    monkeypatch.setattr(rowtable, "MOST_CELLS", 0)
    assert "rank" not in choice(ROWS[0]).tables.text
    loop = "when 1 or more S in a row as a where n {0} 2 next 1 or more S in a row as b where n > 2 "
    rest = "next S as c where n = 0 allow unbounded emit X { n = count(a) }"
    assert "rank" not in choice(loop.format("<=") + rest).tables.text
    assert "rank" in choice(loop.format("<").replace("n < 2", "f < 2") + rest).tables.text

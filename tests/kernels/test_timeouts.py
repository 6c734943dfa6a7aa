"""Timeouts in the kernels: many starts of one key at one moment, and what ends by turns.

What times out is the business of the corpus and of tests/properties; tables that are too small that of test_match.py.
"""

from __future__ import annotations

import engine_adapter
import pytest

import cep

STREAMS = """
stream A ordered by at { at: time(s), k: int, n: int }
stream B ordered by at { at: time(s), k: int, n: int }
"""
TWO = "rule R when A as a then B as b where n = a.n within 10 s {skip} emit X {{}} on timeout emit T {{ n = a.n }}"


def a(at, n=0):
    return ("A", {"at": at, "k": 1, "n": n})


def told(rule, rows, end="open"):
    """The type, the second and the fields of each result."""
    found = engine_adapter.run(STREAMS + rule, rows, end)
    return [(r.type, int(r.time_ns) // 10**9, *r.fields.values()) for r in found]


@pytest.mark.parametrize("skip", ["", "after match keep all"])
def test_thousands_of_starts_of_one_key_time_out_together(skip):
    rows = [a(0, n) for n in range(3_000)] + [a(11, 9_999)]
    assert told(TWO.format(skip=skip), rows) == [("T", 10, n) for n in range(3_000)]


def test_every_start_that_has_ended_is_free_again():
    engine = cep.Engine(cep.loads(STREAMS + TWO.format(skip="")))
    for round_ in range(20):
        engine.send_batch("A", [{"at": 100 * round_, "k": 1, "n": n} for n in range(200)])
        engine.advance((100 * round_ + 50) * 10**9)
        stats = engine.stats().rules["R"]
        assert (stats.open_runs, stats.keys, stats.matches, stats.timeouts) == (0, 0, 0, 200 * (round_ + 1))


def test_a_match_of_an_absence_forbids_a_timeout_that_would_come_after_it():
    rule = "rule R when A as a then no B for 3 s within 8 s emit X {} on timeout emit T {}"
    assert told(rule, [a(0), a(30)]) == [("X", 3)]
    rule = "rule R when A as a then 1 or more A as l where n = 1 then no B for 3 s within 8 s emit X {} "
    loop = f"{rule} on timeout emit T {{}}"
    # the first start waits for the loop and times out; the second has its match at 12, when the first has gone
    assert told(loop, [a(0), a(7, 5), a(9, 1), a(40, 7)]) == [("T", 8), ("X", 12)]
    # the match at 6 forgets the start at 1, whose bound would have passed at 9
    assert told(loop, [a(0), a(3, 1), a(40, 7)]) == [("X", 6)]


def test_bounds_of_one_moment_come_before_absences():
    rule = "rule R when A as a then B as b where n = a.n then no B for 4 s within 6 s emit X {} on timeout emit T {}"
    rows = [a(0), a(0, 1), ("B", {"at": 2, "k": 1, "n": 1}), a(40), ("B", {"at": 40, "k": 1, "n": 9})]
    assert told(rule, rows) == [("T", 6), ("X", 6)]

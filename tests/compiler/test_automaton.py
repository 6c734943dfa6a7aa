"""Automata of patterns with groups and choices: which moves a state has, in which order, and what they count."""

from __future__ import annotations

import pytest

import cep
from cep.compiler.automaton import build_automaton

STREAMS = "".join(f"stream {s} ordered by at {{ at: time(s), n: int }}\n" for s in "ABCD")


def automaton(when):
    rules = cep.loads(f"{STREAMS}rule R when {when} within 1 h emit X {{ }}")
    body = rules.rulebook.rules[0].body
    return build_automaton(body), [s.streams[0] for s in body.steps]


def moves(when, state):
    """The moves of a state, by preference, in short: target, and * next, ! again, + next round, ~ reluctant."""
    built, names = automaton(when)
    found = built.start if state == "" else built.states[names.index(state)].moves
    out = []
    for m in found:
        marks = "*" * m.strict + "!" * m.again + "+" * m.begins + "~" * bool(m.reluctant)
        out.append(names[m.target] + marks + "".join("-" + a.streams[0] for a in (*m.guards, *m.untils)))
    return out


@pytest.mark.parametrize(
    ("when", "state", "want"),
    [
        # what is left of the iteration, the next one, what follows
        ("1 or more (A then optional B) then C", "A", ["B", "A+", "C"]),
        ("1 or more (A then optional B) then C", "B", ["A+", "C"]),
        ("1 or more (A then 2 or more B) in a row then C", "B", ["B!", "A*+", "C"]),
        ("2 (2 or more A) then C", "A", ["A!", "A+", "C"]),
        # the inner loop before the outer one
        ("1 or more (1 or more (A then B) then optional C) then D", "B", ["A+", "C", "A+", "D"]),
        # fewest: what follows first, and rather not another
        ("fewest 1 or more (A then B) then C", "B", ["C", "A+~"]),
        ("fewest 1 or more A then C", "A", ["C", "A!~"]),
        ("A then fewest 0 or more B then C", "A", ["C", "B~"]),
        # alternatives in written order; the link before them is that of each
        ("A next one of (B, 2 C, D) then A", "A", ["B*", "C*", "D*"]),
        ("A then optional one of (B, C) next D", "A", ["B", "C", "D*"]),
        # the link before a group is that of its first event, whichever it is
        ("A next (optional B then C)", "A", ["B*", "C*"]),
        ("A then (optional B next C)", "A", ["B", "C"]),
        # absences over what was left out, and none before the first event
        ("A then no D then optional B then C", "A", ["B-D", "C-D"]),
        ("1 or more (A then no D then B) then C", "A", ["B-D"]),
        ("1 or more (A then no D then B) then C", "B", ["A+", "C"]),
        # until stands between the events of its loop
        ("1 or more (A then B) until D then C", "A", ["B-D"]),
        ("1 or more (A then B) until D then C", "B", ["A+-D", "C"]),
        ("1 or more A until D then C", "A", ["A!-D", "C"]),
        ("1 or more A until D then C", "", ["A"]),
        ("optional (A then B) then C", "", ["A", "C"]),
    ],
)
def test_moves_stand_in_order_of_preference(when, state, want):
    assert moves(when, state) == want


def test_a_state_knows_whether_the_pattern_may_end_there():
    built, names = automaton("A then (B then optional C)")
    assert [s.ends for s in built.states] == [False, True, True]
    assert [m.last for m in built.states[names.index("B")].moves] == [True]


def test_counted_groups_stand_around_their_steps_outermost_first():
    built, names = automaton("2 (A then 3 or more (B then C)) then D")
    assert [(g.low, g.high) for g in built.groups] == [(2, 2), (3, None)]
    assert [s.groups for s in built.states] == [(0,), (0, 1), (0, 1), ()]
    again, onward = built.states[names.index("C")].moves[:2]
    assert (again.target, again.keep, again.begins) == (names.index("B"), 1, True)
    assert (onward.target, onward.keep, onward.begins) == (names.index("A"), 0, True)


def test_a_state_knows_what_closes_the_loops_open_where_the_pattern_may_end():
    built, names = automaton("1 or more (A then B) until D")
    assert [u.streams for u in built.states[names.index("B")].until] == [("D",)]
    assert built.states[names.index("A")].until == ()


def test_fewest_at_the_end_is_as_few_as_may_be():
    built, _ = automaton("A then one of (B, fewest 2 or more C)")
    assert (built.lows, built.highs) == ((1, 1, 2), (1, 1, 2))

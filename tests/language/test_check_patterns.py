"""Patterns: positions, counts, bounds of state, and lint."""

from __future__ import annotations

import pytest

from tests.language.checking import assert_mistakes, rulebook

CASES = [
    ("when Pay then «0 Pay within 1 h", "impossible-count", "a step of 0 events", "no X"),
    ("when Pay then «5 to 3 Pay within 1 h", "impossible-count", "5 to 3", "3 to 5"),
    ("when «optional Pay within 1 h", "empty-match", "may be left out", None),
    ("when «0 or more Pay then optional Temp within 1 h", "empty-match", "may be left out", None),
    ("when «no Pay for 5 min", "empty-match", "binds no event", None),
    ("when «no Pay then Temp within 1 h", "absence-position", "at the start needs to say", None),
    ("when Pay then «no Temp within 1 h", "absence-position", "at the end needs to say", "for 5 min"),
    ("when Pay then «no Temp then optional Wire within 1 h", "absence-position", "may be left out", None),
    ("when Pay «next no Temp then Wire within 1 h", "absence-link", "before an absence", "`then`"),
    ("when Pay then no Temp «next Wire within 1 h", "absence-link", "after an absence", "`then`"),
    ("when Pay then «1 or more Temp", "undecided-loop", "nothing can ever decide", "within 1 h"),
    ("when Pay then «1 or more Temp allow unbounded", "undecided-loop", "nothing can ever decide", None),
    ("when Pay then «2 to 5 Temp allow unbounded", "undecided-loop", "nothing can ever decide", "`2`"),
    ("when Pay then «optional Temp allow unbounded", "undecided-loop", "is left out", "`next`"),
    ("when «Pay then Temp", "unbounded-state", "nothing bounds", "allow unbounded"),
    ("when «2 Pay", "unbounded-state", "nothing bounds", None),
    ("when «1 or more Pay then no Temp for 5 min", "unbounded-state", "nothing bounds", None),
    ("when «Pay then Temp then no Wire for 5 min", "unbounded-state", "nothing bounds", None),
    ("when «Pay next 1 or more Temp in a row", "unbounded-state", "nothing bounds", None),
    ("when Pay then Temp within «0 s", "bound-not-positive", "greater than zero", None),
    ("when Pay then Temp within «never", "bound-not-positive", "greater than zero", None),
    ("when Pay then no Temp for «0 s", "bound-not-positive", "greater than zero", None),
    ("when Pay then Temp within «puase", "unknown-name", "no param `puase`", "`pause`"),
    ("when Pay then Temp within «limit", "wrong-type", "takes a duration", "param limit: duration"),
    ("when Pay then no Temp for «limit", "wrong-type", "takes a duration", None),
    (f"when {'Pay then ' * 60}«Temp within 1 h", "pattern-too-long", "at most 60", None),
]


@pytest.mark.parametrize(("pattern", "code", "message", "hint"), CASES)
def test_a_pattern_that_cannot_be_is_told_at_its_place(pattern, code, message, hint):
    assert_mistakes(f"rule R {pattern} emit X {{ }}", code, message, hint)


BOUNDS = [
    ("from Pay", "nothing is kept"),
    ("when Pay", "nothing is kept"),
    ("when Pay then Temp within 10 min", "runs end 10 min after they start; at most one run for each event"),
    ("when Pay then Temp within pause", "starts one in 10 min"),
    ("when Pay then no Temp for 90 s", "runs end 1 min 30 s after their event"),
    ("when Pay next Temp then no Temp for 90 s", "runs end 1 min 30 s after the last event"),
    ("when Pay then 1 or more Temp as hot then no Temp for 1 h within 1 d", "1 d after they start, and 1 h more"),
    ("when Pay then 3 Temp as hot within 1 h", "keeps all events of `hot`"),
    ("when Pay next Temp next Pay", "at most 3 runs"),
    ("when 3 Temp in a row", "at most 3 runs"),
    ("when Pay then Temp allow unbounded", "unbounded, as the rule allows"),
]


@pytest.mark.parametrize(("body", "words"), BOUNDS)
def test_the_bound_of_a_rules_state_is_said_in_words(body, words):
    assert words in rulebook(f"rule R {body} emit X {{ }}").rules[0].state_bound


WARNINGS = [
    ("when Pay next 2 Temp within 1 h", "next-before-loop"),
    ("when Pay then 2 or more Temp within 1 h", "loop-at-end"),
    ("when Pay then no Temp where part > 1 for 5 min", "absence-reads-optional"),
    ("when Pay as a then Pay where card = a.card within 1 h", "tie-as-key"),
    ("keyed by card when Pay as a then Pay where seq = a.seq within 1 h", "tie-as-key"),
    ("when Pay then Temp in a row within 1 h", "in-a-row-without-loop"),
    ("keyed by rate when Pay then Pay within 1 h", "float-key"),
]


@pytest.mark.parametrize(("body", "code"), WARNINGS)
def test_what_is_seldom_meant_is_warned_of(body, code):
    book = rulebook(f"rule R {body} emit X {{ }}")
    assert [w.code for w in book.warnings] == [code]
    assert all(w.severity == "warning" for w in book.warnings)


QUIET = [
    "when Pay next 2 Temp in a row within 1 h",
    "when Pay then 2 Temp within 1 h",
    "when Pay then 2 or more Temp then no Temp for 5 min within 1 h",
    "when Pay then no Temp where part > 1 or part is null for 5 min",
    "keyed by card when Pay as a then Pay where card = a.card within 1 h",
    "when Pay as a then Pay where card = a.card within 1 h after match keep all",
    "when Pay as a then Pay where card = a.card then Temp within 1 h",
]


@pytest.mark.parametrize("body", QUIET)
def test_what_is_meant_is_not_warned_of(body):
    assert not rulebook(f"rule R {body} emit X {{ }}").warnings

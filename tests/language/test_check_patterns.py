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
    ("when Pay then «no Temp for 5 min then optional Wire within 1 h", "absence-position", "may be left out", None),
    ("when no Pay for «0 s then Temp within 1 h", "bound-not-positive", "greater than zero", None),
    ("when Pay then no Pay for «0 s then Temp within 1 h", "bound-not-positive", "greater than zero", None),
    ("when Pay «next no Temp then Wire within 1 h", "absence-link", "before an absence", "`then`"),
    ("when Pay then no Temp «next Wire within 1 h", "absence-link", "after an absence", "`then`"),
    ("when (Pay then Temp within «0 s) within 1 h", "bound-not-positive", "greater than zero", None),
    ("when (Pay then Temp «allow unbounded) within 1 h", "bound-in-group", "whole rule", None),
    ("when (Temp then Pay as p) where «p.rate > 1 within 1 h", "bound-later", "`p`", None),
    ("when (Pay then Temp) where «amount > 1 within 1 h", "unknown-field", "amount", None),
    ("when all of (Pay, «2 Temp) within 1 h", "member-not-single", "`all of` is of single events", None),
    ("when 2 of (Pay, «(Temp then Wire), Wire) within 1 h", "member-not-single", "`2 of`", None),
    ("when all of (Pay, «no Temp) within 1 h", "member-not-single", "`all of`", None),
    ("when «3 of (Pay, Temp) within 1 h", "impossible-count", "cannot be taken from 2", "1 to 2"),
    ("when «0 of (Pay, Temp) within 1 h", "impossible-count", "no step", "`all of`"),
    ("when «all of (Pay, Temp)", "unbounded-state", "nothing bounds", None),
    ("when Pay then «1 or more all of (Pay, Temp) allow unbounded", "undecided-loop", "nothing can ever decide", None),
    ("when all of (Pay as a, Temp where celsius > «a.rate) within 1 h", "other-alternative", "`a`", None),
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
    ("when 2 of (Pay, Temp, Wire) gap 5 min", "runs end 5 min after they start; at most 6 runs for each event"),
    ("when all of (Pay, Temp) within 9 events", "at most 9 starts with 2 runs each"),
    ("when 2 all of (Pay, Temp) within 1 h", "at most 4 runs for each event that starts one"),
    ("when 1 or more Pay then Temp within 1 h", "at most one run for each event that starts one in 1 h; a run keeps"),
    ("when Pay then 1 or more Temp within 1 h", "at most one run for each event"),
    (
        "when 1 or more Pay then Temp then Pay within 1 h",
        "at most n runs for each event that starts one in 1 h, n count",
    ),
    ("when 1 or more Pay as p then Temp where count(p) > 1 within 1 h", "at most n runs for each event"),
    ("when 1 or more Pay as p then Temp where count(p) > 1 within 9 events", "at most 9 starts with 9 runs each"),
    ("when 2 to 4 Pay then 1 or more Temp then Pay within 1 h", "at most 3 runs for each event"),
    ("when Pay then optional Temp then Wire within 1 h", "at most 2 runs for each event"),
    ("when one of (Pay, Temp) then optional Pay then Wire within 1 h", "at most 4 runs for each event"),
    ("when Pay then any Temp then any Wire within 1 h", "at most n^2 runs for each event"),
    (
        "when 1 or more (Pay then optional Temp) then Wire within 1 h",
        "which each event can double",
    ),
    ("when no Pay for 5 min then Temp", "what the absence at the start forbids is kept for 5 min"),
    ("when optional Pay then no Wire for 5 min then Temp within 1 h", "forbids is kept for 5 min"),
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
    "when no Pay as old where old.at < t.at for 5 min then Temp as t",
    "when no Pay where card = first(p.card) and count(p) < 2 for 5 min then 3 Pay as p within 1 h",
    "when no Temp where coalesce(part, 0) = coalesce(t.part, 0) for 5 min then one of (Temp as t, Pay as p) within 1 h",
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

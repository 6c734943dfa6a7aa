"""Groups, choices, loops with an end: what names mean inside them, and what cannot stand there."""

from __future__ import annotations

import pytest

from tests.language.checking import PRELUDE, mistakes, rulebook

END = " within 1 h"


def pattern_of(text):
    (rule,) = rulebook(f"rule R {text}").rules
    return rule.body


def test_steps_are_listed_as_written_and_the_tree_says_where_they_stand():
    body = pattern_of(
        "when Pay as a then 2 to 3 (Temp as b then optional Pay as c) in a row as g "
        "then one of (Pay as d, 1 or more Temp as e until Pay) within 1 h emit X { n = count(g) }"
    )
    assert [s.variable for s in body.steps] == ["a", "b", "c", "d", "e"]
    assert [(s.maybe, s.many) for s in body.steps] == [
        (False, False), (False, True), (True, True), (True, False), (True, True),
    ]  # fmt: skip
    a, g, choice = body.items
    assert a.body == 0
    assert (g.low, g.high, g.in_a_row, g.variable, [i.body for i in g.body]) == (2, 3, True, "g", [1, 2])
    assert [i.body for i in choice.body.alternatives] == [3, 4]
    assert choice.body.alternatives[1].until.streams == ("Pay",)
    assert not body.is_plain


NAMES = [
    # inside an iteration an earlier step is one event
    "when 2 or more (Pay as a then Temp as b where celsius > a.rate) then Pay within 1 h emit X { n = count(a) }",
    # outside it stands for several
    "when 2 or more (Pay as a then Temp) then Pay as z where z.rate > «a.rate within 1 h emit X { n = count(a) }",
    "when 2 or more (Pay as a then Temp) then Pay within 1 h emit X { n = «a.rate }",
    "when 2 or more (Pay as a then Temp) then Pay within 1 h emit X { n = last(a.rate) }",
    # an earlier iteration may be aggregated, the later step of this one is not bound yet
    "when 2 or more (Pay as a where rate > last(b.celsius) then Temp as b) then Pay within 1 h emit X { }",
    "when (Pay as a where rate > «b.celsius then Temp as b) then Pay within 1 h emit X { }",
    # a choice leaves the others unbound
    "when one of (Pay as a, Temp as b) within 1 h emit X { p = a.rate, c = b is not null }",
    "when one of (Pay as a, Temp as b where celsius > «a.rate) within 1 h emit X { }",
    "when 2 or more (one of (Pay as a, Temp as b where celsius > last(a.rate))) within 1 h emit X { }",
    # a group has iterations, and no fields
    "when 1 or more (Pay as a then Temp) as g within 1 h emit X { n = count(g), there = g is not null }",
    "when 1 or more (Pay as a then Temp) as g within 1 h emit X { n = «g }",
    "when 1 or more (Pay as a then Temp) as g within 1 h emit X { n = «g.rate }",
    "when 1 or more (Pay as a then Temp) as g within 1 h emit X { n = max(«g) }",
    # what ends a loop sees the loop
    "when 2 or more Pay as a until Temp where celsius > last(a.rate) then Pay within 1 h emit X { }",
    "when 2 or more Pay as a until Temp where celsius > «a.rate then Pay within 1 h emit X { }",
    "when 2 or more Pay as a until Temp as t then Pay within 1 h emit X { c = «t.celsius }",
    "when 2 or more (Pay as a where seq > prev(a.seq, 0) then Temp) then Pay within 1 h emit X { }",
]


@pytest.mark.parametrize("rule", NAMES)
def test_a_name_means_what_it_should_where_it_stands(rule):
    plain = rule.replace("«", "")
    found = mistakes(f"rule R {plain}")
    offsets = [f"rule R {plain}".index("rule R") + len("rule R ") + rule.index("«")] if "«" in rule else []
    shown = "\n".join(d.render() for d in found)
    base = len(PRELUDE)
    assert [d.span.start - base for d in found] == offsets, shown


POSITIONS = [
    ("when 2 or more «(optional Pay then 0 or more Temp) then Pay within 1 h emit X { }", "empty-group"),
    ("when 2 or more «one of (optional Pay, Temp) then Pay within 1 h emit X { }", "empty-group"),
    ("when «optional (Pay then Temp) within 1 h emit X { }", "empty-match"),
    ("when «one of (optional Pay, Temp) within 1 h emit X { }", "empty-match"),
    ("when Pay then («no Temp then Pay) within 1 h emit X { }", "absence-position"),
    ("when Pay then (Pay then «no Temp) then Pay within 1 h emit X { }", "absence-position"),
    ("when Pay then (Pay then «no Temp then optional Pay) then Pay within 1 h emit X { }", "absence-position"),
    ("when Pay then one of (Pay, «no Temp) within 1 h emit X { }", "absence-position"),
    # what is empty for want of these is not told to be empty too
    ("when («no Temp then optional Pay) within 1 h emit X { }", "absence-position"),
    ("when one of («no Temp, Pay) within 1 h emit X { }", "absence-position"),
    ("when 2 or more «(optional Pay then optional Temp) within 1 h emit X { }", "empty-group"),
    ("when Pay until «Temp then Pay within 1 h emit X { }", "until-without-loop"),
    ("when Pay then «fewest 0 or more Temp within 1 h emit X { }", "never-bound"),
    ("when Pay then Temp within 1 h after match skip to first «x emit X { }", "unknown-name"),
    ("when Pay then (Temp then Pay) as g within 1 h after match skip to last «g emit X { }", "event-as-value"),
    ("when Pay then Temp within 1 h after match keep all consume «x emit X { }", "unknown-name"),
    ("when Pay then Temp «within 0 events emit X { }", "bound-not-positive"),
    ("when Pay then Temp gap «0 s emit X { }", "bound-not-positive"),
    # what nothing decides, and what nothing bounds
    ("when Pay then «2 to 3 (Pay then Temp) in a row allow unbounded emit X { }", "undecided-loop"),
    ("when Pay then one of (Temp, «1 or more Pay) allow unbounded emit X { }", "undecided-loop"),
    ("when «1 or more Pay then Temp gap 5 min emit X { }", "unbounded-state"),
    ("when «2 (Pay then Temp) then Pay emit X { }", "unbounded-state"),
]


@pytest.mark.parametrize(("rule", "code"), POSITIONS)
def test_what_cannot_stand_there_is_told_at_its_place(rule, code):
    found = mistakes(f"rule R {rule.replace('«', '')}")
    start = len(PRELUDE) + len("rule R ") + rule.index("«")
    assert [(d.code, d.span.start) for d in found] == [(code, start)], "\n".join(d.render() for d in found)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("when Pay as a then Temp within 1 h consume «a emit X { }", "consume-without-overlap"),
        ("when «fewest 2 Pay then Temp within 1 h emit X { }", "fewest-of-one-count"),
        ("when «one of (Pay, Temp) in a row then Pay within 1 h emit X { }", "in-a-row-without-loop"),
    ],
)
def test_what_says_nothing_is_warned_of(rule, code):
    book = rulebook(f"rule R {rule.replace('«', '')}")
    assert [w.code for w in book.warnings] == [code]


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        ("when Pay then Temp within 20 events emit X { }", "runs end with event 20 of the key"),
        ("when Pay then 3 Temp gap 5 min emit X { }", "runs end 15 min after they start"),
        ("when 2 (Pay as a then Temp) gap 5 min emit X { }", "a run keeps all events of `a`"),
        ("when 2 (Pay then Temp) gap 5 min emit X { }", "runs end 15 min after they start"),
        (
            "when Pay then 1 or more (Pay then Temp) until Pay allow unbounded emit X { }",
            "unbounded, as the rule allows",
        ),
    ],
)
def test_the_bound_on_the_state_is_told(rule, bound):
    assert bound in rulebook(f"rule R {rule}").rules[0].state_bound


def test_a_pattern_has_at_most_sixty_parts_groups_opened():
    steps = " then ".join(["(Pay then Temp)"] * 31)
    assert [d.code for d in mistakes(f"rule R when {steps}{END} emit X {{ }}")] == ["pattern-too-long"]


def test_a_pattern_over_a_variant_of_an_unknown_stream_is_not_assembled():
    """The mistake is the variant's, and told there alone."""
    (found,) = mistakes(
        "stream S ordered by at { at: time }\nstream Any = S | A\nrule R when Any then S within 1 s emit X { }", ""
    )
    assert (found.code, found.span.line) == ("unknown-stream", 2)

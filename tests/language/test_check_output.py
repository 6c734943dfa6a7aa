"""`output first every d per …`: what it may name, and what it keeps."""

from __future__ import annotations

import pytest

from tests.language.checking import assert_mistakes, rulebook

HOUR = 3_600 * 10**9


def test_a_field_and_a_part_of_the_key_tell_periods_apart():
    book = rulebook("rule R keyed by card from Pay emit X { seq } output last every 1 h per card, seq")
    output = book.rules[0].output
    assert output is not None
    assert (output.mode, output.every, output.per) == ("last", HOUR, ("card", "seq"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("first every 1 h", "`output` keeps when its period ends, for 1 h"),
        ("last every 1 h per card", "`output` keeps an event for each card, for 1 h"),
        ("all every 90 s per card, seq", "`output` keeps all events of 1 min 30 s for each card and seq"),
        ("snapshot every 1 h per card", "`output` keeps the newest event for each card, for ever"),
    ],
)
def test_the_bound_says_what_it_keeps(text, kept):
    rule = f"emit X {{ card, seq }} output {text}"
    assert rulebook(f"rule R from Pay {rule}").rules[0].state_bound == kept
    pattern = f"keyed by card when Pay then Pay as p within 1 h {rule}".replace("seq }", "seq = p.seq }")
    within = rulebook(f"rule R {pattern}")
    assert within.rules[0].state_bound.endswith(f"; {kept}")


@pytest.mark.parametrize(
    ("rule", "code", "message"),
    [
        ("emit X { seq } output first every 1 h per «card", "per-missing", "X has no field `card`"),
        ("emit X { seq } emit Y { card } output first every 1 h per «card", "per-missing", "X has no field `card`"),
        ("emit X { tags } output first every 1 h per «tags", "per-missing", "cannot tell periods apart"),
        ("emit X { seq } output first every 1 h per seq, «seq", "duplicate-name", "there twice"),
        ("emit X { seq } output first every «0 s", "bad-duration", "lasts some time"),
    ],
)
def test_mistakes(rule, code, message):
    assert_mistakes(f"rule R from Pay {rule}", code, message)


def test_a_rule_may_call_functions_only_behind_first():
    head = 'function odd(seq: int) -> bool from "models:odd"\nrule R from Pay where odd(seq) emit X { seq } '
    assert rulebook(f"{head}output first every 1 h").rules[0].output is not None
    assert_mistakes(f"{head}«output last every 1 h", "not-yet", "calls a function of a Python module")

"""Fingerprints: what changes the meaning of a rule changes them, and nothing else does."""

from __future__ import annotations

import pytest

import cep
from cep.language.fingerprint import fingerprint, params_of, rule_fingerprint

FILE = """
param least: int = 5
param pause: duration = 1 h
stream Pay ordered by at late 30 s { at: time, card: string, amount: decimal, note: string? }
stream Call ordered by at { at: time, card: string }
stream Any = Pay | Call
rule Test "what it is for" keyed by card
when Pay as small where amount < least and note is null
     then no Call where card != "x" then 2 or more Any as more
within 90 min
emit Alert { card, n = count(more) }
"""


def of(text, name="Test"):
    book = cep.loads(text).rulebook
    [rule] = [r for r in book.rules if r.name == name]
    return rule_fingerprint(rule, book.sources)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("within 90 min", "within 1 h 30 min"),
        ("\nrule", "\n-- a comment\nrule"),
        (" then no Call", "\n\n   then   no Call -- here too\n"),
        ('"what it is for" ', ""),
        ("param least: int = 5", "param least: int = 6"),
        ("\nrule Test", "\nrule Before from Call emit B { card }\nrule Test"),
        ("stream Any", "stream Other ordered by at { at: time }\nstream Any"),
    ],
)
def test_what_means_the_same_has_one_fingerprint(was, now):
    assert was in FILE
    assert of(FILE) == of(FILE.replace(was, now, 1))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("within 90 min", "within 91 min"),
        ("2 or more", "3 or more"),
        ("2 or more Any", "2 or more Any in a row"),
        ("then 2 or more", "then optional Pay then 2 or more"),
        ("amount < least", "amount <= least"),
        ('!= "x"', '!= "y"'),
        ("note is null", "note is not null"),
        ("keyed by card", ""),
        ("n = count(more)", "m = count(more)"),
        ("emit Alert", "emit Other"),
        ("Any = Pay | Call", "Any = Call | Other\nstream Other ordered by at { at: time, card: string }"),
        ("late 30 s", "late 31 s"),
        ("late 30 s", "late 30 s ties by card"),
        ("note: string?", "note: string?, more: int"),
        ("within 90 min", "within 90 min after match keep all"),
    ],
)
def test_what_means_another_thing_has_another(was, now):
    text = FILE.replace(was, now, 1).replace("{ card, n", "{ n" if was == "keyed by card" else "{ card, n")
    assert text != FILE
    assert of(FILE) != of(text)


def test_two_trees_that_only_look_alike_differ():
    assert len({fingerprint(*p) for p in [((1,), 2), ((1, 2),), (1, 2), ("1", 2), (1.0, 2), ("1, 2",), ({1: 2},)]}) == 7


def test_it_does_not_hang_on_the_depth_of_an_expression():
    deep = " + ".join(["amount"] * 600)
    text = f"stream S ordered by at {{ at: time, amount: int }}\nrule R from S emit X {{ v = {deep} }}"
    assert of(text, "R") != of(text.replace("v = amount", "v = amount + amount"), "R")


def test_the_params_of_a_rule_are_those_that_it_reads():
    [rule] = cep.loads(FILE.replace("within 90 min", "within pause")).rulebook.rules
    assert params_of(rule) == ("least", "pause")

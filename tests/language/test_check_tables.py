"""Tables: what is checked of their declarations, of reads and of joins, and how mistakes are told."""

import pytest

from cep.language.typed import Call
from cep.model.table import TableRead
from tests.language.checking import PRELUDE, assert_mistakes, rulebook

EXTRA = """\
table Known keyed by card from "known.csv" { card: string, owner: string, most: decimal(2), home: Place?, age: int? }
table Fee keyed by card, part from "fee.csv" { card: string, part: int, fee: float }
"""
ABOVE = PRELUDE + EXTRA


def value(expression):
    return rulebook(f"rule R from Pay emit X {{ x = {expression} }}", ABOVE).rules[0].emits[0].fields[0][1]


def test_a_read_is_a_call_that_may_be_null():
    found = value("Known[card].owner")
    assert isinstance(found, Call)
    assert isinstance(found.function, TableRead)
    assert (found.function.table, found.function.field) == ("Known", "owner")
    assert str(found.type) == "string?"
    assert found.function.rows is None  # nobody has read the file


@pytest.mark.parametrize(
    ("expression", "kind"),
    [("Known[card].most", "decimal(2)?"), ("Fee[card, seq].fee", "float?"), ("Known[note].age", "int?")],
)
def test_a_field_has_its_type_and_may_be_missing(expression, kind):
    assert str(value(expression).type) == kind


MISTAKES = [
    ("from Pay emit X { a = Known[card].«ownr }", "unknown-field", "no field `ownr`", "`owner`"),
    ("from Pay emit X { a = «Knwon[card].owner }", "unknown-table", "no table Knwon", "`Known`"),
    (
        "from Pay emit X { a = Known[«seq].owner }",
        "table-key",
        "`card` of the table Known is a string, not an int",
        None,
    ),
    (
        "from Pay emit X { a = «Known[card, seq].owner }",
        "table-key",
        "keyed by card, and 2 are given",
        "Known[card].owner",
    ),
    ("from Pay emit X { a = «Fee[card].fee }", "table-key", "keyed by card and part", "Fee[card, part].fee"),
    ("from Pay emit X { a = Known[card].«home }", "not-yet", "a record of a table", None),
    (
        "from Pay as p left join Known as k on «k.owner = p.card emit X { a = k.owner }",
        "table-join",
        "whole key",
        "k.card = …",
    ),
    (
        "from Pay as p left join Fee as f on «f.card = p.card emit X { a = f.fee }",
        "table-join",
        "part is not given",
        None,
    ),
    (
        "from Pay as p «full join Known as k on k.card = p.card emit X { a = k.owner }",
        "table-join",
        "no `full join`",
        None,
    ),
    (
        "from Pay as p «join Known as k on k.card = p.card within 5 s emit X { a = k.owner }",
        "table-join",
        "`within`",
        None,
    ),
    ("from Pay as p join Known as «p on p.card = p.card emit X { a = p.seq }", "ambiguous-name", "an alias", None),
    ("from Pay as p join Known as k on k.card = p.card emit X { a = «k }", "event-as-value", "a row of Known", None),
    ("from Pay as p join Known as k on k.card = «p.seq emit X { a = k.owner }", "table-key", "not an int", None),
    (
        "from Pay as p join Known as k on k.card = p.card over every 1 h emit X { a = «k.owner }",
        "loop-alias",
        "differs among the events",
        "first(k.field)",
    ),
    ("from «Known emit X { }", "not-yet", "the table Known as a stream", None),
]


@pytest.mark.parametrize(("rule", "code", "message", "hint"), MISTAKES)
def test_mistakes_are_told_at_their_place(rule, code, message, hint):
    assert_mistakes(f"rule R {rule}", code, message, hint, ABOVE)


DECLARED = [
    ('table T keyed by «cart from "t.csv" { card: string }', "unknown-field", "no field `cart`", "`card`"),
    ('table T keyed by card, «card from "t.csv" { card: string }', "duplicate-name", "twice", None),
    ('table T keyed by «p from "t.csv" { p: Place }', "key-type", "cannot be a key", None),
    ('table T keyed by «card from "t.csv" { card: string? }', "key-type", "cannot be optional", "card: string"),
    ('table T keyed by card from "t.csv" { card: string, «card: int }', "duplicate-field", "twice", None),
]


@pytest.mark.parametrize(("text", "code", "message", "hint"), DECLARED)
def test_mistakes_of_declarations_are_told_once(text, code, message, hint):
    assert_mistakes(f"{text} rule R from Pay emit X {{ a = T[card].card }}", code, message, hint, PRELUDE)


def test_a_table_that_nothing_fills_is_warned_of():
    book = rulebook("table T keyed by a { a: string } rule R from Pay emit X { a = T[card].a }")
    assert [(w.code, "stays empty" in w.message) for w in book.warnings] == [("not-yet", True)]


def test_a_table_that_is_joined_is_not_called_unused():
    book = rulebook("rule R from Pay as p join Known as k on k.card = p.card emit X { a = k.owner }", ABOVE)
    assert [n.message for n in book.notes if "Known" in n.message] == []

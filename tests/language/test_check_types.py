"""Types: what meets what, by the table of cep.language.typed."""

from __future__ import annotations

import pytest

from cep.language.typed import Apply, Attr, CheckedFilter, Const, Typed
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type, decimal
from tests.language.checking import assert_mistakes, rulebook

WRONG = [
    ("«card = 5", "a string cannot be compared with an int", 'quotes: "5"'),
    ('«amount > "5"', "a decimal cannot be compared with a string", "without quotes: 5"),
    ('«at > "2024-01-01T00:00:00Z"', "a time cannot be compared with a string", "param of type time"),
    ("«at > 5", "a time cannot be compared with an int", None),
    ("«at > 5 min", "a time cannot be compared with a duration", "at - a.at"),
    ("«at - at > 5", "a duration cannot be compared with an int", "write a unit, e.g. 5 min"),
    ("«pause > 2.5", "a duration cannot be compared with a float", "e.g. 2.5 min"),
    ('«ok = "true"', "a bool cannot be compared with a string", "without quotes"),
    ("«ok > false", "`>` is not defined for bools", None),
    ("«card + card = card", "`+` is not defined for a string and a string", "`||`"),
    ("«card * 2 = 4", "`*` is not defined for a string and an int", None),
    ("«at + 5 > at", "`+` is not defined for a time and an int", "e.g. 10 min"),
    ("«at + at > at", "`+` is not defined for a time and a time", "is a duration"),
    ("«pause * rate > pause", "`*` is not defined for a duration and a float", "multiplied by an int"),
    ("«pause / 2 > pause", "`/` is not defined for a duration and an int", "`div`"),
    ("«pause + 2 > pause", "`+` is not defined for a duration and an int", "e.g. 10 min"),
    ("«seq + null > 2", "`+` is not defined for an int and null", None),
    ("«rate div 2 > 1", "`div` takes ints", "`/`"),
    ("«amount % 2 = 1", "`%` takes ints", None),
    ('«-card = "x"', "`-` takes a number", None),
    ('«seq like "a%"', "`like` takes a string, not an int", None),
    ("card like «card", "must be a string constant", 'in quotes: "a%"'),
    ('card in («1, "b")', "a string cannot be compared with an int", None),
    ("seq between 1 and 2 and «card between 1 and 2", "a string cannot be compared", None),
]


@pytest.mark.parametrize(("condition", "message", "hint"), WRONG)
def test_kinds_that_do_not_meet_are_told_with_a_cure(condition, message, hint):
    assert_mistakes(f"rule R from Pay where {condition} emit X {{ }}", "wrong-type", message, hint)


OTHERS = [
    ("«amount", "not-a-condition", "true or false; this is decimal", "amount = …"),
    ("«note", "not-a-condition", "true or false; this is string?", "note is not null"),
    ("ok and «seq", "not-a-condition", "what `and` joins", None),
    ("not «seq", "not-a-condition", "what `not` takes", None),
    ("«null", "not-a-condition", "this is null", None),
    ("«note = null", "null-comparison", "never true", "`note is null`"),
    ("«note != null", "null-comparison", "never true", "`note is not null`"),
    ("«null = note", "null-comparison", "never true", "`note is null`"),
    ('note in ("a", «null)', "null-comparison", "never true", None),
    ("seq > «9223372036854775808", "number-too-big", "beyond 64 bits", None),
    ("«amount > 0.1234567890123", "decimal-scale", "more than 12 digits", None),
    ("«amount * amount * amount * amount > 1", "decimal-scale", "16 digits", "decimal(2)"),
    ('card matches «"(a"', "bad-pattern", "no regular expression", None),
    ('card matches «"(?=a)b"', "bad-pattern", "linear time", None),
    ('card matches «"(a)\\\\1"', "bad-pattern", "linear time", None),
]


@pytest.mark.parametrize(("condition", "code", "message", "hint"), OTHERS)
def test_what_no_condition_can_say_is_refused(condition, code, message, hint):
    assert_mistakes(f"rule R from Pay where {condition} emit X {{ }}", code, message, hint)


def emitted(expression: str) -> Typed:
    """The typed form of an expression over a Pay."""
    book = rulebook(f"rule R from Pay emit X {{ x = {expression} }}")
    return book.rules[0].emits[0].fields[0][1]


TYPES: list[tuple[str, Type]] = [
    ("seq + 1", INT.as_optional()),
    ("-seq", INT.as_optional()),
    ("-rate", FLOAT),
    ("seq / 2", FLOAT.as_optional()),
    ("seq div 2", INT.as_optional()),
    ("seq % 2", INT.as_optional()),
    ("seq + 0.5", FLOAT.as_optional()),
    ("amount + 0.5", decimal(4).as_optional()),
    ("amount + 1", decimal(4).as_optional()),
    ("amount * 0.5", decimal(5).as_optional()),
    ("amount * amount", decimal(8).as_optional()),
    ("amount * 3", decimal(4).as_optional()),
    ("amount / 3", FLOAT.as_optional()),
    ("at - at", DURATION.as_optional()),
    ("at + pause", TIME.as_optional()),
    ("pause + at", TIME.as_optional()),
    ("at - 5 min", TIME.as_optional()),
    ("pause * 2", DURATION.as_optional()),
    ("pause / pause", FLOAT.as_optional()),
    ("pause div pause", INT.as_optional()),
    ("pause % pause", DURATION.as_optional()),
    ("pause div 2", DURATION.as_optional()),
    ("seq > 1", BOOL),
    ("tries > 1", BOOL.as_optional()),
    ("tries is null", BOOL),
    ("where_at is null", BOOL),
    ("where_at.lat", FLOAT.as_optional()),
    ("not ok", BOOL),
    ("ok or tries > 1", BOOL.as_optional()),
    ('note like "a%"', BOOL.as_optional()),
    ('card in ("a", "b")', BOOL),
    ('card in ("a", note)', BOOL.as_optional()),
    ("seq between 1 and tries", BOOL.as_optional()),
    ("5.00", FLOAT),
    ('"a"', STRING),
    ("10 min", DURATION),
    ("limit", decimal(4)),
]


@pytest.mark.parametrize(("expression", "expected"), TYPES)
def test_an_operation_has_the_type_of_the_table(expression, expected):
    assert emitted(expression).type == expected


def test_a_point_literal_is_a_decimal_beside_a_decimal_and_exact():
    assert emitted("amount > 5.10") == Apply("gt", (Attr(None, "amount", decimal()), Const(510, decimal(2))), BOOL)


def test_a_point_literal_is_a_float_elsewhere_and_an_int_beside_it_is_cast():
    assert emitted("seq > 0.5") == Apply(
        "gt", (Apply("to_float", (Attr(None, "seq", INT),), FLOAT), Const(0.5, FLOAT)), BOOL
    )


def test_division_casts_both_sides():
    cast = Apply("to_float", (Attr(None, "seq", INT),), FLOAT)
    assert emitted("seq / 4") == Apply("div", (cast, Const(4.0, FLOAT)), FLOAT.as_optional())


def test_a_sum_of_decimals_takes_the_larger_scale():
    assert emitted("amount + 1.5") == Apply(
        "add", (Attr(None, "amount", decimal()), Const(15000, decimal(4))), decimal(4).as_optional()
    )


def test_between_is_two_comparisons_and_both_ends_are_in():
    seq = Attr(None, "seq", INT)
    assert emitted("seq between 1 and 2") == Apply(
        "and", (Apply("ge", (seq, Const(1, INT)), BOOL), Apply("le", (seq, Const(2, INT)), BOOL)), BOOL
    )


def test_in_casts_the_value_once_for_all_items():
    found = emitted("seq not in (1, 2.5)")
    value = Apply("to_float", (Attr(None, "seq", INT),), FLOAT)
    assert found == Apply("not", (Apply("in", (value, Const(1.0, FLOAT), Const(2.5, FLOAT)), BOOL),), BOOL)


def test_the_least_int_can_be_written():
    assert emitted("-9223372036854775808") == Const(-(2**63), INT)


def test_a_decimal_with_a_float_is_warned_of():
    book = rulebook("rule R from Pay where amount > rate emit X { }")
    assert [w.code for w in book.warnings] == ["decimal-with-float"]


def test_a_chain_of_ten_thousand_terms_is_checked_without_recursion():
    book = rulebook(f"rule R from Pay where {' + '.join(['seq'] * 10_000)} > 1 and ok emit X {{ }}")
    body = book.rules[0].body
    assert isinstance(body, CheckedFilter)
    assert body.where is not None
    book = rulebook(f"rule R from Pay where {' or '.join(['seq = 1'] * 10_000)} emit X {{ }}")
    body = book.rules[0].body
    assert isinstance(body, CheckedFilter)
    assert isinstance(body.where, Apply)
    assert len(body.where.args) == 10_000

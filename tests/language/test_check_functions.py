"""Functions of values: their types, and what they cannot be asked."""

from __future__ import annotations

import pytest

from cep.language.typed import Apply, Const
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type, decimal
from tests.language.checking import assert_mistakes, rulebook


def emitted(expression):
    book = rulebook(f"rule R from Pay emit X {{ x = {expression} }}")
    return book.rules[0].emits[0].fields[0][1]


TYPES: list[tuple[str, Type]] = [
    ("abs(seq)", INT.as_optional()),
    ("abs(rate)", FLOAT),
    ("abs(amount)", decimal(4).as_optional()),
    ("abs(pause)", DURATION.as_optional()),
    ("round(seq)", INT),
    ("round(seq, 2)", INT),
    ("round(rate)", FLOAT),
    ("round(rate, 2)", FLOAT),
    ("round(amount)", decimal(0)),
    ("round(amount, 2)", decimal(2)),
    ("round(amount, 4)", decimal(4)),
    ("round(amount, 6)", decimal(6).as_optional()),
    ("floor(rate)", INT.as_optional()),
    ("ceil(amount)", INT),
    ("floor(tries)", INT.as_optional()),
    ("sqrt(seq)", FLOAT.as_optional()),
    ("log(amount)", FLOAT.as_optional()),
    ("exp(rate)", FLOAT.as_optional()),
    ("pow(seq, 0.5)", FLOAT.as_optional()),
    ("hours(pause)", FLOAT),
    ("minutes(at - at)", FLOAT.as_optional()),
    ("seconds(5 min)", FLOAT),
    ("coalesce(tries, 0)", INT),
    ("coalesce(tries, null)", INT.as_optional()),
    ("coalesce(tries, tries, seq)", INT),
    ("coalesce(tries, rate)", FLOAT),
    ("coalesce(tries, amount)", decimal(4)),
    ("least(tries, null, amount + 1)", decimal(4).as_optional()),
    ("coalesce(amount, 0.5)", decimal(4)),
    ("coalesce(amount, 0.123456)", decimal(6)),
    ("coalesce(tries, 0.5)", FLOAT),
    ("coalesce(tries > 1, false)", BOOL),
    ("least(tries, seq)", INT),
    ('coalesce(note, "none")', STRING),
    ("least(note, null)", STRING.as_optional()),
    ('case when ok then "a" when seq > 1 then note else card end', STRING.as_optional()),
    ("least(seq, rate, 1)", FLOAT),
    ("greatest(at, at)", TIME),
    ("greatest(pause, 5 min)", DURATION),
    ("case when ok then 1 else 2 end", INT),
    ("case when ok then 1 end", INT.as_optional()),
    ("case when ok then 1 when seq > 2 then 2.5 else tries end", FLOAT.as_optional()),
    ("case when ok then amount else 0.5 end", decimal(4)),
    ("case when tries > 1 then ok else false end", BOOL),
]


@pytest.mark.parametrize(("expression", "expected"), TYPES)
def test_a_function_has_the_type_of_the_table(expression, expected):
    assert emitted(expression).type == expected


def test_casts_are_written_out():
    rounded = emitted("coalesce(amount, 0.123456)")
    assert [a.op if isinstance(a, Apply) else a for a in rounded.args] == ["rescale", Const(123456, decimal(6))]
    assert emitted("coalesce(tries, null)").args[1] == Const(None, INT.as_optional())
    assert emitted("sqrt(seq)").args[0].op == "to_float"


WRONG = [
    ("abs(«card) > 1", "wrong-type", "`abs` takes an int, a float, a decimal or a duration, not a string", None),
    ("abs(«at) > 5 min", "wrong-type", "`abs` takes", "a time minus a time is a duration"),
    ("floor(«pause) > 1", "wrong-type", "`floor` takes", None),
    ("sqrt(«pause) > 1", "wrong-type", "`sqrt` takes", "seconds(…)"),
    ("hours(«seq) > 1", "wrong-type", "`hours` takes a duration, not an int", None),
    ("«abs() > 1", "wrong-arguments", "`abs` takes one argument", "write abs(x)"),
    ("«pow(seq) > 1", "wrong-arguments", "`pow` takes two arguments", "write pow(x, y)"),
    ("«coalesce(tries) > 1", "wrong-arguments", "two arguments or more", "coalesce(x, 0)"),
    ("«round(rate, 1, 2) > 1", "wrong-arguments", "one or two arguments", None),
    ("«abs(distinct seq) > 1", "wrong-arguments", "`abs` takes one argument", None),
    ("round(rate, «seq) > 1", "wrong-arguments", "0 to 12 digits", "round(x, 2)"),
    ("round(rate, «13) > 1", "wrong-arguments", "0 to 12 digits", None),
    ("«coalesce(tries, card) > 1", "wrong-type", "an int and a string", "one type"),
    ("«coalesce(null, null) is null", "null-comparison", "all null", None),
    ("«least(ok, ok)", "wrong-type", "not defined for bools", None),
    ("case when «seq then 1 end is null", "not-a-condition", "what follows `when`", None),
    ("«case when ok then 1 else card end is null", "wrong-type", "the values of `case`", None),
    ("«ifnull(tries, 0) > 1", "unknown-function", "`ifnull`", "did you mean `coalesce`?"),
]


@pytest.mark.parametrize(("condition", "code", "message", "hint"), WRONG)
def test_what_a_function_cannot_take_is_told(condition, code, message, hint):
    assert_mistakes(f"rule R from Pay where {condition} emit X {{ }}", code, message, hint)


def test_a_decimal_beside_a_float_is_warned_of():
    book = rulebook("rule R from Pay emit X { x = coalesce(amount, rate) }")
    assert [w.code for w in book.warnings] == ["decimal-with-float"]

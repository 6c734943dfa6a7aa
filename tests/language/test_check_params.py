"""Parameters: constants in the file, values from the host and from the command line."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cep.language.parser import parse_expression
from cep.language.typed import ParamRef
from cep.model.errors import UsageError
from cep.model.types import decimal
from tests.language.checking import assert_mistakes, rulebook

VALUES = [
    ("int = 40", 40),
    ("int = 2 + 3 * -4", -10),
    ("int = -7 div 2", -3),
    ("int = -7 % 2", -1),
    ("float = 40", 40.0),
    ("float = 1 / 8", 0.125),
    ("decimal = 5.00", 50_000),
    ("decimal(2) = 0.1 + 0.2", 30),
    ("decimal(12) = 1.5 * 3", 4_500_000_000_000),
    ("bool = true", True),
    ('string = "a"', "a"),
    ("duration = 1 h 30 min", 5_400_000_000_000),
    ("duration = 2 * 10 min - 1 min", 1_140_000_000_000),
    ('time = "1970-01-01T01:00:00.5+01:00"', 500_000_000),
    ('time = "1970-01-02"', 86_400_000_000_000),
]


@pytest.mark.parametrize(("declaration", "value"), VALUES)
def test_a_param_is_a_constant_of_its_type(declaration, value):
    found = rulebook(f"param p: {declaration}", prelude="").params["p"]
    assert found.value.value == value
    assert type(found.value.value) is type(value)
    assert found.value.type == found.type


WRONG = [
    ("int = «2.5", "this is a number with a point, not an int", "float or decimal"),
    ("int = «1 / 2", "this is a float, not an int", None),
    ("int = «9223372036854775808", "beyond 64 bits", None),
    ("decimal(2) = «0.125", "more digits after the point", None),
    ("decimal = «1 / 3", "this is a float", None),
    ("decimal(12) = «10000000000.5", "beyond what decimal(12) holds", None),
    ("duration = «10", "not a duration", "e.g. 10 min"),
    ("string = «5", "not a string", '"5"'),
    ('bool = «"true"', "not a bool", None),
    ('time = «"yesterday"', "is no time", "RFC 3339"),
    ('time = «"2500-01-01"', "beyond the times", None),
    ("int = «other", "not a constant", "a literal"),
    ("int = 1 + «abs(2)", "not a constant", None),
    ("int = «null", "this is a null", "always has a value"),
    ("int = «1 div 0", "divides by zero", None),
    ('int = «"a" + 1', "`+` is not defined", None),
]


@pytest.mark.parametrize(("declaration", "message", "hint"), WRONG)
def test_what_is_no_constant_of_the_type_is_told_at_its_place(declaration, message, hint):
    assert_mistakes(f"param p: {declaration}", "param-value", message, hint, prelude="")


def test_a_param_is_never_null():
    assert_mistakes("param p: «int? = 4", "wrong-type", "never null", prelude="")


OVERRIDES = [
    ("int = 1", 5, 5),
    ("int = 1", "5", 5),
    ("int = 1", "-5", -5),
    ("float = 1", "2.5", 2.5),
    ("float = 1", 2.5, 2.5),
    ("float = 1", 2, 2.0),
    ("decimal = 1", 2.5, 25_000),
    ("decimal = 1", "2.5", 25_000),
    ("decimal = 1", Decimal("0.1"), 1000),
    ("bool = true", False, False),
    ("bool = true", "false", False),
    ("duration = 1 s", "10 min", 600_000_000_000),
    ("duration = 1 s", dt.timedelta(seconds=2), 2_000_000_000),
    ('string = "x"', "plain text, no quotes", "plain text, no quotes"),
    ('string = "x"', '"quoted"', "quoted"),
    ('string = "x"', "5", "5"),
    ('time = "2000-01-01"', dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC), 1_000_000_000),
    ('time = "2000-01-01"', "1970-01-01T00:00:01Z", 1_000_000_000),
    ("int = 1", parse_expression("2 + 3"), 5),
]


@pytest.mark.parametrize(("declaration", "given", "value"), OVERRIDES)
def test_a_given_value_replaces_the_one_in_the_file(declaration, given, value):
    found = rulebook(f"param p: {declaration}", prelude="", p=given).params["p"].value.value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("declaration", "given", "message"),
    [
        ("int = 1", "x", "not a constant"),
        ("int = 1", "((", "`((` is no int"),
        ("int = 1", True, "this is a bool, not an int"),
        ("int = 1", 2.5, "not an int"),
        ("duration = 1 s", 10, "write a unit, e.g. 10 min"),
        ("float = 1", float("nan"), "no finite number"),
        ("int = 1", object(), "a object is no value"),
    ],
)
def test_a_given_value_of_another_type_is_refused(declaration, given, message):
    with pytest.raises(UsageError, match="param p: ") as caught:
        rulebook(f"param p: {declaration}", prelude="", p=given)
    assert message in str(caught.value)


def test_an_unknown_param_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="`jmup`: did you mean `jump`"):
        rulebook("param jump: int = 1", prelude="", jmup=5)


def test_a_param_stands_in_expressions_and_text_patterns_by_reference():
    book = rulebook('param like_what: string = "a%" rule R from Pay where card like like_what emit X { limit }')
    rule = book.rules[0]
    assert rule.emits[0].fields[0][1].type == decimal()
    assert ParamRef("like_what", book.params["like_what"].type) in rule.body.where.args

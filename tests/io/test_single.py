"""A row is read to values, or left to those who say what is wrong with it."""

import math

import pytest

from cep.io.single import Field, compile_row_reader
from cep.model.types import Type

SECOND = 10**9


def read(kind, value, required=True, column="x"):
    found = compile_row_reader([Field("x", column, kind, required)])({"x": value})
    return found if found is None else found[0]


@pytest.mark.parametrize(
    ("kind", "value", "stands"),
    [
        (Type("int"), 5, 5),
        (Type("int"), "5", 5),
        (Type("int"), 2**63, None),
        (Type("int"), True, None),
        (Type("float"), 2, 2.0),
        (Type("float"), math.inf, None),
        (Type("float", infinite=True), math.inf, math.inf),
        (Type("bool"), False, False),
        (Type("bool"), 1, None),
        (Type("string"), "zé", "zé"),
        (Type("string"), "\ud800", None),
        (Type("decimal", scale=2), 3, 300),
        (Type("decimal", scale=2), "1.25", 125),
        (Type("decimal", scale=2), 1.255, None),
        (Type("time", unit="s"), 3, 3 * SECOND),
        (Type("time", unit="s"), 10**12, None),
        (Type("time"), "1970-01-01T00:00:01Z", SECOND),
        (Type("time"), 1, None),
        (Type("duration"), "1 min", 60 * SECOND),
    ],
)
def test_values_are_read_as_elsewhere_or_not_at_all(kind, value, stands):
    assert read(kind, value) == stands


def test_nothing_is_a_value_only_where_it_may_be():
    assert read(Type("float"), math.nan) is None
    reader = compile_row_reader([Field("x", "x", Type("float", optional=True), False)])
    assert [reader(row) for row in ({"x": math.nan}, {"x": None}, {}, [], {"x": "?"})] == [
        (None,),
        (None,),
        (None,),
        None,
        None,
    ]


def test_a_dotted_column_that_is_not_there_may_stand_inside():
    reader = compile_row_reader([Field("x.y", "x.y", Type("int", optional=True), False)])
    assert [reader(row) for row in ({"x.y": 1}, {"x.y": None}, {"x": {"y": 1}})] == [(1,), (None,), None]

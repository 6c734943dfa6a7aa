"""Types: how they are written, and which lie in a column alike."""

from __future__ import annotations

import pytest

from cep.model.types import BOOL, FLOAT, INT, STRING, Type, decimal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (INT, "int"),
        (INT.as_optional(), "int?"),
        (decimal(), "decimal"),
        (decimal(2), "decimal(2)"),
        (Type("time", unit="ms"), "time(ms)"),
        (Type("time", zone="Europe/Paris"), 'time("Europe/Paris")'),
        (Type("float", infinite=True), "float(inf)"),
        (Type("record", name="Place", optional=True), "Place?"),
        (Type("list", items=(STRING,)), "list<string>"),
        (Type("map", items=(STRING, INT)), "map<string, int>"),
    ],
)
def test_a_type_is_written_as_in_a_rule(kind, text):
    assert str(kind) == text


def test_optional_is_undone_by_its_opposite():
    assert FLOAT.as_optional().as_optional(False) == FLOAT
    assert FLOAT.as_optional() is not FLOAT
    assert FLOAT.as_optional(False) is FLOAT


def test_types_lie_alike_when_kind_and_scale_agree():
    assert INT.same_kind(INT.as_optional())
    assert Type("time", unit="ms").same_kind(Type("time"))
    assert not decimal(2).same_kind(decimal(4))
    assert not INT.same_kind(FLOAT)


def test_numbers_are_int_float_and_decimal():
    assert [k.is_number for k in (INT, FLOAT, decimal(), BOOL, STRING, Type("duration"))] == [True] * 3 + [False] * 3

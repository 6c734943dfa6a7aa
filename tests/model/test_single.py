"""A few events of one time are a batch whose columns are made when they are looked at."""

from cep.model.schema import Attribute, Schema
from cep.model.single import events_at
from cep.model.types import Type

KINDS = {
    "a": Type("int", optional=True),
    "s": Type("string", optional=True),
    "d": Type("decimal", scale=2),
    "l": Type("list", items=(Type("int"),), optional=True),
    "f": Type("float"),
}


def batch(*rows):
    schema = Schema("X", tuple(Attribute(name, kind, name) for name, kind in KINDS.items()))
    return events_at(schema, {name: (n, kind) for n, (name, kind) in enumerate(KINDS.items())}, rows, 7, 3)


def test_columns_hold_what_the_rows_hold():
    made = batch((1, "x", 150, None, -0.0), (None, None, 25, None, 2.5))
    assert made.ts.tolist() == [7, 7]
    assert made.seq.tolist() == [3, 4]
    assert made.to_dicts() == [
        {"a": 1, "s": "x", "d": made["d"].to_list()[0], "l": None, "f": -0.0},
        {"a": None, "s": None, "d": made["d"].to_list()[1], "l": None, "f": 2.5},
    ]
    assert str(made["d"].to_list()[0]) == "1.50"


def test_a_column_is_made_once():
    made = batch((1, "x", 1, None, 0.0))
    assert made["a"] is made["a"]
    assert list(made.columns) == list(KINDS)

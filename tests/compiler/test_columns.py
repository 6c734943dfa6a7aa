"""Column functions: results as columns whatever they are made of, leaves read once, equal functions known as equal."""

from __future__ import annotations

import numpy as np
import pytest

from cep.compiler.columns import as_column, batch_leaf, compile_columns
from cep.compiler.text import TextVector
from cep.language.typed import Apply, Attr, Const
from cep.model.batch import EMPTY_TEXT, Column, Text
from cep.model.types import BOOL, FLOAT, INT, STRING, TIME, decimal

A, B = Attr(None, "a", INT), Attr(None, "b", INT.as_optional())
SUM = Apply("add", (A, B), INT.as_optional())
COLUMNS = {
    "a": Column(INT, np.array([1, 2, 3])),
    "b": Column(INT.as_optional(), np.array([5, 2**62, 7]), np.array([True, False, True])),
}


def leaf(node):
    return batch_leaf(COLUMNS[node.name])


def test_results_are_columns_of_the_batchs_length():
    function = compile_columns([SUM, Const(7, INT), Const("x", STRING), Const(None, FLOAT.as_optional()), A], {})
    faults = np.zeros(3, np.int64)
    found = function.columns(leaf, 3, faults)
    assert [c.to_list() for c in found] == [[6, None, 10], [7, 7, 7], ["x"] * 3, [None] * 3, [1, 2, 3]]
    assert all(c.values.flags.c_contiguous and len(c) == 3 for c in found)
    assert faults.tolist() == [0, 0, 0]


def test_a_leaf_is_asked_for_once():
    asked = []
    function = compile_columns([SUM, Apply("mul", (A, A), INT.as_optional()), SUM], {})
    function(lambda n: asked.append(n.name) or leaf(n), 3, np.zeros(3, np.int64))
    assert asked == ["a", "b"]


def test_a_condition_is_a_mask_whatever_it_is_made_of():
    for node, want in (
        (Apply("gt", (B, A), BOOL.as_optional()), [True, False, True]),
        (Apply("is_null", (B,), BOOL), [False, True, False]),
        (Apply("is_null", (A,), BOOL), [False] * 3),
        (Const(True, BOOL), [True] * 3),
        (Const(None, BOOL.as_optional()), [False] * 3),
        (Apply("gt", (Const(2, INT), Const(1, INT)), BOOL), [True] * 3),
    ):
        mask = compile_columns([node], {}).condition(leaf, 3, np.zeros(3, np.int64))
        assert mask.dtype == np.bool_
        assert mask.tolist() == want, node


def test_functions_of_one_meaning_are_equal():
    def gt(limit, left=A):
        return compile_columns([Apply("gt", (left, Const(limit, INT)), BOOL)], {}).identity

    assert gt(5) == gt(5)
    assert len({gt(5), gt(6), gt(5, Attr(None, "b", INT)), gt(5, Attr(None, "a", INT.as_optional()))}) == 4


def test_a_boolean_leaf_is_false_under_a_null():
    column = Column(BOOL.as_optional(), np.array([True, True, False]), np.array([False, True, True]))
    value, null = batch_leaf(column)
    assert value.tolist() == [False, True, False]
    assert null.tolist() == [True, False, False]


@pytest.mark.parametrize("null", [False, True, np.False_, np.array([False, True, False])], ids=str)
@pytest.mark.parametrize("kind", [INT, FLOAT, BOOL, STRING, TIME, decimal(2)], ids=str)
def test_scalars_are_spread_over_the_rows(kind, null):
    value = {"string": "x", "float": 1.5, "bool": True}.get(kind.kind, 7)
    column = as_column(kind, value, null, 3)
    valid = [not n for n in np.broadcast_to(null, 3)]
    assert len(column) == 3
    assert [v is not None for v in column.to_list()] == valid
    assert (column.valid is None) == all(valid)
    assert column.values.dtype == {"string": np.int32, "float": np.float64, "bool": np.bool_}.get(kind.kind, np.int64)


def test_strings_without_rows_or_words_are_lawful():
    assert as_column(STRING, "x", False, 0).to_list() == []
    nulls = as_column(STRING.as_optional(), TextVector(np.zeros(2, np.int32), EMPTY_TEXT), np.array([True, True]), 2)
    assert nulls.to_list() == [None, None]
    nothing = as_column(STRING.as_optional(), "0", True, 2)
    assert nothing.to_list() == [None, None]
    assert len(as_column(STRING, TextVector(np.zeros(1, np.int32), Text.of(["é"])), False, 1)) == 1

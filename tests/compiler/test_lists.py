"""List aggregates over bound events, and whether a value is in a list."""

from dataclasses import replace

import numpy as np
import pytest

from cep.compiler.lists import BoundEvents, in_lists
from cep.compiler.text import TextVector
from cep.io.columns import cells_of_objects
from cep.model.batch import Column, Text, string_column
from cep.model.types import FLOAT, INT, STRING, Type, list_of

# three matches over rows 0 to 6; match 1 has bound nothing to step 0
BOUND = np.array(
    [[0, 0, 10, 0], [1, 1, 0, 0], [2, 0, 11, 1], [3, 0, 12, 1], [4, 1, 1, 0], [5, 0, 13, 0], [6, 0, 14, 1]]
)


def events(column):
    return BoundEvents(
        np.array([0, 3, 4, 7]),
        BOUND,
        ("A", "B"),
        lambda _, rows: column.take(rows),
        lambda _, words: column.take(words),
    )


def to_list(vector):
    return Column(list_of(INT), vector.codes, None, None, vector.lists).to_list()


def column_of(values, kind):
    cells = cells_of_objects(values, kind)
    return Column(kind, cells.values, cells.valid, cells.text, cells.lists)


FLOATS = column_of([0.0, -0.0, 2.5, 9.0, None, 1.5, 2.5], FLOAT.as_optional())
STRINGS = string_column(["x", "x", "y", None, "z", "z", None])
LISTS = column_of([["a"], None, ["b", "c"], [], ["d"], [], ["e"]], list_of(STRING).as_optional())


@pytest.mark.parametrize(
    ("function", "column", "steps", "want"),
    [
        ("list", FLOATS, (0,), [[0.0, -0.0], [], [None, 1.5]]),
        ("list", STRINGS, (1,), [["y"], [None], [None]]),
        ("list", STRINGS, (0, 1), [["x", "x", "y"], [None], ["z", "z", None]]),
        ("distinct", FLOATS, (0,), [[0.0], [], [1.5]]),
        ("distinct", STRINGS, (0, 1), [["x", "y"], [], ["z"]]),
        ("flatten", LISTS, (0, 1), [["a", "b", "c"], [], ["d", "e"]]),
        ("flatten", LISTS, (0,), [["a"], [], ["d"]]),
        ("events", FLOATS, (0,), [["A#10", "B#0"], [], ["B#1", "A#13"]]),
    ],
)
def test_one_list_a_match(function, column, steps, want):
    assert to_list(events(column).gathered(function, steps, 0)) == want


def test_a_string_that_a_dictionary_holds_twice_is_one_string():
    twice = replace(
        STRINGS, values=np.array([0, 1, 2, 0, 0, 1, 2], np.int32), valid=None, text=Text.of(["x", "x", "y"])
    )
    assert to_list(events(twice).gathered("distinct", (0, 1), 0)) == [["x", "y"], ["x"], ["x", "y"]]


def looked(value, values, kind, scale=0, is_float=False):
    column = column_of(values, kind)
    made = in_lists(value, vector_of(column), is_float, scale, kind.items[0].scale)
    return [part.tolist() for part in made]


def vector_of(column):
    from cep.compiler.columns import batch_leaf

    return batch_leaf(column)[0]


def test_a_value_is_looked_for_in_the_list_of_its_row():
    ints = list_of(INT.as_optional())
    assert looked(np.array([1, 2, 3, 4]), [[1, 2], [None], [], [None, 4]], ints) == [
        [True, False, False, True],
        [False, True, False, True],
        [True, True, False, True],
    ]
    texts = list_of(STRING)
    column = string_column(["b", "z", "b"])
    assert looked(TextVector(column.values, column.text), [["a", "b"], ["z"], []], texts)[0] == [True, True, False]
    assert looked("b", [["a", "b"], ["z"], []], texts)[0] == [True, False, False]
    assert looked(2, [[], [], []], ints) == [[False] * 3, [False] * 3, [False] * 3]


def test_decimals_are_compared_by_value_and_floats_as_floats():
    cents = list_of(Type("decimal", scale=2))
    assert looked(np.array([15, 25]), [["1.50"], ["2.51"]], cents, scale=1)[0] == [True, False]
    assert looked(np.array([1500, 1501]), [["1.50"], ["1.50"]], cents, scale=3)[0] == [True, False]
    assert looked(np.array([1.5, 2.0]), [["1.50"], ["2.50"]], cents, is_float=True)[0] == [True, False]

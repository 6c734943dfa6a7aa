"""Aggregates over windows as leaves of emitted text: their values, what is null, and what is counted as no number."""

import numpy as np
import pytest

from cep.compiler.stretches import Stretches
from cep.language.typed import WINDOW, Attr, Fold
from cep.model.batch import Column, string_column
from cep.model.types import FLOAT, INT, STRING

MOST = 2**63 - 1


def fold(function, column, bounds, given=(), faults=None):
    """The aggregate of each stretch, nulls as None."""
    low, high = zip(*bounds, strict=True)
    node = Fold(function, WINDOW, Attr(None, "x", column.type), False, column.type, given)
    faults = np.zeros(3, np.int64) if faults is None else faults
    value, null = Stretches.of(low, high, len(column)).fold(node, column, faults)
    null = np.broadcast_to(null, len(bounds)).tolist()
    if hasattr(value, "lists"):
        lists = value.lists.take(value.codes)
        return [lists.items.to_list()[a:b] for a, b in zip(lists.offsets[:-1], lists.offsets[1:], strict=True)]
    values = [value.text.strings[c] for c in value.codes] if hasattr(value, "text") else value.tolist()
    return [None if missing else v for v, missing in zip(values, null, strict=True)]


def ints(*values):
    return Column(INT, np.array([v or 0 for v in values], np.int64), np.array([v is not None for v in values]))


def floats(*values):
    return Column(FLOAT, np.array([v or 0.0 for v in values]), np.array([v is not None for v in values]))


def test_sums_of_whole_numbers_are_exact_and_null_beyond_64_bits():
    faults = np.zeros(3, np.int64)
    found = fold("sum", ints(MOST, 1, -5, None), [(0, 1), (0, 2), (0, 3), (3, 4)], faults=faults)
    assert found == [MOST, None, MOST - 4, None]
    assert faults.tolist() == [0, 1, 0]


def test_a_mean_of_whole_numbers_may_be_of_a_sum_beyond_64_bits():
    assert fold("avg", ints(MOST, MOST, None), [(0, 2), (2, 3)]) == [float(MOST), None]


def test_what_has_left_a_window_leaves_nothing_behind():
    assert fold("sum", floats(1e300, 0.1, 0.2, None), [(0, 2), (1, 3), (2, 3), (3, 4)]) == [1e300, 0.1 + 0.2, 0.2, None]


def test_a_float_that_is_too_great_is_null_and_counted():
    faults = np.zeros(3, np.int64)
    assert fold("sum", floats(1.7e308, 1.7e308), [(0, 1), (0, 2)], faults=faults) == [1.7e308, None]
    assert faults.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("function", "given", "want"),
    [
        ("min", (), [2, 1, None]),
        ("max", (), [3, 3, None]),
        ("first", (), [3, 3, None]),
        ("last", (), [2, 1, None]),
        ("count", (), [2, 3, 0]),
        ("count_distinct", (), [2, 3, 0]),
        ("percentile", (1, 2), [2, 2, None]),
        ("distinct", (), [[3, 2], [3, 2, 1], []]),
        ("top", (1,), [[3], [3], []]),
        ("median", (), [2.5, 2.0, None]),
        ("stddev", (), [0.5**0.5, 1.0, None]),
    ],
)
def test_nulls_are_passed_over_and_nothing_gives_null(function, given, want):
    assert fold(function, ints(3, 2, None, 1, None), [(0, 3), (0, 4), (4, 5)], given) == want


def test_strings_are_told_apart_by_what_they_are():
    column = string_column(["b", None, "a", "b"])
    column = Column(STRING.as_optional(), column.values, column.valid, column.text)
    assert fold("last", column, [(0, 2), (1, 2), (1, 4)]) == ["b", None, "b"]
    assert fold("count_distinct", column, [(0, 2), (1, 2), (0, 4)]) == [1, 0, 2]

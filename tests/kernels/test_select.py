"""What the marks say is what numpy says, at every size around a word."""

from __future__ import annotations

import numpy as np
import pytest

from cep.kernels.select import (
    gather_bits,
    gather_int32,
    gather_int64,
    list_rows,
    mark_codes,
    mark_float64,
    mark_int32,
    mark_int64,
    mark_true,
    pack_marks,
)

MARKS = [
    (mark_int32, np.int32, 2, 5),
    (mark_int64, np.int64, 2, 5),
    (mark_float64, np.float64, 1.5, 5.0),
]


@pytest.mark.parametrize(("mark", "dtype", "low", "high"), MARKS, ids=["int32", "int64", "float64"])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
def test_a_condition_clears_bits_where_it_does_not_hold(mark, dtype, low, high, size):
    rng = np.random.default_rng(size)
    values, marks = rng.integers(0, 8, size).astype(dtype), rng.integers(0, 256, size).astype(np.uint8)
    before = marks.copy()
    mark(values, low, high, 255, 0b11110101, marks)
    assert (marks == np.where((values >= low) & (values <= high), before, before & 0b11110101)).all()


def test_booleans_and_codes_clear_bits_too():
    rng = np.random.default_rng(1)
    flags, codes = rng.integers(0, 2, 100).astype(np.uint8), rng.integers(0, 3, 100).astype(np.int32)
    marks, kept = np.full(100, 7, np.uint8), np.array([1, 4, 6], np.uint8)
    mark_true(flags, 5, 2, marks)
    assert (marks == np.where(flags == 1, 5, 2)).all()
    mark_codes(codes, kept, marks)
    assert (marks == (np.where(flags == 1, 5, 2) & kept[codes])).all()


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 777])
def test_rows_are_those_with_a_mark_in_order(size):
    marks = np.random.default_rng(size).integers(-3, 3, size).clip(0).astype(np.uint8)
    words = np.empty((size + 63) >> 6, np.uint64)
    count = pack_marks(marks, words)
    rows = np.empty(count, np.int64)
    assert list_rows(words, rows) == count
    assert rows.tolist() == np.flatnonzero(marks).tolist()


def test_values_are_gathered_as_words():
    rows, out = np.array([3, 0, 2]), np.zeros(3, np.int64)
    gather_int32(np.array([5, 6, -7, 8], np.int32), rows, 10, out)
    assert out.tolist() == [80, 50, -70]
    gather_int64(np.array([5, 6, -7, 8]), rows, 1, out)
    assert out.tolist() == [8, 5, -7]
    gather_bits(np.array([1, 2, 3, 4], np.uint8), rows, 8, out)
    assert out.tolist() == [8 | 4 << 8, 5 | 1 << 8, -7 | 3 << 8]

"""Aggregates of stretches whose bounds never fall: the kernels, compiled and plain, against lists."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels import sliding
from cep.kernels.limbs import REACH
from cep.kernels.window import HIGH, LOW, WINDOW_WIDTH

BOTH = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
FLOATS = st.one_of(st.sampled_from([0.1, 1e300, -1e300, 5e-324, -0.0, 1e16]), st.floats(-1e308, 1e308))


def run(kernel, plain, *arguments):
    return getattr(kernel, "py_func", kernel)(*arguments) if plain else kernel(*arguments)


@st.composite
def stretches(draw, values):
    """Values (None: there is none) and stretches over them, whose bounds never fall."""
    column = draw(st.lists(st.one_of(st.none(), values), min_size=1, max_size=12))
    bounds = draw(st.lists(st.tuples(st.integers(0, len(column)), st.integers(0, len(column))), max_size=8))
    lows, highs = sorted(min(b) for b in bounds), sorted(max(b) for b in bounds)
    found = np.zeros((len(bounds), WINDOW_WIDTH), np.int64)
    found[:, LOW], found[:, HIGH] = lows, highs
    held = [
        [(row, column[row]) for row in range(a, b) if column[row] is not None]
        for a, b in zip(lows, highs, strict=False)
    ]
    there = np.array([value is not None for value in column], np.int64)
    return column, there, found, held


@BOTH
@given(stretches(FLOATS))
def test_sums_are_exact_and_rounded_once(plain, example):
    column, there, found, held = example
    bits = np.array([value or 0.0 for value in column], np.float64).view(np.int64)
    out = np.zeros(len(found), np.int64)
    run(sliding.list_sums, plain, bits, there, found, np.zeros((2, 64 + REACH), np.int64), 0, out)
    for got, some in zip(out.view(np.float64).tolist(), held, strict=True):
        try:
            want = math.fsum(value for _, value in some)
        except OverflowError:
            want = None
        assert want is None or got == want


@BOTH
@given(stretches(st.integers(-3, 3)))
def test_the_least_is_the_first_of_equals(plain, example):
    column, there, found, held = example
    out = np.zeros(len(found), np.int64)
    values = np.array([value or 0 for value in column], np.int64)
    run(sliding.list_least, plain, values, there, found, np.zeros(len(column), np.int64), out)
    assert out.tolist() == [min(some, key=lambda pair: (pair[1], pair[0]))[0] if some else -1 for some in held]


@BOTH
@given(stretches(st.integers(-3, 3)), st.sampled_from([(0, 1), (1, 2), (95, 100), (1, 1), (0, 0)]))
def test_the_kth_is_that_of_the_sorted_values(plain, example, share):
    column, _, found, held = example
    order = sorted((value, row) for row, value in enumerate(column) if value is not None)
    ranks = np.zeros(len(column), np.int64)
    for rank, (_, row) in enumerate(order, 1):
        ranks[row] = rank
    out = np.zeros((len(found), 2), np.int64)
    run(sliding.list_kth, plain, ranks, found, np.zeros(1 << len(order).bit_length(), np.int64), *share, out)
    for got, some in zip(out.tolist(), held, strict=True):
        values = sorted(value for _, value in some)
        n, (part, of) = len(values), share
        wanted = [(n - 1) // 2, n // 2] if not of else [max(-(-part * n // of), 1) - 1] * 2
        assert [order[rank - 1][0] for rank in got if rank] == ([values[w] for w in wanted] if values else [])


@BOTH
@given(stretches(st.integers(0, 3)))
def test_each_value_is_counted_once(plain, example):
    column, _, found, held = example
    out = np.zeros(len(found), np.int64)
    codes = np.array([-1 if value is None else value for value in column], np.int64)
    run(sliding.list_distinct, plain, codes, found, np.zeros(4, np.int64), out)
    assert out.tolist() == [len({value for _, value in some}) for some in held]


@BOTH
@given(stretches(st.floats(-1e6, 1e6)))
def test_deviations_are_those_from_the_mean(plain, example):
    column, there, found, held = example
    values, out = np.array([value or 0.0 for value in column]), np.zeros(len(found))
    run(sliding.list_deviations, plain, values, there, found, out)
    for got, some in zip(out.tolist(), held, strict=True):
        numbers = [value for _, value in some]
        mean = sum(numbers) / max(len(numbers), 1)
        assert math.isclose(got, sum((x - mean) ** 2 for x in numbers), rel_tol=1e-9, abs_tol=1e-9)

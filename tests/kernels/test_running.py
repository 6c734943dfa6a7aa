"""Aggregates that are carried on: the exact sum, rounded once, and Welford's deviation, compiled and plain."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels.limbs import REACH
from cep.kernels.running import carry_squares, carry_sums

PLAIN = getattr(carry_sums, "py_func", carry_sums)
PLAIN_SQUARES = getattr(carry_squares, "py_func", carry_squares)
VALUES = st.lists(
    st.tuples(st.integers(0, 2), st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64))),
    max_size=20,
)


@pytest.mark.parametrize("carry", [carry_sums, PLAIN], ids=["compiled", "plain"])
@given(values=VALUES.filter(lambda v: sum(abs(x or 0.0) for _, x in v) < 1e308), cut=st.integers(0, 20))
def test_sums_are_those_of_fsum_wherever_they_are_interrupted(carry, values, cut):
    limbs, found = np.zeros((4, 64 + REACH), np.int64), []
    for part in (values[:cut], values[cut:]):
        bits = np.array([x or 0.0 for _, x in part], np.float64).view(np.int64)
        there = np.array([x is not None for _, x in part], np.int64)
        out = np.zeros(len(part), np.int64)
        assert carry(bits, there, np.array([o for o, _ in part], np.int64), limbs, out) == len(part)
        found += out.view(np.float64).tolist()
    for n, (owner, _) in enumerate(values):
        assert found[n] == math.fsum(x for o, x in values[: n + 1] if o == owner and x is not None)


@pytest.mark.parametrize("carry", [carry_squares, PLAIN_SQUARES], ids=["compiled", "plain"])
@given(values=st.lists(st.tuples(st.integers(0, 2), st.integers(-1000, 1000)), max_size=20))
def test_squares_are_those_of_the_differences_from_the_mean(carry, values):
    numbers, there = np.array([float(x) for _, x in values]), np.ones(len(values), np.int64)
    out = np.zeros(len(values))
    carry(numbers, there, np.array([o for o, _ in values], np.int64), np.zeros((3, 3)), out)
    for n, (owner, _) in enumerate(values):
        mine = [x for o, x in values[: n + 1] if o == owner]
        mean = sum(mine) / len(mine)
        assert out[n] == pytest.approx(sum((x - mean) ** 2 for x in mine), abs=1e-6)

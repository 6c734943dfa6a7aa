"""What a look at a whole column tells is what numpy tells."""

from __future__ import annotations

import numpy as np
import pytest

from cep.kernels.look import are_finite, ascend


@pytest.mark.parametrize(
    "values", [[], [1], [1, 1], [2, 1], [-(2**63), 2**63 - 1], [2**63 - 1, -(2**63)], [*range(100), 98], [*range(130)]]
)
def test_values_ascend_when_none_is_less_than_the_one_before(values):
    column = np.array(values, np.int64)
    assert ascend(column) == int((column[1:] >= column[:-1]).all())


@pytest.mark.parametrize("odd", [None, float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("place", [0, 3, 64, 129])
def test_a_float_that_is_no_finite_number_is_seen_wherever_it_stands(odd, place):
    column = np.full(130, -1.7976931348623157e308)
    column[1::2] = 5e-324
    if odd is not None:
        column[place] = odd
    assert are_finite(column) == int(np.isfinite(column).all())

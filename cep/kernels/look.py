"""Looking at a whole column once: whether its values ascend, whether its floats are all finite.

numpy looks twice as long: it writes an array of answers first, and reads the column from memory that is far twice.
Cost: O(values), vectorised, without a branch.
Tested by: tests/kernels/test_look.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatVector, IntArray, Vector, Whole, kernel

GREATEST = 1.7976931348623157e308


@kernel(types.int64(Vector))
def ascend(values: IntArray) -> Whole:
    """1 when no value is less than the one before it, else 0."""
    falls = np.int64(0)
    for i in range(values.size - 1):
        falls |= np.int64(values[i + 1] < values[i])
    return 1 - falls


@kernel(types.int64(FloatVector))
def are_finite(values: FloatArray) -> Whole:
    """1 when every value is a number and not infinite, else 0."""
    odd = np.int64(0)
    for i in range(values.size):
        odd |= np.int64(not abs(values[i]) <= GREATEST)
    return 1 - odd

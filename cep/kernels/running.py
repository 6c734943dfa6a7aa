"""Aggregates that are carried on from event to event: sums of floats, and deviations.

Values come in order, each of one of several owners. A sum is kept in limbs (`cep.kernels.limbs`), so that it is the
exact one, rounded once, however many values there are; a deviation by Welford's recurrence: how many, the mean, and the
sum of squares of the differences from it.
References: Welford, Technometrics 4(3), 1962.
Cost: O(values), times the limbs for sums.
Tested by: tests/kernels/test_running.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatMatrix, FloatVector, IntArray, Matrix, Vector, Whole, kernel
from cep.kernels.limbs import add_product, as_float

COUNT, MEAN, SQUARES = range(3)


@kernel(types.int64(Vector, Vector, Vector, Matrix, Vector))
def carry_sums(values: IntArray, there: IntArray, owner: IntArray, limbs: IntArray, out: IntArray) -> Whole:
    """Return how many values there are; the bits of the sum of each one's owner up to it go to ``out``.

    ``values`` are the bits of floats. The sum of owner k is row k + 1 of ``limbs``; row 0 is for what is rounded.
    """
    width = np.int64(limbs.shape[1])
    for i in range(values.size):
        row = owner[i] + 1
        if there[i] != 0:
            add_product(limbs, row, 0, width, 0, 1, values[i], 1)
        for j in range(width):
            limbs[0, j] = limbs[row, j]
        out[i] = as_float(limbs, 0, width, 0)
    return np.int64(values.size)


@kernel(types.int64(FloatVector, Vector, Vector, FloatMatrix, FloatVector))
def carry_squares(values: FloatArray, there: IntArray, owner: IntArray, carried: FloatArray, out: FloatArray) -> Whole:
    """Return how many values there are; the sum of squares of each one's owner up to it goes to ``out``."""
    for i in range(values.size):
        row = owner[i]
        if there[i] != 0:
            carried[row, COUNT] += 1.0
            apart = values[i] - carried[row, MEAN]
            carried[row, MEAN] += apart / carried[row, COUNT]
            carried[row, SQUARES] += apart * (values[i] - carried[row, MEAN])
        out[i] = carried[row, SQUARES]
    return np.int64(values.size)

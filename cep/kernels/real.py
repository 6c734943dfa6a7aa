"""Functions of real numbers, by the C library alone: for one event and for a column they give the same bits.

numpy has its own exponentials, whose last bit differs from processor to processor.
Cost: O(1) for each number.
Tested by: tests/compiler/test_functions.py
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatVector, Integer, Whole, kernel

LOG, EXP, POW = 0, 1, 2
EARTH_KM = 6371.0088  # the mean radius, (2 a + b) / 3 of the IUGG's ellipsoid
_DEGREE = math.pi / 180.0
_MOST = math.log(1.7976931348623157e308)


@kernel(types.float64(types.float64))
def log_of(x: float) -> float:
    """The natural logarithm; -inf of 0, NaN below."""
    if x > 0:
        return math.log(x)
    return -np.inf if x == 0 else np.nan


@kernel(types.float64(types.float64))
def exp_of(x: float) -> float:
    """The exponential; inf beyond the floats."""
    return np.inf if x > _MOST else math.exp(x)


@kernel(types.float64(types.float64, types.float64))
def pow_of(x: float, y: float) -> float:
    """``x`` to the power of ``y``, as C's ``pow``: NaN and infinities are results."""
    # of plain floats Python would raise, or answer with a complex number
    power: float = np.float64(x) ** np.float64(y)
    return power


@kernel(types.int64(Integer, FloatVector, FloatVector, FloatVector))
def real_columns(which: Whole, x: FloatArray, y: FloatArray, out: FloatArray) -> Whole:
    """Fill ``out`` with a function of each number of ``x`` (and ``y``, as long)."""
    for i in range(x.size):
        if which == LOG:
            out[i] = log_of(x[i])
        elif which == EXP:
            out[i] = exp_of(x[i])
        else:
            out[i] = pow_of(x[i], y[i])
    return x.size


@kernel(types.float64(types.float64, types.float64, types.float64, types.float64))
def distance_of(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Kilometres between two places in degrees along a great circle of a sphere (haversine); NaN where one is none."""
    if not (math.isfinite(lat1) and math.isfinite(lon1) and math.isfinite(lat2) and math.isfinite(lon2)):
        return np.nan  # Python's sine would raise
    north = math.sin((lat2 - lat1) * _DEGREE / 2.0)
    east = math.sin((lon2 - lon1) * _DEGREE / 2.0)
    part = north * north + math.cos(lat1 * _DEGREE) * math.cos(lat2 * _DEGREE) * (east * east)
    return 2.0 * EARTH_KM * math.asin(math.sqrt(min(1.0, max(0.0, part))))


@kernel(types.int64(FloatVector, FloatVector, FloatVector, FloatVector, FloatVector))
def distance_columns(lat1: FloatArray, lon1: FloatArray, lat2: FloatArray, lon2: FloatArray, out: FloatArray) -> Whole:
    """Fill ``out`` with the distance of each two places."""
    for i in range(out.size):
        out[i] = distance_of(lat1[i], lon1[i], lat2[i], lon2[i])
    return out.size

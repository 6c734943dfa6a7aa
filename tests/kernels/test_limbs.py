"""Numbers in limbs are whole numbers of Python, and the float nearest to one is what Python rounds it to."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from cep.kernels.limbs import REACH, add_product, as_float, is_in_band, limb_of

ODD = [0.0, -0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 0.1, -1.0, 2.0**52 + 1, 1e-300, -1e300]


def bits(x):
    return struct.unpack("q", struct.pack("d", x))[0]


def number(limbs):
    whole = sum(int(limb) << 32 * i for i, limb in enumerate(limbs))
    return whole - (1 << 32 * len(limbs)) if limbs and limbs[-1] >> 31 else whole


@pytest.mark.parametrize("seed", range(5))
def test_a_sum_of_floats_is_exact_and_rounded_once(seed):
    rng = Random(seed)
    table = np.zeros((1, 70), np.int64)
    exact = Fraction(0)
    for _ in range(200):
        x = rng.choice([*ODD, rng.uniform(-9, 9), math.ldexp(rng.random() - 0.5, rng.randint(-1070, 1000))])
        times = rng.choice([1, 2, 3, 2**31, 2**32 + 5, 2**62])
        add_product(table, 0, 0, 70, 0, 1, bits(x), times)
        exact += Fraction(x) * times
        assert Fraction(number(table[0].tolist()), 2**1074) == exact
        copy = table.copy()
        try:
            want = float(exact)
        except OverflowError:
            want = math.inf if exact > 0 else -math.inf
        assert as_float(copy, 0, 70, 0) == bits(want)


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63), 12345678901234567])
def test_a_sum_of_whole_numbers_is_exact(value):
    table = np.zeros((1, 4), np.int64)
    exact = 0
    for times in (1, 7, 2**32, 2**61):
        add_product(table, 0, 0, 4, 0, 0, value, times)
        exact += value * times
        assert number(table[0].tolist()) == exact
        assert as_float(table.copy(), 0, 4, 1074) == bits(float(exact))


def test_halves_are_rounded_to_even():
    for whole in (2**53 + 1, 2**53 + 3, 2**54 + 2, 2**100 + 2**47, 2**100 + 3 * 2**47, 2**100 + 2**47 + 1):
        table = np.array([[(whole >> 32 * i) & 0xFFFFFFFF for i in range(4)]], np.int64)
        assert as_float(table, 0, 4, 1074) == bits(float(whole))


def test_a_band_has_room_for_what_begins_in_it():
    x = bits(1.0)
    limb = int(limb_of(x))
    assert is_in_band(x, limb, REACH)
    assert not is_in_band(x, limb + 1, 70)
    assert not is_in_band(x, limb, REACH - 1)

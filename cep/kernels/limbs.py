"""Whole numbers of many bits, in limbs of 32: exact sums of integers and of floats.

A number is ``width`` limbs side by side in a row of a table, the least first, in two's complement: each is a word of 64
bits that holds 32, so that what two of them give, and a carry, never leaves it. A float is a whole number times
2^-1074; its limbs begin ``low`` limbs above that. What leaves the last limb is lost, as in all arithmetic of so many
bits; who owns the number takes care that its sums do not.
Cost: O(width).
References: Knuth, The Art of Computer Programming 2, 4.3.1; Kulisch, Computer Arithmetic and Validity.
Tested by: tests/kernels/test_limbs.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Whole, kernel

MASK = 0xFFFFFFFF
FRACTION = 2**52 - 1
REACH = 5
"""How many limbs a float times a number of 63 bits takes, from its own limb on, its sign included."""


@kernel(types.int64(Integer), inline=True)
def limb_of(value: Whole) -> Whole:
    """The limb, from 2^-1074 on, in which a float (its bits) begins."""
    exponent = (value >> 52) & 0x7FF
    return (max(exponent, np.int64(1)) - 1) >> 5


@kernel(types.int64(Integer, Integer, Integer), inline=True)
def is_in_band(value: Whole, low: Whole, width: Whole) -> Whole:
    """Return 1 when a float, times any number of 63 bits, has a place in the limbs, else 0."""
    limb = limb_of(value)
    return np.int64(limb >= low and limb + REACH <= low + width)


@kernel(types.int64(Matrix, Integer, Integer, Integer, Integer, Integer, Integer, Integer))
def add_product(
    table: IntArray, row: Whole, at: Whole, width: Whole, low: Whole, is_float: Whole, value: Whole, times: Whole
) -> Whole:
    """Add a value - a whole number, or the bits of a float - times a number of 63 bits; return the carry."""
    negative = value < 0
    size: Whole = -value if negative else value
    shift: Whole = np.int64(0)
    first: Whole = np.int64(0)
    if is_float != 0:
        if value << 1 == 0:
            return np.int64(0)
        exponent = (value >> 52) & 0x7FF
        size = value & FRACTION
        if exponent != 0:
            size |= FRACTION + 1
            exponent -= 1
        shift, first = exponent & 31, (exponent >> 5) - low
    s0, s1, t0, t1 = size & MASK, (size >> 32) & MASK, times & MASK, (times >> 32) & MASK
    x = s0 * t0
    p0 = x & MASK
    x = s1 * t0 + ((x >> 32) & MASK)
    p2 = (x >> 32) & MASK
    x = s0 * t1 + (x & MASK)
    p1 = x & MASK
    x = s1 * t1 + p2 + ((x >> 32) & MASK)
    p2, p3 = x & MASK, (x >> 32) & MASK
    back = 32 - shift
    q0, q1, q2 = (p0 << shift) & MASK, ((p1 << shift) | (p0 >> back)) & MASK, ((p2 << shift) | (p1 >> back)) & MASK
    q3, q4 = ((p3 << shift) | (p2 >> back)) & MASK, p3 >> back
    carry = np.int64(0)
    for j in range(first, width):
        x = table[row, at + j] + carry + (-q0 if negative else q0)
        table[row, at + j] = x & MASK
        carry = x >> 32
        q0, q1, q2, q3, q4 = q1, q2, q3, q4, np.int64(0)
    return carry


@kernel(types.int64(Matrix, Integer, Integer, Matrix, Integer, Integer, Integer, Integer), inline=True)
def add_limbs(
    table: IntArray, row: Whole, at: Whole,
    source: IntArray, source_row: Whole, source_at: Whole, width: Whole, times: Whole,
) -> Whole:  # fmt: skip
    """Add one number, times one of 63 bits, to another of as many limbs; return the last carry."""
    carry = np.int64(0)
    if times == 1:
        for j in range(width):
            x = table[row, at + j] + source[source_row, source_at + j] + carry
            table[row, at + j] = x & MASK
            carry = x >> 32
        return carry
    for half in range(2):
        by = (times >> (32 * half)) & MASK
        product, carry = np.int64(0), np.int64(0)
        for j in range(half, width if by != 0 else 0):
            x = source[source_row, source_at + j - half] * by + product  # below 2^64, whatever its sign looks like
            product = (x >> 32) & MASK
            y = table[row, at + j] + (x & MASK) + carry
            table[row, at + j] = y & MASK
            carry = y >> 32
    return carry


@kernel(types.int64(Matrix, Integer, Integer, Integer))
def as_float(table: IntArray, at: Whole, width: Whole, low: Whole) -> Whole:
    """The bits of the float nearest to a number times 2^(low - 1074), in row 0; infinite where none is near.

    Of two as near the even one. A number below zero is turned into that above it.
    """
    negative = width > 0 and table[0, at + width - 1] >> 31 != 0
    if negative:
        carry = np.int64(1)
        for j in range(width):
            x = (table[0, at + j] ^ MASK) + carry
            table[0, at + j] = x & MASK
            carry = x >> 32
    top = width - 1
    while top >= 0 and table[0, at + top] == 0:
        top -= 1
    if top < 0:
        return np.int64(0)
    first = table[0, at + top]
    second = table[0, at + top - 1] if top > 0 else np.int64(0)
    third = table[0, at + top - 2] if top > 1 else np.int64(0)
    bits = np.int64(0)
    while first >> bits != 0:
        bits += 1
    lined = (
        (first << (64 - bits)) | (second << (32 - bits)) | (third >> bits)
    )  # the highest bit is the first that is set
    rest = third & ((np.int64(1) << bits) - 1)
    for j in range(top - 2):
        rest |= table[0, at + j]
    place = low + 32 * top + bits - 1  # of the highest bit
    if place < 52:
        found = (lined >> (63 - place)) & ((np.int64(1) << (place + 1)) - 1)
    else:
        found = (lined >> 11) & (2 * FRACTION + 1)
        beyond = lined & 0x7FF
        found += (place - 52) << 52
        if beyond > 0x400 or (beyond == 0x400 and (rest != 0 or found & 1 != 0)):
            found += 1
        if place - 52 > 2045 or found >> 52 >= 0x7FF:
            found = np.int64(0x7FF) << 52
    return found | (np.int64(-1) << 63) if negative else found

"""What the kernels share: time order, and rows by the bits of words.

A condition on columns becomes words of 64 bits in one vectorised pass without a branch; a second pass looks at the bits
that are set. To write every row number and count up where the condition holds took more than twice as long for Q2.
Q6 and Q8 write the same pass with conditions of their own: one pass that is given its condition as a function took two
and three times as long, whether numba or LLVM put it in place.
Nothing is cached on disk: a cached caller would not notice a change here.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import numpy as np
from numba import njit

# a word's lowest bit times this number has the bit's place in its upper six bits, by way of the table
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_PLACE = np.zeros(64, np.int32)
_PLACE[[(int(_DE_BRUIJN) << j) % 2**64 >> 58 for j in range(64)]] = np.arange(64)


@njit(error_model="numpy", nogil=True)
def in_order(ts, last):
    """Return 1 when no event is earlier than the one before it, the first not earlier than ``last``."""
    before, after = ts[:-1], ts[1:]
    back = np.int64(ts[0] < last)
    for i in range(after.size):
        back += after[i] < before[i]
    return np.int64(back == 0)


@njit(error_model="numpy", nogil=True)
def list_bits(words, count, rows):
    """Write the places of all bits set in the first ``count`` words, ascending; return how many there are."""
    found = 0
    for word in range(count):
        bits = words[word]
        at = word << 6
        while bits != 0:
            low = bits & (~bits + np.uint64(1))
            rows[found] = at + _PLACE[(low * _DE_BRUIJN) >> np.uint64(58)]
            found += 1
            bits ^= low
    return found


@njit(error_model="numpy", nogil=True)
def select_dear(letter, price, letters, above, words, rows):
    """Write the rows of the first ``letters`` letters that are dearer than ``above``; return how many."""
    full = letter.size >> 6
    for word in range(full):  # a loop of constant length becomes vector operations
        bits = np.uint64(0)
        for j in range(64):
            i = word * 64 + j
            bits |= np.uint64((letter[i] < letters) & (price[i] > above)) << np.uint64(j)
        words[word] = bits
    words[full] = 0
    for i in range(full * 64, letter.size):
        words[full] |= np.uint64((letter[i] < letters) & (price[i] > above)) << np.uint64(i & 63)
    return list_bits(words, full + 1, rows)

"""Aggregates of windows that slide: stretches of one column, whose bounds never fall from one to the next.

``found[w, LOW] <= row < found[w, HIGH]`` is window w (`cep.kernels.window`), over rows of several keys one after the
other. What enters and what leaves is told once, so a window costs what it differs from the one before by. Sums of
floats are kept in limbs (`cep.kernels.limbs`), so that what leaves leaves nothing behind; the least and greatest in a
queue of those that may still become it; the k-th in a tree of counts (Fenwick) over the ranks of the values.
``there`` is 1 where a row has a value.
References: Fenwick, Software: Practice and Experience 24(3), 1994; Tangwongsan and others, DEBS 2017.
Cost: O(rows + windows), times the limbs for sums, times log rows for `list_kth`; `list_deviations` O(rows of all
windows).
Tested by: tests/kernels/test_sliding.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatVector, IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.limbs import add_product, as_float
from cep.kernels.window import HIGH, LOW

SIGN = np.int64(-(2**63))


@kernel(types.int64(Vector, Vector, Matrix, Matrix, Integer, Vector))
def list_sums(
    values: IntArray, there: IntArray, found: IntArray, limbs: IntArray, lowest: Whole, out: IntArray
) -> Whole:
    """Return how many windows there are; the bits of the sum of floats of each, rounded once, go to ``out``.

    ``values`` are their bits. ``limbs`` has two rows of zeros, the first for what is rounded; both begin at the limb
    ``lowest``. O((rows + windows) limbs).
    """
    width = np.int64(limbs.shape[1])
    low = high = np.int64(0)
    for w in range(found.shape[0]):
        if found[w, LOW] >= high:  # nothing of the window before is in this one
            low = high = found[w, LOW]
            for j in range(width):
                limbs[1, j] = 0
        while high < found[w, HIGH]:
            if there[high] != 0:
                add_product(limbs, 1, 0, width, lowest, 1, values[high], 1)
            high += 1
        while low < found[w, LOW]:
            if there[low] != 0:
                add_product(limbs, 1, 0, width, lowest, 1, values[low] ^ SIGN, 1)
            low += 1
        for j in range(width):
            limbs[0, j] = limbs[1, j]
        out[w] = as_float(limbs, 0, width, 32 * lowest)
    return np.int64(found.shape[0])


@kernel(types.int64(Vector, Vector, Matrix, Vector, Vector))
def list_least(values: IntArray, there: IntArray, found: IntArray, queue: IntArray, out: IntArray) -> Whole:
    """Return how many windows have a value; the row of the least of each, of equals the first, goes to ``out``, or -1.

    ``queue`` has room for all rows. O(rows).
    """
    head = tail = high = some = np.int64(0)
    for w in range(found.shape[0]):
        high = max(high, found[w, LOW])
        while high < found[w, HIGH]:
            if there[high] != 0:
                while tail > head and values[queue[tail - 1]] > values[high]:
                    tail -= 1
                queue[tail] = high
                tail += 1
            high += 1
        while head < tail and queue[head] < found[w, LOW]:
            head += 1
        out[w] = queue[head] if head < tail else np.int64(-1)
        some += head < tail
    return some


@kernel(types.int64(Vector, Matrix, Vector, Integer, Integer, Matrix))
def list_kth(ranks: IntArray, found: IntArray, tree: IntArray, share: Whole, of: Whole, out: IntArray) -> Whole:
    """Return how many windows have a value; the ranks of the value that ``share / of`` do not exceed go to ``out``.

    With ``of`` 0 it is those of the one or two values in the middle. Ranks begin at 1, and are 0 where there is no
    value; ``tree`` is zero, as long as a power of two above the greatest rank. O((rows + windows) log rows).
    """
    low = high = count = some = np.int64(0)
    for w in range(found.shape[0]):
        while high < found[w, HIGH] or low < found[w, LOW]:
            step = np.int64(1) if high < found[w, HIGH] else np.int64(-1)
            row = high if step > 0 else low
            at = ranks[row]
            if at > 0:
                count += step
            while 0 < at < tree.size:
                tree[at] += step
                at += at & -at
            if step > 0:
                high += 1
            else:
                low += 1
        out[w, 0] = out[w, 1] = 0
        if count == 0:
            continue
        some += 1
        for side in range(2):
            wanted = max((share * count + of - 1) // of, np.int64(1)) if of > 0 else (count - 1 + side) // 2 + 1
            at, half = np.int64(0), np.int64(tree.size) // 2
            while half > 0:
                if at + half < tree.size and tree[at + half] < wanted:
                    at += half
                    wanted -= tree[at]
                half //= 2
            out[w, side] = at + 1
    return some


@kernel(types.int64(Vector, Matrix, Vector, Vector))
def list_distinct(codes: IntArray, found: IntArray, often: IntArray, out: IntArray) -> Whole:
    """Return how many windows there are; how many different codes (from 0; none below it) each has goes to ``out``.

    ``often`` is zero, as long as there are codes. O(rows + windows).
    """
    low = high = different = np.int64(0)
    for w in range(found.shape[0]):
        while high < found[w, HIGH]:
            code = codes[high]
            if code >= 0:
                different += often[code] == 0
                often[code] += 1
            high += 1
        while low < found[w, LOW]:
            code = codes[low]
            if code >= 0:
                often[code] -= 1
                different -= often[code] == 0
            low += 1
        out[w] = different
    return np.int64(found.shape[0])


@kernel(types.int64(FloatVector, Vector, Matrix, FloatVector))
def list_deviations(values: FloatArray, there: IntArray, found: IntArray, out: FloatArray) -> Whole:
    """Return how many windows have two values; the sum of squares of the differences from the mean goes to ``out``.

    Each window is added up anew, in order, so that nothing hangs on what came before. O(rows of all windows).
    """
    some = np.int64(0)
    for w in range(found.shape[0]):
        total, count = 0.0, np.int64(0)
        for row in range(found[w, LOW], found[w, HIGH]):
            if there[row] != 0:
                total += values[row]
                count += 1
        mean, squares = total / max(count, np.int64(1)), 0.0
        for row in range(found[w, LOW], found[w, HIGH]):
            if there[row] != 0:
                squares += (values[row] - mean) * (values[row] - mean)
        out[w] = squares
        some += count > 1
    return some

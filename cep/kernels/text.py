"""Interned strings: codes for strings that outlive their batch, and the bytes behind them.

A store is four arrays: ``heap`` uint8, the bytes; ``spans`` int64[n, 4], row c the place of code c: offset, length
(-1 when the code is free), hash, next free code; ``table`` int64, open addressing with linear probing, code + 1 or 0;
``counts`` int64[4]: bytes used, codes used, first free code or -1, live codes.

Invariants: the table's size is a power of two and at least twice ``live``; equal strings have equal codes.
Cost: interning O(length) amortized; comparing O(length).
Tested by: tests/kernels/test_text.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import ByteArray, Bytes, IntArray, Integer, Matrix, Vector, Whole, kernel

OFFSET, LENGTH, HASH, NEXT_FREE = 0, 1, 2, 3
BYTES_USED, CODES_USED, FIRST_FREE, LIVE = 0, 1, 2, 3


class TextStore(NamedTuple):
    """The arrays of one store; see the module's words."""

    heap: ByteArray
    spans: IntArray
    table: IntArray
    counts: IntArray


TextStoreType = types.NamedTuple((Bytes, Matrix, Vector, Vector), TextStore)


def empty_text_store(codes: int = 64, size: int = 1024) -> TextStore:
    """A store without strings, with room for some."""
    counts = np.zeros(4, np.int64)
    counts[FIRST_FREE] = -1
    table = np.zeros(1 << max(4, (2 * codes - 1).bit_length()), np.int64)
    return TextStore(np.zeros(size, np.uint8), np.zeros((codes, 4), np.int64), table, counts)


@kernel(types.int64(Bytes, Integer, Integer))
def hash_bytes(data: ByteArray, start: Whole, end: Whole) -> Whole:
    """Return a hash of ``data[start:end]`` (FNV-1a, finished by a multiply-shift). O(length)."""
    h = np.int64(-3750763034362895579)
    for i in range(start, end):
        h = (h ^ np.int64(data[i])) * np.int64(1099511628211)
    h ^= h >> np.int64(29)
    h *= np.int64(-4658895280553007687)
    return h ^ (h >> np.int64(32))


@kernel(types.int64(Matrix, Vector))
def hash_rows(rows: IntArray, out: IntArray) -> Whole:
    """Write a hash of each row of int64 words to ``out``, return how many. O(words)."""
    for i in range(rows.shape[0]):
        h = np.int64(-3750763034362895579)
        for j in range(rows.shape[1]):
            h = (h ^ rows[i, j]) * np.int64(-7046029254386353131)
            h ^= h >> np.int64(32)
        out[i] = h
    return rows.shape[0]


@kernel(types.int64(Bytes, Vector, Vector, Vector))
def hash_strings(data: ByteArray, offsets: IntArray, which: IntArray, out: IntArray) -> Whole:
    """Write a hash of each string ``which`` of a dictionary to ``out``, return how many. O(bytes)."""
    for i in range(which.size):
        code = which[i]
        out[i] = hash_bytes(data, offsets[code], offsets[code + 1])
    return which.size


@kernel(types.int64(TextStoreType, Bytes, Vector, Vector, Vector, Integer))
def intern_strings(
    store: TextStore, data: ByteArray, offsets: IntArray, which: IntArray, out: IntArray, first: Whole
) -> Whole:
    """Write to ``out[first:]`` the code of each string ``which[first:]``; return how far it came for want of room."""
    heap, spans, table, counts = store
    mask = table.size - 1
    for i in range(first, which.size):
        start = offsets[which[i]]
        length = offsets[which[i] + 1] - start
        h = hash_bytes(data, start, start + length)
        at = h & mask
        code = -1
        while table[at] != 0:
            candidate = table[at] - 1
            if spans[candidate, HASH] == h and spans[candidate, LENGTH] == length:
                offset = spans[candidate, OFFSET]
                same = True
                for j in range(length):
                    if heap[offset + j] != data[start + j]:
                        same = False
                        break
                if same:
                    code = candidate
                    break
            at = (at + 1) & mask
        if code < 0:
            if counts[BYTES_USED] + length > heap.size or 2 * (counts[LIVE] + 1) > table.size:
                return i
            code = counts[FIRST_FREE]
            if code >= 0:
                counts[FIRST_FREE] = spans[code, NEXT_FREE]
            elif counts[CODES_USED] < spans.shape[0]:
                code = counts[CODES_USED]
                counts[CODES_USED] += 1
            else:
                return i
            offset = counts[BYTES_USED]
            for j in range(length):
                heap[offset + j] = data[start + j]
            spans[code, OFFSET] = offset
            spans[code, LENGTH] = length
            spans[code, HASH] = h
            counts[BYTES_USED] = offset + length
            counts[LIVE] += 1
            table[at] = code + 1
        out[i] = code
    return which.size


@kernel(types.int64(TextStoreType, Vector, TextStoreType))
def move_strings(store: TextStore, marks: IntArray, target: TextStore) -> Whole:
    """Copy the codes with ``marks[code] != 0`` to a larger or emptier store under the same codes; return how many.

    ``target`` is empty, with room; codes between that are not marked become free. O(bytes).
    """
    spans, counts = store.spans, store.counts
    used = 0
    live = 0
    mask = target.table.size - 1
    free: Whole = -1
    for code in range(counts[CODES_USED] - 1, -1, -1):  # downwards, so that low codes are given out first
        if marks[code] == 0 or spans[code, LENGTH] < 0:
            target.spans[code, LENGTH] = -1
            target.spans[code, NEXT_FREE] = free
            free = code
            continue
        length = spans[code, LENGTH]
        offset = spans[code, OFFSET]
        for j in range(length):
            target.heap[used + j] = store.heap[offset + j]
        target.spans[code, OFFSET] = used
        target.spans[code, LENGTH] = length
        target.spans[code, HASH] = spans[code, HASH]
        at = spans[code, HASH] & mask
        while target.table[at] != 0:
            at = (at + 1) & mask
        target.table[at] = code + 1
        used += length
        live += 1
    target.counts[BYTES_USED] = used
    target.counts[CODES_USED] = counts[CODES_USED]
    target.counts[FIRST_FREE] = free
    target.counts[LIVE] = live
    return live


@kernel(types.int64(types.CPointer(types.uint8), Integer, Integer, Integer, Integer))
def compare_bytes(heap: ByteArray, a: Whole, n: Whole, b: Whole, m: Whole) -> Whole:
    """Return -1, 0 or 1 as the ``n`` bytes from ``a`` on are before, equal or after the ``m`` from ``b`` on. O(n)."""
    for i in range(min(n, m)):
        x, y = heap[a + i], heap[b + i]
        if x != y:
            return -1 if x < y else np.int64(1)
    if n == m:
        return 0
    return -1 if n < m else np.int64(1)


@kernel(types.int64(types.CPointer(types.uint8), types.CPointer(types.int64), Integer, Integer))
def compare_text(heap: ByteArray, spans: IntArray, left: Whole, right: Whole) -> Whole:
    """Return -1, 0 or 1 as string ``left`` comes before, equals or comes after ``right``, by code points. O(length).

    UTF-8 keeps the order of code points, so bytes are compared.
    """
    if left == right:
        return 0
    a, n = spans[4 * left + OFFSET], spans[4 * left + LENGTH]
    b, m = spans[4 * right + OFFSET], spans[4 * right + LENGTH]
    for i in range(min(n, m)):
        x, y = heap[a + i], heap[b + i]
        if x != y:
            return -1 if x < y else np.int64(1)
    if n == m:
        return 0
    return -1 if n < m else np.int64(1)


@kernel(types.int64(types.CPointer(types.uint8), Integer))
def list_word(heap: ByteArray, at: Whole) -> Whole:
    """Return the word of a packed list (see `cep.runtime.packing`) at a place of the heap. O(1)."""
    word = np.int64(0)
    for i in range(7, -1, -1):
        word = (word << np.int64(8)) | np.int64(heap[at + i])
    return word


@kernel(types.float64(types.CPointer(types.uint8), Integer))
def list_float(heap: ByteArray, at: Whole) -> float:
    """Return the float of a packed list at a place of the heap. O(1)."""
    return float(np.int64(list_word(heap, at)).view(np.float64))


@kernel(types.int64(types.CPointer(types.uint8), types.CPointer(types.int64), Integer))
def list_count(heap: ByteArray, spans: IntArray, code: Whole) -> Whole:
    """Return how many elements a packed list has; 0 where the bytes are too few for them. O(1)."""
    length = spans[4 * code + LENGTH]
    if length < 8:
        return 0
    count = list_word(heap, spans[4 * code + OFFSET])
    if count < 0 or count > (length - 8) // 9:
        return 0
    return count

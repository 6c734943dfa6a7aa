"""Keys of a matcher that keeps all it knows of a key in one row: the row of each key, by hash.

- ``slots``: one row a key. LIVE counts what keeps the key, as far as the matcher counts it; what the matcher keeps
  follows, then the key's words, which are the last columns. No row is freed by itself: when there is no room, the
  runtime sweeps out those that nothing keeps.
- ``table``: open addressing with linear probing, slot + 1 or 0; never more than half full.
- ``counts``: USED (rows), KEY_WORDS and KEY_AT (where they begin in a block) come
  first; the matcher's own follow from OWN on.

Rows that are shown stand in a block: int64[columns, rows], one column after the other; the key's words are the
block's columns from KEY_AT on.
Tested by: tests/kernels/test_chain.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel

LIVE = 0
USED, KEY_WORDS, KEY_AT, OWN = range(4)


@kernel(types.int64(Matrix, Integer, Integer), inline=True)
def hash_key(slots: IntArray, slot: Whole, words: Whole) -> Whole:
    """Return the hash of a slot's key, as `find_key` takes it. O(words)."""
    first = slots.shape[1] - words
    h = np.int64(-3750763034362895579)
    for j in range(words):
        h = (h ^ slots[slot, first + j]) * np.int64(-7046029254386353131)
        h ^= h >> np.int64(32)
    return h ^ (h >> np.int64(17))


@kernel(types.int64(Matrix, Vector, Vector, Matrix, Integer), inline=True)
def find_key(slots: IntArray, table: IntArray, counts: IntArray, block: IntArray, row: Whole) -> Whole:
    """Return the slot of the key of a row, or -1 - p where p is the place in ``table`` for it. O(1) expected."""
    mask = table.size - 1
    words, first = counts[KEY_WORDS], counts[KEY_AT]
    if words == 0 and counts[USED] > 0:  # a rule without a key has one slot
        return np.int64(0)
    key_at = slots.shape[1] - words
    h = np.int64(-3750763034362895579)
    for j in range(words):
        h = (h ^ block[first + j, row]) * np.int64(-7046029254386353131)
        h ^= h >> np.int64(32)
    at = (h ^ (h >> np.int64(17))) & mask
    while table[at] != 0:
        slot = table[at] - 1
        same = True
        for j in range(words):
            if slots[slot, key_at + j] != block[first + j, row]:
                same = False
                break
        if same:
            return slot
        at = (at + 1) & mask
    return -1 - at


@kernel(types.int64(Matrix, Vector), inline=True)
def has_room(slots: IntArray, counts: IntArray) -> Whole:
    """Return 1 when one more key fits into the tables, else 0 (the hash table has four places a slot)."""
    return np.int64(counts[USED] < slots.shape[0])


@kernel(types.int64(Matrix, Vector, Vector, Matrix, Integer, Integer), inline=True)
def add_key(slots: IntArray, table: IntArray, counts: IntArray, block: IntArray, row: Whole, place: Whole) -> Whole:
    """Make the slot of a row's key at ``place`` of the table, all zero, LIVE too; return it. The caller has made room.

    ``place`` is what `find_key` said.
    """
    slot = counts[USED]
    counts[USED] = slot + 1
    width = slots.shape[1]
    words = counts[KEY_WORDS]
    for j in range(width - words):
        slots[slot, j] = 0
    for j in range(words):
        slots[slot, width - words + j] = block[counts[KEY_AT] + j, row]
    table[place] = slot + 1
    return slot


@kernel(types.int64(Matrix, Integer, Integer, Vector))
def enter_keys(slots: IntArray, used: Whole, words: Whole, table: IntArray) -> Whole:
    """Enter the keys of the first ``used`` slots into an empty hash table; return how many there are. O(keys)."""
    mask = table.size - 1
    for slot in range(used):
        at = hash_key(slots, slot, words) & mask
        while table[at] != 0:
            at = (at + 1) & mask
        table[at] = slot + 1
    return used

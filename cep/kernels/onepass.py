"""What a one-pass matcher works on; its loop itself is generated for each shape of rule, see `cep.compiler.onepass`.

- ``slots``: a row a key (see `cep.kernels.keys`), row 0 that of events that no key's row wants. RUNS says which
  runs the key has, where there is a table of them; LAST_AT is the place of its last event in ``trail``; what the shape
  needs follows. ``table`` holds slots, 0 for none.
- ``near``: slots by the key's only word, counted from NEAR_LOW: a shortcut past the hash table for words that lie close
  together, as small numbers and codes of strings do. 0: not known here.
- ``trail``: for every event shown the place of the event before it of its key. So the events of a match are a walk from
  END back to FIRST. It is never written into but at its end, and what it held is copied when a new one is begun: who
  keeps a match may walk later.
- ``columns``: where the columns of the block that is shown begin, which need not lie beside each other; plain, the
  block itself.
- ``moves``: the cells of the table, see `cep.compiler.rowtable`.
- ``found``, one column after the other: DECIDED_AT, START_NO, null bits, FIRST, END, DECIDER, the key's words, the
  fields. The loop writes FOUND_ROW, the row of the block, from which the runtime fetches what is the same for every
  shape.

Tested by: tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, DECIDED_AT, IDENTITY, TS
from cep.kernels.jit import (
    FloatArray,
    FloatMatrix,
    FloatVector,
    IntArray,
    Integer,
    Matrix,
    NarrowArray,
    NarrowVector,
    Vector,
    Whole,
    kernel,
    word_column,
)
from cep.kernels.keys import KEY_AT, KEY_WORDS, OWN, USED

# slots
RUNS, LAST_AT, PREVIOUS_NULLS, PREVIOUS = range(4)
# counts
FOUND, CURSOR, RESOLVED, ROWS, BASE, NEAR_LOW, FAR, COUNTS = range(OWN, OWN + 8)
# found
FOUND_ROW = 0
FIRST, END, DECIDER, FOUND_KEYS = 3, 4, 5, 6

DONE, WANTS_FOUND, WANTS_SLOTS = range(3)

NEVER = np.int64(2**62)
"""The start of a run that is not there."""


class OnePassState(NamedTuple):
    """What the loop works on."""

    slots: IntArray
    slots_f: FloatArray
    trail: NarrowArray
    moves: IntArray
    counts: IntArray


class Shown(NamedTuple):
    """The columns of a block, the slot of each row, and where to write what is found in it."""

    columns: IntArray
    slot_of: NarrowArray
    found: IntArray


OnePassStateType = types.NamedTuple((Matrix, FloatMatrix, NarrowVector, Vector, Vector), OnePassState)
ShownType = types.NamedTuple((Vector, NarrowVector, Matrix), Shown)
ONE_PASS = types.int64(OnePassStateType, ShownType, Vector, FloatVector)
"""The signature of a generated matcher: state, what is shown, constants."""


@kernel(types.int64(Matrix, Vector, NarrowVector, Vector, Vector, NarrowVector, Vector, Integer))
def find_slots(
    slots: IntArray,
    table: IntArray,
    near: NarrowArray,
    counts: IntArray,
    columns: IntArray,
    slot_of: NarrowArray,
    blank: IntArray,
    begins: Whole,
) -> Whole:
    """Write the slot of each row from RESOLVED to ROWS, making slots for events that may begin a run. O(rows) expected.

    ``begins``: the bits of such events, of which each has one; 0 when all are such, and nobody has written their bits.
    FAR counts the rows that the shortcut did not know.
    """
    words, first = counts[KEY_WORDS], counts[KEY_AT]
    own = slots.shape[1] - words
    mask, reach = np.uint64(table.size - 1), np.uint64(near.size)
    row, rows = np.uint64(counts[RESOLVED]), np.uint64(counts[ROWS])
    near_words, bits = word_column(columns, first if words == 1 else 0), word_column(columns, np.int64(BITS))
    low, far = counts[NEAR_LOW], np.int64(0)
    while row < rows:
        place = np.uint64(near_words[row] - low)
        if place < reach:
            slot = np.int64(near[place])
            if slot != 0:
                slot_of[row] = slot
                row += np.uint64(1)
                continue
        far += 1
        h = np.int64(-3750763034362895579)
        for j in range(words):
            h = (h ^ word_column(columns, first + j)[row]) * np.int64(-7046029254386353131)
            h ^= h >> np.int64(32)
        at = np.uint64(h ^ (h >> np.int64(17))) & mask
        slot = table[at]
        while slot != 0:
            differ = np.int64(0)
            for j in range(words):
                differ |= slots[np.uint64(slot), np.uint64(own + j)] ^ word_column(columns, first + j)[row]
            if differ == 0:
                break
            at = (at + np.uint64(1)) & mask
            slot = table[at]
        if slot == 0 and (begins == 0 or (bits[row] & begins) != 0):
            slot = counts[USED]
            if slot >= slots.shape[0]:
                counts[RESOLVED] = row
                counts[FAR] += far
                return WANTS_SLOTS
            counts[USED] = slot + 1
            table[at] = slot
            for j in range(own):
                slots[slot, j] = blank[j]
            for j in range(words):
                slots[slot, own + j] = word_column(columns, first + j)[row]
        if place < reach:
            near[place] = slot
        slot_of[row] = slot
        row += np.uint64(1)
    counts[RESOLVED] = row
    counts[FAR] += far
    return DONE


@kernel(types.int64(Vector, Integer, Integer, Vector))
def find_ends(columns: IntArray, place: Whole, size: Whole, ends: IntArray) -> Whole:
    """Write the least and the greatest of the first ``size`` values of a column; return how many there are. O(rows)."""
    values = word_column(columns, place)
    least = most = values[0]
    for i in range(size):
        least, most = min(least, values[np.uint64(i)]), max(most, values[np.uint64(i)])
    ends[0], ends[1] = least, most
    return size


@kernel(types.int64(Matrix, Integer, Vector, Vector, Integer, Integer, Integer))
def complete_found(
    found: IntArray,
    size: Whole,
    columns: IntArray,
    counts: IntArray,
    factor: Whole,
    first: Whole,
    ends_at_row: Whole,
) -> Whole:
    """Write what every shape tells of the rows at which matches were decided; return how many matches these are.

    ``factor``: what to multiply times with. ``first``: the number of the first row, when rows are numbered one after
    the other; -1 when a column says them. O(matches).
    """
    for j in range(counts[KEY_WORDS]):
        words = word_column(columns, counts[KEY_AT] + j)
        for i in range(size):
            found[FOUND_KEYS + j, i] = words[np.uint64(found[FOUND_ROW, i])]
    if first < 0:
        numbers = word_column(columns, np.int64(IDENTITY))
        for i in range(size):
            found[DECIDER, i] = numbers[np.uint64(found[FOUND_ROW, i])]
    else:
        for i in range(size):
            found[DECIDER, i] = first + found[FOUND_ROW, i]
    if ends_at_row != 0:
        for i in range(size):
            found[END, i] = counts[BASE] + found[FOUND_ROW, i]
    times = word_column(columns, np.int64(TS))
    for i in range(size):
        found[DECIDED_AT, i] = times[np.uint64(found[FOUND_ROW, i])] * factor  # the last: it takes the row's place
    return size


@kernel(types.int64(NarrowVector, Vector, Vector, Vector))
def count_trail(trail: NarrowArray, firsts: IntArray, ends: IntArray, lengths: IntArray) -> Whole:
    """Write how many events there are from each end back to its first; return how many in all. O(events)."""
    total = np.int64(0)
    for i in range(ends.size):
        at, length = ends[i], np.int64(1)
        while at != firsts[i]:
            at = np.int64(trail[at])
            length += 1
        lengths[i] = length
        total += length
    return total


@kernel(types.int64(NarrowVector, Matrix, Vector, Matrix, Vector, Integer, Vector))
def count_kept(
    trail: NarrowArray,
    slots: IntArray,
    starts: IntArray,
    live: IntArray,
    runs: IntArray,
    shift: Whole,
    lengths: IntArray,
) -> Whole:
    """Write how many events the runs of each slot have bound, from the first to the key's last; return how many in all.

    ``live``: by the number of a key's runs, which of the columns ``starts`` say where a run began; ``runs``: how many
    runs that are. Without rows in ``live`` a start is NEVER where there is no run. O(events).
    """
    total = np.int64(0)
    for slot in range(slots.shape[0]):
        first, number = slots[slot, LAST_AT], slots[slot, RUNS] >> shift
        length = np.int64(live.shape[0] > 0 and runs[number] > 0)  # a run may have begun with the last event
        for c in range(starts.size):
            start = slots[slot, starts[c]]
            if (live.shape[0] == 0 and start < NEVER) or (live.shape[0] > 0 and live[number, c] != 0):
                first, length = min(first, start), np.int64(1)
        if length != 0:
            at = slots[slot, LAST_AT]
            while at != first:
                at = np.int64(trail[at])
                length += 1
        lengths[slot] = length
        total += length
    return total


@kernel(types.int64(NarrowVector, Vector, Vector, Vector))
def walk_trail(trail: NarrowArray, ends: IntArray, offsets: IntArray, out: IntArray) -> Whole:
    """Write the places of the events of matches, oldest first: those of match i end at ``ends[i]``; return how many.

    O(events).
    """
    for i in range(ends.size):
        at = ends[i]
        for j in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
            out[j] = at
            at = np.int64(trail[at])
    return offsets[ends.size]


@kernel(types.int64(NarrowVector, Matrix, Vector, Vector, NarrowVector, Vector))
def copy_trail(
    trail: NarrowArray,
    slots: IntArray,
    starts: IntArray,
    offsets: IntArray,
    out: NarrowArray,
    places: IntArray,
) -> Whole:
    """Copy the last events of each key to another trail, those of slot i from ``offsets[i]`` on; return how many.

    ``places`` gets where each of them stood. LAST_AT and the columns ``starts`` of the slots are places of the new
    trail afterwards. O(events copied).
    """
    for slot in range(offsets.size - 1):
        at = slots[slot, LAST_AT]
        slots[slot, LAST_AT] = offsets[slot + 1] - 1
        for j in range(offsets[slot + 1] - 1, offsets[slot] - 1, -1):
            places[j] = at
            out[j] = j - 1
            for c in starts:
                if slots[slot, c] == at:
                    slots[slot, c] = -1 - j  # told from the places that are still to be found
            at = np.int64(trail[at])
        for c in starts:
            if slots[slot, c] < 0:
                slots[slot, c] = -1 - slots[slot, c]
    return offsets[offsets.size - 1]


@kernel(types.int64(Vector))
def is_run(numbers: IntArray) -> Whole:
    """Return 1 when each number is one more than the number before, else 0. O(numbers)."""
    differ, first = np.int64(0), numbers[0]
    for i in range(numbers.size):
        differ |= numbers[np.uint64(i)] - first - i
    return np.int64(differ == 0)

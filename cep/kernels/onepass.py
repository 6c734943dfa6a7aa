"""What a one-pass matcher works on; its loop itself is generated for each shape of rule, see `cep.compiler.onepass`.

- ``slots``: a row a key (see `cep.kernels.keys`).
  ORDINAL counts the key's events, LAST_AT is the place of the last one in ``trail``; what the shape needs follows.
- ``trail``: for every event shown (place of the event before it of its key, or -1; its identity). So the events of a
  match are the last LENGTH of a walk that begins at END. It is never written into but at its end, and what it held is
  copied when a new one is begun: who keeps a match may walk later.
- ``found``, one column after the other: DECIDED_AT, START_NO, null bits, LENGTH, END, DECIDER, the key's words, the
  fields.

Tested by: tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import FloatArray, FloatMatrix, FloatVector, IntArray, Matrix, Vector, Whole, kernel
from cep.kernels.keys import OWN

# slots
ORDINAL, LAST_AT, PREVIOUS_NULLS, PREVIOUS = 2, 3, 4, 5
# counts
TRAIL_USED, FOUND, CURSOR, COUNTS = range(OWN, OWN + 4)
# found
LENGTH, END, DECIDER, FOUND_KEYS = 3, 4, 5, 6
# trail
BEFORE, EVENT = 0, 1

DONE, WANTS_FOUND, WANTS_SLOTS = range(3)

NEVER = np.int64(2**62)
"""The start of a run that is not there."""


class OnePassState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    slots_f: FloatArray
    table: IntArray
    trail: IntArray
    counts: IntArray


class Shown(NamedTuple):
    """A block and its float64 view, and where to write what is found in it."""

    block: IntArray
    block_f: FloatArray
    found: IntArray


OnePassStateType = types.NamedTuple((Matrix, FloatMatrix, Vector, Matrix, Vector), OnePassState)
ShownType = types.NamedTuple((Matrix, FloatMatrix, Matrix), Shown)
ONE_PASS = types.int64(OnePassStateType, ShownType, Vector, FloatVector)
"""The signature of a generated matcher: state, what is shown, constants."""


@kernel(types.int64(Matrix, Vector, Vector, Vector))
def walk_trail(trail: IntArray, ends: IntArray, offsets: IntArray, out: IntArray) -> Whole:
    """Write the events of matches, oldest first: those of match i end at ``ends[i]``; return how many. O(events)."""
    for i in range(ends.size):
        at = ends[i]
        for j in range(offsets[i + 1] - 1, offsets[i] - 1, -1):
            out[j] = trail[at, EVENT]
            at = trail[at, BEFORE]
    return offsets[ends.size]


@kernel(types.int64(Matrix, Matrix, Vector, Matrix))
def copy_trail(trail: IntArray, slots: IntArray, lengths: IntArray, out: IntArray) -> Whole:
    """Copy the last ``lengths[i]`` events of each key to another trail; return how many. O(events copied)."""
    used = np.int64(0)
    for slot in range(lengths.size):
        at = slots[slot, LAST_AT]
        last = used + lengths[slot] - 1
        for j in range(last, used - 1, -1):
            out[j, EVENT] = trail[at, EVENT]
            out[j, BEFORE] = j - 1 if j > used else -1
            at = trail[at, BEFORE]
        slots[slot, LAST_AT] = last if lengths[slot] > 0 else -1
        used += lengths[slot]
    return used

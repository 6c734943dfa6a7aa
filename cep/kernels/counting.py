"""Counting without enumerating: how many matches an event decides, from a few numbers a key.

For steps that each bind any later event that fits, a key's open runs differ in nothing that decides how they go on but
the step they stand at. So SUMS hold how many stand at each; an event that fits step j adds those of step j - 1. What
expires with a start are the runs that this start began. How many these are needs no list of them: an event that fits
step j is the matrix that adds column j - 1 to column j; THEN is the product of these since the key has open runs, BACK
its inverse, and the first row of BACK as it was at the start, times THEN as it is, counts the runs of the start.

- ``slots``: a row a key (see `cep.kernels.keys`); LIVE counts its starts, which are the runs at the first step;
  FIRST_NO, OVER, SUMS, THEN and BACK (m x m for m steps but the last), then the key's words. When LIVE is 0, so is
  all else, and THEN and BACK are the unit.
- ``starts``: as in `cep.kernels.starts`, with the first row of BACK.
- blocks and ``found``: as in `cep.kernels.blocks`; a column of ``found`` is how many.

Numbers wrap, which sums and differences of whole numbers survive; a sum that was ever beyond 64 bits sets OVER, and the
count is null until the key has no open run. Cost: O(steps^2) an event and a start, whatever the bound.
Invariant: BACK x THEN is the unit.
Tested by: tests/kernels/test_counting.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, FOUND_NULLS, TS, null_bits
from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.keys import LIVE, add_key, find_key, has_room
from cep.kernels.runs import FOREVER
from cep.kernels.starts import (
    CURSOR,
    DEADLINE,
    DONE,
    FOUND,
    NEXT_NO,
    OWN,
    SLOT,
    STARTS_HEAD,
    STARTS_TAIL,
    WANTS_FOUND,
    WANTS_SLOTS,
    WANTS_STARTS,
    keep_start,
)

# slots; SUMS of step j stand at SUMS + j, that of the first is LIVE
FIRST_NO, OVER, SUMS = 1, 2, 3
# starts, behind what `cep.kernels.starts` has there
ROW = 2
# counts: none of its own
COUNTS = OWN
# scalars of the program; HOW_MANY: the column of ``found``, HOW_MANY_NULL: its null bit
STEPS, WITHIN, HOW_MANY, HOW_MANY_NULL, SCALARS = range(5)


class CountingProgram(NamedTuple):
    """``gives``: (column of the block, column of ``found``); ``nulls``: as in
    `null_bits`, of the last step.
    """

    scalars: IntArray
    gives: IntArray
    nulls: IntArray


class CountingState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    table: IntArray
    starts: IntArray
    counts: IntArray


CountingProgramType = types.NamedTuple((Vector, Matrix, Matrix), CountingProgram)
CountingStateType = types.NamedTuple((Matrix, Vector, Matrix, Vector), CountingState)


@kernel(types.int64(Matrix, Integer, Integer), inline=True)
def reset_key(slots: IntArray, slot: Whole, m: Whole) -> Whole:
    """Let a key have no open runs; return its slot. O(m^2)."""
    for j in range(SUMS + m + 2 * m * m):
        slots[slot, j] = 0
    for j in range(m):
        slots[slot, SUMS + m + j * m + j] = 1
        slots[slot, SUMS + m + m * m + j * m + j] = 1
    return slot


@kernel(types.int64(CountingProgramType, CountingStateType, Integer), inline=True)
def expire_counts(program: CountingProgram, state: CountingState, limit: Whole) -> Whole:
    """Take out the runs whose ``within`` ends before ``limit``; return how many starts wait still. O(m^2) a start."""
    slots, starts, counts = state.slots, state.starts, state.counts
    m = program.scalars[STEPS] - 1
    then = SUMS + m
    mask = starts.shape[0] - 1
    while counts[STARTS_HEAD] < counts[STARTS_TAIL]:
        at = counts[STARTS_HEAD] & mask
        if starts[at, DEADLINE] >= limit:
            break
        counts[STARTS_HEAD] += 1
        slot = starts[at, SLOT]
        slots[slot, LIVE] -= 1
        if slots[slot, LIVE] == 0:
            reset_key(slots, slot, m)
            continue
        for j in range(1, m):
            runs = np.int64(0)
            for i in range(j + 1):
                runs += starts[at, ROW + i] * slots[slot, then + i * m + j]
            slots[slot, SUMS + j] -= runs
    return counts[STARTS_TAIL] - counts[STARTS_HEAD]


@kernel(types.int64(CountingProgramType, CountingStateType, Integer, Integer), inline=True)
def move_runs(program: CountingProgram, state: CountingState, slot: Whole, bits: Whole) -> Whole:
    """Let the runs of a key take an event that fits the steps of ``bits``; return OVER. O(m) a step that it fits."""
    slots = state.slots
    m = program.scalars[STEPS] - 1
    then = SUMS + m
    back = then + m * m
    bounded = program.scalars[WITHIN] < FOREVER
    for j in range(m - 1, 0, -1):  # from the last, so that no run binds the event twice
        if (bits >> j) & 1 == 0:
            continue
        before = slots[slot, LIVE] if j == 1 else slots[slot, SUMS + j - 1]
        slots[slot, SUMS + j] += before
        if slots[slot, SUMS + j] < 0:
            slots[slot, OVER] = 1
        if bounded:
            for i in range(j):
                slots[slot, then + i * m + j] += slots[slot, then + i * m + j - 1]
            for i in range(j, m):
                slots[slot, back + (j - 1) * m + i] -= slots[slot, back + j * m + i]
    return slots[slot, OVER]


@kernel(types.int64(CountingProgramType, CountingStateType, Matrix, Integer, Integer), inline=True)
def start_run(program: CountingProgram, state: CountingState, block: IntArray, slot: Whole, row: Whole) -> Whole:
    """Let a row start a run of a key; return how many starts the key has. The caller has made room."""
    slots, starts, counts = state.slots, state.starts, state.counts
    m = program.scalars[STEPS] - 1
    within = program.scalars[WITHIN]
    if slots[slot, LIVE] == 0:
        reset_key(slots, slot, m)
        slots[slot, FIRST_NO] = counts[NEXT_NO] + row
    slots[slot, LIVE] += 1
    if within < FOREVER:
        at = keep_start(starts, counts, slot, block[TS, row], within)
        for i in range(m):
            starts[at, ROW + i] = slots[slot, SUMS + m + m * m + i]
    return slots[slot, LIVE]


@kernel(types.int64(CountingProgramType, CountingStateType, Matrix, Matrix, Integer))
def match_counts(
    program: CountingProgram, state: CountingState, block: IntArray, found: IntArray, watermark: Whole
) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then expire up to the watermark; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again.
    """
    slots, counts, gives, nulls = state.slots, state.counts, program.gives, program.nulls
    scalars = program.scalars
    m = scalars[STEPS] - 1
    rows = block.shape[1]
    while counts[CURSOR] < rows:
        row = counts[CURSOR]
        now = block[TS, row]
        if counts[STARTS_HEAD] < counts[STARTS_TAIL]:
            at = counts[STARTS_HEAD] & (state.starts.shape[0] - 1)
            if state.starts[at, DEADLINE] < now:
                expire_counts(program, state, now)
        bits = block[BITS, row]
        slot = find_key(slots, state.table, counts, block, row)
        starting = bits & 1 != 0
        if found.shape[1] - counts[FOUND] < 1:
            return WANTS_FOUND
        if starting:
            if state.starts.shape[0] - (counts[STARTS_TAIL] - counts[STARTS_HEAD]) < 1:
                return WANTS_STARTS
            if slot < 0:
                if has_room(slots, counts) == 0:
                    return WANTS_SLOTS
                slot = add_key(slots, state.table, counts, block, row, -1 - slot)
        if slot >= 0 and slots[slot, LIVE] > 0:
            many = slots[slot, LIVE] if m == 1 else slots[slot, SUMS + m - 1]
            over = slots[slot, OVER]
            if (bits >> m) & 1 != 0 and (many > 0 or over != 0):
                n = counts[FOUND]
                counts[FOUND] = n + 1
                for c in range(gives.shape[0]):
                    found[gives[c, 1], n] = block[gives[c, 0], row]
                found[scalars[HOW_MANY], n] = many
                found[FOUND_NULLS, n] = over << scalars[HOW_MANY_NULL] | null_bits(nulls, block, row, m)
            move_runs(program, state, slot, bits)
        if starting:
            start_run(program, state, block, slot, row)
        counts[CURSOR] += 1
    expire_counts(program, state, watermark)
    return DONE

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
# Of so many steps but the last each loop below has one round, and costs more than what it does: these are written out.
# On their diagonals both matrices are 1.
PAIR = 2
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
    head, tail = counts[STARTS_HEAD], counts[STARTS_TAIL]
    while head < tail:
        start = starts[np.uint64(head & mask)]
        if start[DEADLINE] >= limit:
            break
        head += 1
        key = slots[np.uint64(start[SLOT])]
        key[LIVE] -= 1
        if key[LIVE] == 0:
            reset_key(slots, start[SLOT], m)
            continue
        if m == PAIR:
            key[SUMS + 1] -= start[ROW + 1] + key[then + 1]
            continue
        for j in range(1, m):
            runs = np.int64(0)
            for i in range(j + 1):
                runs += start[ROW + i] * key[then + i * m + j]
            key[SUMS + j] -= runs
    counts[STARTS_HEAD] = head
    return tail - head


@kernel(types.int64(CountingProgramType, CountingStateType, Integer, Integer), inline=True)
def move_runs(program: CountingProgram, state: CountingState, slot: Whole, bits: Whole) -> Whole:
    """Let the runs of a key take an event that fits the steps of ``bits``; return OVER. O(m) a step that it fits."""
    key = state.slots[np.uint64(slot)]
    m = program.scalars[STEPS] - 1
    then = SUMS + m
    back = then + m * m
    bounded = program.scalars[WITHIN] < FOREVER
    if m == PAIR:  # the bit can but be that of step 1
        key[SUMS + 1] += key[LIVE]
        if key[SUMS + 1] < 0:
            key[OVER] = 1
        key[then + 1] += 1
        key[back + 1] -= 1
        return key[OVER]
    for j in range(m - 1, 0, -1):  # from the last, so that no run binds the event twice
        if (bits >> j) & 1 == 0:
            continue
        key[SUMS + j] += key[LIVE] if j == 1 else key[SUMS + j - 1]
        if key[SUMS + j] < 0:
            key[OVER] = 1
        if bounded:
            for i in range(j):
                key[then + i * m + j] += key[then + i * m + j - 1]
            for i in range(j, m):
                key[back + (j - 1) * m + i] -= key[back + j * m + i]
    return key[OVER]


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
        first_row = SUMS + m + m * m
        if m == PAIR:
            starts[at, ROW] = 1
            starts[at, ROW + 1] = slots[slot, first_row + 1]
            return slots[slot, LIVE]
        for i in range(m):
            starts[at, ROW + i] = slots[slot, first_row + i]
    return slots[slot, LIVE]


@kernel(types.int64(CountingStateType), inline=True)
def next_deadline(state: CountingState) -> Whole:
    """Return when the next start has had its time, FOREVER when none has a time."""
    starts, head = state.starts, state.counts[STARTS_HEAD]
    return starts[np.uint64(head & (starts.shape[0] - 1)), DEADLINE] if head < state.counts[STARTS_TAIL] else FOREVER


@kernel(types.int64(CountingProgramType, CountingStateType, Matrix, Matrix, Integer))
def match_counts(
    program: CountingProgram, state: CountingState, block: IntArray, found: IntArray, watermark: Whole
) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then expire up to the watermark; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again.
    """
    # what stands in a table is read anew after each write into another, so what each row asks is kept beside them
    slots, counts, gives, nulls = state.slots, state.counts, program.gives, program.nulls
    scalars = program.scalars
    m, waiting = scalars[STEPS] - 1, ((np.int64(1) << (scalars[STEPS] - 1)) - 1) & ~np.int64(1)
    given, room, due = counts[FOUND], found.shape[1], next_deadline(state)
    for row in range(counts[CURSOR], block.shape[1]):
        at = np.uint64(row)
        now, bits = block[TS, at], block[BITS, at]
        if due < now:
            expire_counts(program, state, now)
            due = next_deadline(state)
        slot = find_key(slots, state.table, counts, block, row)
        wants = DONE
        if given == room:
            wants = WANTS_FOUND
        elif bits & 1 != 0 and state.starts.shape[0] == counts[STARTS_TAIL] - counts[STARTS_HEAD]:
            wants = WANTS_STARTS
        elif bits & 1 != 0 and slot < 0 and has_room(slots, counts) == 0:
            wants = WANTS_SLOTS
        if wants != DONE:
            counts[FOUND], counts[CURSOR] = given, row
            return wants
        if slot >= 0 and slots[np.uint64(slot), LIVE] > 0:
            if (bits >> m) & 1 != 0:
                key = slots[np.uint64(slot)]
                many, over = key[LIVE] if m == 1 else key[SUMS + m - 1], key[OVER]
                if many > 0 or over != 0:
                    n = np.uint64(given)
                    given += 1
                    for c in range(gives.shape[0]):
                        found[np.uint64(gives[c, 1]), n] = block[np.uint64(gives[c, 0]), at]
                    found[np.uint64(scalars[HOW_MANY]), n] = many
                    found[FOUND_NULLS, n] = over << scalars[HOW_MANY_NULL] | null_bits(nulls, block, row, m)
            if bits & waiting != 0:
                move_runs(program, state, slot, bits)
        if bits & 1 != 0:
            if slot < 0:
                slot = add_key(slots, state.table, counts, block, row, -1 - slot)
            start_run(program, state, block, slot, row)
            due = next_deadline(state)
    counts[FOUND], counts[CURSOR] = given, block.shape[1]
    expire_counts(program, state, watermark)
    return DONE

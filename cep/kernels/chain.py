"""The chain matcher: steps that each bind one event by a condition on that event alone, and skip till it comes.

Then all runs of a key that wait for one step move together: what fits step j takes every run that waits for it on to
step j + 1. The runs of a key stand in one list a step. Whatever moves to a list started after all that is there: so
every list is in order of start, a list that moves is appended whole, and what expires stands at the head of the last
list that has any. A run moves at most once a step, so an event costs O(steps) amortised, whatever is open.

- ``slots``: a row a key (see `cep.kernels.keys`); LIVE counts its runs; then HEAD and TAIL of the list of each step but
  the first, -1 for none. A key without runs stays until the runtime sweeps it out: it may well come again.
- ``runs``: NEXT, START_NO, the null bits, then what was bound: for each step the event's identity and its values.
- ``starts``: ring (deadline of ``within``, slot, START_NO), in order of deadline.
- ``found``: as runs, but one column after the other; the time of the completion stands in place of NEXT.
- block: TS, IDENTITY, BITS (bit j: the row fits step j), the null bits, the key's words, the values.

Within: a deadline at time t is decided before the first event later than t, or when the watermark has passed t.
Tested by: tests/kernels/test_chain.py, tests/properties/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.keys import LIVE, OWN, add_key, find_key, has_room
from cep.kernels.runs import FOREVER

# the block
TS, IDENTITY, BITS, NULLS, BLOCK_KEYS = range(5)
# runs
NEXT, START_NO, RUN_NULLS, FIELDS = range(4)
DECIDED_AT = NEXT
# slots: HEAD and TAIL of the runs that wait for step j stand at LISTS + 2 * (j - 1)
LISTS = 2
# counts
FIRST_FREE_RUN, RUNS_USED, LIVE_RUNS, STARTS_HEAD, STARTS_TAIL, NEXT_NO, FOUND, CURSOR, COUNTS = range(OWN, OWN + 9)
# scalars of the program
STEPS, WITHIN, KEEP_ALL, SCALARS = range(4)

DONE, WANTS_RUNS, WANTS_FOUND, WANTS_STARTS, WANTS_SLOTS = range(5)


class ChainProgram(NamedTuple):
    """``copies``: (step, column of the block, column of the run); those of step j stand from ``spans[j]`` on.

    ``nulls``: (step, null bit of the block, null bit of the run).
    """

    scalars: IntArray
    spans: IntArray
    copies: IntArray
    nulls: IntArray


class ChainState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    table: IntArray
    runs: IntArray
    starts: IntArray
    counts: IntArray


ChainProgramType = types.NamedTuple((Vector, Vector, Matrix, Matrix), ChainProgram)
ChainStateType = types.NamedTuple((Matrix, Vector, Matrix, Matrix, Vector), ChainState)


@kernel(types.int64(ChainProgramType, Matrix, Integer, Matrix, Integer, Integer), inline=True)
def bind_row(program: ChainProgram, block: IntArray, row: Whole, into: IntArray, run: Whole, step: Whole) -> Whole:
    """Write what a row gives to a step into a run; return the run. O(values of the step)."""
    copies, nulls = program.copies, program.nulls
    for c in range(program.spans[step], program.spans[step + 1]):
        into[run, copies[c, 2]] = block[copies[c, 1], row]
    for c in range(nulls.shape[0]):
        if nulls[c, 0] == step:
            into[run, RUN_NULLS] |= ((block[NULLS, row] >> nulls[c, 1]) & 1) << nulls[c, 2]
    return run


@kernel(types.int64(ChainStateType, Integer), inline=True)
def free_chain(state: ChainState, run: Whole) -> Whole:
    """Give back a run that stands in no list any more; return how many are live."""
    runs, counts = state.runs, state.counts
    runs[run, NEXT] = counts[FIRST_FREE_RUN]
    counts[FIRST_FREE_RUN] = run
    counts[LIVE_RUNS] -= 1
    return counts[LIVE_RUNS]


@kernel(types.int64(ChainProgramType, ChainStateType, Integer), inline=True)
def expire_starts(program: ChainProgram, state: ChainState, limit: Whole) -> Whole:
    """Drop the runs whose ``within`` ends before ``limit``; return how many starts wait still. O(1) amortised."""
    slots, runs, starts, counts = state.slots, state.runs, state.starts, state.counts
    steps = program.scalars[STEPS]
    mask = starts.shape[0] - 1
    while counts[STARTS_HEAD] < counts[STARTS_TAIL]:
        at = counts[STARTS_HEAD] & mask
        if starts[at, 0] >= limit:
            break
        counts[STARTS_HEAD] += 1
        slot = starts[at, 1]
        if slots[slot, LIVE] <= 0:
            continue
        # no live run started earlier: if this one lives, it heads the last list that has any
        for step in range(steps - 1, 0, -1):
            head = LISTS + 2 * (step - 1)
            run = slots[slot, head]
            if run < 0:
                continue
            if runs[run, START_NO] == starts[at, 2]:
                slots[slot, head] = runs[run, NEXT]
                free_chain(state, run)
                slots[slot, LIVE] -= 1
            break
    return counts[STARTS_TAIL] - counts[STARTS_HEAD]


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Matrix, Integer, Integer), inline=True)
def give_chains(
    program: ChainProgram, state: ChainState, block: IntArray, found: IntArray, slot: Whole, row: Whole
) -> Whole:
    """Give out the runs of a key that wait for the last step, which a row fits; return how many matches stand there."""
    slots, runs, counts = state.slots, state.runs, state.counts
    last = program.scalars[STEPS] - 1
    head = LISTS + 2 * (last - 1)
    keep_all = program.scalars[KEEP_ALL] != 0
    run = slots[slot, head]
    while run >= 0:
        target = counts[FOUND]
        counts[FOUND] = target + 1
        bind_row(program, block, row, runs, run, last)
        for j in range(START_NO, runs.shape[1]):
            found[j, target] = runs[run, j]
        found[DECIDED_AT, target] = block[TS, row]
        if not keep_all:
            break
        behind = runs[run, NEXT]
        free_chain(state, run)
        slots[slot, LIVE] -= 1
        run = behind
    if keep_all:
        slots[slot, head] = -1
        return counts[FOUND]
    for step in range(1, last + 1):  # the skip rule forgets all that has started
        head = LISTS + 2 * (step - 1)
        run = slots[slot, head]
        while run >= 0:
            behind = runs[run, NEXT]
            free_chain(state, run)
            run = behind
        slots[slot, head] = -1
    slots[slot, LIVE] = 0
    return counts[FOUND]


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Integer, Integer), inline=True)
def start_chain(program: ChainProgram, state: ChainState, block: IntArray, slot: Whole, row: Whole) -> Whole:
    """Let a row start a run of a key; return the run. The caller has made room."""
    slots, runs, counts = state.slots, state.runs, state.counts
    run = counts[FIRST_FREE_RUN]
    if run >= 0:
        counts[FIRST_FREE_RUN] = runs[run, NEXT]
    else:
        run = counts[RUNS_USED]
        counts[RUNS_USED] += 1
    counts[LIVE_RUNS] += 1
    number = counts[NEXT_NO] + row
    runs[run, NEXT] = -1
    runs[run, START_NO] = number
    for j in range(RUN_NULLS, runs.shape[1]):  # what the run before it here has bound is none of its business
        runs[run, j] = 0
    bind_row(program, block, row, runs, run, np.int64(0))
    if slots[slot, LISTS] < 0:
        slots[slot, LISTS] = run
    else:
        runs[slots[slot, LISTS + 1], NEXT] = run
    slots[slot, LISTS + 1] = run
    slots[slot, LIVE] += 1
    within = program.scalars[WITHIN]
    if within < FOREVER:
        now = block[TS, row]
        at = counts[STARTS_TAIL] & (state.starts.shape[0] - 1)
        state.starts[at, 0] = now + within if now <= FOREVER - within else FOREVER
        state.starts[at, 1] = slot
        state.starts[at, 2] = number
        counts[STARTS_TAIL] += 1
    return run


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Matrix, Integer))
def match_chains(program: ChainProgram, state: ChainState, block: IntArray, found: IntArray, watermark: Whole) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then expire up to the watermark; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again. O(steps) amortised a row.
    """
    slots, runs, counts = state.slots, state.runs, state.counts
    steps = program.scalars[STEPS]
    last = steps - 1
    rows = block.shape[1]
    while counts[CURSOR] < rows:
        row = counts[CURSOR]
        now = block[TS, row]
        if counts[STARTS_HEAD] < counts[STARTS_TAIL]:
            at = counts[STARTS_HEAD] & (state.starts.shape[0] - 1)
            if state.starts[at, 0] < now:
                expire_starts(program, state, now)
        bits = block[BITS, row]
        slot = find_key(slots, state.table, counts, block, row)
        starting = bits & 1 != 0
        if slot >= 0:
            if found.shape[1] - counts[FOUND] < slots[slot, LIVE] + 1:
                return WANTS_FOUND
        elif not starting:
            counts[CURSOR] += 1
            continue
        elif found.shape[1] - counts[FOUND] < 1:
            return WANTS_FOUND
        if starting:
            if runs.shape[0] - counts[LIVE_RUNS] < 1:
                return WANTS_RUNS
            if state.starts.shape[0] - (counts[STARTS_TAIL] - counts[STARTS_HEAD]) < 1:
                return WANTS_STARTS
            if slot < 0:
                if has_room(slots, counts) == 0:
                    return WANTS_SLOTS
                slot = add_key(slots, state.table, counts, block, row, -1 - slot)
                for j in range(LISTS, LISTS + 2 * last):
                    slots[slot, j] = -1
        taken = False
        for step in range(last, 0, -1):
            head = LISTS + 2 * (step - 1)
            if (bits >> step) & 1 == 0 or slots[slot, head] < 0:
                continue
            if step == last:
                give_chains(program, state, block, found, slot, row)
                if program.scalars[KEEP_ALL] == 0:
                    taken = True
                    break
                continue
            run = slots[slot, head]
            if slots[slot, head + 2] < 0:
                slots[slot, head + 2] = run
            else:
                runs[slots[slot, head + 3], NEXT] = run
            slots[slot, head + 3] = slots[slot, head + 1]
            slots[slot, head] = -1
            while run >= 0:
                bind_row(program, block, row, runs, run, np.int64(step))
                run = runs[run, NEXT]
        if starting and not taken:
            start_chain(program, state, block, slot, row)
        counts[CURSOR] += 1
    expire_starts(program, state, watermark)
    return DONE

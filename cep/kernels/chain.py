"""The chain matcher: steps that each bind one event by a condition on that event alone, and skip till it comes.

Then all runs of a key that wait for one step move together: what fits step j takes every run that waits for it on to
step j + 1. The runs of a key stand in one list a step, newest first. Whatever moves to a list started after all that is
there: so a list that moves is put in front whole. A run moves at most once a step, so an event costs O(steps)
amortised, whatever is open.

- ``slots``: a row a key (see `cep.kernels.keys`): the newest run of the list of each step but the first, then the
  key's words. A key without runs stays until the runtime sweeps it out: it may well come again.
- ``runs``: a ring in order of start. Runs are numbered on for ever; number n stands in row n modulo the ring's size,
  and a number below ``counts[HEAD]`` less that size is of a run overwritten. A row: BEHIND (the next older run of its
  list), DEADLINE, the null bits, then what was bound: for each step but the last the event's identity and its values.
- ``table``: as `cep.kernels.keys` has it; or, if ``counts[IS_DIRECT]``, for keys of one word that lie near each other,
  slot + 1 of the key ``counts[DIRECT_FROM] + i`` at i, 0 for none.
- ``places``: the slots of the rows from ``counts[SOUGHT_FROM]`` to ``counts[SOUGHT_TO]``: keys are sought some hundred
  rows ahead, so that one need not wait for the other's memory.
- blocks and ``found``: as in `cep.kernels.blocks`; the bits from STEPS on say which absences forbid the row.
- ``waits`` and ``tails``: runs that have bound all and wait for a silence; see `cep.kernels.silence`.

What an absence between two steps forbids ends the runs that wait for the second, at once: their list is left. An event
that takes them on is not looked at.

Nothing looks for what has expired: deadlines fall along a list, so whoever walks it stops at the first that has passed
and forgets the rest; a run may be overwritten once its deadline has passed. If that of the oldest run has not, the
runtime moves what lives to another ring (`prune_chains`, `move_chains`).
Invariant: numbers and deadlines fall along a list; numbers begin above the ring's size, so 0 is no run.
Within: a deadline at time t is decided before the first event later than t, or when the watermark has passed t.
Tested by: tests/kernels/test_chain.py, tests/properties/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, BLOCK_KEYS, DECIDED_AT, FOUND_NULLS, START_NO, TS, null_bits
from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel, matrix_at, vector_at
from cep.kernels.keys import OWN, USED, add_key, find_key, has_room
from cep.kernels.runs import FOREVER

# runs
BEHIND, DEADLINE, RUN_NULLS, BOUND = range(4)
# slots: the runs that wait for step j stand at j - 1
# counts
HEAD, FOUND, CURSOR, SOUGHT_FROM, SOUGHT_TO, IS_DIRECT, DIRECT_FROM, LISTS = range(OWN, OWN + 8)
LIMIT, WAITS_HEAD, INSTANT, INSTANT_FIRST, WAKES, COUNTS = range(LISTS + 1, LISTS + 7)
# scalars of the program
STEPS, WITHIN, KEEP_ALL, SCALARS = range(4)

# waits: when the last event was, the key, the newest run or 0, the first run that may start after a match
WAITS_TS, WAITS_SLOT, WAITS_RUN, WAITS_BAR, WAITS_WIDTH = range(5)

DONE, WANTS_RUNS, WANTS_FOUND, WANTS_SLOTS, WANTS_WAITS = range(5)
NOTHING = -1
TABLES = 18  # of which `addresses` tells


class ChainProgram(NamedTuple):
    """What is bound and what is given.

    ``sources``: columns of the block; step j binds those from ``spans[j]`` to ``spans[j + 1]``, and the c-th stands in
    column ``BOUND + c`` of a run. ``nulls``: (step, null bit of the block, null bit of the match).
    ``kept``, ``last``: (column of found, column of the run or of the block; if it ends in a silence, part of the key).
    ``between[j]``: the bits of what is forbidden before step j. ``durations``: those of the absences at the end, each
    once, ascending; ``silences``: the bits of what each forbids.
    """

    scalars: IntArray
    spans: IntArray
    sources: IntArray
    nulls: IntArray
    kept: IntArray
    last: IntArray
    between: IntArray
    durations: IntArray
    silences: IntArray


class ChainState(NamedTuple):
    """Everything one operator and shard remembers between batches, strings apart."""

    slots: IntArray
    table: IntArray
    runs: IntArray
    places: IntArray
    counts: IntArray
    waits: IntArray
    tails: IntArray


ChainProgramType = types.NamedTuple(
    (Vector, Vector, Vector, Matrix, Matrix, Matrix, Vector, Vector, Vector), ChainProgram
)
ChainStateType = types.NamedTuple((Matrix, Vector, Matrix, Vector, Vector, Matrix, Vector), ChainState)


@kernel(types.int64(ChainStateType, Matrix, Integer), inline=True)
def seek_keys(state: ChainState, block: IntArray, row: Whole) -> Whole:
    """Write the slots of the rows from ``row`` on to ``places``, -1 for none; return the first row not sought.

    That is ``row`` itself when there is no room for its key.
    """
    counts = state.counts
    counts[SOUGHT_FROM] = row
    end = min(block.shape[1], row + state.places.size)
    if counts[IS_DIRECT] != 0:
        end = seek_directly(state, block, row, end)
    else:
        end = seek_hashed(state, block, row, end)
    counts[SOUGHT_TO] = end
    return end


@kernel(types.int64(ChainStateType, Matrix, Integer, Integer), inline=True)
def seek_hashed(state: ChainState, block: IntArray, first: Whole, end: Whole) -> Whole:
    """What `seek_keys` does, by hash."""
    slots, table, places, counts = state.slots, state.table, state.places, state.counts
    for row in range(first, end):
        slot = find_key(slots, table, counts, block, row)
        if slot < 0:
            if block[BITS, row] & 1 == 0:
                slot = np.int64(-1)
            elif has_room(slots, counts) == 0:
                return row
            else:
                slot = add_key(slots, table, counts, block, row, -1 - slot)
        places[row - first] = slot
    return end


@kernel(types.int64(ChainStateType, Matrix, Integer, Integer), inline=True)
def seek_directly(state: ChainState, block: IntArray, first: Whole, end: Whole) -> Whole:
    """What `seek_keys` does, by the distance from the least key."""
    slots, table, places, counts = state.slots, state.table, state.places, state.counts
    size, least = np.uint64(table.size), counts[DIRECT_FROM]
    for row in range(first, end):
        at = np.uint64(block[BLOCK_KEYS, row] - least)  # what is less is a very large number
        slot = table[at] - 1 if at < size else np.int64(-1)
        if slot < 0 and block[BITS, row] & 1 != 0:
            if at >= size or has_room(slots, counts) == 0:
                return row
            slot = add_key(slots, table, counts, block, row, np.int64(at))
        places[row - first] = slot
    return end


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Matrix, Integer, Integer), inline=True)
def give_chains(
    program: ChainProgram, state: ChainState, block: IntArray, found: IntArray, slot: Whole, row: Whole
) -> Whole:
    """Give out the runs of a key that wait for the last step, which a row fits; return how many, or -1 for no room.

    They leave their list; where the skip rule forgets all that has started, all lists are left.
    """
    slots, runs, counts = state.slots, state.runs, state.counts
    mask = np.uint64(runs.shape[0] - 1)
    oldest = counts[HEAD] - runs.shape[0]
    now = block[TS, row]
    last = program.scalars[STEPS] - 1
    count = np.int64(0)
    first = np.int64(0)
    run = slots[slot, last - 1]
    while run >= oldest and runs[np.uint64(run) & mask, DEADLINE] >= now:
        first = run
        count += 1
        run = runs[np.uint64(run) & mask, BEHIND]
    if count == 0:
        slots[slot, last - 1] = 0
        return count
    keep_all = program.scalars[KEEP_ALL] != 0
    if not keep_all:
        count = np.int64(1)
    if found.shape[1] - counts[FOUND] < count:
        return np.int64(-1)
    nulls = null_bits(program.nulls, block, row, last)
    run = slots[slot, last - 1] if keep_all else first
    for target in range(counts[FOUND] + count - 1, counts[FOUND] - 1, -1):
        at = np.uint64(run) & mask
        found[DECIDED_AT, target] = now
        found[START_NO, target] = run
        found[FOUND_NULLS, target] = runs[at, RUN_NULLS] | nulls
        for c in range(program.kept.shape[0]):
            found[program.kept[c, 0], target] = runs[at, program.kept[c, 1]]
        for c in range(program.last.shape[0]):
            found[program.last[c, 0], target] = block[program.last[c, 1], row]
        run = runs[at, BEHIND]
    counts[FOUND] += count
    slots[slot, last - 1] = 0
    if not keep_all:
        for step in range(1, last):
            slots[slot, step - 1] = 0
    return count


@kernel(types.int64(ChainProgramType, ChainStateType, Integer, Integer), inline=True)
def leave_forbidden(program: ChainProgram, state: ChainState, slot: Whole, bits: Whole) -> Whole:
    """Leave the lists of the steps that a row does not fit and before which it is forbidden; return how many."""
    left = np.int64(0)
    for step in range(1, program.between.size):
        if bits & program.between[step] != 0 and (bits >> step) & 1 == 0:
            state.slots[slot, step - 1] = 0
            left += 1
    return left


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Matrix))
def match_chains(program: ChainProgram, state: ChainState, block: IntArray, found: IntArray) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again. O(steps) amortised a row.
    """
    # indices that are known to be no less than 0 are unsigned: they need not be looked at before each access
    slots, runs, counts = state.slots, state.runs, state.counts
    spans, sources = program.spans, program.sources
    size = runs.shape[0]
    mask, one = np.uint64(size - 1), np.uint64(1)
    last, within, keep_all = program.scalars[STEPS] - 1, program.scalars[WITHIN], program.scalars[KEEP_ALL] != 0
    before_last, forbidding = np.uint64(last - 1), np.int64(1) << program.scalars[STEPS]
    has_nulls = program.nulls.shape[0] > 0
    head = counts[HEAD]
    while counts[CURSOR] < block.shape[1]:
        if counts[CURSOR] >= counts[SOUGHT_TO] and seek_keys(state, block, counts[CURSOR]) == counts[CURSOR]:
            return WANTS_SLOTS
        sought = counts[SOUGHT_FROM]
        for at in range(counts[CURSOR], counts[SOUGHT_TO]):
            row = np.uint64(at)
            place = state.places[np.uint64(at - sought)]
            if place < 0:
                continue
            slot = np.uint64(place)
            bits = block[BITS, row]
            now = block[TS, row]
            starting = bits & 1 != 0
            into = np.uint64(head) & mask
            if starting and runs[into, DEADLINE] >= now:
                counts[CURSOR] = at
                return WANTS_RUNS
            if bits >= forbidding:
                leave_forbidden(program, state, place, bits)
            if (bits >> last) & 1 != 0 and slots[slot, before_last] > 0:
                given = give_chains(program, state, block, found, place, at)
                if given < 0:
                    counts[CURSOR] = at
                    return WANTS_FOUND
                if given > 0 and not keep_all:
                    continue
            for step in range(last - 1, 0, -1):
                if (bits >> step) & 1 == 0:
                    continue
                waiting = np.uint64(step - 1)
                begin, end = np.uint64(spans[step]), np.uint64(spans[step + 1])
                nulls = null_bits(program.nulls, block, at, np.int64(step)) if has_nulls else np.int64(0)
                newest = slots[slot, waiting]
                run = newest
                moved = np.int64(0)
                while run >= head - size and runs[np.uint64(run) & mask, DEADLINE] >= now:
                    there = np.uint64(run) & mask
                    c = begin
                    while c < end:
                        runs[there, c + np.uint64(BOUND)] = block[np.uint64(sources[c]), row]
                        c += one
                    if has_nulls:
                        runs[there, RUN_NULLS] |= nulls
                    moved = run
                    run = runs[there, BEHIND]
                if moved > 0:
                    runs[np.uint64(moved) & mask, BEHIND] = slots[slot, waiting + one]
                    slots[slot, waiting + one] = newest
                slots[slot, waiting] = 0
            if starting:
                runs[into, BEHIND] = slots[slot, 0]
                runs[into, DEADLINE] = now + within if now <= FOREVER - within else FOREVER
                runs[into, RUN_NULLS] = null_bits(program.nulls, block, at, np.int64(0)) if has_nulls else np.int64(0)
                c, end = np.uint64(0), np.uint64(spans[1])
                while c < end:
                    runs[into, c + np.uint64(BOUND)] = block[np.uint64(sources[c]), row]
                    c += one
                slots[slot, 0] = head
                head += 1
                counts[HEAD] = head
        counts[CURSOR] = counts[SOUGHT_TO]
    return DONE


def addresses(program: ChainProgram, state: ChainState, block: IntArray, found: IntArray) -> IntArray:
    """Where all of these lie, for `match_chain_row`; they are to be kept as long as it is."""
    out = np.zeros((TABLES, 3), np.int64)
    words, at = memoryview(out.data).cast("B").cast("q"), 0
    for table in (*program, *state, block, found):
        shape = table.shape
        words[at], words[at + 1] = table.__array_interface__["data"][0], shape[0]
        words[at + 2] = shape[1] if len(shape) > 1 else 1
        at += 3
    return out


@kernel(ChainProgramType(Matrix), inline=True)
def program_at(at: IntArray) -> ChainProgram:
    """Return the program that `addresses` has written down."""
    return ChainProgram(
        vector_at(at[0, 0], at[0, 1]),
        vector_at(at[1, 0], at[1, 1]),
        vector_at(at[2, 0], at[2, 1]),
        matrix_at(at[3, 0], at[3, 1], at[3, 2]),
        matrix_at(at[4, 0], at[4, 1], at[4, 2]),
        matrix_at(at[5, 0], at[5, 1], at[5, 2]),
        vector_at(at[6, 0], at[6, 1]),
        vector_at(at[7, 0], at[7, 1]),
        vector_at(at[8, 0], at[8, 1]),
    )


@kernel(ChainStateType(Matrix), inline=True)
def state_at(at: IntArray) -> ChainState:
    """Return the state that `addresses` has written down."""
    return ChainState(
        matrix_at(at[9, 0], at[9, 1], at[9, 2]),
        vector_at(at[10, 0], at[10, 1]),
        matrix_at(at[11, 0], at[11, 1], at[11, 2]),
        vector_at(at[12, 0], at[12, 1]),
        vector_at(at[13, 0], at[13, 1]),
        matrix_at(at[14, 0], at[14, 1], at[14, 2]),
        vector_at(at[15, 0], at[15, 1]),
    )


@kernel(types.int64(Integer))
def match_chain_row(place: Whole) -> Whole:
    """Do what `match_chains` does for a whole block, told by one number where all lies; NOTHING for no match.

    To look at eighteen tables takes Python's side of a call ten times as long as one row takes this side.
    """
    at = matrix_at(place, TABLES, 3)
    program, state = program_at(at), state_at(at)
    block, found = matrix_at(at[16, 0], at[16, 1], at[16, 2]), matrix_at(at[17, 0], at[17, 1], at[17, 2])
    state.counts[CURSOR] = 0
    state.counts[SOUGHT_TO] = 0
    stopped = match_chains(program, state, block, found)
    return NOTHING if stopped == DONE and state.counts[FOUND] == 0 else stopped


@kernel(types.boolean(ChainStateType, Integer, Integer), inline=True)
def is_broken(state: ChainState, number: Whole, slot: Whole) -> bool:
    """Return whether something forbidden has come for the runs that wait, as one, for a silence."""
    lists, tails = state.counts[LISTS], state.tails
    broken = False
    for c in range(tails.size):
        broken = broken or (number >= tails[c] and number < state.slots[slot, lists + c])
    return broken


@kernel(types.int64(ChainStateType, Integer, Vector))
def prune_chains(state: ChainState, now: Whole, lists: IntArray) -> Whole:
    """Cut what has expired at ``now`` out of all lists; return how many runs are left.

    ``lists``, zeros by row of the ring, gets for each that is left the number of its list, from 1 on: the lists of the
    first slot, with that of its runs that wait for a silence as the last, those of the second. O(keys + runs).
    """
    slots, runs, waits, counts = state.slots, state.runs, state.waits, state.counts
    mask = runs.shape[0] - 1
    oldest, lists_each, classes = counts[HEAD] - runs.shape[0], counts[LISTS], state.tails.size
    width = lists_each + min(classes, 1)
    count = np.int64(0)
    for slot in range(counts[USED]):
        bar = max(oldest, slots[slot, lists_each + classes]) if classes > 0 else oldest
        for place in range(lists_each):
            last = np.int64(0)
            run = slots[slot, place]
            while run >= bar and runs[run & mask, DEADLINE] >= now:
                lists[run & mask] = slot * width + place + 1
                count += 1
                last = run
                run = runs[run & mask, BEHIND]
            if last > 0:
                runs[last & mask, BEHIND] = 0
            else:
                slots[slot, place] = 0
    if classes == 0:
        return count
    for number in range(state.tails[classes - 1], counts[WAITS_HEAD]):
        at = number & (waits.shape[0] - 1)
        run, slot = waits[at, WAITS_RUN], waits[at, WAITS_SLOT]
        last = np.int64(0)
        bar = max(np.int64(1), slots[slot, lists_each + classes])
        if run > 0 and is_broken(state, np.int64(number), slot):
            run = np.int64(0)
        while run >= bar:
            lists[run & mask] = slot * width + width
            count += 1
            last = run
            run = runs[run & mask, BEHIND]
        if last > 0:
            runs[last & mask, BEHIND] = 0
        else:
            waits[at, WAITS_RUN] = 0
            waits[at, WAITS_SLOT] = 0
    return count


@kernel(types.int64(ChainStateType, Vector, Matrix))
def move_chains(state: ChainState, lists: IntArray, ring: IntArray) -> Whole:
    """Move the runs that `prune_chains` has left to another ring, with room, in order; return how many.

    All are numbered anew; ``lists`` is written over.
    """
    slots, runs, waits, counts = state.slots, state.runs, state.waits, state.counts
    mask = runs.shape[0] - 1
    first = max(counts[HEAD], ring.shape[0] + 1)
    oldest = counts[HEAD] - runs.shape[0]
    head = first
    for old in range(oldest, counts[HEAD]):
        at = old & mask
        if lists[at] > 0:
            into = head & (ring.shape[0] - 1)
            for c in range(runs.shape[1]):
                ring[into, c] = runs[at, c]
            lists[at] = head
            head += 1
        else:
            lists[at] = -head  # those that started later stand from there on
    for run in range(first, head):
        at = run & (ring.shape[0] - 1)
        if ring[at, BEHIND] > 0:
            ring[at, BEHIND] = lists[ring[at, BEHIND] & mask]
    classes = state.tails.size
    for slot in range(counts[USED]):
        for place in range(counts[LISTS]):
            if slots[slot, place] > 0:
                slots[slot, place] = lists[slots[slot, place] & mask]
        if classes > 0:
            slots[slot, counts[LISTS] + classes] = 0
    if classes > 0:
        for number in range(state.tails[classes - 1], counts[WAITS_HEAD]):
            at = number & (waits.shape[0] - 1)
            if waits[at, WAITS_RUN] > 0:
                waits[at, WAITS_RUN] = lists[waits[at, WAITS_RUN] & mask]
                bar = waits[at, WAITS_BAR]
                waits[at, WAITS_BAR] = head if bar >= counts[HEAD] else abs(lists[max(bar, oldest) & mask])
    counts[HEAD] = head
    return head - first

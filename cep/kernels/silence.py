"""Chains that end in a silence: `A then B then no C for 5 min`, one or several absences at the end.

Runs that have bound all wait for a deadline: the time of their last event and the longest duration. An event takes all
runs of a key that wait for the last step at once, so they wait as one *group*. A deadline is an event's time and a
constant, so groups in order of their events are in order of deadline: a ring.

- ``waits``: the ring; group n stands in row n modulo its size (the columns are in `cep.kernels.chain`). Its runs stand
  in a list, newest first; none of them is overwritten before the deadline has passed.
- ``tails``: for each duration, ascending, the first group whose interval is not over. Those before the last of them
  are gone.
- A slot has, after its lists, for each duration the number that the next group had when something forbidden came, and
  the first run that may be part of a match.

What is forbidden does not look for the groups that it ends: it notes, for its key, which group begins at the instant at
hand. When an interval is over, a group stands if its number is not below what its key has noted; what is noted later
than that is about groups to come. Lists of the groups of a key, walked at each forbidden event, were slower by hand.

A match forgets what started up to its last event: the slot notes the first run after it, and whoever walks a list stops
at an older one, as at one that has expired.
Invariant: a deadline at time t is decided before the first event later than t, or when ``counts[LIMIT]`` has passed t.
Cost: O(steps + durations) amortised a row.
Tested by: tests/kernels/test_silence.py, tests/properties/
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, DECIDED_AT, FOUND_NULLS, START_NO, TS, null_bits
from cep.kernels.chain import (
    BEHIND,
    BOUND,
    CURSOR,
    DEADLINE,
    DONE,
    FOUND,
    HEAD,
    INSTANT,
    INSTANT_FIRST,
    KEEP_ALL,
    LIMIT,
    LISTS,
    NOTHING,
    RUN_NULLS,
    SOUGHT_FROM,
    SOUGHT_TO,
    STEPS,
    TABLES,
    WAITS_BAR,
    WAITS_HEAD,
    WAITS_RUN,
    WAITS_SLOT,
    WAITS_TS,
    WAKES,
    WANTS_FOUND,
    WANTS_RUNS,
    WANTS_SLOTS,
    WANTS_WAITS,
    WITHIN,
    ChainProgram,
    ChainProgramType,
    ChainState,
    ChainStateType,
    leave_forbidden,
    program_at,
    seek_keys,
    state_at,
)
from cep.kernels.jit import IntArray, Integer, Matrix, Whole, kernel, matrix_at
from cep.kernels.keys import KEY_WORDS
from cep.kernels.runs import FOREVER, add_time


@kernel(types.int64(ChainProgramType, ChainStateType), inline=True)
def next_silence(program: ChainProgram, state: ChainState) -> Whole:
    """Return where the next interval of some group is over, FOREVER for none."""
    waits, tails = state.waits, state.tails
    due: Whole = FOREVER
    for c in range(tails.size):
        if tails[c] < state.counts[WAITS_HEAD]:
            at = tails[c] & (waits.shape[0] - 1)
            due = min(due, add_time(waits[at, WAITS_TS], program.durations[c]))
    return due


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Integer), inline=True)
def give_group(program: ChainProgram, state: ChainState, found: IntArray, at: Whole) -> Whole:
    """Give out the runs of the group in a row of the ring, or the first of them; return how many, -1 for no room."""
    slots, runs, counts = state.slots, state.runs, state.counts
    mask = np.uint64(runs.shape[0] - 1)
    slot, keep_all = state.waits[at, WAITS_SLOT], program.scalars[KEEP_ALL] != 0
    bar_at = counts[LISTS] + state.tails.size
    bar = max(np.int64(1), slots[slot, bar_at])
    count = np.int64(0)
    first = np.int64(0)
    run = state.waits[at, WAITS_RUN]
    while run >= bar:
        first = run
        count += 1
        run = runs[np.uint64(run) & mask, BEHIND]
    if count == 0:
        return count
    if not keep_all:
        count = np.int64(1)
    if found.shape[1] - counts[FOUND] < count:
        return np.int64(-1)
    deadline = add_time(state.waits[at, WAITS_TS], program.durations[state.tails.size - 1])
    key_at = slots.shape[1] - counts[KEY_WORDS]
    run = state.waits[at, WAITS_RUN] if keep_all else first
    for target in range(counts[FOUND] + count - 1, counts[FOUND] - 1, -1):
        row = np.uint64(run) & mask
        found[DECIDED_AT, target] = deadline
        found[START_NO, target] = run
        found[FOUND_NULLS, target] = runs[row, RUN_NULLS]
        for c in range(program.kept.shape[0]):
            found[program.kept[c, 0], target] = runs[row, program.kept[c, 1]]
        for c in range(program.last.shape[0]):
            found[program.last[c, 0], target] = slots[slot, key_at + program.last[c, 1]]
        run = runs[row, BEHIND]
    counts[FOUND] += count
    if not keep_all:
        slots[slot, bar_at] = state.waits[at, WAITS_BAR]
    return count


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Integer))
def decide_silences(program: ChainProgram, state: ChainState, found: IntArray, limit: Whole) -> Whole:
    """Decide every interval that is over before ``limit``; return what stopped it. O(durations) amortised a group."""
    slots, waits, tails, counts = state.slots, state.waits, state.tails, state.counts
    mask, lists, head = waits.shape[0] - 1, counts[LISTS], counts[WAITS_HEAD]
    longest = tails.size - 1
    for c in range(longest):
        tail = tails[c]
        while tail < head and add_time(waits[tail & mask, WAITS_TS], program.durations[c]) < limit:
            at = tail & mask
            if tail < slots[waits[at, WAITS_SLOT], lists + c]:
                waits[at, WAITS_RUN] = 0
            tail += 1
        tails[c] = tail
    tail = tails[longest]
    stopped = np.int64(DONE)
    while tail < head:
        at = tail & mask
        if waits[at, WAITS_RUN] > 0 and tail >= slots[waits[at, WAITS_SLOT], lists + longest]:
            if add_time(waits[at, WAITS_TS], program.durations[longest]) >= limit:
                break
            if give_group(program, state, found, at) < 0:
                stopped = np.int64(WANTS_FOUND)
                break
        tail += 1
    tails[longest] = tail
    for c in range(longest):  # what was broken may be gone before a shorter interval is over
        tails[c] = max(tails[c], tail)
    return stopped


@kernel(types.int64(ChainProgramType, ChainStateType, Matrix, Matrix))
def match_silences(program: ChainProgram, state: ChainState, block: IntArray, found: IntArray) -> Whole:
    """Show the rows of a block from ``counts[CURSOR]`` on, then let time pass; return what stopped it.

    Any answer but DONE means: make room, or take out what was found; then call again. It does with the steps before the
    last what `match_chains` does.
    """
    slots, runs, waits, tails, counts = state.slots, state.runs, state.waits, state.tails, state.counts
    spans, sources = program.spans, program.sources
    size = runs.shape[0]
    mask, one, ring = np.uint64(size - 1), np.uint64(1), waits.shape[0]
    last, within, lists = program.scalars[STEPS] - 1, program.scalars[WITHIN], counts[LISTS]
    classes = tails.size
    silence = program.durations[classes - 1]
    forbidding, bar_at, first_seen = np.int64(1) << program.scalars[STEPS], lists + classes, np.uint64(lists)
    has_between = False
    for n in range(last + 1):
        has_between = has_between or program.between[n] != 0
    is_one = classes == 1 and not has_between  # then any bit beyond the steps is of the one silence
    has_nulls = program.nulls.shape[0] > 0
    head, waiting = counts[HEAD], counts[WAITS_HEAD]
    instant, instant_first = counts[INSTANT], counts[INSTANT_FIRST]
    due = next_silence(program, state)
    while counts[CURSOR] < block.shape[1]:
        if counts[CURSOR] >= counts[SOUGHT_TO] and seek_keys(state, block, counts[CURSOR]) == counts[CURSOR]:
            counts[INSTANT], counts[INSTANT_FIRST] = instant, instant_first
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
            if due < now:
                if decide_silences(program, state, found, now) != DONE:
                    counts[CURSOR], counts[INSTANT], counts[INSTANT_FIRST] = at, instant, instant_first
                    return WANTS_FOUND
                due = next_silence(program, state)
            if now != instant:
                instant, instant_first = now, waiting
            if bits >= forbidding:
                if is_one:
                    slots[slot, first_seen] = instant_first
                else:
                    for n in range(classes):
                        if bits & program.silences[n] != 0:
                            slots[slot, first_seen + np.uint64(n)] = instant_first
                    if has_between:
                        leave_forbidden(program, state, place, bits)
                bits &= forbidding - 1
                if bits == 0:
                    continue
            starting = bits & 1
            into = np.uint64(head) & mask
            if starting != 0 and runs[into, DEADLINE] >= now:
                counts[CURSOR], counts[INSTANT], counts[INSTANT_FIRST] = at, instant, instant_first
                return WANTS_RUNS
            if (bits >> last) & 1 != 0 and waiting - tails[classes - 1] == ring:
                counts[CURSOR], counts[INSTANT], counts[INSTANT_FIRST] = at, instant, instant_first
                return WANTS_WAITS
            bar = max(head - size, slots[slot, np.uint64(bar_at)])
            for step in range(last, 0, -1):
                if (bits >> step) & 1 == 0:
                    continue
                from_list, is_last = np.uint64(step - 1), step == last
                begin, end = np.uint64(spans[step]), np.uint64(spans[step + 1])
                nulls = null_bits(program.nulls, block, at, np.int64(step)) if has_nulls else np.int64(0)
                newest = slots[slot, from_list]
                run = newest
                moved = np.int64(0)
                while run >= bar and runs[np.uint64(run) & mask, DEADLINE] >= now:
                    there = np.uint64(run) & mask
                    c = begin
                    while c < end:
                        runs[there, c + np.uint64(BOUND)] = block[np.uint64(sources[c]), row]
                        c += one
                    if has_nulls:
                        runs[there, RUN_NULLS] |= nulls
                    if is_last:
                        runs[there, DEADLINE] = add_time(now, silence)
                    moved = run
                    run = runs[there, BEHIND]
                slots[slot, from_list] = 0
                if moved > 0 and is_last:
                    runs[np.uint64(moved) & mask, BEHIND] = 0
                    group = waiting & (ring - 1)
                    waits[group, WAITS_TS], waits[group, WAITS_SLOT] = now, place
                    waits[group, WAITS_RUN], waits[group, WAITS_BAR] = newest, head + starting
                    waiting += 1
                    counts[WAITS_HEAD] = waiting
                    due = min(due, add_time(now, program.durations[0]))
                elif moved > 0:
                    runs[np.uint64(moved) & mask, BEHIND] = slots[slot, from_list + one]
                    slots[slot, from_list + one] = newest
            if starting != 0:
                runs[into, RUN_NULLS] = null_bits(program.nulls, block, at, np.int64(0)) if has_nulls else np.int64(0)
                c, end = np.uint64(0), np.uint64(spans[1])
                while c < end:
                    runs[into, c + np.uint64(BOUND)] = block[np.uint64(sources[c]), row]
                    c += one
                if last == 0:
                    runs[into, BEHIND], runs[into, DEADLINE] = 0, add_time(now, silence)
                    group = waiting & (ring - 1)
                    waits[group, WAITS_TS], waits[group, WAITS_SLOT] = now, place
                    waits[group, WAITS_RUN], waits[group, WAITS_BAR] = head, head + 1
                    waiting += 1
                    counts[WAITS_HEAD] = waiting
                    due = min(due, add_time(now, program.durations[0]))
                else:
                    runs[into, BEHIND], runs[into, DEADLINE] = slots[slot, 0], add_time(now, within)
                    slots[slot, 0] = head
                head += 1
                counts[HEAD] = head
        counts[CURSOR] = counts[SOUGHT_TO]
    counts[INSTANT], counts[INSTANT_FIRST] = instant, instant_first
    if due < counts[LIMIT] and decide_silences(program, state, found, counts[LIMIT]) != DONE:
        return WANTS_FOUND
    tail = tails[classes - 1]
    counts[WAKES] = FOREVER if tail == waiting else add_time(waits[tail & (ring - 1), WAITS_TS], silence)
    return DONE


@kernel(types.int64(Integer))
def match_silence_row(place: Whole) -> Whole:
    """Do what `match_silences` does, told as `match_chain_row` is."""
    at = matrix_at(place, TABLES, 3)
    program, state = program_at(at), state_at(at)
    block, found = matrix_at(at[16, 0], at[16, 1], at[16, 2]), matrix_at(at[17, 0], at[17, 1], at[17, 2])
    state.counts[CURSOR] = 0
    state.counts[SOUGHT_TO] = 0
    stopped = match_silences(program, state, block, found)
    return NOTHING if stopped == DONE and state.counts[FOUND] == 0 else stopped

"""What a match does to the other runs of its key, and what time alone decides.

A match forgets the runs that the skip rule would refuse: those that started at or before its *bar*. It uses up events
when the rule consumes them. The bounds ``within`` and ``gap`` end runs, a loop at the end with a match; the absence at
the end completes runs. A deadline at time t is decided before the first event later than t, or when the watermark has
passed t. Events that an absence at the start may forbid are kept for as long as it reaches back.

Tested by: tests/kernels/test_match.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.program import (
    ALIKE,
    CONSUMED,
    CONSUMES,
    ENDS,
    FINAL,
    GAP,
    KEEP_ALL,
    KEY_WORDS,
    NO_BAR,
    QUIET,
    SAME_CHOICES,
    SAME_START,
    SKIP,
    SKIP_AT,
    TO_NEXT,
    TO_POSITION,
    USED_BIT,
    WITHIN,
    Matches,
    MatchesType,
    MatchProgram,
    MatchProgramType,
)
from cep.kernels.runs import (
    BITS,
    BOUND_STEP,
    BY_ABSENCE,
    BY_LOOP_END,
    CHOSEN_BIT,
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    FOREVER,
    FOUND,
    GAPS_HEAD,
    GAPS_TAIL,
    GENERATION,
    HEAD,
    KEPT,
    LAST_NO,
    MASK,
    NEWEST,
    NEXT,
    NO,
    NODE,
    PARENT,
    PAST_BEFORE,
    PAST_HEAD,
    PAST_ROW,
    PAST_TAIL,
    REGISTERS,
    ROW,
    RUNS,
    SHADOW,
    START_NO,
    START_TS,
    STARTS_HEAD,
    STARTS_TAIL,
    STEP,
    STEP_BITS,
    TS,
    RunState,
    RunStateType,
    add_time,
    free_run,
    free_slot,
    give_out,
)
from cep.kernels.timeouts import quieten, time_out

# what stopped the matcher; the caller makes room and calls again
DONE, WANTS_RUNS, WANTS_NODES, WANTS_FOUND, WANTS_STARTS, WANTS_CLOSERS, WANTS_SLOTS, WANTS_GAPS, WANTS_PAST = range(9)


@kernel(types.boolean(Matrix, Integer, Integer, Integer), inline=True)
def is_due(ring: IntArray, head: Whole, tail: Whole, limit: Whole) -> bool:
    """Return whether the next deadline of a ring comes before ``limit``."""
    return bool(head < tail and ring[head & (ring.shape[0] - 1), 0] < limit)


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer), inline=True)
def bar_of(program: MatchProgram, state: RunState, matches: Matches, at: Whole) -> Whole:
    """Return the NO at or before which no later match may start, after the match at ``found[at]``; NO_BAR: anywhere."""
    found, skip = matches.found, program.scalars[SKIP]
    if skip == KEEP_ALL:
        return NO_BAR
    bar = found[at, START_NO]
    if skip == TO_POSITION:
        row = found[at, REGISTERS + program.scalars[SKIP_AT]]
        if row >= 0:
            bar = max(bar, state.rows[row, NO] - 1)
    elif skip != TO_NEXT:
        bar = found[at, LAST_NO]
    return bar


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def use_up(program: MatchProgram, state: RunState, matches: Matches, at: Whole) -> Whole:
    """Mark the events that the match at ``found[at]`` consumes; return how many. O(length)."""
    rows, nodes = state.rows, state.nodes
    used = 0
    node = matches.found[at, NODE]
    while node >= 0:
        if program.steps[nodes[node, BOUND_STEP] & STEP_BITS, CONSUMED] != 0:
            rows[nodes[node, ROW], BITS] |= USED_BIT
            used += 1
        node = nodes[node, PARENT]
    return used


@kernel(types.int64(RunStateType, Integer))
def holds_used(state: RunState, node: Whole) -> Whole:
    """Return 1 when a binding or one before it is of an event that was used up, else 0. O(length)."""
    while node >= 0:
        if state.rows[state.nodes[node, ROW], BITS] & USED_BIT != 0:
            return 1
        node = state.nodes[node, PARENT]
    return 0


@kernel(types.int64(RunStateType, Integer))
def forget_used(state: RunState, slot: Whole) -> Whole:
    """Drop the runs of a key that have bound a used event; return how many are left. O(events bound).

    One that went on where the pattern may end stays: when it may end again, what it went on from is given up.
    """
    runs = state.runs
    run = state.slots[slot, HEAD]
    while run >= 0:
        dead = runs[run, SHADOW] < 0 and holds_used(state, runs[run, NODE]) != 0
        run = free_run(state, slot, run) if dead else runs[run, NEXT]
    return state.slots[slot, RUNS]


@kernel(types.int64(RunStateType, Integer), inline=True)
def choice_before(state: RunState, node: Whole) -> Whole:
    """Return the newest binding, up to this one, that `then any` chose; -1 when there is none. O(length)."""
    nodes = state.nodes
    while node >= 0 and nodes[node, BOUND_STEP] & CHOSEN_BIT == 0:
        node = nodes[node, PARENT]
    return node


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer, Integer))
def is_alike(program: MatchProgram, state: RunState, matches: Matches, begin: Whole, end: Whole, node: Whole) -> Whole:
    """Return 1 when a match at ``found[begin:end]``, all of one start and completion, is one with that of a binding.

    Without `then any` they all are; with it those that have chosen the same events. O(matches x length) then.
    """
    nodes, found = state.nodes, matches.found
    alike = program.scalars[ALIKE]
    if alike != SAME_CHOICES:
        return 1 if alike == SAME_START else 0
    last = choice_before(state, node)
    for at in range(begin, end):
        mine = last
        other = choice_before(state, found[at, NODE])
        while mine >= 0 and other >= 0 and mine != other and nodes[mine, ROW] == nodes[other, ROW]:
            mine = choice_before(state, nodes[mine, PARENT])
            other = choice_before(state, nodes[other, PARENT])
        if mine == other:
            return 1
    return 0


@kernel(types.int64(RunStateType, Integer, Integer), inline=True)
def forget_runs(state: RunState, slot: Whole, bar: Whole) -> Whole:
    """Drop the runs of a key that started at or before ``bar``; return how many are left. O(dropped)."""
    runs, slots = state.runs, state.slots
    run = slots[slot, HEAD]
    while run >= 0 and runs[run, START_NO] <= bar:
        run = free_run(state, slot, run)
    return slots[slot, RUNS]


@kernel(types.int64(RunStateType, Integer, Integer), inline=True)
def drop_key(state: RunState, slot: Whole, words: Whole) -> Whole:
    """Free a key that has neither runs nor kept events; return 1 when it has gone, else 0. O(1) expected."""
    if state.slots[slot, RUNS] != 0 or state.slots[slot, KEPT] != 0:
        return 0
    free_slot(state, slot, words)
    return 1


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def close_bounds(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every ``within`` and ``gap`` that ends before ``limit``; return what stopped it.

    O(1) amortized a start; with ``gap`` O(runs of the key) a deadline at which a run ends.
    """
    runs, slots, counts, scalars = state.runs, state.slots, state.counts, program.scalars
    starts, gaps = state.starts, state.gaps
    within, gap, timed = scalars[WITHIN], scalars[GAP], scalars[QUIET] != 0
    while True:
        by_start = is_due(starts, counts[STARTS_HEAD], counts[STARTS_TAIL], limit)
        by_gap = is_due(gaps, counts[GAPS_HEAD], counts[GAPS_TAIL], limit)
        start_at = counts[STARTS_HEAD] & (starts.shape[0] - 1)
        gap_at = counts[GAPS_HEAD] & (gaps.shape[0] - 1)
        if by_start and by_gap:
            by_start = starts[start_at, 0] <= gaps[gap_at, 0]
        if by_start:
            deadline, slot, start = starts[start_at, 0], starts[start_at, 1], starts[start_at, 2]
            dead = slots[slot, RUNS] <= 0
        elif by_gap:
            deadline, slot, start = gaps[gap_at, 0], gaps[gap_at, 1], FOREVER
            run = gaps[gap_at, 2]
            dead = runs[run, GENERATION] != gaps[gap_at, 3]
        else:
            return DONE
        if not dead and counts[FOUND] + slots[slot, RUNS] > matches.found.shape[0]:
            return WANTS_FOUND
        if by_start:
            counts[STARTS_HEAD] += 1
        else:
            counts[GAPS_HEAD] += 1
        if dead:
            continue
        if gap < FOREVER or timed:
            start = FOREVER  # a run of any start may end with it
        full = counts[FOUND]
        bar: Whole = NO_BAR
        given = NO_BAR
        began: Whole = np.int64(0)  # the first match of the start ``given``
        used: Whole = np.int64(0)
        run = slots[slot, HEAD]
        while run >= 0 and runs[run, START_NO] <= start:
            last = state.rows[state.nodes[runs[run, NODE], ROW], TS]
            ends = add_time(runs[run, START_TS], within) == deadline or add_time(last, gap) == deadline
            if timed and gap == FOREVER and add_time(runs[run, START_TS], within) > deadline:
                break  # what started later ends later
            if not ends or (timed and (scalars[FINAL] != 0 or runs[run, MASK] & CLOSE_BIT == 0)):
                run = runs[run, NEXT]
                continue
            if scalars[FINAL] != 0:  # what is bound stays; the absence is not inside the bound
                runs[run, MASK] &= CLOSE_BIT
                run = free_run(state, slot, run) if runs[run, MASK] == 0 else runs[run, NEXT]
                continue
            number = runs[run, START_NO]
            closes = runs[run, MASK] & CLOSE_BIT != 0 and number > bar
            if closes and number == given:
                closes = is_alike(program, state, matches, began, counts[FOUND], runs[run, NODE]) == 0
            if closes and not (used > 0 and holds_used(state, runs[run, NODE]) != 0):
                at = give_out(state, matches, run, deadline, np.int64(BY_LOOP_END), np.int64(-1)) - 1
                if number != given:
                    given, began = number, at
                bar = max(bar, bar_of(program, state, matches, at))
                if scalars[CONSUMES] != 0:
                    used += use_up(program, state, matches, at)
            run = free_run(state, slot, run)
        if bar >= 0:
            forget_runs(state, slot, bar)
        if used > 0:
            forget_used(state, slot)
        if timed:
            if scalars[SKIP] == KEEP_ALL:
                quieten(program, state, matches, slot, full)
            time_out(program, state, matches, slot, deadline, np.int64(-1))
        drop_key(state, slot, scalars[KEY_WORDS])


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def close_absences(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every final absence that ends before ``limit``; return what stopped it. O(1) amortized a deadline.

    Several runs of one key with one deadline are looked at together, in the order of the key's list.
    """
    runs, slots, closers, counts = state.runs, state.slots, state.closers, state.counts
    ring = closers.shape[0] - 1
    while counts[CLOSERS_HEAD] < counts[CLOSERS_TAIL]:
        at = counts[CLOSERS_HEAD] & ring
        deadline, slot, run, generation = closers[at, 0], closers[at, 1], closers[at, 2], closers[at, 3]
        if deadline >= limit:
            break
        if runs[run, GENERATION] != generation or runs[run, CLOSE_AT] != deadline or runs[run, MASK] & CLOSE_BIT == 0:
            counts[CLOSERS_HEAD] += 1
            continue
        if counts[FOUND] + slots[slot, RUNS] > matches.found.shape[0]:
            return WANTS_FOUND
        counts[CLOSERS_HEAD] += 1
        full = counts[FOUND]
        alone = True
        if counts[CLOSERS_HEAD] < counts[CLOSERS_TAIL]:
            after = counts[CLOSERS_HEAD] & ring
            alone = closers[after, 0] != deadline
        bar: Whole = NO_BAR
        given = NO_BAR
        began: Whole = np.int64(0)  # the first match of the start ``given``
        used: Whole = np.int64(0)
        if not alone:
            run = slots[slot, HEAD]
        while run >= 0:
            behind = runs[run, NEXT]
            if runs[run, CLOSE_AT] == deadline and runs[run, MASK] & CLOSE_BIT != 0 and runs[run, START_NO] > bar:
                number = runs[run, START_NO]
                closes = True
                if number == given:
                    closes = is_alike(program, state, matches, began, counts[FOUND], runs[run, NODE]) == 0
                if closes and not (used > 0 and holds_used(state, runs[run, NODE]) != 0):
                    at = give_out(state, matches, run, deadline, np.int64(BY_ABSENCE), np.int64(-1)) - 1
                    if number != given:
                        given, began = number, at
                    bar = max(bar, bar_of(program, state, matches, at))
                    if program.scalars[CONSUMES] != 0:
                        used += use_up(program, state, matches, at)
                runs[run, MASK] &= ~(CLOSE_BIT | program.steps[runs[run, STEP], ENDS])
                if runs[run, MASK] == 0:
                    free_run(state, slot, run)
            if alone:
                break
            run = behind
        if bar >= 0:
            forget_runs(state, slot, bar)
        if used > 0:
            forget_used(state, slot)
        if program.scalars[QUIET] != 0 and program.scalars[SKIP] == KEEP_ALL:
            quieten(program, state, matches, slot, full)
        drop_key(state, slot, program.scalars[KEY_WORDS])
    return DONE


@kernel(types.int64(RunStateType, Integer, Integer, Integer))
def keep_past(state: RunState, slot: Whole, row: Whole, until: Whole) -> Whole:
    """Keep an event of a key for the absence at the start, in room made before; return how many it has. O(1)."""
    past, slots, counts = state.past, state.slots, state.counts
    entry = counts[PAST_TAIL]
    at = entry & (past.shape[0] - 1)
    past[at, 0] = until
    past[at, 1] = slot
    past[at, PAST_ROW] = row
    past[at, PAST_BEFORE] = slots[slot, NEWEST]
    slots[slot, NEWEST] = entry
    slots[slot, KEPT] += 1
    counts[PAST_TAIL] = entry + 1
    return slots[slot, KEPT]


@kernel(types.int64(MatchProgramType, RunStateType, Integer))
def forget_past(program: MatchProgram, state: RunState, limit: Whole) -> Whole:
    """Drop the kept events that no event from ``limit`` on can look back to; return how many are left. O(dropped)."""
    past, slots, counts = state.past, state.slots, state.counts
    while is_due(past, counts[PAST_HEAD], counts[PAST_TAIL], limit):
        slot = past[counts[PAST_HEAD] & (past.shape[0] - 1), 1]
        counts[PAST_HEAD] += 1
        slots[slot, KEPT] -= 1
        drop_key(state, slot, program.scalars[KEY_WORDS])
    return counts[PAST_TAIL] - counts[PAST_HEAD]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Vector, Vector))
def allow_timeouts(program: MatchProgram, state: RunState, matches: Matches, wanted: IntArray, bars: IntArray) -> Whole:
    """Leave ``wanted[i]`` 1 where the timeout ``found[i]`` may start where it does; return how many are left.

    ``wanted`` is 1 for timeouts that fulfil their condition. A later one of the key must start where the skip rule
    allows it after this one; runs that may not are quiet from now on. ``bars`` has a -1 for each slot: one that has
    changed hands meanwhile has later starts only. O(timeouts + slots + runs of their keys).
    """
    slots, runs, found = state.slots, state.runs, matches.found
    left = 0
    for at in range(wanted.size):
        if wanted[at] != 0:
            slot = found[at, CLOSE_AT]
            if found[at, START_NO] <= bars[slot]:
                wanted[at] = 0
            else:
                left += 1
                bars[slot] = max(bars[slot], bar_of(program, state, matches, np.int64(at)))
    for slot in range(bars.size):
        run = slots[slot, HEAD] if bars[slot] >= 0 and slots[slot, RUNS] > 0 else np.int64(-1)
        while run >= 0 and runs[run, START_NO] <= bars[slot]:
            runs[run, program.scalars[QUIET]] = 1
            run = runs[run, NEXT]
    return left


@kernel(types.int64(Matrix, Integer, Integer), inline=True)
def next_due(ring: IntArray, head: Whole, tail: Whole) -> Whole:
    """Return the next deadline of a ring, FOREVER when there is none."""
    return np.int64(ring[head & (ring.shape[0] - 1), 0]) if head < tail else FOREVER


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def close_by_time(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide the bounds and the final absences that end before ``limit`` by turns; return what stopped it.

    At one time bounds come first. Timeouts need it, which a match of an absence may forbid; nothing else does.
    """
    counts = state.counts
    while True:
        silence = next_due(state.closers, counts[CLOSERS_HEAD], counts[CLOSERS_TAIL])
        stopped = close_bounds(program, state, matches, min(limit, add_time(silence, np.int64(1))))
        if stopped != DONE or silence >= limit:
            return stopped
        bound = next_due(state.starts, counts[STARTS_HEAD], counts[STARTS_TAIL])
        bound = min(bound, next_due(state.gaps, counts[GAPS_HEAD], counts[GAPS_TAIL]))
        stopped = close_absences(program, state, matches, min(limit, bound))
        if stopped != DONE:
            return stopped

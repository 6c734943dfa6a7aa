"""`prefer earliest`: matches in order of start and preference, each given out once nothing before it is left.

The runs of a key stand in that very order. So a run that is complete stays where it stands, DONE, and is a match when
no run stands before it: an earlier start, or a preferred run of its own, may still become one. A run that is DONE may
wait on for another end: what it binds later comes before its own end in the order (the candidate that binds an event
is preferred), a further iteration of a `fewest` loop after it.

Whoever waits is told by what is over, so a run goes at the very deadline that ends it, and deadlines of all kinds
are decided in their order. What a run went on from may be gone before its time is up: an entry of a ring counts
for its key, whatever became of its run.

Cost: O(1) an event beside the matcher's; O(runs of the key) a deadline; with ``consume`` O(length) a run looked at.
References: SQL:2016, row pattern recognition, for the order; docs/semantics.md for when a match is decided.
Tested by: tests/properties/test_laws.py, tests/properties/test_small_patterns.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.deadlines import (
    DONE,
    WANTS_FOUND,
    bar_of,
    close_absences,
    close_bounds,
    close_by_time,
    drop_key,
    forget_runs,
    holds_used,
    is_alike,
    is_due,
    use_up,
)
from cep.kernels.jit import Integer, Whole, kernel
from cep.kernels.moves import is_reluctant
from cep.kernels.program import (
    ALIKE,
    CONSUMES,
    DONE_AT,
    ENDS,
    FINAL,
    FIRST_MOVE,
    GAP,
    KEEP_ALL,
    KEY_WORDS,
    MOVES,
    NONE_ALIKE,
    QUIET,
    SKIP,
    WITHIN,
    Matches,
    MatchesType,
    MatchProgram,
    MatchProgramType,
)
from cep.kernels.runs import (
    BY_ABSENCE,
    BY_LOOP_END,
    CLOSE_AT,
    CLOSE_BIT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    DONE_BIT,
    FOREVER,
    FOUND,
    GAPS_HEAD,
    GAPS_TAIL,
    HEAD,
    MASK,
    NEXT,
    NODE,
    ROW,
    RUNS,
    SHADOW,
    START_NO,
    START_TS,
    STARTS_HEAD,
    STARTS_TAIL,
    STEP,
    TS,
    RunState,
    RunStateType,
    add_time,
    free_run,
    give_out,
)


@kernel(types.int64(MatchProgramType, RunStateType, Integer), inline=True)
def may_come_first(program: MatchProgram, state: RunState, run: Whole) -> Whole:
    """Return 1 when a run may still become a candidate that is preferred to its own end, else 0. O(moves)."""
    left = state.runs[run, MASK]
    first = program.steps[state.runs[run, STEP], FIRST_MOVE]
    for e in range(program.steps[state.runs[run, STEP], MOVES]):
        if (left >> e) & 1 != 0 and is_reluctant(program, state, run, np.int64(first + e)) == 0:
            return 1
    return 0


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer, Integer))
def drop_alike(program: MatchProgram, state: RunState, matches: Matches, slot: Whole, run: Whole, at: Whole) -> Whole:
    """Under `keep all`, forget the ends that are one with the match at ``found[at]``; return how many. O(runs)."""
    runs, column = state.runs, program.scalars[DONE_AT]
    dropped = 0
    if program.scalars[ALIKE] == NONE_ALIKE:
        return 0
    other = runs[run, NEXT]
    while other >= 0 and runs[other, START_NO] == runs[run, START_NO]:
        behind = runs[other, NEXT]
        together = runs[other, MASK] & DONE_BIT != 0 and runs[other, column] == runs[run, column]
        if together and is_alike(program, state, matches, at, at + 1, runs[other, NODE]) != 0:
            dropped += 1
            runs[other, MASK] &= ~DONE_BIT
            if runs[other, MASK] == 0:
                free_run(state, slot, other)
        other = behind
    return dropped


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer, Integer, Integer))
def release(
    program: MatchProgram,
    state: RunState,
    matches: Matches,
    slot: Whole,
    decided_at: Whole,
    phase: Whole,
    decider: Whole,
) -> Whole:
    """Give out the runs of a key that are complete, up to the first that is not; return how many stand in ``found``.

    What a match forgets, or has used up, is waited for no more.
    """
    runs, slots, scalars = state.runs, state.slots, program.scalars
    consumes = scalars[CONSUMES] != 0
    run = slots[slot, HEAD]
    while run >= 0:
        if consumes and holds_used(state, runs[run, NODE]) != 0:
            # it is no match, yet what it went on from may have to be given up for it
            run = runs[run, NEXT] if runs[run, SHADOW] >= 0 else free_run(state, slot, run)
            continue
        if runs[run, MASK] & DONE_BIT == 0 or may_come_first(program, state, run) != 0:
            break
        at = give_out(state, matches, run, decided_at, phase, decider) - 1
        if consumes:
            use_up(program, state, matches, at)
        if scalars[SKIP] != KEEP_ALL:
            forget_runs(state, slot, bar_of(program, state, matches, at))
            run = slots[slot, HEAD]
            continue
        drop_alike(program, state, matches, slot, run, at)
        runs[run, MASK] &= ~DONE_BIT
        if runs[run, MASK] != 0:
            break
        run = free_run(state, slot, run)
    return state.counts[FOUND]


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer))
def end_runs(program: MatchProgram, state: RunState, slot: Whole, deadline: Whole, phase: Whole) -> Whole:
    """End what a deadline ends of a key: its runs are complete then, or gone; return how many are left.

    O(runs of the key); with ``within`` alone O(those that end).
    """
    runs, scalars = state.runs, program.scalars
    final = scalars[FINAL] != 0
    run = state.slots[slot, HEAD]
    while run >= 0:
        left = runs[run, MASK]
        went = runs[run, SHADOW] >= 0 and runs[run, CLOSE_AT] <= deadline
        if phase == BY_LOOP_END:
            last = state.rows[state.nodes[runs[run, NODE], ROW], TS]
            over = add_time(runs[run, START_TS], scalars[WITHIN]) <= deadline
            if scalars[GAP] == FOREVER and not over:
                break  # they stand in order of their start
            over = over or add_time(last, scalars[GAP]) <= deadline
            if over and not final and left & CLOSE_BIT != 0:
                left = DONE_BIT
                runs[run, scalars[DONE_AT]] = runs[run, START_TS] - deadline - 1
            elif over:  # what is bound stays; the absence is not inside the bound
                left &= CLOSE_BIT | DONE_BIT if final else DONE_BIT
            elif went and not final:
                left &= DONE_BIT
        elif runs[run, CLOSE_AT] <= deadline:
            if left & CLOSE_BIT != 0:
                left |= DONE_BIT
                runs[run, scalars[DONE_AT]] = runs[run, START_TS] - deadline - 1
            left &= DONE_BIT if went else ~(CLOSE_BIT | program.steps[runs[run, STEP], ENDS])
        runs[run, MASK] = left
        run = free_run(state, slot, run) if left == 0 else runs[run, NEXT]
    return state.slots[slot, RUNS]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def pass_deadlines(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every deadline before ``limit``, in order of time, bounds before absences; return what stopped it."""
    slots, counts = state.slots, state.counts
    while True:
        deadline, slot, phase = limit, np.int64(-1), np.int64(BY_LOOP_END)
        entry = np.int64(-1)
        if is_due(state.starts, counts[STARTS_HEAD], counts[STARTS_TAIL], deadline):
            at = counts[STARTS_HEAD] & (state.starts.shape[0] - 1)
            deadline, slot, entry = state.starts[at, 0], state.starts[at, 1], np.int64(STARTS_HEAD)
        if is_due(state.gaps, counts[GAPS_HEAD], counts[GAPS_TAIL], deadline):
            at = counts[GAPS_HEAD] & (state.gaps.shape[0] - 1)
            deadline, slot, entry = state.gaps[at, 0], state.gaps[at, 1], np.int64(GAPS_HEAD)
        if is_due(state.closers, counts[CLOSERS_HEAD], counts[CLOSERS_TAIL], deadline):
            at = counts[CLOSERS_HEAD] & (state.closers.shape[0] - 1)
            deadline, slot, entry = state.closers[at, 0], state.closers[at, 1], np.int64(CLOSERS_HEAD)
            phase = np.int64(BY_ABSENCE)
        if entry < 0:
            return DONE
        if counts[FOUND] + max(slots[slot, RUNS], 0) > matches.found.shape[0]:
            return WANTS_FOUND
        counts[entry] += 1
        if slots[slot, RUNS] > 0:
            end_runs(program, state, slot, deadline, phase)
            release(program, state, matches, slot, deadline, phase, np.int64(-1))
            drop_key(state, slot, program.scalars[KEY_WORDS])


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer))
def pass_time(program: MatchProgram, state: RunState, matches: Matches, limit: Whole) -> Whole:
    """Decide every deadline before ``limit``; return what stopped it."""
    if program.scalars[DONE_AT] != 0:
        return pass_deadlines(program, state, matches, limit)
    if program.scalars[QUIET] != 0 and program.scalars[FINAL] != 0:  # a match of an absence may forbid a timeout
        return close_by_time(program, state, matches, limit)
    stopped = close_bounds(program, state, matches, limit)
    return stopped if stopped != DONE else close_absences(program, state, matches, limit)

"""Timeouts of the run table: which starts run out of time, and what the skip rule makes of them.

A start times out when the last of its runs that wait ends by a bound. It is told of with the run that came furthest,
then the preferred, of those that end then; not when it has had a match, which a register says that all its runs have
(QUIET). Runs that end by a bound stay until the matches of that moment are decided, and are freed here. What is due
stands in ``found`` like a match, with the key's slot in place of CLOSE_AT. Whether the condition of the rule holds is
not known here: who asks it says so to `cep.kernels.deadlines.allow_timeouts`, where the skip rule is.

Invariant: the runs of a start are all quiet or none is.
Cost: O(runs of the key) when something of it ends.
Tested by: tests/kernels/test_timeouts.py, tests/properties/
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import Integer, Whole, kernel
from cep.kernels.program import (
    EVENTS,
    GAP,
    ITEM,
    KEEP_ALL,
    QUIET,
    SKIP,
    WITHIN,
    Matches,
    MatchesType,
    MatchProgram,
    MatchProgramType,
)
from cep.kernels.runs import (
    BY_EVENT_OUT,
    BY_TIMEOUT,
    CLOSE_AT,
    CLOSE_BIT,
    ENDED,
    FOREVER,
    FOUND,
    HEAD,
    MASK,
    NEXT,
    NODE,
    ROW,
    RUNS,
    SEEN,
    SHADOW,
    START_NO,
    START_SEEN,
    START_TS,
    STEP,
    TS,
    RunState,
    RunStateType,
    add_time,
    free_run,
    give_out,
)


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer), inline=True)
def is_over(program: MatchProgram, state: RunState, slot: Whole, run: Whole, deadline: Whole) -> Whole:
    """Return 1 when a bound of a run passes at a deadline (-1: with the event that its key has seen last), else 0."""
    runs, scalars = state.runs, program.scalars
    if deadline < 0:
        seen = state.slots[slot, SEEN] - runs[run, START_SEEN] + 1
        return 1 if seen >= scalars[EVENTS] else 0
    last = state.rows[state.nodes[runs[run, NODE], ROW], TS]
    by_start = add_time(runs[run, START_TS], scalars[WITHIN]) == deadline
    return 1 if by_start or add_time(last, scalars[GAP]) == deadline else 0


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer, Integer))
def time_out(program: MatchProgram, state: RunState, matches: Matches, slot: Whole, at: Whole, row: Whole) -> Whole:
    """End the runs of a key whose bound passes at a time, or with a row; return how many are left.

    ``row`` is -1 at a deadline. The caller has made room in ``found`` for one match a run.
    """
    runs, slots, scalars = state.runs, state.slots, program.scalars
    deadline = at if row < 0 else np.int64(-1)
    run = slots[slot, HEAD]
    while run >= 0:
        start = runs[run, START_NO]
        later = deadline < 0 or (scalars[GAP] == FOREVER and add_time(runs[run, START_TS], scalars[WITHIN]) > deadline)
        if later and is_over(program, state, slot, run, deadline) == 0:
            break  # what started later ends later
        best: Whole = np.int64(-1)
        alive = False
        each = run
        while each >= 0 and runs[each, START_NO] == start:
            if is_over(program, state, slot, each, deadline) == 0:
                alive = True
            elif runs[each, MASK] & CLOSE_BIT != 0:  # it waits for the absence at the end, which is not inside it
                runs[each, MASK] = CLOSE_BIT
                alive = True
            elif runs[each, ENDED] == 0 and runs[each, SHADOW] < 0 and runs[each, scalars[QUIET]] == 0:
                item = program.steps[runs[each, STEP], ITEM]
                best = each if best < 0 or item > program.steps[runs[best, STEP], ITEM] else best
            each = runs[each, NEXT]
        if best >= 0 and not alive:
            phase = np.int64(BY_TIMEOUT if row < 0 else BY_EVENT_OUT)
            told = give_out(state, matches, best, at, phase, row) - 1
            matches.found[told, CLOSE_AT] = slot
        each = run
        while each >= 0 and runs[each, START_NO] == start:
            over = is_over(program, state, slot, each, deadline) != 0 and runs[each, MASK] & CLOSE_BIT == 0
            each = free_run(state, slot, each) if over else runs[each, NEXT]
        run = each
    return slots[slot, RUNS]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer))
def quieten(program: MatchProgram, state: RunState, matches: Matches, slot: Whole, begin: Whole) -> Whole:
    """Note that the starts of the matches from ``found[begin]`` on, all of one key and in order, have had one.

    Return how many matches stand in ``found``. Only `keep all` leaves such runs. O(matches + runs of the key).
    """
    runs, found = state.runs, matches.found
    run = state.slots[slot, HEAD]
    for at in range(begin, state.counts[FOUND]):
        start = found[at, START_NO]
        while run >= 0 and runs[run, START_NO] <= start:
            if runs[run, START_NO] == start:
                runs[run, program.scalars[QUIET]] = 1
            run = runs[run, NEXT]
    return state.counts[FOUND]


@kernel(types.int64(MatchProgramType, RunStateType, MatchesType, Integer, Integer, Integer))
def end_event(program: MatchProgram, state: RunState, matches: Matches, slot: Whole, row: Whole, begin: Whole) -> Whole:
    """Do what remains when a row has been shown to a key: its matches, from ``found[begin]`` on, are decided.

    Return how many runs the key has left.
    """
    if program.scalars[SKIP] == KEEP_ALL:
        quieten(program, state, matches, slot, begin)
    return time_out(program, state, matches, slot, state.rows[row, TS], row)

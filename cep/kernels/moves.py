"""What a run may do next: the moves open to it once it has taken one, by the counts of loops and groups.

Tested by: tests/kernels/test_match.py, tests/properties/
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import Integer, Whole, kernel
from cep.kernels.program import (
    AFTER,
    AGAIN,
    AGAIN_STEP,
    ALWAYS,
    DEPTH,
    ENOUGH,
    FIRST_MOVE,
    FORGONE,
    GROUP_EVENTS,
    GROUP_GAP,
    GROUP_HIGH,
    GROUP_LOW,
    GROUP_REGISTER,
    GROUP_SEEN,
    GROUP_SINCE,
    GROUP_WITHIN,
    HIGH,
    INSIDE,
    KEEP,
    LOW,
    MEMBER,
    MEMBERS,
    MOVES,
    NEEDED,
    NEXT_ROUND,
    RELUCTANT,
    ROUND,
    SET,
    TARGET,
    MatchProgram,
    MatchProgramType,
)
from cep.kernels.runs import CLOSE_BIT, COUNT, NODE, ROW, SEEN, TS, RunState, RunStateType


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer), inline=True)
def count_after(program: MatchProgram, state: RunState, parent: Whole, move: Whole, depth: Whole) -> Whole:
    """Return the count of the group at ``depth`` around a move's target, once a run has taken the move."""
    moves = program.moves
    if depth >= moves[move, KEEP]:
        begins = depth == moves[move, KEEP] and moves[move, ROUND] == NEXT_ROUND
        if not begins:
            return 1
    group = program.nests[moves[move, TARGET], depth]
    count = state.runs[parent, program.groups[group, GROUP_REGISTER]]
    return count + 1 if depth >= moves[move, KEEP] else count


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer), inline=True)
def members_after(program: MatchProgram, state: RunState, parent: Whole, move: Whole) -> Whole:
    """Return the bit set of the members of an `all of` that are bound once a run has taken a move to one of them."""
    step = program.moves[move, TARGET]
    before = state.runs[parent, program.steps[step, SET]] if program.moves[move, INSIDE] != 0 else np.int64(0)
    return before | program.steps[step, MEMBER]


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer), inline=True)
def open_members(program: MatchProgram, state: RunState, parent: Whole, move: Whole, mask: Whole) -> Whole:
    """Return what is open of a MASK inside an `all of`: the missing members, or what follows when there are enough."""
    steps, moves = program.steps, program.moves
    step = moves[move, TARGET]
    bound = members_after(program, state, parent, move)
    missing = steps[step, NEEDED]
    rest = bound
    while rest != 0:
        rest &= rest - 1
        missing -= 1
    if missing == 0:
        return mask & ~steps[step, MEMBERS]
    mask &= steps[step, MEMBERS]
    first = steps[step, FIRST_MOVE]
    for e in range(steps[step, MOVES]):
        bit = np.int64(1) << e
        if mask & bit != 0 and steps[moves[first + e, TARGET], MEMBER] & bound != 0:
            mask &= ~bit
    return mask


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer), inline=True)
def open_moves(program: MatchProgram, state: RunState, parent: Whole, move: Whole, count: Whole) -> Whole:
    """Return the MASK of a run that took a move: the moves open to it, and CLOSE where it may end.

    ``count`` is that of the step's own loop. O(moves x depth) inside groups that are counted, else O(1).
    """
    steps, moves, groups = program.steps, program.moves, program.groups
    step = moves[move, TARGET]
    mask = steps[step, AFTER] if count >= steps[step, LOW] else np.int64(0)
    if count < steps[step, HIGH]:
        mask |= steps[step, AGAIN]
    if steps[step, NEEDED] != 0:
        mask = open_members(program, state, parent, move, mask)
    depth = steps[step, DEPTH]
    if depth == 0:
        return mask & ~steps[step, FORGONE] if mask & CLOSE_BIT != 0 else mask
    enough = depth  # the outermost group that may be left: all from there on have enough iterations
    while enough > 0:
        group = program.nests[step, enough - 1]
        if count_after(program, state, parent, move, enough - 1) < groups[group, GROUP_LOW]:
            break
        enough -= 1
    if enough > 0:
        mask &= ~CLOSE_BIT
    first = steps[step, FIRST_MOVE]
    for e in range(steps[step, MOVES]):
        bit = np.int64(1) << e
        if mask & bit == 0 or steps[step, AGAIN] & bit != 0:
            continue
        keep = moves[first + e, KEEP]
        stays = keep
        if moves[first + e, ROUND] == NEXT_ROUND:
            stays += 1
            group = program.nests[step, keep]
            if count_after(program, state, parent, move, keep) >= groups[group, GROUP_HIGH]:
                mask &= ~bit
                continue
        if stays < enough:
            mask &= ~bit
    return mask & ~steps[step, FORGONE] if mask & CLOSE_BIT != 0 else mask


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer, Integer, Integer), inline=True)
def is_beyond(program: MatchProgram, state: RunState, slot: Whole, row: Whole, run: Whole, move: Whole) -> Whole:
    """Return 1 when a row is beyond the bound of a group in whose iteration a run would bind it, else 0. O(depth)."""
    groups, rows, runs = program.groups, state.rows, state.runs
    now = rows[row, TS]
    for d in range(program.moves[move, KEEP]):
        group = program.nests[program.moves[move, TARGET], d]
        if groups[group, GROUP_SINCE] == 0:
            continue
        seen = state.slots[slot, SEEN] - runs[run, groups[group, GROUP_SEEN]] + 1
        beyond = now - runs[run, groups[group, GROUP_SINCE]] > groups[group, GROUP_WITHIN]
        beyond = beyond or seen > groups[group, GROUP_EVENTS]
        if beyond or now - rows[state.nodes[runs[run, NODE], ROW], TS] > groups[group, GROUP_GAP]:
            return 1
    return 0


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer), inline=True)
def is_reluctant(program: MatchProgram, state: RunState, run: Whole, move: Whole) -> Whole:
    """Return 1 when it is preferred that a run does not take a move, else 0."""
    moves = program.moves
    kind = moves[move, RELUCTANT]
    if kind != ENOUGH:
        return 1 if kind == ALWAYS else 0
    if moves[move, ROUND] == AGAIN_STEP:
        step = moves[move, TARGET]
        return 1 if state.runs[run, COUNT] >= program.steps[step, LOW] else 0
    group = program.nests[moves[move, TARGET], moves[move, KEEP]]
    count = state.runs[run, program.groups[group, GROUP_REGISTER]]
    return 1 if count >= program.groups[group, GROUP_LOW] else 0

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
    GROUP_HIGH,
    GROUP_LOW,
    GROUP_REGISTER,
    HIGH,
    KEEP,
    LOW,
    MOVES,
    NEXT_ROUND,
    RELUCTANT,
    ROUND,
    TARGET,
    MatchProgram,
    MatchProgramType,
)
from cep.kernels.runs import CLOSE_BIT, COUNT, RunState, RunStateType


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

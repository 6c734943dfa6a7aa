"""What is asked of a row: whether it fits a step or an absence under what a run has bound, and whether a silence holds.

``rows[BITS]`` says which predicates hold on the event alone; ``TESTED`` names those that also compare with bound
events, which the generated function ``test`` decides.

Tested by: tests/kernels/test_match.py, tests/properties/
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import Address, Callee, Integer, Whole, call_generated, kernel, pointer
from cep.kernels.moves import is_beyond
from cep.kernels.program import (
    CLEARED,
    INNER,
    KEPT_BOUND,
    OUTER,
    POSITION,
    POSITIONS,
    SILENCES,
    STEPS,
    TARGET,
    TESTED,
    UPDATE,
    WAIT,
    MatchProgram,
    MatchProgramType,
    Operands,
    OperandsType,
)
from cep.kernels.runs import (
    BITS,
    BOUND_STEP,
    NEWEST,
    NODE,
    NODES_USED,
    PARENT,
    PAST_BEFORE,
    PAST_HEAD,
    PAST_ROW,
    REGISTERS,
    ROW,
    TS,
    RunState,
    RunStateType,
)

# what a move is to a row
FREE, HELD, NEVER = np.int64(0), np.int64(1), np.int64(2)
_Place = types.UniTuple(types.int64, 5)
_Asked = types.UniTuple(types.int64, 4)


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, Integer, Integer, Integer), inline=True)
def fits(
    program: MatchProgram, state: RunState, operands: Operands, test: Address, p: Whole, row: Whole, run: Whole
) -> Whole:
    """Return 1 when predicate ``p`` holds for a row under what a run has bound, else 0."""
    if (state.rows[row, BITS] >> p) & 1 == 0:
        return 0
    if (program.scalars[TESTED] >> p) & 1 == 0:
        return 1
    rows, runs = state.rows, state.runs
    return call_generated(
        test,
        p,
        pointer(rows),
        pointer(state.rows_f),
        row * rows.shape[1],
        pointer(runs),
        pointer(state.runs_f),
        run * runs.shape[1],
        pointer(state.nodes),
        pointer(operands.ints),
        pointer(operands.floats),
        pointer(operands.heap),
        pointer(operands.spans),
        pointer(operands.faults),
    )


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, Integer, Integer, Integer), inline=True)
def any_fits(
    program: MatchProgram, state: RunState, operands: Operands, test: Address, which: Whole, row: Whole, run: Whole
) -> Whole:
    """Return 1 when one of the predicates of a mask holds for a row under what a run has bound, else 0."""
    if which == 0:
        return 0
    for p in range(program.scalars[STEPS], program.waits.size):
        if (which >> p) & 1 != 0 and fits(program, state, operands, test, p, row, run) != 0:
            return 1
    return 0


@kernel(types.int64(MatchProgramType, RunStateType, Integer, Integer), inline=True)
def turn_round(program: MatchProgram, state: RunState, run: Whole, move: Whole) -> Whole:
    """Let a run look as it does once a move has begun the next iteration of a group; a second time: as before.

    What that forgets is exchanged with the blank run's registers, which are of nothing. Return how many these are.
    """
    cleared, j, count = program.moves[move, CLEARED], np.int64(REGISTERS), np.int64(0)
    while cleared != 0:
        if cleared & 1 != 0:
            kept = state.runs[0, j]
            state.runs[0, j] = state.runs[run, j]
            state.runs[run, j] = kept
            count += 1
        cleared >>= 1
        j += 1
    return count


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, _Asked))
def is_forbidden(
    program: MatchProgram,
    state: RunState,
    operands: Operands,
    test: Address,
    asked: tuple[Whole, Whole, Whole, Whole],
) -> Whole:
    """Return 1 when one of some absences up to a move's target forbids a row, else 0.

    ``asked`` is (which absences, row, run, move). Those in the iteration that the move begins know of that alone.
    """
    which, row, run, move = asked
    if program.moves[move, INNER] == 0:
        return any_fits(program, state, operands, test, which, row, run)
    found = any_fits(program, state, operands, test, which & program.moves[move, OUTER], row, run)
    if found == 0:
        turn_round(program, state, run, move)
        found = any_fits(program, state, operands, test, which & program.moves[move, INNER], row, run)
        turn_round(program, state, run, move)
    return found


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, _Place), inline=True)
def restraint(
    program: MatchProgram,
    state: RunState,
    operands: Operands,
    test: Address,
    place: tuple[Whole, Whole, Whole, Whole, Whole],
) -> Whole:
    """Return whether silences and bounds of groups leave a move FREE for a row, hold it back, or NEVER allow it again.

    ``place`` is (slot, row, run, move, whether the move is open where the pattern may end): such a one stays open.
    """
    slot, row, run, move, is_open = place
    if program.moves[move, KEPT_BOUND] != 0 and is_beyond(program, state, slot, row, run, move) != 0:
        return HELD if is_open != 0 else NEVER
    since = state.rows[row, TS] - state.rows[state.nodes[state.runs[run, NODE], ROW], TS]
    if since > program.moves[move, WAIT]:
        return FREE
    which = np.int64(0)
    for p in range(program.scalars[STEPS], program.waits.size):
        if (program.moves[move, SILENCES] >> p) & 1 != 0 and 0 < since <= program.waits[p]:
            which |= np.int64(1) << p
    if which != 0 and is_forbidden(program, state, operands, test, (which, row, run, move)) != 0:
        return NEVER
    return HELD


@kernel(types.int64(MatchProgramType, RunStateType, OperandsType, Callee, Callee, Integer, Integer, Integer))
def is_preceded(
    program: MatchProgram,
    state: RunState,
    operands: Operands,
    test: Address,
    update: Address,
    slot: Whole,
    row: Whole,
    move: Whole,
) -> Whole:
    """Return 1 when an absence at the start forbids that a row takes a move from there, else 0. O(kept events).

    It is asked as if the row were bound: the blank run binds it, and forgets it again.
    """
    rows, runs, nodes, past, counts = state.rows, state.runs, state.nodes, state.past, state.counts
    step = program.moves[move, TARGET]
    node = counts[NODES_USED]  # in room for the binding to come
    nodes[node, PARENT] = -1
    nodes[node, ROW] = row
    nodes[node, BOUND_STEP] = step
    runs[0, NODE] = node
    if program.steps[step, POSITION] >= 0:
        runs[0, REGISTERS + program.steps[step, POSITION]] = row
    if program.steps[step, UPDATE] != 0:
        call_generated(
            update,
            step,
            pointer(rows),
            pointer(state.rows_f),
            row * rows.shape[1],
            pointer(runs),
            pointer(state.runs_f),
            np.int64(0),
            pointer(nodes),
            pointer(operands.ints),
            pointer(operands.floats),
            pointer(operands.heap),
            pointer(operands.spans),
            pointer(operands.faults),
        )
    forbidden = np.int64(0)
    entry = state.slots[slot, NEWEST]
    while entry >= counts[PAST_HEAD] and forbidden == 0:
        at = entry & (past.shape[0] - 1)
        before = past[at, PAST_ROW]
        since = rows[row, TS] - rows[before, TS]
        if since > program.moves[move, WAIT]:
            break
        for p in range(program.scalars[STEPS], program.waits.size):
            in_force = (program.moves[move, SILENCES] >> p) & 1 != 0 and since <= program.waits[p]
            if in_force and fits(program, state, operands, test, p, before, np.int64(0)) != 0:
                forbidden = np.int64(1)
        entry = past[at, PAST_BEFORE]
    runs[0, NODE] = -1
    for j in range(REGISTERS, runs.shape[1]):
        runs[0, j] = -1 if j < REGISTERS + program.scalars[POSITIONS] else 0
    return forbidden

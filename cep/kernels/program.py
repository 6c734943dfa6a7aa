"""The tables of a compiled pattern, as the run-table matcher reads them.

- ``steps`` [S + 1, STEP_WIDTH]: a state for each step, after it was bound last; row S is the state before any event.
- ``moves`` [M, MOVE_WIDTH]: the moves of all states, those of one state together, by preference. A run's MASK has
  bit e set while move e of its state may be taken.
- ``groups`` [G, GROUP_WIDTH]: groups that are counted; ``nests`` [S + 1, depth]: those around a step, outermost first.
- ``waits`` [P]: how long the absence p lasts; 0 for other predicates.

Predicates p: steps 0..S-1, then absences between steps, absences at the end, ``until`` conditions.
Tested by: tests/compiler/test_pattern.py
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from cep.kernels.jit import (
    ByteArray,
    Bytes,
    FloatArray,
    FloatMatrix,
    FloatVector,
    IntArray,
    Matrix,
    Vector,
)

# steps. AFTER: the moves (and CLOSE) open once the loop has enough; AGAIN: those that go on with it; ENDS: the moves
# that are open where the pattern may end; UNTIL: predicates that close some of these; FORGONE: moves not taken there.
# Of a member of `all of` (which takes NEEDED of them, else 0) SET: the column of a run with the bit set of those that
# are bound, MEMBER: its own bit, MEMBERS: the moves to the others. ITEM: which item of the whole pattern it stands in
(
    LOW,
    HIGH,
    POSITION,
    AFTER,
    UPDATE,
    REDUNDANT,
    AGAIN,
    FIRST_MOVE,
    MOVES,
    ENDS,
    DEPTH,
    UNTIL,
    CONSUMED,
    FORGONE,
    SET,
    NEEDED,
    MEMBER,
    MEMBERS,
    ITEM,
    STEP_WIDTH,
) = range(20)
# moves. GUARDS: absences up to the target; SILENCES: those that last a time, the longest of them WAIT, from the last
# bound event on (from the start: before the first one); KEEP: how many groups around the target keep their count;
# ROUND: see below; CLEARED: registers of positions that a new iteration forgets; IN_LAST: whether the target is part of
# the last item; INSIDE: whether it is another member of one `all of`;
# OUTER, INNER: which of the absences stand before the iteration that it begins, and which in it;
# KEPT_BOUND: whether a group that it stays in has bounds; EVERY: the run that takes it also waits on, for a later event
# (`then any`)
(
    TARGET,
    STRICT,
    GUARDS,
    UNTILS,
    KEEP,
    ROUND,
    RELUCTANT,
    CLEARED,
    IN_LAST,
    INSIDE,
    KEPT_BOUND,
    SILENCES,
    WAIT,
    EVERY,
    OUTER,
    INNER,
    MOVE_WIDTH,
) = range(17)
# what a move begins: nothing, the next iteration of a group, that of the step's own loop
ONWARD, NEXT_ROUND, AGAIN_STEP = 0, 1, 2
# whether not to take a move is preferred: never, always, once the loop has enough
EAGER, ALWAYS, ENOUGH = 0, 1, 2
# groups. GROUP_REGISTER: the column of a run that counts the iterations here; GROUP_TOTAL: all of them, or -1; the
# bounds of an iteration; GROUP_SINCE, GROUP_SEEN: the columns with the TS and SEEN of its first event (0: no bounds)
(
    GROUP_LOW,
    GROUP_HIGH,
    GROUP_REGISTER,
    GROUP_TOTAL,
    GROUP_WITHIN,
    GROUP_GAP,
    GROUP_EVENTS,
    GROUP_SINCE,
    GROUP_SEEN,
    GROUP_WIDTH,
) = range(10)
# scalars. RESTRAINED: whether a move has SILENCES or KEPT_BOUND; KEPT_BITS: the absences at the start, whose events are
# kept KEPT_FOR; POSITIONS: how many registers hold rows; QUIET: the column of a run that says that its start gives no
# timeout any more (0: the rule has no timeouts); DONE_AT: under `prefer earliest` the column of a run that says what
# completed it, else 0
(
    STEPS,
    FIRST,
    FINAL,
    FINAL_WAIT,
    WITHIN,
    SKIP,
    SKIP_AT,
    KEY_WORDS,
    KEY_AT,
    TESTED,
    GAP,
    EVENTS,
    CONSUMES,
    MOST_MOVES,
    RESTRAINED,
    KEPT_BITS,
    KEPT_FOR,
    POSITIONS,
    ALIKE,
    QUIET,
    DONE_AT,
    SCALARS,
) = range(22)
# ALIKE: which matches of one start and completion are one under `keep all`
SAME_START, SAME_CHOICES, NONE_ALIKE = range(3)
# the skip rule: what a later match must start after
PAST_LAST, KEEP_ALL, TO_NEXT, TO_POSITION = range(4)

NO_BAR = np.int64(-1)
USED_BIT = np.int64(1) << np.int64(61)
"""The bit of a row's BITS that says: used up by a match."""


class MatchProgram(NamedTuple):
    """The compiled pattern as tables; see above."""

    steps: IntArray
    moves: IntArray
    groups: IntArray
    nests: IntArray
    waits: IntArray
    scalars: IntArray


class Matches(NamedTuple):
    """What was found: rows laid out as runs are, and their float64 view."""

    found: IntArray
    found_f: FloatArray


class Operands(NamedTuple):
    """What generated functions read besides rows and runs: constants, strings; and ``faults``, which they count."""

    ints: IntArray
    floats: FloatArray
    heap: ByteArray
    spans: IntArray
    faults: IntArray


MatchProgramType = types.NamedTuple((Matrix, Matrix, Matrix, Matrix, Vector, Vector), MatchProgram)
MatchesType = types.NamedTuple((Matrix, FloatMatrix), Matches)
OperandsType = types.NamedTuple((Vector, FloatVector, Bytes, Matrix, Vector), Operands)

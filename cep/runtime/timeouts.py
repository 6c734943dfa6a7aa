"""Timeouts among what the run table has found: which of them stand, by their condition and by the skip rule.

The matcher says which starts have run out of time. The condition of `on timeout` may ask what `emit` may compute, so
it is asked here, of all of them at once; then the skip rule goes through those that fulfil it, key by key in order, and
quietens the runs that it forbids a timeout.
Tested by: tests/runtime/test_timeouts.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.deadlines import allow_timeouts
from cep.kernels.program import Matches
from cep.kernels.runs import BY_EVENT, BY_EVENT_OUT, BY_TIMEOUT, PHASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.kernels.program import MatchProgram
    from cep.kernels.runs import RunState
    from cep.model.batch import Int64Array


def parted(
    found: Int64Array, tables: MatchProgram, state: RunState, fulfil: Callable[[Int64Array], Int64Array]
) -> tuple[Int64Array, Int64Array]:
    """The matches among ``found``, and the timeouts that stand; ``fulfil`` says of which rows the condition holds."""
    is_late = np.isin(found[:, PHASE], (BY_TIMEOUT, BY_EVENT_OUT))
    late = found[is_late]
    if not len(late):
        return found, late
    wanted = fulfil(late)
    allow_timeouts(tables, state, Matches(late, late.view(np.float64)), wanted, np.full(len(state.slots), -1))
    late = late[wanted != 0]
    late[late[:, PHASE] == BY_EVENT_OUT, PHASE] = BY_EVENT  # in the order of results it stands at its event
    return found[~is_late], late

"""Keys that have open starts, and the ring of those in order of deadline: what the match graph and counting share.

A slot's LIVE says how much of a key is open; a row of the ring is (deadline, slot, …).
Invariant: rows from ``head`` to ``tail - 1``, modulo the ring's size, are those in use.
Tested by: tests/kernels/test_graph.py, tests/kernels/test_counting.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.keys import LIVE, USED, enter_keys

if TYPE_CHECKING:
    from cep.model.batch import Int64Array

DEADLINE, SLOT = 0, 1


def places_of(ring: Int64Array, head: int, tail: int) -> Int64Array:
    """Where the rows in use stand, oldest first."""
    return np.arange(head, tail) & (len(ring) - 1)


def next_bound(ring: Int64Array, head: int, tail: int) -> int:
    """When the least deadline has passed, so that what the start holds is freed; beyond all time without one."""
    return 2**63 if head == tail else int(ring[head & (len(ring) - 1), DEADLINE]) + 1


def sweep_keys(
    slots: Int64Array, counts: Int64Array, words: int, ring: Int64Array, places: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Slots without the keys that have nothing open, and their table; the ring's rows get the new slots.

    Twice the rows unless that has freed half of them. A start whose key is gone has ended: any slot will do for it.
    """
    used = slots[: int(counts[USED])]
    kept = np.flatnonzero(used[:, LIVE] > 0)
    left = np.zeros((len(slots) * (1 + (2 * kept.size > len(slots))), used.shape[1]), np.int64)
    left[: kept.size] = used[kept]
    table = np.zeros(4 * len(left), np.int64)
    enter_keys(left, kept.size, words, table)
    counts[USED] = kept.size
    at = np.zeros(len(used), np.int64)
    at[kept] = np.arange(kept.size)
    ring[places, SLOT] = at[ring[places, SLOT]]
    return left, table

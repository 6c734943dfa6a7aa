"""What the kernels share whose steps each bind any later event: the ring of starts, and nodes that are free.

- ``starts``: ring (deadline, slot, what else the kernel keeps), in order of deadline; in use from STARTS_HEAD to
  STARTS_TAIL - 1, modulo its size, which is a power of two.
- ``nodes``: rows that stand in lists; those that are free hang together from FIRST_FREE on, by column ``link``.
- ``counts``: these first, behind those of `cep.kernels.keys`; the kernel's own from OWN on.

Tested by: tests/kernels/test_graph.py, tests/kernels/test_counting.py, tests/kernels/test_folding.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels import keys
from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.runs import FOREVER

# starts
DEADLINE, SLOT = range(2)
# counts
STARTS_HEAD, STARTS_TAIL, NEXT_NO, FOUND, CURSOR, FIRST_FREE, NODES_USED, LIVE_NODES, OWN = range(
    keys.OWN, keys.OWN + 9
)

# what stops a kernel: nothing is left to do, or no room
DONE, WANTS_FOUND, WANTS_STARTS, WANTS_SLOTS, WANTS_NODES, WANTS_WIDER = range(6)


@kernel(types.int64(Matrix, Vector, Integer, Integer, Integer), inline=True)
def keep_start(starts: IntArray, counts: IntArray, slot: Whole, now: Whole, within: Whole) -> Whole:
    """Note when what starts now has had its time; return where that stands. The caller has made room."""
    at = counts[STARTS_TAIL] & (starts.shape[0] - 1)
    counts[STARTS_TAIL] += 1
    starts[at, DEADLINE] = now + within if now <= FOREVER - within else FOREVER
    starts[at, SLOT] = slot
    return at


@kernel(types.int64(Matrix, Vector, Integer), inline=True)
def take_node(nodes: IntArray, counts: IntArray, link: Whole) -> Whole:
    """Return a node that is free, and is so no more; what stands in it is the caller's. The caller has made room."""
    node = counts[FIRST_FREE]
    if node >= 0:
        counts[FIRST_FREE] = nodes[node, link]
    else:
        node = counts[NODES_USED]
        counts[NODES_USED] += 1
    counts[LIVE_NODES] += 1
    return np.int64(node)


@kernel(types.int64(Matrix, Vector, Integer, Integer), inline=True)
def free_node(nodes: IntArray, counts: IntArray, node: Whole, link: Whole) -> Whole:
    """Let a node be free; return the one that was linked behind it."""
    behind = nodes[node, link]
    nodes[node, link] = counts[FIRST_FREE]
    counts[FIRST_FREE] = node
    counts[LIVE_NODES] -= 1
    return np.int64(behind)

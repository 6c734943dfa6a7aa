"""Rows of a direct matcher that wait until the frontier has passed them, and come out in the total order.

Rows are blocks: int64[columns, rows] with time and identity (``number * streams + stream``) in the first two columns.
Cost: O(1) numpy operations a call while rows come in order; a sort when they do not.
Tested by: tests/runtime/test_direct.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import IDENTITY, TS

if TYPE_CHECKING:
    from cep.model.batch import Int64Array
    from cep.runtime.clock import Frontier

_NEVER = 2**63


class Waiting:
    """Blocks that wait; ``kinds`` and ``ranks`` place the streams in the total order."""

    __slots__ = ("_in_order", "_kinds", "_ranks", "_streams", "blocks", "least")

    def __init__(self, kinds: Int64Array, ranks: Int64Array) -> None:
        self.blocks: list[Int64Array] = []
        self._kinds, self._ranks, self._streams = kinds, ranks, kinds.size
        self.least = _NEVER  # the least time of a row that waits
        self._in_order = True  # whether the only block is known to be in order of time

    def take(self, block: Int64Array) -> None:
        """Let rows wait."""
        ts = block[TS]
        self._in_order = not self.blocks and bool((ts[1:] >= ts[:-1]).all())
        self.blocks.append(block)
        self.least = min(self.least, int(ts[0] if self._in_order else ts.min()))

    def ready(self, frontier: Frontier) -> Int64Array | None:
        """The rows that the frontier has passed, in the total order; None for none."""
        if frontier.time < self.least or not self.blocks:
            return None
        block = self.blocks[0] if len(self.blocks) == 1 else np.concatenate(self.blocks, axis=1)
        ts = block[TS]
        last = int(ts[-1]) if self._in_order else int(ts.max())
        if last < frontier.time or (last == frontier.time and int(self._kinds.max()) <= frontier.kind):
            return self._all(block)
        passed = ts < frontier.time
        passed |= (ts == frontier.time) & (self._kinds[block[IDENTITY] % self._streams] <= frontier.kind)
        if passed.all():
            return self._all(block)
        rest = np.ascontiguousarray(block[:, ~passed])
        self.blocks, self.least, self._in_order = [rest], int(rest[TS].min()), False
        return self._sorted(np.ascontiguousarray(block[:, passed])) if passed.any() else None

    def _all(self, block: Int64Array) -> Int64Array:
        whole = self._in_order and self._streams == 1
        self.blocks, self.least = [], _NEVER
        return block if whole else self._sorted(block)

    def _sorted(self, block: Int64Array) -> Int64Array:
        ts, identity = block[TS], block[IDENTITY]
        if self._streams == 1:
            if bool((ts[1:] >= ts[:-1]).all()):
                return block
            return np.ascontiguousarray(block[:, np.argsort(ts, kind="stable")])
        if bool((ts[1:] > ts[:-1]).all()):
            return block
        stream = identity % self._streams
        order = np.lexsort([identity // self._streams, self._ranks[stream], self._kinds[stream], ts])
        return np.ascontiguousarray(block[:, order])

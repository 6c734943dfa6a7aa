"""Rows at places that stay: a table with a free list.

Cost: O(1) a row that comes or goes.
Tested by: tests/properties/test_windows_chosen.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import Int64Array

_FEW = 64


class RowPlaces:
    """Rows of one width."""

    def __init__(self, width: int) -> None:
        self._table = np.zeros((_FEW, width), np.int64)
        self._free = list(range(_FEW))

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._table) - len(self._free)

    @property
    def bytes(self) -> int:
        """What the table takes."""
        return self._table.nbytes

    def add(self, block: Int64Array) -> list[int]:
        """Take rows; return their places."""
        size, n = len(self._table), len(block)
        if n > len(self._free):
            wider = np.zeros((2 * size + n, self._table.shape[1]), np.int64)
            wider[:size] = self._table
            self._table = wider
            self._free += range(size, len(wider))
        places = self._free[len(self._free) - n :]
        del self._free[len(self._free) - n :]
        self._table[places] = block
        return places

    def at(self, places: Sequence[int]) -> Int64Array:
        """The rows at some places."""
        rows: Int64Array = self._table[np.array(places, np.int64)]
        return rows

    def release(self, places: Sequence[int]) -> None:
        """Let rows go."""
        self._free += places

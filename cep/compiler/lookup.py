"""Reads of tables, from emitted text: columns of keys in, a column of what the rows say out.

Cost: that of `cep.model.table`, once a batch.
Tested by: tests/properties/test_tables.py, tests/test_corpus.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.columns import as_column, batch_leaf

if TYPE_CHECKING:
    from cep.model.batch import Int64Array
    from cep.model.table import TableRead


class Looking:
    """A read of a table as emitted text calls it."""

    __slots__ = ("_read",)

    def __init__(self, read: TableRead) -> None:
        self._read = read

    def __call__(self, _faults: Int64Array, size: int, *given: tuple[Any, Any]) -> tuple[Any, Any]:
        """The value and null flags for ``size`` keys."""
        read, rows = self._read, self._read.rows
        assert rows is not None, "an engine is not made without it"
        parts = [as_column(kind, *pair, size) for kind, pair in zip(read.parameters, given, strict=True)]
        found = rows.find(parts)
        if read.field is None:
            return found >= 0, False
        value, null = batch_leaf(rows.read(read.field, read.gives, found))
        return value, np.broadcast_to(np.bool_(null), (size,)) if null is False else null

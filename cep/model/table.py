"""Rows of a table: what is looked up by a key, a column at a time.

Each part of a key gives its distinct values numbers; what the parts before gave and the next part's number give one
number together, and the last one is the row. A part that no row has, or that is null, finds nothing.
Invariant: a key is in one row at most. Nobody writes into the rows once they are made.
Cost: O(rows log rows) to make; a look-up O(log rows) each, and O(distinct strings) for each part that is a string.
Tested by: tests/model/test_table.py, tests/properties/test_tables.py
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cep.model.batch import Column
from cep.model.concatenate import null_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.model.batch import AnyArray, BoolArray, Int64Array, Text
    from cep.model.types import Type

_FEW = 4


@dataclass(frozen=True, eq=False)
class TableRows:
    """Columns of one length by field, of which ``keys`` tell the rows apart; ``path``: the file that they are from."""

    keys: tuple[str, ...]
    columns: Mapping[str, Column]
    path: str | None = None

    def __len__(self) -> int:
        return len(self.columns[self.keys[0]])

    @cached_property
    def _parts(self) -> tuple[_Part, ...]:
        parts: list[_Part] = []
        before: Int64Array = np.zeros(len(self), np.int64)
        for name in self.keys:
            parts.append(_Part(self.columns[name], before))
            before = parts[-1].ranks
        return tuple(parts)

    @cached_property
    def _rows(self) -> Int64Array:
        """The row of each number that the last part gives."""
        ranks = self._parts[-1].ranks
        rows = np.zeros(int(ranks.max(initial=-1)) + 1, np.int64)
        rows[ranks[::-1]] = np.arange(len(self))[::-1]
        return rows

    def twice(self) -> tuple[int, int] | None:
        """Two rows of one key, the first that there are; None where keys differ."""
        ranks = self._parts[-1].ranks
        first = self._rows[ranks]
        again = np.flatnonzero(first != np.arange(len(self)))
        return (int(first[again[0]]), int(again[0])) if again.size else None

    def find(self, parts: Sequence[Column]) -> Int64Array:
        """The row of each key, -1 where there is none."""
        found: Int64Array = np.zeros(len(parts[0]), np.int64)
        for known, part in zip(self._parts, parts, strict=True):
            found = known.find(part, found)
        rows: Int64Array = np.full(found.size, -1, np.int64)
        there = found >= 0
        rows[there] = self._rows[found[there]]
        return rows

    def read(self, name: str, kind: Type, rows: Int64Array) -> Column:
        """A field of the rows at ``rows``, null where that is -1."""
        there = rows >= 0
        if not there.any():
            return null_column(kind, rows.size)
        column = self.columns[name].take(np.where(there, rows, 0))
        valid: BoolArray = there if column.valid is None else column.valid & there
        values = column.values
        if kind.kind == "bool":
            values = values & valid  # the law of booleans
        return Column(kind, values, None if bool(valid.all()) else valid, column.text, column.lists)


class _Part:
    """One part of the key: numbers of its values, and of them together with the parts before."""

    def __init__(self, column: Column, before: Int64Array) -> None:
        self._strings: dict[str, int] = {}
        self._values: AnyArray = np.zeros(0, np.int64)
        if column.text is not None:
            used, own = np.unique(column.values, return_inverse=True)
            numbers = [self._strings.setdefault(_string(column, int(c)), len(self._strings)) for c in used]
            own = np.array(numbers or [0], np.int64)[own.reshape(-1)]
            self._width = len(self._strings) + 1
        else:
            self._values, own = np.unique(_numbers(column), return_inverse=True)
            self._width = self._values.size + 1
        self._together, ranks = np.unique(before * self._width + own.reshape(-1), return_inverse=True)
        self._is_first = not before.any()  # then its own numbers are those of both
        self.ranks: Int64Array = ranks.astype(np.int64).reshape(-1)
        self._last: tuple[Text, Int64Array] | None = None  # a dictionary that came before, as files have it

    def find(self, column: Column, before: Int64Array) -> Int64Array:
        """The number that each value has together with that of the parts before; -1 where one is unknown."""
        own = self._own(column)
        unknown = (own < 0) | (before < 0)
        if column.valid is not None:
            unknown |= ~column.valid
        if not self._together.size:
            return np.full(own.size, -1, np.int64)
        out: Int64Array
        if self._is_first:
            out = np.where(unknown, -1, own)
            return out
        wanted = before * self._width + own
        at = np.minimum(np.searchsorted(self._together, wanted), self._together.size - 1)
        out = np.where(unknown | (self._together[at] != wanted), -1, at)
        return out

    def _own(self, column: Column) -> Int64Array:
        text = column.text
        if text is None:
            values = _numbers(column)
            if not self._values.size:
                return np.full(values.size, -1, np.int64)
            at = np.minimum(np.searchsorted(self._values, values), self._values.size - 1)
            return np.where(self._values[at] == values, at, -1)
        known, codes, last = self._strings, column.values, self._last
        if last is not None and last[0] is text:
            return last[1][codes]
        if len(text) > _FEW * codes.size:  # of a large dictionary only what is used
            used, codes = np.unique(codes, return_inverse=True)
            return np.array([known.get(_string(column, int(code)), -1) for code in used] or [-1], np.int64)[codes]
        numbers = np.array([known.get(string, -1) for string in text.strings] or [-1], np.int64)
        self._last = (text, numbers)
        return numbers[codes]


def _string(column: Column, code: int) -> str:
    text = column.text
    assert text is not None
    start, end = int(text.offsets[code]), int(text.offsets[code + 1])
    return text.data[start:end].tobytes().decode("utf-8", "surrogatepass")


def _numbers(column: Column) -> AnyArray:
    """Values that are equal where the column's are."""
    return column.values if column.type.kind == "float" else column.values.astype(np.int64)


@dataclass(frozen=True, slots=True)
class TableRead:
    """A field of a table's row by its key, as an expression has it; ``field`` None: whether there is such a row.

    Its identity is what is declared, not the rows, which are None where rules are only checked.
    """

    table: str
    field: str | None
    parameters: tuple[Type, ...]
    gives: Type
    rows: TableRows | None = attribute(compare=False, repr=False, default=None)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.table}[…]"

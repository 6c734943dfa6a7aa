"""A few events of one time as a batch, whose columns are made when they are looked at.

Tested by: tests/model/test_single.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.model.batch import Column, EventBatch, Text
from cep.model.concatenate import concatenate_columns, empty_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import Provenance
    from cep.model.schema import Schema
    from cep.model.types import Type

_DTYPES = {"float": np.float64, "bool": np.bool_}


class Rows(Mapping[str, Column]):
    """The columns of some events: by name the type, and where in each of ``rows`` the value stands.

    A value is as `Column.to_list` has it, but decimals are counted; a list is the column of one that it is already.
    """

    __slots__ = ("_fields", "_made", "_rows")

    def __init__(self, fields: Mapping[str, tuple[int, Type]], rows: Sequence[Sequence[Any]]) -> None:
        self._fields, self._rows = fields, rows
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        made = self._made.get(name)
        if made is None:
            place, kind = self._fields[name]
            made = self._made[name] = column_of(kind, [row[place] for row in self._rows])
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def column_of(kind: Type, values: Sequence[Any]) -> Column:
    """A column of such values."""
    if kind.kind == "list":
        return concatenate_columns(kind, [_list_of(kind, value) for value in values])
    valid = np.array([value is not None for value in values]) if None in values else None
    if kind.kind == "string":
        codes = np.arange(len(values), dtype=np.int32)
        return Column(kind, codes, valid, Text.of(value or "" for value in values))
    plain = values if valid is None else [0 if value is None else value for value in values]
    return Column(kind, np.array(plain, _DTYPES.get(kind.kind, np.int64)), valid)


def _list_of(kind: Type, value: Any) -> Column:
    if isinstance(value, Column):
        return value
    return Column(kind, np.zeros(1, np.int32), np.zeros(1, np.bool_), None, empty_lists(kind))


def events_at(
    schema: Schema,
    fields: Mapping[str, tuple[int, Type]],
    rows: Sequence[Sequence[Any]],
    time: int,
    first: int,
    provenance: Provenance | None = None,
) -> EventBatch:
    """The batch of some events at ``time``, numbered from ``first`` on; ``fields`` say where in a row values stand."""
    batch = EventBatch.__new__(EventBatch)
    size = len(rows)
    ts, seq = np.full(size, time, np.int64), np.arange(first, first + size)
    columns = Rows(fields, rows)
    vars(batch).update(
        schema=schema, ts=ts, seq=seq, columns=columns, provenance=provenance, _size=size, _ends=(time, time)
    )
    return batch

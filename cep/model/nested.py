"""Nested values for people: the columns of a batch as plain Python, records as dicts, lists as lists.

A record's attributes are columns with dotted names beside its presence column; here they come together again. A null
record is None, whatever stands in its attributes.
Cost: about 0.1 µs a value.
Tested by: tests/model/test_nested.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cep.model.batch import sliced
from cep.model.time import format_duration, format_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.model.batch import Column


def shown_columns(columns: Mapping[str, Column]) -> dict[str, list[Any]]:
    """The values of each column that stands in no record, by name: times and durations as text, records as dicts."""
    out: dict[str, list[Any]] = {}
    for name, members in outermost(columns).items():
        out[name] = _record(name, columns, members) if members is not None else shown_values(columns[name])
    return out


def outermost(columns: Mapping[str, Column]) -> dict[str, list[str] | None]:
    """The columns that stand in no record; of a record, the names of all that stands in it."""
    out: dict[str, list[str] | None] = {}
    for name, column in columns.items():
        owner = name.partition(".")[0]
        members = out.get(owner)
        if owner != name and members is not None:
            members.append(name)
        else:
            out[name] = [] if column.type.kind == "record" else None
    return out


def fields_of(name: str, columns: Mapping[str, Column], members: Sequence[str]) -> dict[str, Column]:
    """The columns inside the record ``name``, by the rest of their names."""
    return {member[len(name) + 1 :]: columns[member] for member in members}


def shown_values(column: Column) -> list[Any]:
    """The values of a column: times as RFC 3339 text, durations as text (``1 h 30 min``), decimals exact."""
    values: list[Any]
    if column.type.kind == "time":
        values = list(format_times(column.values if column.valid is None else np.where(column.valid, column.values, 0)))
    elif column.type.kind == "duration":
        values = [None if v is None else format_duration(v) for v in column.to_list()]
    elif column.lists is not None:
        values = sliced(column.lists, column.values, shown_values)
    else:
        return column.to_list()
    if column.valid is not None:
        values = [v if ok else None for v, ok in zip(values, column.valid.tolist(), strict=True)]
    return values


def _record(name: str, columns: Mapping[str, Column], members: Sequence[str]) -> list[Any]:
    size, valid = len(columns[name]), columns[name].valid
    inner = shown_columns(fields_of(name, columns, members))
    rows = [dict(zip(inner, row, strict=True)) for row in zip(*inner.values(), strict=True)] if inner else [{}] * size
    return rows if valid is None else [row if ok else None for row, ok in zip(rows, valid.tolist(), strict=True)]

"""Columns in a snapshot: in one form for one sequence of values, and without what no row refers to.

Nothing stands under a null, and a dictionary holds the strings of its rows in order of first use, whatever batch they
came in.
Cost: O(rows log rows + bytes).
Tested by: tests/runtime/test_snapshot.py
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cep.model.batch import Column, Text
from cep.model.concatenate import empty_lists, null_column
from cep.runtime.packing import packed, unpacked
from cep.runtime.strings import Strings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import AnyArray, Int64Array
    from cep.model.types import Type
    from cep.runtime.snapshot import State, Stored


def column_state(column: Column) -> State:
    """The state of a column."""
    values, valid = column.values, column.valid
    if valid is not None and valid.all():
        valid = None
    if valid is not None:
        values = np.where(valid, values, np.zeros((), values.dtype))
    out: dict[str, AnyArray | State | None] = {"valid": valid}
    text = column.text if column.lists is None else packed(column.lists)
    if text is not None:
        store = Strings(())  # a dictionary may have a string, or a list, twice
        rows = np.arange(values.size) if valid is None else np.flatnonzero(valid)
        used, (codes,) = renumbered([store.intern(text, values[rows])])
        values = np.zeros(values.size, np.int32)
        values[rows] = codes
        out["text"] = text_state(store.dictionary(used))
    return out | {"values": values}


def read_column(stored: Stored, kind: Type, rows: int) -> Column:
    """The column of ``kind`` that a state tells of."""
    values = stored.array("values", null_column(kind, 0).values.dtype.type, rows)
    valid = None if stored.is_nothing("valid") else stored.array("valid", np.bool_, rows)
    if kind.kind not in ("string", "list"):
        return Column(kind, values, valid)
    text = read_text(stored.inner("text"))
    check_codes(stored, text, values if valid is None else values[valid], kind.kind)
    if valid is not None:
        values = np.where(valid, values, np.int32(0))
    if kind.kind == "list":
        lists = unpacked(text, kind.items[0]) if len(text) else empty_lists(kind)
        return Column(kind, values, valid, None, lists)
    return Column(kind, values, valid, text if len(text) else Text.of([""]))


def read_columns(stored: Stored, name: str, kinds: Sequence[Type], rows: int) -> list[Column]:
    """The columns of ``kinds`` in a list of states."""
    states = stored.many(name)
    stored.require(len(states) == len(kinds), f"{name} are {len(states)}, not {len(kinds)}")
    return [read_column(state, kind, rows) for state, kind in zip(states, kinds, strict=True)]


def text_state(text: Text) -> State:
    """The state of a dictionary."""
    return {"offsets": text.offsets, "data": text.data}


def read_text(stored: Stored) -> Text:
    """The dictionary that a state tells of: distinct stretches of bytes."""
    data = stored.array("data", np.uint8, None)
    offsets = stored.numbers("offsets", None, 0, data.size)
    whole = offsets.size > 0 and offsets[0] == 0 and offsets[-1] == data.size and bool((np.diff(offsets) >= 0).all())
    stored.require(whole, "offsets are out of order")
    raw, at = data.tobytes(), offsets.tolist()
    stored.require(len({raw[a:b] for a, b in pairwise(at)}) == len(at) - 1, "a string is there twice")
    return Text(offsets, data)


def check_codes(stored: Stored, text: Text, codes: AnyArray, kind: str) -> None:
    """Damage unless every code is one of the dictionary's, and for strings its bytes are text."""
    stored.within(codes, 0, len(text) - 1, "a string")
    if kind != "string":
        return
    raw, at = text.data.tobytes(), text.offsets.tolist()
    try:
        for code in np.unique(codes).tolist():
            raw[at[code] : at[code + 1]].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        stored.require(False, "a string is no text")


def renumbered(parts: Sequence[Int64Array]) -> tuple[Int64Array, list[Int64Array]]:
    """The codes in all parts, in order of first use, and the parts as places among them."""
    sizes = [part.size for part in parts]
    distinct, first, place = np.unique(
        np.concatenate([np.zeros(0, np.int64), *parts]), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    rank = np.empty(distinct.size, np.int64)
    rank[order] = np.arange(distinct.size)
    return distinct[order], np.split(rank[place.reshape(-1)], np.cumsum(sizes)[:-1]) if parts else []

"""Derived events that are kept to be told later: by number, in chunks that share nothing with the batches they came in.

A chunk is what one step has left; a sweep joins all of them, when what nobody needs any more, or the number of chunks,
has grown as large as what is kept.
Invariant: numbers ascend from chunk to chunk, and within each.
Cost: O(1) amortized an event kept; O(log chunks) to find it.
Tested by: tests/runtime/test_kept.py, tests/properties/
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.text import TextVector, compact
from cep.model.batch import Column, EventBatch, Lists, Provenance
from cep.model.concatenate import concatenate
from cep.runtime.stored import column_state, read_column, read_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cep.language.typed import CheckedRule
    from cep.model.batch import Int64Array
    from cep.model.schema import Schema
    from cep.runtime.periods import Periods, Snapshots
    from cep.runtime.snapshot import State, Stored

_FEW = 64


class Kept:
    """Derived events of one ``emit`` of a rule."""

    def __init__(self, schema: Schema, rule: CheckedRule) -> None:
        self._schema, self._rule = schema, rule
        self._chunks: list[tuple[Int64Array, EventBatch]] = []
        self._first: list[int] = []  # the first number of each chunk
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def bytes(self) -> int:
        """What they take, about."""
        return sum(c.values.nbytes for _, batch in self._chunks for c in batch.columns.values())

    def add(self, numbers: Int64Array, batch: EventBatch) -> None:
        """Keep events whose numbers ascend, and come after all that are kept."""
        if len(numbers):
            self._chunks.append((numbers, owned(batch)))
            self._first.append(int(numbers[0]))
            self._size += len(numbers)

    def take(self, numbers: Sequence[int]) -> EventBatch:
        """The events of these numbers, in this order."""
        wanted = np.array(numbers, np.int64)
        chunk = np.array([bisect_right(self._first, n) - 1 for n in numbers])
        parts, places = [], []
        for at in np.unique(chunk).tolist():
            held, batch = self._chunks[at]
            mine = np.flatnonzero(chunk == at)
            parts.append(batch.take(np.searchsorted(held, wanted[mine])))
            places.append(mine)
        together = concatenate(self._schema, parts)
        order = np.concatenate(places)
        return together if bool((np.diff(order) > 0).all()) else together.take(np.argsort(order))

    def sweep(self, periods: Periods | Snapshots) -> None:
        """Let go of all events but those of the periods, when there is enough to let go of."""
        count = periods.size
        if len(self._chunks) <= _FEW + count // 2 and len(self) <= _FEW + 2 * count:
            return
        numbers = np.unique(np.fromiter(periods.events, np.int64))
        chunks, self._chunks, self._first, self._size = self._chunks, [], [], 0
        parts = []
        for held, batch in chunks:
            mine = np.flatnonzero(np.isin(held, numbers))
            if mine.size:
                parts.append(batch.take(mine))
        if parts:
            self.add(numbers, concatenate(self._schema, parts))

    # ---------------------------------------------------------------------------------------------------- snapshots

    def state(self, needed: Iterable[int]) -> State:
        """The state of the events that are needed."""
        numbers = np.unique(np.fromiter(needed, np.int64))
        if not numbers.size:
            return {"numbers": numbers}
        batch = owned(self.take(numbers.tolist()))
        origin = batch.provenance
        assert origin is not None
        at = {name: n for n, name in enumerate(self._rule.inputs)}
        streams = np.array([at[name] for name in origin.streams], np.int64)[origin.stream]
        return {
            "numbers": numbers,
            "ts": batch.ts,
            "columns": [column_state(batch[a.name]) for a in self._schema.attributes],
            "keys": [column_state(k) for k in origin.keys[0]],
            "ids": origin.ids,
            "offsets": origin.offsets,
            "streams": streams,
            "events": origin.number,
        }

    def restore(self, stored: Stored, most: int) -> Int64Array:
        """Take over what was kept; return the numbers, all less than ``most``."""
        numbers = stored.numbers("numbers", None, 0, most - 1)
        stored.require(bool((np.diff(numbers) > 0).all()), "events that are kept are out of order")
        n = len(numbers)
        if n:
            rule, types = self._rule, [a.type for a in self._schema.attributes]
            columns = dict(zip(self._schema.names, read_columns(stored, "columns", types, n), strict=True))
            states = stored.many("keys")
            stored.require(len(states) == len(rule.keys), "the keys of kept events are not the rule's")
            keys = tuple(read_column(s, k.type, n) for s, k in zip(states, rule.keys, strict=True))
            events = stored.numbers("events", None, 0)
            streams = stored.numbers("streams", len(events), 0, len(rule.inputs) - 1).astype(np.int32)
            offsets = stored.numbers("offsets", n + 1, 0, len(events))
            whole = offsets[0] == 0 and offsets[-1] == len(events) and bool((np.diff(offsets) > 0).all())
            stored.require(whole, "the lineage of kept events is out of order")
            ids = stored.array("ids", np.uint64, n, 2)
            places = np.arange(n) if keys else np.zeros(n, np.int64)
            zeros = np.zeros(n, np.int32)
            origin = Provenance((rule.name,), zeros, (keys,), places, ids, offsets, rule.inputs, streams, events)
            ts = stored.numbers("ts", n)
            self.add(numbers, EventBatch(self._schema, ts, np.zeros(n, np.int64), columns, origin))
        return numbers


def owned(batch: EventBatch) -> EventBatch:
    """The batch, with dictionaries and keys of its own events alone, and its provenance made."""
    origin = batch.provenance
    assert origin is not None
    (keys,) = origin.keys
    mine = tuple(_owned(k.take(origin.place)) for k in keys)
    n = len(batch)
    places = np.arange(n) if mine else np.zeros(n, np.int64)
    made = Provenance(
        origin.rules, origin.rule, (mine,), places, origin.ids, origin.offsets, origin.streams, origin.stream,
        origin.number,
    )  # fmt: skip
    columns = {name: _owned(column) for name, column in batch.columns.items()}
    return EventBatch(batch.schema, batch.ts, batch.seq, columns, made)


def _owned(column: Column) -> Column:
    if column.lists is not None:
        lists = column.lists.take(column.values)
        codes = np.arange(len(column), dtype=np.int32)
        return Column(column.type, codes, column.valid, None, Lists(lists.offsets, _owned(lists.items)))
    if column.text is not None:
        codes, text = compact(TextVector(column.values, column.text))
        return Column(column.type, codes, column.valid, text)
    return Column(column.type, column.values, column.valid)

"""Joining batches of one schema end to end.

Dictionaries of strings and of lists are joined without looking for what they share: codes of the second are shifted by
the size of the first.
Cost: O(rows + bytes of the dictionaries).
Tested by: tests/model/test_concatenate.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.model.batch import Column, EventBatch, Lists, Provenance, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import AnyArray, BoolArray, Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type

_DTYPES = {"float": np.float64, "bool": np.bool_, "string": np.int32, "list": np.int32, "record": np.bool_}


def empty_batch(schema: Schema) -> EventBatch:
    """A batch of ``schema`` without events."""
    none = np.zeros(0, np.int64)
    return EventBatch(schema, none, none, {a.name: null_column(a.type, 0) for a in schema.attributes})


def null_column(kind: Type, rows: int) -> Column:
    """A column of nulls."""
    values: AnyArray = np.zeros(rows, _DTYPES.get(kind.kind, np.int64))
    text = Text.of([""]) if kind.kind == "string" else None
    lists = empty_lists(kind) if kind.kind == "list" else None
    return Column(kind, values, np.zeros(rows, np.bool_), text, lists)


def empty_lists(kind: Type) -> Lists:
    """A dictionary with one list of the list type ``kind``, the empty one."""
    return Lists(np.zeros(2, np.int64), null_column(kind.items[0], 0))


def concatenate_columns(kind: Type, columns: Sequence[Column]) -> Column:
    """One column of ``kind`` with the values of all, in order."""
    if len(columns) == 1:
        return columns[0]
    valid = None
    if any(c.valid is not None for c in columns):
        valid = np.concatenate([np.ones(len(c), np.bool_) if c.valid is None else c.valid for c in columns])
    if kind.kind == "list":
        return _concatenate_lists(kind, columns, valid)
    if kind.kind != "string":
        return Column(kind, np.concatenate([c.values for c in columns]), valid)
    texts = [c.text for c in columns if c.text is not None]
    text, starts = concatenate_texts(texts)
    shifts = dict(zip(map(id, texts), starts, strict=True))
    codes = [c.values if not (s := shifts[id(c.text)]) else c.values + np.int32(s) for c in columns]
    return Column(kind, np.concatenate(codes), valid, text)


def _concatenate_lists(kind: Type, columns: Sequence[Column], valid: BoolArray | None) -> Column:
    distinct = list({id(c.lists): c.lists for c in columns if c.lists is not None}.values())
    begins: dict[int, int] = {}
    codes, size, offsets, items = 0, 0, [], []
    for lists in distinct:
        begins[id(lists)] = codes
        start, end = int(lists.offsets[0]), int(lists.offsets[-1])
        offsets.append(lists.offsets[:-1] - start + size)
        items.append(lists.items if end - start == len(lists.items) else lists.items.take(slice(start, end)))
        codes += len(lists)
        size += end - start
    offsets.append(np.array([size], np.int64))
    joined = Lists(np.concatenate(offsets), concatenate_columns(kind.items[0], items))
    values = [c.values + np.int32(begins[id(c.lists)]) for c in columns]
    return Column(kind, np.concatenate(values), valid, None, joined)


def concatenate_texts(texts: Sequence[Text]) -> tuple[Text, list[int]]:
    """One dictionary with the strings of all, and where each begins in it; one that occurs twice is taken once."""
    distinct = list({id(t): t for t in texts}.values())
    begins: dict[int, int] = {}
    codes, size, offsets = 0, 0, []
    for text in distinct:
        begins[id(text)] = codes
        offsets.append(text.offsets[:-1] - text.offsets[0] + size)
        codes += len(text)
        size += int(text.offsets[-1] - text.offsets[0])
    offsets.append(np.array([size], np.int64))
    data = [t.data[int(t.offsets[0]) : int(t.offsets[-1])] for t in distinct]
    joined = Text(np.concatenate(offsets), np.concatenate(data) if data else np.zeros(0, np.uint8))
    return joined, [begins[id(t)] for t in texts]


def concatenate(schema: Schema, batches: Sequence[EventBatch]) -> EventBatch:
    """One batch with the events of all, in the order given; attributes that a batch lacks are null."""
    if not batches:
        return empty_batch(schema)
    if len(batches) == 1 and tuple(batches[0].columns) == schema.names:  # a rule may write its fields in another order
        return batches[0]
    columns = {}
    for attribute in schema.attributes:
        parts = [b.columns.get(attribute.name) or null_column(attribute.type, len(b)) for b in batches]
        columns[attribute.name] = concatenate_columns(attribute.type, parts)
    origins = [b.provenance for b in batches]
    return EventBatch(
        schema,
        np.concatenate([b.ts for b in batches]),
        np.concatenate([b.seq for b in batches]),
        columns,
        _concatenate_origins([o for o in origins if o is not None]) if None not in origins else None,
    )


def _concatenate_origins(origins: Sequence[Provenance]) -> Provenance:
    if all(o.is_made for o in origins):
        return _joined_origins(origins)
    rules = tuple(dict.fromkeys(name for o in origins for name in o.rules))
    streams = tuple(dict.fromkeys(name for o in origins for name in o.streams))
    return Provenance.later(rules, streams, sum(map(len, origins)), lambda: _joined_origins(origins))


def _joined_origins(origins: Sequence[Provenance]) -> Provenance:
    rules: dict[str, int] = {}
    streams: dict[str, int] = {}
    for origin in origins:
        for rule in origin.rules:
            rules.setdefault(rule, len(rules))
        for stream in origin.streams:
            streams.setdefault(stream, len(streams))
    keys: list[list[tuple[Column, ...]]] = [[] for _ in rules]
    sizes, begins = [0] * len(rules), dict[int, int]()
    places: list[AnyArray] = []
    for origin in origins:
        place = origin.place.copy()
        for r, name in enumerate(origin.rules):
            parts, at = origin.keys[r], rules[name]
            if parts and id(parts) not in begins:  # batches cut from one batch have its keys in common: taken once
                begins[id(parts)] = sizes[at]
                sizes[at] += len(parts[0])
                keys[at].append(parts)
            place[origin.rule == r] += begins.get(id(parts), 0)
        places.append(place)
    joined = tuple(_join_keys(parts) for parts in keys)
    shift, offsets = 0, [np.zeros(1, np.int64)]
    for origin in origins:
        offsets.append(origin.offsets[1:] + shift)
        shift += int(origin.offsets[-1])

    def renumber(values: AnyArray, names: tuple[str, ...], known: dict[str, int]) -> AnyArray:
        table = np.array([known[n] for n in names] or [0], np.int32)
        return table[values]

    numbers: Int64Array = np.concatenate([o.number for o in origins])
    return Provenance(
        tuple(rules),
        np.concatenate([renumber(o.rule, o.rules, rules) for o in origins]),
        joined,
        np.concatenate(places),
        np.concatenate([o.ids for o in origins]),
        np.concatenate(offsets),
        tuple(streams),
        np.concatenate([renumber(o.stream, o.streams, streams) for o in origins]),
        numbers,
    )


def _join_keys(parts: list[tuple[Column, ...]]) -> tuple[Column, ...]:
    if not parts:
        return ()
    return tuple(concatenate_columns(columns[0].type, columns) for columns in zip(*parts, strict=True))

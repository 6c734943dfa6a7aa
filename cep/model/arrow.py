"""Arrow: an `EventBatch` as an Arrow record batch, for data frames and files.

Times become ``timestamp[ns, UTC]``, durations ``duration[ns]``, decimals ``decimal128(19, scale)``, strings
dictionaries; numbers are not copied. Lists are Arrow's lists, of plain strings where they are of strings. Presence
columns of records are left out: the record's attributes have dotted names. Then, for who reads derived events,
``_type``, ``_time``, ``_rule``, ``_key``, ``_id`` (32 hexadecimal digits) and, if asked for, ``_events``: stream and
row of each contributing event.
Tested by: tests/model/test_batch.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cep.model.types import STRING, TIME, Type

if TYPE_CHECKING:
    from cep.model.batch import Column, EventBatch, Provenance, Text, UInt64Array

META = (("_type", STRING), ("_time", TIME), ("_rule", STRING), ("_key", STRING), ("_id", STRING))
EVENTS = pa.list_(pa.struct([("stream", pa.string()), ("row", pa.int64())]))


def arrow_type(kind: Type) -> pa.DataType:
    """The Arrow type of a column, strings plain."""
    match kind.kind:
        case "int":
            return pa.int64()
        case "float":
            return pa.float64()
        case "bool":
            return pa.bool_()
        case "time":
            return pa.timestamp("ns", "UTC")
        case "duration":
            return pa.duration("ns")
        case "decimal":
            return pa.decimal128(19, kind.scale)
        case "string":
            return pa.string()
        case "list":
            return pa.list_(arrow_type(kind.items[0]))
    return pa.null()


def to_arrow(batch: EventBatch, *, meta: bool = True, lineage: bool = False) -> pa.RecordBatch:
    """The batch as an Arrow record batch."""
    arrays = {name: arrow_column(c) for name, c in batch.columns.items() if c.type.kind != "record"}
    if meta:
        size, made = len(batch), batch.provenance
        arrays["_type"] = _constant(batch.schema.name, size)
        arrays["_time"] = pa.Array.from_buffers(
            pa.timestamp("ns", "UTC"), size, [None, pa.py_buffer(np.ascontiguousarray(batch.ts))]
        )
        if made is None:
            arrays |= {name: pa.nulls(size, pa.string()) for name in ("_rule", "_key", "_id")}
        else:
            rules = pa.array(made.rules, pa.string())
            arrays["_rule"] = pa.DictionaryArray.from_arrays(pa.array(made.rule), rules)
            arrays["_key"] = arrow_column(made.key)
            arrays["_id"] = hexadecimal(made.ids)
        if lineage:
            arrays["_events"] = pa.nulls(size, EVENTS) if made is None else _events(made)
    return pa.record_batch(list(arrays.values()), names=list(arrays))


def arrow_column(column: Column) -> pa.Array:
    """One column as an Arrow array; a string column as a dictionary."""
    size = len(column)
    if column.lists is not None:
        return _arrow_lists(column)
    mask = None if column.valid is None else pa.py_buffer(np.packbits(column.valid, bitorder="little"))
    if column.text is not None:
        codes = pa.Array.from_buffers(pa.int32(), size, [mask, pa.py_buffer(np.ascontiguousarray(column.values))])
        return _dictionary(codes, arrow_text(column.text))
    if column.type.kind == "bool":
        return pa.Array.from_buffers(
            pa.bool_(), size, [mask, pa.py_buffer(np.packbits(column.values, bitorder="little"))]
        )
    values = np.ascontiguousarray(column.values)
    if column.type.kind == "decimal":
        values = np.ascontiguousarray(np.stack((values, values >> 63), axis=1))  # 128 bits, the low half first
    return pa.Array.from_buffers(arrow_type(column.type), size, [mask, pa.py_buffer(values)])


def _dictionary(codes: pa.Array, strings: pa.Array) -> pa.Array:
    """A dictionary array in which no string stands twice, as in joined batches: pandas refuses one. O(rows)."""
    if len(strings) > len(codes):  # batches cut from one have its whole dictionary
        used = codes.dictionary_encode()
        codes, strings = used.indices, strings.take(used.dictionary)
    distinct = strings.dictionary_encode()
    if len(distinct.dictionary) < len(strings):
        codes, strings = distinct.indices.take(codes), distinct.dictionary
    return pa.DictionaryArray.from_arrays(codes, strings)


def _arrow_lists(column: Column) -> pa.Array:
    assert column.lists is not None
    lists = column.lists.take(column.values)
    items = arrow_column(lists.items)
    if pa.types.is_dictionary(items.type):  # readers know lists of dictionaries less well than lists of strings
        items = items.dictionary_decode()
    mask = None if column.valid is None else pa.array(~column.valid)
    if len(items) < 2**31:
        return pa.ListArray.from_arrays(pa.array(lists.offsets.astype(np.int32)), items, mask=mask)
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), items, mask=mask)


def arrow_text(text: Text) -> pa.Array:
    """A dictionary's strings as an Arrow array."""
    small = int(text.offsets[-1]) < 2**31
    offsets = text.offsets.astype(np.int32) if small else text.offsets
    kind = pa.string() if small else pa.large_string()
    return pa.Array.from_buffers(kind, len(text), [None, pa.py_buffer(offsets), pa.py_buffer(text.data)])


def hexadecimal(ids: UInt64Array) -> pa.Array:
    """Each row of 128 bits as 32 hexadecimal digits, the first number first."""
    digits = ids.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(0, 32 * (len(ids) + 1), 32, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(ids), [None, pa.py_buffer(offsets), pa.py_buffer(digits)])


def _constant(text: str, size: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([text], pa.string()))


def _events(made: Provenance) -> pa.Array:
    streams = pa.array(made.streams, pa.string()).take(pa.array(made.stream))
    pairs = pa.StructArray.from_arrays([streams, pa.array(made.number)], fields=list(EVENTS.value_type))
    return pa.ListArray.from_arrays(pa.array(made.offsets.astype(np.int32)), pairs)

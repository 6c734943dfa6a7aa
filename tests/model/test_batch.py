"""Batches: columns to Python values, to Arrow and to dicts."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest

from cep.model.arrow import arrow_column
from cep.model.batch import Column, EventBatch, Provenance, Text, string_column
from cep.model.schema import Attribute, Schema
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type
from cep.model.types import decimal as decimal_type

KINDS = {
    "n": INT,
    "x": FLOAT,
    "ok": BOOL,
    "s": STRING,
    "at": TIME,
    "took": DURATION,
    "price": decimal_type(2),
    "place": Type("record", optional=True, name="Place"),
}


def column(kind, values, valid=None):
    dtypes = {"float": np.float64, "bool": np.bool_, "record": np.bool_}
    mask = None if valid is None else np.array(valid)
    if kind.kind == "string":
        return Column(kind, np.array(values, np.int32), mask, Text.of(["é", "b\n"]))
    return Column(kind, np.array(values, dtypes.get(kind.kind, np.int64)), mask)


def batch(provenance=True):
    some = [True, False, True]
    columns = {
        "n": column(INT, [1, 2**62, -3]),
        "x": column(FLOAT, [0.5, 0, 1e300], some),
        "ok": column(BOOL, [True, False, False], some),
        "s": column(STRING, [0, 0, 1], some),
        "at": column(TIME, [0, 0, 1_500_000_000], some),
        "took": column(DURATION, [5_400_000_000_000, 0, -1], some),
        "price": column(decimal_type(2), [-199, 0, 5], some),
        "place": column(KINDS["place"], [True, True, True], some),
    }
    schema = Schema("Alert", tuple(Attribute(n, k, n) for n, k in KINDS.items()), derived=True)
    made = Provenance(
        rules=("R", "Q"),
        rule=np.array([0, 1, 0], np.int32),
        keys=((string_column(["k", "l"]),), ()),
        place=np.array([0, 0, 1]),
        ids=np.array([[1, 2], [0, 0], [2**64 - 1, 5]], np.uint64),
        offsets=np.array([0, 2, 2, 3]),
        streams=("A", "B"),
        stream=np.array([0, 1, 1], np.int32),
        number=np.array([7, 8, 9]),
    )
    return EventBatch(schema, np.array([0, 1, 2]), np.arange(3), columns, made if provenance else None)


def test_values_come_out_as_python_has_them():
    b = batch()
    assert b["n"].to_list() == [1, 2**62, -3]
    assert b["s"].to_list() == ["é", None, "b\n"]
    assert b["price"].to_list() == [decimal.Decimal("-1.99"), None, decimal.Decimal("0.05")]
    assert b["x"].to_list() == [0.5, None, 1e300]


def test_a_dictionary_of_strings_keeps_their_order_and_bytes():
    strings = ["", "a", "\x00", "€", "\ud800"]
    text = Text.of(strings)
    assert text.strings == strings
    assert len(text) == 5
    assert text.data.flags.writeable, "a read-only array is another type to a compiled kernel"


def test_a_string_that_joined_batches_have_in_common_stands_once_in_arrow_and_pandas_takes_it():
    text = Text.of(["b", "a", "b", "unused", "a"])
    joined = Column(STRING, np.array([0, 1, 2, 4, 1], np.int32), np.array([True, True, True, True, False]), text)
    for column in (joined, joined.take(slice(2, 5))):
        array = arrow_column(column)
        assert array.to_pylist() == column.to_list()
        assert len(array.dictionary) == len(set(array.dictionary.to_pylist()))
        pytest.importorskip("pandas")
        assert array.to_pandas().notna().tolist() == [value is not None for value in column.to_list()]


def test_rows_are_taken_by_position_and_by_mask():
    b = batch()
    assert b.take(np.array([2, 0]))["n"].to_list() == [-3, 1]
    assert b.take(np.array([False, True, False])).ts.tolist() == [1]


def test_dicts_say_times_in_words():
    rows = batch().to_dicts(meta=True, lineage=True)
    assert rows[0] == {
        "n": 1,
        "x": 0.5,
        "ok": True,
        "s": "é",
        "at": "1970-01-01T00:00:00Z",
        "took": "1 h 30 min",
        "price": decimal.Decimal("-1.99"),
        "place": {},
        "_type": "Alert",
        "_time": "1970-01-01T00:00:00Z",
        "_rule": "R",
        "_key": "k",
        "_id": "00000000000000010000000000000002",
        "_events": [("A", 7), ("B", 8)],
    }
    assert rows[1]["_key"] is None
    assert rows[1]["at"] is None
    assert batch().to_dicts()[2].keys() == KINDS.keys()


def test_arrow_has_the_same_values_and_types():
    table = pa.table(batch())
    assert table.column("n").to_pylist() == [1, 2**62, -3]
    assert table.column("price").to_pylist() == [decimal.Decimal("-1.99"), None, decimal.Decimal("0.05")]
    assert table.column("s").to_pylist() == ["é", None, "b\n"]
    assert table.column("ok").to_pylist() == [True, None, False]
    assert table.schema.field("at").type == pa.timestamp("ns", "UTC")
    assert table.schema.field("took").type == pa.duration("ns")
    assert table.schema.field("price").type == pa.decimal128(19, 2)
    assert table.column("_id").to_pylist()[2] == "ffffffffffffffff0000000000000005"
    assert table.column("_rule").to_pylist() == ["R", "Q", "R"]
    assert "place" not in table.column_names
    table.validate(full=True)


def test_polars_reads_a_batch():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(batch())
    assert frame["n"].to_list() == [1, 2**62, -3]
    assert frame["_key"].to_list() == ["k", None, "l"]


def test_lineage_is_a_list_of_stream_and_row():
    events = batch().to_arrow(lineage=True).column("_events").to_pylist()
    assert events == [[{"stream": "A", "row": 7}, {"stream": "B", "row": 8}], [], [{"stream": "B", "row": 9}]]


def test_a_batch_without_provenance_has_empty_ids():
    record = batch(provenance=False).to_arrow(lineage=True)
    assert record.column("_id").null_count == 3
    assert batch(provenance=False).to_dicts(meta=True)[0]["_id"] is None


def test_a_slice_of_a_batch_goes_to_arrow_too():
    part = batch().take(slice(1, 3))
    assert part.to_arrow().column("n").to_pylist() == [2**62, -3]
    assert part.to_arrow().column("price").to_pylist() == [None, decimal.Decimal("0.05")]

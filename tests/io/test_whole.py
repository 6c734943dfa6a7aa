"""Whole columns: what is read at one go is what the general way reads, and only what is plainly lawful is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep.io.convert import Decoder
from cep.io.whole import read_times, reader_of_column
from cep.model.batch import ends_in_order
from cep.model.schema import Attribute, Schema
from cep.model.types import Type

SCHEMA = Schema(
    "S",
    (
        Attribute("at", Type("time", unit="ms"), "at"),
        Attribute("n", Type("int"), "n"),
        Attribute("m", Type("int", optional=True), "m"),
        Attribute("x", Type("float"), "x"),
        Attribute("s", Type("string"), "s"),
        Attribute("d", Type("decimal", scale=2, optional=True), "d"),
        Attribute("b", Type("bool", optional=True), "b"),
    ),
    "at",
)
NARROW = st.sampled_from([pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()])
FLOATS = st.sampled_from([0.0, -1.5, 1e300, 5e-324, None, float("nan"), float("inf")])


def both_ways(table):
    """Decoded at one go as far as that goes, and never at one go."""
    plain = Decoder(SCHEMA)
    plain._whole = (table.schema, None)
    return Decoder(SCHEMA).decode(table, 5), plain.decode(table, 5)


def told(decoded):
    batch, rejected = decoded.batch, decoded.rejected
    columns = {name: (c.type, c.values.dtype, c.to_list()) for name, c in batch.columns.items()}
    rejects = None if rejected is None else [rejected[name].to_list() for name in ("row", "column", "reason", "value")]
    return columns, batch.ts.tolist(), batch.seq.tolist(), len(batch), rejects


@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_at_one_go_or_one_after_the_other_the_same_is_read(data):
    size = data.draw(st.integers(0, 4))
    some = st.lists(st.integers(0, 100), min_size=size, max_size=size)
    nullable = st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=size, max_size=size)
    words = st.lists(st.sampled_from(["", "a", "żółć"]), min_size=size, max_size=size)
    strings = pa.array(data.draw(words), data.draw(st.sampled_from([pa.string(), pa.large_string()])))
    odd = data.draw(st.lists(FLOATS, min_size=size, max_size=size)) if data.draw(st.booleans()) else [1.5] * size
    times = data.draw(some)
    table = pa.record_batch(
        {
            "at": pa.array(sorted(times) if data.draw(st.booleans()) else times, pa.int64()),
            "n": pa.array(data.draw(some), data.draw(NARROW)),
            "m": pa.array(data.draw(nullable), data.draw(NARROW)),
            "x": pa.array(odd, pa.float64()),
            "s": strings.dictionary_encode() if data.draw(st.booleans()) else strings,
            "d": pa.array(data.draw(nullable), pa.int64()),
            "b": pa.array([None if v is None else v > 4 for v in data.draw(nullable)], pa.bool_()),
        }
    )
    table = table.slice(data.draw(st.integers(0, size)))
    whole, one_by_one = both_ways(table)
    assert told(whole) == told(one_by_one)


def test_a_dictionary_that_comes_again_is_one_text_and_another_is_not():
    read = reader_of_column(pa.dictionary(pa.int32(), pa.string()), Type("string"))
    first, again, other = (read(pa.array(words).dictionary_encode()) for words in (["a", "b"], ["a", "b"], ["a", "c"]))
    assert first.text is again.text
    assert other.text is not first.text
    assert other.to_list() == ["a", "c"]
    assert first.to_list() == ["a", "b"]


@pytest.mark.parametrize("words", [["x" * 20_000, "y"], [f"w{i}" for i in range(2000)]])
def test_a_large_dictionary_is_read_anew_each_time(words):
    read = reader_of_column(pa.dictionary(pa.int32(), pa.string()), Type("string"))
    first, again = read(pa.array(words).dictionary_encode()), read(pa.array(words).dictionary_encode())
    assert first.text is not again.text
    assert first.to_list() == again.to_list() == words


def test_a_text_that_is_no_utf8_is_rejected_and_not_kept():
    raw = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array([b"\xff", b"ok"]).view(pa.string()))
    schema = Schema("S", (Attribute("at", Type("time", unit="ms"), "at"), Attribute("s", Type("string"), "s")), "at")
    decoded = Decoder(schema).decode(pa.record_batch({"at": pa.array([1, 2]), "s": raw}))
    assert decoded.batch["s"].to_list() == ["ok"]
    assert decoded.rejected["reason"].to_list() == ["is not valid UTF-8"]


def test_times_in_order_tell_their_ends():
    column, ends = read_times(pa.array([3, 3, 7]), Type("time", unit="s"))
    assert ends == (3 * 10**9, 7 * 10**9)
    assert column.values.tolist() == [3 * 10**9, 3 * 10**9, 7 * 10**9]


@pytest.mark.parametrize("times", [[], [2, 1], [None, 1], [2**62, 2**62]])
def test_other_times_want_a_closer_look(times):
    assert read_times(pa.array(times, pa.int64()), Type("time", unit="s")) is None


def test_a_batch_in_order_knows_its_ends_and_one_out_of_order_does_not():
    schema = Schema("S", (Attribute("at", Type("time", unit="s"), "at"),), "at")
    batches = [Decoder(schema).decode(pa.record_batch({"at": pa.array(at)})).batch for at in ([1, 2], [2, 1])]
    assert [ends_in_order(batch) for batch in batches] == [(10**9, 2 * 10**9), None]
    assert batches[1].ts.tolist() == [2 * 10**9, 10**9]


def test_another_schema_of_tables_is_read_by_its_own_readers():
    decoder = Decoder(SCHEMA)
    columns = {"m": [1], "x": [1.0], "s": ["a"], "d": [1], "b": [True]}
    first = pa.record_batch(
        {"at": pa.array([1]), "n": pa.array([1], pa.int8()), **{k: pa.array(v) for k, v in columns.items()}}
    )
    second = pa.record_batch(
        {"n": pa.array([2.0]), "at": pa.array([2]), **{k: pa.array(v) for k, v in columns.items()}}
    )
    assert [decoder.decode(t).batch["n"].values.tolist() for t in (first, second, first)] == [[1], [2], [1]]
    assert np.array_equal(decoder.decode(second).batch.ts, [2 * 10**6])

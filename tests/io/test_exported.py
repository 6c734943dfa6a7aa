"""Tables taken as they lie are what they are when they are read column by column."""

from __future__ import annotations

import gc

import numpy as np
import pyarrow as pa
import pytest

import cep
from cep.app.compile import compiled_looks
from cep.io.convert import Decoder
from cep.kernels.jit import PLAIN
from cep.model.later import LaterColumns

pytestmark = pytest.mark.skipif(PLAIN, reason="plain Python reads no memory by address")

SCHEMA = cep.loads("""stream S ordered by at { at: time(ms), k: int, x: float, s: string, y: float? }
rule R from S where k > 1 emit X { k }""").rulebook.streams["S"]


def table(rows=5, first=0, **instead):
    columns = {
        "at": pa.array(np.arange(first, first + rows)),
        "k": pa.array(np.arange(rows, dtype=np.int16)),
        "x": pa.array(np.linspace(0, 1, rows)),
        "s": pa.DictionaryArray.from_arrays(pa.array(np.arange(rows, dtype=np.int32) % 3), pa.array(["", "b", "ü"])),
        "y": pa.array(np.linspace(1, 2, rows)),
    }
    return pa.record_batch(columns | instead)


def columns_of(decoded):
    batch = decoded.batch
    return {name: column.to_list() for name, column in batch.columns.items()}, batch.ts.tolist(), batch.seq.tolist()


def read_both(*tables):
    """What a decoder takes in the short way, table by table (None: it does not), after some that taught it how."""
    quick, plain, taken = Decoder(SCHEMA, looks=compiled_looks()), Decoder(SCHEMA), []
    for one in [table(), table(), *tables]:
        exported = quick._exported
        taken.append(None if exported is None or quick._whole[0] != one.schema else exported.read(one, SCHEMA, 7))
        one_way, other = quick.decode(one, 7), plain.decode(one, 7)
        assert columns_of(one_way) == columns_of(other)
        assert (one_way.rejected is None) == (other.rejected is None)
        if one_way.rejected is not None:
            assert one_way.rejected.to_dicts() == other.rejected.to_dicts()
    return taken[2:]


def test_a_plain_table_is_taken():
    assert all(read_both(table(), table(70, 5), table(9).slice(3), table(9).slice(2, 4)))


TEXTS = pa.DictionaryArray.from_arrays
CODES = pa.array([0, 1, 0, 1, 0], pa.int32())


@pytest.mark.parametrize(
    "instead",
    [
        {"at": pa.array([0, 1, 3, 2, 4])},
        {"at": pa.array([0, 1, 2, 3, 2**60])},
        {"at": pa.array([0, 1, None, 3, 4])},
        {"k": pa.array([0, 1, None, 3, 4], pa.int16())},
        {"x": pa.array([0.0, float("nan"), 1.0, 1.0, 1.0])},
        {"x": pa.array([0.0, float("inf"), 1.0, 1.0, 1.0])},
        {"y": pa.array([0.0, None, 1.0, 1.0, 1.0])},
        {"s": TEXTS(pa.array([0, None, 0, 1, 0], pa.int32()), pa.array(["", "b", "ü"]))},
        {"s": TEXTS(CODES, pa.array(["", "c", "ü"]))},
        {"s": TEXTS(CODES, pa.array(["", "b"]))},
        {"s": TEXTS(CODES, pa.array(["b", "", "ü"]))},
        {"s": TEXTS(CODES, pa.array(["", "b", None]))},
        {"s": TEXTS(CODES, pa.array(["x", "", "b", "ü"]).slice(1))},
    ],
    ids=str,
)
def test_what_is_not_plainly_lawful_is_read_the_other_way(instead):
    odd, after = read_both(table(**instead), table())
    assert odd is None
    assert after is not None or "s" in instead


def test_a_dictionary_that_has_changed_is_learnt():
    other = TEXTS(CODES, pa.array(["one", "two"]))
    taken = read_both(table(s=other), table(s=other), table(), table())
    assert [t is not None for t in taken] == [False, True, False, True]


def test_large_strings_and_timestamps_are_taken():
    def one(first):
        text = pa.array(["", "b"]).cast(pa.large_string())
        return table(at=pa.array(np.arange(first, first + 5), pa.timestamp("us", "UTC")), s=TEXTS(CODES, text))

    quick, plain = Decoder(SCHEMA, looks=compiled_looks()), Decoder(SCHEMA)
    for first in (0, 5, 10, 15):
        assert columns_of(quick.decode(one(first))) == columns_of(plain.decode(one(first)))
    assert quick._exported.read(one(20), SCHEMA, 0) is not None


def test_an_empty_table_is_empty():
    assert read_both(table(0)) == [None]


def test_columns_keep_the_memory_they_lie_in():
    decoder = Decoder(SCHEMA, looks=compiled_looks())
    kept = [decoder.decode(table(1000, 1000 * i), 0).batch["x"].values for i in range(20)]
    gc.collect()
    [table(1000) for _ in range(20)]
    assert all(np.array_equal(values, np.linspace(0, 1, 1000)) for values in kept)


def test_a_table_of_another_schema_is_no_longer_taken_as_it_lies():
    """Names, formats, dictionaries and extensions are compared, whatever the number of columns."""
    plain = table()
    columns = {name: plain.column(name) for name in plain.schema.names}
    uuid = pa.field("y", pa.float64(), metadata={"ARROW:extension:name": "somebody.own"})
    others = [
        pa.record_batch(columns | {"k": pa.array(np.arange(5))}),  # another format
        pa.record_batch({"more" if name == "k" else name: c for name, c in columns.items()} | {"k": columns["k"]}),
        pa.record_batch({**columns, "z": columns["x"]}),
        pa.record_batch({name: columns[name] for name in reversed(columns)}),
        pa.record_batch(columns | {"s": TEXTS(CODES, pa.array(["", "b", "ü"]).cast(pa.large_string()))}),
        pa.record_batch(columns | {"s": pa.array(["", "b", "ü", "", "b"])}),
        pa.RecordBatch.from_arrays(list(columns.values()), schema=plain.schema.set(4, uuid)),
    ]
    for other in others:
        quick = Decoder(SCHEMA, looks=compiled_looks())
        for one in (plain, plain, plain):
            quick.decode(one, 0)
        assert quick._exported.read(plain, SCHEMA, 0) is not None
        assert quick._exported.read(other, SCHEMA, 0) is None
        assert columns_of(quick.decode(other)) == columns_of(Decoder(SCHEMA).decode(other))


def test_the_first_table_is_taken_as_it_lies_if_it_is_long():
    quick = Decoder(SCHEMA, looks=compiled_looks())
    assert isinstance(quick.decode(table(9000), 0).batch.columns, LaterColumns)
    assert columns_of(quick.decode(table(9000), 0)) == columns_of(Decoder(SCHEMA).decode(table(9000), 0))

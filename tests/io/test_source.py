"""Sources: every format gives the same events; what cannot be read is an error with the path."""

from __future__ import annotations

import os
import threading

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from source_reading import PAY, read, read_one, schema_of

from cep.io.convert import BLOCK_ROWS
from cep.io.source import open_source
from cep.model.errors import InputError, UsageError
from cep.model.types import INT, STRING, Type

ROWS = 50
COLUMNS = {
    "at": pa.array([i * 10**6 for i in range(ROWS)], pa.timestamp("us", "UTC")),
    "card": pa.array([None if i % 7 == 0 else f"c{i % 3}" for i in range(ROWS)]),
    "amount": pa.array([i * 25 / 100 for i in range(ROWS)]),
    "n": pa.array([None if i % 5 == 0 else i for i in range(ROWS)]),
    "x": pa.array([i / 3 for i in range(ROWS)]),
    "ok": pa.array([i % 2 == 0 for i in range(ROWS)]),
    "unused": pa.array(["x"] * ROWS),
}
TABLE = pa.table(COLUMNS)
WANTED = len(COLUMNS)


def write_csv(path, table, compression=None):
    with pa.CompressedOutputStream(str(path), compression) if compression else pa.OSFile(str(path), "wb") as file:
        pyarrow.csv.write_csv(table.set_column(0, "at", table["at"].cast(pa.timestamp("us")).cast(pa.string())), file)


def write_jsonl(path, table, compression=None):
    lines = "".join(_line(row) for row in table.to_pylist()).encode()
    with pa.CompressedOutputStream(str(path), compression) if compression else pa.OSFile(str(path), "wb") as file:
        file.write(lines)


def _line(row):
    import json

    return json.dumps({k: v.isoformat() if k == "at" else v for k, v in row.items()}) + "\n"


def write_parquet(path, table):
    pyarrow.parquet.write_table(table, str(path), row_group_size=20)


def write_arrow(path, table):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, 20)


def write_stream(path, table):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, 20)


WRITERS = {
    "t.csv": write_csv,
    "t.csv.gz": lambda p, t: write_csv(p, t, "gzip"),
    "t.csv.bz2": lambda p, t: write_csv(p, t, "bz2"),
    "T.CSV.ZST": lambda p, t: write_csv(p, t, "zstd"),
    "t.jsonl": write_jsonl,
    "t.ndjson": write_jsonl,
    "t.jsonl.gz": lambda p, t: write_jsonl(p, t, "gzip"),
    "t.jsonl.lz4": lambda p, t: write_jsonl(p, t, "lz4"),
    "t.parquet": write_parquet,
    "t.arrow": write_arrow,
    "t.feather": write_arrow,
    "t.ipc": write_stream,
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("expected") / "t.jsonl"
    write_jsonl(path, TABLE)
    return read_one(path)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_events(tmp_path, name, expected):
    WRITERS[name](tmp_path / name, TABLE)
    assert read_one(tmp_path / name) == expected
    assert len(expected[0]) == ROWS


@pytest.mark.parametrize("name", WRITERS)
def test_small_blocks_give_the_same_events(tmp_path, name, expected):
    WRITERS[name](tmp_path / name, TABLE)
    assert read_one(tmp_path / name, block_bytes=97) == expected


@pytest.mark.parametrize("name", WRITERS)
def test_progress_goes_from_nothing_to_all(tmp_path, name):
    WRITERS[name](tmp_path / name, TABLE)
    source = open_source(str(tmp_path / name), [PAY], block_bytes=64)
    steps = [source.progress for _ in source]
    assert steps == sorted(steps)
    assert source.progress == 1


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.arrow", "t.ipc"])
def test_a_missing_column_is_an_error_at_once(tmp_path, name):
    WRITERS[name](tmp_path / name, TABLE.rename_columns(["at", "card", "Amount", "n", "x", "ok", "unused"]))
    with pytest.raises(InputError, match="Pay needs a column amount") as caught:
        open_source(str(tmp_path / name), [PAY])
    assert caught.value.path == str(tmp_path / name)
    assert "--map Pay.amount=Amount" in str(caught.value)
    mapped = read_one(tmp_path / name, mapping={"Pay": {"amount": "Amount"}})
    assert len(mapped[0]) == ROWS


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_column_of_another_type_is_an_error_with_path_and_column(tmp_path, name):
    WRITERS[name](tmp_path / name, pa.table({**COLUMNS, "at": pa.array([1] * ROWS)}))
    with pytest.raises(InputError, match="column at") as caught:
        open_source(str(tmp_path / name), [PAY])
    assert "time(ms)" in caught.value.hint
    assert caught.value.path == str(tmp_path / name)


def test_a_missing_file_is_an_error_with_the_nearest_name(tmp_path):
    (tmp_path / "pay.csv").write_text("x")
    with pytest.raises(InputError, match="no such file") as caught:
        open_source(str(tmp_path / "pays.csv"), [PAY])
    assert "pay.csv" in caught.value.hint
    with pytest.raises(InputError, match="no such file"):
        open_source(str(tmp_path / "nowhere" / "pay.csv"), [PAY])


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".arrow"])
def test_a_folder_is_no_file(tmp_path, ending):
    folder = tmp_path / f"data{ending}"
    folder.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        open_source(str(folder), [PAY])


@pytest.mark.parametrize("name", ["pay.xlsx", "pay", "pay.gz", "pay.parquet.gz", "pay.json"])
def test_an_unknown_ending_lists_those_that_are_known(tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match="none that can be read") as caught:
        open_source(str(tmp_path / name), [PAY])
    assert ".jsonl" in caught.value.hint


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.ipc"])
def test_an_empty_or_damaged_file_is_an_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        open_source(str(path), [PAY])
    WRITERS[name](path, TABLE)
    whole = path.read_bytes()
    for damaged in (b"nonsense" * 10, whole[: len(whole) // 2], whole[: len(whole) * 2 // 3]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged") as caught:
            read_one(path)
        assert caught.value.path == str(path)


@pytest.mark.parametrize("write", [write_arrow, write_stream])
def test_an_arrow_file_whose_offsets_lead_outside_is_damaged(tmp_path, write):
    """pyarrow reads it without a word; the text of a cell would lie anywhere in memory."""
    path = tmp_path / "t.arrow"
    write(path, TABLE.slice(0, 3))
    offsets = b"".join(n.to_bytes(4, "little") for n in (0, 0, 2, 4))  # of the cards: none, c1, c2
    whole = path.read_bytes()
    assert whole.count(offsets) == 1
    path.write_bytes(whole.replace(offsets, offsets[:8] + b"\xff\xff\xff\x7f" + offsets[12:]))
    with pytest.raises(InputError, match="damaged"):
        read_one(path)


def test_a_dictionary_of_a_parquet_file_that_is_too_short_is_damage(tmp_path):
    """The codes of a row lead outside of it; pyarrow does not look."""
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(TABLE.slice(1, 2), str(path), compression="none", use_dictionary=["card"])
    whole = path.read_bytes()
    codes = b"\x01\x03\x02"  # bits, then one run of literals: codes 0 and 1
    assert whole.count(codes) == 1
    path.write_bytes(whole.replace(codes, b"\x03\x03\x38"))  # codes 0 and 7
    with pytest.raises(InputError, match="damaged"):
        read_one(path)


def test_the_reason_may_quote_what_is_not_utf_8(tmp_path):
    path = tmp_path / "t.arrow"
    times = pa.array(["2024-05-01T10:00:00Z", "2024-05-01T10:00x00Z"])
    write_arrow(path, TABLE.slice(1, 2).set_column(0, "at", times))
    path.write_bytes(path.read_bytes().replace(b"10:00x00Z", b"10:00\xba00Z"))
    events, [(row, column, reason, value)] = read_one(path)
    assert (len(events), row, column, value) == (1, 1, "at", "2024-05-01T10:00?00Z")
    assert "2024-05-01T10:00?00Z" in reason


def test_text_that_is_not_utf_8_costs_its_rows_alone_in_every_format(tmp_path):
    for name in ("t.arrow", "t.ipc", "t.parquet"):
        path = tmp_path / name
        WRITERS[name](path, TABLE.slice(0, 3))
        path.write_bytes(path.read_bytes().replace(b"c1", b"\xff1").replace(b"c2", b"\xff2"))
        assert len(read_one(path)[0]) == 1, name


@pytest.mark.parametrize("write", [write_arrow, write_stream])
def test_an_arrow_file_with_a_name_that_is_no_text_is_damaged(tmp_path, write):
    path = tmp_path / "t.arrow"
    write(path, TABLE.rename_columns(["nnnn", *TABLE.column_names[1:]]))
    path.write_bytes(path.read_bytes().replace(b"nnnn", b"nn\xb8n"))
    with pytest.raises(InputError, match="damaged"):
        open_source(str(path), [PAY])


def test_a_damaged_compressed_file_gives_what_came_before(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    table = pa.concat_tables([TABLE] * 400)
    write_jsonl(path, table, "gzip")
    path.write_bytes(path.read_bytes()[:-2000])
    seen = 0
    with pytest.raises(InputError, match="cannot be read to its end") as caught:  # noqa: PT012  (how far it came)
        for block in open_source(str(path), [PAY], block_bytes=10_000):
            seen += len(block.streams["Pay"].batch)
    assert caught.value.path == str(path)
    assert seen > 0


def test_a_file_without_leave_to_read_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "pay.csv"
    path.write_text("x")

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        open_source(str(path), [PAY])


def test_several_streams_need_a_type_column(tmp_path):
    path = tmp_path / "pay.csv"
    path.write_text("x")
    with pytest.raises(UsageError, match="--type-column"):
        open_source(str(path), [PAY, schema_of("B", at=Type("time"))])


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.arrow"])
def test_several_streams_come_from_every_format(tmp_path, name):
    kinds = ["A", "B", None, "C", "A"]
    table = pa.table({"at": pa.array(range(5), pa.timestamp("us", "UTC")), "kind": kinds, "v": [1, 2, 3, 4, 5]})
    WRITERS[name](tmp_path / name, table)
    a, b = schema_of("A", at=Type("time"), v=INT), schema_of("B", at=Type("time"), v=INT)
    out, other = read(tmp_path / name, [a, b], type_column="kind")
    assert [(e["row"], e["v"]) for e in out["A"][0]] == [(0, 1), (1, 5)]
    assert [(e["row"], e["v"]) for e in out["B"][0]] == [(0, 2)]
    assert other == {"(no type)": 1, "C": 1}


def test_nested_columns_of_a_parquet_file_are_records(tmp_path):
    from cep.model.schema import Attribute, Schema
    from cep.model.types import FLOAT

    bus = Schema(
        "Bus",
        (
            Attribute("at", Type("time", unit="ms"), "at"),
            Attribute("w", Type("record", optional=True, name="Place"), "w"),
            Attribute("w.lat", FLOAT.as_optional(), "w.lat", with_record=True),
        ),
        "at",
    )
    write_parquet(tmp_path / "b.parquet", pa.table({"at": [1, 2], "w": [{"lat": 1.5, "odd": 1}, None]}))
    events, rejects = read_one(tmp_path / "b.parquet", bus)
    assert [e["w"] for e in events] == [{"lat": 1.5}, None]
    assert rejects == []


def test_batches_are_never_too_large(tmp_path):
    kinds = schema_of(time=None, v=INT, s=STRING)
    table = pa.table({"v": range(BLOCK_ROWS * 2 + 10), "s": ["a"] * (BLOCK_ROWS * 2 + 10)})
    for name in ("t.arrow", "t.parquet"):
        if name == "t.arrow":
            with pa.OSFile(str(tmp_path / name), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        else:
            pyarrow.parquet.write_table(table, str(tmp_path / name))
        sizes = [block.streams["Pay"].rows for block in open_source(str(tmp_path / name), [kinds])]
        assert sum(sizes) == table.num_rows
        assert max(sizes) <= BLOCK_ROWS


# ------------------------------------------------------------------------------------------------------ read ahead


def read_ahead():
    return [thread for thread in threading.enumerate() if thread.name == "cep-read-ahead"]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl.gz", "t.parquet", "t.arrow"])
def test_who_stops_after_a_block_leaves_no_thread_and_no_open_file(tmp_path, name):
    WRITERS[name](tmp_path / name, pa.concat_tables([TABLE] * 40))
    source = open_source(str(tmp_path / name), [PAY], block_bytes=400)
    blocks = iter(source)
    first = next(blocks)
    assert first.streams["Pay"].batch.seq[0] == 0
    source.close()
    blocks.close()
    assert not read_ahead()


def test_progress_is_that_of_the_block_at_hand_and_not_of_what_is_read_ahead(tmp_path):
    write_csv(tmp_path / "t.csv", TABLE)
    source = open_source(str(tmp_path / "t.csv"), [PAY], block_bytes=500)
    blocks = iter(source)
    next(blocks)
    source._ahead._thread.join()  # it has read as far as it may
    assert source.progress < source._connector.progress
    blocks.close()


def test_what_is_damaged_further_on_is_told_after_all_that_was_good(tmp_path):
    path = tmp_path / "t.arrow"
    write_arrow(path, TABLE)
    data = path.read_bytes()
    place = data.rindex(b"\xff\xff\xff\xff", 0, len(data) * 2 // 3)  # of a later batch
    path.write_bytes(data[: place + 8] + b"\0" * 40 + data[place + 48 :])
    rows = 0
    with pytest.raises(InputError, match="damaged") as caught:  # noqa: PT012  (how far it came)
        for block in open_source(str(path), [PAY]):
            rows += block.streams["Pay"].rows
    assert rows in (20, 40)
    assert caught.value.path == str(path)
    assert not read_ahead()


def test_a_pipe_is_not_read_ahead_and_its_rows_come_at_once(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)  # so that opening it to read waits for nobody
    os.write(writing, b"a\n1\n")
    source = open_source(str(path), [schema_of(time=None, a=INT)])
    blocks = iter(source)
    assert next(blocks).streams["Pay"].batch["a"].values.tolist() == [1]
    os.write(writing, b"2\n")
    assert next(blocks).streams["Pay"].batch["a"].values.tolist() == [2]
    assert not read_ahead()
    blocks.close()
    os.close(writing)

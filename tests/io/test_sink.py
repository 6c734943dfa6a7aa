"""Sinks: what is written, byte for byte; that it is read back; and how a refusal is told."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import math
import os
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_reading import read_one, schema_of

from cep.io.convert import Decoder
from cep.io.sink import open_sink
from cep.model.batch import Column, EventBatch, Provenance, string_column
from cep.model.decided import Decided, Piece
from cep.model.errors import OutputError
from cep.model.schema import Attribute, Schema
from cep.model.types import BOOL, DURATION, FLOAT, INT, STRING, TIME, Type, decimal

KINDS = {
    "n": INT,
    "x": Type("float", infinite=True),
    "ok": BOOL,
    "s": STRING,
    "at": TIME,
    "took": DURATION,
    "price": decimal(2),
    "w": Type("record", optional=True, name="Place"),
    "w.lat": FLOAT,
}
DECADES = datetime.timedelta(days=10_000)
KINDS = {name: kind.as_optional() for name, kind in KINDS.items()}
ALERT = Schema("Alert", tuple(Attribute(n, k, n) for n, k in KINDS.items()), derived=True)
OTHER = Schema("Other", (Attribute("n", INT, "n"), Attribute("z", STRING, "z")), derived=True)
ROWS = [
    {"n": 1, "x": 0.1, "ok": True, "s": 'a,"b"\né', "at": "2024-01-01T00:00:00.5Z", "took": "90 min", "price": "1.5"},
    {},
    {"n": -(2**63), "x": math.inf, "ok": False, "s": "", "price": "-0.05", "w": {"lat": 1e22}},
]


def provenance(size):
    return Provenance(
        rules=("R", 'Q"'),
        rule=np.arange(size, dtype=np.int32) % 2,
        keys=((string_column([f"k{i}" for i in range(size)]),), ()),
        place=np.arange(size),
        ids=np.stack([np.arange(size), np.full(size, 255)], axis=1).astype(np.uint64),
        offsets=np.arange(size + 1),
        streams=("Pay",),
        stream=np.zeros(size, np.int32),
        number=np.arange(size) + 40,
    )


def batch_of(rows, schema=ALERT, made=True):
    batch = Decoder(schema).decode_rows(rows).batch
    assert len(batch) == len(rows)
    ts = np.arange(len(rows)) * 1_500_000_000
    return EventBatch(schema, ts, batch.seq, batch.columns, provenance(len(rows)) if made else None)


def one(batch):
    return Decided([Piece((batch,))])


def written(path, batches, schemas=(ALERT, OTHER), **options):
    sink = open_sink(str(path), schemas, **options)
    for batch in batches:
        sink.write(one(batch))
    sink.close()
    sink.close()
    return path


def test_json_lines_are_objects_with_what_they_are(tmp_path):
    lines = written(tmp_path / "a.jsonl", [batch_of(ROWS)], lineage=True).read_text().splitlines()
    assert lines[0] == (
        '{"n":1,"x":0.1,"ok":true,"s":"a,\\"b\\"\\né","at":"2024-01-01T00:00:00.5Z","took":"1 h 30 min","price":1.50,'
        '"w":null,"_type":"Alert","_time":"1970-01-01T00:00:00Z","_rule":"R","_key":"k0",'
        '"_id":"000000000000000000000000000000ff","_events":[["Pay",40]]}'
    )
    assert lines[1].startswith('{"n":null,"x":null,"ok":null,"s":null,"at":null,"took":null,"price":null,')
    assert '"_time":"1970-01-01T00:00:01.5Z","_rule":"Q\\"","_key":null' in lines[1]
    assert '"x":"inf"' in lines[2]
    assert '"price":-0.05,"w":{"lat":1e+22}' in lines[2]
    assert all(json.loads(line) for line in lines)
    assert "_events" not in written(tmp_path / "b.jsonl", [batch_of(ROWS)]).read_text()


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a", "a.jsonl.gz", "a.csv", "a.parquet", "a.arrow"])
def test_what_is_written_is_read_back(tmp_path, name):
    path = written(tmp_path / name, [batch_of(ROWS), batch_of([]), batch_of(ROWS[:1])], [ALERT])
    if name == "a":
        path = path.rename(tmp_path / "b.jsonl")
    source = Schema("Alert", ALERT.attributes, None)
    events, rejects = read_one(path, source)
    assert rejects == []
    expected = [*batch_of(ROWS).to_dicts(), *batch_of(ROWS[:1]).to_dicts()]
    for event in events:
        del event["row"]
    if name == "a.csv":
        expected[2]["s"] = None  # an empty text is null in CSV
    assert events == expected


def test_csv_has_one_header_for_all_types(tmp_path):
    other = batch_of([{"n": 7, "z": "text, with"}], OTHER)
    text = written(tmp_path / "a.csv", [batch_of(ROWS), other], lineage=True).read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.startswith("n,x,ok,s,at,took,price,w.lat,z,_type,_time,_rule,_key,_id,_events\n")
    assert [row["_type"] for row in rows] == ["Alert"] * 3 + ["Other"]
    assert (rows[3]["z"], rows[3]["x"], rows[0]["z"]) == ("text, with", "", "")
    assert rows[0]["s"] == 'a,"b"\né'
    assert json.loads(rows[0]["_events"]) == [["Pay", 40]]
    assert rows[0]["price"] == "1.50"


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_columnar_files_have_exact_types(tmp_path, name):
    other = batch_of([{"n": 7, "z": "x"}], OTHER)
    path = written(tmp_path / name, [batch_of(ROWS), other], lineage=True)
    table = pyarrow.parquet.read_table(path) if name == "a.parquet" else pa.ipc.open_file(path).read_all()
    assert table.schema.field("price").type == pa.decimal128(19, 2)
    assert table.schema.field("at").type == pa.timestamp("ns", "UTC")
    assert table["price"].to_pylist() == [Decimal("1.50"), None, Decimal("-0.05"), None]
    assert table["z"].to_pylist() == [None, None, None, "x"]
    assert table["_key"].to_pylist() == ["k0", None, "k2", "k0"]
    assert table["_events"].to_pylist()[1] == [{"stream": "Pay", "row": 41}]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv", "a.jsonl"])
def test_no_events_are_a_lawful_file(tmp_path, name):
    path = written(tmp_path / name, [])
    if name == "a.jsonl":
        assert path.read_bytes() == b""
    else:
        assert read_one(path, Schema("Alert", ALERT.attributes, None)) == ([], [])


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_one_name_with_two_types_does_not_fit_in_a_columnar_file(tmp_path, name):
    clash = Schema("Clash", (Attribute("s", INT, "s"),), derived=True)
    with pytest.raises(OutputError, match=r"s is string in Alert and int in Clash.*\.jsonl"):
        open_sink(str(tmp_path / name), [ALERT, clash])
    written(tmp_path / "a.csv", [batch_of([{"s": 1}], clash)], [ALERT, clash])


def test_a_batch_without_provenance_is_written_too(tmp_path):
    line = written(tmp_path / "a.jsonl", [batch_of(ROWS[:1], made=False)], lineage=True).read_text()
    assert json.loads(line)["_id"] is None
    assert json.loads(line)["_events"] == []


def test_compressed_output_is_whole(tmp_path):
    path = written(tmp_path / "a.jsonl.gz", [batch_of(ROWS)] * 3)
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 9


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "n": st.none() | st.integers(-(2**63), 2**63 - 1),
                "x": st.none() | st.floats(allow_nan=False),
                "ok": st.none() | st.booleans(),
                "s": st.none() | st.text(max_size=5),
                "took": st.none() | st.timedeltas(-DECADES, DECADES),
                "price": st.none() | st.integers(-(2**63), 2**63 - 1).map(lambda n: Decimal(n).scaleb(-2)),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_value_survives_json_lines(tmp_path_factory, rows):
    batch = batch_of(rows)
    path = written(tmp_path_factory.mktemp("sink") / "a.jsonl", [batch])
    events, rejects = read_one(path, Schema("Alert", ALERT.attributes, None))
    assert rejects == []
    assert [{k: v for k, v in e.items() if k != "row"} for e in events] == batch.to_dicts()


def test_a_lone_surrogate_does_not_stop_the_output(tmp_path):
    schema = schema_of("Alert", None, s=STRING)
    batch = EventBatch(schema, np.zeros(1, np.int64), np.zeros(1, np.int64), {"s": string_column(["\ud800"])})
    assert "\\ud800" in written(tmp_path / "a.jsonl", [batch]).read_text()
    written(tmp_path / "a.csv", [batch], [schema])


def test_a_sparse_use_of_a_large_dictionary_is_written(tmp_path):
    schema = schema_of("Alert", None, s=STRING)
    many = string_column([str(i) for i in range(5000)])
    column = Column(STRING, many.values[[4999, 7]], None, many.text)
    batch = EventBatch(schema, np.zeros(2, np.int64), np.zeros(2, np.int64), {"s": column})
    lines = written(tmp_path / "a.jsonl", [batch]).read_text().splitlines()
    assert [json.loads(line)["s"] for line in lines] == ["4999", "7"]


# -------------------------------------------------------------------------------------------------------- refusals


class Stdout:
    def __init__(self, file):
        self.buffer = file


def test_standard_output_is_written_at_once(monkeypatch):
    file = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Stdout(file))
    sink = open_sink("-")
    sink.write(one(batch_of(ROWS)))
    assert file.getvalue().count(b"\n") == 3
    sink.close()
    assert not file.closed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("ending", ["", ".csv", ".parquet", ".arrow", ".jsonl.gz"])
def test_a_full_disk_is_told_with_path_and_reason(tmp_path, ending):
    path = tmp_path / f"full{ending}"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device") as caught:  # noqa: PT012  (at which call is the system's affair)
        sink = open_sink(str(path), [ALERT])
        for _ in range(300):
            sink.write(one(batch_of(ROWS)))
        sink.close()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".arrow", ".csv.gz"])
def test_a_folder_that_is_not_there_is_told(tmp_path, ending):
    with pytest.raises(OutputError, match="No such file or directory") as caught:
        open_sink(str(tmp_path / "nowhere" / f"a{ending}"), [ALERT])
    assert "nowhere" in str(caught.value)


@pytest.mark.parametrize("ending", ["", ".parquet"])
def test_a_folder_is_no_file_to_write_to(tmp_path, ending):
    (tmp_path / f"a{ending}").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        open_sink(str(tmp_path / f"a{ending}"), [ALERT])


def test_a_file_without_leave_to_write_is_told(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        open_sink(str(tmp_path / "a.jsonl"))


def test_a_reader_that_goes_away_is_a_broken_pipe(monkeypatch):
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        monkeypatch.setattr(sys, "stdout", Stdout(file))
        sink = open_sink("-")
        sink.write(one(batch_of(ROWS)))
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            sink.write(one(batch_of(ROWS)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # so that closing the file does not fail as well


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".arrow"])
def test_types_that_alternate_are_written_in_result_order(tmp_path, ending):
    first, second = batch_of(ROWS), batch_of([{"n": i, "z": "q"} for i in range(2)], OTHER)
    mixed = Decided([Piece((first, second), np.array([0, 1, 0, 1, 0]))])
    whole, cut = (tmp_path / f"{name}{ending}" for name in ("whole", "cut"))
    for path, parts in ((whole, [mixed]), (cut, [one(batch) for batch in mixed])):
        sink = open_sink(str(path), (ALERT, OTHER))
        for part in parts:
            sink.write(part)
        sink.close()
    assert whole.read_bytes() == cut.read_bytes() if ending in (".jsonl", ".csv") else whole.exists()
    if ending == ".parquet":
        assert pa.parquet.read_table(whole).equals(pa.parquet.read_table(cut))
        assert pa.parquet.read_table(whole)["_type"].to_pylist() == [
            b.schema.name for b in mixed for _ in range(len(b))
        ]


@pytest.mark.parametrize("name", ["out.xlsx", "out.prquet", "out.xlsx.gz"])
def test_an_ending_that_nothing_writes_is_refused_and_no_file_made(name, tmp_path):
    with pytest.raises(OutputError, match="is not written; name it"):
        open_sink(str(tmp_path / name), [ALERT])
    assert not list(tmp_path.iterdir())

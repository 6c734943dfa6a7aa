"""JSON Lines: exact numbers, every bad line costs itself only, live input comes in time."""

from __future__ import annotations

import io
import json
import os
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_reading import PAY, read, read_one, schema_of

from cep.io.source import open_source
from cep.model.schema import Attribute, Schema
from cep.model.types import FLOAT, INT, STRING, Type, decimal

GOOD = b'{"at":"2024-01-01T00:00:00Z","card":"c1","amount":1.50,"n":3,"x":0.5,"ok":true}\n'


def write(tmp_path, data, name="pay.jsonl"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_a_good_file_is_read_exactly(tmp_path):
    events, rejects = read_one(write(tmp_path, GOOD))
    assert rejects == []
    assert events == [
        {"row": 0, "at": "2024-01-01T00:00:00Z", "card": "c1", "amount": Decimal("1.50"), "n": 3, "x": 0.5, "ok": True}
    ]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (b'{"at":"2024-01-01","amount":"12a"}', "amount", '"12a" is not a decimal'),
        (b'{"at":"2024-01-01","amount":1.505}', "amount", "1.505 has more than 2 digits after the point"),
        (b'{"at":"2024-01-01"}', "amount", "amount is missing"),
        (b'{"at":"2024-01-01","amount":null}', "amount", "amount is missing"),
        (b'{"at":1700000000,"amount":1}', "at", "1700000000 is a bare number, not a time"),
        (b'{"at":"2024-01-01","amount":true}', "amount", "True is not a decimal"),
        (b'{"at":"2024-01-01","amount":1,"n":1.5}', "n", "1.5 is not a whole number"),
        (b'{"at":"2024-01-01","amount":1,"n":1e400}', "n", "is not a whole number"),
        (b'{"at":"2024-01-01","amount":1,"x":1e400}', "x", "is infinite"),
        (b'{"at":"2024-01-01","amount":1,"card":5}', "card", "5 is not a string"),
        (b'{"at":"2024-01-01","amount":1,"ok":1}', "ok", "1 is neither true nor false"),
        (b'{"at":"2024-01-01","amount":NaN}', None, "not JSON"),
        (b'{"at":"2024-01-01","amount":Infinity}', None, "not JSON"),
        (b'{"at":"2024-01-01",', None, "not JSON"),
        (b"hello", None, "not JSON"),
        (b"[1]", None, "an object"),
        (b"5", None, "an object"),
        (b'{"at":"2024-01-01","amount":1}{"at":"2024-01-01","amount":1}', None, "not JSON"),
        (b'{"at":"2024-01-01","amount":1,"card":"\xff"}', None, "is not valid UTF-8"),
        (b"[" * 100_000, None, "nested too deeply"),
    ],
)
def test_a_bad_line_is_rejected_alone(tmp_path, line, column, reason):
    events, rejects = read_one(write(tmp_path, GOOD + line + b"\n" + GOOD))
    assert [e["row"] for e in events] == [0, 2]
    ((row, where, why, value),) = rejects
    assert (row, where) == (1, column)
    assert reason in why
    assert value is None or len(value) <= 1000


def test_a_file_cut_in_the_middle_of_a_line_loses_that_line_only(tmp_path):
    for cut in range(1, len(GOOD) - 1):
        events, rejects = read_one(write(tmp_path, GOOD + GOOD[:cut]))
        assert ([e["row"] for e in events], [r[0] for r in rejects]) == ([0], [1])
    assert len(read_one(write(tmp_path, GOOD + GOOD.rstrip()))[0]) == 2


def test_an_empty_file_and_blank_lines_are_no_rows(tmp_path):
    assert read_one(write(tmp_path, b"")) == ([], [])
    events, rejects = read_one(write(tmp_path, b"\n" + GOOD + b"  \r\n" + GOOD.rstrip() + b"\r\n"))
    assert ([e["row"] for e in events], rejects) == ([0, 1], [])


def test_numbers_are_exact(tmp_path):
    kinds = schema_of(time=None, d=decimal(4), n=INT, at=Type("time", unit="s"), s=Type("time", unit="ns"))
    lines = [
        '{"d":922337203685477.5807,"n":9007199254740993,"at":1704067200.123456789,"s":1704067200123456789}',
        '{"d":"0.0001","n":"9007199254740993","at":"1704067200.123456789","s":1704067200123456789.0}',
        '{"d":1e2,"n":3.0,"at":1,"s":1}',
    ]
    events, rejects = read_one(write(tmp_path, "\n".join(lines).encode()), kinds)
    assert rejects == []
    assert [e["d"] for e in events] == [Decimal("922337203685477.5807"), Decimal("0.0001"), Decimal(100)]
    assert [e["n"] for e in events] == [9007199254740993, 9007199254740993, 3]
    assert [e["at"] for e in events][:2] == ["2024-01-01T00:00:00.123456789Z"] * 2
    assert [e["s"] for e in events][:2] == ["2024-01-01T00:00:00.123456789Z"] * 2


def test_records_are_objects_or_dotted_names(tmp_path):
    place = Schema(
        "Bus",
        (
            Attribute("at", Type("time"), "at"),
            Attribute("w", Type("record", optional=True, name="Place"), "w"),
            Attribute("w.lat", FLOAT.as_optional(), "w.lat", with_record=True),
        ),
        "at",
    )
    lines = b'{"at":"2024-01-01","w":{"lat":1.5}}\n{"at":"2024-01-01","w.lat":2.5}\n{"at":"2024-01-01","w":7}\n'
    events, rejects = read_one(write(tmp_path, lines), place)
    assert [e["w"] for e in events] == [{"lat": 1.5}, {"lat": 2.5}]
    assert rejects == [(2, "w", "7 is not a record", "7")]


def test_two_fields_may_read_one_column(tmp_path):
    kinds = Schema("S", (Attribute("a", INT, "v"), Attribute("b", STRING.as_optional(), "v")), None)
    events, rejects = read_one(write(tmp_path, b'{"v":1}\n{"v":"2"}\n'), kinds)
    assert [(e["a"], e["b"]) for e in events] == [(2, "2")]
    assert [r[:3] for r in rejects] == [(0, "b", "1 is not a string")]


def test_several_streams_come_from_one_file_by_a_type_column(tmp_path):
    a, b = schema_of("A", at=Type("time", unit="s"), v=INT), schema_of("B", at=Type("time", unit="s"), v=STRING)
    rows = [
        '{"k":"A","at":1,"v":5}',
        '{"k":"B","at":2,"v":"x"}',
        '{"k":"C"}',
        "{",
        '{"at":5}',
        "7",
        '{"k":"A","at":2,"v":"y"}',
    ]
    out, other = read(write(tmp_path, "\n".join(rows).encode()), [a, b], type_column="k")
    assert [e["v"] for e in out["A"][0]] == [5]
    assert [r[:2] for r in out["A"][1]] == [(1, "v")]
    assert [e["v"] for e in out["B"][0]] == ["x"]
    assert other == {"C": 1, "(malformed line)": 1, "(no type)": 2}


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
)
LINES = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(["at", "card", "amount", "n", "x", "ok", "odd"]), JSON_VALUES).map(
            lambda row: json.dumps(row).encode() + b"\n"
        ),
        st.just(GOOD),
        st.sampled_from([b"\n", b"{\n", b'{"at":\n', b"3}\n", GOOD.rstrip() + b"," + GOOD, b"\xff\n", b" \r\n"]),
    ),
    max_size=8,
)


@given(LINES, st.integers(1, 200))
def test_the_size_of_a_block_changes_nothing(tmp_path_factory, lines, block):
    path = tmp_path_factory.mktemp("jsonl") / "pay.jsonl"
    path.write_bytes(b"".join(lines))
    assert read_one(path, block_bytes=block) == read_one(path)


class Stdin:
    def __init__(self, file):
        self.buffer = file


def test_standard_input_is_json_lines(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(GOOD + GOOD)))
    assert len(read_one("-")[0]) == 2


def test_a_pipe_that_trickles_is_read_as_it_comes(monkeypatch):
    source, target = os.pipe()
    with os.fdopen(source, "rb") as reader:
        monkeypatch.setattr(sys, "stdin", Stdin(reader))
        blocks = iter(open_source("-", [PAY]))
        for _ in range(3):
            os.write(target, GOOD + GOOD[:20])
            assert len(next(blocks).streams["Pay"].batch) == 1  # would wait for ever, if a full block were waited for
            os.write(target, GOOD[20:])
            assert len(next(blocks).streams["Pay"].batch) == 1
        os.close(target)
        assert list(blocks) == []


def test_a_fault_on_standard_input_is_told_with_its_row(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(GOOD + b"x\n")))
    assert [r[0] for r in read_one("-")[1]] == [1]

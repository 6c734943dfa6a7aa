"""``cep schema`` prints a declaration that is laid out, and that ``cep run`` reads the same file with."""

from __future__ import annotations

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from cep.app.infer import field_name, stream_name

CSV = """\
Time,cardId,Amount (EUR),from,zip,ok,count,ts,empty
2024-05-01T10:00:00Z,c1,1.00,a,007,true,1,1714557600000,
2024-05-01T10:00:01Z,c2,3,,008,false,2,1714557600001,
"""
DECLARED = """\
-- From card_pays.csv, by 2 rows.
stream CardPays ordered by time {
  time: time from "Time",
  card_id: string from "cardId",
  amount_eur: float from "Amount (EUR)",
  from_: string? from "from",
  zip: string,
  ok: bool,
  count: int,
  ts: time(ms),  -- whole numbers of the size of ms since 1970
  empty: string?  -- no value was seen
}
"""


def test_each_column_becomes_a_field_of_the_narrowest_type(cep, tmp_path):
    (tmp_path / "card_pays.csv").write_text(CSV)
    ended = cep("schema", "card_pays.csv")
    assert (ended.code, ended.out, ended.err) == (0, DECLARED, "")


def runs_with(cep, tmp_path, path, *fields):
    """What a rule finds that emits ``fields`` of every row of ``path`` under the declaration printed for it."""
    declared = cep("schema", path, "--name", "Row")
    assert declared.code == 0, declared.err
    (tmp_path / "declared.cep").write_text(declared.out)
    assert cep("fmt", "--check", "declared.cep").code == 0
    (tmp_path / "rules.cep").write_text(f"rule All from Row emit Out {{ {', '.join(fields)} }}\n")
    return cep("run", "declared.cep", "rules.cep", "--from", f"Row={path}", "--to", "-", "--strict")


def test_a_run_reads_the_csv_file(cep, tmp_path):
    (tmp_path / "card_pays.csv").write_text(CSV)
    ended = runs_with(cep, tmp_path, "card_pays.csv", "card_id", "amount_eur", "from_", "ts")
    assert ended.code == 0, ended.err
    assert '"amount_eur":3.0,"from_":null' in ended.out.replace(": ", ":").replace(", ", ",")
    assert len(ended.out.splitlines()) == 2


def test_a_run_reads_the_json_lines_and_what_no_type_holds_is_left_out(cep, tmp_path):
    lines = [
        '{"at": 1714557600, "user": "a", "n": 1, "where": {"lat": 1.5}, "mixed": 1, "tags": ["a", null]}',
        "",
        '{"at": 1714557601, "n": 2.5, "mixed": "x", "where": null, "tags": [], "none": []}',
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    declared = cep("schema", "rows.jsonl").out
    assert 'where_lat: float? from "where.lat",' in declared
    assert "tags: list<string?>," in declared
    assert "none: list<string?>?" in declared
    assert "-- Left out: mixed, its values are of several kinds." in declared
    assert "at: time(s)," in declared
    assert "user: string?," in declared
    ended = runs_with(cep, tmp_path, "rows.jsonl", "user", "n", "where_lat", "tags")
    assert ended.code == 0, ended.err
    assert '"where_lat":1.5,"tags":["a",null]' in ended.out
    assert len(ended.out.splitlines()) == 2


def test_arrays_in_the_text_of_a_csv_file_are_lists(cep, tmp_path):
    (tmp_path / "rows.csv").write_text('at,tags,odd\n2024-05-01,"[""a"",""b,c""]",[\n2024-05-02,[],[1]\n')
    ended = runs_with(cep, tmp_path, "rows.csv", "tags", "odd")
    assert ended.code == 0, ended.err
    assert '"tags":["a","b,c"],"odd":"["' in ended.out
    assert "tags: list<string>," in cep("schema", "rows.csv").out


def typed_table():
    at = [datetime.datetime(2024, 5, 1, 10, 0, s, tzinfo=datetime.UTC) for s in range(3)]
    return pa.table(
        {
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "card": pa.array(["a", "b", "a"]).dictionary_encode(),
            "amount": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.25")], pa.decimal128(10, 2)),
            "rate": pa.array([1.0, float("nan"), 2.0]),
            "took": pa.array([1, 2, 3], pa.duration("s")),
            "small": pa.array([1, 2, 3], pa.uint8()),
            "many": pa.array([[1], [2], None]),
            "where": pa.array([{"lat": 1.5, "in": {"x": [1.5]}}, None, {"lat": 2.5, "in": None}]),
            "odd": pa.array([[("a", 1)], [], []], pa.map_(pa.string(), pa.int64())),
        }
    )


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_tables_keep_their_types(cep, tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        pa_parquet.write_table(typed_table(), path)
    else:
        with pa.ipc.new_file(path, typed_table().schema) as file:
            file.write_table(typed_table())
    declared = cep("schema", path).out
    fields = ["at: time", "card: string", "amount: decimal(2)?", "rate: float?", "took: duration", "small: int"]
    assert all(field in declared for field in fields)
    assert "many: list<int>?," in declared
    assert 'where_in_x: list<float>? from "where.in.x"' in declared
    assert "-- Left out: odd" in declared
    ended = runs_with(cep, tmp_path, f"rows.{ending}", "card", "amount", "rate", "took", "small", "many", "where_in_x")
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == 3


def test_only_the_first_ten_thousand_rows_are_looked_at(cep, tmp_path):
    rows = "".join(f"2024-05-01,{n}\n" for n in range(10_000))
    (tmp_path / "rows.csv").write_text(f"day,n\n{rows}2024-05-01,many\n")
    declared = cep("schema", "rows.csv").out
    assert declared.startswith("-- From rows.csv, by its first 10,000 rows.\n")
    assert "n: int" in declared


def test_without_a_time_a_comment_says_what_to_do(cep, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    declared = cep("schema", "rows.csv").out
    assert "`ordered by`" in declared
    assert "stream Rows {" in declared


def test_names_that_meet_are_told_apart(cep, tmp_path):
    (tmp_path / "rows.csv").write_text("at,Card,card,CARD\n2024-05-01,1,2,3\n")
    declared = cep("schema", "rows.csv").out
    assert 'card_2: int from "Card", card: int, card_3: int from "CARD"' in declared.replace("\n ", "")


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Amount (EUR)", "amount_eur"),
        ("HTTPStatus", "http_status"),
        ("1st", "field_1st"),
        ("Café", "cafe"),
        ("", "field"),
        ("true", "true_"),
    ],
)
def test_a_column_is_named_in_lower_snake_case(column, field):
    assert field_name(column) == field


def test_a_stream_is_named_after_its_file():
    assert [stream_name(p) for p in ("x/card_pays.csv.gz", "2024.csv", "-")] == ["CardPays", "Event2024", "Event"]


@pytest.mark.parametrize(
    ("text", "file", "says"),
    [("", "a.csv", "is empty"), ("a,a\n1,2\n", "a.csv", "two columns are named a"), ("\n", "a.jsonl", "has no columns"),
     ('{"a": [1]}\n{"a": 2}\n', "a.jsonl", "no column that a field could hold"),
     ("x", "a.parquet", "cannot be read"), ("x", "a.txt", "the ending .txt")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_an_input_error(cep, tmp_path, text, file, says):
    (tmp_path / file).write_text(text)
    ended = cep("schema", file)
    assert ended.code == 1
    assert says in ended.err


def test_a_name_that_is_no_streams_is_a_usage_error(cep, tmp_path):
    assert cep("schema", "a.csv", "--name", "pay").code == 64


def test_a_column_whose_name_is_no_text_is_left_out(cep, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"b": 1, "\\ud800": 2}\n')
    ended = cep("schema", "a.jsonl")
    assert ended.code == 0
    assert "-- Left out: ?, its name has half a character.\n" in ended.out

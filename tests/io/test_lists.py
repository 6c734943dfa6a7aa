"""Lists on input: what they are read from, and why they are rejected; and what is written is read back."""

import json

import numpy as np
import pyarrow as pa
import pytest

import cep
from cep.cli import invoke
from cep.io.columns import cells_of_array, cells_of_objects
from cep.model.batch import Column
from cep.model.errors import InputError
from cep.model.types import INT, STRING, list_of

INTS = list_of(INT)
TEXTS = list_of(STRING.as_optional()).as_optional()

FIELDS = """at: time(ms), items: list<string?>?, n: list<list<int?>>, d: list<decimal(2)>?, ok: list<bool>,
  f: list<float>, u: list<duration>, t: list<time(s)>, s: string"""
RULES = f"stream S ordered by at {{ {FIELDS} }}\nrule R from S emit G {{ at, items, n, d, ok, f, u, t, s }}\n"
AGAIN = (
    f"stream G ordered by at {{ {FIELDS.replace('time(ms)', 'time').replace('time(s)', 'time')} }}\n"
    "rule R from G emit H { at, items, n, d, ok, f, u, t, s }\n"
)
ROWS = [
    {
        "at": n,
        "items": None if n == 3 else ['a,"b"', None, f"é{n}"][: n % 4],
        "n": [[n], [], [None, 2]][: n % 3 + 1],
        "d": [1, 2.5] if n % 2 else None,
        "ok": [True, False][: n % 3],
        "f": [1.5, -0.0, 1e300][:n],
        "u": ["1 min", "90 s"][: n % 2],
        "t": [n, 1_700_000_000],
        "s": f"s{n}",
    }
    for n in range(12)
]


def values(cells, kind):
    return Column(kind, cells.values, cells.valid, cells.text, cells.lists).to_list()


def test_every_sequence_and_json_text_is_read_alike():
    given = [["a", None], (), np.array(["b"], dtype=object), '["a", null]', None, "[]", float("nan")]
    cells = cells_of_objects(given, TEXTS)
    assert not cells.bad
    assert values(cells, TEXTS) == [["a", None], [], ["b"], ["a", None], None, [], None]


def test_what_is_no_list_is_told_and_so_is_a_bad_element():
    cells = cells_of_objects([[1], 7, "x", '{"a":1}', [1, "y"], [None], [1.5], [[1]]], INTS)
    assert {row: reason for row, (reason, _) in cells.bad.items()} == {
        1: "7 is not a list",
        2: '"x" is no JSON array',
        3: '"{"a":1}" is no JSON array',
        4: 'element 1: "y" is not an int',
        5: "element 0: is null",
        6: "element 0: 1.5 is not a whole number",
        7: "element 0: [1] is not an int",
    }
    assert values(cells, INTS.as_optional())[0] == [1]


ARRAYS = {
    "list": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
    "large": pa.array([[1, 2], None, []], pa.large_list(pa.int8())),
    "text": pa.array(["[1, 2]", None, "[]"]),
    "sliced": pa.array([[9], [1, 2], None, [], [8]], pa.list_(pa.int64())).slice(1, 3),
    "chunked": pa.chunked_array([[[1, 2]], [None, []]], pa.list_(pa.int32())),
    "of floats": pa.array([[1.0, 2.0], None, []]),
    "nothing under null": pa.ListArray.from_arrays(
        pa.array([0, 2, 4, 4], pa.int32()), pa.array([1, 2, 8, 9]), mask=pa.array([False, True, False])
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_arrow_column_of_lists_is_read_alike(name):
    cells = cells_of_array(ARRAYS[name], INTS.as_optional())
    assert not cells.bad
    assert values(cells, INTS.as_optional()) == [[1, 2], None, []]


def test_lists_of_fixed_size_are_lists():
    array = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2))
    assert values(cells_of_array(array, INTS), INTS) == [[1, 2], None, [3, 4]]


def test_a_column_that_could_never_be_lists_is_refused():
    with pytest.raises(InputError, match="a column of type int64 is no list<int>"):
        cells_of_array(pa.array([1]), INTS)
    with pytest.raises(InputError, match="a column of type bool is no int"):
        cells_of_array(pa.array([[True]]), INTS)


@pytest.mark.parametrize("form", ["dicts", "arrow", "pandas", "polars", "columns", "one by one"])
def test_every_form_of_a_table_gives_the_same_lists(form):
    rules = cep.loads(RULES)
    rows = [{**row, "items": row["items"] or None} for row in ROWS]
    want = cep.run(rules, {"S": rows})["G"].to_dicts()
    assert want[5]["items"] == ['a,"b"']
    assert want[3]["items"] is None
    table = pa.Table.from_pylist(rows)
    if form == "one by one":
        engine = cep.Engine(rules)
        got = [d for row in rows for b in engine.send("S", row) for d in b.to_dicts()]
        got += [d for b in engine.close() for d in b.to_dicts()]
    else:
        if form == "pandas":
            pytest.importorskip("pandas")
        polars = pytest.importorskip("polars") if form == "polars" else None
        data = {
            "dicts": lambda: rows,
            "arrow": lambda: table,
            "pandas": table.to_pandas,
            "polars": lambda: polars.from_arrow(table),
            "columns": lambda: {name: [row[name] for row in rows] for name in rows[0]},
        }[form]()
        got = cep.run(rules, {"S": data})["G"].to_dicts()
    assert got == want


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "arrow"])
def test_what_is_written_is_read_back(ending, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.cep").write_text(RULES)
    (tmp_path / "two.cep").write_text(AGAIN)
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert invoke(["run", "one.cep", "--from", "S=s.jsonl", "--to", f"g.{ending}"]) == 0
    capfd.readouterr()
    assert invoke(["run", "two.cep", "--from", f"G=g.{ending}"]) == 0
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    want = cep.run(cep.loads(RULES), {"S": ROWS})["G"].to_dicts()
    assert len(found) == len(want) == len(ROWS)
    for got, row in zip(found, want, strict=True):
        plain = {n: [float(x) for x in v] if n == "d" and v else v for n, v in row.items()}
        assert {n: got[n] for n in row} == plain

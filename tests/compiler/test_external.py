"""Calls of functions of Python modules: what they are given, what is taken, and which rows are to blame."""

import decimal

import numpy as np
import pytest
from numba import njit, vectorize

import cep

STREAM = """
stream S ordered by at {
  at: time(s), n: int?, x: float, ok: bool, s: string?, d: decimal(2), w: duration, tags: list<string>
}
"""
ROWS = [
    {"at": 1, "n": 3, "x": 0.5, "ok": True, "s": "a", "d": "1.25", "w": "1 s", "tags": ["x", "y"]},
    {"at": 2, "n": None, "x": 1.5, "ok": False, "s": None, "d": "2.50", "w": "2 s", "tags": []},
    {"at": 3, "n": 7, "x": 2.5, "ok": True, "s": "b", "d": "3.75", "w": "3 s", "tags": ["z"]},
]


def run(declared, call, code, rows=ROWS):
    """What ``call`` gives for each row, and why the rule failed."""
    text = f'{STREAM} function f{declared} from "m:f" rule R from S emit E {{ v = {call} }}'
    result = cep.run(cep.loads(text, functions={"f": code}), {"S": rows})
    return [row["v"] for row in result["E"].to_dicts()], result.summary.failed.get("R")


def test_a_function_is_not_asked_of_a_null_that_its_parameter_does_not_admit():
    seen = []

    def twice(x):
        seen.append(x)
        return x * 2

    assert run("(x: int) -> int", "f(n)", twice) == ([6, None, 14], None)
    assert [x.tolist() for x in seen] == [[3, 7]]
    assert seen[0].dtype == np.int64


def test_a_parameter_that_admits_null_is_a_masked_array_or_objects_with_none():
    def count(n, s):
        assert isinstance(n, np.ma.MaskedArray)
        assert s.dtype == object
        return n.mask.astype(np.int64) + np.array([v is None for v in s])

    assert run("(n: int?, s: string?) -> int", "f(n, s)", count) == ([0, 2, 0], None)


def test_every_kind_is_given_and_taken_as_the_table_says():
    def check(at, x, ok, d, w, tags):
        assert (at.dtype, w.dtype) == (np.dtype("M8[ns]"), np.dtype("m8[ns]"))
        assert (x.dtype, ok.dtype, d.dtype) == (np.float64, np.bool_, object)
        assert d[0] == decimal.Decimal("1.25")
        assert tags.tolist() == [["x", "y"], [], ["z"]]
        return ok

    declared = "(at: time, x: float, ok: bool, d: decimal(2), w: duration, tags: list<string>) -> bool"
    assert run(declared, "f(at, x, ok, d, w, tags)", check) == ([True, False, True], None)


def test_a_constant_is_a_column_too():
    assert run("(x: float, k: string) -> float", 'f(x, "k")', lambda x, k: x * (k == "k")) == ([0.5, 1.5, 2.5], None)


def test_a_function_that_writes_into_its_arguments_harms_nobody():
    def spoil(x):
        x[:] = 0
        return x

    text = f'{STREAM} function f(x: float) -> float from "m:f" rule R from S emit E {{ a = f(x), b = x }}'
    rows = cep.run(cep.loads(text, functions={"f": spoil}), {"S": ROWS})["E"].to_dicts()
    assert [(r["a"], r["b"]) for r in rows] == [(0.0, 0.5), (0.0, 1.5), (0.0, 2.5)]


def test_functions_of_numba_are_functions():
    @njit
    def double(x):
        return x * 2.0

    @vectorize
    def add(x, y):
        return x + y

    assert run("(x: float) -> float", "f(x)", double) == ([1.0, 3.0, 5.0], None)
    assert run("(x: float, y: float) -> float", "f(x, x)", add) == ([1.0, 3.0, 5.0], None)


def test_what_is_no_number_is_null_and_counted():
    text = f'{STREAM} function f(x: float) -> float from "m:f" rule R from S emit E {{ v = f(x) }}'
    result = cep.run(cep.loads(text, functions={"f": lambda x: np.where(x > 1, np.nan, np.inf)}), {"S": ROWS})
    assert [row["v"] for row in result["E"].to_dicts()] == [None, None, None]
    assert result.summary.faults == {"R": {"not a number": 3}}


@pytest.mark.parametrize(
    ("gives", "code", "taken"),
    [
        ("int", lambda x: x.astype(np.int16), [0, 1, 2]),
        ("float", lambda x: np.arange(x.size, dtype=np.int32), None),
        ("float?", lambda x: np.ma.MaskedArray(x, x > 2), [0.5, 1.5, None]),
        ("int?", lambda x: np.array([1, None, 3], object)[: x.size], None),
        ("string", lambda x: np.array([f"{v}" for v in x]), ["0.5", "1.5", "2.5"]),
        ("decimal(1)", lambda x: np.array([decimal.Decimal(str(v)) for v in x], object), [0.5, 1.5, 2.5]),
        ("decimal(2)", lambda x: x.astype(int), [0, 1, 2]),
        ("duration?", lambda x: np.where(x > 1, np.timedelta64(1, "s"), np.timedelta64("NaT")), None),
        ("time", lambda x: np.full(x.size, np.datetime64("2024-01-01")), ["2024-01-01T00:00:00Z"] * 3),
        ("time", lambda x: np.full(x.size, np.datetime64(1999, "ps")), ["1970-01-01T00:00:00.000000001Z"] * 3),
    ],
)
def test_lawful_results(gives, code, taken):
    found, failed = run(f"(x: float) -> {gives}", "f(x)", code)
    assert failed is None
    assert taken is None or found == taken


@pytest.mark.parametrize(
    ("gives", "code", "words"),
    [
        ("float", lambda x: 1.0, "gave a float, not a numpy array"),
        ("float", lambda x: np.zeros((x.size, 2)), "gave an array of shape (1, 2) for 1 row"),
        ("float", lambda x: np.zeros(x.size + 1), "gave an array of shape (2,) for 1 row"),
        ("int", lambda x: x, "gave an array of float64, not of int64"),
        ("bool", lambda x: x.astype(int), "gave an array of int64, not of bool"),
        ("int", lambda x: np.full(x.size, 2**63, np.uint64), "gave an integer beyond 64 bits"),
        ("int", lambda x: np.ma.MaskedArray(x.astype(int), True), "gave null, which its type int does not admit"),
        ("string", lambda x: np.array([1] * x.size, object), "gave an int in an array of str"),
        ("string", lambda x: np.array([None] * x.size, object), "gave null, which its type string does not admit"),
        ("decimal(1)", lambda x: np.full(x.size, decimal.Decimal("0.25"), object), "gave 0.25, which is no decimal(1)"),
        ("time", lambda x: np.full(x.size, np.datetime64("3000-01-01")), "gave a time or duration beyond 64 bits"),
        ("duration", lambda x: np.full(x.size, np.timedelta64(10**12, "s")), "gave a time or duration beyond 64 bits"),
        (
            "duration",
            lambda x: np.full(x.size, np.timedelta64(1, "M")),
            "gave an array of timedelta64[M], which differ",
        ),
        ("float", lambda x: x["a"], "raised IndexError: only integers"),
    ],
)
def test_results_that_fail_the_rule(gives, code, words):
    found, failed = run(f"(x: float) -> {gives}", "f(x)", code)
    assert found == []
    assert failed.startswith(f"at S row 0: f (m:f) {words}")


def test_only_the_rows_that_are_to_blame_are_blamed():
    asked = []

    def picky(x):
        asked.append(x.size)
        if (x == 700).any():
            raise ValueError("no  700\nplease")
        return x

    rows = [{**ROWS[0], "at": n, "x": float(n)} for n in range(1000)]
    found, failed = run("(x: float) -> float", "f(x)", picky, rows)
    assert failed == "at S row 700: f (m:f) raised ValueError: no 700 please"
    assert found == [float(n) for n in range(700)]
    assert len(asked) < 30

"""Rows of tables are found as a dict of Python values finds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.model.batch import Column, string_column
from cep.model.table import TableRows
from cep.model.types import FLOAT, INT, STRING

TEXTS = st.sampled_from(["", "a", "b", "é", "aa", "zz"])
INTS = st.sampled_from([0, 1, -1, 7, 2**62, -(2**63), 2**63 - 1])
FLOATS = st.sampled_from([0.0, -0.0, 1.5, -1e300])
KEYS = st.tuples(TEXTS, INTS, FLOATS)


def column(values, place):
    if place == 0:
        return string_column(values)
    kind = INT if place == 1 else FLOAT
    valid = np.array([v is not None for v in values], np.bool_)
    dtype = np.int64 if place == 1 else np.float64
    filled = np.array([0 if v is None else v for v in values], dtype)
    return Column(kind, filled, None if valid.all() else valid)


def table(keys):
    columns = {name: column([key[place] for key in keys], place) for place, name in enumerate("abc")}
    return TableRows(tuple("abc"), columns | {"n": column(list(range(len(keys))), 1)})


@given(
    st.lists(KEYS, max_size=12, unique=True),
    st.lists(st.tuples(*(each | st.none() for each in (TEXTS, INTS, FLOATS))), max_size=9),
)
def test_a_row_is_found_by_its_whole_key(keys, asked):
    known = {key: n for n, key in enumerate(keys)}
    asked = [*asked, *keys[:3]]
    found = table(keys).find([column([key[place] for key in asked], place) for place in range(3)])
    assert found.tolist() == [known.get(key, -1) for key in asked]


@given(st.lists(KEYS, max_size=8))
def test_a_key_that_comes_twice_is_told_with_its_first_two_rows(keys):
    first = {}
    wanted = next(((first[k], n) for n, k in enumerate(keys) if first.setdefault(k, n) != n), None)
    assert table(keys).twice() == wanted


def test_fields_of_rows_that_are_not_there_are_null():
    rows = table([("a", 1, 0.0), ("b", 2, 1.5)])
    assert rows.read("a", STRING, np.array([1, -1, 0])).to_list() == ["b", None, "a"]
    assert rows.read("n", INT, np.array([-1, -1])).to_list() == [None, None]
    assert len(rows) == 2


@pytest.mark.parametrize("size", [0, 1])
def test_of_a_large_dictionary_only_what_is_used_is_looked_at(size):
    rows = table([("a", 1, 0.0)])
    large = string_column([f"s{n}" for n in range(50)] + ["a"]).take(np.arange(50, 50 + size))
    found = rows.find([large, column([1] * size, 1), column([0.0] * size, 2)])
    assert found.tolist() == [0] * size

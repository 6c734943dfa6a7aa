"""Operations on string columns against Python's strings, row by row."""

from __future__ import annotations

import operator
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.compiler.lists import split_text
from cep.compiler.text import (
    TextVector,
    compare_texts,
    join_texts,
    length_text,
    like_text,
    map_texts,
    matches_text,
    select_texts,
    substr_text,
)
from cep.model.batch import EMPTY_TEXT, Column, Text
from cep.model.strings import of_constants, substring
from cep.model.types import STRING, list_of

OPERATORS = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
STRINGS = st.text(st.sampled_from("aAb%_.\\\n\0é€😀\uffff"), max_size=4)
SOME = [
    "",
    "a",
    "ab",
    "a\nb",
    "A",
    "é",
    "éx",
    "e\u0301",
    "a%",
    "a_b",
    ".",
    "a.b",
    "\n",
    "abbc",
    "😀",
    "a\\",
    "\0",
    "a\0",
]


def vector(strings):
    """A column over a dictionary in another order, with a string that no row has."""
    distinct = sorted(set(strings), reverse=True)
    text = Text.of(["never", *distinct])
    return TextVector(np.array([1 + distinct.index(s) for s in strings], np.int32), text)


def as_list(found, rows):
    return [found] * rows if isinstance(found, bool) else found.tolist()


@given(rows=st.lists(st.tuples(STRINGS, STRINGS), max_size=8), constant=STRINGS)
def test_strings_compare_by_code_points(rows, constant):
    left, right = vector([a for a, _ in rows]), vector([b for _, b in rows])
    for op, compare in OPERATORS.items():
        assert as_list(compare_texts(op, left, right), len(rows)) == [compare(a, b) for a, b in rows]
        assert as_list(compare_texts(op, left, constant), len(rows)) == [compare(a, constant) for a, _ in rows]
        assert as_list(compare_texts(op, constant, right), len(rows)) == [compare(constant, b) for _, b in rows]
        assert compare_texts(op, constant, "a") is compare(constant, "a")
        assert as_list(compare_texts(op, left, left), len(rows)) == [compare(a, a) for a, _ in rows]


@pytest.mark.parametrize("op", OPERATORS)
def test_surrogates_and_the_last_code_point_keep_their_order(op):
    strings = ["\ud7ff", "\ud800", "\udfff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "z"]
    rows = [(a, b) for a in strings for b in strings]
    found = compare_texts(op, vector([a for a, _ in rows]), vector([b for _, b in rows]))
    assert found.tolist() == [OPERATORS[op](a, b) for a, b in rows]
    assert compare_texts(op, vector(strings), "\ud800").tolist() == [OPERATORS[op](s, "\ud800") for s in strings]


@pytest.mark.parametrize("op", OPERATORS)
def test_an_empty_dictionary_goes_with_rows_that_are_all_null(op):
    none = TextVector(np.zeros(3, np.int32), EMPTY_TEXT)
    for other in (none, vector(["a", "b", "c"]), "a", ""):
        assert len(compare_texts(op, none, other)) == 3
        assert len(compare_texts(op, other, none)) == 3
    assert like_text(none, "%").tolist() == matches_text(none, ".*").tolist() == [False] * 3


def like_in_python(pattern):
    """SQL's LIKE as a regular expression; a backslash takes the next character as it is."""
    out, i = "", 0
    while i < len(pattern):
        if pattern[i] == "\\" and i + 1 < len(pattern):
            i += 1
            out += re.escape(pattern[i])
        else:
            out += {"%": ".*", "_": "."}.get(pattern[i], re.escape(pattern[i]))
        i += 1
    return re.compile(out, re.DOTALL)


@pytest.mark.parametrize(
    "pattern",
    ["", "%", "_", "__", "a%", "%b", "%b%", "a_b", "a%b%c", "é_", "_x", "%.%",
     r"a\%", r"a\_b", "a.b", "(", "[a]", "a%_", "%\n%"],
)  # fmt: skip
def test_like_is_that_of_sql(pattern):
    want = [like_in_python(pattern).fullmatch(s) is not None for s in SOME]
    assert dict(zip(SOME, like_text(vector(SOME), pattern).tolist(), strict=True)) == dict(zip(SOME, want, strict=True))
    assert [like_text(s, pattern) for s in SOME] == want


@pytest.mark.parametrize(
    "pattern", ["", ".*", "a", "a|ab", "a.b", "(?s)a.b", "[a-z]+", "a$", "^a", "é.?", "(?i)A", r"\w+", "a\n?b", r"\x00"]
)
def test_matches_is_of_the_whole_string(pattern):
    want = [re.fullmatch(pattern, s, re.ASCII) is not None for s in SOME]
    assert dict(zip(SOME, matches_text(vector(SOME), pattern).tolist(), strict=True)) == dict(
        zip(SOME, want, strict=True)
    )
    assert [matches_text(s, pattern) for s in SOME] == want


@given(rows=st.lists(st.tuples(st.booleans(), STRINGS, STRINGS), max_size=8), constant=STRINGS)
def test_of_two_columns_or_constants_one_is_chosen_row_by_row(rows, constant):
    flags = np.array([f for f, _, _ in rows], np.bool_)
    yes, no = vector([y for _, y, _ in rows]), vector([n for _, _, n in rows])

    def strings(found):
        return [found.text.strings[c] for c in found.codes]

    assert strings(select_texts(flags, yes, no)) == [y if f else n for f, y, n in rows]
    assert strings(select_texts(flags, constant, no)) == [constant if f else n for f, _, n in rows]
    assert strings(select_texts(flags, yes, constant)) == [y if f else constant for f, y, _ in rows]
    assert select_texts(True, yes, constant) is yes
    assert select_texts(np.False_, yes, constant) is constant


def test_rows_that_are_all_null_may_have_no_dictionary():
    nothing = TextVector(np.zeros(2, np.int32), EMPTY_TEXT)
    flags = np.array([True, False])
    assert select_texts(flags, nothing, "a").codes.tolist()[1] == 0
    for found in (select_texts(flags, "a", nothing), select_texts(flags, nothing, nothing)):
        assert all(0 <= code < len(found.text) for code in found.codes)


NUMBERS = st.integers(-6, 6) | st.sampled_from([-(2**63), 2**63 - 1])


def listed(found, rows):
    if isinstance(found, str):
        return [found] * rows
    assert isinstance(found, TextVector)
    assert all(0 <= code < len(found.text) for code in found.codes)
    return [found.text.strings[c] for c in found.codes]


@given(rows=st.lists(st.tuples(STRINGS, NUMBERS, NUMBERS), max_size=8), constant=STRINGS)
def test_functions_of_strings_are_those_of_each_string(rows, constant):
    strings = [s for s, _, _ in rows]
    column, starts, counts = vector(strings), *(np.array([r[i] for r in rows], np.int64) for i in (1, 2))
    for name in ("lower", "upper", "trim"):
        assert listed(map_texts(name, column), len(rows)) == [of_constants(name, [s]) for s in strings]
        assert map_texts(name, constant) == of_constants(name, [constant])
    assert length_text(column).tolist() == [len(s) for s in strings]
    assert length_text(constant) == len(constant)
    for text, each in ((column, strings), (constant, [constant] * len(rows))):
        found = substr_text(text, starts, counts)
        assert listed(found, len(rows)) == [substring(s, r[1], r[2]) for s, r in zip(each, rows, strict=True)]
        assert listed(substr_text(text, np.int64(2)), len(rows)) == [substring(s, 2) for s in each]
        found = substr_text(text, np.int64(1), counts)
        assert listed(found, len(rows)) == [substring(s, 1, r[2]) for s, r in zip(each, rows, strict=True)]


@given(rows=st.lists(st.tuples(STRINGS, STRINGS), max_size=8), constant=STRINGS)
def test_strings_are_joined_row_by_row(rows, constant):
    left, right = vector([a for a, _ in rows]), vector([b for _, b in rows])
    assert listed(join_texts((left, constant, right, left)), len(rows)) == [a + constant + b + a for a, b in rows]
    assert join_texts((constant, "x")) == constant + "x"


def test_surrogates_and_rows_that_are_all_null_are_joined_too():
    nothing = TextVector(np.zeros(2, np.int32), EMPTY_TEXT)
    assert listed(join_texts((nothing, vector(["\ud800", "b"]))), 2) == ["\ud800", "b"]
    assert listed(map_texts("upper", nothing), 2) == ["", ""]
    assert length_text(nothing).tolist() == [0, 0]
    assert listed(substr_text(nothing, np.array([1, 2])), 2) == ["", ""]


@pytest.mark.parametrize("separator", [",", "ab", "é", "\n"])
def test_strings_are_split_at_a_separator(separator):
    strings = ["", ",", "a,b", "abab", "xaby", "é", "é,é\n", "\ud800,", "a,b"]
    column = TextVector(np.arange(9, dtype=np.int32)[::-1].copy(), Text.of(strings))
    codes, lists = split_text(column, separator, 9)
    out = Column(list_of(STRING), codes, None, None, lists).to_list()
    assert out == [s.split(separator) for s in reversed(strings)]
    assert Column(list_of(STRING), *split_text("a,b", ",", 2)[:1], None, None, lists).values.tolist() == [0, 0]


def test_rows_without_a_dictionary_are_split_too():
    codes, lists = split_text(TextVector(np.zeros(2, np.int32), EMPTY_TEXT), ",", 2)
    assert codes.tolist() == [0, 0]
    assert len(lists) == 1


def test_a_few_rows_of_a_large_dictionary_cost_what_the_rows_cost():
    text = Text.of([f"A{n}" for n in range(1000)])
    few = TextVector(np.array([7, 999, 7], np.int32), text)
    found = map_texts("lower", few)
    assert listed(found, 3) == ["a7", "a999", "a7"]
    assert len(found.text) == 2


def test_parts_of_very_long_strings():
    long = TextVector(np.array([0, 1], np.int32), Text.of(["x" * 3_000_000 + "yz", "ab"]))
    found = substr_text(long, np.array([3_000_001, -1]), np.array([2, 5]))
    assert listed(found, 2) == ["yz", "b"]

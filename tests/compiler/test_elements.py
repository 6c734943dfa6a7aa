"""Elements of lists as columns, and what a loop reads of a list that the store keeps."""

from __future__ import annotations

import numpy as np
import pytest

from cep.compiler.elements import elements_of, some_of, spread
from cep.compiler.lists import ListVector
from cep.compiler.text import TextVector
from cep.io.columns import cells_of_objects
from cep.kernels.jit import PLAIN, pointer
from cep.kernels.text import LENGTH, OFFSET, compare_bytes, list_count, list_float, list_word
from cep.model.batch import Column, Text
from cep.model.types import BOOL, FLOAT, INT, STRING, list_of
from cep.runtime.packing import packed
from cep.runtime.strings import Strings


def vector(values, item):
    kind = list_of(item).as_optional()
    cells = cells_of_objects(values, kind)
    absent = False if cells.valid is None else ~cells.valid
    return ListVector(cells.values, cells.lists), absent


def test_elements_stand_one_after_the_other_with_their_rows():
    lists, absent = vector([[1, None], None, [], [3]], INT.as_optional())
    values, null, owner = elements_of(lists, absent)
    assert owner.tolist() == [0, 0, 3]
    assert null.tolist() == [False, True, False]
    assert values[~null].tolist() == [1, 3]


def test_a_null_list_has_no_elements_whatever_stands_under_it():
    lists, _ = vector([["a"], ["b", "c"]], STRING)
    values, _, owner = elements_of(lists, np.array([True, False]))
    assert [values.text.strings[c] for c in values.codes] == ["b", "c"]
    assert owner.tolist() == [1, 1]
    assert elements_of(lists, True)[2].tolist() == []


def test_under_a_null_a_bool_is_false():
    lists, absent = vector([[True, None]], BOOL.as_optional())
    values, null, _ = elements_of(lists, absent)
    assert values.tolist() == [True, False]
    assert null.tolist() == [False, True]


def test_lists_inside_lists_are_lists():
    lists, absent = vector([[[1], [2, 3]], [[]]], list_of(INT))
    values, _, owner = elements_of(lists, absent)
    assert Column(list_of(INT), values.codes, None, None, values.lists).to_list() == [[1], [2, 3], []]
    assert owner.tolist() == [0, 0, 1]


def test_values_of_rows_are_brought_to_their_elements():
    owner = np.array([0, 0, 2])
    assert spread(np.array([5, 6, 7]), owner).tolist() == [5, 5, 7]
    assert spread(True, owner) is True
    assert spread("a", owner) == "a"
    texts = TextVector(np.array([1, 0, 0], np.int32), Text.of(["x", "y"]))
    assert spread(texts, owner).codes.tolist() == [1, 1, 0]
    lists, _ = vector([[1], [2], [3]], INT)
    assert spread(lists, owner).codes.tolist() == [0, 0, 2]


def test_one_element_is_enough():
    owner = np.array([0, 2, 2])
    assert some_of(np.array([False, False, True]), owner, 4).tolist() == [False, False, True, False]
    assert some_of(True, owner, 4).tolist() == [True, False, True, False]


@pytest.fixture(scope="module")
def read():
    """Calls of what only compiled code may call."""
    if PLAIN:
        return list_count, list_word, list_float, compare_bytes
    from numba import njit

    @njit
    def count(heap, spans, code):
        return list_count(pointer(heap), pointer(spans), code)

    @njit
    def word(heap, at):
        return list_word(pointer(heap), at)

    @njit
    def number(heap, at):
        return list_float(pointer(heap), at)

    @njit
    def compare(heap, a, n, b, m):
        return compare_bytes(pointer(heap), a, n, b, m)

    return count, word, number, compare


def test_a_list_of_the_store_is_read_element_by_element(read):
    count, word, number, compare = read
    strings = Strings([])
    ints, _ = vector([[7, -(2**63), 2**63 - 1], []], INT)
    floats, _ = vector([[0.5, -1e300]], FLOAT)
    codes = strings.intern(packed(ints.lists), np.arange(2)).tolist()
    codes += strings.intern(packed(floats.lists), np.arange(1)).tolist()
    damaged = strings.intern(Text.of(["abc", "\x7f" * 20]), np.arange(2)).tolist()
    store = strings.store
    heap, spans = (store.heap, store.spans.reshape(-1)) if PLAIN else (store.heap, store.spans)
    assert [count(heap, spans, c) for c in (*codes, *damaged)] == [3, 0, 2, 0, 0]
    at = int(store.spans[codes[0], OFFSET])
    assert [word(heap, at + 8 * n) for n in (1, 2, 3)] == [7, -(2**63), 2**63 - 1]
    at = int(store.spans[codes[2], OFFSET])
    assert [number(heap, at + 8 * n) for n in (1, 2)] == [0.5, -1e300]
    a, b = (store.spans[c] for c in damaged)
    places = [int(x) for x in (a[OFFSET], a[LENGTH], b[OFFSET], b[LENGTH])]
    assert compare(heap, *places) == -1
    assert compare(heap, *places[2:], *places[:2]) == 1
    assert compare(heap, *places[:2], *places[:2]) == 0
    assert compare(heap, places[0], 2, places[0], 3) == -1

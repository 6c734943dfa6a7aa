"""The text store against a dict, and its order against Python's order of strings; compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels import text as kernels
from cep.kernels.jit import PLAIN, pointer
from cep.kernels.text import (
    BYTES_USED,
    CODES_USED,
    FIRST_FREE,
    HASH,
    LENGTH,
    LIVE,
    NEXT_FREE,
    OFFSET,
    compare_text,
    empty_text_store,
    hash_bytes,
    hash_rows,
    hash_strings,
    intern_strings,
    move_strings,
)
from cep.model.batch import Text

HASHES = [2867962379688314159, 3885329810405442743, 4815418030097977749]
ROW_HASHES = [7192853224121612484, 1597938871195798985, 4002645322660830070]
STRINGS = st.text(st.sampled_from("ab\0é€😀\ud800\U0010ffff\uffff"), max_size=4)


def plain(kernel):
    """The kernel's plain function; what it calls may be compiled."""
    return getattr(kernel, "py_func", kernel)


def both(*kernel):
    kinds = [kernel] if PLAIN else [kernel, tuple(map(plain, kernel))]
    return pytest.mark.parametrize("run", kinds, ids=["compiled", "plain"][: len(kinds)])


def check_store(store):
    """The invariants in the words of the module."""
    heap, spans, table, counts = store
    assert table.size & (table.size - 1) == 0
    assert table.size >= 2 * counts[LIVE]
    entered = [int(c) - 1 for c in table if c]
    live = [c for c in range(int(counts[CODES_USED])) if spans[c, LENGTH] >= 0]
    assert sorted(entered) == live
    assert len(live) == counts[LIVE]
    free, code = [], int(counts[FIRST_FREE])
    while code >= 0:
        free.append(code)
        code = int(spans[code, NEXT_FREE])
    assert sorted(free + live) == list(range(int(counts[CODES_USED])))
    assert counts[BYTES_USED] <= heap.size
    assert len({read(store, c) for c in live}) == len(live)
    for c in live:  # each is found from its home without a gap
        at = int(spans[c, HASH]) & (table.size - 1)
        while table[at] != c + 1:
            assert table[at] != 0
            at = (at + 1) & (table.size - 1)


def read(store, code):
    start, length = int(store.spans[code, OFFSET]), int(store.spans[code, LENGTH])
    return store.heap[start : start + length].tobytes().decode("utf-8", "surrogatepass")


def interned(store, strings, intern=intern_strings, move=move_strings):
    """The store, grown as often as it asks, and the codes of ``strings``."""
    text = Text.of(strings)
    out = np.zeros(len(strings), np.int64)
    which = np.arange(len(strings))
    done = 0
    while (done := intern(store, text.data, text.offsets, which, out, done)) < len(strings):
        marks = np.ones(len(store.spans), np.int64)
        size = 2 * int(store.counts[BYTES_USED]) + len(text.data)
        target = empty_text_store(2 * int(store.counts[CODES_USED]) + 1, size)
        assert move(store, marks, target) == store.counts[LIVE]
        store = target
        check_store(store)
    return store, out.tolist()


@both(intern_strings, move_strings)
@given(rounds=st.lists(st.tuples(st.lists(STRINGS, max_size=6), st.randoms()), max_size=5))
def test_a_store_is_a_dict_of_strings_to_codes(run, rounds):
    intern, move = run
    store = empty_text_store(1, 1)
    known: dict[str, int] = {}
    for strings, rng in rounds:
        store, codes = interned(store, strings, intern, move)
        for string, code in zip(strings, codes, strict=True):
            assert known.setdefault(string, code) == code
            assert read(store, code) == string
        assert len(set(known.values())) == len(known) == store.counts[LIVE]
        check_store(store)
        # some are forgotten: the others keep their codes, and low codes are given out first
        kept = {s for s in known if rng.random() < 0.6}
        marks = np.zeros(len(store.spans), np.int64)
        marks[[known[s] for s in kept]] = 1
        target = empty_text_store(max(1, int(store.counts[CODES_USED])), max(1, int(store.counts[BYTES_USED])))
        assert move(store, marks, target) == len(kept)
        store, known = target, {s: c for s, c in known.items() if s in kept}
        check_store(store)
        assert all(read(store, c) == s for s, c in known.items())
        gaps = [c for c in range(int(store.counts[CODES_USED])) if c not in known.values()]
        assert store.counts[FIRST_FREE] == (gaps[0] if gaps else -1)


def test_ten_thousand_strings_grow_from_nothing():
    strings = [f"s{i}" for i in range(10_000)] + [""]
    store, codes = interned(empty_text_store(1, 1), strings)
    assert codes == list(range(10_001))
    assert interned(store, strings[::-1])[1] == codes[::-1]
    check_store(store)


def test_strings_of_one_hash_are_told_apart(monkeypatch):
    """With a hash that is always the same, only the bytes decide."""
    monkeypatch.setattr(kernels, "hash_bytes", lambda *_: np.int64(7))
    store = empty_text_store(64, 64)
    store, codes = interned(store, ["a", "b", "aa", "", "a"], plain(intern_strings), plain(move_strings))
    assert codes == [0, 1, 2, 3, 0]


if not PLAIN:
    import numba

    @numba.njit
    def compare(heap, spans, left, right):
        return compare_text(pointer(heap), pointer(spans), left, right)


@pytest.mark.parametrize("kind", ["plain"] if PLAIN else ["compiled", "plain"])
@given(strings=st.lists(STRINGS, min_size=1, max_size=6))
def test_strings_compare_by_code_points_as_in_python(kind, strings):
    store, codes = interned(empty_text_store(), strings)
    for a, i in zip(strings, codes, strict=True):
        for b, j in zip(strings, codes, strict=True):
            if kind == "compiled":
                found = compare(store.heap, store.spans, i, j)
            else:
                found = plain(compare_text)(store.heap, store.spans.reshape(-1), i, j)
            assert found == (a > b) - (a < b)


@both(hash_bytes, hash_strings, hash_rows)
def test_hashes_are_the_same_compiled_and_plain(run):
    """A shard is chosen by them, so they are fixed for ever: these are the values."""
    one, many, rows = run
    with np.errstate(over="ignore"):
        text = Text.of(["", "a", "card-1"])
        out = np.zeros(3, np.int64)
        assert many(text.data, text.offsets, np.arange(3), out) == 3
        assert out.tolist() == [one(text.data, text.offsets[i], text.offsets[i + 1]) for i in range(3)]
        words = np.array([[1, 2], [2, 1], [0, 0]], np.int64)
        hashes = np.zeros(3, np.int64)
        assert rows(words, hashes) == 3
    assert out.tolist() == HASHES
    assert hashes.tolist() == ROW_HASHES

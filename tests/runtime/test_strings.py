"""Interned strings: constants first and for ever, the rest freed with what refers to them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cep.kernels.text import CODES_USED, LIVE
from cep.model.batch import EMPTY_TEXT, Text
from cep.runtime.strings import Strings, shard_of_strings


def codes_of(strings, values):
    text = Text.of(dict.fromkeys(values))
    places = {s: i for i, s in enumerate(dict.fromkeys(values))}
    return strings.intern(text, np.array([places[v] for v in values], np.int64)).tolist()


def read(strings, codes):
    vector = strings.text(np.array(codes, np.int64))
    return [vector.text.strings[c] for c in vector.codes.tolist()]


def test_constants_have_the_first_codes_in_their_order():
    strings = Strings(["z", "", "a"])
    assert codes_of(strings, ["a", "z", "new", ""]) == [2, 0, 3, 1]
    strings.collect([])
    assert codes_of(strings, ["z", "", "a"]) == [0, 1, 2]
    assert strings.store.counts[LIVE] == 3


@given(st.lists(st.lists(st.text(st.sampled_from("aé😀\ud800"), max_size=3), max_size=5), max_size=6))
def test_what_is_interned_is_read_back(batches):
    strings, known = Strings(["k"]), {}
    for values in batches:
        codes = codes_of(strings, values)
        assert read(strings, codes) == values
        known |= dict(zip(values, codes, strict=True))
        kept = {v: c for v, c in known.items() if len(v) % 2}
        strings.collect([np.array(list(kept.values()), np.int64)])
        assert read(strings, list(kept.values())) == list(kept)
        known = kept


def test_only_strings_that_rows_use_are_interned():
    strings = Strings([])
    strings.intern(Text.of(["used", "never", "also"]), np.array([2, 0, 2]))
    assert strings.store.counts[LIVE] == 2
    assert strings.intern(EMPTY_TEXT, np.zeros(0, np.int64)).tolist() == []


def test_a_dictionary_that_comes_again_has_the_codes_it_had_until_they_are_freed():
    strings, text = Strings(["b"]), Text.of(["a", "b", "c", "d"])
    first = strings.intern(text, np.array([2, 1, 2])).tolist()
    again = strings.intern(text, np.array([0, 2, 1])).tolist()
    assert again[1:] == first[:2]
    assert read(strings, first + again) == ["c", "b", "c", "a", "c", "b"]
    assert strings.store.counts[LIVE] == 3  # "d" has no code: nobody used it
    strings.collect([])
    other = codes_of(strings, ["x", "y"])  # takes the codes that are free
    third = strings.intern(text, np.array([0, 1, 2, 3])).tolist()
    assert read(strings, other + third) == ["x", "y", "a", "b", "c", "d"]


def test_codes_are_given_out_again_so_a_store_stays_small():
    strings = Strings(["c"])
    sizes = []
    for round_ in range(50):
        codes = codes_of(strings, [f"{round_}-{i}" for i in range(1000)])
        if strings.wants_collection:
            strings.collect([np.array(codes[:10])])
            assert read(strings, codes[:10]) == [f"{round_}-{i}" for i in range(10)]
        sizes.append((len(strings.store.spans), len(strings.store.heap)))
    assert strings.store.counts[CODES_USED] < 10_000
    assert max(sizes[25:]) <= max(sizes[:25])


def test_no_codes_make_a_lawful_column():
    vector = Strings([]).text(np.zeros(0, np.int64))
    assert len(vector.codes) == 0
    assert len(vector.text) == 1


def test_a_code_that_nothing_holds_reads_as_nothing():
    """Under a null any code may stand, also one that has been freed."""
    strings = Strings([])
    codes_of(strings, ["gone", "kept"])
    strings.collect([np.array([1])])
    assert read(strings, [0, 1, 0]) == ["", "kept", ""]


def test_a_shard_hangs_on_the_string_alone():
    one = shard_of_strings(Text.of(["a", "b", "é"]), np.array([2, 0]))
    two = shard_of_strings(Text.of(["é", "zz", "a"]), np.array([0, 2], np.int32))
    assert one.tolist() == two.tolist()


def test_a_code_that_was_freed_reads_as_some_string_and_harms_no_other():
    # a row without an attribute has 0 in its slot, whose string may be gone; nobody looks at what stands under a null
    strings = Strings([])
    text = Text.of(["gone", "kept"])
    codes = strings.intern(text, np.array([0, 1]))
    strings.collect([codes[1:]])
    vector = strings.text(codes)
    assert vector.text.strings[vector.codes[1]] == "kept"

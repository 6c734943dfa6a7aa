"""Functions of one string against the definition, place by place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cep.model.strings import FUNCTIONS, of_constants, substring

STRINGS = st.text(st.sampled_from("aé😀 \ud800"), max_size=5)
PLACES = st.integers(-8, 8) | st.sampled_from([-(2**63), 2**63 - 1])


@given(text=STRINGS, start=PLACES, count=PLACES | st.none())
def test_a_part_has_the_characters_whose_places_are_asked_for(text, start, count):
    first = max(len(text) + 1 + start, 1) if start < 0 else start
    places = range(1, len(text) + 1)
    want = [p for p in places if p >= first and (count is None or p < first + count)]
    assert substring(text, start, count) == "".join(text[p - 1] for p in want)


def test_functions_of_constants():
    assert of_constants("upper", ["straße"]) == "STRASSE"
    assert of_constants("lower", ["ÀB"]) == "àb"
    assert of_constants("trim", ["\u00a0 a b\t\n"]) == "a b"
    assert of_constants("length", ["é😀"]) == 2
    assert of_constants("substr", ["abc", 2]) == "bc"
    assert of_constants("substr", ["abc", 2, 1]) == "b"
    assert of_constants("join", ["a", "", "b"]) == of_constants("concat", ["a", "", "b"]) == "ab"
    assert len(FUNCTIONS) == 8

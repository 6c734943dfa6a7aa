"""Joining batches: the whole reads as its parts one after the other; what parts have in common is taken once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep.model.batch import Column, EventBatch, Provenance, Text, string_column
from cep.model.concatenate import concatenate, concatenate_columns, concatenate_texts, empty_batch, null_column
from cep.model.schema import Attribute, Schema
from cep.model.types import BOOL, FLOAT, INT, STRING, Type, decimal

TEXT = Type("string", optional=True)
SCHEMA = Schema("X", (Attribute("n", INT, "n"), Attribute("s", TEXT, "s")), derived=True)


def events(values, strings, origin=None):
    columns = {"n": Column(INT, np.array(values, np.int64)), "s": string_column(strings)}
    return EventBatch(SCHEMA, np.array(values, np.int64), np.arange(len(values)), columns, origin)


def origin(rules, rule, keys, lineage, streams=("S",)):
    """Provenance of events of ``rules`` with one text key each (None: a rule without a key)."""
    n = len(rule)
    offsets = np.cumsum([0, *map(len, lineage)])
    flat = [e for events_of in lineage for e in events_of]
    return Provenance(
        rules,
        np.array(rule, np.int32),
        keys,
        np.arange(n),
        np.arange(2 * n, dtype=np.uint64).reshape(n, 2),
        offsets,
        streams,
        np.array([s for s, _ in flat], np.int32),
        np.array([number for _, number in flat], np.int64),
    )


@pytest.mark.parametrize("kind", [INT, FLOAT, BOOL, STRING, decimal(2), Type("record", name="R")], ids=str)
def test_a_column_of_nulls_is_lawful(kind):
    column = null_column(kind, 2)
    assert column.to_list() == [None, None]
    assert len(null_column(kind, 0)) == 0


def test_no_batches_make_an_empty_one():
    joined = concatenate(SCHEMA, [])
    assert len(joined) == 0
    assert joined.to_dicts(meta=True, lineage=True) == []
    assert joined.to_arrow(lineage=True).num_rows == 0
    assert list(joined.columns) == ["n", "s"]


@given(st.lists(st.lists(st.sampled_from(["", "a", "é", "\ud800", None]), max_size=4), max_size=4))
def test_the_joined_batch_reads_as_its_parts(parts):
    batches = [events(range(len(p)), p) for p in parts]
    joined = concatenate(SCHEMA, batches)
    assert joined["s"].to_list() == [s for p in parts for s in p]
    assert joined["n"].to_list() == [n for p in parts for n in range(len(p))]


def test_what_a_batch_lacks_is_null():
    short = EventBatch(SCHEMA, np.array([7]), np.array([0]), {"n": Column(INT, np.array([7]))})
    assert concatenate(SCHEMA, [short])["s"].to_list() == [None]
    assert concatenate(SCHEMA, [events([1], ["a"]), short])["s"].to_list() == ["a", None]


def test_a_dictionary_that_parts_share_is_taken_once():
    whole = events([1, 2, 3], ["a", "b", "c"])
    text, begins = concatenate_texts([whole["s"].text, Text.of(["z"]), whole["s"].text])
    assert text.strings == ["a", "b", "c", "z"]
    assert begins == [0, 3, 0]
    parts = [whole["s"].take(slice(i, i + 1)) for i in range(3)]
    assert len(concatenate_columns(TEXT, parts).text) == 3


def test_a_dictionary_that_begins_inside_its_bytes_is_cut_out():
    inner = Text(np.array([1, 2, 4]), np.frombuffer(b"xabcy", np.uint8))
    text, _ = concatenate_texts([Text.of(["q"]), inner])
    assert text.strings == ["q", "a", "bc"]


def test_provenance_is_renumbered_by_the_names_of_rules_and_streams():
    left = events([1, 2], ["a", "b"], origin(("R",), [0, 0], ((string_column(["k", "l"]),),), [[(0, 5)], []]))
    right = events(
        [3, 4], ["c", "d"],
        origin(("Q", "R"), [1, 0], ((), (string_column(["m", "n"]),)), [[(1, 6), (0, 7)], [(0, 8)]], ("T", "S")),
    )  # fmt: skip
    rows = concatenate(SCHEMA, [left, right, left]).to_dicts(meta=True, lineage=True)
    assert [r["_rule"] for r in rows] == ["R", "R", "R", "Q", "R", "R"]
    assert [r["_key"] for r in rows] == ["k", "l", "m", None, "k", "l"]
    lineage = [[("S", 5)], [], [("S", 6), ("T", 7)], [("T", 8)], [("S", 5)], []]
    assert [r["_events"] for r in rows] == lineage


def test_keys_that_parts_have_in_common_are_taken_once():
    """Results cut into many pieces and joined again must not grow by the square."""
    n = 50
    keys = string_column([f"k{i}" for i in range(n)])
    whole = events(range(n), ["a"] * n, origin(("R",), [0] * n, ((keys,),), [[(0, i)] for i in range(n)]))
    joined = concatenate(SCHEMA, [whole.take(slice(i, i + 1)) for i in range(n)])
    assert joined.to_dicts(meta=True, lineage=True) == whole.to_dicts(meta=True, lineage=True)
    assert len(joined.provenance.keys[0][0]) == n


def test_a_batch_without_provenance_leaves_the_whole_without():
    made = events([1], ["a"], origin(("R",), [0], ((),), [[(0, 1)]]))
    assert concatenate(SCHEMA, [made, events([2], ["b"])]).provenance is None
    assert len(concatenate(SCHEMA, [made, empty_batch(SCHEMA)])) == 1

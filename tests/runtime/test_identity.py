"""Identities: fixed for ever, different for whatever differs, blind to declaration order."""

from __future__ import annotations

import numpy as np

from cep.runtime.identity import emit_seed, name_hash, provenance


def ids(lineages, streams=("A", "B"), rule="R", emit=0):
    offsets = np.cumsum([0, *map(len, lineages)])
    flat = [e for lineage in lineages for e in lineage]
    stream = np.array([streams.index(s) for s, _ in flat], np.int64)
    number = np.array([n for _, n in flat], np.int64)
    seeds = np.full(len(lineages), emit_seed(rule, emit), np.uint64)
    with np.errstate(over="ignore"):
        made = provenance((rule,), None, seeds, (), (offsets, streams, stream, number))
    return [f"{a:016x}{b:016x}" for a, b in made.ids.tolist()]


FIXED = "9a02edecd1460dcc527c577da99abc93"
NAME = 4806390265672858647
SOME = [[("A", 0)], [("A", 1)], [("B", 0)], [("A", 0), ("B", 0)], [("B", 0), ("A", 0)], [("A", 0), ("A", 1)], []]


def test_an_identity_is_the_same_for_ever():
    """Stored results refer to it: this text is never to change."""
    assert ids([[("A", 0), ("B", 7)]]) == [FIXED]
    assert name_hash("Pay") == NAME


def test_whatever_differs_has_another_identity():
    made = ids(SOME) + ids(SOME, rule="Q") + ids(SOME, emit=1) + ids([[("A", n)] for n in range(2, 5000)])
    assert len(set(made)) == len(made)


def test_an_identity_does_not_hang_on_what_is_declared_around_it():
    assert ids(SOME) == ids(SOME, streams=("C", "B", "A"))
    assert ids(SOME) == [ids([lineage])[0] for lineage in SOME]


def test_a_key_is_kept_for_each_event_and_no_key_for_none():
    from cep.model.batch import string_column

    offsets, nothing = np.zeros(3, np.int64), np.zeros(0, np.int64)
    seeds = np.zeros(2, np.uint64)
    keyed = provenance(("R",), None, seeds, (string_column(["x", "y"]),), (offsets, ("A",), nothing, nothing))
    assert keyed.key.to_list() == ["x", "y"]
    assert provenance(("R",), None, seeds, (), (offsets, ("A",), nothing, nothing)).key.to_list() == [None, None]

"""Derived events that are kept: by number, sharing nothing with the batches that they came in."""

from __future__ import annotations

import numpy as np

import cep
from cep.runtime.kept import Kept
from cep.runtime.periods import Periods

RULES = """
stream S ordered by at { at: time(s), k: string, n: int, tags: list<string> }
rule R keyed by k from S emit R { k, n, tags }
"""


def kept(pieces):
    """The rule's events, kept in pieces of so many, and the batch that they are of."""
    rules = cep.loads(RULES)
    rows = [{"at": i, "k": f"key {i}", "n": i, "tags": [f"t{i}", "x"] * (i % 3)} for i in range(sum(pieces))]
    (batch,) = cep.Engine(rules).send_batch("S", rows)
    rule = rules.rulebook.rules[0]
    out, at = Kept(rules.rulebook.derived["R"], rule), 0
    for size in pieces:
        numbers = np.arange(at, at + size)
        out.add(numbers, batch.take(numbers))
        at += size
    return out, batch


def test_events_are_found_by_number_whole_and_in_the_order_asked_for():
    held, batch = kept([3, 1, 4])
    found = held.take([7, 0, 3, 4])
    want = batch.to_dicts(meta=True, lineage=True)
    assert found.to_dicts(meta=True, lineage=True) == [want[i] for i in (7, 0, 3, 4)]


def test_a_piece_keeps_the_strings_of_its_own_events_alone():
    held, _ = kept([1] * 50)
    sizes = {len(batch["k"].text) for _, batch in held._chunks}
    sizes |= {len(batch["tags"].lists) for _, batch in held._chunks}
    sizes |= {len(part.text) for _, batch in held._chunks for part in batch.provenance.keys[0]}
    assert sizes == {1}


def test_a_sweep_leaves_what_is_needed_and_lets_go_of_the_rest():
    held, batch = kept([1] * 500)
    periods = Periods("last", 10)
    periods.take([(n,) for n in (3, 77, 499)], [0, 0, 0], [3, 77, 499])
    held.sweep(periods)
    assert len(held) == 3
    assert held.take([3, 77, 499])["n"].to_list() == [3, 77, 499]
    assert held.take([499]).to_dicts(meta=True) == batch.take(slice(499, 500)).to_dicts(meta=True)

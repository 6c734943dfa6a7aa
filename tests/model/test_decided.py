"""Decided: pieces are cut where the type changes, and nowhere else."""

from __future__ import annotations

import numpy as np

from cep.model.batch import EventBatch
from cep.model.decided import Decided, Piece, join
from cep.model.schema import Schema


def batch(name, *seq):
    numbers = np.array(seq, np.int64)
    return EventBatch(Schema(name, ()), numbers, numbers, {})


def told(decided):
    return [(b.schema.name, b.seq.tolist()) for b in decided]


def test_a_piece_is_cut_where_the_type_changes():
    piece = Piece((batch("A", 1, 2, 5), batch("B", 3, 4)), np.array([0, 0, 1, 1, 0]))
    assert told(Decided([piece])) == [("A", [1, 2]), ("B", [3, 4]), ("A", [5])]


def test_one_type_is_not_cut():
    only = batch("A", 1, 2)
    decided = Decided([Piece((only,))])
    assert decided[0] is only
    assert decided == [only]


def test_pieces_without_events_are_nothing():
    decided = Decided([Piece((batch("A"),))])
    assert decided == []
    assert not decided
    assert repr(decided) == "[]"
    assert decided.events == 0


def test_joined_parts_stand_one_after_the_other():
    parts = [Decided([Piece((batch("A", 1),))]), Decided([Piece((batch("B", 2),))])]
    joined = join(parts)
    assert told(joined) == [("A", [1]), ("B", [2])]
    assert joined.events == 2
    assert told(joined[1:]) == [("B", [2])]

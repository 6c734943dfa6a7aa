"""Columns that are made when somebody looks: once, and all of them."""

from __future__ import annotations

import numpy as np

from cep.model.batch import Column
from cep.model.later import LaterColumns
from cep.model.types import Type


def test_they_are_made_at_the_first_look_and_once():
    made = []

    def make():
        made.append(1)
        return {"a": Column(Type("int"), np.arange(3)), "b": Column(Type("int"), np.arange(3, 6))}

    columns = LaterColumns(("a", "b"), make)
    assert (list(columns), len(columns), "a" in columns) == (["a", "b"], 2, True)
    assert [column.values.tolist() for column in columns.values()] == [[0, 1, 2], [3, 4, 5]]
    assert columns["b"] is dict(columns)["b"]
    assert columns.get("c") is None
    assert made == [1]


def test_their_names_are_known_before():
    def make():
        raise AssertionError

    assert tuple(LaterColumns(("a", "b"), make)) == ("a", "b")

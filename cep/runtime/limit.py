"""What becomes of the matches that one event decides: all of them, one for all where they are counted, or the first so
many, each marked with how many were left out.

The run table lists all matches before any is left out, so the skip rule and ``consume`` have seen them all. Of
deadlines the matches of one start at one time count as those of an event do.
Invariant: what is shown at once holds all matches of an event, or of a deadline.
Tested by: tests/test_corpus.py, tests/runtime/test_limit.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.layout import LEFT_OUT, MATCH_COUNT
from cep.kernels.runs import BY_EVENT, DECIDED_AT, DECIDER, PHASE, REGISTERS, START_NO
from cep.language.typed import CheckedPattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.compiler.layout import Layout
    from cep.language.typed import CheckedRule
    from cep.model.batch import Int64Array


class Limit:
    """What a rule gives of its matches; ``cut``: of how many events some were left out, and how many."""

    def __init__(self, rule: CheckedRule) -> None:
        assert isinstance(rule.body, CheckedPattern)
        self.cut = np.zeros(2, np.int64)
        self.counted, self._most = rule.body.counted, rule.body.limit

    def may_split(self, found: Int64Array) -> bool:
        """Whether matches found after these cannot belong to what decided the last of them."""
        return self._most is None or not len(found) or int(found[-1, PHASE]) == BY_EVENT

    def given(self, found: Int64Array, layout: Layout) -> Int64Array:
        """The matches that are given out of those found."""
        if self._most is None or len(found) <= self._most:
            return found
        by_event = found[:, PHASE] == BY_EVENT
        decider = np.where(by_event, found[:, DECIDER], found[:, DECIDED_AT])
        of = np.stack([found[:, PHASE], decider, np.where(by_event, 0, found[:, START_NO])], axis=1)
        _, group, counts = np.unique(of, axis=0, return_inverse=True, return_counts=True)
        group = group.reshape(-1)
        left_out = np.maximum(counts - self._most, 0)
        if not left_out.any():
            return found
        order = np.lexsort((found[:, START_NO], group))
        place = np.empty(len(found), np.int64)
        place[order] = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.cut += np.array([np.count_nonzero(left_out), left_out.sum()])
        kept = place < self._most
        found = found[kept]
        if LEFT_OUT in layout.folds:
            found[:, REGISTERS + layout.register(LEFT_OUT)] = left_out[group[kept]]
        return found

    def with_bindings(
        self, found: Int64Array, layout: Layout, bindings: Callable[[Int64Array], tuple[Int64Array, Int64Array]]
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """The matches that are told of, where the events of each begin, and these; of counted ones one for an event."""
        if not self.counted:
            return found, *bindings(found)
        found, starts = _together(found, layout)
        offsets, bound = bindings(found)
        return found[starts[:-1]], offsets[starts], bound

    def lineage(self, offsets: Int64Array, bound: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Where the events that each match is made of begin, and these; of counted ones that which decides."""
        return (np.arange(offsets.size), bound[offsets[1:] - 1]) if self.counted else (offsets, bound)


def _together(found: Int64Array, layout: Layout) -> tuple[Int64Array, Int64Array]:
    """Matches that are counted, those of an event side by side and in order, and where those of each event begin.

    The first of them says how many they are, and for a group how many iterations all have together.
    """
    _, first, group, counts = np.unique(found[:, DECIDER], return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(first.size, np.int64)  # events in the order in which they were met
    rank[np.argsort(first)] = np.arange(first.size)
    found = found[np.lexsort((found[:, START_NO], rank[group.reshape(-1)]))]
    starts = np.zeros(first.size + 1, np.int64)
    np.cumsum(counts[np.argsort(first)], out=starts[1:])
    for register in layout.folds:
        column = found[:, REGISTERS + layout.register(register)]
        if register == MATCH_COUNT:
            column[starts[:-1]] = np.diff(starts)
        elif register.which == "iterations":
            column[starts[:-1]] = np.add.reduceat(column, starts[:-1])
    return found, starts

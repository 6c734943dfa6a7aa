"""Conditions on one event alone, decided a column at a time and shared by all rules that ask the same of a batch.

Cost: O(rows) for each distinct conjunct of a batch.
Tested by: tests/runtime/test_filter.py, tests/compiler/test_columns.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.external import Failures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cep.compiler.columns import ColumnFunction, Leaf
    from cep.language.typed import Typed
    from cep.model.batch import BoolArray, Column, EventBatch, Int64Array

_NO_FAULTS = np.zeros(3, np.int64)

Memo = dict[tuple[object, ...], tuple["BoolArray", "Int64Array", "Failures | None"]]
"""Conjuncts already decided for the batch at hand, with the faults they counted and the rows where they failed."""


def all_valid(columns: Sequence[Column]) -> BoolArray | None:
    """Where no column is null (None: nowhere is one)."""
    found: BoolArray | None = None
    for column in columns:
        found = both(found, column.valid)
    return found


def both(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """Where both hold; None holds everywhere."""
    return other if one is None else one if other is None else one & other


def keyed_rows(keys: Sequence[Column], size: int) -> tuple[BoolArray | None, int]:
    """Where events have their whole key (None: everywhere), and how many of so many have not."""
    keyed = all_valid(keys)
    return keyed, 0 if keyed is None else size - int(np.count_nonzero(keyed))


def decide(
    conditions: Sequence[ColumnFunction],
    leaf: Callable[[Typed], Leaf],
    batch: EventBatch,
    keys: tuple[str, ...],
    memo: Memo,
    faults: Int64Array,
    failures: Failures | None = None,
) -> BoolArray | None:
    """Where all conditions hold (None: there are none); the answer is shared and must not be written into.

    ``keys`` are the attributes that are the rule's key in this batch. ``failures`` takes the rows where a function of a
    Python module failed.
    """
    found: BoolArray | None = None
    for condition in conditions:
        name = (condition.identity, keys if condition.reads_key else ())
        known = memo.get(name)
        if known is None:
            counted = np.zeros(3, np.int64) if condition.counts_faults else _NO_FAULTS
            failed = Failures(batch.ts) if condition.functions else None
            known = memo[name] = (condition.condition(leaf, len(batch), counted, failed), counted, failed)
        if condition.counts_faults:
            faults += known[1]
        if failures is not None and known[2] is not None:
            for row, words in known[2].rows.items():
                failures.add(row, words)
        found = both(found, known[0])
    return found

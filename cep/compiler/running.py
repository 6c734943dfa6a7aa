"""Aggregates over all events of a key so far, carried on: what ``count sum avg stddev`` come to, in words of 64 bits.

A key has a row of words: of each aggregate its count, and what it has come to. New events of several keys stand in
`Stretches` whose first row is that of the key; what is carried is added to what they come to by themselves. Sums are
exact, as those over other windows; a deviation is Welford's, in the order of the events.
Cost: O(events), times the limbs of a float for sums of floats.
Tested by: tests/properties/test_windows_chosen.py, tests/kernels/test_running.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.stretches import as_floats, float_total, sound, there, whole_total
from cep.kernels.limbs import REACH
from cep.kernels.running import carry_squares, carry_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.compiler.columns import Leaf
    from cep.compiler.stretches import Stretches
    from cep.language.typed import Fold
    from cep.model.batch import BoolArray, Column, Int64Array

TOTALS = ("count", "sum", "avg", "stddev")
"""The aggregates that are carried in words; of the others the events that they give are."""

_LIMBS = 64 + REACH
_MASK = np.int64(0xFFFFFFFF)


class Totals:
    """Where the words of each aggregate are, and how they go on."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self._at: dict[Fold, int] = {}
        self.width = 0
        for fold in folds:
            if fold.function in TOTALS:
                self._at[fold] = self.width
                self.width += _words_of(fold)

    def go_on(
        self, fold: Fold, values: Column | None, fresh: BoolArray, stretches: Stretches, owner: Int64Array,
        carry: Int64Array, faults: Int64Array,
    ) -> Leaf:  # fmt: skip
        """The aggregate at each new event, as a leaf; ``carry`` is brought up to the last of each owner.

        ``fresh`` are the rows of new events, each of which ends a stretch; ``owner`` says whose in ``carry``.
        """
        at = self._at[fold]
        last = np.searchsorted(owner, np.arange(len(carry)), "right") - 1
        here = fresh if values is None else fresh & (there(values) != 0)

        def total(numbers: Int64Array, word: int) -> Int64Array:
            found: Int64Array = stretches.differences(numbers) + carry[owner, at + word]
            carry[:, at + word] = found[last]
            return found

        counts = total(here.astype(np.int64), 0)
        if fold.function == "count" or values is None:
            return counts, False
        if fold.function == "stddev":
            return self._deviation(values, fresh, here, owner, carry[:, at : at + 4], counts, faults)
        if values.type.kind != "float":
            numbers = np.where(here, values.values, 0)
            low = stretches.differences(numbers & _MASK) + carry[owner, at + 2]
            high = stretches.differences(numbers >> np.int64(32)) + carry[owner, at + 1] + (low >> np.int64(32))
            low &= _MASK
            carry[:, at + 1], carry[:, at + 2] = high[last], low[last]
            return whole_total(fold.function, values, counts, (high, low), faults)
        above = total((here & (values.values == np.inf)).astype(np.int64), 1)
        below = total((here & (values.values == -np.inf)).astype(np.int64), 2)
        limbs = np.zeros((len(carry) + 1, _LIMBS), np.int64)
        limbs[1:] = carry[:, at + 3 : at + 3 + _LIMBS]
        bits = np.ascontiguousarray(values.values).view(np.int64)[fresh]
        finite = (here & np.isfinite(values.values)).astype(np.int64)[fresh]
        out = np.zeros(len(bits), np.int64)
        carry_sums(bits, finite, owner, limbs, out)
        carry[:, at + 3 : at + 3 + _LIMBS] = limbs[1:]
        return float_total(fold.function, out.view(np.float64), counts, (above, below), faults)

    @staticmethod
    def _deviation(
        values: Column, fresh: BoolArray, here: BoolArray, owner: Int64Array, carry: Int64Array, counts: Int64Array,
        faults: Int64Array,
    ) -> Leaf:  # fmt: skip
        numbers = as_floats(values.values, values)[fresh]
        carried = np.zeros((len(carry), 3), np.float64)
        carried[:, 0] = carry[:, 1]
        carried[:, 1:] = np.ascontiguousarray(carry[:, 2:]).view(np.float64)
        squares = np.zeros(len(numbers), np.float64)
        with np.errstate(all="ignore"):
            carry_squares(numbers, here.astype(np.int64)[fresh], owner, carried, squares)
            found = np.sqrt(squares / np.maximum(counts - 1, 1))
        carry[:, 1] = carried[:, 0].astype(np.int64)
        carry[:, 2:] = np.ascontiguousarray(carried[:, 1:]).view(np.int64)
        if values.type.kind == "duration":
            return found.astype(np.int64), counts < 2
        return sound(found, counts < 2, np.isnan(squares), faults)


def _words_of(fold: Fold) -> int:
    if fold.argument is None or fold.function == "count":
        return 1
    if fold.function == "stddev":
        return 4
    return 3 + _LIMBS if fold.argument.type.kind == "float" else 3

"""Approximate aggregates: ``approx_distinct`` and ``approx_percentile``, by sketches of the library DataSketches.

A sketch takes the same room whatever it has seen: a HyperLogLog of 2^12 registers, whose standard error is about 1.6 %,
and a t-digest of compression 200. Both are fed in the total order and hang on nothing else, so the answer is the same
however events were cut into calls. The library is an extra, ``sketches``, and imported when a rule wants it.
References: Flajolet and others, AofA 2007; Dunning and Ertl, arXiv 1902.04023.
Cost: O(1) a value, in Python.
Tested by: tests/compiler/test_sketches.py, tests/properties/test_windows_chosen.py
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.compiler.columns import Leaf
    from cep.language.typed import Fold
    from cep.model.batch import Column, Int64Array

SKETCHED = ("approx_distinct", "approx_percentile")
"""The aggregates that are made by sketches."""

_REGISTERS = 12  # as a power of two
_COMPRESSION = 200


def require_library(folds: Sequence[Fold]) -> None:
    """See to it that the library is there when an aggregate wants it."""
    wanted = next((f.function for f in folds if f.function in SKETCHED), None)
    if wanted is not None:
        try:
            import_module("datasketches")
        except ImportError:
            msg = f"`{wanted}` needs the library datasketches: pip install 'cep-engine[sketches]'"
            raise UsageError(msg) from None


class Sketch:
    """What one aggregate has seen."""

    __slots__ = ("_fold", "_inner", "_some")

    def __init__(self, fold: Fold, stored: bytes | None = None) -> None:
        library: Any = import_module("datasketches")
        self._fold = fold
        if fold.function == "approx_distinct":
            kind = library.hll_sketch
            self._inner = kind(_REGISTERS) if stored is None else kind.deserialize(stored)
        else:
            kind = library.tdigest_double
            self._inner = kind(_COMPRESSION) if stored is None else kind.deserialize(stored)
        self._some = not self._inner.is_empty()

    def take(self, value: float | str) -> None:
        """See one value."""
        self._inner.update(value)
        self._some = True

    @property
    def answer(self) -> float | None:
        """What it comes to; None of nothing."""
        if self._fold.function == "approx_distinct":
            return round(float(self._inner.get_estimate()))
        if not self._some:
            return None
        share, of = self._fold.given
        return float(self._inner.get_quantile(share / of))

    def stored(self) -> bytes:
        """Its state."""
        inner = self._inner
        return bytes(inner.serialize_updatable() if self._fold.function == "approx_distinct" else inner.serialize())


def values_of(fold: Fold, values: Column) -> list[float | str | None]:
    """The values as sketches take them: None where there is none; what is infinite has no place among the others."""
    known: list[float | str | None]
    if values.text is not None:
        strings = values.text.strings
        known = [strings[code] for code in values.values.tolist()] if len(values.text) else [None] * len(values)
    elif fold.function == "approx_percentile":
        numbers = values.values / float(10**values.type.scale)
        known = [x if np.isfinite(x) else None for x in numbers.tolist()]
    elif values.type.kind == "float":
        known = (values.values + 0.0).tolist()  # -0.0 equals 0.0
    else:
        known = values.values.astype(np.int64).tolist()
    if values.valid is None:
        return known
    return [value if there else None for value, there in zip(known, values.valid.tolist(), strict=True)]


def sketched(fold: Fold, values: Column, found: Sequence[tuple[int, int]]) -> Leaf:
    """The aggregate of stretches of values, as a leaf. O(rows of all stretches)."""
    known = values_of(fold, values)
    answers = []
    for low, high in found:
        sketch = Sketch(fold)
        for value in known[low:high]:
            if value is not None:
                sketch.take(value)
        answers.append(sketch.answer)
    return answers_leaf(fold, answers)


def carried(fold: Fold, values: Column, by: Int64Array, owner: Int64Array, sketches: Sequence[Sketch]) -> Leaf:
    """The aggregate of all that the sketch of each row's owner has seen, that row included, as a leaf."""
    known = values_of(fold, values)
    answers = []
    for row, whose in zip(by.tolist(), owner.tolist(), strict=True):
        value = known[row]
        if value is not None:
            sketches[whose].take(value)
        answers.append(sketches[whose].answer)
    return answers_leaf(fold, answers)


def answers_leaf(fold: Fold, answers: Sequence[float | None]) -> Leaf:
    """Answers as a leaf."""
    kind = np.int64 if fold.function == "approx_distinct" else np.float64
    nothing = np.array([answer is None for answer in answers], np.bool_)
    return np.array([0 if answer is None else answer for answer in answers], kind), nothing

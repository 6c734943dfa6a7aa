"""Functions that rules of the corpus call: numpy columns in, a numpy column out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Column = npt.NDArray[Any]


def half(x: Column) -> Column:
    """Half of ints, toward zero, as ints."""
    return np.trunc(x / 2).astype(np.int64)


def risk(amount: Column, known: Column) -> Column:
    """Of a decimal and a bool."""
    return np.array([float(a) * (1.0 if k else 10.0) for a, k in zip(amount, known, strict=True)])


def label(word: Column, n: Column) -> Column:
    """A word and a number; null where both are."""
    words = [None if w is None and n.mask[i] else f"{w or '-'}{n.filled(0)[i]}" for i, w in enumerate(word)]
    return np.array(words, object)


def later(at: Column, wait: Column) -> Column:
    """A time and a duration."""
    return at + wait


def shorter(wait: Column) -> Column:
    """Half of a duration; nothing of none."""
    return np.where(wait == np.timedelta64(0), np.timedelta64("NaT"), wait // 2)


def root(x: Column) -> Column:
    """A float that is no number below 0."""
    with np.errstate(all="ignore"):
        return np.sqrt(x)


def cents(x: Column) -> Column:
    """A decimal of an int."""
    import decimal

    return np.array([decimal.Decimal(int(v)) / 100 for v in x], object)

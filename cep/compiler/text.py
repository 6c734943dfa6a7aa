"""Operations on string columns: decided once for each string of the dictionary, then gathered.

Cost: O(bytes of the dictionary + rows).
Tested by: tests/compiler/test_text.py
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cep.model.batch import Text
from cep.model.concatenate import concatenate_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.model.batch import AnyArray, BoolArray

_OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class TextVector(NamedTuple):
    """A string column: codes and their dictionary."""

    codes: AnyArray
    text: Text


def compare_texts(op: str, left: TextVector | str, right: TextVector | str) -> BoolArray | bool:
    """Compare by code points, row by row; either side may be a constant."""
    if isinstance(left, str) and isinstance(right, str):
        return bool(_OPERATORS[op](left, right))
    if isinstance(left, str):
        mirrored = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}.get(op, op)
        return compare_texts(mirrored, right, left)
    if isinstance(right, str):
        if op in ("eq", "ne"):
            decided = _equals(left.text, right.encode("utf-8", "surrogatepass"))
            places = np.flatnonzero(decided)
            if places.size == 1:  # comparing codes is many times as fast as gathering what was decided for each
                same: BoolArray = left.codes == places[0].astype(left.codes.dtype)
                return same if op == "eq" else ~same
            return _gather(decided if op == "eq" else ~decided, left.codes)
        compare = _OPERATORS[op]
        return _gather(np.array([compare(s, right) for s in left.text.strings], np.bool_), left.codes)
    if left.text is right.text and op in ("eq", "ne") and left.codes is right.codes:
        return np.full(left.codes.size, op == "eq")
    # one rank for each distinct string of both dictionaries makes the order of strings an order of integers
    both = np.array([*left.text.strings, *right.text.strings], dtype=object)
    rank = np.unique(both, return_inverse=True)[1] if both.size else np.zeros(0, np.int64)
    split = len(left.text)
    result: BoolArray = _OPERATORS[op](_take(rank[:split], left.codes), _take(rank[split:], right.codes))
    return result


def like_text(value: TextVector | str, pattern: str) -> BoolArray | bool:
    """SQL's LIKE: ``%`` any text, ``_`` any one character."""
    import pyarrow.compute as pc

    return _decide(value, lambda strings: pc.match_like(strings, pattern))


def matches_text(value: TextVector | str, pattern: str) -> BoolArray | bool:
    """Whether the whole string matches a regular expression (RE2: linear time)."""
    import pyarrow.compute as pc

    return _decide(value, lambda strings: pc.match_substring_regex(strings, rf"\A(?:{pattern})\z"))


def select_texts(condition: Any, yes: TextVector | str, no: TextVector | str) -> TextVector | str:
    """``yes`` where the condition holds, else ``no``."""
    if not np.ndim(condition):
        return yes if condition else no
    rows = np.shape(condition)
    first, second = (TextVector(np.zeros(rows, np.int32), Text.of([v])) if isinstance(v, str) else v for v in (yes, no))
    text, (at, then) = concatenate_texts([first.text, second.text])
    codes = np.where(condition, first.codes + at, second.codes + then)
    if not len(text):
        text = Text.of([""])
    # an empty dictionary goes with rows that are all null: their codes must lie within the joined one all the same
    return TextVector(np.minimum(codes, len(text) - 1).astype(np.int32), text)


def _decide(value: TextVector | str, decide: Callable[[Any], Any]) -> BoolArray | bool:
    import pyarrow as pa

    if isinstance(value, str):
        return bool(decide(pa.array([value]))[0].as_py())
    text = value.text
    strings = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(text.offsets), pa.py_buffer(text.data))
    return _gather(np.asarray(decide(strings)), value.codes)


def _equals(text: Text, wanted: bytes) -> BoolArray:
    lengths = np.diff(text.offsets)
    same: BoolArray = lengths == len(wanted)
    if wanted and same.any():
        rows = np.flatnonzero(same)
        at = text.offsets[rows, None] + np.arange(len(wanted))
        same[rows] = (text.data[at] == np.frombuffer(wanted, np.uint8)).all(axis=1)
    return same


def _gather(decided: BoolArray, codes: AnyArray) -> BoolArray:
    # an empty dictionary goes with rows that are all null; whatever stands under a null is never looked at
    gathered: BoolArray = decided[codes] if decided.size else np.zeros(codes.size, np.bool_)
    return gathered


def _take(values: AnyArray, codes: AnyArray) -> AnyArray:
    # an empty dictionary goes with rows that are all null; whatever stands under a null is never looked at
    if values.size == 0:
        return np.zeros(codes.size, values.dtype)
    return values[codes]

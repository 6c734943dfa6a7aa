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
from cep.model.strings import OF_ONE, substring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cep.model.batch import AnyArray, BoolArray, Int64Array

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
            places = left.text.places(right)
            if places.size == 1:  # comparing codes is many times as fast as gathering what was decided for each
                code = places[0].astype(left.codes.dtype)
                same: BoolArray = left.codes == code if op == "eq" else left.codes != code
                return same
            if not places.size:
                return np.full(left.codes.size, op != "eq")
            decided = np.full(len(left.text), op != "eq")
            decided[places] = op == "eq"
            return _gather(decided, left.codes)
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


def map_texts(name: str, value: TextVector | str) -> TextVector | str:
    """``lower``, ``upper`` or ``trim`` of each string."""
    return _mapped(value, OF_ONE[name])


def length_text(value: TextVector | str) -> Int64Array | int:
    """How many code points each string has."""
    if isinstance(value, str):
        return len(value)
    codes, text = compact(value)
    lengths: Int64Array = np.array([len(s) for s in text.strings], np.int64)[codes]
    return lengths


def substr_text(value: TextVector | str, start: Any, count: Any = None) -> TextVector | str:
    """The part of each string that `cep.model.strings.substring` gives; numbers are columns or constants."""
    if np.ndim(start) == 0 and np.ndim(count) == 0:
        return _mapped(value, lambda s: substring(s, int(start), None if count is None else int(count)))
    rows = np.broadcast_shapes(np.shape(start), np.shape(count))
    column = TextVector(np.zeros(rows, np.int32), Text.of([value])) if isinstance(value, str) else compact(value)
    strings = column.text.strings
    most = max(map(len, strings)) + 1  # farther than the longest string nothing is: so few numbers make one key
    starts = np.clip(np.broadcast_to(start, rows), -most, most)
    counts = np.clip(np.broadcast_to(most if count is None else count, rows), 0, most)
    if len(strings) * (2 * most + 1) * (most + 1) < 2**44:
        keys = (column.codes.astype(np.int64) * (2 * most + 1) + starts + most) * (most + 1) + counts
        _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    else:
        first = codes = np.arange(column.codes.size)
    wanted = zip(column.codes[first].tolist(), starts[first].tolist(), counts[first].tolist(), strict=True)
    parts = [substring(strings[code], begin, size) for code, begin, size in wanted]
    return TextVector(codes.reshape(rows).astype(np.int32), Text.of(parts or [""]))


def join_texts(parts: Sequence[TextVector | str]) -> TextVector | str:
    """One string after the other, row by row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if all(isinstance(p, str) for p in parts):
        return "".join(map(str, parts))
    # as bytes, so that Arrow does not look whether they are UTF-8; a constant is a scalar, which it takes for all rows
    kind = pa.large_binary()
    columns = [
        pa.scalar(p.encode("utf-8", "surrogatepass"), kind) if isinstance(p, str) else _binary(compact(p))
        for p in parts
    ]
    joined = pc.binary_join_element_wise(*columns, pa.scalar(b"", kind)).dictionary_encode()
    _, offsets, data = joined.dictionary.buffers()
    if not len(joined):
        return TextVector(np.zeros(0, np.int32), Text.of([""]))
    bounds = np.frombuffer(offsets, np.int64, len(joined.dictionary) + 1, 8 * joined.dictionary.offset)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    text = Text(bounds - bounds[0], raw[bounds[0] : bounds[-1]].copy())  # nobody may write into Arrow's
    return TextVector(joined.indices.to_numpy(zero_copy_only=False).astype(np.int32), text)


def _mapped(value: TextVector | str, function: Callable[[str], str]) -> TextVector | str:
    if isinstance(value, str):
        return function(value)
    codes, text = compact(value)
    return TextVector(codes, Text.of(map(function, text.strings)))


def compact(value: TextVector) -> TextVector:
    """The same strings with a dictionary of no more than its rows need; never an empty one."""
    codes, text = value
    if not len(text) or not codes.size:
        # an empty one goes with rows that are all null; whatever stands under a null is never looked at
        return TextVector(np.zeros(codes.size, np.int32), Text.of([""]))
    if codes.size >= len(text):
        return value
    used, places = np.unique(codes, return_inverse=True)
    lengths = np.diff(text.offsets)[used]
    offsets = np.zeros(used.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    at = np.repeat(text.offsets[used] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return TextVector(places.astype(np.int32), Text(offsets, text.data[at]))


def _binary(value: TextVector) -> Any:
    import pyarrow as pa

    codes, text = value
    buffers = [None, pa.py_buffer(text.offsets), pa.py_buffer(text.data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(text), buffers).take(pa.array(codes))


def _decide(value: TextVector | str, decide: Callable[[Any], Any]) -> BoolArray | bool:
    import pyarrow as pa

    if isinstance(value, str):
        return bool(decide(pa.array([value]))[0].as_py())
    text = value.text
    strings = pa.LargeStringArray.from_buffers(len(text), pa.py_buffer(text.offsets), pa.py_buffer(text.data))
    return _gather(np.asarray(decide(strings)), value.codes)


def _gather(decided: BoolArray, codes: AnyArray) -> BoolArray:
    # an empty dictionary goes with rows that are all null; whatever stands under a null is never looked at
    gathered: BoolArray = decided[codes] if decided.size else np.zeros(codes.size, np.bool_)
    return gathered


def _take(values: AnyArray, codes: AnyArray) -> AnyArray:
    # an empty dictionary goes with rows that are all null; whatever stands under a null is never looked at
    if values.size == 0:
        return np.zeros(codes.size, values.dtype)
    return values[codes]

"""Lists as bytes: one string of bytes a list, so that an operator's store keeps and frees them as it does strings.

A list of n elements is n itself, n words of 64 bits, n bytes that are 1 where an element is null, and then what has no
fixed size. The word of an element is its value; of a string, and of a list inside the list, how many bytes it has
among those at the end. Equal lists have equal bytes (floats by their bits).

What was never packed unpacks to something lawful: under a null any code may stand, also that of a string.
Cost: O(bytes), in numpy.
Tested by: tests/runtime/test_packing.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.model.batch import Column, Lists, Text
from cep.model.concatenate import null_column

if TYPE_CHECKING:
    from cep.model.batch import AnyArray, Int64Array, UInt8Array
    from cep.model.types import Type

_HEAD, _WORD, _ELEMENT = 8, 8, 9


def packed(lists: Lists) -> Text:
    """The lists as a dictionary of byte strings, in their order."""
    lists = lists.take(np.arange(len(lists)))
    items, at = lists.items, lists.offsets
    counts = np.diff(at)
    inner = _inner(items)
    if inner is None:
        words, tails = _as_words(items), np.zeros(len(items), np.int64)
    else:
        words = tails = np.diff(inner.offsets)
    before = np.zeros(len(items) + 1, np.int64)
    np.cumsum(tails, out=before[1:])
    sizes = _HEAD + _ELEMENT * counts + (before[at[1:]] - before[at[:-1]])
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    data = np.zeros(int(offsets[-1]), np.uint8)
    _write_words(data, offsets[:-1], counts)
    of_element, place = _places(at)
    start = offsets[:-1] + _HEAD
    _write_words(data, start[of_element] + _WORD * place, words)
    if items.valid is not None:
        data[(start + _WORD * counts)[of_element] + place] = ~items.valid
    if inner is not None:
        begins = (start + _ELEMENT * counts)[of_element] + before[:-1] - before[at[:-1]][of_element]
        _copy(inner.data, inner.offsets[:-1], data, begins, tails)
    return Text(offsets, data)


def unpacked(text: Text, item: Type) -> Lists:
    """The lists of a dictionary of byte strings, whose elements are of type ``item``."""
    data, starts, sizes = text.data, text.offsets[:-1], np.diff(text.offsets)
    counts = np.zeros(len(text), np.int64)
    long = np.flatnonzero(sizes >= _HEAD)
    counts[long] = _read_words(data, starts[long])
    counts[(counts < 0) | (counts > np.maximum(sizes - _HEAD, 0) // _ELEMENT)] = 0
    is_fixed = item.kind not in ("string", "list")
    if not is_fixed:
        counts = _lawful(data, starts, sizes, counts)
    offsets = np.zeros(len(text) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    of_element, place = _places(offsets)
    if not of_element.size:
        return Lists(offsets, null_column(item, 0))
    start = starts + _HEAD
    words = _read_words(data, start[of_element] + _WORD * place)
    null = data[(start + _WORD * counts)[of_element] + place] == 1
    valid = ~null if null.any() else None
    if is_fixed:
        return Lists(offsets, _of_words(item, words, valid))
    before = np.zeros(words.size + 1, np.int64)
    np.cumsum(words, out=before[1:])
    begins = (start + _ELEMENT * counts)[of_element] + before[:-1] - before[offsets[:-1]][of_element]
    tail = np.zeros(int(before[-1]), np.uint8)
    _copy(data, begins, tail, before[:-1], words)
    inner = Text(before, tail)
    codes = np.arange(words.size, dtype=np.int32)
    if item.kind == "string":
        return Lists(offsets, Column(item, codes, valid, inner))
    return Lists(offsets, Column(item, codes, valid, None, unpacked(inner, item.items[0])))


def _inner(items: Column) -> Text | None:
    """What of each element has no fixed size: its string, or its bytes when it is a list."""
    text = items.text if items.lists is None else packed(items.lists)
    if text is None:
        return None
    codes = items.values
    if not len(text):
        return Text(np.zeros(codes.size + 1, np.int64), np.zeros(0, np.uint8))
    lengths = np.diff(text.offsets)[codes]
    if items.valid is not None:
        lengths = np.where(items.valid, lengths, 0)
    offsets = np.zeros(codes.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    data = np.zeros(int(offsets[-1]), np.uint8)
    _copy(text.data, text.offsets[:-1][codes], data, offsets[:-1], lengths)
    return Text(offsets, data)


def _as_words(items: Column) -> Int64Array:
    values: AnyArray = items.values
    if items.valid is not None:  # equal lists have equal bytes, whatever stands under a null
        values = np.where(items.valid, values, values.dtype.type(0))
    if items.type.kind == "float":
        return np.ascontiguousarray(values).view(np.int64)
    return values.astype(np.int64)


def _of_words(item: Type, words: Int64Array, valid: AnyArray | None) -> Column:
    if item.kind == "float":
        return Column(item, words.view(np.float64), valid)
    return Column(item, words != 0 if item.kind == "bool" else words, valid)


def _lawful(data: UInt8Array, starts: Int64Array, sizes: Int64Array, counts: Int64Array) -> Int64Array:
    """``counts``, zero where the elements' sizes are not those of the bytes behind them."""
    offsets = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    of_element, place = _places(offsets)
    words = _read_words(data, (starts + _HEAD)[of_element] + _WORD * place)
    rest = sizes - _HEAD - _ELEMENT * counts
    wrong = (words < 0) | (words > rest[of_element])
    sums = np.bincount(of_element, np.where(wrong, 0, words), counts.size).astype(np.int64)
    sums[of_element[wrong]] = -1
    return np.where(sums == np.maximum(rest, 0), counts, 0)


def _places(offsets: Int64Array) -> tuple[Int64Array, Int64Array]:
    """For each element of all lists: which list it is in, and its place there."""
    counts = np.diff(offsets)
    of_element = np.repeat(np.arange(counts.size), counts)
    return of_element, np.arange(of_element.size) - offsets[:-1][of_element]


def _write_words(data: UInt8Array, at: Int64Array, words: Int64Array) -> None:
    octets = np.ascontiguousarray(words.astype("<i8")).view(np.uint8).reshape(-1, _WORD)
    data[at[:, None] + np.arange(_WORD)] = octets


def _read_words(data: UInt8Array, at: Int64Array) -> Int64Array:
    octets = np.ascontiguousarray(data[at[:, None] + np.arange(_WORD)])
    words: Int64Array = octets.view("<i8").reshape(-1).astype(np.int64)
    return words


def _copy(source: UInt8Array, froms: Int64Array, target: UInt8Array, tos: Int64Array, sizes: Int64Array) -> None:
    """Copy stretches of bytes."""
    before = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=before[1:])
    within = np.arange(int(before[-1])) - np.repeat(before[:-1], sizes)
    target[np.repeat(tos, sizes) + within] = source[np.repeat(froms, sizes) + within]

"""The strings that an operator keeps: one store for each operator and shard, freed with what refers to them.

Codes 0, 1, … are the rule's constants, in their order, for ever. Other codes live while a retained row or a key holds
them: `collect` is told which, and gives the rest back.
Cost: interning O(distinct strings of a batch), and nothing but a look-up for a dictionary that came with the batch
before; collecting O(bytes kept).
Tested by: tests/runtime/test_strings.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.text import TextVector
from cep.kernels.text import (
    BYTES_USED,
    CODES_USED,
    LENGTH,
    LIVE,
    TextStore,
    empty_text_store,
    hash_strings,
    intern_strings,
    move_strings,
)
from cep.model.batch import EMPTY_TEXT, Text
from cep.runtime.held import is_spacious

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import AnyArray, Int64Array

_FIRST = np.zeros(1, np.int64)
_MOST_REMEMBERED = 65_536  # strings of a dictionary whose codes are remembered from batch to batch


class Strings:
    """Interned strings of one operator and shard."""

    __slots__ = ("_codes", "_collect_at", "_further", "_known", "_text", "crowded", "pinned", "store")

    def __init__(self, constants: Sequence[str]) -> None:
        self.store: TextStore = empty_text_store()
        self.pinned = len(constants)
        self._further = np.zeros(0, np.int64)
        self._collect_at = 4096
        self._codes: dict[str, int] = {}  # of strings that came one by one
        self._text, self._known = EMPTY_TEXT, np.zeros(0, np.int64)  # the last dictionary, its codes here or -1
        self.crowded = False  # whether `wants_collection` when one of these was new
        if constants:
            codes = self.intern(Text.of(constants), np.arange(len(constants)))
            assert codes.tolist() == list(range(len(constants))), "constants are distinct and come first"

    def intern(self, text: Text, codes: AnyArray) -> Int64Array:
        """The codes in this store of a column's codes in its own dictionary."""
        if text is not self._text:
            self._text, self._known = text, np.full(len(text), -1, np.int64)
        known = self._known
        out: Int64Array = known[codes]
        if not out.size or out.min() >= 0:
            return out
        wanted = np.zeros(len(text), np.bool_)
        wanted[codes] = True
        which = np.flatnonzero(wanted & (known < 0))
        new = np.zeros(which.size, np.int64)
        data = np.require(text.data, np.uint8, ["C", "W"])
        offsets = np.require(text.offsets, np.int64, ["C", "W"])
        done = 0
        while (done := int(intern_strings(self.store, data, offsets, which, new, done))) < which.size:
            self._grow(int(offsets[which[done] + 1] - offsets[which[done]]))
        known[which] = new
        if len(text) > _MOST_REMEMBERED:
            self._forget()
        return known[codes]

    def _forget(self) -> None:
        self._text, self._known = EMPTY_TEXT, np.zeros(0, np.int64)

    def code_of(self, string: str) -> int:
        """The code of one string, which is valid UTF-8."""
        code = self._codes.get(string)
        if code is None:
            code = self._codes[string] = int(self.intern(Text.of((string,)), _FIRST)[0])
            self.crowded = self.wants_collection
        return code

    def string_of(self, code: int) -> str:
        """The string of a code."""
        at, length = self.store.spans[code, :2].tolist()
        return self.store.heap[at : at + length].tobytes().decode("utf-8", "surrogatepass")

    def pin(self, texts: Sequence[str]) -> Int64Array:
        """The codes of further constants, which are kept for ever."""
        if not texts:
            return np.zeros(0, np.int64)
        codes = self.intern(Text.of(texts), np.arange(len(texts)))
        self._further = np.union1d(self._further, codes)
        return codes

    def text(self, codes: AnyArray) -> TextVector:
        """The strings of ``codes`` as a column with a dictionary of its own."""
        if not codes.size:
            return TextVector(np.zeros(0, np.int32), Text.of([""]))
        top = int(codes.max()) + 1
        if top > 4 * codes.size + 1024:
            distinct, place = np.unique(codes, return_inverse=True)
            return TextVector(place.astype(np.int32), self.dictionary(distinct))
        seen = np.zeros(top, np.bool_)  # to mark them is quicker than to sort them
        seen[codes] = True
        distinct = np.flatnonzero(seen)
        rank = np.zeros(top, np.int32)
        rank[distinct] = np.arange(distinct.size)
        return TextVector(rank[codes], self.dictionary(distinct))

    def dictionary(self, codes: Int64Array) -> Text:
        """The strings of ``codes``, in their order."""
        spans = self.store.spans[codes]
        lengths = np.maximum(spans[:, 1], 0)  # what stands under a null may be a code that is free
        offsets = np.zeros(codes.size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        at = np.repeat(spans[:, 0] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Text(offsets, self.store.heap[at])

    @property
    def wants_collection(self) -> bool:
        """Whether there are enough codes that looking for dead ones pays."""
        return int(self.store.counts[LIVE]) >= self._collect_at

    def collect(self, used: Sequence[AnyArray]) -> None:
        """Free every code that is neither pinned nor in one of the arrays ``used``."""
        marks = np.zeros(max(1, self.store.spans.shape[0]), np.int64)
        marks[: self.pinned] = 1
        marks[self._further] = 1
        for codes in used:
            marks[codes] = 1
        self._codes.clear()
        self._forget()
        self.crowded = False
        live = self._move(marks, *self._room_for(marks))
        self._collect_at = max(4096, 2 * live)

    def _room_for(self, marks: Int64Array) -> tuple[int, int]:
        """Codes and bytes to make room for: as many as there were, unless they are many and few are left.

        Codes keep their numbers, so those behind the last that is left are forgotten.
        """
        counts, spans = self.store.counts, self.store.spans
        codes, size = int(counts[CODES_USED]), int(counts[BYTES_USED])
        if not is_spacious(codes, 0):
            return codes, size
        left = np.flatnonzero(marks[:codes])
        last = int(left[-1]) + 1 if left.size else 0
        kept = int(np.maximum(spans[left, LENGTH], 0).sum())
        if is_spacious(codes, last):
            counts[CODES_USED], codes = last, 2 * last
        return codes, 2 * kept if is_spacious(size, kept) else size

    def _grow(self, length: int) -> None:
        counts = self.store.counts
        marks = np.ones(self.store.spans.shape[0], np.int64)
        self._move(marks, 2 * int(counts[CODES_USED]) + 64, 2 * int(counts[BYTES_USED]) + length + 1024)

    def _move(self, marks: Int64Array, codes: int, size: int) -> int:
        target = empty_text_store(max(codes, 64), max(size, 1024))
        live = int(move_strings(self.store, marks, target))
        self.store = target
        return live


def shard_of_strings(text: Text, codes: AnyArray) -> Int64Array:
    """A hash of each string of a column, the same in every process."""
    out = np.zeros(len(text), np.int64)
    data = np.require(text.data, np.uint8, ["C", "W"])
    offsets = np.require(text.offsets, np.int64, ["C", "W"])
    hash_strings(data, offsets, np.arange(len(text)), out)
    return out[codes]

"""Batches that need not wait, each shown to a direct matcher as one call makes it a block.

`Lay` says once for all rules where the columns of a batch lie; `Gathering` is what one rule wants of them (`Wanted`),
written down for `cep.kernels.gather`. Both keep to what that kernel knows: conditions that are bounds of a column,
eight steps, and columns in which nothing is null. What they do not know is selected by `cep.runtime.selection` and
waits its turn.
Invariant: a block is that which `DirectOperator` makes of the same batch; it is overwritten by the next.
Cost: some 50 ns for each column of a batch, a microsecond for each rule, and the kernel.
Tested by: tests/runtime/test_gathering.py
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.blocks import BLOCK_KEYS, TS
from cep.kernels.gather import (
    ALL,
    BEGIN,
    BLOCK,
    BOOL,
    CODES,
    COLUMN,
    COLUMNS,
    COPIES,
    FACTOR,
    FIRST,
    FLOAT64,
    HIGH,
    INSIDE,
    INT32,
    INT64,
    KIND,
    LAY,
    LINE,
    LIST,
    LOW,
    MARKS,
    NOBODY,
    NULLABLE,
    OUTSIDE,
    PACKED,
    PLACES,
    ROWS,
    SOURCE,
    TESTS,
    TURN,
    WIDTH,
    WORDS,
    gather_block,
)
from cep.kernels.jit import PLAIN
from cep.model.batch import address_of, first_number, times_column, where_it_lies
from cep.runtime.selection import WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cep.compiler.direct import DirectInput, Shape
    from cep.model.batch import AnyArray, Column, EventBatch, Int64Array, Text
    from cep.model.later import Ahead, Found, TableForm
    from cep.runtime.selection import Selection, Test

_turns = count(1)  # of lays
_KINDS = {np.dtype(np.int64): INT64, np.dtype(np.int32): INT32, np.dtype(np.float64): FLOAT64, np.dtype(bool): BOOL}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a block keeps of an event: attributes, each with its column of the block.

    With each the kinds of attributes that are words as they lie. ``nullable``: the block has null bits. ``every``: it
    has every event.
    """

    width: int
    columns: tuple[tuple[str, int, Collection[str]], ...]
    nullable: bool
    every: bool = False


class Lay:
    """Where the columns of the batch at hand lie, and room for what is made of it; for one thread at a time."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead
        ahead.forget()
        self._first = False  # whether nobody has had a turn with the batch at hand
        self._names: dict[str, int] = {"": 0}  # the times are a column of their own
        self._tested: set[str] = set()
        self._room = 0
        self._widest = 0
        self.flat = np.zeros(0, np.int64)
        self._kept: list[AnyArray] = []
        self._form: TableForm | None = None  # of the table before, if it was one that says where it lies
        self._places: tuple[tuple[int, int], ...] | None = None  # where the addresses of such a table are noted
        self._found: Found | None = None  # what was found of the batch at hand while it was looked at
        self.texts: Mapping[str, Text] = {}
        self.odd: set[str] = set()
        self._lines = np.zeros((0, LINE), np.int64)
        self._words = memoryview(b"")
        self.batch: EventBatch | None = None
        self.listed = np.zeros(0, np.int64)

    def place(self, name: str, *, tested: bool) -> int:
        """The place of a column that somebody wants."""
        if tested:
            self._tested.add(name)
        return self._names.setdefault(name, len(self._names))

    def widen(self, width: int) -> None:
        """Let there be room for blocks of so many columns."""
        self._widest = max(self._widest, width)

    def column(self, name: str, count: int, *, every: bool) -> Column:
        """A column of the batch at the rows that were listed last, or at every one."""
        assert self.batch is not None
        return self.batch[name] if every else self.batch[name].take(self.listed[:count])

    @property
    def first(self) -> int:
        """The number of the first event of the batch at hand."""
        return int(self._words[FIRST])

    @property
    def factor(self) -> int:
        """What to multiply times with that are taken as they lie."""
        return int(self._words[LINE + FACTOR]) if self._words[LINE + KIND] == INT64 else 1

    @property
    def address(self) -> int:
        """Where it stands itself, once all columns have their places."""
        return address_of(self._lines)

    def show(self, batch: EventBatch) -> bool:
        """Note where the columns of a batch lie; False when its events are not numbered one after the other."""
        first, size = first_number(batch), len(batch)
        if first is None or not size:
            return False
        if size > self._room:
            self._make_room(size)
        words = self._words
        self.batch, lies = batch, where_it_lies(batch)
        self._found, self._first = None if lies is None else lies.found, lies is not None
        if self._found is not None and self._found.turn == words[TURN]:
            return True
        words[TURN] += 1
        words[ROWS], words[FIRST] = size, first
        if lies is not None:
            if lies.form is not self._form:
                self._learn(lies.form, batch.schema.time or "")
            if self._places is not None:
                addresses = lies.addresses
                for word, number in self._places:
                    words[word] = addresses[number]
                return True
        self._look_at(batch)
        return True

    def found(self, orders: int, owner: object) -> int | None:
        """How many rows were found by orders while the batch was looked at; None where these are to be followed now.

        Who is asked first for a batch is likely to be asked first for the next: that one's orders are told.
        """
        found = self._found
        if found is not None and found.orders == orders and found.turn == self._words[TURN]:
            return found.rows
        if self._first and self._form is not None and self._places is not None:
            self._ahead.order(self._form, self._room, orders, (self, owner))
        self._first = False
        return None

    def _learn(self, form: TableForm, time: str) -> None:
        """Note what tables of a form have in common, if each column can be taken as it lies."""
        self._ahead.forget()
        self._form, self._places, self.texts = form, None, form.texts
        self.odd.clear()
        places = []
        for name, place in self._names.items():
            number, dtype, factor = form.columns[name or time]
            if dtype not in _KINDS or (factor != 1 and name in self._tested):
                return
            at = (1 + place) * LINE
            self._words[at + 1], self._words[at + 2], self._words[at + SOURCE] = _KINDS[dtype], factor, 1 + number
            places.append((at, number))
        self._places = tuple(places)

    def _look_at(self, batch: EventBatch) -> None:
        """Note column by column where a batch lies."""
        columns, odd, texts = batch.columns, self.odd, dict[str, "Text"]()
        odd.clear()
        self._ahead.forget()
        self._form, self.texts = None, texts
        self._kept.clear()
        times = times_column(batch)
        self._put(0, "", *times.stored, times.address)
        for name, place in self._names.items():
            if place:
                column = columns[name]
                if column.valid is not None:
                    odd.add(name)
                    continue
                if column.text is not None:
                    texts[name] = column.text
                values, factor = column.stored
                if factor != 1 and name in self._tested:
                    values, factor = column.values, 1
                self._put(place, name, values, factor, column.address)

    def _put(self, place: int, name: str, values: AnyArray, factor: int, address: int) -> None:
        kind = _KINDS.get(values.dtype)
        if kind is None or not values.flags.c_contiguous:
            self.odd.add(name)
            return
        at = (1 + place) * LINE
        words = self._words
        words[at], words[at + 1], words[at + 2] = address, kind, factor
        self._kept.append(values)

    def _make_room(self, size: int) -> None:
        if not len(self._lines):
            self._lines = np.zeros((1 + len(self._names), LINE), np.int64)
            self._lines[0, COLUMNS], self._lines[0, TURN] = len(self._names), next(_turns) << 40  # nobody else's
            self._words = memoryview(self._lines.data).cast("B").cast("q")
        self._room = 1 << (size - 1).bit_length()
        marks, words = np.zeros(self._room, np.uint8), np.zeros((self._room >> 6) + 1, np.uint64)
        self.listed, self.flat = np.empty(self._room, np.int64), np.empty(self._room * self._widest, np.int64)
        self._own = marks, words
        for word, array in ((MARKS, marks), (WORDS, words), (LIST, self.listed), (BLOCK, self.flat)):
            self._words[word] = address_of(array)

    def block(self, width: int, count: int) -> Int64Array:
        """The block that was made last."""
        return self.flat[: width * count].reshape(width, count)


class Gathering:
    """What one rule wants of the batches of a stream."""

    def __init__(self, lay: Lay, selection: Selection, wanted: Wanted) -> None:
        self._lay, self._selection, self._wanted = lay, selection, wanted
        self.width, self.every = wanted.width, wanted.every
        lay.widen(self.width)
        self._copies: list[tuple[int, int]] = [(0, TS)]
        self.others: list[tuple[str, int]] = []  # columns that are written by others, and where
        tests = [(test, lay.place(_attribute(test), tested=True)) for test in selection.tests]
        self._tests = sorted(tests, key=lambda one: one[1])  # what is asked of one column side by side
        self._places = {name: lay.place(name, tested=False) for name, *_ in wanted.columns}
        self._names = {*self._places, *(_attribute(test) for test in selection.tests), ""}
        self._orders = np.zeros((0, LINE), np.int64)
        self._at = 0
        self.places: Int64Array | None = None  # where each column of the block begins, if that is told
        self._texts: dict[str, Text | None] = {}
        self._codes: dict[int, AnyArray] = {}  # by line of the orders

    @property
    def has_tests(self) -> bool:
        """Whether something is asked of an event."""
        return bool(self._tests)

    def tell_places(self) -> Int64Array:
        """Let columns stand where they lie, and where that is be told here."""
        self.places = np.zeros(self.width, np.int64)
        return self.places

    def gather(self, batch: EventBatch) -> int | None:
        """How many events of the batch at hand are wanted; None when that is for others to say."""
        lay = self._lay
        if lay.odd and not lay.odd.isdisjoint(self._names):
            return None
        if not self._at:
            self._write(batch)
        for name, known in self._texts.items():
            text = lay.texts[name]
            if text is not known and not self._decide(name, text, len(batch)):
                return None
        count = lay.found(self._at, self._orders)
        return int(gather_block(self._at)) if count is None else count

    def _write(self, batch: EventBatch) -> None:
        kinds = {name: batch.schema.by_name[name].type.kind for name in self._names if name}  # no column is made
        for name, target, copied in self._wanted.columns:
            if kinds[name] in copied:
                self._copies.append((self._places[name], target))
            else:
                self.others.append((name, target))
        orders = np.zeros((1 + len(self._tests) + len(self._copies), LINE), np.int64)
        orders[0, LAY], orders[0, TESTS], orders[0, COPIES] = self._lay.address, len(self._tests), len(self._copies)
        orders[0, BEGIN], orders[0, WIDTH] = self._selection.begin[0], self.width
        orders[0, NULLABLE], orders[0, ALL] = self._wanted.nullable, self._wanted.every
        orders[0, PLACES] = 0 if self.places is None else address_of(self.places)
        for line, (test, place) in enumerate(self._tests, 1):
            orders[line, 0] = place
            ((_, inside, outside),) = test.kept
            orders[line, INSIDE], orders[line, OUTSIDE] = inside, outside
            self._bounds(orders[line], test, kinds[_attribute(test)])
        for line, copy in enumerate(self._copies, 1 + len(self._tests)):
            orders[line, :2] = copy
        self._orders, self._at = orders, address_of(orders)

    def _bounds(self, line: Int64Array, test: Test, kind: str) -> None:
        if kind == "string":
            self._texts[_attribute(test)] = None
        elif kind == "float":
            line[[LOW, HIGH]] = struct.unpack("2q", struct.pack("2d", test.low, test.high))
        else:
            line[[LOW, HIGH]] = test.low, test.high

    def _decide(self, name: str, text: Text, rows: int) -> bool:
        """Decide what is asked of an attribute for another dictionary; False when it is larger than the batch."""
        lines = [line for line, (test, _) in enumerate(self._tests, 1) if _attribute(test) == name]
        for line in lines:
            test, place = self._tests[line - 1]
            if not self._selection.look_up(test, text, rows):
                return False
            self._orders[line, [LOW, HIGH]] = test.narrow
            self._orders[line, COLUMN], self._orders[line, CODES] = place, 0
            if test.by_code is not None:
                _, inside, outside = test.kept[0]
                codes = self._codes[line] = np.where(test.by_code, inside, outside).astype(np.uint8)
                self._orders[line, CODES] = address_of(codes)
        if len(lines) > 1:
            self._pack(lines, len(text))
        self._texts[name] = text
        return True

    def _pack(self, lines: list[int], strings: int) -> None:
        """Make one test of all that is asked of a small dictionary."""
        bits = self._selection.begin[0].bit_length()
        if strings * bits > 64:
            return
        kept = np.full(strings, 255, np.uint8)
        for line in lines:
            test, _ = self._tests[line - 1]
            _, inside, outside = test.kept[0]
            low, high = test.narrow
            codes = np.arange(strings)
            holds = test.by_code if test.by_code is not None else (codes >= low) & (codes <= high)
            kept &= np.where(holds, inside, outside).astype(np.uint8)
        word = sum(int(keep & ((1 << bits) - 1)) << (bits * code) for code, keep in enumerate(kept))
        first, *others = lines
        self._orders[first, [LOW, HIGH]] = word - (word >> 63 << 64), bits
        self._orders[first, CODES] = PACKED
        self._orders[others, COLUMN] = NOBODY


def gathering_of(lay: Lay, selection: Selection, wanted: Wanted) -> Gathering | None:
    """What a rule wants, if the kernel knows it all."""
    if PLAIN or len(selection.begin) > 1 or any(test.function.bounds is None for test in selection.tests):
        return None
    return Gathering(lay, selection, wanted)


def wanted_by(source: DirectInput, shape: Shape) -> Wanted | None:
    """What a direct matcher keeps of the events of its only stream; None where some of its values are not there."""
    if len(source.present) < len(shape.values):
        return None
    keys: list[tuple[str, int, Collection[str]]] = [(k, BLOCK_KEYS + i, WHOLE) for i, k in enumerate(source.keys)]
    at, words = BLOCK_KEYS + len(source.keys), (*WHOLE, "float")
    values = [(shape.values[v][0], at + v, words) for v in source.present]
    return Wanted(shape.block_width, (*keys, *values), shape.has_nulls, shape.selects_all)


def _attribute(test: Test) -> str:
    bounds = test.function.bounds
    assert bounds is not None
    return bounds.attribute

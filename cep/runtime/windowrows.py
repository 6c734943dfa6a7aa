"""Rows of a query's events, before they are kept by key: written from columns, waiting for the frontier, put in order.

A row is one of `cep.kernels.window`; its strings and lists are codes of one store, freed when nothing holds them.
Cost: O(rows) numpy operations; a sort when rows do not come in order.
Tested by: tests/runtime/test_window.py, tests/properties/test_windows.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import BITS, SEQ, STREAM, TS, VALUES
from cep.model.batch import Column
from cep.model.concatenate import null_column
from cep.runtime.operators.pattern import word_column, words_of
from cep.runtime.packing import unpacked
from cep.runtime.results import column_ranks, order_values
from cep.runtime.stored import column_state, read_columns
from cep.runtime.strings import Strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.window import WindowProgram
    from cep.model.batch import AnyArray, Int64Array
    from cep.model.types import Type
    from cep.plan.plan import StreamPlace
    from cep.runtime.clock import Frontier
    from cep.runtime.snapshot import State, Stored

_NEVER = 2**63


class WindowRows:
    """Writes and reads rows of one operator; those that wait are its state."""

    def __init__(self, program: WindowProgram, keys: Sequence[Type], places: Mapping[str, StreamPlace]) -> None:
        self._program, self._layout = program, program.layout
        self._kinds = np.array([places[i.stream].kind for i in program.inputs], np.int64)
        self._ranks = np.array([places[i.stream].rank for i in program.inputs], np.int64)
        self._keys = tuple(keys)
        self._strings = Strings(())
        self._waiting: list[Int64Array] = []
        self.least = _NEVER  # the least time of a row that waits

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return sum(map(len, self._waiting))

    @property
    def bytes(self) -> int:
        """What waiting rows and strings take."""
        store = self._strings.store
        return sum(block.nbytes for block in self._waiting) + store.heap.nbytes + store.spans.nbytes

    # ------------------------------------------------------------------------------------------------------- columns

    def block(
        self, number: int, ts: AnyArray, seq: AnyArray, keys: Sequence[Column], columns: Sequence[Column]
    ) -> Int64Array:
        """Rows of events of one stream; ``columns`` are the slots that it has."""
        layout, present = self._layout, self._program.inputs[number].present
        block = np.zeros((len(ts), layout.row_width), np.int64)
        block[:, TS], block[:, STREAM], block[:, SEQ] = ts, number, seq
        for part, key in enumerate(keys):
            block[:, layout.key_at + part] = words_of(word_column(key), self._strings)
        block[:, VALUES : VALUES + layout.null_words] = -1 if len(present) < len(layout.slots) else 0
        self._write(block, present, columns)
        return block

    def _write(self, block: Int64Array, slots: Sequence[int], columns: Sequence[Column]) -> None:
        for slot, column in zip(slots, columns, strict=True):
            word, bit = self._layout.null_place(slot)
            block[:, word] &= ~(np.int64(1) << np.int64(bit))
            if column.valid is not None:
                block[:, word] |= (~column.valid).astype(np.int64) << np.int64(bit)
            block[:, self._layout.column(slot)] = words_of(column, self._strings)

    def column(self, slot: int, rows: Int64Array) -> Column:
        """The values of a slot."""
        null = self.is_null(slot, rows)
        return self._as_column(
            self._layout.slots[slot].type, rows[:, self._layout.column(slot)], ~null if null.any() else None
        )

    def words(self, slot: int, rows: Int64Array) -> Int64Array:
        """The words of a slot: of strings their codes, which are one for each string."""
        words: Int64Array = rows[:, self._layout.column(slot)]
        return words

    def is_null(self, slot: int, rows: Int64Array) -> AnyArray:
        """Where a slot has no value."""
        word, bit = self._layout.null_place(slot)
        null: AnyArray = ((rows[:, word] >> bit) & 1) != 0
        return null

    def key_column(self, rows: Int64Array, part: int, kind: Type) -> Column:
        """A part of the key of each row."""
        return self._as_column(kind, rows[:, self._layout.key_at + part], None)

    def _as_column(self, kind: Type, words: AnyArray, valid: AnyArray | None) -> Column:
        if kind.kind in ("string", "list"):
            codes = words if valid is None else np.where(valid, words, 0)
            if valid is not None and not valid.any():
                codes = np.zeros(len(words), np.int64)
                if not self._strings.store.counts.any():
                    return null_column(kind, len(words))
            vector = self._strings.text(codes)
            if kind.kind == "string":
                return Column(kind, vector.codes, valid, vector.text)
            return Column(kind, vector.codes, valid, None, unpacked(vector.text, kind.items[0]))
        words = np.ascontiguousarray(words)
        if kind.kind == "float":
            return Column(kind, words.view(np.float64), valid)
        return Column(kind, words != 0 if kind.kind in ("bool", "record") else words, valid)

    # ------------------------------------------------------------------------------------------------------- waiting

    def take(self, block: Int64Array) -> None:
        """Let rows wait."""
        if len(block):
            self._waiting.append(block)
            self.least = min(self.least, int(block[:, TS].min()))

    def ready(self, frontier: Frontier) -> Int64Array | None:
        """The rows that the frontier has passed, in the total order; None for none."""
        if frontier.time < self.least:
            return None
        block = self.all_waiting()
        ts = block[:, TS]
        passed = (ts < frontier.time) | ((ts == frontier.time) & (self._kinds[block[:, STREAM]] <= frontier.kind))
        self._waiting, self.least = [], _NEVER
        self.take(block[~passed])
        return self.sorted(block[passed]) if passed.any() else None

    def all_waiting(self) -> Int64Array:
        """All rows that wait."""
        if len(self._waiting) == 1:
            return self._waiting[0]
        return np.concatenate([np.zeros((0, self._layout.row_width), np.int64), *self._waiting])

    def sorted(self, rows: Int64Array) -> Int64Array:
        """Rows in the total order."""
        ts = rows[:, TS]
        if bool((ts[1:] > ts[:-1]).all()):
            return rows
        stream = rows[:, STREAM]
        keys = [rows[:, SEQ], self._ranks[stream], *reversed(self._tie_ranks(rows)), self._kinds[stream], ts]
        return np.ascontiguousarray(rows[np.lexsort(keys)])

    def _tie_ranks(self, rows: Int64Array) -> list[Int64Array]:
        """For each place among the tie attributes numbers that sort as the values do, within one class of streams."""
        out = []
        for position in range(max(len(i.ties) for i in self._program.inputs)):
            ranks = np.zeros(len(rows), np.int64)
            for slot in {i.ties[position] for i in self._program.inputs if position < len(i.ties)}:
                mine = np.flatnonzero(self._tied_by(rows, position, slot))
                ranks[mine] = column_ranks(self.column(slot, rows[mine]))
            out.append(ranks)
        return out

    def _tied_by(self, rows: Int64Array, position: int, slot: int) -> AnyArray:
        """Where a row's stream has a slot at a place among its tie attributes."""
        streams = [n for n, i in enumerate(self._program.inputs) if i.ties[position : position + 1] == (slot,)]
        return np.isin(rows[:, STREAM], streams)

    def places_of(self, rows: Int64Array) -> tuple[Int64Array, Int64Array, tuple[AnyArray, ...]]:
        """Class, rank and ties of the events of rows."""
        stream = rows[:, STREAM]
        ties = []
        for position in range(max(len(i.ties) for i in self._program.inputs)):
            values: AnyArray = np.zeros(len(rows), np.int64)
            for slot in {i.ties[position] for i in self._program.inputs if position < len(i.ties)}:
                mine = self._tied_by(rows, position, slot)
                part = order_values(self.column(slot, rows[mine]))
                if mine.all():
                    values = part
                else:
                    values = values.astype(object)
                    values[mine] = part
            ties.append(values)
        return self._kinds[stream], self._ranks[stream], tuple(ties)

    # ------------------------------------------------------------------------------------------------------- strings

    def collect(self, others: Callable[[], Int64Array]) -> None:
        """Free strings that no row holds, of those that wait and ``others``, once there are enough."""
        if not self._strings.wants_collection:
            return
        rows = [*self._waiting, others()]
        slots = [
            (self._layout.column(s.index), s.index) for s in self._layout.slots if s.type.kind in ("string", "list")
        ]
        used: list[AnyArray] = []
        for block in rows:
            for column, slot in slots:
                word, bit = self._layout.null_place(slot)
                used.append(block[((block[:, word] >> bit) & 1) == 0, column])
            used += [
                block[:, self._layout.key_at + part] for part, kind in enumerate(self._keys) if kind.kind == "string"
            ]
        self._strings.collect(used)

    # ----------------------------------------------------------------------------------------------------- snapshots

    def state(self, rows: Int64Array, met: Int64Array) -> State:
        """The state of rows, by stream and number; ``met`` are the versions that there are."""
        rows = rows[np.lexsort([rows[:, SEQ], rows[:, STREAM], rows[:, TS]])]
        keys = [self.key_column(rows, part, kind) for part, kind in enumerate(self._keys)] if len(rows) else []
        slots = [self.column(slot.index, rows) for slot in self._layout.slots] if len(rows) else []
        return {
            "ts": rows[:, TS].copy(),
            "streams": rows[:, STREAM].copy(),
            "numbers": rows[:, SEQ].copy(),
            "versions": np.searchsorted(met, rows[:, BITS]).astype(np.int64),
            "keys": [column_state(key) for key in keys],
            "slots": [column_state(slot) for slot in slots],
        }

    def read(self, stored: Stored, versions: int) -> Int64Array:
        """The rows that a state tells of."""
        ts = stored.numbers("ts", None)
        n, layout = len(ts), self._layout
        block = np.zeros((n, layout.row_width), np.int64)
        if not n:
            return block
        block[:, TS], block[:, SEQ] = ts, stored.numbers("numbers", n, 0)
        block[:, STREAM] = stored.numbers("streams", n, 0, len(self._program.inputs) - 1)
        block[:, BITS] = stored.numbers("versions", n, 0, versions - 1)
        for part, key in enumerate(read_columns(stored, "keys", self._keys, n)):
            stored.require(key.valid is None, "a key is null")
            block[:, layout.key_at + part] = words_of(word_column(key), self._strings)
        types = [slot.type for slot in layout.slots]
        self._write(block, range(len(types)), read_columns(stored, "slots", types, n))
        return block

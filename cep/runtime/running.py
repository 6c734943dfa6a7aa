"""``over everything``: of each key what its aggregates have come to, and the few events whose values they give.

An event that is the first, last, least or greatest for some aggregate is kept, and the last in any case; the others are
in the words of `cep.compiler.running`. So a key takes the same room after a million events as after ten.
Cost: O(events that are kept of its key) a key and call, O(1) an event.
Tested by: tests/properties/test_windows_chosen.py, tests/test_corpus.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.running import TOTALS, Totals
from cep.compiler.sketches import SKETCHED, Sketch, carried
from cep.compiler.stretches import Stretches, taken
from cep.kernels.runs import SEQ, STREAM, TS
from cep.kernels.window import AT, HIGH, LOW, WINDOW_WIDTH
from cep.runtime.listed import Windows

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from cep.compiler.columns import Leaf
    from cep.compiler.window import WindowProgram
    from cep.language.typed import Fold, Typed
    from cep.model.batch import Int64Array
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.windowrows import WindowRows

_FEW = 16


class RunningRows:
    """What is carried of all keys; ``words`` of a row are its key."""

    def __init__(self, program: WindowProgram, rows: WindowRows, words: slice, faults: Int64Array) -> None:
        self._folds, self._reader, self._words, self._faults = program.folds, rows, words, faults
        self._slot_of = {f: program.slot_of(f.argument) for f in program.folds if f.argument is not None}
        self._totals = Totals(program.folds)
        most = 1 + sum(f.function not in (*TOTALS, *SKETCHED) for f in program.folds)
        self._sketches: dict[Fold, list[Sketch]] = {f: [] for f in program.folds if f.function in SKETCHED}
        self._table = np.zeros((_FEW, most, program.layout.row_width), np.int64)
        self._many = np.zeros(_FEW, np.int64)
        self._carry = np.zeros((_FEW, 1 + self._totals.width), np.int64)  # the time of the first event stands first
        self._slots: dict[Hashable, int] = {}

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return len(self._slots)

    @property
    def open(self) -> int:
        """No window is open: each is decided with its event."""
        return 0

    @property
    def rows(self) -> int:
        """How many rows are kept."""
        return int(self._many.sum())

    @property
    def bytes(self) -> int:
        """What the tables take."""
        return self._table.nbytes + self._carry.nbytes + self._many.nbytes

    def all_rows(self) -> Int64Array:
        """The rows that are kept of all keys."""
        return self._kept(np.arange(len(self._slots)))

    def _kept(self, keys: Int64Array) -> Int64Array:
        kept: Int64Array = self._table[keys][np.arange(self._table.shape[1]) < self._many[keys][:, None]]
        return kept

    def _slots_of(self, block: Int64Array) -> Int64Array:
        known = self._slots
        out = np.zeros(len(block), np.int64)
        words = block[:, self._words]
        if not words.shape[1] and known:
            return out  # there is one key
        for row, name in enumerate(map(tuple, words.tolist() if words.shape[1] else [[]])):
            slot = known.get(name)
            if slot is None:
                slot = known[name] = len(known)
                if slot == len(self._table):
                    self._table = np.concatenate([self._table, np.zeros_like(self._table)])
                    self._many = np.concatenate([self._many, np.zeros_like(self._many)])
                    self._carry = np.concatenate([self._carry, np.zeros_like(self._carry)])
                self._carry[slot, 0] = block[row, TS]
                for fold, sketches in self._sketches.items():
                    sketches.append(Sketch(fold))
            out[row] = slot
        return out

    def take(self, block: Int64Array) -> Iterator[Windows]:
        """Take rows in the total order; give the windows that end with them."""
        keys, owner = np.unique(self._slots_of(block), return_inverse=True)
        n, old = len(keys), self._kept(keys)
        who = np.concatenate([np.repeat(np.arange(n), self._many[keys]), owner.reshape(-1)])
        fresh = np.arange(len(who)) >= len(old)
        order = np.lexsort([fresh, who])
        rows, who, fresh = np.concatenate([old, block])[order], who[order], fresh[order]
        by = np.flatnonzero(fresh)
        cuts = np.searchsorted(who, np.arange(n + 1))
        found = np.zeros((len(by), WINDOW_WIDTH), np.int64)
        found[:, LOW], found[:, HIGH], found[:, AT] = cuts[who[by]], by + 1, rows[by, TS]
        stretches, whose = Stretches(found, len(rows)), who[by]
        last = np.searchsorted(whose, np.arange(n), "right") - 1
        carry = self._carry[keys]
        begins = carry[whose, 0]
        known: dict[Typed, Leaf] = {}
        needed = [cuts[1:] - 1]
        for fold in self._folds:
            values = self._reader.column(self._slot_of[fold], rows) if fold in self._slot_of else None
            if fold.function in TOTALS:
                words = carry[:, 1:]
                known[fold] = self._totals.go_on(fold, values, fresh, stretches, whose, words, self._faults)
            elif fold in self._sketches:
                assert values is not None, "only events are counted without a value"
                sketches = [self._sketches[fold][key] for key in keys.tolist()]
                known[fold] = carried(fold, values, by, whose, sketches)
            else:
                assert values is not None, "only events are counted without a value"
                at, nothing = stretches.places(fold.function, values)
                known[fold] = taken(values, at, nothing)
                needed.append(np.where(nothing[last], -1, at[last]))
        self._carry[keys] = carry
        self._keep(keys, rows, np.sort(np.stack(needed, axis=1), axis=1))
        yield Windows(rows, found, by, begins, (by, by + 1), known)

    def _keep(self, keys: Int64Array, rows: Int64Array, needed: Int64Array) -> None:
        """Keep of each key the rows that are needed: places in ascending order, some below 0, some twice."""
        wanted = needed >= 0
        wanted[:, 1:] &= needed[:, 1:] != needed[:, :-1]
        place = np.cumsum(wanted, axis=1) - 1
        key, column = np.nonzero(wanted)
        self._table[keys[key], place[key, column]] = rows[needed[key, column]]
        self._many[keys] = wanted.sum(axis=1)

    def _in_order(self) -> Int64Array:
        """The keys by their last events."""
        slots = np.arange(len(self._slots))
        last = self._table[slots, self._many[slots] - 1]
        ordered: Int64Array = np.lexsort([last[:, SEQ], last[:, STREAM], last[:, TS]])
        return ordered

    def state(self) -> State:
        """What the keys' aggregates have come to, by their last events."""
        order = self._in_order()
        stored = [sketches[key].stored() for sketches in self._sketches.values() for key in order.tolist()]
        return {
            "totals": self._carry[order].reshape(-1),
            "sketch sizes": np.array([len(each) for each in stored], np.int64),
            "sketches": np.frombuffer(b"".join(stored), np.uint8),
        }

    def restore(self, rows: Int64Array, stored: Stored) -> None:
        """Take over what is kept of each key, in the total order, and what its aggregates have come to."""
        slots = self._slots_of(rows)
        n, most = len(self._slots), self._table.shape[1]
        counts = np.bincount(slots, minlength=n)
        stored.require(counts.max(initial=0) <= most, "a key has too many rows")
        totals = stored.numbers("totals", n * self._carry.shape[1])
        order = np.argsort(slots, kind="stable")
        begin = np.cumsum(counts) - counts
        self._table[slots[order], np.arange(len(rows)) - np.repeat(begin, counts)] = rows[order]
        self._many[:n] = counts
        in_order = self._in_order()
        self._carry[in_order] = totals.reshape(n, -1)
        sizes = stored.numbers("sketch sizes", n * len(self._sketches), 0).tolist()
        data, begin_at = stored.array("sketches", np.uint8, sum(sizes)).tobytes(), 0
        for number, (fold, sketches) in enumerate(self._sketches.items()):
            for place, key in enumerate(in_order.tolist()):
                size = sizes[number * n + place]
                sketches[key] = Sketch(fold, data[begin_at : begin_at + size])
                begin_at += size

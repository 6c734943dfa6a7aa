"""``from … over W having … emit``: rows of each key are kept while a window may hold them, and windows are given out.

| in | out |
|---|---|
| events of the rule's streams, any order within the lateness bound | a derived event for each window that is
decided and that ``having`` lets through, at the event that ends it or at its deadline |

``where`` and what aggregates ask of an event are decided when it comes, a column at a time, so it is they that meet the
params in force then; rows wait until the frontier has passed them and are put in the total order. A window of time is
decided when the frontier has passed its end; keys are looked at only then. Where each event has a window of its own,
the rows of the keys that a call brings events of are gone through again: O(rows of these keys) a call.
Cost: O(events + rows of keys that are looked at), and what aggregates cost (`cep.compiler.stretches`).
Tested by: tests/runtime/test_window.py, tests/test_corpus.py, tests/properties/test_windows.py
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import batch_leaf
from cep.compiler.screen import Asked
from cep.compiler.stretches import Stretches
from cep.compiler.text import TextVector
from cep.compiler.window import WindowProgram
from cep.kernels.runs import BITS, BY_WINDOW, SEQ, STREAM, TS
from cep.kernels.window import (
    AT,
    DONE,
    EVERY,
    FOUND,
    HIGH,
    KEY,
    LAST_TIME,
    LEFT_WIDTH,
    LENGTH,
    LOW,
    SPAN_WIDTH,
    UNTIL,
    WINDOW_WIDTH,
    list_batches,
    list_latest,
    list_panes,
    list_sessions,
)
from cep.language.fingerprint import fingerprint
from cep.language.typed import Attr, Fold, Key, OfMatch
from cep.model.batch import EventBatch, Provenance, Text, numbers_at, string_column, times_at
from cep.model.time import MIN_TIME
from cep.runtime.apart import apart_of
from cep.runtime.calendar import BEGIN, list_calendar
from cep.runtime.conditions import Memo, both, decide, keyed_rows
from cep.runtime.early import OPS, list_early
from cep.runtime.held import Held
from cep.runtime.identity import emit_seed, provenance
from cep.runtime.keyed import KeyedRows
from cep.runtime.listed import Windows
from cep.runtime.results import Order, Output, order_values
from cep.runtime.windowrows import WindowRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.compiler.columns import Leaf
    from cep.compiler.window import WindowInput
    from cep.language.typed import Typed
    from cep.model.batch import AnyArray, Column, Int64Array
    from cep.model.schema import Schema
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.apart import Apart
    from cep.runtime.clock import Frontier
    from cep.runtime.executor import Program
    from cep.runtime.snapshot import State, Stored

WINDOW_VERSION = 1
"""Of the form of the state; a change of it makes older states unreadable."""
_NEVER = 2**63


class WindowOperator:
    """The running operator."""

    def __init__(
        self,
        operator: Operator,
        program: WindowProgram,
        schemas: Mapping[str, Schema],
        places: Mapping[str, StreamPlace],
    ) -> None:
        self.operator = operator
        self.null_keys = 0
        self.failed = ""
        self.faults = np.zeros(3, np.int64)
        self._programs = [program]  # by the version of the params, the oldest first
        self._schemas = schemas
        self._inputs: dict[str, tuple[int, WindowInput]] = {i.stream: (n, i) for n, i in enumerate(program.inputs)}
        self._rows = WindowRows(program, [key.type for key in operator.rule.keys], places)
        self._window = program.window
        first = program.layout.key_at
        words = slice(first, first + len(operator.rule.keys))
        self._kept = KeyedRows(program.window, program.layout.row_width, words)
        self._apart = apart_of(program, self._rows, words, self.faults)  # in its place, where windows are no stretches
        self._done = MIN_TIME  # the last frontier

    @property
    def _program(self) -> WindowProgram:
        """What arrives now meets this."""
        return self._programs[-1]

    @property
    def cut(self) -> Int64Array:
        """Nothing is left out."""
        return np.zeros(2, np.int64)

    @property
    def held(self) -> Held:
        """The rows that windows may hold, and the windows that time has not ended."""
        kept: KeyedRows | Apart = self._kept if self._apart is None else self._apart
        if self._apart is not None:
            runs = self._apart.open
        else:
            runs = kept.keys if self._window.has_deadline or self._window.kind == "batches" else 0
        return Held(runs, kept.keys, kept.rows, self._rows.waiting, kept.bytes + self._rows.bytes)

    # ------------------------------------------------------------------------------------------------------ arrivals

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events of one of the rule's streams."""
        number, source = self._inputs[stream]
        program = self._program

        def leaf(node: Typed) -> Leaf:
            return batch_leaf(batch[_attribute(node, source)])

        keyed, null_keys = keyed_rows([batch[name] for name in source.keys], len(batch))
        self.null_keys += null_keys
        wanted = decide(program.conditions, leaf, batch, source.keys, memo, self.faults)
        selected = both(wanted, keyed)
        rows = np.arange(len(batch)) if selected is None else np.flatnonzero(selected)
        if not rows.size:
            return

        def chosen(node: Typed) -> Leaf:
            return batch_leaf(batch[_attribute(node, source)].take(rows))

        columns = program.inputs[number].values.columns(chosen, rows.size, self.faults)
        keys = [batch[name].take(rows) for name in source.keys]
        block = self._rows.block(number, times_at(batch, rows), numbers_at(batch, rows), keys, columns)
        block[:, BITS] = len(self._programs) - 1
        self._rows.take(self._in_windows(block))

    def _all_kept(self) -> Int64Array:
        return self._kept.all_rows() if self._apart is None else self._apart.all_rows()

    def _in_windows(self, block: Int64Array) -> Int64Array:
        """The rows that some window holds: where windows stand apart, what falls between them is in none."""
        nowhere = None
        if self._program.marks:
            nothing = [self._rows.is_null(m, block) | (self._rows.words(m, block) == 0) for m in self._program.marks]
            nowhere = np.logical_and.reduce(nothing)
        elif self._program.asked:
            nowhere = np.logical_or.reduce([self._rows.is_null(slot, block) for slot in self._program.asked])
        if nowhere is not None:
            block = block[~nowhere]
            return block
        length, every = self._window.length, self._window.every
        if self._window.kind != "panes" or length is None or every is None or every <= length:
            return block
        return block[every - block[:, TS] % every <= length]

    def asks(self, stream: str) -> Asked:
        """What it asks of the events of a stream."""
        return Asked(((0, self._program.conditions),), self._inputs[stream][1].keys, of_all=False)

    def note(self, stream: str, number: int) -> None:
        """It keeps no account of what it does not want."""

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for something to be decided or freed."""
        return self._rows.least if self._apart is not None else min(self._rows.least, self._kept.wakes_at)

    def change(self, program: Program) -> None:
        """Let events that arrive from now on meet another program, which keeps its state alike."""
        assert isinstance(program, WindowProgram)
        assert program.keeps_alike(self._program)
        self._programs.append(program)

    # ------------------------------------------------------------------------------------------------------- windows

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out the windows that the frontier decides."""
        self._rows.collect(self._all_kept)
        until, before = frontier.time, self._done
        self._done = max(until, before)
        ready = self._rows.ready(frontier)
        if self._apart is not None:
            listed = () if ready is None else self._apart.take(ready)
            return [output for windows in listed for output in self._outputs(windows)]
        slots = np.zeros(0, np.int64) if ready is None else self._kept.add(ready)
        due = np.array(self._kept.due(until), np.int64)
        match self._window.kind:
            case "panes" | "session" | "calendar":
                looked = due
            case "batches":
                looked = self._kept.full(slots, self._window.count or 1)
            case _:
                looked = np.unique(np.concatenate([slots, due]))
        told = self._told(slots) if self._window.early else []
        if not looked.size:
            return told
        rows, ends = self._kept.rows_of(looked)
        fresh = (
            np.bincount(np.searchsorted(looked, slots), minlength=looked.size) if self._window.is_per_event else None
        )
        found, left = self._listed(rows, ends, fresh, before, until)
        if self._window.early:
            self._kept.leave(looked, left)
            return told
        begins = found[:, BEGIN].copy() if self._window.kind == "calendar" else None
        out = self._outputs(Windows(rows, found, found[:, HIGH] - 1, begins)) if len(found) else []
        self._kept.leave(looked, left)
        return out

    def _told(self, slots: Int64Array) -> list[Output]:
        """What the last rows of some keys change of the windows that hold them."""
        if not slots.size:
            return []
        keys, fresh = np.unique(slots, return_counts=True)
        rows, ends = self._kept.rows_of(keys)
        windows = list_early(self._window, rows, ends, fresh)
        return self._outputs(windows) if len(windows) else []

    def _listed(
        self, rows: Int64Array, ends: Int64Array, fresh: Int64Array | None, done: int, until: int
    ) -> tuple[Int64Array, Int64Array]:
        """The windows of some keys that are decided, and what is left of each key."""
        window, ts = self._window, np.ascontiguousarray(rows[:, TS])
        left = np.zeros((len(ends) - 1, LEFT_WIDTH), np.int64)
        found = np.zeros((len(rows), WINDOW_WIDTH), np.int64)
        span = np.zeros(SPAN_WIDTH, np.int64)
        never = int(LAST_TIME)
        span[LENGTH], span[DONE], span[UNTIL] = window.length or 0, done, until
        span[EVERY] = window.count or window.every or never
        match window.kind:
            case "panes":
                while list_panes(ts, ends, found, left, span) < len(ends) - 1:
                    more = np.zeros((2 * len(found), WINDOW_WIDTH), np.int64)
                    more[: span[FOUND]] = found[: span[FOUND]]
                    found = more
                assert span[KEY] == len(ends) - 1
                return found[: span[FOUND]], left
            case "calendar":
                return list_calendar(ts, ends, left, window, until), left
            case "session":
                list_sessions(ts, ends, found, left, span)
                return found[: span[FOUND]], left
            case "batches":
                return found[: list_batches(ts, ends, found, left, span)], left
            case _:
                assert fresh is not None
                return found[: list_latest(ts, ends, fresh, found, left, span)], left

    def _outputs(self, windows: Windows) -> list[Output]:
        """The derived events of windows, by the version that their last events met."""
        met = windows.rows[windows.by, BITS]
        if len(met) and (met == met[0]).all():
            return self._outputs_of(self._programs[int(met[0])], windows)
        out: list[Output] = []
        for version in np.unique(met).tolist():
            out += self._outputs_of(self._programs[version], windows.at(met == version))
        return out

    def _outputs_of(self, program: WindowProgram, windows: Windows) -> list[Output]:
        if program.having is not None:
            leaves = WindowLeaves(self, program, windows)
            keep = program.having.condition(leaves, len(windows), self.faults)
            if not keep.any():
                return []
            windows = replace(windows, known=leaves.known).at(keep)
        leaves, n, rows = WindowLeaves(self, program, windows), len(windows), windows.rows
        last = rows[windows.by]
        keys = tuple(self._rows.key_column(last, part, k.type) for part, k in enumerate(self._key_parts))
        order = self._order(windows, keys)
        make = partial(_origin, self.operator.rule.name, tuple(self._inputs), keys)
        ends = windows.found[:, AT] if self._window.kind in ("panes", "calendar") else None
        stream, number = rows[:, STREAM].astype(np.int32), rows[:, SEQ].copy()
        causes = leaves.stretches if windows.causes is None else Stretches.of(*windows.causes, len(rows))
        out = []
        for place, emit in enumerate(program.emits):
            columns = dict(zip(emit.names, emit.values.columns(leaves, n, self.faults), strict=True))
            later = partial(make, place, causes, stream, number, ends)
            origin = Provenance.later((self.operator.rule.name,), tuple(self._inputs), n, later)
            batch = EventBatch(self._schemas[emit.type], order.ts, np.zeros(n, np.int64), columns, origin)
            out.append(Output(batch, order.emitted_by(place)))
        return out

    @property
    def _key_parts(self) -> tuple[Key, ...]:
        return tuple(Key(part, key.type) for part, key in enumerate(self.operator.rule.keys))

    def leaf(self, program: WindowProgram, windows: Windows, stretches: Stretches, node: Typed) -> Leaf:
        """What ``having`` and ``emit`` read of windows."""
        rows = windows.rows
        match node:
            case Fold():
                if node.function == "events":
                    return stretches.listed(self._identities(rows)), False
                values = None if node.argument is None else self._slot(program, rows, node.argument)
                return stretches.fold(node, values, self.faults)
            case Key():
                return batch_leaf(self._rows.key_column(rows[windows.by], node.index, node.type))
            case Attr():
                return batch_leaf(self._slot(program, rows[windows.by], node))
            case OfMatch(function="op"):
                assert windows.told is not None, "only what is told early is taken back"
                return TextVector(windows.told.ops.astype(np.int32), Text.of(OPS)), False
            case OfMatch():
                return self._bound_of(windows, node.function == "window_start"), False
            case _:
                raise AssertionError(node)

    def _slot(self, program: WindowProgram, rows: Int64Array, expression: Typed) -> Column:
        return self._rows.column(program.slot_of(expression), rows)

    def _identities(self, rows: Int64Array) -> Column:
        names = tuple(self._inputs)
        streams, numbers = rows[:, STREAM].tolist(), rows[:, SEQ].tolist()
        return string_column([f"{names[s]}#{number}" for s, number in zip(streams, numbers, strict=True)])

    def _bound_of(self, windows: Windows, is_start: bool) -> Int64Array:
        """Where windows begin, or end."""
        kind, length, found = self._window.kind, self._window.length or 0, windows.found
        bound: Int64Array
        if kind in ("sliding", "panes"):
            bound = np.maximum(found[:, AT], MIN_TIME + length) - length if is_start else found[:, AT]
        elif is_start and windows.begins is not None:
            bound = windows.begins
        elif kind == "calendar":
            bound = found[:, AT]
        else:
            bound = windows.rows[found[:, LOW] if is_start else windows.by, TS]
        return bound

    def _order(self, windows: Windows, keys: tuple[Column, ...]) -> Order:
        found = windows.found
        told = windows.told
        n, by_event = len(found), told is not None or not self._window.has_deadline
        last = windows.rows[windows.by if told is None else told.rows]
        kind, rank, ties = self._rows.places_of(last)
        nothing = np.zeros(n, np.int64)
        return Order(
            ts=last[:, TS].copy() if told else found[:, AT].copy(),
            level=self.operator.level,
            phase=0 if by_event else BY_WINDOW,
            kind=kind if by_event else 0,
            ties=ties if by_event else (),
            rank=rank if by_event else 0,
            seq=last[:, SEQ].copy() if by_event else nothing,
            rule=self.operator.rule.index,
            keys=() if by_event else tuple(order_values(key) for key in keys),
            first=told.places if told else 0,
            emit=0,
        )

    # ----------------------------------------------------------------------------------------------------- snapshots

    @property
    def layout(self) -> str:
        """What the state's form hangs on, beside the rule."""
        return fingerprint(WINDOW_VERSION, self._window, [slot.type for slot in self._programs[0].layout.slots])

    def state(self) -> State:
        """What waits, what is kept, and the versions of the params that it met."""
        kept = self._all_kept()
        if self._window.length is not None and self._window.is_per_event:  # what has expired may not be freed yet
            kept = kept[kept[:, TS] > max(self._done, MIN_TIME + self._window.length) - self._window.length]
        waiting = self._rows.all_waiting()
        met = np.unique(np.concatenate([kept[:, BITS], waiting[:, BITS], [len(self._programs) - 1]]))
        return {
            "null_keys": self.null_keys,
            "faults": self.faults,
            "done": self._done,
            "versions": [{"values": dict(self._programs[version].values)} for version in met.tolist()],
            "kept": self._rows.state(kept, met),
            **({} if self._apart is None else self._apart.state()),
            "waiting": self._rows.state(waiting, met),
        }

    def restore(self, stored: Stored, program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule remembered."""
        self.null_keys = stored.whole("null_keys", 0)
        self.faults[:] = stored.numbers("faults", 3, 0)
        self._done = stored.whole("done", -(2**63), 2**63 - 1)
        programs = []
        for each in stored.many("versions"):
            values = each.inner("values")
            program = program_of({name: values.text(name) for name in values.names})
            each.require(
                isinstance(program, WindowProgram) and program.keeps_alike(self._programs[0]), "it is no version"
            )
            assert isinstance(program, WindowProgram)
            programs.append(program)
        stored.require(programs, "there is no version")
        kept = self._rows.read(stored.inner("kept"), len(programs))
        waiting = self._rows.read(stored.inner("waiting"), len(programs))
        self._programs = programs
        if len(kept) and self._apart is not None:
            self._apart.restore(self._rows.sorted(kept), stored)
        elif len(kept):
            self._kept.add(self._rows.sorted(kept))
        if len(waiting):
            self._rows.take(waiting)


class WindowLeaves:
    """The leaves of expressions over some windows, each computed once."""

    def __init__(self, operator: WindowOperator, program: WindowProgram, windows: Windows) -> None:
        self._operator, self._program, self._windows = operator, program, windows
        self.stretches = Stretches(windows.found, len(windows.rows))
        self.known = dict(windows.known)

    def __call__(self, node: Typed) -> Leaf:
        """The value and the null flag of a leaf, of each window."""
        if node not in self.known:
            self.known[node] = self._operator.leaf(self._program, self._windows, self.stretches, node)
        return self.known[node]


def _attribute(node: Typed, source: WindowInput) -> str:
    if isinstance(node, Key):
        return source.keys[node.index]
    assert isinstance(node, Attr)
    return node.name


def _origin(
    rule: str,
    streams: tuple[str, ...],
    keys: tuple[Column, ...],
    emit: int,
    stretches: Stretches,
    stream: AnyArray,
    number: Int64Array,
    ends: Int64Array | None,
) -> Provenance:
    """Where windows come from: all their events. ``ends`` tell windows of the same events apart."""
    offsets, rows = stretches.lineage(np.arange(stretches.rows))
    seeds = np.full(len(stretches), emit_seed(rule, emit), np.uint64)
    if ends is not None:
        seeds ^= ends.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return provenance((rule,), None, seeds, keys, (offsets, streams, stream[rows], number[rows]))

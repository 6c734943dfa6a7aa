"""The state of one pattern operator for one shard of its keys, and the matcher's shell around it.

Rows wait here until the frontier has passed them. The shell gives the kernel room when it asks, takes matches out
before tables are compacted, and turns them into derived events.

Invariants: what is counted is what is held; nothing grows with the stream, only with live runs and rows that wait.
Tested by: tests/runtime/test_pattern.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.external import Failures
from cep.compiler.generate import load_generated
from cep.compiler.lists import BoundEvents
from cep.kernels.deadlines import (
    DONE,
    WANTS_CLOSERS,
    WANTS_FOUND,
    WANTS_GAPS,
    WANTS_NODES,
    WANTS_PAST,
    WANTS_RUNS,
    WANTS_SLOTS,
    WANTS_STARTS,
)
from cep.kernels.match import match_rows
from cep.kernels.program import Matches, Operands
from cep.kernels.runs import (
    BITS,
    BY_EVENT,
    CLOSERS_HEAD,
    CLOSERS_TAIL,
    CURSOR,
    DECIDED_AT,
    DECIDER,
    FOUND,
    GAPS_HEAD,
    GAPS_TAIL,
    KEY,
    LENGTH,
    LIVE_RUNS,
    LIVE_SLOTS,
    NEWEST,
    NO,
    NODE,
    NODES_USED,
    PAST_BEFORE,
    PAST_HEAD,
    PAST_TAIL,
    PHASE,
    ROW,
    ROWS_USED,
    RUNS,
    SEQ,
    SLOTS_USED,
    START_NO,
    STARTS_HEAD,
    STARTS_TAIL,
    STREAM,
    TS,
    compact_state,
    fill_table,
    list_bindings,
)
from cep.model.batch import Column, EventBatch
from cep.runtime.failing import told
from cep.runtime.held import Held, is_spacious
from cep.runtime.identity import emit_seed, provenance
from cep.runtime.limit import Limit
from cep.runtime.packing import unpacked
from cep.runtime.results import Order, Output, column_ranks, order_values
from cep.runtime.stored import check_codes, read_text, renumbered, text_state
from cep.runtime.strings import Strings
from cep.runtime.tables import (
    SMALL,
    empty_state,
    grown,
    is_wanted,
    least_deadline,
    new_table,
    pack_runs,
    rehashed,
    repacked,
    restore_runs,
    wakes_of,
    widened,
)
from cep.runtime.timeouts import parted
from cep.runtime.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.pattern import EmitProgram, PatternProgram
    from cep.model.batch import AnyArray, Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.plan.plan import Operator, StreamPlace
    from cep.runtime.clock import Frontier
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.versions import ProgramOf, Version

    _TextPart = tuple[Int64Array, AnyArray, int, str]

_NEVER, _MOST_FOUND = 2**63, 65_536  # so many matches are taken out at once, unless one event has more
FAILING = -(2**63)
"""The bits of a row that ends the rule: a function of a Python module failed for its event."""


class PatternShard:
    """Rows that wait, retained rows, runs, keys and strings of one shard."""

    def __init__(
        self,
        operator: Operator,
        program: PatternProgram,
        schemas: Mapping[str, Schema],
        places: Mapping[str, StreamPlace],
    ) -> None:
        self.strings = Strings(program.texts)
        self.faults = np.zeros(3, np.int64)
        self.failing: list[tuple[Order, str]] = []  # matches for which a function of an ``emit`` failed
        self.stopped: tuple[int, int] | None = None  # stream and number of the event that ended the rule
        self._operator, self._program, self._schemas = operator, program, schemas
        self._streams = tuple(i.stream for i in program.inputs)
        self.limit = Limit(operator.rule)
        self._kinds, self._ranks = np.array([(places[s].kind, places[s].rank) for s in self._streams], np.int64).T
        self._generated = load_generated(program.text)
        self._versions = Versions(program)
        self._waiting: list[Int64Array] = []
        self._least = _NEVER  # the least time of a row that waits
        self._next_no = 0
        self._watermark = -(2**63)
        layout = program.layout
        self._text_columns = [layout.column(s.index) for s in layout.slots if s.type.kind in ("string", "list")]
        self._text_keys = [i for i, k in enumerate(operator.rule.keys) if k.type.kind == "string"]
        self._state = empty_state(program)
        self._found = new_table(SMALL, layout.run_width)  # grows with what a batch finds

    @property
    def open_runs(self) -> int:
        """Partial matches not decided yet."""
        return int(self._state.counts[LIVE_RUNS])

    @property
    def held(self) -> Held:
        """What it keeps, counted."""
        counts, tables = self._state.counts, self._state._asdict()
        own = [table for name, table in tables.items() if not name.endswith("_f")]  # the others are views
        size = sum(a.nbytes for a in (*own, *self.strings.store, *self._waiting, self._found))
        rows, waiting = int(counts[ROWS_USED]), sum(map(len, self._waiting))
        return Held(self.open_runs, int(counts[LIVE_SLOTS]), rows, waiting, size)

    @property
    def wakes_at(self) -> int:
        """Where the frontier must have come for a row to be shown, or a deadline to be decided."""
        return least_deadline(self._state, self._least)

    def take(self, block: Int64Array) -> None:
        """Let rows wait for the frontier."""
        self._waiting.append(block)
        self._least = min(self._least, int(block[:, TS].min()))

    def advance(self, frontier: Frontier) -> list[Output]:
        """Show the matcher what the frontier has passed; return the derived events of its matches."""
        rows, until = self._ready(frontier), frontier.time
        if rows is None and until <= self._watermark:
            return []
        if rows is not None and self._program.calls and (rows[:, BITS] < 0).any():
            rows, until = self._cut(rows)
        self._watermark = max(self._watermark, until)
        counts = self._state.counts
        if rows is None and not self.open_runs and counts[PAST_HEAD] == counts[PAST_TAIL]:
            return []
        if rows is not None and len(self._versions) > 1:
            return self._match_versions(rows)
        if rows is not None:
            self._append(rows)
        out = self._match(self._versions.newest, self._watermark)
        if is_spacious(len(self._state.runs), self.open_runs):
            self._give_back()
        return out

    def _give_back(self) -> None:
        """Let what is remembered move to tables of the size that it needs."""
        self._state = repacked(self._state, self._program)
        self._found = new_table(SMALL, self._found.shape[1])
        self._collect_strings(new_table(0, self._program.layout.row_width))

    def _cut(self, rows: Int64Array) -> tuple[Int64Array | None, int]:
        """The rows before the event that ends the rule, and its time."""
        last = int(np.flatnonzero(rows[:, BITS] < 0)[0])
        stream, number, until = rows[last, [STREAM, SEQ, TS]].tolist()
        self.stopped = (stream, number)
        same = (rows[:, STREAM] == stream) & (rows[:, SEQ] == number)  # as an event of the rule, too
        first = int(np.flatnonzero(same)[0])
        return (np.ascontiguousarray(rows[:first]) if first else None), until

    def change(self, program: PatternProgram, since: Int64Array) -> None:
        """Let events from the numbers ``since`` on, by stream, meet another program of the same shape."""
        self._compact()
        kept = self._state.rows[: int(self._state.counts[ROWS_USED])]
        self._versions.change(program, since, self.strings, np.concatenate([kept, *self._waiting]))

    # ---------------------------------------------------------------------------------------------------- snapshots

    def state(self) -> State:
        """All that the shard remembers, in one form however it came about; the shard stays as it is.

        Of what `__init__` makes, ``_least`` follows from it, ``_found`` is empty between two calls, and the rest is the
        rule's.
        """
        tables = pack_runs(self._state, len(self._program.layout.positions), wakes_of(self._program))
        waiting = np.concatenate([np.zeros((0, self._program.layout.row_width), np.int64), *self._waiting])
        waiting = waiting[np.lexsort((waiting[:, SEQ], waiting[:, STREAM]))]
        parts = self._text_parts([tables["rows"], waiting], tables["slots"])
        used, codes = renumbered([table[rows, column] for table, rows, column, _ in parts])
        for table in (tables["rows"], waiting):
            for slot in self._program.layout.slots:  # what stands under a null is nobody's business
                word, bit = self._program.layout.null_place(slot.index)
                table[(table[:, word] >> bit) & 1 != 0, self._program.layout.column(slot.index)] = 0
        for (table, rows, column, _), new in zip(parts, codes, strict=True):
            table[rows, column] = new
        return {
            "next_no": self._next_no,
            "watermark": self._watermark,
            "faults": self.faults,
            "cut": self.limit.cut,
            "strings": text_state(self.strings.dictionary(used)),
            "waiting": waiting,
            "versions": self._versions.state(),
            **tables,
        }

    def restore(self, stored: Stored, program_of: ProgramOf) -> None:
        """Take over what a shard of the same rule remembered."""
        self._versions.restore(stored, program_of, self.strings)
        self._next_no = stored.whole("next_no", 0, 2**62)
        self._watermark = stored.whole("watermark", -(2**63), 2**63 - 1)
        self.faults[:] = stored.numbers("faults", 3, 0)
        self.limit.cut[:] = stored.numbers("cut", 2, 0)
        text = read_text(stored.inner("strings"))
        codes = self.strings.intern(text, np.arange(len(text)))
        waiting = stored.array("waiting", np.int64, None, self._program.layout.row_width)
        stored.within(waiting[:, STREAM], 0, len(self._streams) - 1, "the stream of a row that waits")
        state = restore_runs(self._state, self._program, stored)
        kept = state.rows[: int(state.counts[ROWS_USED])]
        stored.require(not len(kept) or kept[-1, NO] < self._next_no, "a row's number is yet to come")
        slots = state.slots[: int(state.counts[SLOTS_USED])]
        for table, rows, column, kind in self._text_parts([kept, waiting], slots):
            check_codes(stored, text, table[rows, column], kind)
            table[rows, column] = codes[table[rows, column]]
        fill_table(slots, len(slots), len(self._operator.rule.keys), state.table)
        self._state = state
        self._waiting = [waiting] if len(waiting) else []
        self._least = int(waiting[:, TS].min()) if len(waiting) else _NEVER

    def _text_parts(self, tables: Sequence[Int64Array], slots: Int64Array) -> list[_TextPart]:
        """Where codes of the store stand: a table, the rows where they are not null, the column, and the kind."""
        layout = self._program.layout
        out: list[_TextPart] = []
        for i in self._text_keys:
            out += [(t, np.arange(len(t)), layout.key_at + i, "string") for t in tables]
            out.append((slots, np.arange(len(slots)), KEY + i, "string"))
        for slot in layout.slots:
            column, (word, bit) = layout.column(slot.index), layout.null_place(slot.index)
            if column in self._text_columns:
                out += [(t, np.flatnonzero((t[:, word] >> bit) & 1 == 0), column, slot.type.kind) for t in tables]
        return out

    # ------------------------------------------------------------------------------------------------------- order

    def _ready(self, frontier: Frontier) -> Int64Array | None:
        """The rows that the frontier has passed, in the total order."""
        if frontier.time < self._least or not self._waiting:
            return None
        rows = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        ts = rows[:, TS]
        ready = ts < frontier.time
        if not ready.all():
            ready |= (ts == frontier.time) & (self._kinds[rows[:, STREAM]] <= frontier.kind)
        if not ready.any():
            self._waiting = [rows]
            return None
        if ready.all():
            self._waiting, self._least = [], _NEVER
        else:
            self._waiting = [np.ascontiguousarray(rows[~ready])]
            self._least = int(ts[~ready].min())
            rows = np.ascontiguousarray(rows[ready])
        return self._sorted(rows)

    def _sorted(self, rows: Int64Array) -> Int64Array:
        """Rows in the total order; as they are when they are in order already."""
        ts, stream = rows[:, TS], rows[:, STREAM]
        if bool((ts[1:] > ts[:-1]).all()):
            return rows
        if len(self._streams) == 1 and not self._program.inputs[0].ties:
            return (
                rows if bool((ts[1:] >= ts[:-1]).all()) else np.ascontiguousarray(rows[np.argsort(ts, kind="stable")])
            )
        ties = self._tie_ranks(rows)
        order = np.lexsort([rows[:, SEQ], self._ranks[stream], *reversed(ties), self._kinds[stream], ts])
        return np.ascontiguousarray(rows[order])

    def _tie_ranks(self, rows: Int64Array) -> list[Int64Array]:
        """For each place among the tie attributes numbers that sort as the values do, within one class of streams."""
        width = max(len(s) for s in self._program.tie_slots.values())
        out = []
        for position in range(width):
            ranks_here = np.zeros(len(rows), np.int64)
            by_slot: dict[int, list[int]] = {}
            for number, stream in enumerate(self._streams):
                slots = self._program.tie_slots[stream]
                if position < len(slots):
                    by_slot.setdefault(slots[position], []).append(number)
            for slot, numbers in by_slot.items():
                if len(numbers) == len(self._streams):
                    ranks_here = column_ranks(self._slot_column(slot, rows))
                    continue
                at = np.flatnonzero(np.isin(rows[:, STREAM], numbers))
                ranks_here[at] = column_ranks(self._slot_column(slot, rows[at]))
            out.append(ranks_here)
        return out

    def _tie_values(self, rows: Int64Array) -> list[AnyArray]:
        """The tie attributes of rows, each as an array that sorts as the values do within one class."""
        width = max(len(s) for s in self._program.tie_slots.values())
        out: list[AnyArray] = []
        for position in range(width):
            values: AnyArray = np.zeros(len(rows), np.int64)
            for number, stream in enumerate(self._streams):
                slots = self._program.tie_slots[stream]
                if position >= len(slots):
                    continue
                at = np.flatnonzero(rows[:, STREAM] == number)
                part = order_values(self._slot_column(slots[position], rows[at]))
                if part.dtype != values.dtype and len(self._streams) == 1:
                    values = part
                    continue
                if part.dtype == object or (part.dtype != values.dtype and values.dtype != object):
                    values = values.astype(object)
                values[at] = part
            out.append(values)
        return out

    def _slot_column(self, slot: int, rows: Int64Array) -> Column:
        layout = self._program.layout
        word, bit = layout.null_place(slot)
        null = ((rows[:, word] >> bit) & 1) != 0
        valid = ~null if null.any() else None
        return self._as_column(layout.slots[slot].type, rows[:, layout.column(slot)], valid)

    def _as_column(self, kind: Type, words: AnyArray, valid: AnyArray | None) -> Column:
        if kind.kind == "string":
            codes = words if valid is None else np.where(valid, words, 0)
            if valid is not None and not valid.any():
                return Column(kind, np.zeros(len(words), np.int32), valid, self.strings.text(codes[:0]).text)
            vector = self.strings.text(codes)
            return Column(kind, vector.codes, valid, vector.text)
        if kind.kind == "list":
            vector = self.strings.text(words)
            return Column(kind, vector.codes, valid, None, unpacked(vector.text, kind.items[0]))
        if kind.kind == "float":
            return Column(kind, np.ascontiguousarray(words).view(np.float64), valid)
        if kind.kind == "bool":
            return Column(kind, words != 0, valid)
        return Column(kind, np.ascontiguousarray(words), valid)

    # ------------------------------------------------------------------------------------------------------- tables

    def _append(self, rows: Int64Array) -> None:
        n = len(rows)
        rows[:, NO] = np.arange(self._next_no, self._next_no + n)
        self._next_no += n
        if self.strings.wants_collection:
            self._compact()
            self._collect_strings(rows)
        counts = self._state.counts
        if int(counts[ROWS_USED]) + n > len(self._state.rows):
            self._compact()
            needed = int(counts[ROWS_USED]) + n
            if 2 * needed > len(self._state.rows):
                table = grown(self._state.rows, 2 * needed)
                self._state = self._state._replace(rows=table, rows_f=table.view(np.float64))
        used = int(counts[ROWS_USED])
        self._state.rows[used : used + n] = rows
        counts[ROWS_USED] = used + n

    def _compact(self) -> None:
        state = self._state
        assert state.counts[FOUND] == 0, "matches refer to rows"
        row_at = np.zeros(len(state.rows), np.int64)
        node_at = np.zeros(len(state.nodes), np.int64)
        compact_state(state, len(self._program.layout.positions), row_at, node_at)

    def _collect_strings(self, incoming: Int64Array) -> None:
        state = self._state
        kept = state.rows[: int(state.counts[ROWS_USED])]
        key_at = self._program.layout.key_at
        columns = [*self._text_columns, *(key_at + i for i in self._text_keys)]
        used: list[AnyArray] = [t[:, c] for t in (kept, incoming, *self._waiting) for c in columns]
        slots = state.slots[: int(state.counts[SLOTS_USED])]
        live = slots[slots[:, RUNS] >= 0]
        used += [live[:, KEY + i] for i in self._text_keys]
        self.strings.collect(used)

    def _make_room(self, wanted: int, again: bool) -> None:
        """Make room in the table that was too small; ``again``: what was made before was not enough for one event."""
        state = self._state
        if wanted == WANTS_FOUND:
            self._found = grown(self._found, 2 * len(self._found))  # with matches that wait for others of their moment
        elif wanted == WANTS_RUNS:
            table = grown(state.runs, 2 * len(state.runs))
            table[len(state.runs) :, NODE] = -1
            self._state = state._replace(runs=table, runs_f=table.view(np.float64))
        elif wanted == WANTS_NODES:
            # compaction looks at every row: it pays only when there are as many bindings to look at
            crowded = len(state.nodes) < len(state.rows)
            if not crowded:
                self._compact()
            if again or crowded or 2 * int(state.counts[NODES_USED]) > len(state.nodes) - SMALL:
                self._state = state._replace(nodes=grown(state.nodes, 2 * len(state.nodes)))
        elif wanted == WANTS_STARTS:
            begun = np.unique(state.runs[state.runs[:, NODE] >= 0, START_NO])
            starts = self._roomier(state.starts, STARTS_HEAD, STARTS_TAIL, lambda e: np.isin(e[:, 2], begun))
            self._state = state._replace(starts=widened(starts, again))
        elif wanted == WANTS_CLOSERS:
            closers = self._roomier(state.closers, CLOSERS_HEAD, CLOSERS_TAIL, self._of_live_runs)
            self._state = state._replace(closers=widened(closers, again))
        elif wanted == WANTS_GAPS:
            gaps = self._roomier(state.gaps, GAPS_HEAD, GAPS_TAIL, self._of_live_runs)
            self._state = state._replace(gaps=widened(gaps, again))
        elif wanted == WANTS_PAST:
            self._state = state._replace(past=self._roomier_past())
        else:
            assert wanted == WANTS_SLOTS, wanted
            self._state = rehashed(state, len(self._operator.rule.keys))

    def _of_live_runs(self, deadlines: Int64Array) -> AnyArray:
        return is_wanted(self._state, deadlines, wakes_of(self._program))

    def _roomier(self, ring: Int64Array, head: int, tail: int, is_live: Callable[[Int64Array], AnyArray]) -> Int64Array:
        """A ring of deadlines without those whose runs are gone, and twice as large unless hardly any are left."""
        counts = self._state.counts
        places = np.arange(int(counts[head]), int(counts[tail])) & (len(ring) - 1)
        entries = ring[places]
        entries = entries[is_live(entries)]
        counts[head], counts[tail] = 0, len(entries)
        out = np.zeros((2 * len(ring) if 8 * len(entries) > len(ring) else len(ring), ring.shape[1]), np.int64)
        out[: len(entries)] = entries
        return out

    def _roomier_past(self) -> Int64Array:
        """The ring of kept events, twice as large, from its beginning on."""
        counts, slots = self._state.counts, self._state.slots[: int(self._state.counts[SLOTS_USED])]
        head = int(counts[PAST_HEAD])
        past = self._roomier(self._state.past, PAST_HEAD, PAST_TAIL, lambda e: np.ones(len(e), np.bool_))
        past[: int(counts[PAST_TAIL]), PAST_BEFORE] -= head  # those that are gone stand before the head
        slots[:, NEWEST] -= head
        return past

    # --------------------------------------------------------------------------------------------------------- match

    def _match_versions(self, rows: Int64Array) -> list[Output]:
        """The same, each row under the version that was in force when it arrived."""
        out: list[Output] = []
        self._waiting.append(rows)  # what stands behind the rows at hand keeps its strings
        for version, part in self._versions.runs_of(rows):
            self._append(rows[part])
            out += self._match(version, int(rows[part][-1, TS]))
        self._waiting.pop()
        return out + self._match(self._versions.newest, self._watermark)

    def _match(self, version: Version, watermark: int) -> list[Output]:
        out: list[Output] = []
        stuck = (-1, -1)
        while True:
            state = self._state
            store = self.strings.store
            operands = Operands(version.ints, version.program.floats, store.heap, store.spans, self.faults)
            matches = Matches(self._found, self._found.view(np.float64))
            stopped = match_rows(
                self._program.tables, state, matches, operands,
                self._generated.test, self._generated.update, watermark,
            )  # fmt: skip
            found = int(state.counts[FOUND])
            whole = stopped != WANTS_FOUND or self.limit.may_split(self._found[:found])
            if found and whole and stopped in (DONE, WANTS_FOUND, WANTS_NODES):  # before rows and bindings may move
                out += self._harvest(found)
                state.counts[FOUND] = 0
            if stopped == DONE:
                return out
            again = (int(stopped), int(state.counts[CURSOR]))
            if stopped != WANTS_FOUND or not found or not whole or len(self._found) < _MOST_FOUND:
                self._make_room(int(stopped), again == stuck)
            stuck = again

    def _harvest(self, n: int) -> list[Output]:
        """The derived events of the first ``n`` matches that stand in the table."""
        found, late = self._found[:n].copy(), np.zeros((0, self._found.shape[1]), np.int64)
        if self._program.timeout is not None:
            found, late = parted(found, self._program.tables, self._state, self._fulfil)
        found = self.limit.given(found, self._versions.newest.program.layout)
        each = [(part, is_late) for part, is_late in ((found, False), (late, True)) if len(part)]
        return [
            o
            for part, is_late in each
            for program, rows in self._by_program(part)
            for o in self._outputs(part[rows], program, late=is_late)
        ]

    def _by_program(self, found: Int64Array) -> list[tuple[PatternProgram, Int64Array | slice]]:
        """The programs that decide what matches emit, each with their rows: those that their last event met."""
        if len(self._versions) == 1:
            return [(self._versions.newest.program, slice(None))]
        last = self._state.rows[self._state.nodes[found[:, NODE], ROW]]
        return [(version.program, rows) for version, rows in self._versions.groups_of(last)]

    def _fulfil(self, found: Int64Array) -> Int64Array:
        """1 for each start that times out as the rule wants to be told of, else 0."""
        wanted = np.zeros(len(found), np.int64)
        for program, rows in self._by_program(found):
            assert program.timeout is not None
            mine = found[rows]
            (column,) = self._computed(program.timeout, mine, program, self._bindings(mine)).values()
            wanted[rows] = column.values if column.valid is None else column.values & column.valid
        return wanted

    def _bindings(self, found: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The events that matches have bound (see `list_bindings`), and where those of each begin."""
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum(found[:, LENGTH], out=offsets[1:])
        bound = np.zeros((int(offsets[-1]), 4), np.int64)
        list_bindings(found, len(found), self._state.nodes, self._state.rows, bound)
        return offsets, bound

    def _outputs(self, found: Int64Array, program: PatternProgram, *, late: bool = False) -> list[Output]:
        """What matches emit, or those that are late: the starts that time out."""
        state, layout, rule = self._state, program.layout, self._operator.rule
        found, offsets, bound = self.limit.with_bindings(found, layout, self._bindings)
        n = len(found)
        last = state.nodes[found[:, NODE], ROW]
        keys = tuple(
            self._as_column(k.type, state.rows[last, layout.key_at + i], None) for i, k in enumerate(rule.keys)
        )
        order = self._order(found, keys)
        ts = found[:, DECIDED_AT].copy()
        out = []
        for place, emit in enumerate(program.emits):
            if emit.on_timeout != late:
                continue
            failures = Failures(ts) if emit.functions else None
            columns = self._computed(emit, found, program, (offsets, bound), failures)
            if failures is not None:
                ends = bound[offsets[1:] - 1]
                for row, said in failures.rows.items():
                    words = told(self._streams[ends[row, 1]], int(ends[row, 2]), said)
                    self.failing.append((order.take(np.array([row])).emitted_by(-1), words))
            seeds = np.full(n, emit_seed(rule.name, place), np.uint64)
            begins, events = self.limit.lineage(offsets, bound)
            lineage = (begins, self._streams, events[:, 1], events[:, 2])
            origin = provenance((rule.name,), None, seeds, keys, lineage)
            batch = EventBatch(self._schemas[emit.type], ts, np.zeros(n, np.int64), columns, origin)
            out.append(Output(batch, order.emitted_by(place)))
        return out

    def _computed(
        self,
        emit: EmitProgram,
        found: Int64Array,
        program: PatternProgram,
        bindings: tuple[Int64Array, Int64Array],
        failures: Failures | None = None,
    ) -> dict[str, Column]:
        """The fields of an ``emit`` for all of ``found`` at once."""
        state, layout = self._state, program.layout
        lists = BoundEvents(
            *bindings, self._streams,
            lambda slot, rows: self._slot_column(slot, state.rows[rows]),
            lambda slot, words: self._as_column(layout.slots[slot].type, words, None),
        )  # fmt: skip
        at = state.nodes[found[:, NODE], ROW] * layout.row_width
        return emit(state.rows, found, at, self.strings.text, self.faults, lists, failures)

    def _order(self, found: Int64Array, keys: tuple[Column, ...]) -> Order:
        rows = self._state.rows
        by_event = found[:, PHASE] == BY_EVENT
        decider = np.where(by_event, found[:, DECIDER], 0)
        deciding = rows[decider]
        stream = deciding[:, STREAM]
        ties = tuple(_masked(t, by_event) for t in self._tie_values(deciding))
        return Order(
            ts=found[:, DECIDED_AT].copy(),
            level=self._operator.level,
            phase=found[:, PHASE].copy(),
            kind=np.where(by_event, self._kinds[stream], 0),
            ties=ties,
            rank=np.where(by_event, self._ranks[stream], 0),
            seq=np.where(by_event, deciding[:, SEQ], 0),
            rule=self._operator.rule.index,
            keys=tuple(order_values(k) for k in keys) if not by_event.all() else (),
            first=found[:, START_NO].copy(),
            emit=0,
        )


def _masked(values: AnyArray, keep: AnyArray) -> AnyArray:
    if keep.all():
        return values
    out = values.copy()
    out[~keep] = None if values.dtype == object else 0
    return out

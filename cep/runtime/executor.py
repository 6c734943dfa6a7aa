"""The executor: one part of a plan, from arrivals to results in order.

An arrival is judged against its stream's clock (late events become ``Late.X``, malformed rows ``Rejected.X``, both at
the watermark they met), shown to the operators that read it, and waits there. `step` asks the clocks how far everything
is decided and lets the operators work level by level; derived events are numbered in order and shown to the levels
above, which work only below the watermark, so that nothing earlier can still come.

Invariant: the concatenation of all results is the same however arrivals were cut into batches.
Tested by: tests/runtime/test_executor.py, tests/test_corpus.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cep.compiler.choice import choose_matcher
from cep.compiler.pattern import compile_pattern
from cep.language.typed import CheckedFilter
from cep.model.batch import EventBatch, ends_in_order
from cep.model.schema import late_schema
from cep.model.time import MIN_TIME
from cep.plan.plan import base_stream
from cep.runtime.clock import END_OF_TIME, NOTHING, Frontier, StreamClock, joint_frontier
from cep.runtime.operators.direct import DirectOperator
from cep.runtime.operators.filter import FilterOperator, FilterProgram, compile_filter
from cep.runtime.operators.pattern import PatternOperator
from cep.runtime.results import Output, by_type, interleave, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.choice import Choice
    from cep.compiler.pattern import PatternProgram
    from cep.language.typed import CheckedRule, Rulebook
    from cep.model.batch import Int64Array
    from cep.model.decided import Decided
    from cep.model.schema import Schema
    from cep.plan.plan import Operator, Plan, StreamPlace
    from cep.runtime.conditions import Memo
    from cep.runtime.held import Held
    from cep.runtime.snapshot import State, Stored

    Program = FilterProgram | PatternProgram


class RunningOperator(Protocol):
    """What the executor asks of an operator."""

    operator: Operator
    null_keys: int
    failed: str  # where and why a function of a Python module failed; "" while none has

    @property
    def faults(self) -> Int64Array:
        """Counts of division by zero, overflow, not a number."""

    @property
    def held(self) -> Held:
        """What it keeps, counted."""

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events."""

    def change(self, program: Program) -> None:
        """Let events that arrive from now on meet another program, which keeps its state alike."""

    def advance(self, frontier: Frontier) -> list[Output]:
        """Give out what is decided."""

    @property
    def layout(self) -> str:
        """A fingerprint of the form of its state."""

    def state(self) -> State:
        """What it remembers."""

    def restore(self, stored: Stored, program_of: Callable[[Mapping[str, str]], Program]) -> None:
        """Take over what an operator of the same rule and layout remembered.

        ``program_of`` gives the rule's program under values of params, as Python writes them.
        """


@dataclass(frozen=True, eq=False)
class Programs:
    """All programs of a rulebook, by rule, and the matcher of each pattern; run by any number of executors."""

    plan: Plan
    by_rule: Mapping[str, Program]
    choices: Mapping[str, Choice]


def compile_plan(plan: Plan) -> Programs:
    """Compile every rule of a plan."""
    book = plan.rulebook
    by_rule = {o.rule.name: compile_rule(o.rule, book) for o in plan.operators}
    patterns = [o.rule for o in plan.operators if not isinstance(o.rule.body, CheckedFilter)]
    return Programs(plan, by_rule, {r.name: choose_matcher(r, book.sources, book.params) for r in patterns})


def compile_rule(rule: CheckedRule, book: Rulebook) -> Program:
    """Compile one rule."""
    if isinstance(rule.body, CheckedFilter):
        return compile_filter(rule, book.params)
    return compile_pattern(rule, book.sources, book.params)


class Executor:
    """One part of a plan at work."""

    def __init__(self, programs: Programs, operators: Sequence[Operator], shards: int) -> None:
        book, places = programs.plan.rulebook, programs.plan.places
        self._schemas: dict[str, Schema] = book.sources
        self._derived = book.derived
        self._running: list[RunningOperator] = [_start(programs, o, self._schemas, places, shards) for o in operators]
        self._readers: dict[str, list[RunningOperator]] = {}
        for running in self._running:
            for name in running.operator.inputs:
                self._readers.setdefault(name, []).append(running)
        declared = {base_stream(n) for n in self._readers} & set(book.streams)
        self.clocks = {n: StreamClock(places[n], s.late) for n, s in book.streams.items() if n in declared}
        emitted_until = _last_levels(operators)
        self._levels = [  # each with its operators, and with the types of which all events are known after it
            (
                level,
                [r for r in self._running if r.operator.level == level],
                {name for name, last in emitted_until.items() if last == level},
            )
            for level in sorted({o.level for o in operators})
        ]
        self.numbers: dict[str, int] = {}  # by derived type, how many there were
        self.late: dict[str, int] = {}
        self.rejected: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.matches: dict[str, int] = {o.rule.name: 0 for o in operators}
        self.side_events: dict[str, list[EventBatch]] = {}

    @property
    def operators(self) -> Sequence[RunningOperator]:
        """The running operators, in rule order."""
        return self._running

    def change(self, programs: Mapping[str, Program]) -> None:
        """Let what arrives from now on meet other programs of some rules."""
        for running in self._running:
            program = programs.get(running.operator.rule.name)
            if program is not None:
                running.change(program)

    def receive(self, stream: str, batch: EventBatch, rejected: EventBatch | None) -> None:
        """Take arrivals of a declared stream, in order of arrival, and the rows among them that were no events."""
        clock = self.clocks[stream]
        if rejected is not None and len(rejected):
            # before the clock moves: each stands at the watermark that the rows before it had brought about
            rows = np.searchsorted(batch.seq, rejected["row"].values, side="right")
            met = np.concatenate([[clock.watermark], clock.watermarks(batch.ts)])[rows]
            self._aside(f"Rejected.{stream}", replace(rejected, ts=np.maximum(met, MIN_TIME)), self.rejected, stream)
        ends = ends_in_order(batch)
        if ends is not None and clock.takes(*ends):
            late, met_by_late = None, None
        else:
            late, met_by_late = clock.judge(batch.ts)
        if late is not None and met_by_late is not None:
            tardy = batch.take(late)
            schema = late_schema(self._schemas[stream])
            moved = EventBatch(schema, met_by_late[late], tardy.seq, tardy.columns)
            self._aside(schema.name, moved, self.late, stream)
            batch = batch.take(~late)
        self.events[stream] = self.events.get(stream, 0) + len(batch)
        self._show(stream, batch)

    def step(self, *, final: bool = False) -> Decided:
        """Decide all that can be decided now; ``final`` lets time run out. Results in order."""
        frontier = END_OF_TIME if final else joint_frontier(self.clocks.values())
        strict = Frontier(frontier.time, NOTHING)
        outputs: list[Output] = []
        done: dict[str, Output] = {}
        for level, at_work, complete in self._levels:
            for running in at_work:
                out = running.advance(frontier if level == 0 else strict)
                if out:
                    self.matches[running.operator.rule.name] += sum(len(o.order) for o in out)
                    outputs += out
            mine = [o for o in outputs if o.batch.schema.name in complete]
            for name, merged in by_type(mine, self._derived).items() if mine else ():
                first = self.numbers.get(name, 0)
                self.numbers[name] = first + len(merged.order)
                done[name] = number(merged, first)
                self._show(name, done[name].batch)
        return interleave(list(done.values()))

    @property
    def decided(self) -> int:
        """The time below which everything is decided."""
        return joint_frontier(self.clocks.values()).time

    def stream_state(self, name: str) -> State:
        """What is remembered of a declared stream."""
        counts = {"events": self.events.get(name, 0), "late": self.late.get(name, 0)}
        return {**self.clocks[name].state(), **counts, "rejected": self.rejected.get(name, 0)}

    def restore_stream(self, name: str, stored: Stored) -> None:
        """Take over what was remembered of a declared stream."""
        self.clocks[name].restore(stored)
        for table, word in ((self.events, "events"), (self.late, "late"), (self.rejected, "rejected")):
            count = stored.whole(word, 0)
            if count:
                table[name] = count

    def _aside(self, name: str, batch: EventBatch, counts: dict[str, int], stream: str) -> None:
        first = counts.get(stream, 0)
        counts[stream] = first + len(batch)
        numbered = replace(batch, seq=np.arange(first, first + len(batch)))
        self.side_events.setdefault(name, []).append(numbered)
        self._show(name, numbered)

    def _show(self, stream: str, batch: EventBatch) -> None:
        if not len(batch):
            return
        memo: Memo = {}
        for running in self._readers.get(stream, ()):
            running.receive(stream, batch, memo)


def _start(
    programs: Programs,
    operator: Operator,
    schemas: Mapping[str, Schema],
    places: Mapping[str, StreamPlace],
    shards: int,
) -> RunningOperator:
    program = programs.by_rule[operator.rule.name]
    if isinstance(program, FilterProgram):
        return FilterOperator(operator, program, schemas, places)
    tables = programs.choices[operator.rule.name].tables
    if tables is not None:
        return DirectOperator(operator, tables, schemas, places, shards)
    return PatternOperator(operator, program, schemas, places, shards)


def _last_levels(operators: Sequence[Operator]) -> dict[str, int]:
    """For each derived type the highest level that emits it."""
    out: dict[str, int] = {}
    for operator in operators:
        for name in operator.outputs:
            out[name] = max(out.get(name, 0), operator.level)
    return out

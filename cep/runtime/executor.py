"""The executor: one part of a plan, from arrivals to results in order.

An arrival is judged against its stream's clock (late events become ``Late.X``, malformed rows ``Rejected.X``, both at
the watermark they met), shown to the operators that read it, and waits there. `step` asks the clocks how far everything
is decided and lets the operators work level by level; derived events are numbered in order and shown to the levels
above, which work only below the watermark, so that nothing earlier can still come.

Invariant: the concatenation of all results is the same however arrivals were cut into batches.
Tested by: tests/runtime/test_executor.py, tests/test_corpus.py, tests/properties/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cep.compiler.choice import choose_matcher
from cep.compiler.pattern import compile_pattern
from cep.compiler.window import WindowProgram, compile_window
from cep.language.typed import CheckedFilter, CheckedPattern, CheckedQuery
from cep.model.batch import EventBatch, ends_in_order, has_all, last_number, number_now
from cep.model.decided import Decided, Piece
from cep.model.later import Ahead
from cep.model.schema import late_schema
from cep.model.single import events_at
from cep.model.time import MIN_TIME
from cep.plan.plan import base_stream
from cep.runtime.bundle import Bundle
from cep.runtime.clock import END_OF_TIME, NOTHING, Frontier, StreamClock, joint_frontier
from cep.runtime.operators.direct import DirectOperator
from cep.runtime.operators.filter import FilterOperator, FilterProgram, compile_filter
from cep.runtime.operators.limited import LimitedOperator
from cep.runtime.operators.pattern import PatternOperator
from cep.runtime.operators.window import WindowOperator
from cep.runtime.results import Output, by_type, interleave, number
from cep.runtime.single import FEW, ScreenedReaders, SingleEvents

_ALWAYS, _NEVER = -(2**63), 2**63
_FEW = 2  # results of so many emits are put into one order
_NOTHING = Decided()

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from cep.compiler.choice import Choice
    from cep.compiler.pattern import PatternProgram
    from cep.compiler.screen import Asked
    from cep.language.rulebook import Rulebook
    from cep.language.typed import CheckedRule
    from cep.model.batch import Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.plan.plan import Operator, Plan, StreamPlace
    from cep.runtime.conditions import Memo
    from cep.runtime.held import Held
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.takers import RowTaker

    Program = FilterProgram | PatternProgram | WindowProgram


class RunningOperator(Protocol):
    """What the executor asks of an operator."""

    operator: Operator

    @property
    def null_keys(self) -> int:
        """How many events had no key."""

    @property
    def failed(self) -> str:
        """Where and why a function of a Python module failed; "" while none has."""

    @property
    def faults(self) -> Int64Array:
        """Counts of division by zero, overflow, not a number."""

    @property
    def cut(self) -> Int64Array:
        """Of how many events some matches were left out, and how many."""

    @property
    def held(self) -> Held:
        """What it keeps, counted."""

    def receive(self, stream: str, batch: EventBatch, memo: Memo) -> None:
        """Take events."""

    def asks(self, stream: str) -> Asked:
        """What it asks of the events of a stream: who fits no step of it need not be shown."""

    def note(self, stream: str, number: int) -> None:
        """Take note that events up to ``number`` have come that it was not shown."""

    @property
    def wakes_at(self) -> int:
        """The least time that the frontier must have reached for `advance` to give out or free anything."""

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


class _Compiled(Mapping[str, "Program"]):
    """Programs by rule, each compiled when it is asked for: direct matchers have tables of their own and do not ask."""

    def __init__(self, rules: Mapping[str, CheckedRule], book: Rulebook) -> None:
        self._rules, self._book = rules, book
        self._made: dict[str, Program] = {}

    def __getitem__(self, rule: str) -> Program:
        return self.compile(rule)

    def compile(self, rule: str) -> Program:
        """The program of a rule, compiled now if nobody has asked for it."""
        made = self._made.get(rule)
        if made is None:
            made = self._made[rule] = compile_rule(self._rules[rule], self._book)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


def compile_plan(plan: Plan) -> Programs:
    """Compile every rule of a plan."""
    book = plan.rulebook
    by_rule = _Compiled({o.rule.name: o.rule for o in plan.operators}, book)
    patterns = [o.rule for o in plan.operators if isinstance(o.rule.body, CheckedPattern)]
    sources, may_call = book.sources, book.has_externals or book.has_tables
    choices = {r.name: choose_matcher(r, sources, book.params, may_call=may_call) for r in patterns}
    for name in by_rule:
        if name not in choices or choices[name].tables is None:
            by_rule.compile(name)  # now: what cannot be compiled is the mistake of who loads it
    return Programs(plan, by_rule, choices)


def compile_rule(rule: CheckedRule, book: Rulebook) -> Program:
    """Compile one rule."""
    if isinstance(rule.body, CheckedFilter):
        return compile_filter(rule, book.params)
    if isinstance(rule.body, CheckedQuery):
        return compile_window(rule, book.sources, book.params)
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
        self._levels = [
            _Level(
                level,
                [r for r in self._running if r.operator.level == level],
                {name for name, last in emitted_until.items() if last == level},
            )
            for level in sorted({o.level for o in operators})
        ]
        self._touch = {r: (level, place) for level in self._levels for place, r in enumerate(level.operators)}
        self._bundle = Bundle()
        self._ready: list[Output] = []  # what batches that need not wait have decided
        self.numbers: dict[str, int] = {}  # by derived type, how many there were
        self.late: dict[str, int] = {}
        self.rejected: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.matches: dict[str, int] = {o.rule.name: 0 for o in operators}
        self.timeouts: dict[str, int] = {o.rule.name: 0 for o in operators}  # derived events of these, among them
        self.side_events: dict[str, list[EventBatch]] = {}
        self._singles: dict[str, SingleEvents] = {}
        self._screened: dict[str, ScreenedReaders] = {}
        self._aheads: dict[str, Ahead] = {}
        self._wakes = _ALWAYS  # the least time at which some operator has something to decide
        self._asked = False  # whether ``_wakes`` holds for every operator
        # where an event is decided when it arrives and nobody reads what is derived
        self._is_prompt = (
            len(self._levels) == 1 and len(self.clocks) == 1 and all(c.is_prompt for c in self.clocks.values())
        )
        self._met: Frontier | None = None  # the last frontier by which something could have been decided
        self._passed: int | None = None  # the time to which single events have taken it since
        for name in self.clocks:
            if len(self._readers.get(name, ())) in range(1, 1 + FEW):  # others are screened once batches come
                self._screen(name)
        self._ask()

    @property
    def operators(self) -> Sequence[RunningOperator]:
        """The running operators, in rule order, each told of all that has come."""
        self._settle()
        self._ask_all()  # whoever looks at them may change them
        return self._running

    def change(self, programs: Mapping[str, Program]) -> None:
        """Let what arrives from now on meet other programs of some rules."""
        self._settle()
        self._ask_all()
        self._singles.clear()
        self._screened.clear()
        for ahead in self._aheads.values():
            ahead.forget()
        for running in self._running:
            program = programs.get(running.operator.rule.name)
            if program is not None:
                running.change(program)

    def ahead(self, stream: str) -> Ahead:
        """What is wanted of the next table of a stream by who takes it first."""
        return self._aheads.setdefault(stream, Ahead())

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
        self._show(stream, batch, clock if late is None else None)

    def take_one(
        self, stream: str, places: Mapping[str, tuple[int, Type]], values: Sequence[Any], seq: int
    ) -> Decided | None:
        """Take one event of a declared stream and decide what can be decided: what `receive` and `step` do together.

        ``seq`` is its number; ``places`` say where in ``values`` an attribute stands. None (and nothing is noted) when
        the event needs a closer look, by them.
        """
        single = self._singles.get(stream)
        if single is None:
            readers = self._readers.get(stream, ())
            alone = len(self.clocks) == 1
            single = SingleEvents(stream, self._schemas[stream], self.clocks[stream], readers, places, alone)
            self._singles[stream] = single
        clock, time = single.clock, values[single.time]
        found = None if clock.ended else single.screen(*values)
        if found is None or not clock.takes_one(time):
            return None
        self.events[stream] = self.events.get(stream, 0) + 1
        single.last = seq
        if not found and single.is_prompt:
            if time < self._wakes:
                self._passed = time
                return _NOTHING
        elif not found:
            frontier = joint_frontier(self.clocks.values())
            if frontier.time < self._wakes:
                self._met = frontier
                return _NOTHING
        ready: list[Output] = []
        matched: list[tuple[RowTaker, Int64Array]] = []
        waits = False
        batch: EventBatch | None = None
        memo: Memo = {}
        for running, part, wanted, taker in single.readers:
            if not found & wanted:
                continue
            level, place = self._touch[running]
            level.touched.add(place)
            if taker is not None and not taker.waiting.blocks:
                out = taker.take(values, seq, found >> part.shift & part.mask)
                self._note_wake(level, place, taker.wakes_at)
                if out is None:
                    continue
                if isinstance(out, list):
                    self.matches[running.operator.rule.name] += sum(len(o.order) for o in out)
                    ready += out
                else:
                    self.matches[running.operator.rule.name] += out.shape[1]
                    matched.append((taker, out))
                continue
            if batch is None:
                batch = events_at(single.schema, places, (values,), time, seq)
            running.receive(stream, batch, memo)
            self._asked = False
            waits = True
        if not waits and single.is_prompt and time < self._wakes:
            if not ready and not matched:
                self._passed = time
                return _NOTHING
            types = {taker.type for taker, _ in matched}
            if not ready and len(types) == len(matched) and types.isdisjoint(self._readers):
                self._passed = time
                return self._at_once(matched)
        for taker, found_now in matched:
            ready += taker.outputs(found_now)
        return self.step(ready=ready)

    def _at_once(self, matched: list[tuple[RowTaker, Int64Array]]) -> Decided:
        """The events that one event matches, of a type each; they stand in the order of their rules."""
        batches = []
        for taker, found in matched:
            first = self.numbers.get(taker.type, 0)
            self.numbers[taker.type] = first + found.shape[1]
            batches.append(taker.emit(found, first))
        types = None if len(batches) == 1 else np.repeat(np.arange(len(batches)), [len(b) for b in batches])
        return Decided.of_one(Piece(tuple(batches), types))

    def _settle(self) -> None:
        """Tell operators that were passed over because they had nothing to decide how far the frontier has come."""
        some: list[SingleEvents | ScreenedReaders] = [*self._singles.values(), *self._screened.values()]
        for one in some:
            if one.last >= 0:
                for running, *_ in one.readers:
                    running.note(one.stream, one.last)
                one.last = -1
        if self._passed is not None:
            (clock,) = self.clocks.values()
            self._met, self._passed = Frontier(self._passed, clock.place.kind), None
        if self._met is None:
            return
        strict = Frontier(self._met.time, NOTHING)
        for level in self._levels:
            for running in level.operators:
                out = running.advance(self._met if level.number == 0 else strict)
                assert not out, "who has something to decide is not passed over"

    def step(self, *, final: bool = False, ready: Sequence[Output] = ()) -> Decided:
        """Decide all that can be decided now; ``final`` lets time run out. Results in order.

        ``ready`` are derived events of single events, counted already.
        """
        outputs = [*self._ready, *ready]
        self._ready.clear()
        if self._asked and self._is_prompt and not final and len(outputs) < _FEW:
            decided = self._step_at_once(outputs)
            if decided is not None:
                return decided
        frontier = END_OF_TIME if final else joint_frontier(self.clocks.values())
        strict = Frontier(frontier.time, NOTHING)
        done: dict[str, Output] = {}
        self._met, self._passed, self._wakes, self._asked = frontier, None, _NEVER, True
        for level in self._levels:
            for place in level.due(frontier.time, final=final):
                running = level.operators[place]
                wakes = running.wakes_at
                if final or frontier.time >= wakes:
                    out = running.advance(frontier if level.number == 0 else strict)
                    wakes = running.wakes_at
                    if out:
                        self._count(running.operator.rule, out)
                        outputs += out
                level.wakes[place] = wakes
            level.asleep()
            self._wakes = min(self._wakes, level.least)
            mine = [o for o in outputs if o.batch.schema.name in level.complete]
            for name, merged in by_type(mine, self._derived).items() if mine else ():
                first = self.numbers.get(name, 0)
                self.numbers[name] = first + len(merged.order)
                done[name] = number(merged, first)
                self._show(name, done[name].batch)
        return interleave(list(done.values()))

    def _step_at_once(self, outputs: Sequence[Output]) -> Decided | None:
        """What `step` gives for the derived events of one `emit` at most; None when some operator is to be asked."""
        (clock,) = self.clocks.values()
        time = clock.watermark
        if clock.ended:
            return None
        if time >= self._wakes:
            (level,) = self._levels
            level.asleep()  # who has been shown events since may wake later now
            self._wakes = level.least
            if time >= self._wakes:
                return None
        if not outputs:
            self._passed = time
            return _NOTHING
        ((batch, _),) = outputs
        schema, size = batch.schema, len(batch)
        if not size or not has_all(batch):
            return None
        self._passed = time
        first = self.numbers.get(schema.name, 0)
        self.numbers[schema.name] = first + size
        return Decided.of_one(Piece((number_now(batch, first),)))

    def _count(self, rule: CheckedRule, outputs: Sequence[Output]) -> None:
        self.matches[rule.name] += sum(len(o.order) for o in outputs)
        late = {place for place, emit in enumerate(rule.emits) if emit.on_timeout}
        if late:
            self.timeouts[rule.name] += sum(len(o.order) for o in outputs if int(np.ravel(o.order.emit)[0]) in late)

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

    def _note_wake(self, level: _Level, place: int, wakes: int) -> None:
        """Take note of where an operator wakes that has been shown events."""
        level.wakes[place] = wakes
        if wakes < level.least:
            level.least = wakes
            self._wakes = min(self._wakes, wakes)  # another level may wake earlier

    def _ask(self) -> None:
        """Ask every operator where it wakes."""
        for level in self._levels:
            level.touched.clear()
            level.wakes[:] = [running.wakes_at for running in level.operators]
            level.asleep()
        self._wakes, self._asked = min((level.least for level in self._levels), default=_NEVER), True

    def _ask_all(self) -> None:
        """Let every operator be asked anew where it wakes, at the next event whoever it concerns."""
        self._asked, self._wakes = False, _ALWAYS
        for level in self._levels:
            level.touched.update(range(len(level.operators)))

    def _screen(self, stream: str) -> ScreenedReaders:
        """What the readers of a stream want of its batches."""
        clock = self.clocks.get(stream)
        is_prompt = clock is not None and len(self.clocks) == 1 and clock.is_prompt
        readers, schema = self._readers[stream], self._schemas[stream]
        screened = ScreenedReaders(schema, stream, readers, is_prompt=is_prompt, ahead=self.ahead(stream))
        self._screened[stream] = screened
        return screened

    def _show(self, stream: str, batch: EventBatch, clock: StreamClock | None = None) -> None:
        """Show events to the operators that read them; ``clock``: that of their stream, if they stand in order."""
        if not len(batch) or stream not in self._readers:
            return
        screened = self._screened.get(stream) or self._screen(stream)
        memo: Memo = {}
        bundle = self._bundle
        found, at_once = -1, clock is not None and screened.lies(batch)
        watermark = 0 if clock is None else clock.watermark
        if screened.screen is not None:
            found = screened.screen.possible(batch)
            screened.last = last_number(batch)
        for running, wanted, taker in screened.readers:
            if not found & wanted:
                continue
            count = taker.take(batch, watermark, bundle) if at_once and taker is not None else None
            level, place = self._touch[running]
            if count is None or taker is None:
                level.touched.add(place)
                running.receive(stream, batch, memo)
                self._asked = False
                continue
            self._note_wake(level, place, taker.wakes_at)
            if count:
                self.matches[running.operator.rule.name] += count
                self._ready += taker.outputs
        if bundle:
            self._ready += bundle.outputs()


class _Level:
    """The operators of one level; ``complete``: the types of which all events are known after it.

    Invariant: ``wakes`` says where each operator wakes that has not been ``touched`` since it was asked.
    """

    __slots__ = ("complete", "least", "number", "operators", "touched", "wakes")

    def __init__(self, number: int, operators: list[RunningOperator], complete: set[str]) -> None:
        self.number, self.operators, self.complete = number, operators, complete
        self.wakes = [_NEVER] * len(operators)
        self.touched = set(range(len(operators)))
        self.least = _ALWAYS  # of ``wakes``

    def due(self, time: int, *, final: bool) -> Sequence[int]:
        """The places of the operators that may have something to decide, who are to say anew where they wake."""
        every = final or time >= self.least
        places = range(len(self.operators)) if every else sorted(self.touched)
        self.touched.clear()
        return places

    def asleep(self) -> None:
        """Take note that those have said it."""
        self.least = min(self.wakes, default=_NEVER)


def _start(
    programs: Programs,
    operator: Operator,
    schemas: Mapping[str, Schema],
    places: Mapping[str, StreamPlace],
    shards: int,
) -> RunningOperator:
    if operator.rule.output is not None:
        unlimited = replace(operator, rule=replace(operator.rule, output=None))
        inner = _start(programs, unlimited, schemas, places, shards)
        return LimitedOperator(inner, operator, schemas)
    choice = programs.choices.get(operator.rule.name)
    if choice is not None and choice.tables is not None:
        return DirectOperator(operator, choice.tables, schemas, places, shards)
    program = programs.by_rule[operator.rule.name]
    if isinstance(program, FilterProgram):
        return FilterOperator(operator, program, schemas, places)
    if isinstance(program, WindowProgram):
        return WindowOperator(operator, program, schemas, places)
    return PatternOperator(operator, program, schemas, places, shards)


def _last_levels(operators: Sequence[Operator]) -> dict[str, int]:
    """For each derived type the highest level that emits it."""
    out: dict[str, int] = {}
    for operator in operators:
        for name in operator.outputs:
            out[name] = max(out.get(name, 0), operator.level)
    return out

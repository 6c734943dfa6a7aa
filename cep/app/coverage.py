"""Coverage: which parts of the rules the tests of rule files have exercised.

What is counted, each part by itself:

| part | outcomes |
|---|---|
| a step | bound an event; one that may be left out (with a group or alternative, too): a match came without it |
| a conjunct of a condition about one event alone | true, and not true, of some event of its streams that has a key |
| a conjunct that compares events | true, and not true, of some event that a run waited for and that fits it by itself |
| an absence | broken: what it forbids came while it was in force; held: a run bound past it, or it completed a match |
| an ``until`` | it closed a loop |
| an ``emit`` | a match made it |

Parts of a condition are those between its ``and``s; branches of ``case``, lengths of loops and strict links are not
counted. The matcher itself is watched: tests run without the compiler, where its functions can be replaced, so what is
told happened, and parts that disagree with the whole stop the test. The process must have been started so, see
`cep.kernels.jit`.
Cost: the plain matcher, some hundred times slower than the compiled one.
Tested by: tests/app/test_coverage.py, tests/properties/test_coverage.py
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.app.explain import by_place, paired, step_names, written_where
from cep.compiler.choice import RUN_TABLE, only
from cep.compiler.columns import ColumnFunction, batch_leaf, compile_columns
from cep.compiler.conjuncts import Conjunct, compile_conjunct
from cep.compiler.pattern import PatternProgram, is_alone
from cep.compiler.screen import BatchScreen
from cep.kernels import asking, match
from cep.kernels.jit import PLAIN, pointer
from cep.kernels.program import GUARDS, SILENCES, TARGET
from cep.kernels.runs import (
    BITS,
    BOUND_STEP,
    BY_ABSENCE,
    BY_EVENT_OUT,
    BY_TIMEOUT,
    NODE,
    NODES_USED,
    PARENT,
    PHASE,
    STEP_BITS,
)
from cep.language import ast
from cep.language.checker.windowparts import boundaries_of
from cep.language.spelling import event_text, expression_text
from cep.language.typed import Apply, CheckedFilter, CheckedPattern, CheckedQuery, Key
from cep.model.types import BOOL
from cep.runtime.executor import Executor
from cep.runtime.operators.filter import FilterOperator
from cep.runtime.operators.pattern import PatternOperator
from cep.runtime.operators.window import WindowLeaves, WindowOperator
from cep.runtime.shard import PatternShard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cep.app.explain import Written
    from cep.app.rules import Rules
    from cep.app.stats import RuleStats
    from cep.language.typed import CheckedAbsence, CheckedRule, CheckedStep, Typed
    from cep.model.batch import EventBatch
    from cep.model.diagnostics import Source, Span
    from cep.runtime.listed import Windows

_TRUTH = ("true", "false")
_UNTIL = ("closed",)
_LATE = "on timeout "


@dataclass(slots=True)
class Part:
    """A part of a rule: its words and place, the outcomes there are, and those that came about."""

    rule: str
    text: str
    source: Source
    span: Span
    outcomes: tuple[str, ...]
    seen: set[str] = field(default_factory=set)

    @property
    def missing(self) -> tuple[str, ...]:
        """The outcomes that did not come about."""
        return tuple(o for o in self.outcomes if o not in self.seen)


@dataclass(frozen=True, slots=True)
class _Condition:
    """A conjunct as written; ``alone`` is what of it is about one event, ``bound`` what compares."""

    part: Part
    streams: tuple[str, ...]
    alone: Typed | None
    bound: Typed | None


@dataclass(frozen=True, slots=True)
class _RuleParts:
    """The parts of a rule; steps, absences and conditions by the number of their predicate."""

    steps: tuple[Part, ...]
    absences: tuple[Part, ...]
    conditions: tuple[tuple[_Condition, ...], ...]
    emits: tuple[Part, ...]
    having: tuple[_Condition, ...] = ()

    def all(self) -> Iterator[Part]:
        yield from self.steps
        yield from (c.part for each in self.conditions for c in each)
        yield from self.absences
        yield from (c.part for c in self.having)
        yield from self.emits


class Coverage:
    """What has been exercised of the rules of one rulebook, over any number of tests."""

    def __init__(self, rules: Rules) -> None:
        assert PLAIN, "only the plain matcher can be watched"
        written = {n.name.text: n for f in rules.rulebook.files for n in f.declarations if isinstance(n, ast.Rule)}
        self._parts = {rule.name: _parts_of(rule, written[rule.name]) for rule in rules.rulebook.rules}
        # by the identity of a program: its rule, checked with the params that it was compiled for
        self._rules: dict[int, tuple[CheckedRule, Rules, object]] = {}
        self._columns: dict[int, list[tuple[_Condition, ColumnFunction]]] = {}
        self._tests: dict[int, list[list[tuple[_Condition, Conjunct]]]] = {}
        self._now: tuple[PatternShard, PatternProgram] | None = None

    @property
    def parts(self) -> list[Part]:
        """Every part of every rule, in written order."""
        parts = [part for rule in self._parts.values() for part in rule.all()]
        order = {rule: number for number, rule in enumerate(self._parts)}
        return sorted(parts, key=lambda p: (order[p.rule], p.span.start))

    def know(self, rules: Rules) -> None:
        """Take note of programs that are about to run: those of a test that sets params are its own."""
        for rule in rules.rulebook.rules:
            with only(RUN_TABLE):  # the one matcher whose steps can be watched
                program = rules.programs.by_rule[rule.name]
            choice = rules.programs.choices.get(rule.name)
            assert choice is None or choice.name == RUN_TABLE, "compiled beforehand, for a matcher that is not watched"
            self._rules[id(program)] = (rule, rules, program)  # held, so that no other has its identity

    def count_matches(self, rules: Mapping[str, RuleStats]) -> None:
        """Take note of the rules that have matched, and of those whose starts have timed out."""
        for name, stats in rules.items():
            for part in self._parts[name].emits:
                if stats.timeouts if part.text.startswith(_LATE) else stats.derived - stats.timeouts:
                    part.seen.add("made")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it every engine is watched, whose rules are known."""
        kept: list[tuple[Any, str, Any]] = []

        def wrap(owner: Any, name: str, around: Any) -> None:
            original = getattr(owner, name)
            kept.append((owner, name, original))
            setattr(owner, name, lambda *arguments: around(original, *arguments))

        wrap(match, "fits", self._fits)
        wrap(asking, "fits", self._fits)
        wrap(match, "bind", self._bind)
        wrap(PatternShard, "_match", self._match)
        wrap(PatternShard, "_harvest", self._harvest)
        wrap(PatternOperator, "receive", self._receive)
        wrap(FilterOperator, "receive", self._receive)
        wrap(WindowOperator, "receive", self._receive)
        wrap(WindowOperator, "_outputs_of", self._windows)
        # every rule is shown every event, in a batch
        wrap(Executor, "take_one", lambda *_: None)
        wrap(BatchScreen, "possible", lambda *_: -1)
        try:
            with only(RUN_TABLE):
                yield
        finally:
            for owner, name, original in kept:
                setattr(owner, name, original)

    # ------------------------------------------------------------------------------------------------ what happens

    def _receive(self, original: Any, operator: Any, stream: str, batch: EventBatch, memo: Any) -> None:
        rule, rules, _ = self._rules[id(operator._program)]
        keyed = np.ones(len(batch), np.bool_)
        for key in rule.keys:
            valid = batch[key.attributes[stream]].valid
            keyed &= True if valid is None else valid

        def leaf(node: Typed) -> Any:
            name = rule.keys[node.index].attributes[stream] if isinstance(node, Key) else getattr(node, "name", "")
            return batch_leaf(batch[name])

        for condition, function in self._column_functions(operator._program, rule, rules):
            if stream in condition.streams:
                holds = function.condition(leaf, len(batch), np.zeros(3, np.int64))
                if condition.bound is None and bool((holds & keyed).any()):
                    condition.part.seen.add("true")
                if bool((~holds & keyed).any()):
                    condition.part.seen.add("false")
        original(operator, stream, batch, memo)

    def _windows(self, original: Any, operator: WindowOperator, program: Any, windows: Windows) -> Any:
        rule, rules, _ = self._rules[id(program)]
        for condition in self._parts[rule.name].having:
            assert condition.alone is not None, "a window is asked as a whole"
            function = compile_columns([condition.alone], rules.rulebook.params)
            holds = function.condition(WindowLeaves(operator, program, windows), len(windows), np.zeros(3, np.int64))
            condition.part.seen |= {"true" if each else "false" for each in holds.tolist()}
        return original(operator, program, windows)

    def _match(self, original: Any, shard: PatternShard, version: Any, watermark: int) -> Any:
        before, self._now = self._now, (shard, version.program)
        try:
            return original(shard, version, watermark)
        finally:
            self._now = before

    def _fits(self, original: Any, *arguments: Any) -> int:
        _, state, _, _, p, row, run = arguments
        assert self._now is not None
        shard, compiled = self._now
        found = int(original(*arguments))
        rule, rules, _ = self._rules[id(compiled)]
        if int(state.rows[row, BITS]) >> int(p) & 1:
            rows, runs, store = state.rows, state.runs, shard.strings.store
            all_hold = True
            for condition, conjunct in self._bound_functions(compiled, rule, rules)[int(p)]:
                ints = conjunct.ints
                if conjunct.codes:
                    codes, places = shard.strings.pin(conjunct.texts), list(conjunct.codes)
                    ints, store = ints.copy(), shard.strings.store
                    ints[places] = codes[ints[places]]
                holds = conjunct.test(
                    0, pointer(rows), pointer(state.rows_f), row * rows.shape[1], pointer(runs), pointer(state.runs_f),
                    run * runs.shape[1], pointer(state.nodes), ints, conjunct.floats, pointer(store.heap),
                    pointer(store.spans), np.zeros(3, np.int64),
                )  # fmt: skip
                condition.part.seen.add("true" if holds else "false")
                all_hold = all_hold and bool(holds)
            assert all_hold == bool(found), "the parts of a condition say what the whole says"
        parts = self._parts[rule.name]
        if found and p >= len(parts.steps):
            part = parts.absences[int(p) - len(parts.steps)]
            part.seen.add("closed" if part.outcomes == _UNTIL else "broken")
        return found

    def _bind(self, original: Any, *arguments: Any) -> int:
        assert self._now is not None
        program, state, place = arguments[0], arguments[1], arguments[-1]
        parent, move = int(place[0]), int(place[3])
        before = int(state.counts[NODES_USED])
        found = int(original(*arguments))
        if int(state.counts[NODES_USED]) == before:  # it came when nothing more could follow inside the bound
            return found
        parts = self._parts[self._rules[id(self._now[1])][0].name]
        parts.steps[int(program.moves[move, TARGET])].seen.add("bound")
        guards = int(program.moves[move, SILENCES]) | (int(program.moves[move, GUARDS]) if parent else 0)
        for number, part in enumerate(parts.absences, len(parts.steps)):
            if guards >> number & 1:
                part.seen.add("held")
        return found

    def _harvest(self, original: Any, shard: PatternShard, n: int) -> Any:
        assert self._now is not None
        rule = self._rules[id(self._now[1])][0]
        parts, nodes = self._parts[rule.name], shard._state.nodes
        assert isinstance(rule.body, CheckedPattern)
        after = len(rule.body.between)
        for found in shard._found[:n]:
            if found[PHASE] in (BY_TIMEOUT, BY_EVENT_OUT):
                continue
            bound, node = set(), int(found[NODE])
            while node >= 0:
                bound.add(int(nodes[node, BOUND_STEP] & STEP_BITS))
                node = int(nodes[node, PARENT])
            for number, part in enumerate(parts.steps):
                if number not in bound:
                    part.seen.add("left out")
            if found[PHASE] == BY_ABSENCE:
                for part in parts.absences[after : after + len(rule.body.final)]:
                    part.seen.add("held")
        return original(shard, n)

    # --------------------------------------------------------------------------------------------------- functions

    def _column_functions(
        self, program: object, rule: CheckedRule, rules: Rules
    ) -> list[tuple[_Condition, ColumnFunction]]:
        if id(program) not in self._columns:
            self._columns[id(program)] = [
                (condition, compile_columns([condition.alone], rules.rulebook.params))
                for each in self._parts[rule.name].conditions
                for condition in each
                if condition.alone is not None
            ]
        return self._columns[id(program)]

    def _bound_functions(
        self, program: PatternProgram, rule: CheckedRule, rules: Rules
    ) -> list[list[tuple[_Condition, Conjunct]]]:
        if id(program) not in self._tests:
            book = rules.rulebook
            self._tests[id(program)] = [
                [
                    (c, compile_conjunct(c.bound, rule, book.sources, book.params, program.layout))
                    for c in each
                    if c.bound is not None
                ]
                for each in self._parts[rule.name].conditions
            ]
        return self._tests[id(program)]


# --------------------------------------------------------------------------------------------------------- parts


def _parts_of(rule: CheckedRule, written: ast.Rule) -> _RuleParts:
    def part(text: str, span: Span, *outcomes: str) -> Part:
        return Part(rule.name, text, rule.source, span, outcomes)

    emits = tuple(part(f"{_LATE if e.on_timeout else ''}emit {e.type}", e.span, "made") for e in rule.emits)
    if isinstance(rule.body, CheckedFilter | CheckedQuery):
        where = written.body.where if isinstance(written.body, ast.Query) else None
        conditions = tuple(_conditions(part, rule.body.streams, where, rule.body.where, rule.span))
        if isinstance(rule.body, CheckedFilter) or not isinstance(written.body, ast.Query):
            return _RuleParts((), (), (conditions,), emits)
        for event, boundary in zip(boundaries_of(written.body.window), rule.body.window.boundaries, strict=True):
            conditions += tuple(_conditions(part, boundary.streams, event.where, boundary.where, event.span))
        having = tuple(
            _Condition(part(expression_text(node) if node is not None else "having", rule.span if node is None
                            else node.span, *_TRUTH), (), _all_of(list(members)), None)
            for node, members in paired(written.body.having, rule.body.having)
        )  # fmt: skip
        return _RuleParts((), (), (conditions,), emits, having)
    pattern = rule.body
    nodes = dict(by_place(written.body.pattern)) if isinstance(written.body, ast.Matching) else {}
    absences = (*pattern.between, *pattern.final)
    asked: list[CheckedStep | CheckedAbsence] = [*pattern.steps, *absences, *pattern.untils]
    return _RuleParts(
        tuple(
            part(f"step {name}", step.span, *(("bound", "left out") if step.maybe else ("bound",)))
            for name, step in zip(step_names(pattern.steps), pattern.steps, strict=True)
        ),
        (
            *(part(f"no {_event_text(nodes, a)}", a.span, "broken", "held") for a in absences),
            *(part(f"until {_event_text(nodes, u)}", u.span, *_UNTIL) for u in pattern.untils),
        ),
        tuple(tuple(_conditions(part, a.streams, written_where(nodes, a), a.where, a.span)) for a in asked),
        emits,
    )


def _conditions(
    part: Any, streams: tuple[str, ...], written: ast.Expr | None, where: Typed | None, span: Span
) -> Iterator[_Condition]:
    for node, members in paired(written, where):
        text = expression_text(node) if node is not None else "the condition"
        alone = [m for m in members if is_alone(m)]
        bound = [m for m in members if not is_alone(m)]
        yield _Condition(
            part(text, node.span if node is not None else span, *_TRUTH), streams, _all_of(alone), _all_of(bound)
        )


def _all_of(members: list[Typed]) -> Typed | None:
    if len(members) < 2:
        return members[0] if members else None
    return Apply("and", tuple(members), BOOL.as_optional(any(m.type.optional for m in members)))


def _event_text(nodes: Written, absence: CheckedAbsence) -> str:
    node = nodes.get((absence.span.start, absence.span.end))
    event = node.event if isinstance(node, ast.Absence) else node
    return event_text(event) if isinstance(event, ast.Event) else " | ".join(absence.streams)


# -------------------------------------------------------------------------------------------------------- report


@dataclass(frozen=True, slots=True)
class Tally:
    """How many outcomes there are and how many came about."""

    seen: int
    there_are: int

    @staticmethod
    def of(parts: Iterable[Part]) -> Tally:
        """The tally of some parts."""
        known = list(parts)
        return Tally(sum(len(p.outcomes) - len(p.missing) for p in known), sum(len(p.outcomes) for p in known))

    @property
    def percent(self) -> float:
        """How much of it came about; all of nothing."""
        return 100.0 * self.seen / self.there_are if self.there_are else 100.0

    def __str__(self) -> str:
        return f"{self.seen} of {self.there_are} ({int(self.percent * 10) / 10:.1f} %)"


def told(parts: list[Part]) -> str:
    """Coverage in words: the whole, each rule, and below it what never came about, with its place."""
    lines = [f"coverage: {Tally.of(parts)}"]
    rules = list(dict.fromkeys((p.source.name, p.rule) for p in parts))
    wide = max((len(rule) for _, rule in rules), default=0)
    for name, rule in rules:
        own = [p for p in parts if (p.source.name, p.rule) == (name, rule)]
        lines.append(f"  {rule:<{wide}}  {Tally.of(own)}")
        for part in own:
            if part.missing:
                place = f"{part.source.name}:{part.span.line}"
                lines.append(f"    {place}  {part.text}: never {', never '.join(part.missing)}")
    return "\n".join(lines)

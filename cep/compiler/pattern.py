"""A checked pattern to a program: an automaton as tables, local predicates as column functions, the rest as generated
code.

A condition is split at its top-level ``and``: conjuncts about the event alone are decided a column at a time, before
the matcher (they select the rows it sees); conjuncts that compare with bound events go into the generated function
``test``, whose operands are slots of rows and registers of the run. ``update`` keeps the registers as steps bind.
References: docs/semantics.md for what it must mean.
Tested by: tests/compiler/test_pattern.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cep.compiler.automaton import build_automaton
from cep.compiler.columns import ColumnFunction, as_column, column_names, compile_columns, compile_conditions
from cep.compiler.emit import Constants, Emitter
from cep.compiler.external import calling
from cep.compiler.functions import event_imports
from cep.compiler.layout import Layout
from cep.compiler.reading import Reader
from cep.compiler.tables import check_size, match_program, sees_all, skip_register
from cep.compiler.walk import walk_typed
from cep.kernels.program import MatchProgram
from cep.language.fingerprint import params_of
from cep.language.typed import Apply, Attr, CheckedEmit, Const, Fold, Present, Prev, Typed
from cep.model.diagnostics import Diagnostic
from cep.model.errors import RuleError
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cep.compiler.automaton import Automaton
    from cep.compiler.external import Failures
    from cep.compiler.lists import BoundEvents
    from cep.compiler.text import TextVector
    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, CheckedTimeout, External
    from cep.model.batch import AnyArray, Column, Int64Array
    from cep.model.schema import Schema
    from cep.model.table import TableRead
    from cep.model.types import Type

_MOST_LINES = 1_200  # compiling takes more than linear time: some twenty seconds for so many


@dataclass(frozen=True, eq=False)
class Input:
    """How events of one stream are selected and retained.

    ``predicates``: (bit, conditions that must all hold). ``values`` computes the slots ``present``, those that
    this stream has. ``ties``: attributes that order events of one time.
    """

    stream: str
    predicates: tuple[tuple[int, tuple[ColumnFunction, ...]], ...]
    values: ColumnFunction
    present: tuple[int, ...]
    keys: tuple[str, ...]
    ties: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class EmitProgram:
    """One ``emit``: its fields, and the text that computes them for all matches of a batch at once.

    The text is that of the predicates, printed for columns: ``rows`` is the flat table of retained rows, ``runs`` the
    matches with one row a register, ``at`` the offset of each match's last event, ``text`` turns codes into strings,
    ``lists`` has the events that each match bound.
    """

    type: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    text: str
    ints: np.ndarray
    floats: np.ndarray
    texts: tuple[str, ...]
    functions: tuple[External | TableRead, ...] = ()
    on_timeout: bool = False

    def __call__(
        self,
        rows: AnyArray,
        found: AnyArray,
        at: AnyArray,
        text: Callable[[AnyArray], TextVector],
        faults: Int64Array,
        lists: BoundEvents | None = None,
        failures: Failures | None = None,
    ) -> dict[str, Column]:
        """The columns of the derived events; ``found`` is int64[matches, run width]."""
        run = _compile_emit(self.text)
        calls = [calling(f, failures) for f in self.functions]
        by_register = np.ascontiguousarray(found.T)
        with np.errstate(all="ignore"):
            pairs = run(
                rows.reshape(-1), rows.reshape(-1).view(np.float64), by_register, by_register.view(np.float64), at,
                self.ints, self.floats, self.texts, faults, text, lists, *([calls] if calls else []),
            )  # fmt: skip
        n = len(found)
        return {
            name: as_column(kind, value, null, n)
            for name, kind, (value, null) in zip(self.names, self.types, pairs, strict=True)
        }


@dataclass(frozen=True, eq=False)
class PatternProgram:
    """Everything the runtime needs to run one pattern; immutable, without state.

    ``codes`` are the places in ``ints`` that stand for one of ``texts``; ``values`` are those of the params that the
    rule reads, as Python writes them. ``timeout`` computes of a start that times out whether it is ``wanted``.
    """

    rule: str
    inputs: tuple[Input, ...]
    selects_all: bool
    layout: Layout
    tables: MatchProgram
    text: str
    ints: np.ndarray
    floats: np.ndarray
    texts: tuple[str, ...]
    codes: tuple[int, ...]
    variables: tuple[str, ...]
    blank: np.ndarray
    emits: tuple[EmitProgram, ...]
    tie_slots: Mapping[str, tuple[int, ...]]
    values: Mapping[str, str]
    timeout: EmitProgram | None = None

    @cached_property
    def calls(self) -> bool:
        """Whether it asks functions of Python modules, which may fail."""
        columns = [c for i in self.inputs for c in (i.values, *(c for _, several in i.predicates for c in several))]
        return any(c.functions for c in columns) or any(e.functions for e in self.emits)

    def keeps_alike(self, other: PatternProgram) -> bool:
        """Whether both run over one state: they differ in constants alone, none of which sets a deadline."""

        def shape(layout: Layout) -> tuple[object, ...]:
            return ([s.type for s in layout.slots], layout.positions, layout.folds, layout.key_words)

        return (
            self.text == other.text
            and shape(self.layout) == shape(other.layout)
            and [i.present for i in self.inputs] == [i.present for i in other.inputs]
            and all(np.array_equal(a, b) for a, b in zip(self.tables, other.tables, strict=True))
        )


def compile_pattern(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> PatternProgram:
    """The program of a rule whose body is a pattern; `RuleError` for an operation that cannot run in one yet."""
    learned = Layout(len(rule.keys))
    try:
        first = _Builder(rule, sources, params, learned)
        first.learn()
        learned.freeze()
        fixed = replace(learned, slots=[], positions=[], folds=[])
        return _Builder(rule, sources, params, fixed, first.automaton).build()
    except RecursionError:  # an aggregate is compared with the others, all its argument's depth
        problem = "an expression of this pattern is too long inside an aggregate"
        hint = "let a rule before this one compute it, as a field of a derived event"
        raise RuleError([Diagnostic("too-long", problem, rule.source, rule.span, hint)]) from None


@cache
def _compile_emit(text: str) -> Callable[..., list[tuple[Any, Any]]]:
    names = column_names()
    exec(compile(text, "<generated emit>", "exec"), names)  # our own text, made above from a checked rule
    found: Callable[..., list[tuple[Any, Any]]] = names["emit"]
    return found


class _Laid(NamedTuple):
    """What takes slots and registers, in the order in which it asks for them."""

    tables: MatchProgram
    text: str
    emits: tuple[EmitProgram, ...]
    timeout: EmitProgram | None
    tie_slots: dict[str, tuple[int, ...]]
    local: list[Typed | None]


class _Builder:
    def __init__(
        self,
        rule: CheckedRule,
        sources: Mapping[str, Schema],
        params: Mapping[str, CheckedParam],
        layout: Layout,
        automaton: Automaton | None = None,
    ) -> None:
        from cep.language.typed import CheckedPattern

        assert isinstance(rule.body, CheckedPattern)
        self.rule, self.pattern, self.sources, self.params, self.layout = rule, rule.body, sources, params, layout
        self.constants = Constants()
        self.steps = self.pattern.steps
        self.order = {s.variable: i for i, s in enumerate(self.steps)}
        # predicates: steps, then absences as written, those at the end, and what ends loops
        absences = (*self.pattern.between, *self.pattern.final, *self.pattern.untils)
        if automaton is None:
            automaton = build_automaton(self.pattern)
            check_size(rule, automaton)
        self.automaton = automaton
        self.predicates = [(s.streams, s.where) for s in self.steps] + [(a.streams, a.where) for a in absences]
        self.reader = Reader(rule, self.pattern, sources, layout)

    # ------------------------------------------------------------------------------------------------- the whole

    def learn(self) -> None:
        """Ask for all slots and registers, so that the layout knows how many there are."""
        self._lay_out()

    def build(self) -> PatternProgram:
        tables, text, emits, timeout, tie_slots, local = self._lay_out()
        inputs = tuple(self._input(s, local) for s in self.rule.inputs)
        return PatternProgram(
            self.rule.name,
            inputs,
            sees_all(self.pattern),
            self.layout,
            tables,
            text,
            np.array(self.constants.ints or [0], np.int64),
            np.array(self.constants.floats or [0.0], np.float64),
            tuple(self.constants.texts),
            tuple(self.constants.codes),
            tuple(s.variable for s in self.steps),
            self._blank(),
            emits,
            tie_slots,
            {name: repr(self.params[name].value.value) for name in params_of(self.rule)},
            timeout,
        )

    def _lay_out(self) -> _Laid:
        local: list[Typed | None] = []
        tested = 0
        bodies: list[tuple[int, list[str]]] = []
        for p, (_, where) in enumerate(self.predicates):
            alone, bound = split_condition(where)
            local.append(alone)
            if bound is not None:
                tested |= 1 << p
                emitter = Emitter("event", self.reader.leaf, self.params, self.constants)
                condition = emitter.condition(bound)
                bodies.append((p, [*emitter.lines, f"return 1 if {condition} else 0"]))
        emits = tuple(self._emit(e) for e in self.rule.emits)
        timeout = None if self.pattern.timeout is None else self._emit(_wanted(self.pattern.timeout))
        register = skip_register(self.pattern)
        if register is not None:
            self.reader.keep(register)
        tie_slots = self._ties()
        text = self._text(bodies, self._updates())
        if text.count("\n") > _MOST_LINES:
            problem = "the conditions of this pattern that compare events are too long to compile"
            hint = "let rules before this one compute parts of them, as fields of derived events"
            raise RuleError([Diagnostic("too-long", problem, self.rule.source, self.rule.span, hint)])
        return _Laid(self._tables(tested), text, emits, timeout, tie_slots, local)

    def _text(self, tests: list[tuple[int, list[str]]], updates: list[tuple[int, list[str]]]) -> str:
        if not tests and not updates:
            return ""
        parts = ['"""Generated from the shape of a rule; constants are operands."""', ""]
        parts += ["from math import inf", "", "from cep.kernels.text import compare_text"]
        parts += [*event_imports([line for _, lines in (*tests, *updates) for line in lines]), ""]
        for name, cases in (("test", tests), ("update", updates)):
            operands = "p, rows, rows_f, at, runs, runs_f, run, nodes, ints, floats, heap, spans, faults"
            parts += ["", f"def {name}({operands}):"]
            for p, lines in cases:
                parts += [f"    if p == {p}:", *(f"        {line}" for line in lines)]
            parts += ["    return 0", ""]
        return "\n".join(parts)

    def _tables(self, tested: int) -> MatchProgram:
        updated = frozenset(self.order[v] for v in self.reader.families)
        return match_program(self.pattern, self.automaton, self.layout, self.params, tested, updated)

    def _updates(self) -> list[tuple[int, list[str]]]:
        """What ``update`` does for each step: take the event at hand into the registers of the step's folds."""
        out = []
        for variable in self.reader.families:
            emitter = Emitter("event", self.reader.leaf, self.params, self.constants)
            stores = self.reader.stores(emitter, variable)
            out.append((self.order[variable], [*emitter.lines, *stores, "return 0"]))
        return sorted(out)

    def _blank(self) -> np.ndarray:
        registers = np.zeros(len(self.layout.positions) + len(self.layout.folds), np.int64)
        registers[: len(self.layout.positions)] = -1
        return registers

    # --------------------------------------------------------------------------------------------- emits, inputs

    def _emit(self, emit: CheckedEmit) -> EmitProgram:
        constants = Constants()
        emitter = Emitter("column", self.reader.leaf, self.params, constants)
        self.reader.partial = emit.on_timeout
        terms = [emitter.term(e) for _, e in emit.fields]
        self.reader.partial = False
        closing = f"return [{', '.join(f'({t.value}, {t.null or False})' for t in terms)}]"
        body = "".join(f"    {line}\n" for line in ["run, size = 0, at.size", *emitter.lines, closing])
        operands = "rows, rows_f, runs, runs_f, at, ints, floats, texts, faults, text, lists"
        head = f"def emit({operands}{', calls' if constants.functions else ''}):\n"
        return EmitProgram(
            emit.type,
            tuple(n for n, _ in emit.fields),
            tuple(e.type for _, e in emit.fields),
            head + body,
            np.array(constants.ints, np.int64),
            np.array(constants.floats, np.float64),
            tuple(constants.texts),
            tuple(constants.functions),
            emit.on_timeout,
        )

    def _ties(self) -> dict[str, tuple[int, ...]]:
        out: dict[str, tuple[int, ...]] = {}
        for stream in self.rule.inputs:
            schema = self.sources[stream]
            named = [schema.by_name[t] for t in schema.ties]
            out[stream] = tuple(self.reader.attribute(Attr(None, a.name, a.type)).index for a in named)
        return out

    def _input(self, stream: str, local: list[Typed | None]) -> Input:
        schema = self.sources[stream]
        predicates = tuple(
            (p, compile_conditions(local[p], self.params))
            for p, (streams, _) in enumerate(self.predicates)
            if stream in streams
        )
        present, expressions = [], []
        for slot in self.layout.slots:
            if all(
                (a := schema.by_name.get(n)) is not None and a.type.same_kind(t)
                for n, t in _attributes(slot.expression)
            ):
                present.append(slot.index)
                expressions.append(_as_nullable(slot.expression, schema))
        values = compile_columns(expressions, self.params)
        keys = tuple(k.attributes[stream] for k in self.rule.keys)
        return Input(stream, predicates, values, tuple(present), keys, schema.ties)


def _wanted(timeout: CheckedTimeout) -> CheckedEmit:
    """What computes the condition of `on timeout`, as a field."""
    where = Const(True, BOOL) if timeout.where is None else timeout.where
    return CheckedEmit("", (("wanted", where),), timeout.span, on_timeout=True)


def _as_nullable(node: Typed, schema: Schema) -> Typed:
    if isinstance(node, Attr):
        return replace(node, type=schema.by_name[node.name].type)
    return node


def split_condition(where: Typed | None) -> tuple[Typed | None, Typed | None]:
    """The conjuncts about the event alone, and those that read the run."""
    if where is None:
        return None, None
    parts = where.args if isinstance(where, Apply) and where.op == "and" else (where,)
    alone = tuple(p for p in parts if not _reads_run(p))
    bound = tuple(p for p in parts if _reads_run(p))
    return _all_of(alone), _all_of(bound)


def _all_of(parts: tuple[Typed, ...]) -> Typed | None:
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    return Apply("and", parts, BOOL.as_optional(any(p.type.optional for p in parts)))


def _reads_run(node: Typed) -> bool:
    return any(
        isinstance(n, Fold | Prev | Present) or (isinstance(n, Attr) and n.variable is not None)
        for n in walk_typed(node)
    )


def _attributes(node: Typed) -> Iterable[tuple[str, Type]]:
    return [(n.name, n.type) for n in walk_typed(node) if isinstance(n, Attr)]


def is_alone(conjunct: Typed) -> bool:
    """Whether a conjunct is about the event at hand alone, and so is decided a column at a time."""
    return not _reads_run(conjunct)

"""A checked pattern to a program: an automaton as tables, local predicates as column functions, the rest as generated code.

A condition is split at its top-level ``and``: conjuncts about the event alone are decided a column at a time, before the
matcher (they select the rows it sees); conjuncts that compare with bound events go into the generated function ``test``,
whose operands are slots of rows and registers of the run. ``update`` keeps the registers as steps bind.

States. After binding iteration c of step i a run may bind: i again while c < high; once c >= low, every later step up
to the first that must be there; and, when all later steps may be left out, nothing more (CLOSE).
References: SASE+ for the automaton with loops; docs/semantics.md for what it must mean.
Tested by: tests/compiler/test_pattern.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.columns import ColumnFunction, as_column, column_names, compile_columns
from cep.compiler.emit import DIVISION, NOT_A_NUMBER, OVERFLOW, Constants, Emitter, Term
from cep.compiler.layout import FoldRegister, Layout, PositionRegister, Slot
from cep.kernels.match import (
    AFTER,
    FINAL,
    FINAL_WAIT,
    FIRST,
    HIGH,
    KEEP_ALL,
    KEY_AT,
    KEY_WORDS,
    LOW,
    POSITION,
    REDUNDANT,
    SCALARS,
    STEP_WIDTH,
    STEPS,
    TESTED,
    UPDATE,
    WITHIN,
    MatchProgram,
)
from cep.kernels.runs import CLOSE_BIT, FOREVER, REGISTERS
from cep.language.typed import Apply, Attr, Const, Fold, Key, ParamRef, Present, Prev, Typed
from cep.model.diagnostics import Diagnostic
from cep.model.errors import RuleError
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cep.compiler.text import TextVector
    from cep.language.typed import CheckedEmit, CheckedParam, CheckedRule
    from cep.model.batch import AnyArray, Column, Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type

UNLIMITED = 2**62
__all__ = ["DIVISION", "NOT_A_NUMBER", "OVERFLOW", "EmitProgram", "Input", "PatternProgram", "compile_pattern"]


@dataclass(frozen=True, eq=False)
class Input:
    """How events of one stream are selected and retained.

    ``predicates``: (bit, condition; None: always). ``slots``: for each slot of the row the attribute's expression, or
    None where this stream has no such attribute. ``ties``: attributes that order events of one time.
    """

    stream: str
    predicates: tuple[tuple[int, ColumnFunction | None], ...]
    values: ColumnFunction
    present: tuple[int, ...]
    keys: tuple[str, ...]
    ties: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class EmitProgram:
    """One ``emit``: its fields, and the text that computes them for all matches of a batch at once.

    The text is that of the predicates, printed for columns: ``rows`` is the flat table of retained rows, ``runs`` the
    matches with one row a register, ``at`` the offset of each match's last event, ``text`` turns codes into strings.
    """

    type: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    text: str
    ints: np.ndarray
    floats: np.ndarray
    texts: tuple[str, ...]

    def __call__(
        self,
        rows: AnyArray,
        found: AnyArray,
        at: AnyArray,
        text: Callable[[AnyArray], TextVector],
        faults: Int64Array,
    ) -> dict[str, Column]:
        """The columns of the derived events; ``found`` is int64[matches, run width]."""
        run = _compile_emit(self.text)
        by_register = np.ascontiguousarray(found.T)
        with np.errstate(all="ignore"):
            pairs = run(
                rows.reshape(-1), rows.reshape(-1).view(np.float64), by_register, by_register.view(np.float64), at,
                self.ints, self.floats, self.texts, faults, text,
            )  # fmt: skip
        n = len(found)
        return {
            name: as_column(kind, value, null, n)
            for name, kind, (value, null) in zip(self.names, self.types, pairs, strict=True)
        }


@dataclass(frozen=True, eq=False)
class PatternProgram:
    """Everything the runtime needs to run one pattern; immutable, without state."""

    rule: str
    inputs: tuple[Input, ...]
    selects_all: bool
    layout: Layout
    tables: MatchProgram
    text: str
    ints: np.ndarray
    floats: np.ndarray
    texts: tuple[str, ...]
    variables: tuple[str, ...]
    blank: np.ndarray
    emits: tuple[EmitProgram, ...]
    tie_slots: Mapping[str, tuple[int, ...]]


def compile_pattern(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> PatternProgram:
    """The program of a rule whose body is a pattern. ``RuleError`` where an operation cannot run inside a pattern yet."""
    learned = Layout(len(rule.keys))
    _Builder(rule, sources, params, learned).build()
    learned.freeze()
    fixed = replace(learned, slots=[], positions=[], folds=[])
    return _Builder(rule, sources, params, fixed).build()


@cache
def _compile_emit(text: str) -> Callable[..., list[tuple[Any, Any]]]:
    names = column_names()
    exec(compile(text, "<generated emit>", "exec"), names)  # our own text, made above from a checked rule
    found: Callable[..., list[tuple[Any, Any]]] = names["emit"]
    return found


class _Builder:
    def __init__(
        self,
        rule: CheckedRule,
        sources: Mapping[str, Schema],
        params: Mapping[str, CheckedParam],
        layout: Layout,
    ) -> None:
        from cep.language.typed import CheckedPattern

        assert isinstance(rule.body, CheckedPattern)
        self.rule, self.pattern, self.sources, self.params, self.layout = rule, rule.body, sources, params, layout
        self.constants = Constants()
        self.steps = self.pattern.steps
        self.order = {s.variable: i for i, s in enumerate(self.steps)}
        absences = [a for s in self.steps for a in s.absences] + list(self.pattern.final)
        # predicates: steps, then absences as written, then those at the end
        self.predicates = [(s.streams, s.where) for s in self.steps] + [(a.streams, a.where) for a in absences]
        self.updates: dict[str, list[FoldRegister | PositionRegister]] = {}

    # ------------------------------------------------------------------------------------------------- the whole

    def build(self) -> PatternProgram:
        local: list[Typed | None] = []
        tested = 0
        bodies: list[tuple[int, list[str]]] = []
        for p, (_, where) in enumerate(self.predicates):
            alone, bound = _split(where)
            local.append(alone)
            if bound is not None:
                tested |= 1 << p
                emitter = Emitter("event", self._leaf, self.params, self.constants)
                condition = emitter.condition(bound)
                bodies.append((p, [*emitter.lines, f"return 1 if {condition} else 0"]))
        emits = tuple(self._emit(e) for e in self.rule.emits)
        tie_slots = self._ties()
        text = self._text(bodies, self._updates())
        inputs = tuple(self._input(s, local) for s in self.rule.inputs)
        return PatternProgram(
            self.rule.name,
            inputs,
            any(s.in_a_row or s.link == "next" for s in self.steps),
            self.layout,
            self._tables(tested),
            text,
            np.array(self.constants.ints or [0], np.int64),
            np.array(self.constants.floats or [0.0], np.float64),
            tuple(self.constants.texts),
            tuple(s.variable for s in self.steps),
            self._blank(),
            emits,
            tie_slots,
        )

    def _text(self, tests: list[tuple[int, list[str]]], updates: list[tuple[int, list[str]]]) -> str:
        if not tests and not updates:
            return ""
        parts = ['"""Generated from the shape of a rule; constants are operands."""', ""]
        parts += ["from math import inf", "", "from cep.kernels.text import compare_text", ""]
        for name, cases in (("test", tests), ("update", updates)):
            parts += ["", f"def {name}(p, rows, rows_f, at, runs, runs_f, run, ints, floats, heap, spans, faults):"]
            for p, lines in cases:
                parts += [f"    if p == {p}:", *(f"        {line}" for line in lines)]
            parts += ["    return 0", ""]
        return "\n".join(parts)

    # -------------------------------------------------------------------------------------------------- automaton

    def _tables(self, tested: int) -> MatchProgram:
        n = len(self.steps)
        steps = np.zeros((n, STEP_WIDTH), np.int64)
        strict = np.zeros((n, n), np.int64)
        guards = np.zeros((n, n), np.int64)
        waits = np.zeros(len(self.predicates), np.int64)
        before, at = [], n
        for step in self.steps:
            before.append(sum(1 << (at + k) for k in range(len(step.absences))))
            at += len(step.absences)
        final = 0
        for absence in self.pattern.final:
            assert absence.duration is not None
            final |= 1 << at
            waits[at] = self._duration(absence.duration)
            at += 1
        for i, step in enumerate(self.steps):
            steps[i, LOW] = step.low
            steps[i, HIGH] = UNLIMITED if step.high is None else step.high
            steps[i, AFTER] = self._reachable(i + 1)
            wanted = PositionRegister("newest", step.variable, -1)
            known = self.layout.positions
            steps[i, POSITION] = known.index(wanted) if wanted in known else -1
            steps[i, UPDATE] = step.variable in self.updates
            steps[i, REDUNDANT] = self._may_drop_shorter(i)
            strict[i, i] = step.in_a_row
            guard = 0
            for j in range(i + 1, n):
                guard |= before[j]
                guards[i, j] = guard
                strict[i, j] = self.steps[j].link == "next"
        scalars = np.zeros(SCALARS, np.int64)
        scalars[STEPS] = n
        scalars[FIRST] = self._reachable(0) & ~int(CLOSE_BIT)
        scalars[FINAL] = final
        scalars[FINAL_WAIT] = waits.max() if final else 0
        scalars[WITHIN] = self._duration(self.pattern.within) if self.pattern.within else FOREVER
        scalars[KEEP_ALL] = self.pattern.skip == "keep all"
        scalars[KEY_WORDS] = self.layout.key_words
        scalars[KEY_AT] = self.layout.key_at
        scalars[TESTED] = tested
        return MatchProgram(steps, strict, guards, waits, scalars)

    def _reachable(self, first: int) -> int:
        mask = 0
        for j in range(first, len(self.steps)):
            mask |= 1 << j
            if self.steps[j].low > 0:
                return mask
        return mask | int(CLOSE_BIT)

    def _duration(self, node: Typed) -> int:
        value = self.params[node.name].value.value if isinstance(node, ParamRef) else None
        if isinstance(node, Const):
            value = node.value
        assert isinstance(value, int)
        return value

    def _may_drop_shorter(self, i: int) -> bool:
        # once a loop has iterated, the same run without that iteration has the same future, and is not preferred,
        # provided that nothing later asks what the loop holds, and that no deadline counts from its last event
        if i == len(self.steps) - 1 or self.pattern.final or not self.steps[i].is_loop:
            return False
        later = [w for s in self.steps[i + 1 :] for w in (s.where, *(a.where for a in s.absences))]
        return not any(_mentions(w, self.steps[i].variable) for w in later if w is not None)

    # ---------------------------------------------------------------------------------- reading rows and registers

    def _leaf(self, emitter: Emitter, node: Typed) -> Term:
        value, null = self._read(emitter, node)
        if node.type.kind == "bool" and null is not None:  # the law of booleans: False under a null
            value = emitter.let(f"{value} & ({null} ^ True)")
        return Term(value, null)

    def _read(self, emitter: Emitter, node: Typed) -> Term:
        match node:
            case Attr(variable=None):
                return self._slot(emitter, self._attribute(node), "at")
            case Attr(variable=str() as variable):
                return self._bound(emitter, variable, self._attribute(replace(node, variable=None)))
            case Present():
                return Term(emitter.let(f"{self._register(PositionRegister('newest', node.variable, -1))} >= 0"), None)
            case Key():
                return self._typed_read(emitter, node.type.kind, f"at + {self.layout.key_at + node.index}")
            case Fold():
                return self._fold(emitter, node)
            case Prev():
                return self._previous(emitter, node)
            case Apply():
                return self._matched_text(emitter, node)
        raise AssertionError(node)

    def _bound(self, emitter: Emitter, variable: str, slot: Slot) -> Term:
        position, missing = self._position(emitter, PositionRegister("newest", variable, -1))
        value, null = self._slot(emitter, slot, position)
        return Term(value, emitter.either(missing, null) if self._may_miss(variable) else null)

    def _matched_text(self, emitter: Emitter, node: Apply) -> Term:
        """``like`` and ``matches``: decided with the event's own columns, retained in a slot, read where it is bound."""
        subject, pattern = node.args

        def decided(on: Typed) -> Apply:
            return Apply(node.op, (on, pattern), BOOL.as_optional(on.type.optional))

        match subject:
            case Attr(variable=None):
                return self._slot(emitter, self._argument(decided(subject)), "at")
            case Attr(variable=str() as variable):
                return self._bound(emitter, variable, self._argument(decided(replace(subject, variable=None))))
            case Fold(function="first" | "last", argument=argument) if argument is not None:
                return self._fold(emitter, replace(subject, argument=decided(argument), type=node.type))
            case Prev(default=None):
                return self._previous(emitter, replace(subject, argument=decided(subject.argument), type=node.type))
            case _:
                raise RuleError([Diagnostic(
                    "not-yet", f"`{node.op}` on this expression does not run yet inside a pattern",
                    self.rule.source, self.rule.span, "test an attribute of one event",
                )])  # fmt: skip

    def _attribute(self, node: Attr) -> Slot:
        return self.layout.slot(replace(node, type=node.type.as_optional(False)), node.type)

    def _argument(self, node: Typed) -> Slot:
        return self._attribute(node) if isinstance(node, Attr) else self.layout.slot(node, node.type)

    def _slot(self, emitter: Emitter, slot: Slot, base: str) -> Term:
        null = None
        if self._nullable(slot):
            column, bit = self.layout.null_place(slot.index)
            null = emitter.let(f"((rows[{base} + {column}] >> {bit}) & 1) != 0")
        if slot.type.kind == "record":
            return Term("True", null)
        return Term(self._typed_read(emitter, slot.type.kind, f"{base} + {self.layout.column(slot.index)}").value, null)

    def _nullable(self, slot: Slot) -> bool:
        if not isinstance(slot.expression, Attr):
            return slot.type.optional
        name = slot.expression.name
        for stream in self.rule.inputs:
            attribute = self.sources[stream].by_name.get(name)
            if attribute is not None and attribute.type.optional:
                return True
        return False

    @staticmethod
    def _typed_read(emitter: Emitter, kind: str, place: str) -> Term:
        if kind == "string" and emitter.target == "column":
            return Term(emitter.let(f"text(rows[{place}])"), None)
        if kind == "float":
            return Term(emitter.let(f"rows_f[{place}]"), None)
        return Term(emitter.let(f"rows[{place}]" + (" != 0" if kind == "bool" else "")), None)

    def _register(self, wanted: PositionRegister | FoldRegister, table: str = "runs") -> str:
        if wanted not in self.layout.positions and wanted not in self.layout.folds and wanted.which != "newest":
            self.updates.setdefault(wanted.variable, []).append(wanted)
        return f"{table}[run + {REGISTERS + self.layout.register(wanted)}]"

    def _position(self, emitter: Emitter, wanted: PositionRegister) -> tuple[str, str]:
        """The offset of a row that a register points to (of some row when it points to none), and whether it does not."""
        row = emitter.let(self._register(wanted))
        missing = emitter.let(f"{row} < 0")
        return emitter.let(f"({emitter.select(missing, '0', row)}) * {self.layout.row_width}"), missing

    def _may_miss(self, variable: str) -> bool:
        return self.steps[self.order[variable]].low == 0

    # ---------------------------------------------------------------------------------------------------- folds

    def _fold(self, emitter: Emitter, node: Fold) -> Term:
        """The value of a fold: the registers, and where it is running, the event at hand on top of them."""
        slot = self._argument(node.argument) if node.argument is not None else None
        if node.function in ("first", "last"):
            assert slot is not None
            return self._end(emitter, node, slot)
        count, total = self._folded(emitter, node, slot, running=node.running)
        if node.function == "count":
            return Term(count, None)
        nothing = emitter.let(f"{count} <= 0")  # none, or -1 for a sum that overflowed
        if node.function != "avg":
            assert total is not None
            if node.function == "sum" and node.type.kind == "float":
                return emitter.number(total, [total if slot is not None and slot.type.infinite else "0.0"], nothing)
            return Term(total, nothing)
        assert total is not None and slot is not None
        safe = emitter.let(emitter.select(nothing, "1", count))
        if node.type.kind == "duration":
            floor = emitter.let(f"{total} // {safe}")
            rest = emitter.let(f"{total} - {floor} * {safe}")
            return Term(emitter.let(emitter.select(f"({rest} != 0) & ({total} < 0)", f"{floor} + 1", floor)), nothing)
        scale = float(10**slot.type.scale)
        return emitter.number(emitter.let(f"({total} * 1.0) / ({safe} * {scale!r})"), ["0.0"], nothing)

    def _end(self, emitter: Emitter, node: Fold, slot: Slot) -> Term:
        variable = node.variable
        if not self._nullable(slot) and node.function == "last":
            wanted = PositionRegister("newest", variable, -1)
        else:
            wanted = PositionRegister(node.function, variable, slot.index)
        if not node.running:
            position, missing = self._position(emitter, wanted)
            return Term(self._slot(emitter, slot, position).value, missing)
        value, null = self._slot(emitter, slot, "at")
        if node.function == "last" and null is None:
            return Term(value, None)
        position, missing = self._position(emitter, wanted)
        bound = self._slot(emitter, slot, position).value
        here = missing if node.function == "first" else emitter.let(f"{null} ^ True")
        both = missing if null is None else emitter.let(f"{missing} & {null}")
        found = emitter.let(emitter.select(here, value, bound))
        return Term(found, None if null is None else both)

    def _folded(self, emitter: Emitter, node: Fold, slot: Slot | None, *, running: bool) -> tuple[str, str | None]:
        variable, index = node.variable, -1 if slot is None else slot.index
        is_float = slot is not None and slot.type.kind == "float"
        which = "sum" if node.function in ("sum", "avg") else node.function
        counting = FoldRegister("count" if which in ("count", "min", "max") else "sum_count", variable, index, False)
        count = emitter.let(self._register(counting))
        total = None
        if which != "count":
            table = "runs_f" if is_float else "runs"
            total = emitter.let(self._register(FoldRegister(which, variable, index, is_float), table))
        if not running:
            return count, total
        return self._take_in(emitter, which, slot, count, total)

    def _take_in(
        self, emitter: Emitter, which: str, slot: Slot | None, count: str, total: str | None
    ) -> tuple[str, str | None]:
        """Count and total with the event at hand included."""
        value, null = self._slot(emitter, slot, "at") if slot is not None else ("0", None)
        here = "True" if null is None else emitter.let(f"{null} ^ True")
        if total is None:
            return emitter.let(emitter.select(here, f"{count} + 1", count)), None
        assert slot is not None
        if which in ("min", "max"):
            sign = "<" if which == "min" else ">"
            better = emitter.let(f"({count} == 0) | ({value} {sign} {total})")
            total_now = emitter.let(emitter.select(f"({here}) & {better}", value, total))
            return emitter.let(emitter.select(here, f"{count} + 1", count)), total_now
        fresh = emitter.let(f"{count} == 0")
        start = "0.0" if slot.type.kind == "float" else "0"
        base = emitter.let(emitter.select(fresh, start, total))
        if slot.type.kind == "float":
            # the first value stands for itself, so that -0.0 and rounding are as written
            total_now = emitter.let(emitter.select(here, emitter.select(fresh, value, f"{base} + {value}"), base))
            return emitter.let(emitter.select(here, f"{count} + 1", count)), total_now
        added = emitter.let(f"{base} + {value}")
        overflow = emitter.let(f"(({base} ^ {added}) & ({value} ^ {added})) < 0")
        emitter.fault(OVERFLOW, f"({overflow}) & ({here})", None)
        lost = emitter.let(f"({count} < 0) | (({here}) & {overflow})")
        total_now = emitter.let(emitter.select(here, added, base))
        return emitter.let(emitter.select(lost, "-1", emitter.select(here, f"{count} + 1", count))), total_now

    def _previous(self, emitter: Emitter, node: Prev) -> Term:
        slot = self._argument(node.argument)
        position, missing = self._position(emitter, PositionRegister("newest", node.variable, -1))
        bound = self._slot(emitter, slot, position)
        default = emitter.term(node.default) if node.default is not None else None
        if default is None:
            zero = {"float": "0.0", "bool": "False"}.get(node.type.kind, "0")
            default = Term(zero, "True")
        value = emitter.let(emitter.select(missing, default.value, bound.value))
        if default.null is None and bound.null is None:
            return Term(value, None)
        return Term(value, emitter.let(emitter.select(missing, default.null or "False", bound.null or "False")))

    def _updates(self) -> list[tuple[int, list[str]]]:
        """What ``update`` does for each step: take the event at hand into the registers of the step's folds."""
        out = []
        for variable, registers in self.updates.items():
            emitter = Emitter("event", self._leaf, self.params, self.constants)
            stores: list[str] = []
            for wanted in registers:
                slot = self.layout.slots[wanted.slot] if wanted.slot >= 0 else None
                if isinstance(wanted, PositionRegister):
                    assert slot is not None
                    self._update_position(emitter, wanted, slot, stores)
                elif wanted.which not in ("count", "sum_count"):
                    counting = "sum_count" if wanted.which == "sum" else "count"
                    count = emitter.let(self._register(FoldRegister(counting, variable, wanted.slot, False)))
                    table = "runs_f" if wanted.is_float else "runs"
                    total = emitter.let(self._register(wanted, table))
                    now, total_now = self._take_in(emitter, wanted.which, slot, count, total)
                    stores.append(f"{self._register(wanted, table)} = {total_now}")
                    if wanted.which == "sum":
                        stores.append(f"{self._register(FoldRegister(counting, variable, wanted.slot, False))} = {now}")
                elif wanted.which == "count":
                    count = emitter.let(self._register(wanted))
                    now, _ = self._take_in(emitter, "count", slot, count, None)
                    stores.append(f"{self._register(wanted)} = {now}")
            out.append((self.order[variable], [*emitter.lines, *stores, "return 0"]))
        return sorted(out)

    def _update_position(self, emitter: Emitter, wanted: PositionRegister, slot: Slot, stores: list[str]) -> None:
        null = self._slot(emitter, slot, "at").null
        row = emitter.let(f"at // {self.layout.row_width}")
        place = self._register(wanted)
        take = "True" if null is None else f"({null} ^ True)"
        if wanted.which == "first":
            take = f"({place} < 0) & {take}"
        stores.append(f"{place} = {emitter.select(take, row, place)}")

    def _blank(self) -> np.ndarray:
        registers = np.zeros(len(self.layout.positions) + len(self.layout.folds), np.int64)
        registers[: len(self.layout.positions)] = -1
        return registers

    # --------------------------------------------------------------------------------------------- emits, inputs

    def _emit(self, emit: CheckedEmit) -> EmitProgram:
        constants = Constants()
        emitter = Emitter("column", self._leaf, self.params, constants)
        terms = [emitter.term(e) for _, e in emit.fields]
        closing = f"return [{', '.join(f'({t.value}, {t.null or False})' for t in terms)}]"
        body = "".join(f"    {line}\n" for line in ["run = 0", *emitter.lines, closing])
        head = "def emit(rows, rows_f, runs, runs_f, at, ints, floats, texts, faults, text):\n"
        return EmitProgram(
            emit.type,
            tuple(n for n, _ in emit.fields),
            tuple(e.type for _, e in emit.fields),
            head + body,
            np.array(constants.ints, np.int64),
            np.array(constants.floats, np.float64),
            tuple(constants.texts),
        )

    def _ties(self) -> dict[str, tuple[int, ...]]:
        out: dict[str, tuple[int, ...]] = {}
        for stream in self.rule.inputs:
            schema = self.sources[stream]
            named = [schema.by_name[t] for t in schema.ties]
            out[stream] = tuple(self._attribute(Attr(None, a.name, a.type)).index for a in named)
        return out

    def _input(self, stream: str, local: list[Typed | None]) -> Input:
        schema = self.sources[stream]
        predicates = tuple(
            (p, None if (condition := local[p]) is None else compile_columns([condition], self.params))
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


def _as_nullable(node: Typed, schema: Schema) -> Typed:
    if isinstance(node, Attr):
        return replace(node, type=schema.by_name[node.name].type)
    return node


def _split(where: Typed | None) -> tuple[Typed | None, Typed | None]:
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


def _walk(node: Typed) -> Iterator[Typed]:
    stack: list[Typed] = [node]
    while stack:
        current = stack.pop()
        yield current
        match current:
            case Apply():
                stack.extend(current.args)
            case Fold() if current.argument is not None:
                stack.append(current.argument)
            case Prev():
                stack.append(current.argument)
                if current.default is not None:
                    stack.append(current.default)
            case _:
                pass


def _reads_run(node: Typed) -> bool:
    return any(
        isinstance(n, Fold | Prev | Present) or (isinstance(n, Attr) and n.variable is not None) for n in _walk(node)
    )


def _mentions(node: Typed, variable: str) -> bool:
    return any(isinstance(n, Attr | Fold | Prev | Present) and n.variable == variable for n in _walk(node))


def _attributes(node: Typed) -> Iterable[tuple[str, object]]:
    return [(n.name, n.type) for n in _walk(node) if isinstance(n, Attr)]

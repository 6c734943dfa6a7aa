"""A row pattern to a matcher of its own: one pass over the events of a key, one run a state.

It is for patterns in which every event counts - ``next`` between steps, loops ``in a row`` - that skip past the last
event and have no bound, and whose conditions ask about the event at hand and the event bound last. That one is the
key's event before, whatever run it is: so two runs in one state have the same future, the one that started earlier is
preferred until its end, and the other is forgotten at once. What is left is a few scalars a key.

States: `cep.compiler.rowstates`. The loop is generated: for each state the run of it is a
start and registers in the key's row; on an event every condition is decided once, matches are sought first, then each
state, the last first, takes the preferred of the runs that come into it. Constants are operands, so rules of one shape
share what is compiled.

Of two runs with one start a rank (parent's rank, then step) tells the preferred, where a state is ambiguous.
References: Pike's simulation with captures (one thread a state, in order of priority); docs/semantics.md.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    BLOCK_KEYS,
    NotDirectError,
    Place,
    Shape,
    Values,
    build_emits,
    build_inputs,
    check_keys,
    check_params,
    check_plain,
    is_optional,
    leaves,
)
from cep.compiler.emit import Constants, Emitter, Term
from cep.compiler.pattern import split_condition
from cep.compiler.rowstates import RowStates, State
from cep.kernels.onepass import DECIDER, FOUND_KEYS, PREVIOUS
from cep.language.typed import Attr, CheckedPattern, Fold, Key, Prev, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.typed import CheckedParam, CheckedRule, CheckedStep
    from cep.model.schema import Schema
    from cep.model.types import Type

_NOTHING = Term("0", "True")


@dataclass(frozen=True, eq=False)
class OnePassTables:
    """The program of a one-pass matcher: its generated text, constants, and where the starts stand in ``slots``.

    ``text_slots``: columns with codes of strings, each with the column of the start of its run (-1: of the key itself).
    """

    shape: Shape
    text: str
    ints: np.ndarray
    floats: np.ndarray
    slots_width: int
    starts: tuple[int, ...]
    text_slots: tuple[tuple[int, int], ...]
    why: str


@dataclass(frozen=True, slots=True)
class Register:
    """A value of a run: ``which`` is newest, first or count; of a step, and of a value of the block (-1: none)."""

    which: str
    step: int
    value: int


@dataclass(frozen=True, slots=True)
class Move:
    """From a state (None: a new run) by binding ``step`` to another (None: the match); ``test`` is a variable."""

    source: State | None
    step: int
    target: State | None
    test: str


@dataclass(slots=True)
class _Text:
    # lines, and how deep the next one stands
    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def add(self, *lines: str) -> None:
        self.lines += [f"{'    ' * self.depth}{line}" for line in lines]


def compile_one_pass(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> OnePassTables:
    """The matcher of a rule whose body is a pattern; NotDirectError when it is none of these."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_plain(pattern)
    check_keys(rule)
    check_params(rule, pattern)
    if pattern.skip != "past last":
        raise NotDirectError("it does not skip past the last event")
    for number, step in enumerate(pattern.steps):
        if number and step.link != "next":
            raise NotDirectError(f"it has `{step.link}`")
        if step.is_loop and not step.in_a_row:
            raise NotDirectError("a loop is not `in a row`")
    return _Generator(rule, pattern.steps, sources, params).build()


class _Generator:
    def __init__(
        self,
        rule: CheckedRule,
        steps: tuple[CheckedStep, ...],
        sources: Mapping[str, Schema],
        params: Mapping[str, CheckedParam],
    ) -> None:
        self.rule, self.steps, self.sources, self.params = rule, steps, sources, params
        self.order = {s.variable: i for i, s in enumerate(steps)}
        self.values = Values()
        self.constants = Constants()
        self.rows = RowStates(steps, params)
        self.states = self.rows.states
        parts = [split_condition(s.where) for s in steps]
        self.alone = [compile_conditions(a, params) for a, _ in parts]
        self.bound = [b for _, b in parts]
        self.tests: dict[tuple[str, ...], str] = {}  # canonical text to variable
        self.test_lines: list[str] = []
        self.names = 0
        self.read_now: set[int] = set()  # values of the event at hand that tests read
        self.read_before: set[int] = set()  # and of the key's event before
        self.keys = tuple(FOUND_KEYS + i for i in range(len(rule.keys)))

    # ------------------------------------------------------------------------------------------------------- tests

    def _test(self, source: State | None, step: int) -> str:
        """The variable that says whether the event at hand fits a step for a run in a state."""
        where = self.bound[step]
        here = f"((bits >> {step}) & 1) != 0"
        if all(self.steps[step].streams == s for s in (self.rule.inputs,)) and not self.alone[step]:
            here = ""  # every event of the rule
        if where is None:
            return self._kept(("alone", here or "True"), [], here or "True")

        def print_from(first: int) -> tuple[list[str], str]:
            emitter = Emitter("event", lambda e, node: self._leaf(e, node, source, step), self.params, mark, first)
            return emitter.lines, emitter.condition(where)

        mark = replace(self.constants, ints=[*self.constants.ints], floats=[*self.constants.floats])
        lines, value = print_from(0)
        # constants of one test printed twice would be other operands: told by their values
        told = [
            *lines,
            value,
            here,
            str(mark.ints[len(self.constants.ints) :]),
            str(mark.floats[len(self.constants.floats) :]),
        ]
        canonical = tuple(_without_places(line) for line in told)
        if canonical in self.tests:
            return self.tests[canonical]
        mark = self.constants
        lines, value = print_from(self.names)
        self.names += len(lines)
        if any("faults[" in line or "compare_text" in line for line in lines):
            raise NotDirectError("a condition may divide by zero, overflow, or compares the order of strings")
        return self._kept(canonical, lines, f"({here}) & {value}" if here else value)

    def _kept(self, canonical: tuple[str, ...], lines: list[str], value: str) -> str:
        if canonical not in self.tests:
            name = self.tests[canonical] = f"test{len(self.tests)}"
            self.test_lines += [*lines, f"{name} = {value}"]
        return self.tests[canonical]

    def _leaf(self, emitter: Emitter, node: Typed, source: State | None, step: int) -> Term:
        """What a condition on ``step`` reads, for a run in ``source``."""
        bound = -1 if source is None else source.step
        match node:
            case Attr(variable=None):
                return self._now(node.name, node.type)
            case Key():
                value = f"block{'_f' if node.type.kind == 'float' else ''}[{BLOCK_KEYS + node.index}, row]"
                return Term(f"({value} != 0)" if node.type.kind == "bool" else value, None)
            case Prev(argument=Attr(variable=None) as argument):
                if self.order[node.variable] == bound:
                    return self._before(argument.name, argument.type)
                return _NOTHING if node.default is None else emitter.term(node.default)
            case Attr(variable=str() as variable):
                return self._bound_value(self.order[variable], bound, node.name, node.type)
            case Fold(function="last", argument=Attr(variable=None) as argument):
                if is_optional(self.rule, self.sources, argument.name):
                    raise NotDirectError("a condition asks for the last value that is not null")
                if node.running and self.order[node.variable] == step:
                    return self._now(argument.name, argument.type)
                return self._bound_value(self.order[node.variable], bound, argument.name, argument.type)
        raise NotDirectError("a condition asks for more than the event at hand and the one bound last")

    def _bound_value(self, of: int, bound: int, name: str, kind: Type) -> Term:
        if of == bound:
            return self._before(name, kind)
        if of > bound:
            return Term("False", "True") if kind.kind == "bool" else _NOTHING
        raise NotDirectError("a condition asks for more than the event at hand and the one bound last")

    def _now(self, name: str, kind: Type) -> Term:
        value = self.values.place(name, kind)
        self.read_now.add(value)
        return self._term("now", value)

    def _before(self, name: str, kind: Type) -> Term:
        value = self.values.place(name, kind)
        self.read_before.add(value)
        return self._term("before", value)

    def _term(self, when: str, value: int) -> Term:
        name, kind = self.values.known[value]
        text = f"{when}{value} != 0" if kind.kind == "bool" else f"{when}{value}"
        null = f"{when}_null{value}" if is_optional(self.rule, self.sources, name) else None
        return Term(f"({text})" if kind.kind == "bool" else text, null)

    # -------------------------------------------------------------------------------------------------- registers

    def _read_emits(self) -> dict[Typed, Register]:
        """What the fields of ``emit`` are read from."""
        out: dict[Typed, Register] = {}
        for leaf in dict.fromkeys(x for e in self.rule.emits for _, shown in e.fields for x in leaves(shown)):
            match leaf:
                case Key():
                    continue
                case Attr(variable=str() as variable):
                    register = Register("newest", self.order[variable], self.values.place(leaf.name, leaf.type))
                case Fold(function="count", argument=None):
                    register = Register("count", self.order[leaf.variable], -1)
                case Fold(function="first" | "last" as which, argument=Attr(variable=None) as a) if not is_optional(
                    self.rule, self.sources, a.name
                ):
                    place = self.values.place(a.name, a.type)
                    register = Register("newest" if which == "last" else "first", self.order[leaf.variable], place)
                case _:
                    raise NotDirectError("it emits more than attributes, first, last and count")
            out[leaf] = register
        return out

    def _may_be_null(self, register: Register) -> bool:
        if register.which == "count":
            return False
        name = self.values.known[register.value][0]
        return self.steps[register.step].low == 0 or is_optional(self.rule, self.sources, name)

    def _kept_in(self, state: State, registers: list[Register]) -> list[Register]:
        """The registers that a run in a state needs: what it is bound to last is the key's event before."""
        return [r for r in registers if (r.step < state.step if r.which == "newest" else r.step <= state.step)]

    def _value(self, register: Register, source: State | None, step: int | None) -> Term:
        """A register's value once a run in ``source`` binds the event at hand to ``step`` (None: binds nothing)."""
        bound = -1 if source is None else source.step
        of, value = register.step, register.value
        again = source is not None and step == source.step
        if register.which == "count":
            if of == step:
                return Term(f"{self._column(source, register)} + 1" if again else "1", None)
            return Term(self._column(source, register) if of <= bound else "0", None)
        if of == step and (register.which == "newest" or not again):
            return self._raw("now", value)
        if of == bound and register.which == "newest":
            return self._raw("before", value)
        if of > bound:
            return Term("0", "True")
        null = None
        if self._may_be_null(register):
            assert source is not None
            null = f"((slots[slot, {self.nulls_at[source.number]}] >> {self.null_bits[register]}) & 1) != 0"
        return Term(self._column(source, register), null)

    def _raw(self, when: str, value: int) -> Term:
        """The word of a value of the event at hand, or of the key's event before: floats are moved by their bits."""
        (self.read_now if when == "now" else self.read_before).add(value)
        null = f"{when}_null{value}" if is_optional(self.rule, self.sources, self.values.known[value][0]) else None
        return Term(f"{when}_word{value}", null)

    def _column(self, source: State | None, register: Register) -> str:
        assert source is not None
        return f"slots[slot, {self.columns[source.number, register]}]"

    # ------------------------------------------------------------------------------------------------- the program

    def build(self) -> OnePassTables:
        """The tables."""
        read = self._read_emits()
        registers = list(dict.fromkeys(read.values()))
        moves = [
            Move(source, j, self.rows.target(source, j), self._test(source, j))
            for source in (None, *self.states)
            for j in self.rows.steps_from(source)
        ]
        self.ranked = self.rows.is_ambiguous()
        for register in registers:  # what is newest of a step that is left is what came before
            if register.which == "newest":
                self.read_before.add(register.value)
        before = sorted(self.read_before)
        at = PREVIOUS + len(before)
        starts: list[int] = []
        text_slots = [(PREVIOUS + i, -1) for i, v in enumerate(before) if self._is_text(v)]
        kept_texts = {v for v in (*before, *(r.value for r in registers)) if v >= 0 and self._is_text(v)}
        if any(self._is_nullable_text(v, registers) for v in kept_texts):
            raise NotDirectError("it keeps a string that may be null")
        self.columns: dict[tuple[int, Register], int] = {}
        self.nulls_at: list[int] = []
        self.null_bits = {r: n for n, r in enumerate(r for r in registers if self._may_be_null(r))}
        for state in self.states:
            starts.append(at)
            self.nulls_at.append(at + 1 + self.ranked)
            at += 1 + self.ranked + bool(self.null_bits)
            for register in self._kept_in(state, registers):
                self.columns[state.number, register] = at
                if register.value >= 0 and self._is_text(register.value):
                    text_slots.append((at, starts[-1]))
                at += 1
        if len(self.null_bits) > 60:
            raise NotDirectError("more than 60 values may be null")
        places: dict[Typed, Place] = {}
        column, nulls = FOUND_KEYS + len(self.keys), 0
        for leaf, register in read.items():
            null = None
            if self._may_be_null(register):
                null, nulls = nulls, nulls + 1
            places[leaf], column = Place(column, null), column + 1
        for leaf in (x for e in self.rule.emits for _, shown in e.fields for x in leaves(shown)):
            if isinstance(leaf, Key):
                places[leaf] = Place(self.keys[leaf.index], None)
        width = at + len(self.keys)
        text = self._text(moves, read, places, registers, before, starts, width)
        shape = Shape(
            inputs=build_inputs(self.rule, self.steps, self.alone, self.values.known, self.sources),
            selects_all=bool(self.states),
            values=tuple(self.values.known),
            places=places,
            keys=self.keys,
            decider=DECIDER,
            emits=build_emits(self.rule, self.params),
            found_width=column,
            has_nulls=any(is_optional(self.rule, self.sources, name) for name, _ in self.values.known),
            many_at_once=False,
            texts=tuple(self.constants.texts),
        )
        return OnePassTables(
            shape,
            text,
            np.array(self.constants.ints or [0], np.int64),
            np.array(self.constants.floats or [0.0], np.float64),
            width,
            tuple(starts),
            tuple(text_slots),
            f"every event counts and is compared with the one before: at most {max(len(starts), 1)} runs a key",
        )

    def _is_nullable_text(self, value: int, registers: list[Register]) -> bool:
        optional = is_optional(self.rule, self.sources, self.values.known[value][0])
        return optional or any(self._may_be_null(r) for r in registers if r.value == value)

    def _is_text(self, value: int) -> bool:
        return self.values.known[value][1].kind == "string"

    def _text(
        self,
        moves: list[Move],
        read: dict[Typed, Register],
        places: dict[Typed, Place],
        registers: list[Register],
        before: list[int],
        starts: list[int],
        width: int,
    ) -> str:
        out = _Text()
        out.add('"""Generated from the shape of a rule; constants are operands."""', "", *_IMPORTS, "", "")
        out.add("def match(state, shown, ints, floats):")
        out.depth = 1
        out.add(*_OPENING)
        out.add("while row < block.shape[1]:")
        out.depth = 2
        out.add(*_ROOM)
        first = sum(1 << m.step for m in moves if m.source is None)
        out.add("bits = block[2, row]", *_find(len(self.keys), width), "if slot < 0:")
        out.depth = 3
        out.add(f"if bits & {first} == 0:", "    row += 1", "    continue")
        out.add("if has_room(slots, counts) == 0:", *_stop("WANTS_SLOTS"))
        out.add("slot = add_key(slots, table, counts, block, row, at)", "slots[slot, 3] = -1")
        out.add(*(f"slots[slot, {at}] = NEVER" for at in starts))
        out.depth = 2
        out.add("ordinal = slots[slot, 2] + 1", "slots[slot, 2] = ordinal", "behind = slots[slot, 3]")
        out.add("trail[used, 0] = behind", "trail[used, 1] = block[1, row]")
        self._read_values(out, before)
        out.add(*self.test_lines)
        out.add(*(f"start{s.number} = slots[slot, {starts[s.number]}]" for s in self.states))
        if self.ranked:
            out.add(*(f"rank{s.number} = slots[slot, {starts[s.number] + 1}]" for s in self.states))
        self._matches(out, moves, read, places, starts)
        fits = [m for m in moves if m.target is not None]
        for state in reversed(self.states):
            self._enter(out, state, [m for m in fits if m.target == state], starts, registers)
        if self.ranked:
            self._renumber(out, starts)
        for i, value in enumerate(before):
            out.add(f"slots[slot, {PREVIOUS + i}] = now_word{value}")
        optional = [v for v in before if is_optional(self.rule, self.sources, self.values.known[v][0])]
        if optional:
            out.add(f"slots[slot, 4] = {' | '.join(f'(np.int64(now_null{v}) << {v})' for v in optional)}")
        out.add("slots[slot, 3] = used", "used += 1", "row += 1")
        out.depth = 1
        out.add(*_stop("DONE", 0), "")
        return "\n".join(out.lines)

    def _read_values(self, out: _Text, before: list[int]) -> None:
        first = BLOCK_KEYS + len(self.keys)
        places = [("now", v, f"[{first + v}, row]", "block") for v in range(len(self.values.known))]
        places += [("before", v, f"[slot, {PREVIOUS + i}]", "slots") for i, v in enumerate(before)]
        for when, value, place, table in places:
            name, kind = self.values.known[value]
            out.add(f"{when}_word{value} = {table}{place}")
            out.add(f"{when}{value} = {f'{table}_f{place}' if kind.kind == 'float' else f'{when}_word{value}'}")
            if is_optional(self.rule, self.sources, name):
                nulls = "block[3, row]" if when == "now" else "slots[slot, 4]"
                out.add(f"{when}_null{value} = (({nulls} >> {value}) & 1) != 0")

    def _choose(self, out: _Text, label: int, start: str, test: str, rank: str) -> None:
        """Take a run for the best so far when it comes and is preferred.

        By masks, without a branch: which events come nobody can foresee, and a wrong guess costs more than all this.
        """
        out.add(f"comes = {start} | ((np.int64({test}) - 1) & NEVER)")
        if label == 0:
            out.add("best = comes", *([f"best_rank = {rank}"] if self.ranked else []))
            return
        if self.ranked:
            out.add(f"rank = {rank}")
            out.add("earlier = (comes == best) & (comes < NEVER) & (rank < best_rank)")
            out.add(f"take{label} = -np.int64((comes < best) | earlier)")
            out.add(f"best_rank ^= (best_rank ^ rank) & take{label}")
        else:
            out.add(f"take{label} = (comes - best) >> 63")
        out.add(f"best ^= (best ^ comes) & take{label}")

    def _rank(self, state: State, step: int) -> str:
        return f"rank{state.number} * {len(self.steps)} + {step}"

    @staticmethod
    def _store_chosen(out: _Text, into: str, values: list[str]) -> None:
        """What the run chosen gives."""
        if len(set(values)) == 1:
            if values[0] != into:
                out.add(f"{into} = {values[0]}")
            return
        out.add(f"word = {values[0]}")
        for label, value in enumerate(values[1:], 1):
            out.add(f"word ^= (word ^ ({value})) & take{label}")
        out.add(f"{into} = word")

    def _matches(
        self,
        out: _Text,
        moves: list[Move],
        read: dict[Typed, Register],
        places: dict[Typed, Place],
        starts: list[int],
    ) -> None:
        """The match of the preferred run that is complete at the event, or that the event breaks off."""
        ends: list[tuple[State, int | None]] = []
        last = len(self.steps) - 1
        for state in self.states:
            start = f"start{state.number}"
            for move in moves:
                if move.source == state and move.target is None:
                    self._choose(out, len(ends), start, move.test, self._rank(state, move.step))
                    ends.append((state, move.step))
            if self.rows.closes(state.step, state.count):
                test = next(m.test for m in moves if m.source == state and m.step == last)
                self._choose(out, len(ends), start, f"{test} ^ True", self._rank(state, last))
                ends.append((state, None))
        if ends:
            if len(ends) > 1:
                self._store_chosen(out, "source", [str(label) for label in range(len(ends))])
            out.add("if best < NEVER:")
            out.depth += 1
            for label, (state, step) in enumerate(ends):
                if len(ends) > 1:
                    out.add(f"{'if' if label == 0 else 'elif'} source == {label}:")
                    out.depth += 1
                self._give_out(out, state, step, read, places)
                out.add(f"found[3, target] = ordinal - best + {int(step is not None)}")
                out.add(f"found[4, target] = {'behind' if step is None else 'used'}")
                out.depth -= len(ends) > 1
            self._close_match(out, starts)
            whole = [label for label, (_, step) in enumerate(ends) if step is not None]
            if len(whole) == len(ends):
                out.add(*_NEXT_ROW)
            else:
                if whole:
                    out.add(f"if {' or '.join(f'source == {w}' for w in whole)}:", *(f"    {x}" for x in _NEXT_ROW))
                out.add(*(f"start{state.number} = NEVER" for state in self.states))
            out.depth -= 1
        for move in moves:
            if move.source is None and move.target is None:
                out.add(f"if {move.test}:")
                out.depth += 1
                self._give_out(out, None, move.step, read, places)
                out.add("found[3, target] = 1", "found[4, target] = used")
                self._close_match(out, starts)
                out.add(*_NEXT_ROW)
                out.depth -= 1

    def _give_out(
        self,
        out: _Text,
        source: State | None,
        step: int | None,
        read: dict[Typed, Register],
        places: dict[Typed, Place],
    ) -> None:
        out.add("found[2, target] = 0")
        for leaf, register in read.items():
            value, null = self._value(register, source, step)
            place = places[leaf]
            out.add(f"found[{place.column}, target] = {value}")
            if null is not None:
                out.add(f"found[2, target] |= np.int64({null}) << {place.null}")

    def _close_match(self, out: _Text, starts: list[int]) -> None:
        out.add("found[0, target] = block[0, row]", "found[1, target] = 0", "found[5, target] = block[1, row]")
        out.add(*(f"found[{c}, target] = block[{BLOCK_KEYS + i}, row]" for i, c in enumerate(self.keys)))
        out.add("target += 1", *(f"slots[slot, {at}] = NEVER" for at in starts))

    def _enter(self, out: _Text, state: State, moves: list[Move], starts: list[int], registers: list[Register]) -> None:
        """The preferred of the runs that come into a state, if any; where none does, what is written is never read."""
        column = starts[state.number]
        moves = sorted(moves, key=lambda m: m.source is None)  # whatever has begun is preferred to a new run
        for label, move in enumerate(moves):
            if move.source is None:
                self._choose(out, label, "ordinal", move.test, str(move.step))
            else:
                self._choose(out, label, f"start{move.source.number}", move.test, self._rank(move.source, move.step))
        out.add(f"slots[slot, {column}] = best", *([f"slots[slot, {column + 1}] = best_rank"] if self.ranked else []))
        kept = self._kept_in(state, registers)
        for register in kept:
            values = [self._value(register, move.source, move.step).value for move in moves]
            self._store_chosen(out, self._column(state, register), values)
        if any(register in self.null_bits for register in kept):
            words = [self._null_word(kept, move) for move in moves]
            self._store_chosen(out, f"slots[slot, {self.nulls_at[state.number]}]", words)

    def _null_word(self, kept: list[Register], move: Move) -> str:
        nulls = [(self._value(r, move.source, move.step).null, self.null_bits.get(r)) for r in kept]
        return " | ".join(f"(np.int64({null}) << {bit})" for null, bit in nulls if null is not None) or "np.int64(0)"

    def _renumber(self, out: _Text, starts: list[int]) -> None:
        """Ranks grow with every event: before they leave 64 bits they are replaced by their places."""
        for n, at in enumerate(starts):
            out.add(f"best{n} = slots[slot, {at + 1}] if slots[slot, {at}] < NEVER else np.int64(-1)")
        out.add(f"if max({', '.join(f'best{n}' for n in range(len(starts)))}) > {2**40}:")
        out.depth += 1
        for n in range(len(starts)):
            less = [f"np.int64(best{m} < best{n})" for m in range(len(starts)) if m != n]
            out.add(f"slots[slot, {starts[n] + 1}] = {' + '.join(less) or '0'}")
        out.depth -= 1


_IMPORTS = (
    "import numpy as np",
    "",
    "from cep.kernels.keys import add_key, has_room",
    "from cep.kernels.onepass import CURSOR, DONE, FOUND, NEVER, TRAIL_USED, WANTS_FOUND, WANTS_SLOTS",
)
_OPENING = (
    "slots, slots_f, table, trail, counts = state",
    "block, block_f, found = shown",
    "row, used, target = counts[CURSOR], counts[TRAIL_USED], counts[FOUND]",
    "room = found.shape[1] - 1",
)
_NEXT_ROW = ("slots[slot, 3] = used", "used += 1", "row += 1", "continue")


def _stop(answer: str, depth: int = 1) -> list[str]:
    lines = ("counts[CURSOR] = row", "counts[TRAIL_USED] = used", "counts[FOUND] = target", f"return {answer}")
    return [f"{'    ' * depth}{line}" for line in lines]


# at most one match ends at an event, and one that the event breaks off before
_ROOM = ("if target >= room:", *_stop("WANTS_FOUND"))


def _find(keys: int, width: int) -> list[str]:
    """What `cep.kernels.keys.find_key` does, for a known number of words."""
    lines = ["mask = table.size - 1", "h = np.int64(-3750763034362895579)"]
    for i in range(keys):
        lines += [f"key{i} = block[{BLOCK_KEYS + i}, row]", f"h = (h ^ key{i}) * np.int64(-7046029254386353131)"]
        lines += ["h ^= h >> np.int64(32)"]
    same = " and ".join(f"slots[slot, {width - keys + i}] == key{i}" for i in range(keys)) or "True"
    return [
        *lines,
        "at = (h ^ (h >> np.int64(17))) & mask",
        "slot = table[at] - 1",
        f"while slot >= 0 and not ({same}):",
        "    at = (at + 1) & mask",
        "    slot = table[at] - 1",
    ]


def _without_places(line: str) -> str:
    return re.sub(r"(ints|floats)\[\d+\]", r"\1[]", line)

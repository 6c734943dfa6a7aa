"""A row pattern to a matcher of its own: one pass over the events of a key, one run a state.

It is for patterns in which every event counts - ``next`` between steps, loops ``in a row`` - that skip past the last
event and have no bound, and whose conditions ask about the event at hand and the event bound last. That one is the
key's event before, whatever run it is: so two runs in one state have the same future, the one that started earlier is
preferred until its end, and the other is forgotten at once. What is left is a few scalars a key. With `prefer
earliest` it is the same where no run can end while a preferred one goes on, which the table of all runs shows.

States: `cep.compiler.rowstates`. The loop is generated: the tests at an event are decided once, and then either the
runs of the key are one number, and a table says what becomes of them (`cep.compiler.rowtable`), or, where that table
would be too large, each state takes its run (`cep.compiler.rowmasks`). Constants are operands, so rules of one shape
share what is compiled. Whose row an event belongs to is found beforehand, in a loop of its own; events that no row
wants go to row 0, which never has a run. Indices are unsigned: signed ones may be negative in Python, and to ask that
at each of them took as long as all the rest.
References: docs/semantics.md; the two loops name theirs.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    NotDirectError,
    Place,
    Shape,
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
from cep.compiler.rowmasks import RowMasks
from cep.compiler.rowstates import RowStates, State
from cep.compiler.rowtable import RowTable, TooLargeError
from cep.compiler.rowwords import START, End, Lines, Move, Register, Words, ways_to_end
from cep.kernels.blocks import BITS, BLOCK_KEYS, FOUND_NULLS, NULLS
from cep.kernels.onepass import DECIDER, END, FIRST, FOUND_KEYS, FOUND_ROW, NEVER, PREVIOUS
from cep.language.typed import Attr, CheckedPattern, Fold, Key, Prev, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule
    from cep.model.schema import Schema
    from cep.model.types import Type

_NOTHING = Term("0", "True")


@dataclass(frozen=True, eq=False)
class OnePassTables:
    """The program of a one-pass matcher: its generated text, constants, the cells of its table, and what stands in a
    row of ``slots``.

    ``starts``: the columns that hold where a run began, in ``trail``. ``texts``: those with codes of strings. ``live``:
    by the number of the key's runs, which columns mean something; None where a start says whether its state has a run,
    and ``spans`` says which columns are a state's. ``runs``: how many runs a number stands for, ``shift``: by how many
    bits numbers are shifted in a row. ``blank``: the row of a key that is new.
    ``begins``: the bits of an event of which one must be set for it to begin a run. ``ends_at_row``: the event at which
    a match is decided is always its last.
    """

    shape: Shape
    text: str
    ints: np.ndarray
    floats: np.ndarray
    cells: np.ndarray
    blank: np.ndarray
    starts: tuple[int, ...]
    texts: tuple[int, ...]
    live: np.ndarray | None
    spans: tuple[tuple[int, int], ...]
    runs: np.ndarray
    shift: int
    begins: int
    ends_at_row: bool
    states: int
    why: str

    @property
    def slots_width(self) -> int:
        """Columns of a row."""
        return self.blank.size


def compile_one_pass(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> OnePassTables:
    """The matcher of a rule whose body is a pattern; NotDirectError when it is none of these."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_plain(pattern, "prefer_earliest")
    check_keys(rule)
    check_params(rule, pattern)
    if pattern.skip != "past last":
        raise NotDirectError("it does not skip past the last event")
    for number, step in enumerate(pattern.steps):
        if number and step.link != "next":
            raise NotDirectError(f"it has `{step.link}`")
        if step.is_loop and not step.in_a_row:
            raise NotDirectError("a loop is not `in a row`")
    return _Generator(rule, pattern, sources, params).build()


class _Generator:
    def __init__(
        self,
        rule: CheckedRule,
        pattern: CheckedPattern,
        sources: Mapping[str, Schema],
        params: Mapping[str, CheckedParam],
    ) -> None:
        steps = pattern.steps
        self.rule, self.steps, self.sources, self.params = rule, steps, sources, params
        self.earliest = pattern.prefer_earliest
        self.order = {s.variable: i for i, s in enumerate(steps)}
        self.words = Words(rule, steps, sources)
        self.values = self.words.values
        self.constants = Constants()
        self.rows = RowStates(steps, params)
        self.states = self.rows.states
        parts = [split_condition(s.where) for s in steps]
        self.alone = [compile_conditions(a, params) for a, _ in parts]
        self.bound = [b for _, b in parts]
        self.tests: dict[tuple[str, ...], str] = {}  # canonical text to variable
        self.test_lines: list[str] = []
        self.names = 0
        self.columns: dict[str, str] = {}  # of the block, by name: what they are
        self.keys = tuple(FOUND_KEYS + i for i in range(len(rule.keys)))

    # ------------------------------------------------------------------------------------------------------- tests

    def _test(self, source: State | None, step: int) -> str:
        """The variable that says whether the event at hand fits a step for a run in a state."""
        where = self.bound[step]
        here = f"((bits >> {step}) & 1) != 0"
        if all(self.steps[step].streams == s for s in (self.rule.inputs,)) and not self.alone[step]:
            here = ""  # every event of the rule
        if where is None:
            return self._kept(("alone", here), [], here) if here else "True"

        def print_from(first: int) -> tuple[list[str], str]:
            emitter = Emitter("event", lambda e, node: self._leaf(e, node, source, step), self.params, mark, first)
            return emitter.lines, emitter.condition(where)

        mark = replace(self.constants, ints=[*self.constants.ints], floats=[*self.constants.floats])
        lines, value = print_from(0)
        negated = not here and _negated(lines, value)
        if negated:
            lines, value = lines[:-1], negated
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
            return f"({self.tests[canonical]} ^ True)" if negated else self.tests[canonical]
        mark = self.constants
        lines, value = print_from(self.names)
        self.names += len(lines)
        if negated:
            value = _negated(lines, value)
            lines = lines[:-1]
        if any("faults[" in line or "compare_text" in line for line in lines):
            raise NotDirectError("a condition may divide by zero, overflow, or compares the order of strings")
        name = self._kept(canonical, lines, f"({here}) & {value}" if here else value)
        return f"({name} ^ True)" if negated else name

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
                value = f"{self._column(BLOCK_KEYS + node.index, node.type)}[row]"
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
        return self._term("now", value)

    def _before(self, name: str, kind: Type) -> Term:
        value = self.values.place(name, kind)
        self.words.read_before.add(value)
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

    # ------------------------------------------------------------------------------------------------- the program

    def build(self) -> OnePassTables:
        """The tables."""
        read, words = self._read_emits(), self.words
        moves = [
            Move(source, j, self.rows.target(source, j), self._test(source, j))
            for source in (None, *self.states)
            for j in self.rows.steps_from(source)
        ]
        words.take(list(dict.fromkeys(read.values())))
        before = sorted(words.read_before)
        kept_texts = {v for v in (*before, *(r.value for r in words.registers)) if v >= 0 and self._is_text(v)}
        if any(self._is_nullable_text(v) for v in kept_texts):
            raise NotDirectError("it keeps a string that may be null")
        if len(words.null_bits) > 60:
            raise NotDirectError("more than 60 values may be null")
        places: dict[Typed, Place] = {}
        column, nulls = FOUND_KEYS + len(self.keys), 0
        for leaf, register in read.items():
            null = None
            if words.may_be_null(register):
                null, nulls = nulls, nulls + 1
            places[leaf], column = Place(column, null), column + 1
        for leaf in (x for e in self.rule.emits for _, shown in e.fields for x in leaves(shown)):
            if isinstance(leaf, Key):
                places[leaf] = Place(self.keys[leaf.index], None)

        ends_at_row = all(end[1] is not None for end, _, _ in ways_to_end(self.rows, moves))

        def stored(end: End) -> dict[int, str]:
            """What ``found`` gets from a run that becomes a match."""
            state, step = end
            out = {FOUND_ROW: "row", FIRST: words.of(START, state, step).value}
            if not ends_at_row:
                out[END] = "behind" if step is None else "place"
            flags: list[str] = []
            for leaf, register in read.items():
                value, null = words.of(register, state, step)
                out[places[leaf].column] = value
                flags += [f"np.int64({null}) << {places[leaf].null}"] if null is not None else []
            return out | ({FOUND_NULLS: " | ".join(flags) or "0"} if nulls else {})

        first = PREVIOUS + len(before)
        text = Lines()
        live, cells, runs, shift = None, np.zeros(1, np.int64), np.zeros(1, np.int64), 0
        try:
            table = RowTable(self.rows, moves)
            if table.waits and self.earliest:
                raise NotDirectError("a match may have to wait for an earlier start, or a longer loop")
            at = table.share(words, first)
            width = at + len(self.keys)
            self._open(text, before)
            cells = table.write(text, words, stored)
            live, shift = table.live_columns(words, width), len(table.letters)
            live[:, :first] = live[:, at:] = True
            runs = np.array([len(alive) for alive in table.alive], np.int64)
            blank = np.zeros(width, np.int64)
            spans: tuple[tuple[int, int], ...] = ()
        except TooLargeError:
            if self.earliest:
                raise NotDirectError("too large a table to see whether a match may have to wait") from None
            masks, text = RowMasks(self.rows, moves), Lines()
            words.columns.clear()
            at = masks.share(words, first)
            self._open(text, before)
            masks.write(text, words, stored)
            blank = np.zeros(at + len(self.keys), np.int64)
            blank[list(masks.starts)] = NEVER
            spans = tuple(pairwise((*masks.starts, at)))
        self._close(text, before)
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
        text_columns = {at for (_, register), at in words.columns.items() if words.is_text(register)}
        return OnePassTables(
            shape,
            "\n".join(text.lines),
            np.array(self.constants.ints or [0], np.int64),
            np.array(self.constants.floats or [0.0], np.float64),
            cells,
            blank,
            tuple(sorted({at for (_, register), at in words.columns.items() if register == START})),
            tuple(sorted({*text_columns, *(PREVIOUS + i for i, v in enumerate(before) if self._is_text(v))})),
            live,
            spans,
            runs,
            shift,
            sum(1 << m.step for m in moves if m.source is None),
            ends_at_row,
            max(len(self.states), 1),
            f"every event counts and is compared with the one before: at most {max(len(self.states), 1)} runs a key",
        )

    def _column(self, place: int, kind: Type | None = None) -> str:
        """The name of a column of the block, as what values of a type are read from, or as words."""
        real = kind is not None and kind.kind == "float"
        name = f"column{place}_f" if real else f"column{place}"
        self.columns[name] = f"{'float' if real else 'word'}_column(columns, {place})"
        return name

    def _is_nullable_text(self, value: int) -> bool:
        words = self.words
        return words.is_optional(value) or any(words.may_be_null(r) for r in words.registers if r.value == value)

    def _is_text(self, value: int) -> bool:
        return self.values.known[value][1].kind == "string"

    def _open(self, out: Lines, before: list[int]) -> None:
        """The text of the loop up to its tests, these among it."""
        bits = self._column(BITS)
        first, known = BLOCK_KEYS + len(self.keys), self.values.known
        read = Lines()
        read.depth = 2
        for when, value, place in (
            *(("now", v, first + v) for v in range(len(known))),
            *(("before", v, PREVIOUS + i) for i, v in enumerate(before)),
        ):
            name, kind = known[value]
            word, real = f"slots[slot, {place}]", f"slots_f[slot, {place}]"
            if when == "now":
                word, real = f"{self._column(place)}[row]", f"{self._column(place, kind)}[row]"
            read.add(f"{when}_word{value} = {word}")
            read.add(f"{when}{value} = {real if kind.kind == 'float' else f'{when}_word{value}'}")
            if is_optional(self.rule, self.sources, name):
                nulls = f"{self._column(NULLS)}[row]" if when == "now" else "slots[slot, 2]"
                read.add(f"{when}_null{value} = (({nulls} >> {value}) & 1) != 0")
        out.add('"""Generated from the shape of a rule; constants are operands."""', "", *_IMPORTS, "", "")
        out.add("def match(state, shown, ints, floats):")
        out.depth = 1
        out.add(*_OPENING, *(f"{name} = {what}" for name, what in self.columns.items()))
        out.add("while row < end:")
        out.depth = 2
        out.add(*_ROOM, "slot = np.uint64(slot_of[row])", f"bits = {bits}[row]", "behind = slots[slot, 1]")
        out.add("place = np.int64(row) + base", "trail[np.uint64(place)] = behind")
        out.lines += read.lines
        out.add(*self.test_lines)
        out.add(*(f"kept{at} = slots[slot, {at}]" for at in dict.fromkeys(self.words.columns.values())))

    def _close(self, out: Lines, before: list[int]) -> None:
        """The rest of the text: what the next event of the key is told of this one."""
        out.add(*(f"slots[slot, {PREVIOUS + i}] = now_word{value}" for i, value in enumerate(before)))
        optional = [v for v in before if self.words.is_optional(v)]
        if optional:
            out.add(f"slots[slot, 2] = {' | '.join(f'(np.int64(now_null{v}) << {v})' for v in optional)}")
        out.add("slots[slot, 1] = place", "row += np.uint64(1)")
        out.depth = 1
        out.add(*_stop("DONE", 0), "")


_IMPORTS = (
    "import numpy as np",
    "",
    "from cep.kernels.jit import float_column, word_column",
    "from cep.kernels.onepass import BASE, CURSOR, DONE, FOUND, NEVER, RESOLVED, WANTS_FOUND",
)
_OPENING = (
    "slots, slots_f, trail, moves, counts = state",
    "columns, slot_of, found = shown",
    "row, end, target = np.uint64(counts[CURSOR]), np.uint64(counts[RESOLVED]), np.uint64(counts[FOUND])",
    "base, room = counts[BASE], np.uint64(found.shape[1])",
)


def _stop(answer: str, depth: int = 1) -> list[str]:
    lines = ("counts[CURSOR] = row", "counts[FOUND] = target", f"return {answer}")
    return [f"{'    ' * depth}{line}" for line in lines]


# at most one match ends at an event
_ROOM = ("if target >= room:", *_stop("WANTS_FOUND"))


def _without_places(line: str) -> str:
    return re.sub(r"(ints|floats)\[\d+\]", r"\1[]", line)


def _negated(lines: list[str], value: str) -> str:
    """What a value is the negation of, by the last of the lines that lead to it; "" when it is none."""
    found = re.fullmatch(rf"{value} = \((v\d+) \^ True\)", lines[-1]) if lines else None
    return found[1] if found else ""

"""What a run of a row pattern keeps, as words of its key's row, and what it is once the event at hand is bound.

A register is one value of a run: what ``emit`` reads, and where the run began. What a run has bound last is the key's
event before, and needs no word. `columns` says where the rest stands: by (state, register), so that two states that are
never there together may share a word.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_onepass.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cep.compiler.direct import Values, is_optional
from cep.compiler.emit import Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.compiler.rowstates import RowStates, State
    from cep.language.typed import CheckedRule, CheckedStep
    from cep.model.schema import Schema


@dataclass(frozen=True, slots=True)
class Register:
    """A value of a run: ``which`` is newest, first, count, start or nulls; of a step, and of a value of the block
    (-1: none).
    """

    which: str
    step: int
    value: int


START = Register("start", -1, -1)
"""The place of a run's first event."""
NULLS = Register("nulls", -1, -1)
"""Which of a run's registers are null, a bit each."""


@dataclass(frozen=True, slots=True)
class Move:
    """From a state (None: a new run) by binding ``step`` to another (None: the match); ``test`` is a variable."""

    source: State | None
    step: int
    target: State | None
    test: str


End = tuple["State | None", "int | None"]
"""How a run becomes a match: its state, and the step that it binds (None: the event breaks it off)."""


@dataclass(slots=True)
class Lines:
    """Lines of text, and how deep the next one stands."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def add(self, *lines: str) -> None:
        """Add lines at the depth that is set."""
        self.lines += [f"{'    ' * self.depth}{line}" for line in lines]


class Words:
    """The values that one rule's runs keep, as text of the generated loop."""

    def __init__(self, rule: CheckedRule, steps: Sequence[CheckedStep], sources: Mapping[str, Schema]) -> None:
        self.rule, self.steps, self.sources = rule, steps, sources
        self.values = Values()
        self.read_before: set[int] = set()  # values of the key's event before that are read
        self.registers: list[Register] = []
        self.columns: dict[tuple[int, Register], int] = {}
        self.null_bits: dict[Register, int] = {}

    def take(self, registers: Sequence[Register]) -> None:
        """Set which registers there are."""
        self.registers = list(registers)
        for register in registers:  # what is newest of a step that is left is what came before
            if register.which == "newest":
                self.read_before.add(register.value)
        self.null_bits = {r: n for n, r in enumerate(r for r in registers if self.may_be_null(r))}

    def is_optional(self, value: int) -> bool:
        """Whether a value may be null."""
        return is_optional(self.rule, self.sources, self.values.known[value][0])

    def is_text(self, register: Register) -> bool:
        """Whether it is the code of a string."""
        return register.value >= 0 and self.values.known[register.value][1].kind == "string"

    def may_be_null(self, register: Register) -> bool:
        """Whether it may be null when it is emitted."""
        if register.value < 0:
            return False
        return self.steps[register.step].low == 0 or self.is_optional(register.value)

    def kept_in(self, state: State) -> list[Register]:
        """The registers that a run in a state needs, but for where it began: what it has bound last is the key's event
        before.
        """
        kept = [
            r for r in self.registers if (r.step < state.step if r.which == "newest" else r.step <= state.step)
        ]  # fmt: skip
        return [*kept, NULLS] if any(r in self.null_bits for r in kept) else kept

    def of(self, register: Register, source: State | None, step: int | None) -> Term:
        """A register's value once a run in ``source`` binds the event at hand to ``step`` (None: binds nothing)."""
        bound = -1 if source is None else source.step
        of, value = register.step, register.value
        again = source is not None and step == source.step
        if register == START:
            if source is None:
                return Term("place", None)
            return Term(self._word(source, START) if (source.number, START) in self.columns else "behind", None)
        if register.which == "count":
            if of == step:
                return Term(f"{self._word(source, register)} + 1" if again else "1", None)
            return Term(self._word(source, register) if of <= bound else "0", None)
        if of == step and (register.which == "newest" or not again):
            return self._raw("now", value)
        if of == bound and register.which == "newest":
            return self._raw("before", value)
        if of > bound:
            return Term("0", "True")
        null = None
        if register in self.null_bits:
            null = f"(({self._word(source, NULLS)} >> {self.null_bits[register]}) & 1) != 0"
        return Term(self._word(source, register), null)

    def into(self, register: Register, move: Move) -> str:
        """The word of a register of the state that a run moves into."""
        if register != NULLS:
            return self.of(register, move.source, move.step).value
        assert move.target is not None
        kept = [r for r in self.kept_in(move.target) if r != NULLS]
        nulls = [(self.of(r, move.source, move.step).null, self.null_bits.get(r)) for r in kept]
        return " | ".join(f"(np.int64({null}) << {bit})" for null, bit in nulls if null is not None) or "np.int64(0)"

    def _raw(self, when: str, value: int) -> Term:
        """The word of a value of the event at hand, or of the key's event before: floats are moved by their bits."""
        return Term(f"{when}_word{value}", f"{when}_null{value}" if self.is_optional(value) else None)

    def _word(self, source: State | None, register: Register) -> str:
        assert source is not None
        return f"kept{self.columns[source.number, register]}"


def ways_to_end(rows: RowStates, moves: Sequence[Move]) -> list[tuple[End, str, bool]]:
    """How runs become matches: each with the test of its last step, and whether that must hold or must not."""
    last = len(rows.steps) - 1
    out: list[tuple[End, str, bool]] = []
    for state in rows.states:
        out += [((state, m.step), m.test, True) for m in moves if m.source == state and m.target is None]
        if rows.closes(state.step, state.count):
            test = next(m.test for m in moves if m.source == state and m.step == last)
            out.append(((state, None), test, False))
    return out + [((None, m.step), m.test, True) for m in moves if m.source is None and m.target is None]

"""Where a pattern keeps its values: slots of a retained row, registers of a run.

A row holds only what the rule's predicates, folds and emits need: one slot a value, shared by streams that have an
attribute of one name and kind. The key's words come first. Null bits stand before the slots, 62 to a word.
A register holds a row position (the newest event of a step, the first or last that is not null under a fold) or a
number (a count, a sum). Positions come first, so that compaction can mend them.
Tested by: tests/compiler/test_pattern.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cep.kernels.runs import REGISTERS, VALUES
from cep.language.typed import MATCHES

if TYPE_CHECKING:
    from cep.language.typed import Typed
    from cep.model.types import Type

BITS_A_WORD = 62


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of a row: an attribute (or an expression over one event), and how it lies there."""

    expression: Typed
    type: Type
    index: int


@dataclass(frozen=True, slots=True)
class PositionRegister:
    """A row position: of the newest event (``which`` newest: of this iteration of a group; latest: of any), or of the
    first or last one with a value in ``slot`` (-1: whatever its values).
    """

    which: str
    variable: str
    slot: int


@dataclass(frozen=True, slots=True)
class FoldRegister:
    """A running number over ``slot`` (-1: events): ``which`` is count, sum, min or max; or iterations, of a group."""

    which: str
    variable: str
    slot: int
    is_float: bool


Register = PositionRegister | FoldRegister


MATCH_COUNT = FoldRegister("matches", MATCHES, -1, False)
"""The register of a match that says how many it stands for."""

LEFT_OUT = FoldRegister("left out", MATCHES, -1, False)
"""The register of a match that says how many of its event the limit has left out."""


QUIET = FoldRegister("quiet", "$start", -1, False)
"""The register of a run that says whether its start gives no timeout any more."""


def group_register(variable: str) -> FoldRegister:
    """The register that counts all iterations of a group, by its alias."""
    return FoldRegister("iterations", variable, -1, False)


@dataclass
class Layout:
    """Hands out slots and registers, in two rounds: in the first it learns how many, in the second all is fixed."""

    key_words: int
    slots: list[Slot] = field(default_factory=list)
    positions: list[PositionRegister] = field(default_factory=list)
    folds: list[FoldRegister] = field(default_factory=list)
    null_words: int = 1
    slot_count: int = 0
    position_count: int = 0
    fold_count: int = 0

    def freeze(self) -> None:
        """End of the first round: all counts are known."""
        self.null_words = max(1, -(-len(self.slots) // BITS_A_WORD))
        self.slot_count, self.position_count, self.fold_count = len(self.slots), len(self.positions), len(self.folds)

    def slot(self, expression: Typed, type_: Type) -> Slot:
        """The slot of a value, made on first use."""
        for known in self.slots:
            if known.expression == expression and known.type.same_kind(type_):
                return known
        made = Slot(expression, type_, len(self.slots))
        self.slots.append(made)
        return made

    def register(self, wanted: Register) -> int:
        """The index of a register among all registers, made on first use."""
        if isinstance(wanted, PositionRegister):
            if wanted not in self.positions:
                self.positions.append(wanted)
            return self.positions.index(wanted)
        if wanted not in self.folds:
            self.folds.append(wanted)
        return self.position_count + self.folds.index(wanted)

    @property
    def key_at(self) -> int:
        """The column of ``rows`` where the key's words begin."""
        return VALUES + self.null_words

    @property
    def row_width(self) -> int:
        """Columns of ``rows``."""
        return self.key_at + self.key_words + self.slot_count

    @property
    def run_width(self) -> int:
        """Columns of ``runs``."""
        return REGISTERS + self.position_count + self.fold_count

    def column(self, slot: int) -> int:
        """The column of ``rows`` that holds a slot."""
        return self.key_at + self.key_words + slot

    @staticmethod
    def null_place(slot: int) -> tuple[int, int]:
        """The column of ``rows`` and the bit that say whether a slot is null."""
        return VALUES + slot // BITS_A_WORD, slot % BITS_A_WORD

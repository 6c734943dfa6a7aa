"""A pattern whose rule tells of all matches of an event at once to the folding matcher's tables, or why it is none.

It takes what the counting matcher takes, and beside `count()` sums, means, least and greatest, first and last values of
attributes of any step, each a *part* (`cep.kernels.folding`). What needs every value in hand, as a percentile or a list
does, is left to the run table, and so is what is computed from an event or may be infinite.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_folding.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.counting import check_counted
from cep.compiler.direct import NotDirectError, Place, Shape, Values, is_optional, leaves
from cep.compiler.sequence import lay_out, within_of
from cep.kernels.blocks import BLOCK_KEYS, DECIDED_AT, FIELDS, IDENTITY, TS
from cep.kernels.folding import (
    BEST,
    COUNT,
    EARLIEST,
    GREATEST,
    LATEST,
    LEAST,
    MEAN_DURATION,
    MEAN_FLOAT,
    MEAN_WHOLE,
    NODE_VALUES,
    NUMBER,
    PART_WIDTH,
    RUNS,
    SUM,
    SUM_FLOAT,
    SUM_WHOLE,
    FoldingProgram,
)
from cep.language.typed import MATCHES, Attr, CheckedPattern, Fold, OfMatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, Typed
    from cep.model.batch import Float64Array, Int64Array
    from cep.model.schema import Schema

_BESTS = {"min": LEAST, "max": GREATEST, "first": EARLIEST, "last": LATEST}
_ENDS = ("match_start", "match_end")
_MOST_FOLDS = 60
_WIDTHS = {NUMBER: 1, SUM: 4}
"""Words of a cell; of the others two, and of a sum of floats as many limbs as its values want."""


@dataclass(frozen=True, slots=True)
class Part:
    """An aggregate of a column of the block, bound by a step; ``null`` is the column's null bit, -1 for none."""

    kind: int
    step: int
    column: int
    null: int
    is_float: bool
    is_text: bool

    @property
    def band(self) -> tuple[int, int]:
        """The words of a cell, and the first limb of a sum, before any value is known."""
        return (0, 0) if self.kind == SUM and self.is_float else (_WIDTHS.get(self.kind, 2), 0)


@dataclass(frozen=True, eq=False)
class FoldingTables:
    """The program of a folding matcher, which hangs on how wide its cells are: ``bands``, by part."""

    shape: Shape
    parts: tuple[Part, ...]
    steps: int
    within: int
    folds: Int64Array
    divisors: Float64Array
    gives: Int64Array
    nulls: Int64Array
    why: str

    @property
    def bands(self) -> tuple[tuple[int, int], ...]:
        """How wide cells are at first."""
        return tuple(part.band for part in self.parts)

    @property
    def taken(self) -> list[int]:
        """The columns of a block that a kept event needs."""
        return sorted({part.column for part in self.parts if part.step < self.steps - 1})

    def slot_width(self, bands: Sequence[tuple[int, int]]) -> int:
        """Columns of a slot before the key's words."""
        m = self.steps - 1
        cells = ((1 + p.step) * (m - p.step) * w for p, (w, _) in zip(self.parts, bands, strict=True) if p.step < m)
        return RUNS + m + m * m + sum(cells)

    def node_width(self, bands: Sequence[tuple[int, int]]) -> int:
        """Columns of a node."""
        m = self.steps - 1
        cells = ((m - p.step) * w for p, (w, _) in zip(self.parts, bands, strict=True) if p.step < m)
        return NODE_VALUES + len(self.taken) + m + sum(cells)

    def program(self, bands: Sequence[tuple[int, int]]) -> FoldingProgram:
        """The program with cells of these widths."""
        m, taken = self.steps - 1, self.taken
        front = NODE_VALUES + len(taken)
        slot_at, node_at = RUNS + m + m * m, front + m
        lines = []
        for part, (width, low) in zip(self.parts, bands, strict=True):
            row = (m - part.step) * width if part.step < m else 0
            value_at = NODE_VALUES + taken.index(part.column) if part.step < m else 0
            start = [part.kind, part.step, part.column, part.null, int(part.is_float), width, low]
            lines.append([*start, slot_at, slot_at + row, node_at, value_at])
            slot_at += (1 + part.step) * row
            node_at += row
        return FoldingProgram(
            np.array([self.steps, self.within, front], np.int64),
            np.array(lines, np.int64).reshape(-1, PART_WIDTH),
            self.folds,
            self.divisors,
            np.array([(column, NODE_VALUES + i) for i, column in enumerate(taken)], np.int64).reshape(-1, 2),
            self.gives,
            self.nulls,
        )


def compile_folding(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> FoldingTables:
    """The tables of a rule whose body is a pattern; NotDirectError when its matches cannot be folded so."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_counted(rule, pattern)
    steps = {step.variable: i for i, step in enumerate(pattern.steps)}
    last = len(steps) - 1
    shown = dict.fromkeys(x for e in rule.emits for _, expression in e.fields for x in leaves(expression))
    wanted = [x for x in shown if isinstance(x, Fold) or (isinstance(x, OfMatch) and x.function in _ENDS)]
    if len(wanted) > _MOST_FOLDS:
        raise NotDirectError(f"it emits more than {_MOST_FOLDS} aggregates")
    making = _Parts(rule, sources)
    lines = [
        making.line(x, steps.get(x.variable, last)) if isinstance(x, Fold) else making.end(x, last) for x in wanted
    ]
    first = FIELDS + 1
    folds = [[*line, first + i, i] for i, line in enumerate(lines)]
    places: dict[Typed, Place] = {fold: Place(first + i, i) for i, fold in enumerate(wanted)}
    layout = lay_out(rule, sources, {pattern.steps[last].variable: last}, first + len(wanted), places, making.values)
    gives = [(TS, DECIDED_AT), (IDENTITY, FIELDS), *((one.column, one.field) for one in layout.bound)]
    scales = [float(10**x.argument.type.scale) if isinstance(x, Fold) and x.argument else 1.0 for x in wanted]
    return FoldingTables(
        layout.shape(rule, pattern, sources, params, decider=FIELDS, many_at_once=False),
        tuple(making.parts),
        len(steps),
        within_of(pattern, params),
        np.array(folds, np.int64).reshape(-1, 5),
        np.array(scales, np.float64),
        np.array(gives, np.int64),
        layout.nulls,
        "matches are folded, none is listed: what all runs of a key at a step have bound is a few numbers",
    )


class _Parts:
    """The parts that the aggregates of a rule need, each once."""

    def __init__(self, rule: CheckedRule, sources: Mapping[str, Schema]) -> None:
        self._rule, self._sources = rule, sources
        self.values = Values()
        self.parts: list[Part] = []

    def line(self, fold: Fold, step: int) -> tuple[int, int, int]:
        """What is given of a fold, its part, and the part that counts."""
        node = fold.argument
        if fold.variable == MATCHES or (node is None and fold.function == "count"):
            return COUNT, -1, -1
        if fold.function not in ("count", "sum", "avg", *_BESTS):
            raise NotDirectError(f"`{fold.function.replace('_', ' ')}` of all matches needs all their values")
        if not isinstance(node, Attr):
            raise NotDirectError("an aggregate is of more than a field")
        value = self.values.place(node.name, node.type)
        null = value if is_optional(self._rule, self._sources, node.name) else -1
        column = BLOCK_KEYS + len(self._rule.keys) + value
        kind, is_float = node.type.kind, node.type.kind == "float"
        number = self._part(Part(NUMBER, step, column, null, False, False)) if null >= 0 else -1
        if fold.function == "count":
            return COUNT, -1, number
        if fold.function in _BESTS:
            best = Part(_BESTS[fold.function], step, column, null, is_float, kind == "string")
            return BEST, self._part(best), -1
        if is_float and node.type.infinite:
            raise NotDirectError(f"{node.name} may be infinite, and is summed")
        total = self._part(Part(SUM, step, column, null, is_float, False))
        if fold.function == "sum":
            return SUM_FLOAT if is_float else SUM_WHOLE, total, number
        return MEAN_FLOAT if is_float else MEAN_DURATION if kind == "duration" else MEAN_WHOLE, total, number

    def end(self, node: OfMatch, last: int) -> tuple[int, int, int]:
        """The same of a time at which the first match begins, or all end."""
        kind, step = (EARLIEST, 0) if node.function == "match_start" else (LATEST, last)
        return BEST, self._part(Part(kind, step, TS, -1, False, False)), -1

    def _part(self, part: Part) -> int:
        if part not in self.parts:
            self.parts.append(part)
        return self.parts.index(part)

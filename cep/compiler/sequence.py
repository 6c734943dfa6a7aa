"""What the direct matchers of plain sequences share: which steps they take, and where what they emit is bound.

A plain sequence binds one event a step, by a condition on that event alone.
Invariant: a field stands in one column of ``found``; its value is bound by one step, from one column of a block.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_chain.py, tests/kernels/test_counting.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    NotDirectError,
    Place,
    Shape,
    Values,
    build_emits,
    build_inputs,
    is_optional,
    leaves,
)
from cep.compiler.pattern import is_alone
from cep.kernels.blocks import BLOCK_KEYS
from cep.kernels.runs import FOREVER
from cep.language.typed import Attr, Const, Key, ParamRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedAbsence, CheckedPattern, CheckedRule, CheckedStep, Typed
    from cep.model.schema import Schema

MOST_STEPS = 60


def check_steps(steps: Sequence[CheckedStep], *links: str, absences: Sequence[CheckedAbsence] = ()) -> None:
    """NotDirectError unless every step binds one event, by that event alone, and is joined by one of ``links``.

    ``absences`` are those that the matcher takes, by the event alone, too; one at the end makes one step enough.
    """
    if len(steps) == 1 and not absences:
        raise NotDirectError("it has one step")
    if len(steps) + len(absences) > MOST_STEPS:
        raise NotDirectError(f"it has more than {MOST_STEPS} steps")
    if any(absence.where is not None and not is_alone(absence.where) for absence in absences):
        raise NotDirectError("an absence compares events")
    for step in steps:
        if (step.low, step.high) != (1, 1):
            raise NotDirectError("a step is a loop or optional")
        if step.link not in links:
            raise NotDirectError(f"it has `{step.link}`")
        if step.where is not None and not is_alone(step.where):
            raise NotDirectError("a condition compares events")


def within_of(pattern: CheckedPattern, params: Mapping[str, CheckedParam]) -> int:
    """The bound of a pattern in nanoseconds, FOREVER without one."""
    return duration_of(pattern.within, params)


def duration_of(node: Typed | None, params: Mapping[str, CheckedParam]) -> int:
    """A duration in nanoseconds, FOREVER where none is written."""
    value = (
        node.value if isinstance(node, Const) else params[node.name].value.value if isinstance(node, ParamRef) else None
    )
    if node is None:
        return int(FOREVER)
    if not isinstance(value, int) or isinstance(value, bool) or node.type.kind != "duration":
        raise NotDirectError("its bound is no duration")
    return value


@dataclass(frozen=True, slots=True)
class Bound:
    """A column of ``found`` and what is written there.

    ``step`` binds it, from a column of the block; it is the code of a string or not, null where the bit ``null`` of a
    match is set.
    """

    step: int
    column: int
    field: int
    is_text: bool = False
    null: int | None = None


@dataclass(frozen=True, eq=False)
class Layout:
    """Where what a rule emits is bound and stands.

    ``keys``: the columns of ``found`` with the key. ``bound``: that key and the fields. ``nulls``: int64[values that
    may be null, 3], as `cep.kernels.blocks.null_bits` reads them. ``width``: columns of ``found``.
    """

    values: Values
    keys: tuple[int, ...]
    bound: tuple[Bound, ...]
    places: Mapping[Typed, Place]
    nulls: np.ndarray[Any, np.dtype[np.int64]]
    width: int

    def shape(
        self,
        rule: CheckedRule,
        pattern: CheckedPattern,
        sources: Mapping[str, Schema],
        params: Mapping[str, CheckedParam],
        *,
        decider: int,
        many_at_once: bool,
        absences: Sequence[CheckedAbsence] = (),
    ) -> Shape:
        """What the runtime must know of a matcher with this layout; ``absences`` have the bits behind the steps."""
        asked: list[CheckedStep | CheckedAbsence] = [*pattern.steps, *absences]
        alone = [compile_conditions(one.where, params) for one in asked]
        return Shape(
            inputs=build_inputs(rule, asked, alone, self.values.known, sources),
            selects_all=False,
            values=tuple(self.values.known),
            places=self.places,
            keys=self.keys,
            decider=decider,
            emits=build_emits(rule, params),
            found_width=self.width,
            has_nulls=any(is_optional(rule, sources, name) for name, _ in self.values.known),
            many_at_once=many_at_once,
        )


def lay_out(
    rule: CheckedRule,
    sources: Mapping[str, Schema],
    steps: Mapping[str, int],
    first: int,
    known: Mapping[Typed, Place] | None = None,
    values: Values | None = None,
) -> Layout:
    """Lay out the key and the fields of ``emit`` from column ``first`` of ``found`` on.

    ``steps``: by variable. ``known``: fields that stand elsewhere, with null bits from 0 on. ``values``: those of a
    block that are wanted besides. NotDirectError for a field that is no attribute of a step.
    """
    known = known or {}
    last = max(steps.values())
    values = Values() if values is None else values
    keys = tuple(range(first, first + len(rule.keys)))
    bound = [Bound(last, BLOCK_KEYS + i, column) for i, column in enumerate(keys)]  # any event has the key
    places: dict[Typed, Place] = {}
    nulls: list[tuple[int, int, int]] = []
    width, taken = first + len(keys), sum(place.null is not None for place in known.values())
    for leaf in dict.fromkeys(x for e in rule.emits for _, expression in e.fields for x in leaves(expression)):
        if isinstance(leaf, Key):
            places[leaf] = Place(keys[leaf.index], None)
        elif leaf in known:
            places[leaf] = known[leaf]
        elif isinstance(leaf, Attr) and leaf.variable is not None and leaf.variable in steps:
            step, value, null = steps[leaf.variable], values.place(leaf.name, leaf.type), None
            if is_optional(rule, sources, leaf.name):
                null = taken + len(nulls)
                nulls.append((step, value, null))
            places[leaf] = Place(width, null)
            column = BLOCK_KEYS + len(keys) + value
            bound.append(Bound(step, column, width, leaf.type.kind == "string", null))
            width += 1
        else:
            raise NotDirectError("it emits more than attributes of its steps")
    return Layout(values, keys, tuple(bound), places, np.array(nulls, np.int64).reshape(-1, 3), width)

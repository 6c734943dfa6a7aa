"""A pattern to the tables of the chain matcher, or the reason why it is none.

It is one when every step binds one event, by a condition on that event alone, and skips till it comes: no loop, nothing
optional, no ``next``, no absence. Then what a run has bound decides nothing, and all runs at a step move together.
Tested by: tests/compiler/test_choice.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    BLOCK_KEYS,
    FIELDS,
    IDENTITY,
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
from cep.compiler.pattern import is_alone
from cep.kernels.chain import BOUND, ChainProgram
from cep.kernels.runs import FOREVER
from cep.language.typed import Attr, CheckedPattern, Const, Key, ParamRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.typed import CheckedParam, CheckedRule, Typed
    from cep.model.schema import Schema

MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Bound:
    """What stands in a column of a run: bound by a step, the code of a string or not, null where a bit is set."""

    step: int
    is_text: bool = False
    null: int | None = None


@dataclass(frozen=True, eq=False)
class ChainTables:
    """The program of a chain: ``identities`` are the columns of ``found`` with the bound events, by step.

    ``bound`` tells of the columns of a run from BOUND on; the first of each step is its event's identity.
    """

    shape: Shape
    program: ChainProgram
    identities: tuple[int, ...]
    bound: tuple[Bound, ...]
    why: str

    @property
    def run_width(self) -> int:
        """Columns of a run."""
        return BOUND + len(self.bound)


def compile_chain(rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]) -> ChainTables:
    """The tables of a rule whose body is a pattern; NotDirectError when the chain matcher cannot take it."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_plain(pattern, "within")
    check_keys(rule)
    check_params(rule, pattern)
    steps = pattern.steps
    if not 1 < len(steps) <= MOST_STEPS:
        raise NotDirectError("it has one step" if len(steps) == 1 else f"it has more than {MOST_STEPS} steps")
    if pattern.skip not in ("past last", "keep all"):
        raise NotDirectError(f"it skips to {pattern.skip}")
    for step in steps:
        if (step.low, step.high) != (1, 1):
            raise NotDirectError("a step is a loop or optional")
        if step.link != "then":
            raise NotDirectError(f"it has `{step.link}`")
        if step.where is not None and not is_alone(step.where):
            raise NotDirectError("a condition compares events")
    order = {step.variable: i for i, step in enumerate(steps)}
    values = Values()
    last = len(steps) - 1
    bound = [[(IDENTITY, FIELDS + i, Bound(i))] for i in range(len(steps))]  # by step: column of the block, of found
    keys = tuple(FIELDS + len(steps) + i for i in range(len(rule.keys)))
    bound[last] += [(BLOCK_KEYS + i, column, Bound(last)) for i, column in enumerate(keys)]  # any event has the key
    width, nulls = FIELDS + len(steps) + len(keys), list[tuple[int, int, int]]()
    places: dict[Typed, Place] = {}
    for leaf in dict.fromkeys(x for e in rule.emits for _, expression in e.fields for x in leaves(expression)):
        if isinstance(leaf, Key):
            places[leaf] = Place(keys[leaf.index], None)
            continue
        if not isinstance(leaf, Attr) or leaf.variable is None:
            raise NotDirectError("it emits more than attributes of its steps")
        step_no, value = order[leaf.variable], values.place(leaf.name, leaf.type)
        null = None
        if is_optional(rule, sources, leaf.name):
            null = len(nulls)
            nulls.append((step_no, value, null))
        places[leaf] = Place(width, null)
        kind = Bound(step_no, leaf.type.kind == "string", null)
        bound[step_no].append((BLOCK_KEYS + len(keys) + value, width, kind))
        width += 1
    alone = [compile_conditions(step.where, params) for step in steps]
    shape = Shape(
        inputs=build_inputs(rule, steps, alone, values.known, sources),
        selects_all=False,
        values=tuple(values.known),
        places=places,
        keys=keys,
        decider=FIELDS + len(steps) - 1,
        emits=build_emits(rule, params),
        found_width=width,
        has_nulls=any(is_optional(rule, sources, name) for name, _ in values.known),
        many_at_once=pattern.skip == "keep all",
    )
    scalars = np.array([len(steps), within_of(pattern, params), pattern.skip == "keep all"], np.int64)
    kept = [column for step in bound[:last] for column in step]
    program = ChainProgram(
        scalars,
        np.cumsum([0, *map(len, bound[:last])]),
        np.array([source for source, _, _ in kept], np.int64),
        np.array(nulls, np.int64).reshape(-1, 3),
        np.array([(field, BOUND + c) for c, (_, field, _) in enumerate(kept)], np.int64),
        np.array([(field, source) for source, field, _ in bound[last]], np.int64),
    )
    why = "each step binds one event by that event alone: all runs that wait for a step move together"
    identities = tuple(range(FIELDS, FIELDS + len(steps)))
    return ChainTables(shape, program, identities, tuple(kind for _, _, kind in kept), why)


def within_of(pattern: CheckedPattern, params: Mapping[str, CheckedParam]) -> int:
    """The bound of a pattern in nanoseconds, FOREVER without one."""
    node = pattern.within
    value = (
        node.value if isinstance(node, Const) else params[node.name].value.value if isinstance(node, ParamRef) else None
    )
    if node is None:
        return int(FOREVER)
    if not isinstance(value, int) or isinstance(value, bool) or node.type.kind != "duration":
        raise NotDirectError("its bound is no duration")
    return value

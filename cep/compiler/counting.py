"""A pattern whose rule only counts its matches to the tables of the counting matcher, or the reason why it is none.

It counts without listing when every step binds one event by that event alone, is joined by `then any`, and all matches
are kept: then a match is any choice of one event a step, in order and within the bound.
Tested by: tests/compiler/test_choice.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.chain import within_of
from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    BLOCK_KEYS,
    DECIDED_AT,
    FIELDS,
    IDENTITY,
    TS,
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
from cep.compiler.graph import check_steps
from cep.kernels.counting import CountingProgram
from cep.language.typed import MATCHES, Attr, CheckedPattern, Fold, Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.typed import CheckedParam, CheckedRule, Typed
    from cep.model.schema import Schema


@dataclass(frozen=True, eq=False)
class CountingTables:
    """The program of a counting matcher."""

    shape: Shape
    program: CountingProgram
    why: str

    @property
    def start_width(self) -> int:
        """Words that an open start takes."""
        return 1 + int(self.program.scalars[0])


def compile_counting(
    rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]
) -> CountingTables:
    """The tables of a rule whose body is a pattern; NotDirectError when its matches cannot be counted so."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    if not pattern.counted:
        raise NotDirectError
    check_plain(pattern, "within", "counted")
    check_keys(rule)
    check_params(rule, pattern)
    steps = pattern.steps
    check_steps(steps)
    if pattern.skip != "keep all":
        raise NotDirectError("it does not keep all matches")
    if any(step.link != "then any" for step in steps[1:]):
        raise NotDirectError("a step is the first that fits")
    last, values = len(steps) - 1, Values()
    how_many = FIELDS + 1
    keys = tuple(how_many + 1 + i for i in range(len(rule.keys)))
    gives = [(TS, DECIDED_AT), (IDENTITY, FIELDS)]
    gives += [(BLOCK_KEYS + i, column) for i, column in enumerate(keys)]
    width, nulls = how_many + 1 + len(keys), list[tuple[int, int]]()
    places: dict[Typed, Place] = {}
    for leaf in dict.fromkeys(x for e in rule.emits for _, expression in e.fields for x in leaves(expression)):
        if isinstance(leaf, Key):
            places[leaf] = Place(keys[leaf.index], None)
            continue
        if isinstance(leaf, Fold) and leaf.variable == MATCHES:
            places[leaf] = Place(how_many, 0)
            continue
        if not isinstance(leaf, Attr) or leaf.variable is None:
            raise NotDirectError("it emits more than attributes of its last step")
        value, null = values.place(leaf.name, leaf.type), None
        if is_optional(rule, sources, leaf.name):
            null = 1 + len(nulls)
            nulls.append((value, null))
        places[leaf] = Place(width, null)
        gives.append((BLOCK_KEYS + len(keys) + value, width))
        width += 1
    alone = [compile_conditions(step.where, params) for step in steps]
    shape = Shape(
        inputs=build_inputs(rule, steps, alone, values.known, sources),
        selects_all=False,
        values=tuple(values.known),
        places=places,
        keys=keys,
        decider=FIELDS,
        emits=build_emits(rule, params),
        found_width=width,
        has_nulls=any(is_optional(rule, sources, name) for name, _ in values.known),
        many_at_once=False,
    )
    program = CountingProgram(
        np.array([last + 1, within_of(pattern, params), how_many, 0], np.int64),
        np.array(gives, np.int64),
        np.array(nulls, np.int64).reshape(-1, 2),
    )
    why = "matches are counted, none is listed: a few numbers a key say how many there are"
    return CountingTables(shape, program, why)

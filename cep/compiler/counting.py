"""A pattern whose rule only counts its matches to the tables of the counting matcher, or the reason why it is none.

It counts without listing when every step binds one event by that event alone, is joined by `then any`, and all matches
are kept: then a match is any choice of one event a step, in order and within the bound.
Tested by: tests/compiler/test_choice.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.direct import NotDirectError, Place, Shape, check_keys, check_params, check_plain, leaves
from cep.compiler.sequence import check_steps, lay_out, within_of
from cep.kernels.blocks import DECIDED_AT, FIELDS, IDENTITY, TS
from cep.kernels.counting import CountingProgram
from cep.language.typed import MATCHES, CheckedPattern, Fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, Typed
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
    check_counted(rule, pattern)
    steps = pattern.steps
    last, how_many = len(steps) - 1, FIELDS + 1
    shown = (x for e in rule.emits for _, expression in e.fields for x in leaves(expression))
    folds = [x for x in shown if isinstance(x, Fold)]
    if any(x.variable != MATCHES for x in folds):
        raise NotDirectError("it emits more than `count()` of all matches")
    counts: dict[Typed, Place] = {x: Place(how_many, 0) for x in folds}
    layout = lay_out(rule, sources, {steps[last].variable: last}, how_many + 1, counts)
    gives = [(TS, DECIDED_AT), (IDENTITY, FIELDS), *((one.column, one.field) for one in layout.bound)]
    program = CountingProgram(
        np.array([len(steps), within_of(pattern, params), how_many, 0], np.int64),
        np.array(gives, np.int64),
        layout.nulls,
    )
    shape = layout.shape(rule, pattern, sources, params, decider=FIELDS, many_at_once=False)
    why = "matches are counted, none is listed: a few numbers a key say how many there are"
    return CountingTables(shape, program, why)


def check_counted(rule: CheckedRule, pattern: CheckedPattern) -> None:
    """NotDirectError unless matches are told of together, and are any choice of one event a step, in order."""
    if not pattern.counted:
        raise NotDirectError
    check_plain(pattern, "within", "counted")
    check_keys(rule)
    check_params(rule, pattern)
    check_steps(pattern.steps, "then", "then any")
    if pattern.skip != "keep all":
        raise NotDirectError("it does not keep all matches")
    if any(step.link != "then any" for step in pattern.steps[1:]):
        raise NotDirectError("a step is the first that fits")

"""A pattern to the tables of the chain matcher, or the reason why it is none.

It is one when every step binds one event, by a condition on that event alone, and skips till it comes: no loop, nothing
optional, no ``next``. Then what a run has bound decides nothing, and all runs at a step move together. What an absence
between two steps forbids ends all that wait for the second; absences at the end let all wait together.
Tested by: tests/compiler/test_choice.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.direct import NotDirectError, Shape, check_keys, check_params, check_plain
from cep.compiler.sequence import Bound, check_steps, duration_of, lay_out, within_of
from cep.kernels.blocks import FIELDS, IDENTITY
from cep.kernels.chain import BOUND, ChainProgram
from cep.language.typed import CheckedPattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule
    from cep.model.schema import Schema


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

    @property
    def is_silent(self) -> bool:
        """Whether it ends in a silence: deadlines decide."""
        return bool(self.program.durations.size)


def compile_chain(rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]) -> ChainTables:
    """The tables of a rule whose body is a pattern; NotDirectError when the chain matcher cannot take it."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_plain(pattern, "within", "final", inside=frozenset({"absences"}))
    check_keys(rule)
    check_params(rule, pattern)
    steps, final = pattern.steps, pattern.final
    if pattern.before_start:
        raise NotDirectError("it has an absence at the start")
    if any(absence.duration is not None for absence in pattern.between):
        raise NotDirectError("it has an absence for a time between steps")
    absences = (*pattern.between, *final)
    check_steps(steps, "then", absences=absences)
    if pattern.skip not in ("past last", "keep all"):
        raise NotDirectError(f"it skips to {pattern.skip}")
    last = len(steps) - 1
    identities = tuple(range(FIELDS, FIELDS + len(steps)))
    layout = lay_out(rule, sources, {s.variable: i for i, s in enumerate(steps)}, FIELDS + len(steps))
    bound = [[Bound(i, IDENTITY, column)] for i, column in enumerate(identities)]
    for one in layout.bound:
        if not final or one.field not in layout.keys:  # a deadline has no event that says what the key is
            bound[one.step].append(one)
    held = bound if final else bound[:last]
    kept = [one for of_step in held for one in of_step]
    given = [(one.field, one.column) for one in bound[last]]
    durations = [duration_of(absence.duration, params) for absence in final]
    each = sorted(set(durations))
    numbered = iter(range(len(steps), len(steps) + len(absences)))
    between = [sum(1 << next(numbered) for _ in step.absences) for step in steps]
    bits = [1 << n for n in numbered]  # those at the end come last
    program = ChainProgram(
        np.array([len(steps), within_of(pattern, params), pattern.skip == "keep all"], np.int64),
        np.cumsum([0, *map(len, held)]),
        np.array([one.column for one in kept], np.int64),
        layout.nulls,
        np.array([(one.field, BOUND + c) for c, one in enumerate(kept)], np.int64),
        np.array([(column, i) for i, column in enumerate(layout.keys)] if final else given, np.int64).reshape(-1, 2),
        np.array(between, np.int64),
        np.array(each, np.int64),
        np.array([sum(b for d, b in zip(durations, bits, strict=True) if d == one) for one in each], np.int64),
    )
    shape = layout.shape(
        rule,
        pattern,
        sources,
        params,
        decider=identities[last],
        many_at_once=bool(final) or pattern.skip == "keep all",
        absences=absences,
    )
    why = "each step binds one event by that event alone: all runs that wait for a step move together"
    if final:
        why += ", and all that wait for the absence at the end have one deadline"
    return ChainTables(shape, program, identities, tuple(kept), why)

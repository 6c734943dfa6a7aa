"""Conjuncts: parts of a pattern's conditions as functions of their own, for who asks which of them held.

A matcher asks whether the whole condition of a step holds; what the whole is made of is compiled here a second time,
over the same slots and registers. Only plain Python runs it.
Tested by: tests/app/test_coverage.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.emit import Constants, Emitter
from cep.compiler.functions import event_imports
from cep.compiler.reading import Reader
from cep.language.typed import CheckedPattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.compiler.layout import Layout
    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, Typed
    from cep.model.batch import Int64Array
    from cep.model.schema import Schema

Test = Callable[..., int]


@dataclass(frozen=True, eq=False)
class Conjunct:
    """A condition that compares events, called as a generated ``test`` is; ``codes`` as in a pattern's program."""

    test: Test
    ints: Int64Array
    floats: np.ndarray
    texts: tuple[str, ...]
    codes: tuple[int, ...]


def compile_conjunct(
    condition: Typed,
    rule: CheckedRule,
    sources: Mapping[str, Schema],
    params: Mapping[str, CheckedParam],
    layout: Layout,
) -> Conjunct:
    """The function of a part of a condition of ``rule``, whose program has ``layout``."""
    assert isinstance(rule.body, CheckedPattern)
    own = replace(layout, slots=list(layout.slots), positions=list(layout.positions), folds=list(layout.folds))
    constants = Constants()
    emitter = Emitter("event", Reader(rule, rule.body, sources, own).leaf, params, constants)
    value = emitter.condition(condition)
    kept = (layout.slots, layout.positions, layout.folds)
    assert (own.slots, own.positions, own.folds) == kept, "the program has all that its parts need"
    lines = [*emitter.lines, f"return 1 if {value} else 0"]
    text = "\n".join(
        [
            "from math import inf",
            "from cep.kernels.text import compare_text",
            *event_imports(lines),
            "def test(p, rows, rows_f, at, runs, runs_f, run, nodes, ints, floats, heap, spans, faults):",
            *(f"    {line}" for line in lines),
        ]
    )
    names: dict[str, Test] = {}
    exec(compile(text, "<generated conjunct>", "exec"), names)  # our own text, from a checked rule
    return Conjunct(
        names["test"],
        np.array(constants.ints or [0], np.int64),
        np.array(constants.floats or [0.0], np.float64),
        tuple(constants.texts),
        tuple(constants.codes),
    )

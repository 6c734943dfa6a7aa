"""A pattern to the tables of the match graph, or the reason why it is none.

It is one when every step binds one event, by a condition on that event alone, by `then` or `then any`, at least once by
the latter: then what may follow a bound event does not hang on what came before it. Where all is kept the last step is
joined by `then any`, because `then` would let each event before it be followed once only.
Tested by: tests/compiler/test_choice.py, tests/properties/test_matchers.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.chain import MOST_STEPS, within_of
from cep.compiler.columns import compile_conditions
from cep.compiler.direct import (
    BLOCK_KEYS,
    DECIDED_AT,
    FIELDS,
    IDENTITY,
    START_NO,
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
from cep.compiler.pattern import is_alone
from cep.kernels.graph import KEEP_ALL, NODE_NO, PAST_LAST, TO_NEXT, VALUES, GraphProgram
from cep.language.typed import Attr, CheckedPattern, Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.typed import CheckedParam, CheckedRule, CheckedStep, Typed
    from cep.model.schema import Schema

_SKIPS = {"keep all": KEEP_ALL, "past last": PAST_LAST, "next": TO_NEXT}


@dataclass(frozen=True, eq=False)
class GraphTables:
    """The program of a match graph: ``identities`` are the columns of ``found`` with the bound events, by step.

    ``texts``: (step, column of a node) of the values that are strings.
    """

    shape: Shape
    program: GraphProgram
    identities: tuple[int, ...]
    node_width: int
    texts: tuple[tuple[int, int], ...]
    why: str


def compile_graph(rule: CheckedRule, sources: Mapping[str, Schema], params: Mapping[str, CheckedParam]) -> GraphTables:
    """The tables of a rule whose body is a pattern; NotDirectError when the match graph cannot take it."""
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    check_links(pattern)
    check_plain(pattern, "within")
    check_keys(rule)
    check_params(rule, pattern)
    steps = pattern.steps
    check_steps(steps)
    if pattern.skip not in _SKIPS:
        raise NotDirectError(f"it skips to {pattern.skip}")
    if pattern.skip == "keep all" and steps[-1].link != "then any":
        raise NotDirectError("its last step is the first that fits")
    last, order = len(steps) - 1, {step.variable: i for i, step in enumerate(steps)}
    values = Values()
    held = [[IDENTITY] for _ in steps]  # the columns of the block that a node of each step keeps
    given: list[tuple[int, int, int]] = []  # (step, column of the block, column of found)
    identities = tuple(range(FIELDS, FIELDS + len(steps)))
    given += [(i, IDENTITY, column) for i, column in enumerate(identities)]
    keys = tuple(FIELDS + len(steps) + i for i in range(len(rule.keys)))
    given += [(last, BLOCK_KEYS + i, column) for i, column in enumerate(keys)]
    given.append((last, TS, DECIDED_AT))
    width, nulls = FIELDS + len(steps) + len(keys), list[tuple[int, int, int]]()
    places: dict[Typed, Place] = {}
    for leaf in dict.fromkeys(x for e in rule.emits for _, expression in e.fields for x in leaves(expression)):
        if isinstance(leaf, Key):
            places[leaf] = Place(keys[leaf.index], None)
            continue
        if not isinstance(leaf, Attr) or leaf.variable is None:
            raise NotDirectError("it emits more than attributes of its steps")
        step, value = order[leaf.variable], values.place(leaf.name, leaf.type)
        null = None
        if is_optional(rule, sources, leaf.name):
            null = len(nulls)
            nulls.append((step, value, null))
        places[leaf] = Place(width, null)
        given.append((step, BLOCK_KEYS + len(keys) + value, width))
        width += 1
    for step, column, _ in given:
        if column not in held[step]:
            held[step].append(column)
    alone = [compile_conditions(step.where, params) for step in steps]
    # they come in order of start; who emits several events each must be told where a start ends
    many_at_once = pattern.skip != "past last" and len(rule.emits) > 1
    shape = Shape(
        inputs=build_inputs(rule, steps, alone, values.known, sources),
        selects_all=False,
        values=tuple(values.known),
        places=places,
        keys=keys,
        decider=identities[-1],
        emits=build_emits(rule, params),
        found_width=width,
        has_nulls=any(is_optional(rule, sources, name) for name, _ in values.known),
        many_at_once=many_at_once,
    )
    takes = [(i, column, VALUES + at) for i in range(last) for at, column in enumerate(held[i])]
    gives = [(i, c if i == last else VALUES + held[i].index(c), column) for i, c, column in given]
    if many_at_once:
        gives.append((0, NODE_NO, START_NO))
    take_spans, taken = _spans(takes, last)
    give_spans, gave = _spans(gives, len(steps))
    program = GraphProgram(
        np.array([len(steps), within_of(pattern, params), _SKIPS[pattern.skip]], np.int64),
        np.array([step.link == "then" for step in steps], np.int64),
        taken,
        take_spans,
        gave,
        give_spans,
        np.array(nulls, np.int64).reshape(-1, 3),
    )
    first = BLOCK_KEYS + len(keys)
    text = {first + value for value in shape.text_values}
    texts = tuple((i, VALUES + at) for i in range(last) for at, column in enumerate(held[i]) if column in text)
    why = (
        "each step binds one event by that event alone: what each choice of `then any` leaves stands in one list a step"
    )
    return GraphTables(shape, program, identities, VALUES + max(map(len, held[:last])), texts, why)


def check_links(pattern: CheckedPattern) -> None:
    """NotDirectError without a choice, which goes without saying."""
    if not pattern.has_choices:
        raise NotDirectError


def check_steps(steps: Sequence[CheckedStep]) -> None:
    """NotDirectError unless every step binds one event, by that event alone."""
    if not 1 < len(steps) <= MOST_STEPS:
        raise NotDirectError("it has one step" if len(steps) == 1 else f"it has more than {MOST_STEPS} steps")
    for step in steps:
        if (step.low, step.high) != (1, 1):
            raise NotDirectError("a step is a loop or optional")
        if step.link == "next":
            raise NotDirectError("it has `next`")
        if step.where is not None and not is_alone(step.where):
            raise NotDirectError("a condition compares events")


def _spans(lines: Sequence[tuple[int, int, int]], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of each step begin, and the lines in order without their step."""
    ordered = np.array(sorted(lines), np.int64).reshape(-1, 3)
    return np.searchsorted(ordered[:, 0], np.arange(steps + 1)), np.ascontiguousarray(ordered[:, 1:])

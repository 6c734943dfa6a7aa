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

from cep.compiler.direct import NotDirectError, Place, Shape, check_keys, check_params, check_plain, leaves
from cep.compiler.sequence import check_steps, lay_out, within_of
from cep.kernels.blocks import FIELDS, IDENTITY, START_NO
from cep.kernels.graph import KEEP_ALL, NODE_NO, PAST_LAST, TO_NEXT, VALUES, GraphProgram
from cep.language.typed import CheckedPattern, OfMatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedRule, Typed
    from cep.model.schema import Schema

_SKIPS = {"keep all": KEEP_ALL, "past last": PAST_LAST, "next": TO_NEXT}


@dataclass(frozen=True, eq=False)
class GraphTables:
    """The program of a match graph: ``identities`` are the columns of ``found`` with the bound events, by step, but
    the last.

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
    check_plain(pattern, "within", "at_most")
    check_keys(rule)
    check_params(rule, pattern)
    steps = pattern.steps
    check_steps(steps, "then", "then any")
    if pattern.skip not in _SKIPS:
        raise NotDirectError(f"it skips to {pattern.skip}")
    if pattern.skip == "keep all" and steps[-1].link != "then any":
        raise NotDirectError("its last step is the first that fits")
    last = len(steps) - 1
    identities = tuple(range(FIELDS, FIELDS + last))  # that which decides says itself who it is
    left_out = FIELDS + last
    shown = {x for e in rule.emits for _, expression in e.fields for x in leaves(expression)}
    marks: dict[Typed, Place] = {
        x: Place(left_out, None) for x in shown if isinstance(x, OfMatch) and x.function == "truncated"
    }
    layout = lay_out(rule, sources, {s.variable: i for i, s in enumerate(steps)}, left_out + len(marks), marks)
    given = [(i, IDENTITY, column) for i, column in enumerate(identities)]  # step, column of the block, of found
    given += [(one.step, one.column, one.field) for one in layout.bound]
    held = [[IDENTITY] for _ in steps]  # the columns of the block that a node of each step keeps
    for step, column, _ in given:
        if column not in held[step]:
            held[step].append(column)
    # they come in order of start; who emits several events each must be told where a start ends
    many_at_once = pattern.skip != "past last" and len(rule.emits) > 1
    shape = layout.shape(rule, pattern, sources, params, decider=-1, many_at_once=many_at_once)
    takes = [(i, column, VALUES + at) for i in range(last) for at, column in enumerate(held[i])]
    gives = [(i, c if i == last else VALUES + held[i].index(c), column) for i, c, column in given]
    if many_at_once:
        gives.append((0, NODE_NO, START_NO))
    take_spans, taken = _spans(takes, last)
    give_spans, gave = _spans(gives, len(steps))
    program = GraphProgram(
        np.array(
            [len(steps), within_of(pattern, params), _SKIPS[pattern.skip], pattern.limit, left_out if marks else -1],
            np.int64,
        ),
        np.array([step.link == "then" for step in steps], np.int64),
        taken,
        take_spans,
        gave,
        give_spans,
        layout.nulls,
    )
    text = {one.column for one in layout.bound if one.is_text}
    texts = tuple((i, VALUES + at) for i in range(last) for at, column in enumerate(held[i]) if column in text)
    why = (
        "each step binds one event by that event alone: what each choice of `then any` leaves stands in one list a step"
    )
    return GraphTables(shape, program, identities, VALUES + max(map(len, held[:last])), texts, why)


def check_links(pattern: CheckedPattern) -> None:
    """NotDirectError without a choice, which goes without saying."""
    if not pattern.has_choices:
        raise NotDirectError


def _spans(lines: Sequence[tuple[int, int, int]], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of each step begin, and the lines in order without their step."""
    ordered = np.array(sorted(lines), np.int64).reshape(-1, 3)
    return np.searchsorted(ordered[:, 0], np.arange(steps + 1)), np.ascontiguousarray(ordered[:, 1:])

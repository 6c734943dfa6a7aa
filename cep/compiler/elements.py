"""What is asked of each element of a list: ``any``, as text.

For columns the elements of all lists are one column, beside it which row each is of; the condition is printed over it,
with the values of rows brought to their elements. For one event it is a loop: through a list that the operator's store
keeps (see `cep.runtime.packing`), or along the events that the run has bound to a step, newest first. What does not ask
about the element is computed before. No element is passed over once one is found, so that faults are counted alike.
Cost: O(elements); a walk along bindings O(events bound by the run).
Tested by: tests/compiler/test_elements.py, tests/properties/test_lists.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cep.compiler.emit import Term
from cep.compiler.lists import ListVector
from cep.compiler.text import TextVector
from cep.kernels.runs import BOUND_STEP, NODE, NODE_WIDTH, PARENT, ROW
from cep.language.typed import Element
from cep.model.batch import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cep.compiler.emit import Emitter
    from cep.language.typed import Apply, Typed
    from cep.model.batch import AnyArray, BoolArray


class Bindings(NamedTuple):
    """The way along a run's bindings: of which step, also over the event at hand, and whether nulls count."""

    step: int
    row_width: int
    running: bool
    nulls: bool


# ------------------------------------------------------------------------------------------------------- columns


def any_term(emitter: Emitter, node: Apply) -> Term:
    """Whether an element of each row's list fulfils a condition, for columns."""
    listed, element, body = node.args
    assert isinstance(element, Element)
    lists, absent = emitter.term(listed)
    each = emitter.let(f"elements_of({lists}, {absent or False})")
    owner = emitter.let(f"{each}[2]")
    at = Term(emitter.let(f"{each}[0]"), emitter.let(f"{each}[1]") if element.type.optional else None)

    def bring(term: Term) -> Term:
        null = None if term.null is None else inner.let(f"spread({term.null}, {owner})")
        return Term(inner.let(f"spread({term.value}, {owner})"), null)

    inner = emitter.inside(body, at, element, bring)
    inner.size = f"{owner}.size"
    value, null = inner.term(body)
    emitter.lines += inner.lines
    found = emitter.let(f"some_of({value}, {owner}, {emitter.size})")
    if null is None and absent is None:
        return Term(found, None)
    unknown = [f"some_of({null}, {owner}, {emitter.size})"] if null is not None else []
    unknown += [f"({absent})"] if absent is not None else []
    return Term(found, emitter.let(f"({' | '.join(unknown)}) & ({found} ^ True)"))


def elements_of(vector: ListVector, absent: Any) -> tuple[Any, Any, AnyArray]:
    """The elements of all lists one after the other, their null flags, and the row of each; a null list has none."""
    codes = vector.codes
    here = np.flatnonzero(~np.broadcast_to(absent, codes.shape))
    lists = vector.lists.take(codes[here])
    owner = np.repeat(here, np.diff(lists.offsets))
    items = lists.items
    null = np.zeros(owner.size, np.bool_) if items.valid is None else ~items.valid
    if items.text is not None:
        return TextVector(items.values, items.text), null, owner
    if items.lists is not None:
        return ListVector(items.values, items.lists), null, owner
    return items.values & ~null if items.type.kind == "bool" else items.values, null, owner


def spread(value: Any, owner: AnyArray) -> Any:
    """A value of rows, for the elements of their lists."""
    if isinstance(value, TextVector):
        return TextVector(value.codes[owner], value.text if len(value.text) else _NOTHING)
    if isinstance(value, ListVector):
        return ListVector(value.codes[owner], value.lists)
    return value[owner] if np.ndim(value) else value


def some_of(flag: Any, owner: AnyArray, rows: int) -> BoolArray:
    """For each row: does a flag hold for one of its elements."""
    out = np.zeros(rows, np.bool_)
    out[owner[np.broadcast_to(flag, owner.shape)]] = True
    return out


_NOTHING = Text.of([""])


# ----------------------------------------------------------------------------------------------------- one event


def through_list(emitter: Emitter, packed: Term, element: Element, body: Typed) -> Term:
    """The loop over the elements of a list of the store; ``packed`` is its code."""
    let = emitter.let
    count = f"list_count(heap, spans, {packed.value})"
    count = let(f"0 if {packed.null} else {count}" if packed.null is not None else count)
    begin = let(f"spans[4 * {packed.value}] + 8 if {count} > 0 else 0")
    place = let("0")
    null = None
    opening: list[str] = []
    closing = [f"{place} += 1"]
    word = f"list_word(heap, {begin} + 8 * {place})"
    if element.type.optional:
        null = let("False")
        opening.append(f"{null} = heap[{begin} + 8 * {count} + {place}] != 0")
    if element.type.kind == "string":
        value, size, end = let(f"{begin} + 9 * {count}"), let("0"), let(f"spans[4 * {packed.value} + 1] + {begin} - 8")
        opening.append(f"{size} = min(max({word}, 0), {end} - {value})")
        closing.append(f"{value} += {size}")
        emitter.spans[element.name] = size
    elif element.type.kind == "float":
        value = let("0.0")
        opening.append(f"{value} = list_float(heap, {begin} + 8 * {place})")
    elif element.type.kind == "bool":
        value = let("False")
        opening.append(f"{value} = {word} != 0" + (f" and not {null}" if null is not None else ""))
    else:
        value = let("0")
        opening.append(f"{value} = {word}")
    loop = _Loop(emitter, element, Term(value, null), body, packed.null)
    emitter.spans.pop(element.name, None)
    emitter.lines.append(f"while {place} < {count}:")
    return loop.close([*opening, *loop.lines, *closing])


def through_bindings(
    emitter: Emitter, way: Bindings, read: Callable[[str], Term], element: Element, body: Typed
) -> Term:
    """The loop over the events that the run has bound to a step; ``read`` gives the text of a value of the row at."""
    let = emitter.let
    node, here, at = let(f"runs[run + {NODE}]"), let("at" if way.running else "-1"), let("-1")
    term = read(at)
    null = None if term.null is None else let("False")
    value = let({"float": "0.0", "bool": "False"}.get(element.type.kind, "0"))
    loop = _Loop(emitter, element, Term(value, null if way.nulls else None), body, None)
    asked = [f"{value} = {term.value}"]
    if null is not None:
        asked.append(f"{null} = {term.null}")
        if element.type.kind == "bool":
            asked.append(f"{value} = {value} and not {null}")
    asked += loop.lines if null is None or way.nulls else [f"if not {null}:", *(f"    {x}" for x in loop.lines)]
    emitter.lines.append(f"while {here} >= 0 or {node} >= 0:")
    return loop.close(
        [
            f"{at} = {here}",
            f"if {here} < 0:",
            f"    if nodes[{node} * {NODE_WIDTH} + {BOUND_STEP}] == {way.step}:",
            f"        {at} = nodes[{node} * {NODE_WIDTH} + {ROW}] * {way.row_width}",
            f"    {node} = nodes[{node} * {NODE_WIDTH} + {PARENT}]",
            f"{here} = -1",
            f"if {at} >= 0:",
            *(f"    {line}" for line in asked),
        ]
    )


class _Loop:
    """What a loop asks of each element, and what it finds."""

    def __init__(self, emitter: Emitter, element: Element, at: Term, body: Typed, absent: str | None) -> None:
        self._emitter, self._absent = emitter, absent
        inner = emitter.inside(body, at, element, lambda term: term)
        value, null = inner.term(body)
        self._found, self._unknown = emitter.let("False"), None if null is None else emitter.let("False")
        self.lines = [*inner.lines, f"{self._found} = {self._found} | ({value})"]
        if null is not None:
            self.lines.append(f"{self._unknown} = {self._unknown} | ({null})")

    def close(self, lines: list[str]) -> Term:
        """Write the loop's lines; the term of what it found."""
        emitter = self._emitter
        emitter.lines += [f"    {line}" for line in lines]
        unknown = emitter.either(self._unknown, self._absent)
        if unknown is None:
            return Term(self._found, None)
        return Term(self._found, emitter.let(f"{unknown} & ({self._found} ^ True)"))

"""Lists in emitted text: those that events have, and those that aggregates make of the events bound to a step.

An emit of a pattern gets a `BoundEvents`: for each match the rows that it bound, oldest first, with their steps. From
it a list aggregate is computed for all matches at once: the slot of its argument is gathered for the bound rows of the
step, and cut where one match ends and the next begins.

In a condition a list of bound events is looked through, not made: the generated text walks along the run's bindings,
newest first, and compares (`Walk`).
Cost: O(bound events) an aggregate; ``distinct`` O(bound events log bound events); a walk O(events bound by the run).
Tested by: tests/compiler/test_lists.py, tests/properties/test_lists.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cep.compiler.measures import cut, first_seen, folded, measured, most_frequent
from cep.compiler.text import TextVector, compact, compare_texts
from cep.kernels.runs import BOUND_STEP, NODE, NODE_WIDTH, PARENT, ROW, STEP_BITS
from cep.model.batch import Column, Lists, Text, string_column
from cep.model.types import STRING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cep.compiler.emit import Emitter, Term
    from cep.compiler.layout import Slot
    from cep.language.typed import Typed
    from cep.model.batch import AnyArray, BoolArray, Int64Array


class ListVector(NamedTuple):
    """A list column: codes and their dictionary."""

    codes: AnyArray
    lists: Lists


@dataclass(frozen=True, eq=False)
class BoundEvents:
    """The events that each match bound: those of match ``i`` are ``bound[offsets[i]:offsets[i + 1]]``, oldest first.

    A row of ``bound`` is (row, stream, number, step). ``slot`` gives the values of a slot at rows, ``words`` those of a
    slot that holds lists; ``streams`` are the names of the streams.
    """

    offsets: Int64Array
    bound: Int64Array
    streams: Sequence[str]
    slot: Callable[[int, AnyArray], Column]
    words: Callable[[int, AnyArray], Column]

    @property
    def firsts(self) -> Int64Array:
        """The row of the first event of each match."""
        rows: Int64Array = self.bound[self.offsets[:-1], 0]
        return rows

    def names(self, aliases: tuple[str, ...]) -> ListVector:
        """The aliases that have bound events, by match, in order of the first; a step without an alias has ""."""
        named = np.array([bool(alias) for alias in aliases], np.bool_)[self.bound[:, 3]]
        codes = self.bound[named, 3].astype(np.int32)
        return _in_order(first_seen(cut(self.offsets, named), Column(STRING, codes, None, Text.of(aliases))))

    def stage(self, names: tuple[str, ...]) -> TextVector:
        """What the step of the last bound event is called, by match."""
        return TextVector(self.bound[self.offsets[1:] - 1, 3].astype(np.int32), Text.of(names))

    def kept(self, slot: int, words: AnyArray) -> ListVector:
        """The lists that the words of a slot stand for."""
        return _vector(self.words(slot, words))

    def gathered(self, function: str, steps: tuple[int, ...], slot: int) -> ListVector:
        """The aggregate ``function`` over the events bound to ``steps``, one list a match."""
        mine = np.flatnonzero(np.isin(self.bound[:, 3], steps))
        ends = np.searchsorted(mine, self.offsets)
        if function == "events":
            return _in_order(Lists(ends, self._identities(mine)))
        values = self.slot(slot, self.bound[mine, 0])
        if function == "list":
            return _in_order(Lists(ends, values))
        ends, values = _known(ends, values)
        if function == "distinct":
            return _in_order(first_seen(ends, values))
        assert function == "flatten", function
        return _in_order(_joined(ends, values))

    def measured(self, function: str, steps: tuple[int, ...], slot: int, given: tuple[int, ...]) -> Any:
        """The measure ``function`` of each match: a list, or values and where there is none."""
        mine = np.flatnonzero(np.isin(self.bound[:, 3], steps))
        ends, values = _known(np.searchsorted(mine, self.offsets), self.slot(slot, self.bound[mine, 0]))
        if function == "top":
            return _in_order(most_frequent(ends, values, given[0]))
        return measured(function, ends, values, given)

    def folded(self, function: str, steps: tuple[int, ...], slot: int) -> tuple[Any, BoolArray, BoolArray]:
        """The fold ``function`` over all that stands together, where it is of nothing, and where it is too large."""
        mine = np.flatnonzero(np.isin(self.bound[:, 3], steps))
        ends = np.searchsorted(mine, self.offsets)
        if slot < 0:
            return folded(function, ends, None)
        ends, values = _known(ends, self.slot(slot, self.bound[mine, 0]))
        if function not in ("first", "last"):
            return folded(function, ends, values)
        nothing = np.diff(ends) == 0
        at = np.where(nothing, 0, ends[:-1] if function == "first" else ends[1:] - 1)
        if nothing.all():  # there may be no value at all
            values = self.slot(slot, np.zeros(1, np.int64))
        one = values.take(at)
        found: Any = one.values
        if one.text is not None:
            found = TextVector(found, one.text)
        elif one.lists is not None:
            found = _vector(one)
        return found, nothing, np.zeros(nothing.size, np.bool_)

    def _identities(self, mine: AnyArray) -> Column:
        names = [self.streams[s] for s in self.bound[mine, 1].tolist()]
        numbers = self.bound[mine, 2].tolist()
        column = string_column([f"{name}#{number}" for name, number in zip(names, numbers, strict=True)])
        return Column(STRING, column.values, None, column.text)


def _known(ends: Int64Array, values: Column) -> tuple[Int64Array, Column]:
    """The values that are not null."""
    here = values.valid
    if here is not None:
        values, ends = values.take(here), cut(ends, here)
    return ends, Column(values.type, values.values, None, values.text, values.lists)


def _in_order(lists: Lists) -> ListVector:
    return ListVector(np.arange(len(lists), dtype=np.int32), lists)


def _vector(column: Column) -> ListVector:
    assert column.lists is not None, "a slot of lists"
    return ListVector(column.values, column.lists)


def _joined(ends: Int64Array, values: Column) -> Lists:
    """The lists of each stretch as one list."""
    assert values.lists is not None, "`flatten` takes lists"
    lists = values.lists.take(values.values)
    items = lists.items
    offsets = lists.offsets[ends]
    return Lists(offsets, items)


def split_text(value: TextVector | str, separator: str, rows: int) -> ListVector:
    """The parts of each string: each string of the dictionary is split once."""
    column = TextVector(np.zeros(rows, np.int32), Text.of([value])) if isinstance(value, str) else compact(value)
    parts = [string.split(separator) for string in column.text.strings]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(each) for each in parts], out=offsets[1:])
    items = string_column(list(chain.from_iterable(parts)))
    return ListVector(column.codes, Lists(offsets, Column(STRING, items.values, None, items.text)))


# ------------------------------------------------------------------------------------------------------- membership


def member_term(emitter: Emitter, value: Typed, item: Typed) -> Term:
    """Whether a value is in a list, for columns: true where an element equals it, else unknown where one is null."""
    from cep.compiler.emit import Term

    (x, missing), (lists, absent) = emitter.term(value), emitter.term(item)
    element = item.type.items[0]
    looked = emitter.let(f"in_lists({x}, {lists}, {value.type.kind == 'float'}, {value.type.scale}, {element.scale})")
    hidden = [f for f in (missing, absent) if f is not None]
    found = emitter.let(" & ".join([f"{looked}[0]", *(f"({f} ^ True)" for f in hidden)]))
    if not hidden and not element.optional:
        return Term(found, None)
    unknown = [f"{looked}[1] & ({found} ^ True)"]
    unknown += [f"{missing} & {looked}[2]"] if missing is not None else []
    unknown += [absent] if absent is not None else []
    return Term(found, emitter.let(" | ".join(f"({u})" for u in unknown)))


def in_lists(
    value: Any, vector: ListVector, is_float: bool, scale: int, element_scale: int
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """For each row: is an element of its list the value; is one null; is there any. Decimals by value."""
    lists = vector.lists.take(vector.codes)
    items, counts = lists.items, np.diff(lists.offsets)
    owner = np.repeat(np.arange(counts.size), counts)
    if items.text is not None:
        wanted = TextVector(value.codes[owner], value.text) if isinstance(value, TextVector) else value
        same = np.broadcast_to(compare_texts("eq", TextVector(items.values, items.text), wanted), owner.shape)
    else:
        wanted = value[owner] if np.ndim(value) else value
        elements: AnyArray = items.values
        if is_float and items.type.kind != "float":
            elements = elements / float(10**element_scale)
        elif scale < element_scale:
            whole = 10 ** (element_scale - scale)
            same = (elements // whole == wanted) & (elements % whole == 0)
        elif scale > element_scale:
            whole = 10 ** (scale - element_scale)
            same = (wanted // whole == elements) & (wanted % whole == 0)
        if is_float or scale == element_scale:
            same = elements == wanted
    some_null = np.zeros(counts.size, np.bool_)
    if items.valid is not None:
        same = same & items.valid
        some_null[owner[~items.valid]] = True
    found = np.zeros(counts.size, np.bool_)
    found[owner[same]] = True
    return found, some_null, counts > 0


class Walk:
    """Text that looks for a value among the events that a run has bound to one step; ``nulls`` are elements or not."""

    def __init__(self, emitter: Emitter, slot: Slot, scales: tuple[int, int], wanted: str, nulls: bool) -> None:
        self._emitter, self._nulls = emitter, nulls
        self._found, self._null = emitter.let("False"), emitter.let("False")
        self._any = emitter.let("False")
        scale, element_scale = scales
        self._equals = "{0} == " + wanted
        if slot.type.kind != "float" and scale < element_scale:
            whole = 10 ** (element_scale - scale)
            self._equals = f"({{0}} // {whole} == {wanted}) & ({{0}} % {whole} == 0)"
        elif slot.type.kind != "float" and scale > element_scale:
            whole = 10 ** (scale - element_scale)
            floor, rest = emitter.let(f"{wanted} // {whole}"), emitter.let(f"{wanted} % {whole} == 0")
            self._equals = f"({{0}} == {floor}) & {rest}"

    def along(self, step: int, row_width: int, read: Callable[[str], tuple[str, str | None]]) -> None:
        """Look at all events bound to ``step``; ``read`` gives value and null flag of the row at an offset."""
        node = self._emitter.let(f"runs[run + {NODE}]")
        lines = self._emitter.lines
        lines.append(f"while {node} >= 0 and not {self._found}:")
        lines.append(f"    if nodes[{node} * {NODE_WIDTH} + {BOUND_STEP}] & {STEP_BITS} == {step}:")
        self.look(read(f"nodes[{node} * {NODE_WIDTH} + {ROW}] * {row_width}"), "        ")
        lines.append(f"    {node} = nodes[{node} * {NODE_WIDTH} + {PARENT}]")

    def look(self, place: tuple[str, str | None], indent: str) -> None:
        """Compare with one value, whose text and null flag are given."""
        value, null = place
        lines = self._emitter.lines
        same = f"{self._found} = {self._found} | ({self._equals.format(value)})"
        if null is not None and not self._nulls:
            lines += [f"{indent}if not ({null}):", f"{indent}    {self._any} = True", f"{indent}    {same}"]
            return
        lines.append(f"{indent}{self._any} = True")
        if null is None:
            lines.append(f"{indent}{same}")
            return
        lines += [f"{indent}if {null}:", f"{indent}    {self._null} = True", f"{indent}else:", f"{indent}    {same}"]

    def term(self, missing: str | None, nullable: bool) -> Term:
        """Whether it was found; ``missing`` is the null flag of the value that was looked for."""
        from cep.compiler.emit import Term

        let, found = self._emitter.let, self._found
        if missing is not None:
            found = let(f"{found} & ({missing} ^ True)")
        unknown = [f"({self._null} & ({found} ^ True))"] if nullable else []
        unknown += [f"({missing} & {self._any})"] if missing is not None else []
        return Term(found, let(" | ".join(unknown)) if unknown else None)

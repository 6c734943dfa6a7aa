"""Column functions: expressions over a batch, a column at a time.

A `ColumnFunction` is emitted text, run by numpy; its leaves are the attributes, keys and folds it reads, which the
caller brings as (value, null) pairs. The text is shown by ``cep explain --program``.
Cost: O(rows) for each operation.
Tested by: tests/compiler/test_columns.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler import calendar, functions
from cep.compiler.bounds import bounds_of
from cep.compiler.elements import elements_of, some_of, spread
from cep.compiler.emit import Constants, Emitter, Term
from cep.compiler.external import calling
from cep.compiler.lists import ListVector, in_lists, split_text
from cep.compiler.text import (
    TextVector,
    compare_texts,
    join_texts,
    length_text,
    like_text,
    map_texts,
    matches_text,
    select_texts,
    substr_text,
)
from cep.language.typed import Apply, Attr, Const, Key
from cep.model.batch import EMPTY_TEXT, Column, Text
from cep.model.concatenate import empty_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.bounds import Bounds
    from cep.compiler.external import Failures
    from cep.language.rulebook import CheckedParam
    from cep.language.typed import External, Typed
    from cep.model.batch import AnyArray, BoolArray, Int64Array
    from cep.model.table import TableRead
    from cep.model.types import Type

Leaf = tuple[Any, Any]
"""A value (an array, a `TextVector` or a `ListVector`) and its null flag (an array, or False)."""

_MOST_CONJUNCTS = 16
_COMPARED = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_MOST_COMPARED = 10_000
_LOUD = re.compile(r"[-+*/%]|\b(?!compare_texts|like_text|matches_text|in_lists)[a-z_]+\(")
_DTYPES = {"float": np.float64, "bool": np.bool_, "string": np.int32, "record": np.bool_}


class Identity:
    """What something is told by, hashed once: it is looked up for every batch."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self._parts, self._hash = parts, hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Identity) and self._parts == other._parts)


@dataclass(frozen=True, eq=False)
class ColumnFunction:
    """Expressions compiled together: ``types`` of the results, ``leaves`` to bring, the text and its constants.

    ``bounds``: what a condition is, where it is no more than that.
    """

    types: tuple[Type, ...]
    leaves: tuple[Typed, ...]
    text: str
    ints: Int64Array
    floats: AnyArray
    texts: tuple[str, ...]
    bounds: Bounds | None = None
    functions: tuple[External | TableRead, ...] = ()

    @cached_property
    def reads_key(self) -> bool:
        """Whether it reads a part of the key, which is another attribute for another rule."""
        return any(isinstance(n, Key) for n in self.leaves)

    @cached_property
    def identity(self) -> Identity:
        """Equal for functions that compute the same from the same attributes and parts of the key."""
        return Identity(
            (self.text, self.leaves, self.ints.tobytes(), self.floats.tobytes(), self.texts, self.functions)
        )

    def __call__(
        self, leaf: Callable[[Typed], Leaf], rows: int, faults: Int64Array, failures: Failures | None = None
    ) -> list[tuple[Any, Any]]:
        """The (value, null) pairs of all results, not yet as long as the batch where they are constant.

        ``failures`` takes the rows for which a function of a Python module fails.
        """
        leaves = [leaf(n) for n in self.leaves]
        if self._is_quiet:
            return self._run(leaves, self.ints, self.floats, self.texts, faults, rows)
        with np.errstate(all="ignore"):
            if not self.functions:
                return self._run(leaves, self.ints, self.floats, self.texts, faults, rows)
            calls = [calling(f, failures) for f in self.functions]
            return self._run(leaves, self.ints, self.floats, self.texts, faults, rows, calls)

    @cached_property
    def _run(self) -> Callable[..., list[tuple[Any, Any]]]:
        return _compile(self.text)

    @cached_property
    def _is_quiet(self) -> bool:
        """Whether it does no arithmetic, about which numpy could warn."""
        return not self.functions and not _LOUD.search(self.text.partition("\n")[2])

    @cached_property
    def counts_faults(self) -> bool:
        """Whether it may count faults."""
        return "faults" in self.text.partition("\n")[2]

    def condition(
        self, leaf: Callable[[Typed], Leaf], rows: int, faults: Int64Array, failures: Failures | None = None
    ) -> BoolArray:
        """Where the single, boolean result is true."""
        value = self(leaf, rows, faults, failures)[0][0]
        return value if isinstance(value, np.ndarray) and value.shape == (rows,) else np.full(rows, bool(value))

    def columns(
        self, leaf: Callable[[Typed], Leaf], rows: int, faults: Int64Array, failures: Failures | None = None
    ) -> list[Column]:
        """The results as columns of ``rows`` values."""
        pairs = self(leaf, rows, faults, failures)
        return [as_column(t, v, n, rows) for t, (v, n) in zip(self.types, pairs, strict=True)]


def compile_columns(expressions: Sequence[Typed], params: Mapping[str, CheckedParam]) -> ColumnFunction:
    """Compile expressions that are evaluated together."""
    leaves: list[Typed] = []

    def leaf(_emitter: Emitter, node: Typed) -> Term:
        if node not in leaves:
            leaves.append(node)
        place = leaves.index(node)
        return Term(f"a{place}", f"n{place}" if node.type.optional else None)

    constants = Constants()
    emitter = Emitter("column", leaf, params, constants)
    terms = [emitter.term(e) for e in expressions]
    opening = [f"a{i}, n{i} = leaves[{i}]" for i in range(len(leaves))]
    closing = f"return [{', '.join(f'({t.value}, {t.null or False})' for t in terms)}]"
    body = "".join(f"    {line}\n" for line in [*opening, *emitter.lines, closing])
    return ColumnFunction(
        tuple(e.type for e in expressions),
        tuple(leaves),
        f"def evaluate(leaves, ints, floats, texts, faults, size{', calls' if constants.functions else ''}):\n{body}",
        np.array(constants.ints, np.int64),
        np.array(constants.floats, np.float64),
        tuple(constants.texts),
        functions=tuple(constants.functions),
    )


def compile_conditions(where: Typed | None, params: Mapping[str, CheckedParam]) -> tuple[ColumnFunction, ...]:
    """The conjuncts of a condition, each by itself, so that steps and rules that test the same share it; () for None.

    Very many of them are one function: splitting them would cost more than sharing gives.
    """
    if where is None:
        return ()
    parts = where.args if isinstance(where, Apply) and where.op == "and" else (where,)
    if len(parts) > _MOST_CONJUNCTS:
        parts = (where,)
    return tuple(_conjunct(part, params) if (kind := _limit(part)) is None else _compared(part, kind) for part in parts)


def _conjunct(part: Typed, params: Mapping[str, CheckedParam]) -> ColumnFunction:
    return replace(compile_columns([part], params), bounds=bounds_of(part))


def _limit(part: Typed) -> type | None:
    """The type of the constant that a field is compared with, if that is all there is: many rules say the same."""
    if not (isinstance(part, Apply) and len(part.args) == 2 and part.op in _COMPARED):
        return None
    value, limit = part.args
    # 0.0 is equal to -0.0, and is not the same
    return type(limit.value) if isinstance(value, Attr) and isinstance(limit, Const) and limit.value else None


@lru_cache(_MOST_COMPARED)
def _compared(part: Typed, _kind: type) -> ColumnFunction:
    return _conjunct(part, {})


def column_names() -> dict[str, Any]:
    """What emitted column text may call."""
    return {
        "where": np.where,
        "count_where": _count_where,
        "abs": np.abs,
        "inf": np.inf,
        "compare_texts": compare_texts,
        "like_text": like_text,
        "matches_text": matches_text,
        "select_texts": select_texts,
        "map_texts": map_texts,
        "length_text": length_text,
        "substr_text": substr_text,
        "join_texts": join_texts,
        "in_lists": in_lists,
        "split_text": split_text,
        "elements_of": elements_of,
        "spread": spread,
        "some_of": some_of,
        "floor_int": functions.floor_int,
        "sqrt": np.sqrt,
        "log_of": functions.log_of,
        "exp_of": functions.exp_of,
        "pow_of": functions.pow_of,
        "distance_of": functions.distance_of,
        "local_of": calendar.local_of,
        "truncate_of": calendar.truncate_of,
    }


def _count_where(flag: Any, size: int) -> int:
    # what is computed from constants alone holds in every row
    return int(np.count_nonzero(flag)) if np.ndim(flag) else int(flag) * size


@cache
def _compile(text: str) -> Callable[..., list[tuple[Any, Any]]]:
    names = column_names()
    exec(compile(text, "<generated columns>", "exec"), names)  # our own text, made above from a checked rule
    found: Callable[..., list[tuple[Any, Any]]] = names["evaluate"]
    return found


def batch_leaf(column: Column) -> Leaf:
    """A column as a leaf."""
    null: Any = False if column.valid is None else ~column.valid
    if column.text is not None:
        return TextVector(column.values, column.text), null
    if column.lists is not None:
        return ListVector(column.values, column.lists), null
    if column.type.kind == "bool" and column.valid is not None:
        return column.values & column.valid, null  # the law of booleans
    return column.values, null


def as_column(kind: Type, value: Any, null: Any, rows: int) -> Column:
    """A result of emitted text as a column of ``rows`` values."""
    valid: BoolArray | None = None
    if isinstance(null, np.ndarray) and null.shape:
        valid = None if not null.any() else ~null
    elif bool(null):
        valid = np.zeros(rows, np.bool_)
    if kind.kind == "string":
        if isinstance(value, TextVector):
            return Column(kind, value.codes, valid, value.text)
        text = Text.of([value]) if isinstance(value, str) else EMPTY_TEXT
        return Column(kind, np.zeros(rows, np.int32), valid, text if len(text) else Text.of([""]))
    if kind.kind == "list":
        if isinstance(value, ListVector):
            return Column(kind, value.codes, valid, None, value.lists)
        return Column(kind, np.zeros(rows, np.int32), valid, None, empty_lists(kind))
    dtype = _DTYPES.get(kind.kind, np.int64)
    values: AnyArray = np.asarray(value, dtype)
    if values.shape != (rows,):
        values = np.full(rows, value, dtype)
    return Column(kind, np.ascontiguousarray(values), valid)

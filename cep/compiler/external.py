"""Calls of functions of Python modules, from emitted text: numpy columns in, one numpy column out.

A function is asked of the rows where no argument is null whose parameter does not admit null; elsewhere the result is
null. How rows are cut into calls is nobody's business: a call that fails is made again for halves, so that the rows for
which the function fails are known. Of them only the earliest matter (a rule ends there), so rows of later times are not
asked any more.

| type | given and taken |
|---|---|
| int, float, bool | int64, float64, bool |
| time, duration | datetime64[ns], timedelta64[ns] |
| string, decimal, list | objects: str, `decimal.Decimal`, list |

A parameter that admits null has a masked array, or None among objects. A result may be of any width of the same kind,
a masked array, or objects with None.
Cost: that of the function, once a batch; while it fails O(log rows) times that.
Tested by: tests/compiler/test_external.py
"""

from __future__ import annotations

import decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.compiler.text import TextVector
from cep.model.batch import Column, string_column
from cep.model.errors import kind_of
from cep.model.table import TableRead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.compiler.lookup import Looking
    from cep.language.typed import External
    from cep.model.batch import AnyArray, BoolArray, Int64Array
    from cep.model.types import Type

_NOT_A_NUMBER = 2
_LONGEST = 200
_MOST = 2**63
_DTYPES = {"int": "int64", "float": "float64", "bool": "bool", "time": "datetime64[ns]", "duration": "timedelta64[ns]"}
_LAWFUL = {"int": "iu", "float": "fiu", "bool": "b", "time": "M", "duration": "m", "string": "U", "decimal": "iu"}
_OBJECTS: dict[str, tuple[type, ...]] = {
    "int": (int, np.integer),
    "float": (int, float, np.integer, np.floating),
    "bool": (bool, np.bool_),
    "string": (str,),
    "decimal": (decimal.Decimal, int, np.integer),
}


class Failures:
    """The rows of a batch for which functions failed, and what was said; ``ts`` are the times of its rows."""

    __slots__ = ("rows", "ts")

    def __init__(self, ts: Int64Array) -> None:
        self.ts = ts
        self.rows: dict[int, str] = {}

    def add(self, row: int, words: str) -> None:
        """Take note of a row; what is said first of it stays."""
        self.rows.setdefault(row, words)


class WrongResultError(Exception):
    """What a function gave is no column of its declared type."""


class Calling:
    """A function as emitted text calls it, for one batch."""

    __slots__ = ("_failures", "_function")

    def __init__(self, function: External, failures: Failures | None) -> None:
        self._function, self._failures = function, failures

    def __call__(self, faults: Int64Array, size: int, *given: tuple[Any, Any]) -> tuple[Any, Any]:
        """The value and null flags of the results for ``size`` rows."""
        function = self._function
        asked = np.ones(size, np.bool_)
        for (_, null), parameter in zip(given, function.parameters, strict=True):
            if not parameter.optional:
                asked &= np.logical_not(null)
        rows = np.flatnonzero(asked)
        out = _Results(function.gives, size)
        if rows.size:
            columns = [
                _column(p, value, null, rows, size) for (value, null), p in zip(given, function.parameters, strict=True)
            ]
            self._ask(columns, rows, out)
        faults[_NOT_A_NUMBER] += out.not_numbers
        return out.pair()

    def _ask(self, columns: list[AnyArray], rows: Int64Array, out: _Results) -> None:
        try:
            out.put(rows, self._call(columns, rows.size))
            return
        except Exception:  # whatever it is, it is said of the rows that are to blame
            pass
        times = np.zeros(rows.size, np.int64) if self._failures is None else self._failures.ts[rows]
        order = np.argsort(times, kind="stable")
        times = times[order]
        waiting, end = [(0, rows.size)], rows.size
        while waiting:
            low, high = waiting.pop()
            high = min(high, end)
            if low >= high:
                continue
            part = order[low:high]
            try:
                out.put(rows[part], self._call([c[part] for c in columns], part.size))
            except Exception as problem:
                if high - low > 1:
                    middle = (low + high) // 2
                    waiting += [(middle, high), (low, middle)]
                    continue
                end = int(np.searchsorted(times, times[low], side="right"))
                if self._failures is not None:
                    self._failures.add(int(rows[part[0]]), self._said(problem))

    def _call(self, columns: list[AnyArray], size: int) -> object:
        code = self._function.code
        assert code is not None, "an engine is not made without it"
        # a copy each time: a function that writes into its arguments harms nobody
        return _checked(code(*(c.copy() for c in columns)), size)

    def _said(self, problem: Exception) -> str:
        words = str(problem) if isinstance(problem, WrongResultError) else f"{type(problem).__name__}: {problem}"
        words = " ".join(words.split())
        if len(words) > _LONGEST:
            words = f"{words[:_LONGEST]}…"
        verb = "gave" if isinstance(problem, WrongResultError) else "raised"
        return f"{self._function.name} ({self._function.reference}) {verb} {words}"


def calling(function: External | TableRead, failures: Failures | None) -> Calling | Looking:
    """A function, or a read of a table, as emitted text calls it."""
    if isinstance(function, TableRead):
        from cep.compiler.lookup import Looking

        return Looking(function)
    return Calling(function, failures)


def _checked(result: object, size: int) -> AnyArray:
    if not isinstance(result, np.ndarray):
        raise WrongResultError(f"{kind_of(result)}, not a numpy array")
    if result.shape != (size,):
        raise WrongResultError(f"an array of shape {result.shape} for {size} row{'s' * (size != 1)}")
    return result


class _Results:
    """The results of all calls for one batch, null where there was none."""

    def __init__(self, gives: Type, size: int) -> None:
        self.gives = gives
        self.null = np.ones(size, np.bool_)
        self.not_numbers = 0
        kind = gives.kind
        self.values: AnyArray = np.zeros(size, object if kind == "string" else _width(kind))

    def put(self, rows: Int64Array, result: object) -> None:
        """Take the result of one call, or nothing: `WrongResultError` for what is not of the declared type."""
        assert isinstance(result, np.ndarray)
        kind = self.gives.kind
        null: BoolArray = np.ma.getmaskarray(result).copy()
        found: AnyArray = np.asarray(np.ma.getdata(result))
        is_exact = kind == "decimal" and found.dtype != object
        if found.dtype == object:
            found, missing = self._of_objects(found, null)
            null |= missing
        elif found.dtype.kind not in _LAWFUL[kind]:
            raise WrongResultError(f"an array of {found.dtype}, not of {_wanted(self.gives)}")
        if found.dtype.kind == "u" and found.size and int(found[~null].max(initial=0)) >= _MOST:
            raise WrongResultError("an integer beyond 64 bits")
        if kind in ("time", "duration"):
            null |= np.isnat(found)
            found = _nanoseconds(found, null)
        lost = null.copy()
        not_numbers = 0
        if kind == "float":
            found = found.astype(np.float64)
            wrong = np.isnan(found) if self.gives.infinite else ~np.isfinite(found)
            not_numbers = int(np.count_nonzero(wrong & ~null))
            null |= wrong
        if is_exact:  # whole numbers
            found = self._counts(found.astype(object), null)
        if not self.gives.optional and bool(lost.any()):
            raise WrongResultError(f"null, which its type {self.gives} does not admit")
        self.not_numbers += not_numbers
        self.values[rows] = np.where(null, np.zeros(1, self.values.dtype), found)
        self.null[rows] = null

    def _of_objects(self, found: AnyArray, null: BoolArray) -> tuple[AnyArray, BoolArray]:
        kind = self.gives.kind
        if kind not in _OBJECTS:
            raise WrongResultError(f"an array of objects, not of {_wanted(self.gives)}")
        missing = np.array([v is None for v in found], np.bool_)
        hidden = missing | null
        for value, is_hidden in zip(found, hidden, strict=True):
            fits = isinstance(value, _OBJECTS[kind]) and (kind == "bool" or not isinstance(value, bool | np.bool_))
            if not is_hidden and not fits:
                raise WrongResultError(f"{kind_of(value)} in an array of {_wanted(self.gives)}")
        if kind == "decimal":
            return self._counts(found, hidden), missing
        if kind == "string":
            return found, missing
        filled = [0 if is_hidden else value for value, is_hidden in zip(found, hidden, strict=True)]
        if kind == "int" and any(not -_MOST <= int(v) < _MOST for v in filled):
            raise WrongResultError("an integer beyond 64 bits")
        return np.array(filled, _width(kind)), missing

    def _counts(self, found: AnyArray, hidden: BoolArray) -> AnyArray:
        wide, scale = decimal.Context(prec=60), self.gives.scale
        out = np.zeros(found.size, np.int64)
        for i, (value, is_hidden) in enumerate(zip(found, hidden, strict=True)):
            if is_hidden:
                continue
            exact = decimal.Decimal(int(value) if isinstance(value, np.integer) else value)
            if not exact.is_finite():
                raise WrongResultError(f"{exact}, which is no {self.gives}")
            count = exact.scaleb(scale, wide)
            if count != count.to_integral_value(context=wide) or not -_MOST <= int(count) < _MOST:
                raise WrongResultError(f"{exact}, which is no {self.gives}")
            out[i] = int(count)
        return out

    def pair(self) -> tuple[Any, Any]:
        """Value and null flags, as emitted text has them."""
        if self.gives.kind == "string":
            column = string_column([None if n else v for v, n in zip(self.values, self.null.tolist(), strict=True)])
            assert column.text is not None
            return TextVector(column.values, column.text), self.null
        return self.values, self.null


def _nanoseconds(found: AnyArray, null: BoolArray) -> AnyArray:
    """Times or durations of any unit in nanoseconds, which cannot hold all of a coarser one: numpy would wrap them."""
    unit = np.datetime_data(found.dtype)[0]
    if unit in ("Y", "M") and found.dtype.kind == "m":
        raise WrongResultError(f"an array of {found.dtype}, which differ in length")
    out = found.astype(f"{found.dtype.kind}8[ns]")
    if unit not in ("ns", "ps", "fs", "as") and bool(((out.astype(found.dtype) != found) & ~null).any()):
        raise WrongResultError("a time or duration beyond 64 bits of nanoseconds")
    return out.view(np.int64)


def _width(kind: str) -> str:
    return {"float": "float64", "bool": "bool"}.get(kind, "int64")


def _wanted(kind: Type) -> str:
    return _DTYPES.get(kind.kind, {"string": "str", "decimal": "decimal.Decimal"}.get(kind.kind, kind.kind))


def _column(parameter: Type, value: Any, null: Any, rows: Int64Array, size: int) -> AnyArray:
    """An argument as its function sees it, at ``rows``."""
    missing: AnyArray = np.broadcast_to(null, (size,))[rows]
    found = _values(parameter, value, rows, size, missing)
    if not parameter.optional:
        return found
    if found.dtype == object:
        found[missing] = None
        return found
    masked: AnyArray = np.ma.MaskedArray(found, missing)
    return masked


def _values(parameter: Type, value: Any, rows: Int64Array, size: int, missing: AnyArray) -> AnyArray:
    kind = parameter.kind
    if kind == "string":
        out = np.empty(rows.size, object)
        if isinstance(value, TextVector):
            strings = np.array([*value.text.strings, ""], object)
            out[:] = strings[np.where(missing, len(strings) - 1, value.codes[rows])]
        else:
            out[:] = value
        return out
    if kind == "list":
        return _objects(Column(parameter, value.codes[rows], None, None, value.lists).to_list())
    found = np.broadcast_to(value, (size,))[rows]
    if kind == "decimal":
        return _objects(Column(parameter, found.astype(np.int64)).to_list())
    if kind in ("time", "duration"):
        return np.ascontiguousarray(found, np.int64).view(_DTYPES[kind])
    return found.astype(_DTYPES[kind])


def _objects(values: Sequence[object]) -> AnyArray:
    out = np.empty(len(values), object)
    for i, value in enumerate(values):
        out[i] = value
    return out

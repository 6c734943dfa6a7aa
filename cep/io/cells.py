"""Cells: one attribute of a block while it is read, and the ways into Arrow's buffers.

`Cells` holds values, which rows are null, and which rows cannot be read, with reasons. An Arrow buffer becomes a numpy
array without a copy. `mend` reads the rows that a fast way could not take, one by one.
Tested by: tests/io/test_columns.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.io.values import plain, reader_of
from cep.model.batch import Text
from cep.model.concatenate import empty_lists
from cep.model.errors import InputError
from cep.model.late import Late

if TYPE_CHECKING:
    import pyarrow as pa

    from cep.model.batch import AnyArray, BoolArray, Lists
    from cep.model.types import Type
else:
    pa = Late("pyarrow")

DTYPES: dict[str, type] = {
    "int": np.int64,
    "float": np.float64,
    "bool": np.bool_,
    "string": np.int32,
    "time": np.int64,
    "duration": np.int64,
    "decimal": np.int64,
    "list": np.int32,
    "record": np.bool_,
}

Bad = dict[int, tuple[str, str | None]]


@dataclass(slots=True)
class Cells:
    """One attribute's values; ``valid`` is None when none is null; a row in ``bad`` (reason, value as text) is null.

    Integers may be narrower than 64 bits, and are to be multiplied by ``factor``: a `Column` does both when it is read.
    """

    values: AnyArray
    valid: BoolArray | None = None
    text: Text | None = None
    bad: Bad = field(default_factory=dict)
    lists: Lists | None = None
    factor: int = 1

    @property
    def present(self) -> BoolArray:
        """Rows that hold something, lawful or not."""
        there = np.ones(self.values.size, np.bool_) if self.valid is None else self.valid.copy()
        if self.bad:
            there[list(self.bad)] = True
        return there


def nulls(wanted: Type, size: int) -> Cells:
    """A column of nothing."""
    text = Text.of([""]) if wanted.kind == "string" else None
    lists = empty_lists(wanted) if wanted.kind == "list" else None
    return Cells(np.zeros(size, DTYPES[wanted.kind]), np.zeros(size, np.bool_), text, lists=lists)


class _Window:
    """A stretch of an Arrow buffer for numpy, without a copy.

    numpy marks an array over such a buffer read-only, and a read-only array is another type to a compiled kernel; one
    signature is wanted, and nobody writes into a batch.
    """

    def __init__(self, buffer: pa.Buffer, dtype: np.dtype[Any], offset: int, size: int) -> None:
        self.owner = buffer
        self.__array_interface__ = {
            "data": (buffer.address + offset * dtype.itemsize, False),
            "shape": (size,),
            "typestr": dtype.str,
            "version": 3,
        }


def window(buffer: pa.Buffer | None, dtype: type, offset: int, size: int) -> AnyArray:
    """``size`` values of a buffer from the ``offset``-th on, without a copy."""
    if buffer is None or size == 0:
        return np.zeros(size, dtype)
    if not buffer.is_cpu:
        return np.frombuffer(buffer, dtype, size, offset * np.dtype(dtype).itemsize).copy()
    return np.asarray(_Window(buffer, np.dtype(dtype), offset, size))


def is_valid(array: pa.Array) -> BoolArray:
    """Which values are not null."""
    valid: BoolArray = np.ascontiguousarray(array.is_valid().to_numpy(zero_copy_only=False))
    return valid


def valid_of(array: pa.Array) -> BoolArray | None:
    """Which values are not null; None when all are."""
    return None if array.null_count == 0 else is_valid(array)


def whole_numbers(array: pa.Array) -> AnyArray:
    """The 64-bit values of an Arrow array whose layout is int64; unspecified under nulls."""
    return window(array.buffers()[1], np.int64, array.offset, len(array))


def _pick(array: pa.Array, rows: AnyArray) -> list[object]:
    """The Python values at ``rows``."""
    try:
        return list(array.take(pa.array(rows)).to_pylist())
    except (UnicodeDecodeError, ValueError, OverflowError):  # bytes that are no text, times that are no datetime
        return [object_of(array[int(row)]) for row in rows]


def object_of(scalar: pa.Scalar) -> object:
    """The Python value; bytes that are no text as surrogates, times that are no datetime as their number."""
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return str(getattr(scalar, "value", None))


def mend(cells: Cells, rows: AnyArray, array: pa.Array, wanted: Type) -> Cells:
    """Read ``rows`` of ``array`` one by one into ``cells``, whose values there mean nothing."""
    if not rows.size:
        return cells
    read, values = reader_of(wanted), cells.values
    if not values.flags.owndata:
        values = values.copy()
    valid = np.ones(values.size, np.bool_) if cells.valid is None else cells.valid
    bad = dict(cells.bad)
    for row, value in zip(rows.tolist(), _pick(array, rows), strict=True):
        try:
            got = read(value)
        except ValueError as error:
            got, bad[row] = None, (str(error), plain(value))
        valid[row] = got is not None
        values[row] = 0 if got is None else got
    return Cells(values, None if bool(valid.all()) else valid, None, bad)


def refusal(array: pa.Array, wanted: Type, hint: str | None = None) -> InputError:
    """The error of a column whose type has no value that could be one of type ``wanted``."""
    return InputError(f"a column of type {array.type} is no {wanted.as_optional(False)}", hint=hint)

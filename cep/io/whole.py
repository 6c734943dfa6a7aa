"""Whole columns: Arrow columns of which no value needs a closer look, straight to a `Column`.

Which reader a column gets is settled once for the schema of a table, and tables that follow each other have one schema.
A reader gives None when some value cannot be read: then all columns are read by `cep.io.convert` as ever, which says
what is wrong. So nothing is decided here but what is plainly lawful.
Cost: a few microseconds a column, and one pass over floats and times.
Tested by: tests/io/test_whole.py, tests/io/test_convert.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cep.io.cells import DTYPES, window
from cep.io.columns import cells_of_array, scaled_times, text_of_array
from cep.model.batch import Column
from cep.model.errors import InputError
from cep.model.late import Late

if TYPE_CHECKING:
    import pyarrow as pa

    from cep.model.batch import AnyArray, Text
    from cep.model.types import Type

    Reader = Callable[[pa.Array], Column | None]
else:
    pa = Late("pyarrow")

_MOST_KEPT, _MOST_BYTES = 1024, 16_384  # strings of a dictionary that is kept, and bytes of each of its buffers


class Looks(NamedTuple):
    """How to look at a whole column: whether its values ascend, whether its floats are all finite (each gives a truth).

    Compiled ones are brought by who has them; io knows numpy's.
    """

    ascend: Callable[[Any], Any]
    are_finite: Callable[[Any], Any]
    at_exported: Callable[[int], Any] | None = None
    """How to look at all columns of a table at once, see `cep.io.exported`."""


def _ascend(values: AnyArray) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _are_finite(values: AnyArray) -> bool:
    return bool(np.isfinite(values).all())


PLAIN_LOOKS = Looks(_ascend, _are_finite)
_MANY = 8192
"""Rows from which on looks that were brought are taken: to load compiled ones takes longer than a small column does."""


def _looks_at(values: AnyArray, looks: Looks) -> Looks:
    return looks if values.size >= _MANY else PLAIN_LOOKS


def reader_of_column(arrow: pa.DataType, wanted: Type, looks: Looks = PLAIN_LOOKS) -> Reader:
    """What reads columns of one Arrow type as ``wanted``."""
    if wanted.kind == "int" and pa.types.is_integer(arrow) and arrow != pa.uint64():
        return _integers(wanted, arrow.to_pandas_dtype())
    if wanted.kind == "float" and arrow == pa.float64():
        return _floats(wanted, looks)
    if wanted.kind == "string" and pa.types.is_dictionary(arrow) and arrow.index_type == pa.int32():
        values = arrow.value_type
        if pa.types.is_string(values) or pa.types.is_large_string(values):
            return Strings(wanted)
    return lambda array: _any_way(array, wanted)


def read_times(array: pa.Array, wanted: Type, looks: Looks = PLAIN_LOOKS) -> tuple[Column, tuple[int, int]] | None:
    """Times that stand in order, with the first and the last; else None."""
    found = scaled_times(array, wanted)
    if found is None or not _looks_at(found[0], looks).ascend(found[0]):
        return None
    values, factor = found
    return Column.of_raw(wanted, values, None, factor), (int(values[0]) * factor, int(values[-1]) * factor)


def _integers(wanted: Type, dtype: type) -> Reader:
    # as narrow as they are: a `Column` widens them when somebody reads it
    def read(array: pa.Array) -> Column | None:
        if array.null_count:
            return _any_way(array, wanted)
        values = window(array.buffers()[1], dtype, array.offset, len(array))
        return Column(wanted, values) if dtype is np.int64 else Column.of_raw(wanted, values)

    return read


def _floats(wanted: Type, looks: Looks) -> Reader:
    def read(array: pa.Array) -> Column | None:
        if array.null_count:
            return _any_way(array, wanted)
        values = window(array.buffers()[1], np.float64, array.offset, len(array))
        return Column(wanted, values) if _looks_at(values, looks).are_finite(values) else _any_way(array, wanted)

    return read


class Strings:
    """Codes into a dictionary; a small one that comes again, table after table, is looked at once."""

    def __init__(self, wanted: Type) -> None:
        self._wanted = wanted
        self._text: Text | None = None
        self._content: tuple[int, bytes, bytes] | None = None

    def dictionary_of(self, array: pa.DictionaryArray) -> Text | None:
        """The dictionary of an array, if it is lawful and small."""
        return self._known(array.dictionary)

    def __call__(self, array: pa.Array) -> Column | None:
        """The column, or None when some value needs a closer look."""
        if array.null_count:
            return _any_way(array, self._wanted)
        indices, text = array.indices, self._known(array.dictionary)
        if text is None:
            return _any_way(array, self._wanted)
        return Column(self._wanted, window(indices.buffers()[1], np.int32, indices.offset, len(array)), None, text)

    def _known(self, dictionary: pa.Array) -> Text | None:
        """The dictionary, if it is lawful and small: the same as the last time when it has the same content."""
        size = len(dictionary)
        _, offsets, data = dictionary.buffers()
        if size > _MOST_KEPT or dictionary.offset or dictionary.null_count or offsets is None or data is None:
            return None
        if data.size > _MOST_BYTES or offsets.size > _MOST_BYTES:
            return None
        content = size, offsets.to_pybytes(), data.to_pybytes()
        if content != self._content:
            try:
                dictionary.validate(full=True)
            except pa.ArrowInvalid:
                return None
            self._content, self._text = content, text_of_array(dictionary).copy()
        return self._text


def _any_way(array: pa.Array, wanted: Type) -> Column | None:
    """A column read the general way; None when some value cannot be read, or no value of its type could be."""
    try:
        cells = cells_of_array(array, wanted)
    except InputError:
        return None
    if cells.bad:
        return None
    here = cells.valid
    if here is not None and bool(here.all()):
        here = None
    if cells.values.dtype != DTYPES[wanted.kind] or cells.factor != 1:
        return Column.of_raw(wanted, cells.values, here, cells.factor)
    return Column(wanted, cells.values, here, cells.text, cells.lists)

"""Tables whose columns are taken as they lie, found through Arrow's C data interface in one call.

It is the same that `cep.io.whole` does column by column, for tables that come often and are short: to ask each column
of each for its buffers takes longer than to look at a hundred of its values. What is not plainly lawful - a null, a
time out of order, a dictionary that was not there before - it leaves to `cep.io.whole`.
Invariant: arrays over a table keep what was exported alive, which keeps the table's buffers.
Cost: some five microseconds a table, one pass over floats and times; columns are made when somebody looks at one.
Tested by: tests/io/test_exported.py
"""

from __future__ import annotations

import ctypes
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.io.whole import Strings
from cep.model.batch import Column, address_of, lying
from cep.model.late import Late
from cep.model.later import Ahead, Found, LaterColumns, Lies, TableForm
from cep.model.time import MAX_TIME, MIN_TIME, NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from cep.io.whole import Reader
    from cep.model.batch import AnyArray, EventBatch
    from cep.model.schema import Schema
    from cep.model.types import Type
else:
    pa = Late("pyarrow")

_LINE = 12
_ARRAY, _COLUMNS, _FIRST, _LAST, _SCHEMA, _TOLD, _SAYS, _MOST_ROWS, _AHEAD, _FIRST_ROW, _TURN, _COUNT = range(12)
_CHILD, _KIND, _SIZE, _ADDRESS, _STRINGS, _OFFSETS, _BYTES = range(7)
_WHOLE, _FLOATS, _TIMES, _TEXT, _LARGE_TEXT = range(5)
_FORMAT, _NAME, _SCHEMAS, _AT_SCHEMAS, _OF_DICTIONARY = 0, 1, 4, 5, 6
# what `cep.kernels.exported` calls these; io sees no kernels
_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class _Stretch:
    """The memory from the least address of a table's columns to the greatest, as numpy takes it."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, owner: object, first: int, size: int) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (first, False), "shape": (size,), "typestr": "|u1", "version": 3}


class ExportedTables:
    """How to take the columns of tables of one schema."""

    def __init__(
        self, schema: pa.Schema, columns: Sequence[_Exported], look: Callable[[int], Any], most: int, ahead: Ahead
    ) -> None:
        self._columns, self._look, self._ahead = columns, look, ahead
        self._wants = np.zeros((1 + len(columns), _LINE), np.int64)
        self._says = ctypes.create_string_buffer(_said(schema))
        words = self._words = memoryview(self._wants.data).cast("B").cast("q")
        words[_COLUMNS], words[_TOLD], words[_MOST_ROWS] = len(columns), len(schema), most
        words[_SAYS] = ctypes.addressof(self._says)
        for line, column in enumerate(columns, 1):
            at = line * _LINE
            words[at + _CHILD], words[at + _KIND] = column.place, column.kind
            words[at + _SIZE] = column.dtype.itemsize
        self._at = address_of(self._wants)
        self._places = slice(_LINE + _ADDRESS, _LINE * (1 + len(columns)), _LINE)
        (times,) = [column for column in columns if column.kind == _TIMES]
        self._factor, self._least, self._most = times.factor, times.least, times.most
        where = {c.name: (n, c.dtype, c.factor) for n, c in enumerate(columns)}
        self._form = TableForm(where, {})

    def read(self, table: pa.RecordBatch, schema: Schema, first_row: int) -> EventBatch | None:
        """The events of a table, numbered from ``first_row``; None when it needs a closer look."""
        words = self._words
        if not table.is_cpu:
            return None
        ahead = self._ahead
        orders = ahead.orders if ahead.form is self._form and table.num_rows <= ahead.room else 0
        words[_AHEAD], words[_FIRST_ROW] = orders, first_row
        own, capsule = table.__arrow_c_array__()
        words[_SCHEMA], words[_ARRAY] = _pointer_of(own, b"arrow_schema"), _pointer_of(capsule, b"arrow_array")
        rows = int(self._look(self._at))
        first, last = words[_FIRST], words[_LAST]
        if rows < 0 or first < self._least or last > self._most:
            return None
        found = Found(orders, words[_TURN], words[_COUNT]) if orders else None
        lies = Lies(self._form, tuple(words[self._places].tolist()), found)
        columns = LaterColumns(self._form.columns, partial(self._found, capsule, rows, lies))
        return lying(schema, columns, first_row, (first * self._factor, last * self._factor), rows, lies)

    def _found(self, capsule: object, rows: int, lies: Lies) -> dict[str, Column]:
        """The columns, which keep what was exported alive."""
        places = lies.addresses
        least = min(places)
        memory = np.asarray(_Stretch(capsule, least, max(places) - least + 8 * rows))
        found = dict[str, Column]()
        for column, place in zip(self._columns, places, strict=True):
            values: AnyArray = np.ndarray((rows,), column.dtype, memory, place - least)
            if column.kind in (_TIMES, _WHOLE):
                found[column.name] = Column.of_raw(column.type, values, None, column.factor).lies_at(place)
            else:
                text = lies.form.texts.get(column.name)
                found[column.name] = Column(column.type, values, None, text).lies_at(place)
        return found

    def learn(self, table: pa.RecordBatch) -> bool:
        """Know the dictionaries of a table, if they are small and may come again; whether some are new."""
        texts = dict(self._form.texts)
        for line, column in enumerate(self._columns, 1):
            text = None if column.strings is None else column.strings.dictionary_of(table.column(column.place))
            if text is None or not text.data.size or text is texts.get(column.name):
                continue
            texts[column.name] = text
            at, words = line * _LINE, self._words
            words[at + _STRINGS], words[at + _OFFSETS] = len(text), address_of(text.offsets)
            words[at + _BYTES] = address_of(text.data)
        if texts == self._form.texts:
            return False
        self._form = TableForm(self._form.columns, texts)  # tables that were read before keep theirs
        return True


class _Exported:
    """One column: its attribute, its place in the table, and what is to be looked at."""

    __slots__ = ("dtype", "factor", "kind", "least", "most", "name", "place", "strings", "type")

    def __init__(self, name: str, place: int, wanted: Type, kind: int, dtype: AnyArray | type) -> None:
        self.name, self.place, self.type, self.kind, self.dtype = name, place, wanted, kind, np.dtype(dtype)
        self.strings: Strings | None = None
        self.factor, self.least, self.most = 1, MIN_TIME, MAX_TIME


def _said(schema: pa.Schema) -> bytes:
    """What the exported schema of such a table says of its columns, as `cep.kernels.exported` compares it."""
    capsule = schema.__arrow_c_schema__()
    table = _words_at(_pointer_of(capsule, b"arrow_schema"))
    out = []
    for n in range(table[_SCHEMAS]):
        child = _words_at(_words_at(table[_AT_SCHEMAS], n + 1)[n])
        dictionary = child[_OF_DICTIONARY]
        texts = [child[_NAME], child[_FORMAT], *([_words_at(dictionary)[_FORMAT]] if dictionary else [])]
        out += [ctypes.string_at(text) for text in texts] + ([] if dictionary else [b""])
    return b"".join(text + b"\0" for text in out)


def _words_at(address: int, count: int = 9) -> Sequence[int]:
    return (ctypes.c_int64 * count).from_address(address)[:]


def exported_tables(
    schema: pa.Schema,
    readers: Sequence[tuple[str, int, Type, bool, Reader]],
    time: str,
    look: Callable[[int], Any],
    most: int,
    ahead: Ahead,
) -> ExportedTables | None:
    """How to take tables of a schema, of which attributes are read as ``readers`` say; None when some column is odd.

    ``most``: longer ones need a closer look. ``ahead``: what is looked for besides.
    """
    columns = []
    for name, place, wanted, _, read in readers:
        arrow = schema.field(place).type
        if name == time:
            unit = wanted.unit if arrow == pa.int64() else None
            if pa.types.is_timestamp(arrow) and (arrow.tz is not None or wanted.zone in (None, "UTC")):
                unit = arrow.unit
            if unit is None:
                return None
            column = _Exported(name, place, wanted, _TIMES, np.int64)
            column.factor = NANOSECONDS[unit]
            column.least, column.most = -(-MIN_TIME // column.factor), MAX_TIME // column.factor
        elif wanted.kind == "int" and pa.types.is_integer(arrow) and arrow != pa.uint64():
            column = _Exported(name, place, wanted, _WHOLE, arrow.to_pandas_dtype())
        elif wanted.kind == "float" and arrow == pa.float64():
            column = _Exported(name, place, wanted, _FLOATS, np.float64)
        elif isinstance(read, Strings):
            kind = _LARGE_TEXT if pa.types.is_large_string(arrow.value_type) else _TEXT
            column = _Exported(name, place, wanted, kind, np.int32)
            column.strings = read
        else:
            return None
        columns.append(column)
    return ExportedTables(schema, columns, look, most, ahead)

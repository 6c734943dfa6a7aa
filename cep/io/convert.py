"""Conversion: tables, columns and rows from outside to an `EventBatch` with declared types.

A row becomes an event, or a ``Rejected`` event that tells the row, the first attribute in schema order that cannot be
read, and why. An attribute is required unless its type is optional; the one that orders the stream is always required.
A record is null when all its attributes are; a null record that is required rejects the row.

Invariant: ``len(decoded.batch) + len(decoded.rejected) == rows``; rows keep their order; row ``i`` has ``seq``
``first_row + i`` whether it is accepted or not.
Cost: see `cep.io.columns`; rows that are all good are never copied.
Tested by: tests/io/test_convert.py
"""

from __future__ import annotations

import difflib
import itertools
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cep.io.cells import DTYPES, Cells, nulls
from cep.io.columns import cells_of_array, cells_of_objects
from cep.io.exported import ExportedTables, exported_tables
from cep.io.single import Field, compile_row_reader
from cep.io.values import plain, shown
from cep.io.whole import PLAIN_LOOKS, Looks, read_times, reader_of_column
from cep.model.batch import BoolArray, Column, EventBatch, arrived
from cep.model.errors import InputError
from cep.model.late import Late
from cep.model.later import Ahead
from cep.model.schema import Attribute, Schema, rejected_schema
from cep.model.single import events_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    import pyarrow.compute as pc

    from cep.io.single import RowReader
    from cep.io.whole import Reader
    from cep.model.types import Type
else:
    pa = Late("pyarrow")
    pc = Late("pyarrow.compute")

__all__ = ["BLOCK_ROWS", "Decoded", "Decoder", "Failure", "Objects", "Table", "rejected_schema", "table_of"]

BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Objects:
    """Rows as lists of Python objects, one list an attribute (records aside)."""

    columns: Mapping[str, list[object]]
    rows: int


if TYPE_CHECKING:
    Table: TypeAlias = pa.RecordBatch | pa.Table | Sequence[object] | Objects
_SOME, _LONG = 2, 8192
"""The compiled way to read tables is loaded for the second of a schema, or for one of so many rows: to load it takes
longer than a short one does."""
_Whole: TypeAlias = "tuple[str, int, Type, bool, Reader]"
"""How to read an attribute: its name, its column's place, its type, whether it is required, what reads it."""
Failure = tuple[str | None, str, str | None]
"""Attribute (None: the whole row), reason, value as text."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What ``rows`` rows of input became: events, and rejects (None when every row is an event)."""

    batch: EventBatch
    rejected: EventBatch | None
    rows: int


class Decoder:
    """Reads rows of one stream; ``mapping`` gives the input column of an attribute, before the schema's own word.

    ``looks`` are how whole columns are looked at, and ``ahead`` says what is wanted of those that are all looked at at
    once.
    """

    def __init__(
        self,
        schema: Schema,
        mapping: Mapping[str, str] | None = None,
        looks: Looks = PLAIN_LOOKS,
        ahead: Ahead | None = None,
    ) -> None:
        self.schema = schema
        self._looks = looks
        self._attributes = tuple(a for a in schema.attributes if a.type.is_held)
        self._rejects = rejected_schema(schema.name)
        names = {a.name: a for a in self._attributes}
        mapping = mapping or {}
        for name in mapping:
            if name not in schema.by_name:
                near = difflib.get_close_matches(name, schema.names, 1)
                msg = f"{schema.name} has no field {name} to map"
                raise InputError(msg, stream=schema.name, hint=f"did you mean {near[0]}?" if near else None)
        for a in self._attributes:
            _check_zone(schema, a)
        self._parent: dict[str, str] = {}
        self._columns: dict[str, str] = {}
        for a in self._attributes:
            prefix = a.name.rpartition(".")[0]
            if prefix in names and names[prefix].type.kind == "record":
                self._parent[a.name] = prefix
            moved = prefix in mapping or (prefix in self._columns and self._columns[prefix] != names[prefix].column)
            if a.name in mapping:
                self._columns[a.name] = mapping[a.name]
            elif a.name in self._parent and moved:
                self._columns[a.name] = f"{self._columns[prefix]}.{a.name.rpartition('.')[2]}"
            else:
                self._columns[a.name] = a.column
        self._places: tuple[pa.Schema, dict[str, int]] | None = None
        self._whole: tuple[pa.Schema, tuple[_Whole, ...] | None] | None = None  # of the last table's schema
        self._ahead = ahead or Ahead()
        self._exported: ExportedTables | None = None  # how to take tables of that schema, once some have come
        self._taken = 0  # how many have been read another way
        self._tried = False
        self._flat = not self._parent and not any(a.type.kind == "record" for a in self._attributes)
        self._readers = [
            (a.name, self._columns[a.name], a.type, self._is_required(a))
            for a in self._attributes
            if a.type.kind != "record"
        ]

    @property
    def flat(self) -> bool:
        """Whether the schema has no records."""
        return self._flat

    @property
    def columns(self) -> dict[str, str]:
        """Attribute (records aside) to input column."""
        return {name: column for name, column, *_ in self._readers}

    def _is_required(self, attribute: Attribute) -> bool:
        return not attribute.type.optional or attribute.name == self.schema.time

    def decode(
        self, table: Table, first_row: int = 0, first_reject: int = 0, failed: Mapping[int, Failure] | None = None
    ) -> Decoded:
        """The events of ``table`` (Arrow, or a sequence of dicts); ``failed`` are rows known to be bad.

        InputError when a required column is missing, or has a type of which no value could be read.
        """
        if isinstance(table, Objects):
            cells = {name: cells_of_objects(table.columns[name], kind) for name, _, kind, _ in self._readers}
            return self._assemble(cells, table.rows, first_row, first_reject, dict(failed or {}))
        if not isinstance(table, pa.RecordBatch | pa.Table):
            return self.decode_rows(table, first_row, first_reject, failed)
        rows = table.num_rows
        whole = None if failed else self.decode_whole(table, first_row)
        if whole is not None:
            return whole
        cells = {}
        missing: list[Attribute] = []
        for attribute in self._attributes:
            if attribute.type.kind == "record":
                continue
            array = self._find(table, self._columns[attribute.name])
            if array is None:
                missing.append(attribute)
                cells[attribute.name] = nulls(attribute.type, rows)
                continue
            try:
                cells[attribute.name] = cells_of_array(array, attribute.type)
            except InputError as error:
                where = f"{self.schema.name}.{attribute.name}"
                column = self._columns[attribute.name]
                msg = f"column {column}, read as {where}: {error.message}"
                raise InputError(msg, stream=self.schema.name, column=column, hint=error.hint) from None
        if missing:
            self._require_columns(missing, {a.name for a in self._attributes} - {a.name for a in missing}, table)
        return self._assemble(cells, rows, first_row, first_reject, dict(failed or {}))

    def decode_whole(self, table: object, first_row: int) -> Decoded | None:
        """The events of an Arrow record batch, one block long, of which no value needs a closer look; else None."""
        if not isinstance(table, pa.RecordBatch):
            return None
        if self._exported is not None:
            batch = self._exported.read(table, self.schema, first_row)
            if batch is not None:
                return Decoded(batch, None, len(batch))
        if table.num_rows > BLOCK_ROWS:
            return None
        schema = table.schema
        if self._whole is None or not self._whole[0].equals(schema):
            self._whole = (schema, self._whole_readers(schema))
            self._exported, self._taken, self._tried = None, 0, False
        readers = self._whole[1]
        if readers is None:
            return None
        if self._may_export(schema, readers, table):
            return self.decode_whole(table, first_row)
        arrays, columns, ends, time = table.columns, dict[str, Column](), None, self.schema.time
        for name, place, kind, required, read in readers:
            array = arrays[place]
            if name == time:
                times = read_times(array, kind, self._looks)
                if times is not None:
                    columns[name], ends = times
                    continue
            column = read(array)
            if column is None or (required and column.valid is not None):
                return None
            columns[name] = column
        return Decoded(arrived(self.schema, columns, first_row, ends), None, table.num_rows)

    def _may_export(self, schema: pa.Schema, readers: tuple[_Whole, ...], table: pa.RecordBatch) -> bool:
        """Whether a table may be taken as `cep.io.exported` does now: the first long one of a schema, or the second,
        and any whose dictionaries were not known before.
        """
        self._taken += 1
        look, time = self._looks.at_exported, self.schema.time
        made = False
        if not self._tried and (self._taken >= _SOME or table.num_rows >= _LONG) and look is not None:
            assert time is not None, "who has no times has no readers"
            self._tried, made = True, True
            self._exported = exported_tables(schema, readers, time, look, BLOCK_ROWS, self._ahead)
        return self._exported is not None and (self._exported.learn(table) or made)

    def _whole_readers(self, schema: pa.Schema) -> tuple[_Whole, ...] | None:
        """How to read each attribute from tables of a schema; None when some column is not to be found at one place."""
        places = self._known_places(schema)
        if not self._flat or self.schema.time is None or not places.keys() >= set(self.columns.values()):
            return None
        return tuple(
            (
                name,
                places[column],
                kind,
                required,
                reader_of_column(schema.field(places[column]).type, kind, self._looks),
            )
            for name, column, kind, required in self._readers
        )

    def decode_rows(
        self,
        rows: Sequence[object],
        first_row: int = 0,
        first_reject: int = 0,
        failed: Mapping[int, Failure] | None = None,
    ) -> Decoded:
        """The events of ``rows``, which should be dicts; whatever cannot be read is rejected, never raised."""
        if len(rows) == 1 and not failed and self.row_reader is not None and self.schema.time is not None:
            read = self.row_reader(rows[0])
            if read is not None:
                time = read[self.places[self.schema.time][0]]
                return Decoded(events_at(self.schema, self.places, (read,), time, first_row), None, 1)
        failed = dict(failed or {})
        lawful: list[Mapping[str, object]] = []
        for i, row in enumerate(rows):
            if isinstance(row, Mapping):
                lawful.append(row)
            else:
                lawful.append({})
                failed.setdefault(i, (None, f"an event is an object with fields, not {_kind_of(row)}", plain(row)))
        columns: dict[str, list[object]] = {}
        for attribute in self._attributes:
            name = attribute.name
            values = _gather(lawful, self._columns[name])
            if attribute.type.kind == "record":
                for i, value in enumerate(values):
                    if value is not None and not isinstance(value, Mapping):
                        failed.setdefault(i, (name, f"{shown(value)} is not a record", plain(value)))
            else:
                columns[name] = values
        return self.decode(Objects(columns, len(rows)), first_row, first_reject, failed)

    @cached_property
    def row_reader(self) -> RowReader | None:
        """What reads one good row to the values of its `fields`; None where the schema has records."""
        return compile_row_reader(self.fields) if self._flat else None

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The attributes that rows are read to, records aside."""
        return tuple(Field(*reader) for reader in self._readers)

    @cached_property
    def places(self) -> dict[str, tuple[int, Type]]:
        """Where the value of each of them stands, and its type."""
        return {field.name: (place, field.type) for place, field in enumerate(self.fields)}

    # ------------------------------------------------------------------------------------------------- assembly

    def _assemble(
        self, cells: dict[str, Cells], rows: int, first_row: int, first_reject: int, failed: dict[int, Failure]
    ) -> Decoded:
        presence = self._presence(cells, rows)
        for attribute in self._attributes:
            for i, (reason, value) in self._failures(attribute, cells, presence):
                failed.setdefault(i, (attribute.name, reason, value))
        keep: BoolArray | None = None
        if failed:
            keep = np.ones(rows, np.bool_)
            keep[list(failed)] = False
        columns = {a.name: self._column(a, cells, presence, keep) for a in self._attributes}
        time = self.schema.time
        if time is not None and keep is None:
            batch = arrived(self.schema, columns, first_row)
        else:
            seq = np.arange(first_row, first_row + rows, dtype=np.int64)
            seq = seq if keep is None else seq[keep]
            batch = EventBatch(self.schema, np.zeros_like(seq) if time is None else columns[time].values, seq, columns)
        rejected = self._rejected(failed, first_row, first_reject) if failed else None
        assert len(batch) + (len(rejected) if rejected is not None else 0) == rows, "a row is an event or a reject"
        return Decoded(batch, rejected, rows)

    def _presence(self, cells: dict[str, Cells], rows: int) -> dict[str, BoolArray]:
        """Which rows hold each record: those that hold any attribute of it."""
        parents = set(self._parent.values())
        presence: dict[str, BoolArray] = {  # of a record without attributes nobody can say that it is missing
            a.name: np.full(rows, a.name not in parents) for a in self._attributes if a.type.kind == "record"
        }
        for attribute in reversed(self._attributes):
            parent = self._parent.get(attribute.name)
            if parent is not None:
                name = attribute.name
                presence[parent] |= presence[name] if attribute.type.kind == "record" else cells[name].present
        return presence

    def _failures(
        self, attribute: Attribute, cells: dict[str, Cells], presence: dict[str, BoolArray]
    ) -> Iterator[tuple[int, tuple[str, str | None]]]:
        name, parent = attribute.name, self._parent.get(attribute.name)
        is_record = attribute.type.kind == "record"
        bad = {} if is_record else cells[name].bad
        yield from bad.items()
        valid = presence[name] if is_record else cells[name].valid
        if valid is None:
            return
        absent: BoolArray | None = None
        if self._is_required(attribute):
            absent = ~valid
        elif attribute.with_record and parent is not None:
            absent = ~valid & presence[parent]
        if absent is None:
            return
        for i in np.flatnonzero(absent).tolist():
            if i not in bad:
                yield i, (f"{name} is missing", None)

    def _column(
        self, attribute: Attribute, cells: dict[str, Cells], presence: dict[str, BoolArray], keep: BoolArray | None
    ) -> Column:
        if attribute.type.kind == "record":
            valid = presence[attribute.name]
            valid = valid if keep is None else valid[keep]
            return Column(attribute.type, np.ones(valid.size, np.bool_), None if bool(valid.all()) else valid)
        these = cells[attribute.name]
        values, here = these.values, these.valid
        if keep is not None:
            values = values[keep]
            here = None if here is None else here[keep]
        if here is not None and bool(here.all()):
            here = None
        if values.dtype != DTYPES[attribute.type.kind] or these.factor != 1:
            return Column.of_raw(attribute.type, values, here, these.factor)
        return Column(attribute.type, values, here, these.text, these.lists)

    def _rejected(self, failed: dict[int, Failure], first_row: int, first_reject: int) -> EventBatch:
        order = sorted(failed)
        size = len(order)
        lists: dict[str, list[object]] = {
            "row": [first_row + i for i in order],
            "column": [failed[i][0] for i in order],
            # a reason may quote bytes that are no text
            "reason": [failed[i][1].encode("utf-8", "replace").decode("utf-8") for i in order],
            "value": [failed[i][2] for i in order],
        }
        columns = {}
        for a in self._rejects.attributes:
            these = cells_of_objects(lists[a.name], a.type)
            columns[a.name] = Column(a.type, these.values, these.valid, these.text)
        seq = np.arange(first_reject, first_reject + size, dtype=np.int64)
        return EventBatch(self._rejects, np.zeros(size, np.int64), seq, columns)

    # --------------------------------------------------------------------------------------------------- lookup

    def _known_places(self, schema: pa.Schema) -> dict[str, int]:
        """Where the columns that have one place stand; kept, because one table after the other has one schema."""
        if self._places is None or not schema.equals(self._places[0]):
            found = {column: schema.get_all_field_indices(column) for column in self.columns.values()}
            self._places = (schema, {column: places[0] for column, places in found.items() if len(places) == 1})
        return self._places[1]

    def _find(self, table: pa.RecordBatch | pa.Table, column: str) -> pa.Array | pa.ChunkedArray | None:
        """The column of that name, or the field of a struct column that the dotted name leads to."""
        place = self._known_places(table.schema).get(column)
        if place is not None:
            return table.column(place)
        places = table.schema.get_all_field_indices(column)
        if len(places) > 1:
            msg = f"two columns are named {column}"
            raise InputError(msg, stream=self.schema.name, column=column)
        if places:
            return table.column(places[0])
        parts = column.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            places = table.schema.get_all_field_indices(".".join(parts[:cut]))
            if len(places) == 1:
                array = table.column(places[0])
                for part in parts[cut:]:
                    if pa.types.is_null(array.type):
                        return array
                    if not pa.types.is_struct(array.type):
                        msg = f"column {'.'.join(parts[:cut])} is {array.type}, not a record"
                        raise InputError(msg, stream=self.schema.name, column=column)
                    if array.type.get_field_index(part) < 0:
                        return None
                    array = pc.struct_field(array, part)
                return array
        return None

    def check_columns(self, available: Sequence[str]) -> None:
        """InputError when a column that the stream requires is not among ``available`` (flat names)."""
        have = set(available)
        missing = [a for a in self._attributes if a.type.kind != "record" and self._columns[a.name] not in have]
        self._require(missing, {a.name for a in self._attributes} - {a.name for a in missing}, available)

    def _require_columns(self, missing: list[Attribute], found: set[str], table: pa.RecordBatch | pa.Table) -> None:
        self._require(missing, found, list(table.schema.names))

    def _require(self, missing: list[Attribute], found: set[str], available: Sequence[str]) -> None:
        for a in missing:
            parent = self._parent.get(a.name)
            beside = parent is not None and any(self._parent.get(f) == parent for f in found)
            if self._is_required(a) or (a.with_record and beside):
                raise self._missing_column(a, available)

    def _missing_column(self, attribute: Attribute, available: Sequence[str]) -> InputError:
        column, stream = self._columns[attribute.name], self.schema.name
        msg = f"{stream} needs a column {column}"
        if column != attribute.name:
            msg += f" for its field {attribute.name}"
        lower = {name.lower(): name for name in available}
        near = difflib.get_close_matches(column.lower(), lower, 1)
        place = f"--map {stream}.{attribute.name}=" + (lower[near[0]] if near else "COLUMN")
        listed = ", ".join(available[:12]) + (", …" if len(available) > 12 else "")
        hint = f"did you mean {lower[near[0]]}? " if near else f"the columns are {listed or 'none'}; "
        return InputError(msg, stream=stream, column=column, hint=f"{hint}{place} names the column to read")


def _check_zone(schema: Schema, attribute: Attribute) -> None:
    kind = attribute.type
    while kind.items:
        kind = kind.items[0]
    zone = kind.zone
    if zone is None:
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"{schema.name}.{attribute.name}: there is no time zone {zone} here"
        raise InputError(msg, stream=schema.name, column=attribute.column, hint="pip install tzdata") from None


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "a bool"
    if isinstance(value, int | float):
        return "a number"
    return "a list" if isinstance(value, list | tuple) else f"a value of type {type(value).__name__}"


def _gather(rows: Sequence[Mapping[str, object]], column: str) -> list[object]:
    """One value a row: under the whole name, else along its dots; None where there is none."""
    if "." not in column:
        return [row.get(column) for row in rows]
    head, *rest = column.split(".")
    out: list[object] = []
    for row in rows:
        if column in row:
            out.append(row[column])
            continue
        value: object = row.get(head)
        for part in rest:
            value = value.get(part) if isinstance(value, Mapping) else None
        out.append(value)
    return out


# --------------------------------------------------------------------------------------------------- tables in memory


def table_of(data: object) -> Iterator[Table]:
    """The blocks of a table in memory, each for `Decoder.decode`, of at most 65,536 rows.

    ``data`` is anything with the Arrow PyCapsule interface (polars, pandas, pyarrow, duckdb), a dict of columns (numpy
    arrays, lists), or an iterable of dicts, which is read lazily and may have no end.
    """
    if isinstance(data, pa.RecordBatch | pa.Table):
        return _slices(data)
    if hasattr(data, "__arrow_c_stream__"):
        return _stream(data)
    if hasattr(data, "__arrow_c_array__"):
        return _slices(_imported(lambda: pa.record_batch(data)))
    if isinstance(data, Mapping):
        return _columns_of_dict(data)
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        msg = f"{_kind_of(data)} is no table"
        raise InputError(msg, hint="give a data frame, a dict of columns, or an iterable of dicts")
    return _rows(data)


def _imported(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (pa.ArrowException, TypeError, ValueError) as error:
        msg = f"not a table: {error}"
        raise InputError(msg, hint="give a data frame, a dict of columns, or an iterable of dicts") from None


def _slices(table: pa.RecordBatch | pa.Table) -> Iterator[Table]:
    batches = table.to_batches(max_chunksize=BLOCK_ROWS) if isinstance(table, pa.Table) else [table]
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK_ROWS):
            yield batch.slice(start, BLOCK_ROWS)
    if table.num_rows == 0:
        yield table  # its columns are checked all the same


def _stream(data: object) -> Iterator[Table]:
    try:
        reader = pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if hasattr(data, "to_dict") and hasattr(data, "iloc"):  # a pandas frame with a column of mixed objects
            yield from _pandas_rows(data)
            return
        msg = f"not a table: {error}"
        raise InputError(msg) from None
    some = False
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            break
        except pa.ArrowException as error:
            raise InputError(str(error)) from None
        for part in _slices(batch) if batch.num_rows else ():
            some = True
            yield part
    if not some:
        yield reader.schema.empty_table()


def _pandas_rows(frame: Any) -> Iterator[Table]:
    for start in range(0, len(frame), BLOCK_ROWS):
        yield frame.iloc[start : start + BLOCK_ROWS].to_dict("records")


def _rows(data: Iterable[object]) -> Iterator[Table]:
    source = iter(data)
    while block := list(itertools.islice(source, BLOCK_ROWS)):
        yield block


def _columns_of_dict(data: Mapping[Any, Any]) -> Iterator[Table]:
    sizes: dict[str, int] = {}
    for name, values in data.items():
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            msg = f"column {name} is {_kind_of(values)}, not a column"
            raise InputError(msg, column=str(name), hint="for one event give a list of one dict")
        sizes[str(name)] = len(values)
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        msg = f"columns of unequal length: {told} rows"
        raise InputError(msg)
    arrays: dict[str, Any] = {}
    mixed = False
    for name, values in data.items():
        try:
            arrays[str(name)] = _array_of(str(name), values)
        except (pa.ArrowException, OverflowError, TypeError, ValueError, UnicodeEncodeError):
            mixed = True  # values of several types: each is read by itself, and what cannot be is rejected
            arrays[str(name)] = None
    if not mixed:
        yield from _slices(pa.table(arrays))
        return
    lists = {str(name): list(values) for name, values in data.items()}
    size = next(iter(sizes.values()))
    for start in range(0, size, BLOCK_ROWS):
        parts = [values[start : start + BLOCK_ROWS] for values in lists.values()]
        yield [dict(zip(lists, row, strict=True)) for row in zip(*parts, strict=True)]


def _array_of(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            msg = f"column {name} has {values.ndim} dimensions"
            raise InputError(msg, column=name, hint="a column is an array of one dimension")
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        if values.dtype.kind in "mM" and np.datetime_data(values.dtype)[0] not in ("s", "ms", "us", "ns", "D"):
            values = values.astype(f"{values.dtype.kind}8[s]")
        if values.dtype.kind == "m" and np.datetime_data(values.dtype)[0] == "D":
            values = values.astype("m8[s]")
        return pa.array(values)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    return pa.array(list(values))

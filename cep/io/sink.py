"""Sinks: derived events to a file or to standard output, by the ending.

JSON Lines is the default and what ``-`` means; also ``.csv`` (both also with ``.gz .bz2 .zst .lz4 .br``), ``.parquet``,
``.arrow``. An event is one object: its fields, then ``_type``, ``_time``, ``_rule``, ``_key``, ``_id``, and with
``lineage`` also ``_events``, a list of [stream, row].

In text, times are RFC 3339, durations words (``1 h 30 min``), decimals have exactly their scale's digits, floats the
fewest digits that give the same float; an infinite float is the text ``inf`` or ``-inf``. In CSV null is empty and an
empty string ``""``.

| | JSON Lines | CSV | Parquet, Arrow |
|---|---|---|---|
| a record | an object, or null | a column a field, with dotted names | the same |
| a list | an array | the JSON array, as text | a list |

All of it is read back as it was written.

CSV, Parquet and Arrow have one schema, the union of all derived types given when the file is opened.
Cost: columns are turned to text whole, strings once for each dictionary value; about 1 µs an event of six fields.
Tested by: tests/io/test_sink.py
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from cep.io.connectors.bytes import COMPRESSION
from cep.model.arrow import EVENTS, META, arrow_type
from cep.model.batch import Column, sliced
from cep.model.errors import OutputError
from cep.model.nested import fields_of, outermost
from cep.model.time import format_duration, format_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cep.model.batch import AnyArray, EventBatch, Provenance, Text
    from cep.model.decided import Decided, Piece
    from cep.model.schema import Schema
    from cep.model.types import Type

ROW_GROUP_ROWS = 65_536


class Sink(Protocol):
    """Where derived events go. OutputError when the world refuses them; a reader that went away is BrokenPipeError."""

    def write(self, decided: Decided) -> None:
        """Write the events of ``decided`` after those before, in its order."""

    def close(self) -> None:
        """Write what is still held and close; further calls do nothing."""


def open_sink(path: str, schemas: Sequence[Schema] = (), *, lineage: bool = False) -> Sink:
    """Open ``path`` for writing, emptied; ``schemas`` are all derived types, which JSON Lines does not need."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = COMPRESSION.get(suffixes[-1]) if suffixes else None
    ending = "" if path == "-" or not suffixes else suffixes[-1]
    if compression is not None:
        ending = suffixes[-2] if len(suffixes) > 1 else ""
    elif ending in (".parquet", ".arrow", ".feather", ".ipc"):
        schema = _arrow_schema(path, schemas, lineage)
        return ColumnarSink(path, ending, schema, lineage)
    if ending not in ("", ".csv", ".jsonl", ".ndjson", ".json"):
        what = f"{path}: what ends in {ending} is not written; name it .jsonl, .csv, .parquet or .arrow"
        raise OutputError(what)
    file = _Output(path, compression)
    return CsvSink(file, schemas, lineage) if ending == ".csv" else JsonLinesSink(file, lineage)


class _Output:
    """A file or standard output, whose refusals are told with its path."""

    def __init__(self, path: str, compression: str | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._compressed: Any = None
        if path == "-":
            self._file = cast("BinaryIO", sys.stdout.buffer)
            return
        try:
            self._file = Path(path).open("wb")  # noqa: SIM115  (closed by close)
            if compression is not None:
                self._compressed = pa.CompressedOutputStream(pa.PythonFile(self._file, "w"), compression)
        except OSError as error:
            raise refused(path, error) from None

    def write(self, data: bytes) -> None:
        assert self._file is not None, "written after it was closed"
        try:
            (self._compressed or self._file).write(data)
            if self._path == "-":
                self._file.flush()  # whoever reads a pipe wants the alert now
        except BrokenPipeError:
            raise
        except OSError as error:
            raise refused(self._path, error) from None

    def close(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            if self._compressed is not None:
                self._compressed.close()
            if self._path == "-":
                file.flush()
            else:
                file.close()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise refused(self._path, error) from None


def refused(path: str, error: BaseException) -> OutputError:
    """The error of an output that the system refuses."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()
    return OutputError(f"{'standard output' if path == '-' else path}: cannot be written: {reason}")


# ------------------------------------------------------------------------------------------------------------- text


class JsonLinesSink:
    """One JSON object a line."""

    def __init__(self, file: _Output, lineage: bool) -> None:
        self._file = file
        self._lineage = lineage

    def write(self, decided: Decided) -> None:
        """Write the events of ``decided`` after those before, in its order."""
        for piece in decided.pieces:
            self._file.write("".join(_in_order(piece, self._lines)).encode())

    def _lines(self, batch: EventBatch) -> Iterator[str]:
        columns = _texts(batch, _json_string, "null", self._lineage)
        template = "{" + ",".join(f'"{name}":%s' for name in columns) + "}\n"
        return map(template.__mod__, zip(*columns.values(), strict=True))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CsvSink:
    """A header, then one line an event; fields that its type does not have are empty."""

    def __init__(self, file: _Output, schemas: Sequence[Schema], lineage: bool) -> None:
        self._file = file
        self._lineage = lineage
        names = dict.fromkeys(a.name for schema in schemas for a in schema.attributes if _is_written(a.type))
        names |= dict.fromkeys(name for name, _ in META)
        if lineage:
            names["_events"] = None
        self._names = tuple(names)
        self._file.write((",".join(map(_csv_cell, self._names)) + "\n").encode())

    def write(self, decided: Decided) -> None:
        """Write the events of ``decided`` after those before, in its order."""
        for piece in decided.pieces:
            # a lone surrogate, which a rule may cut out of a string, has no UTF-8
            self._file.write(("\n".join(_in_order(piece, self._lines)) + "\n").encode("utf-8", "replace"))

    def _lines(self, batch: EventBatch) -> Iterator[str]:
        columns = _texts(batch, _csv_cell, "", self._lineage)
        assert columns.keys() <= set(self._names), "a type that was not among the schemas"
        empty = [""] * len(batch)
        return map(",".join, zip(*(columns.get(name, empty) for name in self._names), strict=True))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _in_order(piece: Piece, lines: Callable[[EventBatch], Iterator[str]]) -> Iterator[str]:
    """The lines of all types of a piece, in result order."""
    by_type = [lines(batch) for batch in piece.batches]
    if piece.types is None:
        return by_type[0]
    return (next(by_type[t]) for t in piece.types.tolist())


def _is_written(kind: Type) -> bool:
    return kind.kind != "record" and kind.is_held


def _json_string(text: str) -> str:
    try:
        return msgspec.json.encode(text).decode()
    except UnicodeEncodeError:  # a lone surrogate, which a rule may cut out of a string
        return json.dumps(text)


def _csv_cell(text: str) -> str:
    if text and not any(c in text for c in ',"\r\n'):
        return text
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


def _texts(batch: EventBatch, string: Callable[[str], str], null: str, lineage: bool) -> dict[str, list[str]]:
    """Each written column as texts, in order."""
    size, made = len(batch), batch.provenance
    is_json = string is _json_string
    if is_json:
        out = _json_columns(batch.columns)
    else:
        out = {n: _column_texts(c, string, null, is_json) for n, c in batch.columns.items() if _is_written(c.type)}
    out["_type"] = [string(batch.schema.name)] * size
    out["_time"] = _quoted(format_times(batch.ts), is_json)
    if made is None:
        out |= {name: [null] * size for name in ("_rule", "_key", "_id")}
    else:
        rules = [string(rule) for rule in made.rules]
        out["_rule"] = [rules[r] for r in made.rule.tolist()]
        out["_key"] = _column_texts(made.key, string, null, is_json)
        digits = made.ids.astype(">u8").tobytes().hex()
        out["_id"] = _quoted([digits[i : i + 32] for i in range(0, len(digits), 32)], is_json)
    if lineage:
        events = ["[]"] * size if made is None else _events(made)
        out["_events"] = events if is_json else [string(text) for text in events]
    return out


def _json_columns(columns: Mapping[str, Column]) -> dict[str, list[str]]:
    """Each column that stands in no record as JSON, records as objects."""
    out = {}
    for name, members in outermost(columns).items():
        column = columns[name]
        if members is None:
            out[name] = _column_texts(column, _json_string, "null", True)
            continue
        inner = _json_columns(fields_of(name, columns, members))
        template = "{" + ",".join(f'"{field}":%s' for field in inner) + "}"
        texts = list(map(template.__mod__, zip(*inner.values(), strict=True))) if inner else ["{}"] * len(column)
        out[name] = _or_null(texts, column, "null")
    return out


def _quoted(texts: list[str], is_json: bool) -> list[str]:
    return [f'"{text}"' for text in texts] if is_json else texts


def _events(made: Provenance) -> list[str]:
    names = [_json_string(stream) for stream in made.streams]
    pairs = [f"[{names[s]},{n}]" for s, n in zip(made.stream.tolist(), made.number.tolist(), strict=True)]
    at = made.offsets.tolist()
    return [f"[{','.join(pairs[a:b])}]" for a, b in itertools.pairwise(at)]


def _column_texts(column: Column, string: Callable[[str], str], null: str, is_json: bool) -> list[str]:
    kind, values = column.type.kind, column.values
    if column.text is not None:
        used, codes = _used(column.text, values)
        words = [string(word) for word in used]
        out = [words[c] for c in codes]
    elif column.lists is not None:
        inner = sliced(column.lists, values, lambda items: _column_texts(items, _json_string, "null", True))
        arrays = [f"[{','.join(texts)}]" for texts in inner]
        out = arrays if is_json else [string(text) for text in arrays]
    elif kind == "time":
        out = _quoted(format_times(values if column.valid is None else np.where(column.valid, values, 0)), is_json)
    elif kind == "duration":
        distinct, places = np.unique(values, return_inverse=True)
        words = _quoted([format_duration(d) for d in distinct.tolist()], is_json)
        out = [words[p] for p in places.tolist()]
    elif kind == "decimal":
        out = _decimal_texts(values.tolist(), column.type.scale)
    elif kind == "bool":
        out = ["true" if v else "false" for v in values.tolist()]
    elif kind == "float":
        out = list(map(repr, values.tolist()))
        if not np.isfinite(values).all():
            out = _quote_infinite(out, is_json)
    else:
        out = list(map(str, values.tolist()))
    return _or_null(out, column, null)


def _or_null(texts: list[str], column: Column, null: str) -> list[str]:
    if column.valid is None:
        return texts
    return [text if ok else null for text, ok in zip(texts, column.valid.tolist(), strict=True)]


def _used(text: Text, codes: AnyArray) -> tuple[Iterable[str], list[int]]:
    """The strings that occur, or all when those are not many more, and each row's place among them."""
    if len(text) == 0:
        return [""], [0] * codes.size
    if len(text) <= 2 * codes.size + 64:
        return text.strings, codes.tolist()
    used, places = np.unique(codes, return_inverse=True)
    raw, at = text.data, text.offsets
    words = [raw[at[c] : at[c + 1]].tobytes().decode("utf-8", "surrogatepass") for c in used.tolist()]
    return words, places.tolist()


def _decimal_texts(counts: list[int], scale: int) -> list[str]:
    if scale == 0:
        return list(map(str, counts))
    unit = 10**scale
    return [f"{c // unit}.{c % unit:0{scale}d}" if c >= 0 else f"-{-c // unit}.{-c % unit:0{scale}d}" for c in counts]


def _quote_infinite(texts: list[str], is_json: bool) -> list[str]:
    odd = {"inf": '"inf"', "-inf": '"-inf"', "nan": "null"} if is_json else {"nan": ""}
    return [odd.get(text, text) for text in texts]


# --------------------------------------------------------------------------------------------------------- columnar


class ColumnarSink:
    """Parquet, or an Arrow file; events are held until a row group is full."""

    def __init__(self, path: str, ending: str, schema: pa.Schema, lineage: bool) -> None:
        self._path = path
        self._schema = schema
        self._lineage = lineage
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer: Any = None
        try:
            self._file = pa.OSFile(path, "wb")
            if ending == ".parquet":
                self._writer = pa_parquet.ParquetWriter(self._file, schema)
            else:
                self._writer = pa.ipc.new_file(self._file, schema)
        except (OSError, pa.ArrowException) as error:
            raise refused(path, _plain_reason(error)) from None

    def write(self, decided: Decided) -> None:
        """Write the events of ``decided`` after those before, in its order."""
        for piece in decided.pieces:
            table = pa.Table.from_batches([self._batch(b) for b in piece.batches], self._schema)
            if piece.types is not None:
                # event k of type t stands in the table behind all of the types before it
                places = np.argsort(np.argsort(piece.types, kind="stable"), kind="stable")
                table = table.take(pa.array(places))
            self._held += table.to_batches()
            self._rows += len(piece)
        if self._rows >= ROW_GROUP_ROWS:
            self._flush()

    def _batch(self, batch: EventBatch) -> pa.RecordBatch:
        have = batch.to_arrow(lineage=self._lineage)
        arrays = [
            have.column(field.name).cast(field.type)
            if field.name in have.schema.names
            else pa.nulls(len(batch), field.type)
            for field in self._schema
        ]
        return pa.record_batch(arrays, schema=self._schema)

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._held, self._schema).combine_chunks()
        self._held, self._rows = [], 0
        try:
            self._writer.write_table(table)
        except (OSError, pa.ArrowException) as error:
            raise refused(self._path, _plain_reason(error)) from None

    def close(self) -> None:
        """Write what is still held and close; further calls do nothing."""
        if self._writer is None:
            return
        writer = self._writer
        try:
            if self._held:
                self._flush()
            self._writer = None
            writer.close()
            self._file.close()
        except (OSError, pa.ArrowException) as error:
            raise refused(self._path, _plain_reason(error)) from None


def _plain_reason(error: BaseException) -> BaseException:
    """The error, with Arrow's ``[errno 28] …`` as the system says it."""
    number = getattr(error, "errno", None)
    if isinstance(error, OSError) and number:
        return OSError(number, os.strerror(number))
    return error


def _arrow_schema(path: str, schemas: Sequence[Schema], lineage: bool) -> pa.Schema:
    fields: dict[str, tuple[Type, str]] = {}
    for schema in schemas:
        for a in schema.attributes:
            if not _is_written(a.type):
                continue
            before = fields.setdefault(a.name, (a.type, schema.name))
            if arrow_type(before[0]) != arrow_type(a.type):
                one, other = before[0].as_optional(False), a.type.as_optional(False)
                msg = (
                    f"{path}: {a.name} is {one} in {before[1]} and {other} in {schema.name}, "
                    "and a file of this kind has one type a column; write to a .jsonl file"
                )
                raise OutputError(msg)
    columns = [pa.field(name, arrow_type(kind)) for name, (kind, _) in fields.items()]
    columns += [pa.field(name, arrow_type(kind)) for name, kind in META]
    if lineage:
        columns.append(pa.field("_events", EVENTS))
    return pa.schema(columns)

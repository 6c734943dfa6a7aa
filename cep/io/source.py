"""Sources: a file, or standard input, as blocks of decoded events in file order.

A block holds, for each stream, what its rows in a stretch of the file became. Several streams come from one file by a
type column, whose value names the stream; rows of no declared stream are counted. Row numbers run a stream. How a file
is cut into blocks changes neither events nor rejects.

A file is read ahead: a thread reads and decodes the next blocks while the one at hand is worked on (`cep.io.ahead`).
What may wait for somebody who still writes, a pipe, is not: its blocks come as soon as they are there, and waiting for
it is the main thread's, which a signal can interrupt.

The ending says the format: ``.csv``, ``.jsonl`` or ``.ndjson`` (both also with ``.gz .bz2 .zst .lz4 .br``),
``.parquet``, ``.arrow``, ``.feather`` or ``.ipc``; ``-`` is JSON Lines on standard input.
Tested by: tests/io/test_source.py
"""

from __future__ import annotations

import difflib
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cep.io.ahead import ReadAhead
from cep.io.connectors import arrow, csv, jsonl, parquet
from cep.io.connectors.bytes import COMPRESSION, open_bytes
from cep.io.convert import BLOCK_ROWS, Decoded, Decoder, Failure, Objects
from cep.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from cep.io.connectors.bytes import Raw
    from cep.io.convert import Table
    from cep.model.batch import Int64Array
    from cep.model.schema import Schema

BLOCK_BYTES = 4 << 20

NO_TYPE = "(no type)"
MALFORMED = "(malformed line)"


@dataclass(frozen=True, slots=True)
class Block:
    """What a stretch of a file became: ``streams`` by name (none without rows), ``other`` rows by their type's value.

    In ``other``, ``(no type)`` counts rows whose type is null, ``(malformed line)`` lines in which no type can be seen.
    """

    streams: dict[str, Decoded]
    other: dict[str, int] = field(default_factory=dict)


class Connector(Protocol):
    """A format's reader: raw blocks in file order, and how far it is (0 to 1, None when that is unknown)."""

    def __iter__(self) -> Iterator[Raw]: ...

    @property
    def progress(self) -> float | None:
        """How much is read."""

    def close(self) -> None:
        """Let go of the file."""


class Source:
    """An open input: iterate it once for its blocks, read ahead unless it is ``live``."""

    def __init__(
        self, path: str, connector: Connector, decoders: Sequence[Decoder], type_column: str | None, *, live: bool
    ) -> None:
        self.path = path
        self._connector = connector
        self._progress = connector.progress
        self._is_live = live
        self._ahead: ReadAhead[tuple[Block, float | None]] | None = None
        self._decoders = {decoder.schema.name: decoder for decoder in decoders}
        self._type_column = type_column
        self._rows = dict.fromkeys(self._decoders, 0)
        self._rejects = dict.fromkeys(self._decoders, 0)

    @property
    def progress(self) -> float | None:
        """How much of the input is read, 0 to 1; None when its length is unknown."""
        return self._progress

    def close(self) -> None:
        """Let go of the file, once the block that is being read ahead is done."""
        if self._ahead is not None:
            self._ahead.close()
        self._connector.close()

    def __iter__(self) -> Iterator[Block]:
        blocks = self._read()
        if not self._is_live:
            self._ahead = ReadAhead(blocks)
        try:
            for block, progress in self._ahead or blocks:
                self._progress = progress
                yield block
            self._progress = self._connector.progress
        except InputError as error:
            raise _placed(error, self.path) from None
        finally:
            self.close()

    def _read(self) -> Generator[tuple[Block, float | None], None, None]:
        """The blocks, and how much is read with each."""
        for raw in self._connector:
            for data, failed in _parts(raw.data, raw.failed):
                yield self._block(data, failed), self._connector.progress

    def _block(self, data: Table, failed: dict[int, Failure]) -> Block:
        if self._type_column is None:
            (name,) = self._decoders
            return Block({name: self._decode(name, data, failed)})
        routes = _types_of(data, self._type_column)
        streams: dict[str, Decoded] = {}
        other: Counter[str] = Counter()
        for kind, rows in routes.items():
            if kind in self._decoders:
                place = {int(row): i for i, row in enumerate(rows)} if failed else {}
                theirs = {place[row]: failure for row, failure in failed.items() if row in place}
                streams[kind] = self._decode(kind, _rows_of(data, rows), theirs)
            elif kind is None:
                unseen = sum(int(row) in failed for row in rows) if failed else 0
                other[MALFORMED] += unseen
                other[NO_TYPE] += len(rows) - unseen
            else:
                other[kind] += len(rows)
        order = [name for name in self._decoders if name in streams]
        return Block({name: streams[name] for name in order}, {k: n for k, n in other.items() if n})

    def _decode(self, name: str, data: Table, failed: dict[int, Failure]) -> Decoded:
        decoded = self._decoders[name].decode(data, self._rows[name], self._rejects[name], failed)
        self._rows[name] += decoded.rows
        if decoded.rejected is not None:
            self._rejects[name] += len(decoded.rejected)
        return decoded


def open_source(
    path: str,
    schemas: Sequence[Schema],
    *,
    type_column: str | None = None,
    mapping: Mapping[str, Mapping[str, str]] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Source:
    """Open ``path`` for the streams of ``schemas``; ``mapping`` is stream → field → column.

    InputError when it cannot be read, or lacks a column that a stream requires; a file damaged further on raises it
    from the iteration. UsageError when there are several streams and no type column.
    """
    if len(schemas) != 1 and type_column is None:
        msg = f"{path} is to feed {len(schemas)} streams; say with --type-column which column names the stream of a row"
        raise UsageError(msg)
    decoders = [Decoder(schema, (mapping or {}).get(schema.name)) for schema in schemas]
    try:
        connector = _connect(path, decoders, type_column, block_bytes)
        return Source(path, connector, decoders, type_column, live=not _is_regular(path))
    except InputError as error:
        raise _placed(error, path) from None


def _connect(path: str, decoders: Sequence[Decoder], type_column: str | None, block_bytes: int) -> Connector:
    typed = decoders[0] if type_column is None else None
    if path == "-":
        return jsonl.JsonLines(open_bytes("-", None), typed, block_bytes)
    ending, compression = ending_of(path)
    check_readable(path)
    if ending == ".csv":
        return csv.Csv(open_bytes(path, compression), decoders, type_column, block_bytes)
    if ending in (".jsonl", ".ndjson"):
        return jsonl.JsonLines(open_bytes(path, compression), typed, block_bytes)
    if compression is None and ending == ".parquet":
        return parquet.Parquet(path, decoders, type_column)
    if compression is None and ending in (".arrow", ".feather", ".ipc"):
        return arrow.ArrowFile(path, decoders, type_column)
    msg = f"the ending {''.join(Path(path).suffixes[-2:]) or 'of this name'} is none that can be read"
    hint = "endings are .csv, .jsonl, .ndjson (also with .gz .bz2 .zst .lz4 .br), .parquet, .arrow, .feather, .ipc"
    raise InputError(msg, hint=f"{hint}; - is standard input")


def _is_regular(path: str) -> bool:
    return path != "-" and stat.S_ISREG(Path(path).stat().st_mode)


def ending_of(path: str) -> tuple[str, str | None]:
    """The ending that says the format, and the compression that a further one says: ``(".csv", "gzip")``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSION:
        return (suffixes[-2] if len(suffixes) > 1 else ""), COMPRESSION[suffixes[-1]]
    return (suffixes[-1] if suffixes else ""), None


def check_readable(path: str) -> None:
    """InputError when there is no file at ``path``, with the nearest name as a hint."""
    where = Path(path)
    if where.is_dir():
        msg = "is a folder, not a file"
        raise InputError(msg)
    if not where.exists():
        near = ""
        if where.parent.is_dir():
            names = [p.name for p in where.parent.iterdir()]
            near = next(iter(difflib.get_close_matches(where.name, names, 1)), "")
        msg = "there is no such file"
        raise InputError(msg, hint=f"did you mean {where.parent / near}?" if near else None)


def _placed(error: InputError, path: str) -> InputError:
    shown = "standard input" if path == "-" else path
    return InputError(
        error.message,
        path=error.path or shown,
        stream=error.stream,
        column=error.column,
        row=error.row,
        hint=error.hint,
    )


# ------------------------------------------------------------------------------------------------------------- rows


def _size(data: Table) -> int:
    if isinstance(data, Objects):
        return data.rows
    return data.num_rows if isinstance(data, pa.RecordBatch | pa.Table) else len(data)


def _parts(data: Table, failed: dict[int, Failure]) -> Iterator[tuple[Table, dict[int, Failure]]]:
    """The block in even parts of at most 65,536 rows."""
    size = _size(data)
    count = -(-size // BLOCK_ROWS)
    if count <= 1:
        yield data, failed
        return
    for i in range(count):
        start, end = size * i // count, size * (i + 1) // count
        part = {row - start: failure for row, failure in failed.items() if start <= row < end}
        if isinstance(data, Objects):
            yield Objects({name: values[start:end] for name, values in data.columns.items()}, end - start), part
        elif isinstance(data, pa.RecordBatch | pa.Table):
            yield data.slice(start, end - start), part
        else:
            yield data[start:end], part


def _types_of(data: Table, column: str) -> dict[str | None, Int64Array]:
    """Row numbers by the value of the type column, in order of first appearance."""
    if isinstance(data, pa.RecordBatch | pa.Table):
        kinds = data.column(column)
        if isinstance(kinds, pa.ChunkedArray):
            kinds = kinds.combine_chunks()
        if not pa.types.is_dictionary(kinds.type):
            kinds = kinds.cast(pa.string()).dictionary_encode()
        names = [None if name is None else str(name) for name in kinds.dictionary.to_pylist()]
        codes = pc.fill_null(kinds.indices, -1).to_numpy(zero_copy_only=False)
        found = {(names[code] if code >= 0 else None): np.flatnonzero(codes == code) for code in np.unique(codes)}
        return {name: rows for name, rows in found.items() if rows.size}
    assert not isinstance(data, Objects), "typed rows are of one stream"
    lists: dict[str | None, list[int]] = {}
    for i, row in enumerate(data):
        value = row.get(column) if isinstance(row, dict) else None
        lists.setdefault(value if value is None or isinstance(value, str) else str(value), []).append(i)
    return {name: np.array(rows, np.int64) for name, rows in lists.items()}


def _rows_of(data: Table, rows: Int64Array) -> Table:
    if isinstance(data, pa.RecordBatch | pa.Table):
        return data if rows.size == data.num_rows else data.take(pa.array(rows))
    assert not isinstance(data, Objects), "typed rows are of one stream"
    return [data[i] for i in rows.tolist()]

"""CSV: comma-separated text with a header line, RFC 4180.

Arrow's reader splits a block into columns of text, which `cep.io.columns` reads as the declared types: text has one
meaning, whichever file or table it comes from. Columns of int, float and time with a unit are asked of Arrow as numbers
at once, which spares their text; what it gives is taken when every value is surely one that its text would have given,
else the block is read as text. Only empty text is null. A block that Arrow refuses (a line with too few or too many
fields, bytes that are no UTF-8) is split again here, record by record, by the same rules, so that only the bad records
are rejected.

A quote opens a field only at its start. Blank lines are no rows. A quote that is not closed before the end of the file,
or in a record of more than 1 MiB (so that memory is bounded, and a damaged line does not swallow the file), makes its
line malformed; reading goes on with the next line.
References: RFC 4180.
Tested by: tests/io/test_csv.py, tests/io/test_source.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from cep.io.connectors.bytes import Raw
from cep.io.values import plain
from cep.model.errors import InputError
from cep.model.time import MIN_TIME, NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.io.connectors.bytes import ByteStream
    from cep.io.convert import Decoder, Failure
    from cep.model.batch import Int64Array

RECORD_BYTES_MAX = 1 << 20
_AS_TEXT_MAX = 31
_THREADS_BYTES = 1 << 18

# a record up to its line end, or up to a quote that is never closed; possessive, so that the time is linear
_RECORD = re.compile(rb'(?:[^",\r\n][^,\r\n]*+|"(?:[^"]++|"")*+"[^,\r\n]*+|,)*+')
_FIELD = re.compile(rb'"((?:[^"]++|"")*+)"([^,\r\n]*+)|([^,\r\n]*+)')
_LINE_END = re.compile(rb"\r\n|\n|\r")

Record = tuple[int, int, bool]
"""Start, end without the line end, whether it is whole (False: an open quote, cut at the first line end)."""


class Csv:
    """Blocks of a CSV file; the header is read when it is opened."""

    def __init__(
        self, stream: ByteStream, decoders: Sequence[Decoder], type_column: str | None, block_bytes: int
    ) -> None:
        self._stream = stream
        self._block_bytes = block_bytes
        self._rest = b""
        self._ended = False
        self._header = self._read_header()
        for decoder in decoders:
            decoder.check_columns(self._header)
        if type_column is not None and type_column not in self._header:
            msg = f"there is no column {type_column} to name the stream of a row"
            raise InputError(msg, column=type_column, hint=f"the columns are {', '.join(self._header[:12])}")
        wanted = {column for decoder in decoders for column in decoder.columns.values()} | {type_column}
        self._wanted = [i for i, name in enumerate(self._header) if name in wanted]
        self._places = [str(i) for i in range(len(self._header))]
        self._numbers = {
            str(i): kinds for i in self._wanted if (kinds := _numbers(self._header[i], decoders, type_column))
        }
        self._refused = 0  # so many blocks were read as text since numbers were refused last, doubled each time
        self._as_text = 0  # so many blocks to come are
        texts: dict[str, pa.DataType] = {str(i): pa.string() for i in self._wanted}
        self._text_options = self._options_of(texts)
        self._number_options = self._options_of({**texts, **{name: kind for name, (kind, _) in self._numbers.items()}})

    @property
    def progress(self) -> float | None:
        """The part of the file that is read."""
        return self._stream.progress

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _options_of(self, types: dict[str, pa.DataType]) -> pa_csv.ConvertOptions:
        return pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )

    def _read_header(self) -> list[str]:
        first = True
        while True:
            self._more()
            if first and self._rest:
                first = False
                if self._rest[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    msg = "is UTF-16, not UTF-8"
                    raise InputError(msg, hint="save it as UTF-8")
                self._rest = self._rest.removeprefix(b"\xef\xbb\xbf")
            for start, end, whole in records(self._rest, self._ended):
                if start == end:
                    continue
                names = self._names(self._rest[start:end], whole)
                self._rest = self._rest[end:]
                return names
            if self._ended:
                msg = "is empty: there is no header line"
                raise InputError(msg, hint="the first line of a CSV file names its columns")

    def _names(self, record: bytes, whole: bool) -> list[str]:
        try:
            names = [field.decode() for field in fields(record)]
        except UnicodeDecodeError:
            msg = "the header line is not valid UTF-8"
            raise InputError(msg) from None
        if not whole:
            msg = "the header line has a quote that is not closed"
            raise InputError(msg)
        twice = sorted({name for name in names if name and names.count(name) > 1})
        if twice:
            msg = f"two columns are named {twice[0]}"
            raise InputError(msg, column=twice[0], hint="give each column a name of its own")
        return names

    def _more(self) -> None:
        data = self._stream.read(self._block_bytes)
        self._ended = not data
        self._rest += data

    def __iter__(self) -> Iterator[Raw]:
        while True:
            cut = len(self._rest) if self._ended else cut_of(self._rest)
            if cut:
                data, self._rest = self._rest[:cut], self._rest[cut:]
                raw = self._rows(data)
                if raw is not None:
                    yield raw
            if self._ended:
                return
            self._more()

    def _rows(self, data: bytes) -> Raw | None:
        if not (data[:64].strip(b"\r\n") or data.strip(b"\r\n")):
            return None
        try:
            table = self._split(data)
        except pa.ArrowInvalid:
            return self._record_by_record(data)
        if b'"' in data and not _surely_whole(data):
            return self._record_by_record(data)
        return Raw(table.rename_columns([self._header[i] for i in self._wanted]))

    def _split(self, data: bytes) -> pa.Table:
        """The columns as Arrow reads them, numbers as such where that is as good; ArrowInvalid."""
        options = pa_csv.ReadOptions(
            column_names=self._places, block_size=max(len(data) + 1, 1 << 10), use_threads=len(data) >= _THREADS_BYTES
        )
        parse = pa_csv.ParseOptions(newlines_in_values=b'"' in data)
        if self._numbers and not self._as_text:
            try:
                table = pa_csv.read_csv(pa.BufferReader(data), options, parse, self._number_options)
                if self._is_sure(table, data):
                    self._refused = 0
                    return table
            except pa.ArrowInvalid:
                pass
            # a file with one such block mostly has more, and each was split for nothing
            self._as_text = self._refused = min(2 * self._refused + 1, _AS_TEXT_MAX)
        elif self._as_text:
            self._as_text -= 1
        return pa_csv.read_csv(pa.BufferReader(data), options, parse, self._text_options)

    def _is_sure(self, table: pa.Table, data: bytes) -> bool:
        """Whether every number is what its text gives, and none a reason to reject its row."""
        for name, (kind, limit) in self._numbers.items():
            column = table.column(name)
            if kind == pa.float64():
                if not pc.all(pc.is_finite(column), min_count=0).as_py():
                    return False
            elif limit is not None:
                ends = pc.min_max(column).as_py()
                if ends["min"] is not None and not (-limit <= ends["min"] and ends["max"] <= limit):
                    return False
        return not _may_hold_hexadecimals(data)

    def _record_by_record(self, data: bytes) -> Raw:
        columns: list[list[str | None]] = [[] for _ in self._wanted]
        failed: dict[int, Failure] = {}
        expected = len(self._header)
        row = 0
        for start, end, whole in records(data, ended=True):
            if start == end:
                continue
            record = data[start:end]
            cells = fields(record)
            if not whole:
                failed[row] = (None, "a quote is not closed", _shown(record))
            elif len(cells) != expected:
                failed[row] = (None, f"expected {expected} columns, got {len(cells)}", _shown(record))
            for values, i in zip(columns, self._wanted, strict=True):
                cell = cells[i] if i < len(cells) else b""
                try:
                    values.append(cell.decode() if cell else None)
                except UnicodeDecodeError:
                    values.append(None)
                    failed.setdefault(row, (self._header[i], "is not valid UTF-8", _shown(cell)))
            row += 1
        names = [self._header[i] for i in self._wanted]
        return Raw(pa.table([pa.array(values, pa.string()) for values in columns], names=names), failed)


def _numbers(
    column: str, decoders: Sequence[Decoder], type_column: str | None
) -> tuple[pa.DataType, int | None] | None:
    """The numbers that a column may be asked for, and how large they may be; None when somebody reads its text."""
    kinds = [
        decoder.schema.by_name[name].type
        for decoder in decoders
        for name, its in decoder.columns.items()
        if its == column
    ]
    if column == type_column:
        return None
    if all(kind.kind == "float" for kind in kinds):
        return pa.float64(), None
    if not all(kind.kind == "int" or (kind.kind == "time" and kind.unit is not None) for kind in kinds):
        return None
    limits = [-MIN_TIME // NANOSECONDS[kind.unit] for kind in kinds if kind.kind == "time" and kind.unit is not None]
    return pa.int64(), min(limits, default=None)


def _may_hold_hexadecimals(data: bytes) -> bool:
    """Whether there is ``0x``, of which Arrow makes a number."""
    if b"x" not in data and b"X" not in data:
        return False
    octets = np.frombuffer(data, np.uint8)
    return bool(((octets[:-1] == 48) & ((octets[1:] | 32) == 120)).any())


def _shown(text: bytes) -> str | None:
    return plain(text.decode("utf-8", "replace"))


def fields(record: bytes) -> list[bytes]:
    """The fields of one record, unquoted."""
    if b'"' not in record:
        return record.split(b",")
    out, at = [], 0
    while True:
        found = _FIELD.match(record, at)
        assert found is not None, "the pattern matches the empty field"
        quoted, after, bare = found.groups()
        out.append(bare if quoted is None else quoted.replace(b'""', b'"') + after)
        at = found.end() + 1
        if at > len(record):
            return out


def records(data: bytes, ended: bool) -> Iterator[Record]:
    """The records of ``data``, blank lines as empty ones; without ``ended`` the last, if it may go on, is left out."""
    at, size = 0, len(data)
    while at < size:
        found = _RECORD.match(data, at)
        assert found is not None, "the pattern matches the empty record"
        end = found.end()
        open_quote = end < size and data[end] == 34
        cut_off = open_quote or end == size  # no line end outside quotes
        if not ended and end == size - 1 and data[end] == 13:
            return  # \r may yet become \r\n
        if (open_quote and ended) or (size if cut_off else end) - at > RECORD_BYTES_MAX:
            line_end = _LINE_END.search(data, at)
            first = line_end.start() if line_end is not None else size
            whole = not open_quote and first >= end
            if not whole and (ended or first < size):
                yield at, first, False
                at = first + (2 if data[first : first + 2] == b"\r\n" else 1)
                continue
        if cut_off and not ended:
            return
        yield at, end, True
        at = end + (2 if data[end : end + 2] == b"\r\n" else 1)


def cut_of(data: bytes) -> int:
    """The end of the last record that is surely whole; 0 when there is none."""
    lone = data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0
    if not lone or (lone == 1 and data.endswith(b"\r")):
        if b'"' not in data:
            return data.rfind(b"\n") + 1
        ends = _ends_outside_quotes(data)
        if ends is not None:
            return int(ends[-1]) + 1 if ends.size else 0
    last = 0
    for _, end, _ in records(data, ended=False):
        last = end + (2 if data[end : end + 2] == b"\r\n" else 1)
    return last


def _ends_outside_quotes(data: bytes) -> Int64Array | None:
    """Positions of the line ends outside quotes, when every quote is where it belongs; else None.

    Then quotes pair up: each even one opens a field (or is the second half of a doubled quote), each odd one closes.
    """
    octets = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(octets == 34)
    before = octets[np.maximum(quotes[0::2] - 1, 0)]
    after = octets[np.minimum(quotes[1::2] + 1, octets.size - 1)]
    good_before = _EDGE[before]
    if quotes[0] == 0:
        good_before[0] = True
    good_after = _EDGE[after]
    if not (good_before.all() and good_after.all()):
        return None
    ends = np.flatnonzero(octets == 10)
    inside = np.searchsorted(quotes, ends) & 1
    outside = ends[inside == 0]
    if inside.any() and np.diff(outside, prepend=-1).max(initial=0) > RECORD_BYTES_MAX:
        return None
    if quotes.size & 1 and octets.size - int(quotes[-1]) > RECORD_BYTES_MAX:
        return None
    result: Int64Array = outside.astype(np.int64)
    return result


_EDGE = np.zeros(256, np.bool_)
_EDGE[[34, 44, 10, 13]] = True


def _surely_whole(data: bytes) -> bool:
    """Whether Arrow cannot have read this block otherwise than `records` does: no open or overlong quotes in it."""
    ends = _ends_outside_quotes(data if data.endswith(b"\n") else data + b"\n")
    return ends is not None and bool(ends.size) and int(ends[-1]) >= len(data.rstrip(b"\r\n"))

"""JSON Lines: one object a line.

Lines are decoded by msgspec one at a time, straight into the declared types, because Arrow's reader takes ``NaN`` for a
number and one value over two lines for a line, fails a whole block for one bad line, and is slower (1.0 against 0.6
µs a line of six fields). A line that does not fit the types is decoded again as plain JSON, with its numbers exact,
and read value by value, so that only what is really bad is rejected. Blank lines are no rows.
Tested by: tests/io/test_source.py, tests/io/test_jsonl.py
"""

from __future__ import annotations

import decimal
import operator
import types
from typing import TYPE_CHECKING, Any, Optional

import msgspec

from cep.io.connectors.bytes import Raw
from cep.io.convert import Objects
from cep.io.values import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cep.io.connectors.bytes import ByteStream
    from cep.io.convert import Decoder, Failure
    from cep.model.types import Type

_WRONG = (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError)


class JsonLines:
    """Blocks of JSON Lines; ``decoder`` when all lines are of one stream."""

    def __init__(self, stream: ByteStream, decoder: Decoder | None, block_bytes: int) -> None:
        self._stream = stream
        self._block_bytes = block_bytes
        self._any = msgspec.json.Decoder(float_hook=decimal.Decimal)
        self._columns = decoder.columns if decoder is not None and decoder.flat else None
        if self._columns is not None and any("." in column for column in self._columns.values()):
            self._columns = None  # what has a dotted name may stand inside an object
        if self._columns is not None:
            assert decoder is not None
            fields = [
                (f"a{i}", _json_type(decoder.schema.by_name[name].type), None) for i, name in enumerate(self._columns)
            ]
            names = {f"a{i}": column for i, column in enumerate(self._columns.values())}
            self._row: type[Any] | None = None
            if len(set(names.values())) == len(names):  # two attributes of one column: no struct has that
                self._row = msgspec.defstruct("Row", fields, rename=names, gc=False)
                self._typed = msgspec.json.Decoder(self._row)
            else:
                self._columns = None

    @property
    def progress(self) -> float | None:
        """The part of the input that is read."""
        return self._stream.progress

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __iter__(self) -> Iterator[Raw]:
        first = True
        for data in line_blocks(self._stream, self._block_bytes):
            if first:
                data, first = data.removeprefix(b"\xef\xbb\xbf"), False
            lines = data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            raw = self._plain_rows(lines) if self._columns is None else self._typed_rows(lines)
            if raw is not None:
                yield raw

    def _plain_rows(self, lines: list[bytes]) -> Raw | None:
        failed: dict[int, Failure] = {}
        decode = self._any.decode
        rows: list[object] = []
        for line in lines:
            try:
                rows.append(decode(line))
            except _WRONG as error:
                if line and not line.isspace():
                    failed[len(rows)] = _failure(error, line)
                    rows.append({})
        return Raw(rows, failed) if rows else None

    def _typed_rows(self, lines: list[bytes]) -> Raw | None:
        failed: dict[int, Failure] = {}
        assert self._columns is not None
        assert self._row is not None
        decode, rows = self._typed.decode, []
        for line in lines:
            try:
                rows.append(decode(line))
            except _WRONG:
                if line and not line.isspace():
                    rows.append(self._row(*self._again(len(rows), line, failed)))
        if not rows:
            return None
        columns = {name: list(map(operator.attrgetter(f"a{k}"), rows)) for k, name in enumerate(self._columns)}
        return Raw(Objects(columns, len(rows)), failed)

    def _again(self, i: int, line: bytes, failed: dict[int, Failure]) -> list[object]:
        assert self._columns is not None
        try:
            row = self._any.decode(line)
        except _WRONG as error:
            failed[i] = _failure(error, line)
            return []
        if not isinstance(row, dict):
            failed[i] = (None, "a line is an object with fields", plain(line.decode("utf-8", "replace").strip()))
            return []
        return [_along(row, column) for column in self._columns.values()]


def _along(row: dict[str, object], column: str) -> object:
    if column in row or "." not in column:
        return row.get(column)
    value: object = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _failure(error: BaseException, line: bytes) -> Failure:
    text = plain(line.decode("utf-8", "replace").strip())
    if isinstance(error, UnicodeDecodeError):
        return None, "is not valid UTF-8", text
    if isinstance(error, RecursionError):
        return None, "JSON is nested too deeply", text
    return None, f"not JSON: {error}", text


def _json_type(wanted: Type) -> Any:
    """What a value of the type mostly is in JSON; what is not is read the exact and slow way."""
    match wanted.kind:
        case "int":
            return Optional[int]  # noqa: UP045  (evaluated at run time)
        case "float":
            return Optional[float]  # noqa: UP045
        case "bool":
            return Optional[bool]  # noqa: UP045
        case "decimal":
            return Optional[decimal.Decimal]  # noqa: UP045
        case "time" if wanted.unit is not None:
            return str | int | None
        case "list":
            return types.GenericAlias(list, (_json_type(wanted.items[0]),)) | None
    return Optional[str]  # noqa: UP045


def line_blocks(stream: ByteStream, block_bytes: int) -> Iterator[bytes]:
    """Stretches of whole lines; the last may lack its line end."""
    parts: list[bytes] = []
    while data := stream.read(block_bytes):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield b"".join((*parts, data[:cut]))
            parts = [data[cut:]] if cut < len(data) else []
        else:
            parts.append(data)
    if parts:
        yield b"".join(parts)

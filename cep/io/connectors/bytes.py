"""Bytes: an open file or standard input as a stream of bytes, decompressed, and how far it is read.

``read`` gives what is there without waiting for a full block, so that live input on a pipe comes in time.
Tested by: tests/io/test_source.py
"""

from __future__ import annotations

import os
import select
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from cep.model.errors import InputError

if TYPE_CHECKING:
    from cep.io.convert import Failure, Table

COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4", ".br": "brotli"}


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows as a format has them, before they are read as a schema's types; ``failed`` rows are known to be bad."""

    data: Table
    failed: dict[int, Failure] = field(default_factory=dict)


class ByteStream:
    """Bytes of one input, forward only."""

    def __init__(self, file: BinaryIO, compression: str | None, size: int | None, owned: bool) -> None:
        self._file = file
        self._size = size
        self._owned = owned
        self._taken = 0
        self._decoded = None
        if compression is not None:
            self._decoded = pa.CompressedInputStream(pa.PythonFile(_Counted(self), "r"), compression)

    @property
    def progress(self) -> float | None:
        """The part that is read, 0 to 1; None when the size is unknown."""
        return min(1.0, self._taken / self._size) if self._size else None

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, at least one unless the end is reached."""
        try:
            if self._decoded is not None:
                return bytes(self._decoded.read(size))
            return self.take(size)
        except (OSError, pa.ArrowException) as error:
            msg = f"cannot be read to its end: {_reason(error)}"
            raise InputError(msg) from None

    def take(self, size: int) -> bytes:
        """`read`, before decompression."""
        data: bytes = (
            cast("bytes", self._file.read1(size) if hasattr(self._file, "read1") else self._file.read(size)) or b""
        )
        self._taken += len(data)
        if self._size is not None or not data:
            return data
        parts, total = [data], len(data)
        while total < size and _waiting(self._file):  # a pipe holds 64 kB: take more while it is there anyway
            more = self._some(size - total)
            if not more:
                break
            parts.append(more)
            total += len(more)
        self._taken += total - len(data)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        read = getattr(self._file, "read1", self._file.read)
        return cast("bytes", read(size)) or b""

    def close(self) -> None:
        """Close the file, unless it is standard input."""
        if self._owned:
            self._file.close()


class _Counted:
    """What Arrow's decompressor reads from: a file object that counts."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        return self._stream.take(size if size >= 0 else 1 << 20)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _waiting(file: BinaryIO) -> bool:
    try:
        return bool(select.select([file.fileno()], [], [], 0)[0])
    except (OSError, ValueError, AttributeError):
        return False


def open_bytes(path: str, compression: str | None) -> ByteStream:
    """The bytes of ``path``, or of standard input for ``-``."""
    if path == "-":
        return ByteStream(cast("BinaryIO", sys.stdin.buffer), compression, None, owned=False)
    try:
        file = Path(path).open("rb")  # noqa: SIM115  (closed by ByteStream.close)
    except OSError as error:
        msg = f"cannot be opened: {_reason(error)}"
        raise InputError(msg) from None
    status = os.fstat(file.fileno())
    regular = status.st_size if status.st_size else None
    return ByteStream(file, compression, regular, owned=True)


def _reason(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip()

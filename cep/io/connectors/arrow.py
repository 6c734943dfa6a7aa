"""Arrow: the IPC file format (Feather 2) and the IPC stream format.

Tested by: tests/io/test_source.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from cep.io.connectors.bytes import Raw
from cep.io.connectors.columnar import DAMAGE, columns_needed, damaged, sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.io.convert import Decoder

_MAGIC = b"ARROW1"


class ArrowFile:
    """Blocks of an Arrow file; its columns are checked when it is opened."""

    def __init__(self, path: str, decoders: Sequence[Decoder], type_column: str | None) -> None:
        try:
            # not a memory map: a file that another program cuts meanwhile would end this one by a signal
            self._file = pa.OSFile(path, "rb")
            self._size = self._file.size()
            is_file = self._file.read(len(_MAGIC)) == _MAGIC
            self._file.seek(0)
            self._reader = pa.ipc.open_file(self._file) if is_file else pa.ipc.open_stream(self._file)
            self._is_file = is_file
            self._columns = columns_needed(self._reader.schema, decoders, type_column)
        except DAMAGE as error:
            raise damaged("Arrow", error) from None
        self._read = 0.0

    @property
    def progress(self) -> float | None:
        """The part of the file that is read."""
        return self._read

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Raw]:
        try:
            if self._is_file:
                count = self._reader.num_record_batches
                for i in range(count):
                    batch = self._reader.get_batch(i)
                    self._read = (i + 1) / count
                    if batch.num_rows:
                        yield Raw(sound(batch.select(self._columns)))
                return
            for batch in self._reader:
                self._read = self._file.tell() / self._size
                if batch.num_rows:
                    yield Raw(sound(batch.select(self._columns)))
            self._read = 1.0
        except DAMAGE as error:
            raise damaged("Arrow", error) from None

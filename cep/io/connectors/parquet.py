"""Parquet: only the columns that are declared, row group by row group.

Tested by: tests/io/test_source.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from cep.io.connectors.bytes import Raw
from cep.io.connectors.columnar import DAMAGE, columns_needed, damaged, sound
from cep.io.convert import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.io.convert import Decoder


class Parquet:
    """Blocks of a Parquet file; its columns are checked when it is opened."""

    def __init__(self, path: str, decoders: Sequence[Decoder], type_column: str | None) -> None:
        try:
            self._file = pa_parquet.ParquetFile(path)
            schema = self._file.schema_arrow
            self._columns = columns_needed(schema, decoders, type_column)
            text = [name for name in self._columns if schema.field(name).type in (pa.string(), pa.large_string())]
            self._file.close()
            self._file = pa_parquet.ParquetFile(path, read_dictionary=text)
        except DAMAGE as error:
            raise damaged("Parquet", error) from None
        self._rows = self._file.metadata.num_rows
        self._read = 0

    @property
    def progress(self) -> float | None:
        """The part of the rows that is read."""
        return self._read / self._rows if self._rows else 1.0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[Raw]:
        try:
            for batch in self._file.iter_batches(BLOCK_ROWS, columns=self._columns):
                self._read += batch.num_rows
                if batch.num_rows:
                    yield Raw(sound(batch))
        except DAMAGE as error:
            raise damaged("Parquet", error) from None

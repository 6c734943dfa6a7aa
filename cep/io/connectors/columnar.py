"""Columnar files: what Parquet and Arrow files share, and how their errors are told.

Tested by: tests/io/test_source.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from cep.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.io.convert import Decoder


DAMAGE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What pyarrow raises over a damaged file; its names are decoded late, and not by Arrow."""


def columns_needed(schema: pa.Schema, decoders: Sequence[Decoder], type_column: str | None) -> list[str]:
    """The file's columns that the streams read, in file order; InputError when one is missing or of no use."""
    wanted: set[str] = set()
    for decoder in decoders:
        for column in decoder.columns.values():
            parts = column.split(".")
            wanted.update(".".join(parts[:cut]) for cut in range(1, len(parts) + 1))
    if type_column is not None:
        wanted.add(type_column)
        if type_column not in schema.names:
            msg = f"there is no column {type_column} to name the stream of a row"
            raise InputError(msg, column=type_column, hint=f"the columns are {', '.join(schema.names[:12])}")
    for decoder in decoders:
        decoder.decode(schema.empty_table())
    return [name for name in schema.names if name in wanted]


def damaged(what: str, error: BaseException) -> InputError:
    """The error of a file that its format's reader refuses."""
    return InputError(f"is no {what} file, or is damaged: {str(error).strip()}")


def sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, if nothing in it leads outside of it, else ArrowInvalid.

    pyarrow's readers believe every offset and index in a file, and a wrong one would be read from anywhere in memory.
    Text that is not UTF-8 is no damage: it costs its rows alone, later. Cost: O(rows).
    """
    for column in batch.columns:
        column.view(_as_bytes(column.type)).validate(full=True)
    return batch


def _as_bytes(kind: pa.DataType) -> pa.DataType:
    """The type with bytes in the place of text, of which no UTF-8 is asked."""
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _as_bytes(f.type), f.nullable) for f in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = pa.field(kind.value_field.name, _as_bytes(kind.value_type))
        return pa.list_(inner) if pa.types.is_list(kind) else pa.large_list(inner)
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _as_bytes(kind.value_type), kind.ordered)
    return kind

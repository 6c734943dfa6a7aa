"""Tables of files: their rows read whole, when rules are loaded, by the readers of event files.

A path is relative to the rule file. Everything that is wrong with a file is an `InputError` that the checker shows at
the table's declaration: no file, no column, a bad value with its row, a null or a key that comes twice.
Cost: O(rows), in memory.
Tested by: tests/app/test_tables.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cep.model.errors import InputError
from cep.model.table import TableRows

if TYPE_CHECKING:
    from cep.language.checker.tables import Reading
    from cep.language.rulebook import CheckedTable, Rulebook
    from cep.model.batch import EventBatch


def read_table(table: CheckedTable) -> TableRows:
    """The rows of a table's file."""
    from cep.io.source import open_source
    from cep.model.concatenate import concatenate, empty_batch

    assert table.path is not None, "only a table with a file is read"
    path = str(Path(table.source.name).parent / table.path)
    source = open_source(path, [table.schema])
    batches: list[EventBatch] = []
    for block in source:
        decoded = block.streams[table.name]
        if decoded.rejected is not None and len(decoded.rejected):
            bad = decoded.rejected.take(slice(0, 1)).to_dicts()[0]
            raise _bad_value(path, table, bad)
        batches.append(decoded.batch)
    schema = table.schema
    batch = concatenate(schema, batches) if batches else empty_batch(schema)
    rows = TableRows(table.keys, {name: batch[name] for name in schema.names}, str(Path(path).resolve()))
    twice = rows.twice()
    if twice is not None:
        key = ", ".join(f"{name} {batch[name].take(slice(twice[0], twice[0] + 1)).to_list()[0]}" for name in table.keys)
        msg = f"the key {key} is in two rows, the {_nth(twice[0])} and the {_nth(twice[1])}"
        hint = f"keep one row for each {' and '.join(table.keys)}, or key the table by more fields"
        raise InputError(msg, path=path, row=twice[1], hint=hint)
    return rows


def _bad_value(path: str, table: CheckedTable, bad: dict[str, object]) -> InputError:
    row, column = bad["row"], bad["column"]
    assert isinstance(row, int)
    shown = "" if bad["value"] is None else f": {bad['value']}"
    msg = f"the {_nth(row)} row, column {column}: {bad['reason']}{shown}"
    hint = f"correct it, or declare `{column}` otherwise"
    if column in table.keys and bad["value"] is None:
        hint = "a key is never null: leave the row out"
    return InputError(msg, path=path, row=row, hint=hint)


def _nth(row: int) -> str:
    number = row + 1
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def known_rows(*books: Rulebook) -> Reading:
    """The rows that rulebooks have read already, for a check of the same declarations."""
    known = {name: rows for book in books for name, rows in book.tables.items()}
    return lambda table: known[table.name]

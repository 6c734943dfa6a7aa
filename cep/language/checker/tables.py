"""Tables: what is declared of them, their rows, and ``Table[key].field``.

The rows are read by whoever loads the rules (`Reading`), when the declaration is lawful, so that a mistake in the file
is told with those of the rules. A rule file that is only looked at has none.
Tested by: tests/language/test_check_tables.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cep.language.checker.attributes import flatten
from cep.language.checker.bodies import cast_to
from cep.language.checker.operations import kind_text
from cep.language.checker.report import Report, Reporter, did_you_mean, listed
from cep.language.checker.shapes import plain
from cep.language.rulebook import CheckedTable
from cep.language.typed import Call, Const
from cep.model.concatenate import empty_batch
from cep.model.errors import InputError
from cep.model.schema import Schema
from cep.model.table import TableRead, TableRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language import ast
    from cep.language.checker.declarations import Declarations
    from cep.language.checker.expressions import Expressions
    from cep.language.typed import Typed
    from cep.model.diagnostics import Span
    from cep.model.types import Type

Reading = Callable[[CheckedTable], TableRows]
"""Gives the rows of a table's file; `InputError` where it cannot."""


def declare_tables(declarations: Declarations, report: Report, reading: Reading | None) -> None:
    """Enter every table without mistakes, with its rows where somebody reads them."""
    for source, table in declarations.tables.values():
        reporter = Reporter(report, source)
        before = report.mistakes
        found = flatten(declarations, reporter, table.fields, f"table {table.name.text}")
        types = {name: None if a is None else a.type for a, _, name in found}
        keys = _keys(reporter, table, types)
        if report.mistakes > before or len(found) != sum(a is not None for a, _, _ in found):
            continue
        schema = Schema(table.name.text, tuple(a for a, _, _ in found if a is not None))
        checked = CheckedTable(table.name.text, keys, table.path, schema, source, table.name.span)
        if table.path is None:
            message = f"the table {table.name.text} stays empty: rules cannot fill a table yet in this version"
            reporter.warn(table.name.span, "not-yet", message, 'give it a file: from "rows.csv"')
            rows: TableRows | None = TableRows(keys, empty_batch(schema).columns)
        else:
            rows = None if reading is None else _rows(reporter, checked, reading)
        if rows is not None:
            declarations.rows[table.name.text] = rows
        declarations.checked_tables[table.name.text] = checked


def _keys(reporter: Reporter, table: ast.Table, types: dict[str, Type | None]) -> tuple[str, ...]:
    out: list[str] = []
    for key in table.keys:
        if key.text not in types:
            message = f"the table {table.name.text} has no field `{key.text}`"
            reporter.error(key.span, "unknown-field", message, did_you_mean(key.text, types))
            continue
        declared = types[key.text]
        if key.text in out:
            reporter.error(key.span, "duplicate-name", f"`{key.text}` is in the key twice")
        elif declared is not None and declared.kind in ("record", "list", "map"):
            reporter.error(key.span, "key-type", f"`{key.text}` is {declared}, which cannot be a key")
        elif declared is not None and declared.optional:
            message = f"`{key.text}` is the key of {table.name.text}, so it cannot be optional"
            reporter.error(key.span, "key-type", message, f"{key.text}: {str(declared).removesuffix('?')}")
        out.append(key.text)
    return tuple(out)


def _rows(reporter: Reporter, table: CheckedTable, reading: Reading) -> TableRows | None:
    try:
        return reading(table)
    except InputError as error:
        place = f"{error.path}: " if error.path else ""
        message = f"the table {table.name} cannot be read: {place}{error.message}"
        reporter.error(table.span, "table-file", message, error.hint)
        return None


def lookup(expressions: Expressions, written: ast.Lookup) -> Typed | None:
    """``Table[key, …].field``."""
    declarations, reporter = expressions.declarations, expressions.reporter
    name = written.table.text
    if name not in declarations.tables:
        hint = did_you_mean(name, declarations.tables)
        reporter.error(written.table.span, "unknown-table", f"no table {name} is declared", hint)
        return None
    table = declarations.checked_tables.get(name)
    keys = [expressions.loosely(key) for key in written.keys]
    if table is None or any(key is None for key in keys):
        return None
    if len(keys) != len(table.keys):
        shape = f"{name}[{', '.join(table.keys)}].{written.field.text}"
        what = f"{name} is keyed by {listed(table.keys)}"
        reporter.error(written.span, "table-key", f"{what}, and {len(keys)} are given", f"write {shape}")
        return None
    given = [
        key_part(expressions, table, place, expr) for place, expr in zip(range(len(keys)), written.keys, strict=True)
    ]
    known = [part for part in given if part is not None]
    if len(known) < len(given):
        return None
    return read(expressions, table, written.field.text, written.field.span, known)


def key_part(expressions: Expressions, table: CheckedTable, place: int, expr: ast.Expr) -> Typed | None:
    """What is looked for in a part of the key, as a value of its type."""
    name = table.keys[place]
    declared = plain(table.schema.by_name[name].type)
    loose = expressions.loosely(expr)
    if loose is None:
        return None
    found = expressions.operations.beside(loose, Const(0, declared), expr.span)
    if found is None:
        return None
    cast = cast_to(found, declared)
    if cast is None:
        message = f"`{name}` of the table {table.name} is {kind_text(declared)}, not {kind_text(found.type)}"
        hint = None
        if found.type.kind == declared.kind == "decimal":
            hint = f"round(…, {declared.scale}) keeps fewer digits"
        expressions.reporter.error(expr.span, "table-key", message, hint)
    return cast


def read(expressions: Expressions, table: CheckedTable, field: str, span: Span, keys: Sequence[Typed]) -> Typed | None:
    """A field of the row of a key."""
    reporter, schema = expressions.reporter, table.schema
    if field not in schema.by_name:
        known = list(schema.names)
        hint = did_you_mean(field, known, f"its fields are {listed(known[:8])}")
        reporter.error(span, "unknown-field", f"the table {table.name} has no field `{field}`", hint)
        return None
    declared = plain(schema.by_name[field].type)
    if declared.kind in ("record", "list", "map"):
        reporter.not_yet(span, f"reading a {declared.kind} of a table (`{field}: {declared}`)")
        return None
    return reading_of(expressions.declarations, table, field, declared.as_optional(), keys)


def presence(declarations: Declarations, table: CheckedTable, kind: Type, keys: Sequence[Typed]) -> Call:
    """Whether there is a row of a key; ``kind`` is bool."""
    return reading_of(declarations, table, None, kind, keys)


def reading_of(
    declarations: Declarations, table: CheckedTable, field: str | None, gives: Type, keys: Sequence[Typed]
) -> Call:
    """The expression that reads it."""
    parameters = tuple(plain(table.schema.by_name[name].type) for name in table.keys)
    asked = TableRead(table.name, field, parameters, gives, declarations.rows.get(table.name))
    return Call(f"{table.name}[]{'' if field is None else '.' + field}", tuple(keys), gives, asked)

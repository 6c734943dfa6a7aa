"""One row: a dict from outside to Python values, by a function made for its schema, without an array on the way.

The function gives the values of the fields in their order, or None when anything about the row needs a closer look:
then `cep.io.convert` reads it as ever, and says what is wrong. It decides nothing that `cep.io.values` does not: what
is of Python's own type is looked at in its text, all else goes to the reader of one value.
Cost: about a tenth of a microsecond a field.
Tested by: tests/io/test_single.py, tests/io/test_convert.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cep.io.columns import cells_of_objects
from cep.io.values import MAX_INT, MIN_INT, reader_of
from cep.model.batch import Column
from cep.model.time import MAX_TIME, MIN_TIME, NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.types import Type

RowReader = Callable[[object], "tuple[Any, ...] | None"]


class Field(NamedTuple):
    """An attribute, under which name a row has it, its type, and whether a row must have it."""

    name: str
    column: str
    type: Type
    required: bool


def compile_row_reader(fields: Sequence[Field]) -> RowReader:
    """What reads rows of these fields, none of which is a record."""
    names: dict[str, Any] = {}
    lines = ["def read(row):", " if type(row) is not dict:", "  return None", " get = row.get"]
    for n, field in enumerate(fields):
        names[f"read{n}"] = _list_reader(field.type) if field.type.kind == "list" else reader_of(field.type)
        lines += [f" {line}" for line in _lines(n, field)]
    lines.append(f" return ({', '.join(f'v{n}' for n in range(len(fields)))},)")
    exec(compile("\n".join(lines), "<generated reader>", "exec"), names)  # our own text; names of columns are literals
    read: RowReader = names["read"]
    return read


def _lines(n: int, field: Field) -> list[str]:
    """The lines that read field ``n`` into its variable."""
    value, kind = f"v{n}", field.type
    own: list[str] = []
    if kind.kind == "int":
        own = _whole(value, 1, MIN_INT, MAX_INT)
    elif kind.kind == "decimal":
        own = _whole(value, 10**kind.scale, MIN_INT, MAX_INT)
    elif kind.kind == "time" and kind.unit is not None:
        own = _whole(value, NANOSECONDS[kind.unit], MIN_TIME, MAX_TIME)
    elif kind.kind == "float":
        own = [f"if type({value}) is float and {value} - {value} == 0.0:", " pass"]
    elif kind.kind == "bool":
        own = [f"if type({value}) is bool:", " pass"]
    elif kind.kind == "string":
        own = [
            *(f"if type({value}) is str:", f" if not {value}.isascii():", "  try:", f"   {value}.encode()"),
            *("  except UnicodeEncodeError:", "   return None"),
        ]
    missing: list[str] = []
    if field.required:
        missing = [" return None"]
    elif "." in field.column:  # it may stand in an object inside the row
        missing = [f" if {field.column!r} not in row:", "  return None"]
    general = [" try:", f"  {value} = read{n}({value})", " except ValueError:", "  return None"]
    if missing:
        general += [f" if {value} is None:", *(f" {line}" for line in missing)]
    return [f"{value} = get({field.column!r})", *own, f"{'elif' if own else 'if'} {value} is not None:", *general] + (
        ["else:", *missing] if missing else []
    )


def _whole(value: str, factor: int, low: int, high: int) -> list[str]:
    times = [f" {value} *= {factor}"] if factor != 1 else []
    return [f"if type({value}) is int:", *times, f" if not {low} <= {value} <= {high}:", "  return None"]


def _list_reader(kind: Type) -> Callable[[object], Column]:
    """What reads a list as a column of one."""
    read = reader_of(kind)

    def column(value: object) -> Column:
        cells = cells_of_objects([read(value)], kind)
        if cells.bad or (cells.valid is not None and not cells.valid.all()):
            raise ValueError  # whatever it is, it needs a closer look
        return Column(kind, cells.values, None, None, cells.lists)

    return column

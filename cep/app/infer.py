"""Inference: the ``stream`` declaration of a data file, from its first 10,000 rows.

| values of a column | type |
|---|---|
| whole numbers of 64 bits, without leading zeros | int |
| numbers, some with a point or an exponent | float |
| true and false | bool |
| RFC 3339 instants and dates | time |
| whole numbers of a column named as a time, all of the size of seconds (ms, us, ns) since 1970 | time(s) and so on |
| other text | string |
| arrays | list, of what their elements are; in CSV, text that is a JSON array |
| objects, structs | no column of its own: a column for each field, with a dotted name |
| Arrow's and Parquet's own types | the type that holds them; decimals keep their scale |

Text is looked into in CSV; text of JSON, Arrow and Parquet is a time or a string. ``?`` stands where a null was seen. A
column becomes a field in lower snake case, with ``from`` where that is another name. Columns that no type holds (values
of several kinds, lists of objects) are left out, with a comment. The first time column without nulls orders the stream.

Invariants: the text parses, and formatting it changes nothing; every row looked at can be read by the declaration.
Tested by: tests/cli/test_schema.py
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cep.io.connectors.bytes import open_bytes
from cep.io.connectors.csv import cut_of, fields, records
from cep.io.connectors.jsonl import line_blocks
from cep.io.source import check_readable, ending_of
from cep.language.lexing import escape
from cep.model.diagnostics import Source
from cep.model.errors import InputError
from cep.model.time import NANOSECONDS, parse_time
from cep.model.types import BOOL, FLOAT, INT, MAX_SCALE, STRING, TIME, Type, decimal, list_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from cep.io.connectors.bytes import ByteStream

MOST_ROWS = 10_000
_MOST_DEPTH = 8
_BLOCK = 1 << 20

# words of the language that a reader would stumble over as fields, and those that cannot be fields
_WORDS = frozenset({
    "and", "as", "between", "case", "distinct", "div", "emit", "end", "else", "every", "false", "from", "in", "is",
    "keyed", "like",
    "matches", "next", "no", "not", "null", "or", "order", "rule", "stream", "then", "true", "when", "where",
})  # fmt: skip
_TIME_NAMES = frozenset({"ts", "time", "timestamp", "at", "when", "epoch", "datetime"})
_INT = re.compile(r"-?(0|[1-9]\d{0,18})", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d.*)?", re.ASCII)
_BOOLS = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its type (None: no type holds it, for the reason in ``note``), and what to say of it."""

    name: str
    type: Type | None
    note: str = ""


def infer_stream(path: str, name: str | None = None) -> str:
    """The declaration of the events in ``path`` as text, laid out; ``name`` is the stream's, else made from the path's.

    InputError when the file cannot be read or has no column.
    """
    from cep.language.format import format_file
    from cep.language.parser import parse
    from cep.model.folders import cache_root

    try:
        columns, rows, is_all = _columns_of(path)
    except InputError as error:
        raise InputError(error.message, path=path, column=error.column, hint=error.hint) from None
    columns = [c if _is_text(c.name) else Column(c.name, None, "its name has half a character") for c in columns]
    if not columns:
        raise InputError("has no columns", path=path, hint="a stream needs at least one field")
    if all(column.type is None for column in columns):
        why = "; ".join(f"{_one_line(c.name)}: {c.note}" for c in columns[:3])
        raise InputError(f"has no column that a field could hold ({why})", path=path)
    stream = name or stream_name(path)
    shown = "standard input" if path == "-" else Path(path).name
    seen = f"{'' if is_all else 'its first '}{rows:,} row{'s' * (rows != 1)}"
    text = _declaration(stream, columns, f"From {_one_line(shown)}, by {seen}.")
    folder = cache_root()
    return format_file(parse(Source("<schema>", text), None if folder is None else str(folder)))


def stream_name(path: str) -> str:
    """A stream's name from a file's: ``card_payments.csv.gz`` is ``CardPayments``."""
    stem = "" if path == "-" else Path(path).name.partition(".")[0]
    name = "".join(word[0].upper() + word[1:] for word in _words_of(stem))
    return name if name[:1].isalpha() else f"Event{name}"


def field_name(column: str) -> str:
    """A column's name in lower snake case: ``Amount (EUR)`` is ``amount_eur``, ``cardId`` is ``card_id``."""
    name = "_".join(_words_of(column)).lower() or "field"
    name = name if name[0].isalpha() else f"field_{name}"
    return f"{name}_" if name in _WORDS else name


def _words_of(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[A-Za-z0-9]+", parted)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in name)  # JSON can say such


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


# ------------------------------------------------------------------------------------------------------- writing


def _declaration(stream: str, columns: Sequence[Column], heading: str) -> str:
    names = _field_names([c.name for c in columns])
    ordered = next((c.name for c in columns if c.type and c.type.kind == "time" and not c.type.optional), None)
    left_out = [c for c in columns if c.type is None]
    lines = [f"-- {heading}", *(f"-- Left out: {_one_line(c.name)}, {c.note}." for c in left_out)]
    if ordered is None:
        lines.append("-- No column is a time in every row: say with `ordered by` which field orders the events.")
    lines.append(f"stream {stream}{f' ordered by {names[ordered]}' if ordered is not None else ''} {{")
    for column in columns:
        if column.type is not None:
            renamed = f" from {escape(column.name)}" if names[column.name] != column.name else ""
            note = f"  -- {column.note}" if column.note else ""
            lines.append(f"  {names[column.name]}: {column.type}{renamed},{note}")
    *rest, last = lines
    head, comma, note = last.rpartition(",") if "  -- " not in last else last.partition(",  -- ")
    lines = [*rest, head + (f"  -- {note}" if note else "") if comma else last, "}"]
    return "\n".join(lines) + "\n"


def _field_names(columns: Iterable[str]) -> dict[str, str]:
    """A field for each column, no two alike; a column whose name is lawful keeps it before one that comes to it."""
    columns = list(columns)
    taken = {c for c in columns if field_name(c) == c}
    out: dict[str, str] = {}
    for column in columns:
        name = wanted = field_name(column)
        number = 2
        while name != column and name in taken:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        out[column] = name
    return out


# ------------------------------------------------------------------------------------------------------- reading


def _columns_of(path: str) -> tuple[list[Column], int, bool]:
    """The columns, how many rows were looked at, and whether those are all."""
    ending, compression = ending_of(path)
    if path != "-":
        check_readable(path)
    if ending in (".parquet", ".arrow", ".feather", ".ipc"):
        table, is_all = _table(path, ending)
        return [_of_arrow(n, column) for n, column in _unfolded_table(table)], table.num_rows, is_all
    if path != "-" and ending not in (".csv", ".jsonl", ".ndjson"):
        msg = f"the ending {ending or 'of this name'} is none that can be read"
        raise InputError(msg, hint="endings are .csv, .jsonl, .ndjson, .parquet, .arrow, .feather, .ipc")
    stream = open_bytes(path, compression)
    try:
        if ending == ".csv":
            header, rows = _csv_rows(stream)
            values = [[row[i] for row in rows[:MOST_ROWS]] for i in range(len(header))]
            columns, count = [_of_text(n, v) for n, v in zip(header, values, strict=True)], len(rows)
        else:
            objects = list(islice(_json_rows(stream), MOST_ROWS + 1))
            columns = [_of_objects(n, values) for n, values in _unfolded(objects[:MOST_ROWS])]
            count = len(objects)
    finally:
        stream.close()
    return columns, min(count, MOST_ROWS), count <= MOST_ROWS


def _unfolded(
    rows: Sequence[dict[str, object]], around: str = "", depth: int = 0
) -> Iterator[tuple[str, list[object]]]:
    """The columns of JSON objects; one that holds objects alone is the columns of those, under dotted names."""
    for name in dict.fromkeys(n for row in rows for n in row):
        values = [row.get(name) for row in rows]
        inner = [v if isinstance(v, dict) else {} for v in values]
        if depth < _MOST_DEPTH and any(inner) and all(v is None or isinstance(v, dict) for v in values):
            yield from _unfolded(inner, f"{around}{name}.", depth + 1)
        else:
            yield f"{around}{name}", values


def _unfolded_table(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The columns of a table, those of structs under dotted names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    waiting = [(name, table.column(name)) for name in reversed(table.column_names)]
    while waiting:
        name, column = waiting.pop()
        if not pa.types.is_struct(column.type):
            yield name, column
            continue
        fields = [field.name for field in column.type]
        waiting += [(f"{name}.{field}", pc.struct_field(column, field)) for field in reversed(fields)]


def _csv_rows(stream: ByteStream) -> tuple[list[str], list[list[str | None]]]:
    """The header and rows of its width, a few more than are wanted; other records are what a run rejects."""
    header: list[str] | None = None
    rows: list[list[str | None]] = []
    rest, ended = b"", False
    while not ended and len(rows) <= MOST_ROWS:
        data = stream.read(_BLOCK)
        rest, ended = rest + data, not data
        if header is None:
            rest = rest.removeprefix(b"\xef\xbb\xbf")
        cut = len(rest) if ended else cut_of(rest)
        block, rest = rest[:cut], rest[cut:]
        for start, end, whole in records(block, ended=True):
            if start == end or not whole:
                continue
            cells = [cell.decode("utf-8", "replace") for cell in fields(block[start:end])]
            if header is None:
                header = cells
            elif len(cells) == len(header):
                rows.append([cell or None for cell in cells])
    if header is None:
        raise InputError("is empty: there is no header line", hint="the first line of a CSV file names its columns")
    twice = sorted({n for n in header if header.count(n) > 1})
    if twice:
        msg = f"two columns are named {twice[0]}"
        raise InputError(msg, column=twice[0], hint="give each column a name of its own")
    return header, rows[: MOST_ROWS + 1]


def _json_rows(stream: ByteStream) -> Iterator[dict[str, object]]:
    for block in line_blocks(stream, _BLOCK):
        for line in block.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):  # a blank line, or one that a run rejects
                continue
            if isinstance(row, dict):
                yield row


def _table(path: str, ending: str) -> tuple[pa.Table, bool]:
    import pyarrow as pa
    import pyarrow.parquet as pa_parquet

    from cep.io.connectors.columnar import DAMAGE, sound

    try:
        if ending == ".parquet":
            with pa_parquet.ParquetFile(path) as file:
                first = list(islice(file.iter_batches(MOST_ROWS), 1))
                table = pa.Table.from_batches(list(map(sound, first)), file.schema_arrow)
                return table.rename_columns(table.schema.names), file.metadata.num_rows <= MOST_ROWS
        with pa.OSFile(path, "rb") as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
            batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
            taken, rows = [], 0
            for batch in batches:
                taken.append(sound(batch))
                rows += batch.num_rows
                if rows > MOST_ROWS:
                    break
            table = pa.Table.from_batches(taken, reader.schema).slice(0, MOST_ROWS)
            return table.rename_columns(table.schema.names), rows <= MOST_ROWS  # names are decoded when looked at
    except DAMAGE as error:
        msg = f"cannot be read: {error}"
        raise InputError(msg) from None


# --------------------------------------------------------------------------------------------------------- types


def _of_text(name: str, values: Sequence[str | None]) -> Column:
    """The type of text in which anything may be written (CSV)."""
    there = [v for v in values if v is not None]
    some_null = len(there) < len(values)
    if not there:
        return Column(name, STRING.as_optional(), "no value was seen")
    if all(map(_INT.fullmatch, there)) and all(-(2**63) <= int(v) < 2**63 for v in there):
        return _of_ints(name, [int(v) for v in there], some_null)
    numbers = [v for v in there if v.lower() != "nan"]
    # numbers with leading zeros are names: 007 is not 7
    if (
        numbers
        and all(map(_FLOAT.fullmatch, numbers))
        and not any(re.fullmatch(r"[+-]?0\d+", v) for v in numbers)
        and all(math.isfinite(float(v)) for v in numbers)
    ):
        return Column(name, FLOAT.as_optional(some_null or len(numbers) < len(there)))
    if _BOOLS.issuperset(there):
        return Column(name, BOOL.as_optional(some_null))
    if all(v.startswith("[") for v in there):
        arrays = [_json_array(v) for v in there]
        if None not in arrays:
            return _of_lists(name, [a for a in arrays if a is not None], some_null)
    return _of_strings(name, there, some_null)


def _json_array(text: str) -> list[object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _of_lists(name: str, values: Sequence[list[object]], some_null: bool) -> Column:
    """The type of a column of lists, by all their elements."""
    elements = _of_objects(name, [element for value in values for element in value])
    if elements.type is None or "list<" * _MOST_DEPTH in str(elements.type):
        return Column(name, None, f"it holds lists, and {elements.note or 'those are nested too deeply'}")
    note = elements.note if any(values) else "no element was seen"
    return Column(name, list_of(elements.type).as_optional(some_null), note)


def _of_objects(name: str, values: Sequence[object]) -> Column:
    """The type of a column of JSON values."""
    there = [v for v in values if v is not None and v == v]  # NaN is null
    some_null = len(there) < len(values)
    kinds = {type(v) for v in there}
    if not kinds:
        return Column(name, STRING.as_optional(), "no value was seen")
    ints = [v for v in there if isinstance(v, int)]
    if kinds == {bool}:
        return Column(name, BOOL.as_optional(some_null))
    if kinds == {str}:
        return _of_strings(name, [v for v in there if isinstance(v, str)], some_null)
    if kinds == {int} and all(-(2**63) <= v < 2**63 for v in ints):
        return _of_ints(name, ints, some_null)
    if kinds <= {int, float} and all(abs(v) < 1e308 for v in there if isinstance(v, int | float)):
        return Column(name, FLOAT.as_optional(some_null))
    if kinds == {list}:
        return _of_lists(name, [v for v in there if isinstance(v, list)], some_null)
    if kinds == {dict}:
        return Column(name, None, "it holds objects")
    return Column(name, None, "its values are of several kinds")


def _of_arrow(name: str, column: pa.ChunkedArray) -> Column:
    """The type of a column that has one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, is_a = column.type, pa.types
    if is_a.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    some_null = column.null_count > 0
    if is_a.is_null(kind):
        return Column(name, STRING.as_optional(), "no value was seen")
    if is_a.is_string(kind) or is_a.is_large_string(kind):
        return _of_strings(name, column.drop_null().to_pylist(), some_null)
    if is_a.is_integer(kind):
        ints = column.drop_null().to_pylist()
        if any(v >= 2**63 for v in ints):
            return Column(name, FLOAT.as_optional(some_null), "some numbers need more than 63 bits")
        return _of_ints(name, ints, some_null)
    if is_a.is_floating(kind):
        return Column(name, FLOAT.as_optional(some_null or bool(pc.any(pc.is_nan(column)).as_py())))
    found: Type | None = None
    if is_a.is_boolean(kind):
        found = BOOL
    elif is_a.is_timestamp(kind) or is_a.is_date(kind):
        found = TIME
    elif is_a.is_duration(kind):
        found = Type("duration")
    elif is_a.is_decimal(kind) and 0 <= kind.scale <= MAX_SCALE:
        found = decimal(kind.scale)
    elif is_a.is_list(kind) or is_a.is_large_list(kind) or is_a.is_fixed_size_list(kind):
        elements = _of_arrow(name, pa.chunked_array([chunk.flatten() for chunk in column.chunks], kind.value_type))
        found = None if elements.type is None else list_of(elements.type)
    if found is None:
        return Column(name, None, f"no type holds {_one_line(str(kind))}")
    return Column(name, found.as_optional(some_null))


def _of_strings(name: str, values: Sequence[str], some_null: bool) -> Column:
    is_time = bool(values) and all(map(_is_time, values))
    return Column(name, (TIME if is_time else STRING).as_optional(some_null))


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _of_ints(name: str, values: Sequence[int], some_null: bool) -> Column:
    """An int; a time when the name says so and all are as large as one unit of the years 1973 to 2128 makes them."""
    last = field_name(name).rstrip("_").rpartition("_")[2]
    if values and last in _TIME_NAMES | {*NANOSECONDS}:
        for unit, ns in NANOSECONDS.items():
            if all(10**17 <= v * ns < 5 * 10**18 for v in values):
                note = f"whole numbers of the size of {unit} since 1970"
                return Column(name, Type("time", unit=unit, optional=some_null), note)
    return Column(name, INT.as_optional(some_null))

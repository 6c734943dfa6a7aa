"""Reading a case, and saying where results differ from it."""

from __future__ import annotations

import decimal
import hashlib
import json
import os
import re
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from oracle.order import declared_streams
from oracle.rules import syntax_tree

from cep.language.parser import parse
from cep.model.diagnostics import Source

HERE = Path(__file__).parent
UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True)
class Case:
    """``rows`` are the events in order of arrival, times in the unit of their field; the rest as in README.md."""

    name: str
    rule: str
    rows: list[tuple[str, dict]]
    because: str
    matches: list[list] | None = None
    emits: list[dict] | None = None
    end: str = "open"
    params: dict = field(default_factory=dict)
    changes: list[list] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    not_yet: bool = False

    @property
    def arrivals(self):
        """The rows with every time in nanoseconds, as the oracle takes them."""
        return in_nanoseconds(self.rule, self.rows)

    def identity(self, entry):
        """An entry of ``matches`` as (rule or None, lineage)."""
        rule, rest = (
            (entry[0], entry[1:]) if entry and isinstance(entry[0], str) and "#" not in entry[0] else (None, entry)
        )
        return rule, [self.event(e) for e in rest]

    def event(self, entry):
        """A row number, or ``Stream#number`` of a derived event, as (stream, number in its order of arrival)."""
        if isinstance(entry, str):
            stream, _, number = entry.partition("#")
            return stream, int(number)
        stream = self.rows[entry][0]
        return stream, sum(name == stream for name, _ in self.rows[:entry])

    def check(self, results):
        """Assert that results (of the oracle, or of the engine in the same form) are those of the case."""
        if self.matches is not None:
            expected = [self.identity(entry) for entry in self.matches]
            got = [
                (result.rule if n < len(expected) and expected[n][0] else None, result.events)
                for n, result in enumerate(results)
            ]
            assert got == expected, f"{self.because}\n got {got}\nwant {expected}"
        if self.emits is not None:
            assert len(results) == len(self.emits), f"{len(results)} results, {len(self.emits)} in emits"
            for wanted, result in zip(self.emits, results, strict=True):
                fields = {**result.fields, "_type": result.type, "_rule": result.rule, "_time": result.time_ns}
                for name, value in wanted.items():
                    want = value * UNITS["ms"] if name == "_time" else value
                    assert same(want, fields[name]), f"{name} is {fields[name]!r}, not {want!r}: {self.because}"


def same(want, got):
    """Whether a value of a case is the value found: of one kind, exactly; "null" is null, text may be a decimal."""
    if want == "null":
        return got is None
    if isinstance(got, decimal.Decimal):
        return isinstance(want, str) and decimal.Decimal(want) == got
    if isinstance(got, list):
        return isinstance(want, list) and len(want) == len(got) and all(map(same, want, got))
    kind = bool if isinstance(want, bool) else type(want)
    return isinstance(got, kind) and isinstance(got, bool) == (kind is bool) and want == got


def in_nanoseconds(text, rows):
    """Rows with their times in nanoseconds."""
    streams = declared_streams(syntax_tree(text))
    out = []
    for name, row in rows:
        fields = streams[name].fields
        units = {f: UNITS[t.argument] for f, t in fields.items() if t.name == "time"}
        out.append((name, {f: v * units[f] if f in units and v is not None else v for f, v in row.items()}))
    return out


def cell(text, type_):
    """A cell of the table as a value of its field."""
    if text == "null":
        return None
    match type_.name:
        case "int" | "time" | "duration":
            return int(text)
        case "float":
            return float(text)
        case "decimal":
            return decimal.Decimal(text)
        case "bool":
            return {"true": True, "false": False}[text]
        case "list":
            return json.loads(text)
    return text.strip('"')


def read_rows(text, table):
    """The rows of a table of events as (stream, values)."""
    streams = declared_streams(parse(Source("<case>", text)))
    header, *lines = [re.findall(r'"[^"]*"|\S+', line) for line in table.strip().splitlines()]
    rows = []
    for line in lines:
        cells = dict(zip(header, line, strict=True))
        stream = cells.pop("stream", None) or next(iter(streams))
        fields = streams[stream].fields
        values = {n: t for n, t in fields.items() if not any(other.startswith(f"{n}.") for other in fields)}
        rows.append((stream, nested({n: cell(cells[n], t) for n, t in values.items()})))
    return rows


def nested(values):
    """Values under dotted names as the records that they stand in."""
    out = {}
    for name, value in values.items():
        *path, last = name.split(".")
        record = out
        for part in path:
            record = record.setdefault(part, {})
        record[last] = value
    return out


def read(path):
    """The case of a file."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    data["rule"] = with_tables(data["rule"], data.pop("tables", {}))
    rows = read_rows(data["rule"], data.pop("events"))
    return Case(name=path.relative_to(HERE).with_suffix("").as_posix(), rows=rows, **data)


def with_tables(text, tables):
    """The rule with the files of its tables where they are found: each is CSV, by the name in the rule."""
    for name, content in tables.items():
        folder = Path(tempfile.gettempdir()) / f"cep-corpus-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        folder.mkdir(exist_ok=True)
        if not (folder / name).exists():
            part = folder / f"{name}.{os.getpid()}"
            part.write_text(content, encoding="utf-8")
            part.replace(folder / name)  # other processes read the same
        text = text.replace(f'from "{name}"', f'from "{folder / name}"')
    return text


def all_cases():
    """Every case, by name."""
    return [read(path) for path in sorted(HERE.rglob("*.toml"))]

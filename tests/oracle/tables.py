"""Tables: rows that hold since the beginning of time, found by going through all of them."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

from cep.language import ast
from oracle import functions, values
from oracle.order import admit


@dataclass(frozen=True)
class Rows:
    """The rows of a declared table. 'Rows of a file hold since the beginning of time.'"""

    declared: ast.Table
    rows: list[dict[str, values.Value]]

    def at(self, keys):
        """The row of a key; 'a missing row reads as null in every field', so does a key that is null."""
        types = {f.name.text: f.type for f in self.declared.fields}
        wanted = {k.text: functions.given_as(v, types[k.text]) for k, v in zip(self.declared.keys, keys, strict=True)}
        return next((row for row in self.rows if all(equal(row[k], v) for k, v in wanted.items())), None)


def equal(one, other):
    return values.compare("=", one, other) is True


def tables_of(file):
    """The tables of a file by name and ``[]``, their rows read from where they lie."""
    return {f"{d.name.text}[]": Rows(d, read(d)) for d in file.declarations if isinstance(d, ast.Table)}


def read(table):
    if table.path is None:
        return []
    path = Path(table.path)
    with path.open(encoding="utf-8", newline="") as lines:
        if path.suffix == ".csv":
            raw = [{name: text or None for name, text in row.items()} for row in csv.DictReader(lines)]
        else:
            raw = [json.loads(line) for line in lines]
    return [{f.name.text: cell(row.get(f.name.text), f.type) for f in table.fields} for row in raw]


def cell(value, type_):
    """A value as its field holds it; of a CSV file from its text."""
    if value is None:
        return admit(None, type_)
    if isinstance(value, str) and type_.name in ("int", "float"):
        value = {"int": int, "float": float}[type_.name](value)
    if isinstance(value, str) and type_.name == "bool":
        value = value == "true"
    if type_.name == "time":
        value = int(value) * {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[type_.argument]
    return admit(value, type_)


def joined(alias, scope, holds):
    """The row that an alias stands for: that for which `on` is true; None when there is none.

    'Further conditions make the row absent where they are not true.'
    """
    join = scope.joins[alias]
    if scope.current is None and scope.window is not None:
        scope = replace(scope, current=scope.window.events[-1], own=scope.window.alias)
    for row in scope.params[f"{join.type.text}[]"].rows:
        if holds(join.on, replace(scope, given={**scope.given, alias: row})):
            return row
    return None

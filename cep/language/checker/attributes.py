"""Attributes: types as written, and fields made flat.

A record is unfolded into its leaves, which are optional when it is.
Tested by: tests/language/test_check_declarations.py
"""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.checker.report import Reporter, listed, nearest
from cep.model.schema import Attribute
from cep.model.types import DEFAULT_SCALE, MAX_SCALE, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cep.language.checker.declarations import Declarations

_SCALARS: dict[str, Kind] = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "string": "string",
    "time": "time",
    "duration": "duration",
    "decimal": "decimal",
}
_FOREIGN = {
    "integer": "int",
    "long": "int",
    "bigint": "int",
    "number": "float",
    "double": "float",
    "real": "float",
    "boolean": "bool",
    "str": "string",
    "text": "string",
    "varchar": "string",
    "char": "string",
    "timestamp": "time",
    "datetime": "time",
    "date": "time",
    "interval": "duration",
    "timedelta": "duration",
    "money": "decimal",
    "numeric": "decimal",
}


def resolve_type(declarations: Declarations, reporter: Reporter, written: ast.TypeName) -> Type | None:
    """The type that was written; None, and a mistake reported, when there is none."""
    name, argument = written.name, written.argument
    if name in ("list", "map"):
        items = tuple(resolve_type(declarations, reporter, item) for item in written.items)
        known = tuple(item for item in items if item is not None)
        return Type("list" if name == "list" else "map", written.optional, items=known) if known == items else None
    if name in declarations.records:
        if argument is not None:
            reporter.error(written.span, "unknown-type", f"the record {name} takes nothing in parentheses")
            return None
        return Type("record", written.optional, name=name)
    if name not in _SCALARS:
        known_names = [*_SCALARS, *declarations.records, "list", "map"]
        instead = _FOREIGN.get(name.lower()) or nearest(name, known_names)
        hint = f"did you mean `{instead}`?" if instead else f"types are {listed([*_SCALARS])}, and records"
        reporter.error(written.span, "unknown-type", f"there is no type `{name}`", hint)
        return None
    kind = _SCALARS[name]
    if kind == "decimal":
        return _decimal(reporter, written)
    if argument is None:
        return Type(kind, written.optional)
    if kind == "float" and argument == "inf":
        return Type("float", written.optional, infinite=True)
    if kind == "time":
        return _time(reporter, written)
    reporter.error(written.span, "unknown-type", f"`{name}` takes nothing in parentheses", f"write {name}")
    return None


def _decimal(reporter: Reporter, written: ast.TypeName) -> Type | None:
    if written.argument is None:
        return Type("decimal", written.optional, scale=DEFAULT_SCALE)
    text = written.argument
    if text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= MAX_SCALE:
        return Type("decimal", written.optional, scale=int(text))
    reporter.error(
        written.span,
        "unknown-type",
        f"decimal({text}) is no type: a decimal keeps 0 to {MAX_SCALE} digits after the point",
        "write e.g. decimal(2)",
    )
    return None


def _time(reporter: Reporter, written: ast.TypeName) -> Type | None:
    text = written.argument or ""
    if text in ("s", "ms", "us", "ns"):
        return Type("time", written.optional, unit=text)
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        instead = nearest(text, zoneinfo.available_timezones())
        reporter.error(
            written.span,
            "unknown-zone",
            f"time({text}): this is neither a unit (s, ms, us, ns) nor a time zone",
            f"did you mean `{instead}`?" if instead else 'write e.g. time(ms) or time("Europe/Paris")',
        )
        return None
    return Type("time", written.optional, zone=text)


Found = tuple[Attribute | None, ast.Field, str]
"""An attribute (None: its type is wrong), the field it comes from, its flat name."""

MAX_ATTRIBUTES = 1_000
"""Of one stream or record, the fields of its records counted."""

MAX_DEPTH = 16
"""Of records inside records."""


def flatten(
    declarations: Declarations,
    reporter: Reporter,
    fields: Iterable[ast.Field],
    owner: str,
    around: tuple[str, ...] = (),
) -> list[Found]:
    """The flat attributes of fields, records unfolded; None for one whose type is wrong.

    ``around`` are the records in which these fields stand, outermost first.
    """
    out: list[Found] = []
    seen: dict[str, ast.Field] = {}
    for f in fields:
        name = f.name.text
        if name in seen:
            reporter.error(
                f.name.span,
                "duplicate-field",
                f"{owner} has the field `{name}` twice",
                None,
                (("the first is here", reporter.source, seen[name].name.span),),
            )
            continue
        seen[name] = f
        found = resolve_type(declarations, reporter, f.type)
        column = f.column or name
        if found is None:
            out.append((None, f, name))
            continue
        inside = _inside(declarations, reporter, f, found, around) if found.kind == "record" else []
        if inside is not None and len(out) + len(inside) >= MAX_ATTRIBUTES:
            message = f"{owner} has more than {MAX_ATTRIBUTES} fields, those of its records counted"
            reporter.error(f.type.span, "too-many-fields", message, "leave out fields that no rule reads")
            inside = None
        if inside is None:
            out.append((None, f, name))
            continue
        out.append((Attribute(name, found, column), f, name))
        for leaf, _, leaf_name in inside:
            flat = f"{name}.{leaf_name}"
            if leaf is None:
                out.append((None, f, flat))
            else:
                wide = leaf.type.as_optional(leaf.type.optional or found.optional)
                with_record = leaf.with_record or (found.optional and not leaf.type.optional)
                out.append((Attribute(flat, wide, f"{column}.{leaf.column}", with_record), f, flat))
    return out


def _inside(
    declarations: Declarations, reporter: Reporter, f: ast.Field, found: Type, around: tuple[str, ...]
) -> list[Found] | None:
    """The attributes inside a field that is a record, unfolded once for each record; None when it cannot be."""
    assert found.name is not None
    if found.name in around:
        circle = " → ".join([*around[around.index(found.name) :], found.name])
        reporter.error(f.type.span, "cycle", f"the record {found.name} contains itself: {circle}")
        return None
    flat = declarations.flat
    if found.name not in flat and len(around) <= MAX_DEPTH:
        source, record = declarations.records[found.name]
        inner = Reporter(declarations.report, source)
        flat[found.name] = flatten(declarations, inner, record.fields, found.name, (*around, found.name))
    inside = flat.get(found.name)
    if inside is None or any(name.count(".") >= MAX_DEPTH for _, _, name in inside):
        message = f"records stand inside records more than {MAX_DEPTH} deep here"
        reporter.error(f.type.span, "too-many-fields", message, "put the inner fields into an outer record")
        return None
    return inside

"""Arrivals: what is admitted, what is late, and the total order of the rest."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass, field, replace

from cep.language import ast
from oracle.values import Duration, Time, Value


class RejectedError(Exception):
    """A value that its field cannot hold."""


@dataclass(frozen=True)
class Event:
    """One event; ``number`` counts arrivals of its stream, ``rank`` is its place in the total order.

    ``params`` are the values in force when it arrived.
    """

    stream: str
    number: int
    time: int
    values: dict[str, Value]
    rank: tuple[object, ...]
    params: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Declared:
    """A declared stream: its flat fields and their written types, and its time rules.

    ``needed`` are the fields that are not optional by their own word, but perhaps by a record's around them.
    """

    name: str
    fields: dict[str, ast.TypeName]
    time: str
    late: int
    ties: tuple[str, ...]
    position: int
    needed: frozenset[str]


def declared_streams(file):
    """The declared streams of a file by name, in order; 'extends' copies what is not written again."""
    records = {d.name.text: d for d in file.declarations if isinstance(d, ast.Record)}
    out = {}
    for node in file.declarations:
        if isinstance(node, ast.Stream):
            base = out[node.extends.text] if node.extends else None
            fields, needed = (dict(base.fields), set(base.needed)) if base else ({}, set())
            for item in node.fields:
                for name, type_, own in flat(item.name.text, item.type, records):
                    fields[name] = type_
                    needed |= set() if own else {name}
            ordered = node.ordered.text if node.ordered else base.time
            late = node.late.value if node.late else base.late if base else 0
            ties = tuple(n.text for n in node.ties) if node.ties else base.ties if base else ()
            out[node.name.text] = Declared(node.name.text, fields, ordered, late, ties, len(out), frozenset(needed))
    return out


def flat(name, type_, records, inside=False):
    """A field and, of a record, its members under dotted names, each with its type, and whether it is itself optional.

    'in an optional record all are optional'.
    """
    yield name, replace(type_, optional=type_.optional or inside), type_.optional
    if type_.name in records:
        for item in records[type_.name].fields:
            yield from flat(f"{name}.{item.name.text}", item.type, records, inside or type_.optional)


def admit(value, type_):
    """A value as its field holds it. 'Typed fields are required unless `?`' (row 32)."""
    if isinstance(value, float) and math.isnan(value):
        value = None  # 'NaN on input is null (rejected where the field is required)' (row 35b)
    if value is None:
        if not type_.optional:
            raise RejectedError("null")
        return None
    kind = type_.name
    if kind == "list":
        return [admit(element, type_.items[0]) for element in value]
    if kind == "float":
        if math.isinf(value) and type_.argument != "inf":
            raise RejectedError("infinity")
        return float(value)
    if kind == "decimal":
        scale = int(type_.argument or 4)
        exact = decimal.Decimal(value)
        if exact != round(exact, scale):
            raise RejectedError("digits")  # 'input with more digits is rejected, never rounded' (row 35)
        return round(exact, scale)
    kinds = {"int": int, "bool": bool, "string": str, "time": Time, "duration": Duration}
    return kinds.get(kind, lambda record: True)(value)


def admit_all(row, stream):
    """A row's values by flat name. 'A record is null when all its attributes are'; one that is there is whole."""
    found = {}
    for name in stream.fields:
        value = row
        for part in name.split("."):
            value = value.get(part) if value is not None else None
        found[name] = value

    def is_there(record):
        inside = [found[n] for n in found if n.startswith(f"{record}.")]
        return any(value is not None and not isinstance(value, dict) for value in inside)

    out = {}
    for name, type_ in stream.fields.items():
        value, record = found[name], name.rpartition(".")[0]
        if isinstance(value, dict):
            value = True if is_there(name) else None
        if value is None and name in stream.needed and is_there(record):
            raise RejectedError("missing in its record")
        out[name] = admit(value, type_)
    return out


def order(arrivals, streams, params=lambda _: {}):
    """The events of the declared streams and of ``Late.<Stream>`` in total order; the greatest time seen; all fates.

    ``params(place)`` are the values that the arrival at a place meets.
    """
    classes = classes_of(streams)
    counts, seen, events, fates = {}, {}, [], []
    for place, (name, row) in enumerate(arrivals):
        met = params(place)
        stream = streams[name]
        number = counts[name] = counts.get(name, -1) + 1
        try:
            values = admit_all(row, stream)
        except RejectedError:
            fates.append("rejected")
            continue
        time = int(values[stream.time])
        watermark = seen[name] - stream.late if name in seen else None
        if watermark is not None and time < watermark:  # 'Late means time < watermark', of its own stream
            side = f"Late.{name}"
            count = counts[side] = counts.get(side, -1) + 1
            rank = (watermark, len(streams), (), stream.position, count)
            events.append(Event(side, count, watermark, values, rank, met))
            fates.append("late")
            continue
        fates.append("")
        seen[name] = max(seen.get(name, time), time)
        ties = tuple((values[f] is not None, values[f]) for f in stream.ties)
        rank = (time, classes[name], ties, stream.position, number)
        events.append(Event(name, number, time, values, rank, met))
    events.sort(key=lambda e: e.rank)
    return events, max(seen.values(), default=None), fates


def classes_of(streams):
    """'the class of streams with the same `ties by` fields (placed at its first declared member)'."""
    return {
        stream.name: min(s.position for s in streams.values() if s is stream or (s.ties and s.ties == stream.ties))
        for stream in streams.values()
    }


def frontier(arrivals, streams, read):
    """How far all is decided after ``arrivals``: (time, class), by the least watermark of what is read."""
    seen = {}
    for event in order(arrivals, streams)[0]:
        name = event.stream.removeprefix("Late.")
        seen[name] = max(seen.get(name, event.time), event.time)
    if not read <= set(seen):
        return (-float("inf"), 0)
    marks = {name: seen[name] - streams[name].late for name in read}
    least, classes = min(marks.values()), classes_of(streams)
    # 'for one stream without `late` and `ties by` that is when it arrives'; with ties its own class may go on
    kinds = [classes[name] - bool(streams[name].ties) for name in read if marks[name] == least]
    return (least, min(kinds))

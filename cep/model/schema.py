"""Schemas: the attributes of a stream, flat, in column order.

A record is flattened: the field ``where_at: Place?`` gives one attribute ``where_at`` of kind ``record`` (a
presence column) followed by ``where_at.lat``, ``where_at.lon`` and so on. Attributes inside an optional record
are optional. Lists and maps are attributes too; reading them comes later.
Tested by: tests/model/test_schema.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cep.model.types import INT, STRING, Type


@dataclass(frozen=True, slots=True)
class Attribute:
    """One flat, named value of an event. ``column`` is where input has it: its own name unless told otherwise.

    ``with_record`` marks an attribute that is optional only because a record around it is: where that record is
    present, so is the attribute.
    """

    name: str
    type: Type
    column: str
    with_record: bool = False


@dataclass(frozen=True)
class Schema:
    """A stream's name, attributes and time rules.

    ``time`` names the attribute that orders the stream (``ordered by``); derived streams have none, their events
    carry the time of what decided them. ``late`` is in nanoseconds. ``ties`` are attribute names.
    """

    name: str
    attributes: tuple[Attribute, ...]
    time: str | None = None
    late: int = 0
    idle: int | None = None
    ties: tuple[str, ...] = ()
    derived: bool = False

    @cached_property
    def by_name(self) -> dict[str, Attribute]:
        """Attributes by their flat (dotted) name."""
        return {a.name: a for a in self.attributes}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Flat attribute names in column order."""
        return tuple(a.name for a in self.attributes)


def late_schema(schema: Schema) -> Schema:
    """The schema of ``Late.<Stream>``: its attributes, at the watermark that the event came too late for."""
    return Schema(f"Late.{schema.name}", schema.attributes, derived=True)


def rejected_schema(stream: str) -> Schema:
    """The schema of ``Rejected.<Stream>``: which row (from 0), which column, why, and what stood there."""
    text = Type("string", optional=True)
    attributes = (("row", INT), ("column", text), ("reason", STRING), ("value", text))
    return Schema(f"Rejected.{stream}", tuple(Attribute(n, t, n) for n, t in attributes), derived=True)

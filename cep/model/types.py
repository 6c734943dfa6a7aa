"""Types: what a value of the rule language is, and how it lies in a column.

| kind | column | a value |
|---|---|---|
| int | int64 | -2^63 .. 2^63-1 |
| float | float64 | NaN never appears as a valid value: it is null |
| bool | bool | |
| string | int32 codes into a `Text` dictionary | UTF-8 |
| time | int64 | nanoseconds since 1970-01-01T00:00Z |
| duration | int64 | nanoseconds |
| decimal | int64 | a count of 10^-scale, 0 <= scale <= 12 |
| list | int32 codes into a `Lists` dictionary | elements of one type |
| record | bool (presence) | its attributes are columns of their own, with dotted names |
| null | - | the literal ``null`` before it meets a type |

Tested by: tests/model/test_types.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["int", "float", "bool", "string", "time", "duration", "decimal", "record", "list", "map", "null"]

DEFAULT_SCALE = 4
MAX_SCALE = 12


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the rule language.

    ``optional`` admits null. ``scale`` is a decimal's. ``unit`` (s, ms, us, ns) and ``zone`` (an IANA name)
    say how a time is read from input. ``infinite`` is ``float(inf)``. ``name`` is a record's.
    ``items`` are a list's element type, or a map's key and value types.
    """

    kind: Kind
    optional: bool = False
    scale: int = 0
    unit: str | None = None
    zone: str | None = None
    infinite: bool = False
    name: str | None = None
    items: tuple[Type, ...] = ()

    def __str__(self) -> str:
        inner = self.kind
        text: str = inner
        if inner == "decimal" and self.scale != DEFAULT_SCALE:
            text = f"decimal({self.scale})"
        elif inner == "time" and self.unit:
            text = f"time({self.unit})"
        elif inner == "time" and self.zone:
            text = f'time("{self.zone}")'
        elif inner == "float" and self.infinite:
            text = "float(inf)"
        elif inner == "record":
            text = self.name or "record"
        elif inner in ("list", "map"):
            text = f"{inner}<{', '.join(map(str, self.items))}>"
        return f"{text}?" if self.optional else text

    def as_optional(self, optional: bool = True) -> Type:
        """The same type, admitting null or not."""
        return self if self.optional == optional else replace(self, optional=optional)

    def same_kind(self, other: Type) -> bool:
        """Whether values of both lie in a column alike: kind, scale and elements are equal, null rule aside."""
        alike = self.kind == other.kind and self.scale == other.scale and self.name == other.name
        return alike and len(self.items) == len(other.items) and all(map(Type.same_kind, self.items, other.items))

    def joined(self, other: Type) -> Type:
        """The type, of one kind with ``other``, that admits null wherever either does, in elements too."""
        if self == other:
            return self
        items = tuple(map(Type.joined, self.items, other.items))
        return replace(self, optional=self.optional or other.optional, items=items)

    @property
    def is_held(self) -> bool:
        """Whether a column holds such values: maps, and lists of records or maps, come later."""
        return self.kind != "map" and all(i.is_held and i.kind != "record" for i in self.items)

    @property
    def is_number(self) -> bool:
        """Whether arithmetic with plain numbers is defined: int, float, decimal."""
        return self.kind in ("int", "float", "decimal")


INT = Type("int")
FLOAT = Type("float")
BOOL = Type("bool")
STRING = Type("string")
TIME = Type("time")
DURATION = Type("duration")
NULL = Type("null", optional=True)


def list_of(item: Type) -> Type:
    """The type of lists of ``item``."""
    return Type("list", items=(item,))


def decimal(scale: int = DEFAULT_SCALE) -> Type:
    """The decimal type with ``scale`` digits after the point."""
    return Type("decimal", scale=scale)

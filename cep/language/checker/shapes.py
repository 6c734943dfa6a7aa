"""Shapes: what an event looks like to a step that reads one stream, or several at once.

A shape is a schema seen through the checker's eyes: an attribute whose type is unknown (its declaration is wrong) is
there with None, and a shape that is ``open`` has any attribute, so that one mistake is told once.
Tested by: tests/language/test_check.py
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Shape:
    """Attributes by flat name; ``partial`` says why an attribute of some member is no attribute of all."""

    name: str
    streams: tuple[str, ...]
    attributes: Mapping[str, Type | None]
    open: bool = False
    partial: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The first words of all attribute names."""
        return frozenset(name.split(".", 1)[0] for name in self.attributes)


def plain(declared: Type) -> Type:
    """A type as expressions see it: how the input is read (unit, zone, infinity) no longer matters."""
    if declared.items:
        return replace(declared, items=tuple(map(plain, declared.items)))
    if declared.unit is None and declared.zone is None and not declared.infinite:
        return declared
    return Type(declared.kind, declared.optional)


def common(name: str, members: Sequence[Shape]) -> Shape:
    """The shape of an event that may come from any of ``members``."""
    if len(members) == 1:
        return members[0]
    streams = tuple(dict.fromkeys(s for m in members for s in m.streams))
    attributes: dict[str, Type | None] = {}
    partial: dict[str, str] = {}
    for attribute in dict.fromkeys(a for m in members for a in m.attributes):
        lacking = [m.name for m in members if attribute not in m.attributes and not m.open]
        types = [m.attributes[attribute] for m in members if attribute in m.attributes]
        known = [t for t in types if t is not None]
        if lacking:
            partial[attribute] = f"{', '.join(lacking)} has no such field"
        elif len(known) < len(types):
            attributes[attribute] = None
        elif any(not known[0].same_kind(t) for t in known):
            partial[attribute] = "its type is not the same in all of them"
        else:
            attributes[attribute] = reduce(Type.joined, known)
    return Shape(name, streams, attributes, any(m.open for m in members), partial)

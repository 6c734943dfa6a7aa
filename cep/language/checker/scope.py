"""Scopes: what names mean at one place of a rule.

Tested by: tests/language/test_check_names.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language import ast
    from cep.language.checker.names import Names
    from cep.language.checker.shapes import Shape
    from cep.language.checker.tablejoins import JoinedTable
    from cep.language.typed import CheckedKey, Element, Typed


@dataclass(frozen=True, slots=True)
class Variable:
    """An alias: the events it stands for. ``low`` 0: it may have bound none; ``high`` 1: it is no loop.

    ``is_group``: it stands for the iterations of a group, which are counted and have no fields. ``is_repeated``: by
    itself it is no loop, but a group around it is repeated.
    """

    name: str
    shape: Shape
    low: int = 1
    high: int | None = 1
    is_group: bool = False
    is_repeated: bool = False

    @property
    def is_loop(self) -> bool:
        """Whether it stands for several events."""
        return self.high != 1


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in place of a function's parameter; for a record its path, and what names mean where it stands."""

    value: Typed
    path: ast.Path | None = None
    names: Names | None = None


@dataclass(frozen=True)
class Scope:
    """What names mean at one place of a rule.

    ``current`` is the event at hand (None in the ``emit`` of a pattern), ``own`` its alias. ``bound`` are the aliases
    bound before, ``later`` those bound after, ``absent`` those of ``no …``, ``silent`` those of parts that do not run
    yet, ``elsewhere`` (also in ``later``) those of other alternatives. ``keys`` holds None for a key part whose type is
    unknown. ``fold`` is the alias of the aggregate around.
    In the body of a function (place "function") there are ``parameters``, ``depth`` calls deep; where it is declared,
    they are the event at hand. ``elements`` are those that an ``any`` or ``every`` around goes through (None: its type
    is unknown), each with the ``fold`` that it stands in. ``stages`` are what `stage()` calls the steps of the pattern.
    ``counted``: aggregates are over all matches that an event decides, and may be of more than 64 bits hold.
    ``window``: the events that aggregates of a query are over, ``inside`` one of these aggregates None. Where a window
    is refused (``windowed``) there is none. ``joined`` are the aliases of tables.
    """

    place: Literal["step", "absence", "row", "emit", "function"]
    current: Shape | None
    own: Variable | None = None
    bound: Mapping[str, Variable] = field(default_factory=dict)
    later: Mapping[str, Variable] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    keys: Mapping[str, tuple[int, CheckedKey] | None] = field(default_factory=dict)
    windowed: bool = False
    fold: str | None = None
    parameters: Mapping[str, Given] = field(default_factory=dict)
    depth: int = 0
    elements: Mapping[str, tuple[Element | None, str | None]] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    counted: bool = False
    window: Variable | None = None
    inside: bool = False
    joined: Mapping[str, JoinedTable] = field(default_factory=dict)

    def is_alias(self, name: str) -> bool:
        """Whether ``name`` is an alias of this rule."""
        own = self.own is not None and self.own.name == name
        return (
            own
            or name in self.joined
            or name in self.bound
            or name in self.later
            or name in self.absent
            or name in self.silent
        )

    def aliases(self) -> list[str]:
        """The aliases that hints offer."""
        own = [self.own.name] if self.own is not None and not self.own.name.startswith("$") else []
        return [*own, *self.joined, *(n for n in self.bound if not n.startswith("$"))]

"""Columns of a batch that are made when somebody looks at one of them.

A batch that is matched where its memory lies, or whose events nobody reads, costs no column.
Invariant: what makes them reads nothing that others write into.
Tested by: tests/model/test_later.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    import numpy as np

    from cep.model.batch import Column, Text


class LaterColumns(Mapping[str, "Column"]):
    """Columns by name, all made by ``make`` at the first look; ``names`` are theirs."""

    __slots__ = ("_made", "_make", "names")

    def __init__(self, names: Collection[str], make: Callable[[], Mapping[str, Column]]) -> None:
        self.names = names
        self._make: Callable[[], Mapping[str, Column]] | None = make
        self._made: Mapping[str, Column] = {}

    def _all(self) -> Mapping[str, Column]:
        make = self._make
        if make is not None:
            self._made = make()
            self._make = None  # only now: of two threads at once both make the same
        return self._made

    def __getitem__(self, name: str) -> Column:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class TableForm(NamedTuple):
    """What tables whose columns are taken as they lie have in common: all but the rows and where they are.

    ``columns``: by name its number, the dtype it lies in and what to multiply it with. ``texts``: the dictionaries.
    """

    columns: Mapping[str, tuple[int, np.dtype[Any], int]]
    texts: Mapping[str, Text]


class Found(NamedTuple):
    """What somebody wants of a table, found while it was looked at: how many rows, and in which turn, by whose orders.

    It stands where those orders say until somebody else's turn.
    """

    orders: int
    turn: int
    rows: int


class Lies(NamedTuple):
    """Where the columns of such a table lie, by number."""

    form: TableForm
    addresses: tuple[int, ...]
    found: Found | None = None


class Ahead:
    """The orders of who takes the tables of a stream first, so that what they want is found while these are looked at.

    They are good for tables of the ``form`` of up to ``room`` rows. ``owner`` keeps the memory alive in which they
    stand, ``orders`` is its address, 0 for none.
    """

    __slots__ = ("form", "orders", "owner", "room")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Nobody wants anything."""
        self.form: TableForm | None = None
        self.owner: object = None
        self.orders = self.room = 0

    def order(self, form: TableForm, room: int, orders: int, owner: object) -> None:
        """Take note of what is wanted."""
        self.form, self.room, self.orders, self.owner = form, room, orders, owner

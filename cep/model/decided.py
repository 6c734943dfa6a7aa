"""What one call decided: derived events of any number of types, in result order.

A piece has one batch a type, each in order, and for every place in the result order the type that stands there. So
rules whose results alternate cost no batch an event: a sink merges pieces itself, and only who asks for the batches one
after the other gets them cut.
Cost: O(events) to make; O(changes of type) to cut.
Tested by: tests/model/test_decided.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cep.model.batch import AnyArray, EventBatch


@dataclass(frozen=True, eq=False)
class Piece:
    """``batches``, one a type; ``types`` tells which of them stands at each place (None: there is one)."""

    batches: tuple[EventBatch, ...]
    types: AnyArray | None = None

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    @cached_property
    def in_order(self) -> list[EventBatch]:
        """Batches of consecutive events of one type."""
        if self.types is None:
            return list(self.batches)
        ends = np.append(np.flatnonzero(np.diff(self.types)) + 1, self.types.size).tolist()
        at = [0] * len(self.batches)
        out, start = [], 0
        for end in ends:
            which = int(self.types[start])
            batch = self.batches[which]
            whole = end - start == len(batch)
            out.append(batch if whole else batch.take(slice(at[which], at[which] + end - start)))
            at[which] += end - start
            start = end
        return out


_SHOWN = 5  # tables in a notebook


class Decided(Sequence["EventBatch"]):
    """The batches of consecutive events of one type, in result order; cut when they are looked at."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces = tuple([p for p in pieces if len(p)])

    @staticmethod
    def of_one(piece: Piece) -> Decided:
        """What one piece, which is not empty, is alone."""
        out = Decided.__new__(Decided)
        out.pieces = (piece,)
        return out

    @property
    def events(self) -> int:
        """How many events there are."""
        return sum(map(len, self.pieces))

    @cached_property
    def _batches(self) -> list[EventBatch]:
        return [batch for piece in self.pieces for batch in piece.in_order]

    @overload
    def __getitem__(self, place: int) -> EventBatch: ...
    @overload
    def __getitem__(self, place: slice) -> list[EventBatch]: ...
    def __getitem__(self, place: int | slice) -> EventBatch | list[EventBatch]:
        return self._batches[place]

    def __len__(self) -> int:
        return len(self._batches)

    def __eq__(self, other: object) -> bool:
        return self._batches == list(other) if isinstance(other, Sequence) else NotImplemented

    def __add__(self, other: Decided) -> Decided:
        return join((self, other))

    def __radd__(self, other: list[EventBatch]) -> list[EventBatch]:
        return other + self._batches

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._batches)

    def _repr_html_(self) -> str:
        from cep.model.html import batch_table

        batches = [batch for piece in self.pieces for batch in piece.batches]
        more = sum(map(len, batches[_SHOWN:]))
        return "".join(map(batch_table, batches[:_SHOWN])) + (f"<p>and {more:,} events more</p>" if more else "")


def join(parts: Iterable[Decided]) -> Decided:
    """What several calls decided, one after the other."""
    return Decided(piece for part in parts for piece in part.pieces)

"""Periods of `output`: which events of a sequence go out, and when, by their times and what tells them apart.

A period [t, t + d) begins with the first event when none is open. `first` lets that event through at once; `last` gives
the last event of a period at its end, `all` all of them; so for each value of ``per`` by itself. `snapshot` has one
period for all values, and gives the newest event of each value seen so far at its end.

Events are numbers here, given in order, and values are any that hash. What ends at t is given out when all events up to
t are known, so a period may be over and wait. State: `first`, `last` and `all` forget a value with its period;
`snapshot` keeps one event a value, for ever.

Invariants: periods end in the order in which they stand; numbers ascend in each.
Cost: O(1) an event and a period; `snapshot` O(values) a period.
Tested by: tests/runtime/test_periods.py, tests/properties/
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Value = tuple[object, ...]
NEVER = 2**63 - 1
"""The end of a period that 64 bits cannot hold: it never comes."""


@dataclass(slots=True)
class Period:
    """Until when it lasts, and the events to tell of."""

    end: int
    events: list[int] = field(default_factory=list)


class Periods:
    """The periods of `first`, `last` and `all`; ``held_back`` counts the events that do not go out."""

    def __init__(self, mode: Literal["first", "last", "all"], every: int) -> None:
        self.mode, self.every, self.held_back = mode, every, 0
        self.open: OrderedDict[Value, Period] = OrderedDict()  # in the order in which they began
        self.over: list[Period] = []
        self.size = 0  # events that are still to be told of

    @property
    def next_end(self) -> int:
        """When the first of them ends; what is over by an event, and waits, ends all at one time."""
        first = next(iter(self.open.values()), None)
        return min([p.end for p in self.over[:1]] + ([] if first is None else [first.end]), default=NEVER)

    @property
    def untold(self) -> int:
        """How many events nobody was told of yet."""
        return self.size

    @property
    def events(self) -> Iterator[int]:
        """The events that are still to be told of."""
        return chain.from_iterable(p.events for p in chain(self.over, self.open.values()))

    def take(
        self, values: Iterable[Value], times: Iterable[int], numbers: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        """Take events in order; return the places of those that go out at once, and of those that are kept."""
        out: list[int] = []
        kept: dict[int, int] = {}  # by number the place
        for place, (value, time, number) in enumerate(zip(values, times, numbers, strict=True)):
            period = self.open.get(value)
            if period is not None and time >= period.end:
                del self.open[value]
                self.over += [period] if period.events else []
                period = None
            begins = period is None
            if period is None:
                period = self.open[value] = Period(min(time + self.every, NEVER))
            if self.mode == "all" or (begins and self.mode == "last"):
                period.events.append(number)
                kept[number] = place
                self.size += 1
            elif begins:
                out.append(place)
            else:
                self.held_back += 1
                if self.mode == "last":
                    kept.pop(period.events[0], None)
                    period.events[0], kept[number] = number, place
        return out, sorted(kept.values())

    def ended(self, until: int) -> list[Period]:
        """Take out what ends before ``until``."""
        out, self.over = [p for p in self.over if p.end < until], [p for p in self.over if p.end >= until]
        while self.open:
            first = next(iter(self.open.values()))
            if first.end >= until:
                break
            self.open.popitem(last=False)
            out += [first] if first.events else []
        self.size -= sum(len(p.events) for p in out)
        return out


class Snapshots:
    """The periods of `snapshot`: one for all values."""

    mode = "snapshot"

    def __init__(self, every: int) -> None:
        self.every, self.held_back = every, 0
        self.newest: dict[Value, int] = {}  # in the order in which the values were first seen
        self.end: int | None = None
        self.since = 0  # the first event of the period that is open, or was last
        self.over: list[Period] = []

    @property
    def next_end(self) -> int:
        """When the first of them ends."""
        ends = [p.end for p in self.over[:1]] + ([] if self.end is None else [self.end])
        return min(ends, default=NEVER)

    @property
    def events(self) -> Iterator[int]:
        """The events that are still to be told of; one may be there twice."""
        return chain(chain.from_iterable(p.events for p in self.over), self.newest.values())

    @property
    def untold(self) -> int:
        """How many events nobody was told of yet."""
        waiting = {n for p in self.over for n in p.events} if self.over else set()
        return len(waiting | ({n for n in self.newest.values() if n >= self.since} if self.end is not None else set()))

    @property
    def size(self) -> int:
        """About how many events are still to be told of."""
        return len(self.newest) + sum(len(p.events) for p in self.over)

    def take(
        self, values: Iterable[Value], times: Iterable[int], numbers: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        """Take events in order; none goes out at once; return the places of those that are kept as well."""
        kept: dict[int, int] = {}
        for place, (value, time, number) in enumerate(zip(values, times, numbers, strict=True)):
            if self.end is not None and time >= self.end:
                self._finish()
            if self.end is None:
                self.end, self.since = min(time + self.every, NEVER), number
            before = self.newest.get(value, -1)
            if before >= self.since:  # nobody was told of that one, and nobody will be
                self.held_back += 1
                kept.pop(before, None)
            self.newest[value], kept[number] = number, place
        return [], sorted(kept.values())

    def ended(self, until: int) -> list[Period]:
        """Take out what ends before ``until``."""
        if self.end is not None and self.end < until:
            self._finish()
        out, self.over = [p for p in self.over if p.end < until], [p for p in self.over if p.end >= until]
        return out

    def _finish(self) -> None:
        assert self.end is not None
        self.over.append(Period(self.end, sorted(self.newest.values())))
        self.end = None

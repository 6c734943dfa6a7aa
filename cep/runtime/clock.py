"""Stream clocks: how far the event time of each declared stream is known to be complete.

The watermark of a stream is the highest time seen less ``late``, or what ``advance`` promised if that is more; it never
falls. An event with a time below it *when it arrives* is late. A frontier joins the clocks of a part: no event that
stands at or before it in the total order can still arrive.
References: Tucker et al., TKDE 15(3), 2003; Akidau et al., PVLDB 14(12), 2021.
Cost: O(events of a batch) to judge it, O(streams) for a frontier.
Tested by: tests/runtime/test_clock.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cep.model.time import MIN_TIME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cep.model.batch import BoolArray, Int64Array
    from cep.plan.plan import StreamPlace
    from cep.runtime.snapshot import State, Stored

NOTHING = -1
EVERYTHING = 2**31


class Frontier(NamedTuple):
    """Decided: all events below ``time``, and at ``time`` those of classes up to ``kind``; deadlines below ``time``."""

    time: int
    kind: int


class StreamClock:
    """The clock of one declared stream."""

    __slots__ = ("_floor", "_late", "ended", "highest", "place")

    def __init__(self, place: StreamPlace, late: int) -> None:
        self.place = place
        self.highest = MIN_TIME  # of all events seen, late ones too
        self.ended = False
        self._late = late
        self._floor = MIN_TIME  # what advance() promised

    @property
    def is_prompt(self) -> bool:
        """Whether each event is decided when it arrives, where no other stream is waited for."""
        return self._late == 0 and not self.place.has_ties

    @property
    def watermark(self) -> int:
        """No event below this is taken any more."""
        highest = self._less_late(self.highest) if self._late else self.highest
        return highest if highest > self._floor else self._floor

    def advance(self, to: int) -> None:
        """Promise that no event below ``to`` will come."""
        self._floor = max(self._floor, to)

    def takes(self, first: int, last: int) -> bool:
        """Take note of arrivals in order; False (and nothing is noted) when some of them are late."""
        if first < self.watermark:
            return False
        if last > self.highest:
            self.highest = last
        return True

    def takes_one(self, time: int) -> bool:
        """Take note of one arrival; False (and nothing is noted) when it is late."""
        if time < self.highest or time < self._floor:
            return self.takes(time, time)
        self.highest = time
        return True

    def judge(self, ts: Int64Array) -> tuple[BoolArray | None, Int64Array | None]:
        """Take note of arrivals; return which of them are late and the watermark each met, or (None, None) for none."""
        if not ts.size:
            return None, None
        if (ts.size == 1 or bool((ts[1:] >= ts[:-1]).all())) and self.takes(int(ts[0]), int(ts[-1])):
            return None, None
        met = self.watermarks(ts)
        late = ts < met
        self.highest = max(self.highest, int(ts.max()))
        return (late, met) if late.any() else (None, None)

    def watermarks(self, ts: Int64Array) -> Int64Array:
        """The watermark that each arrival meets (its own time cannot make itself late, so it may count)."""
        highest = np.maximum.accumulate(np.concatenate([[self.highest], ts]))[1:]
        met: Int64Array = np.maximum(np.maximum(highest, MIN_TIME + self._late) - self._late, self._floor)
        return met

    def state(self) -> State:
        """What the clock remembers: all but its stream's place and allowance."""
        return {"highest": self.highest, "floor": self._floor, "ended": self.ended}

    def restore(self, stored: Stored) -> None:
        """Take over what a clock remembered."""
        self.highest = stored.whole("highest", MIN_TIME, 2**63 - 1)
        self._floor = stored.whole("floor", MIN_TIME, 2**63 - 1)
        self.ended = stored.truth("ended")

    def _less_late(self, time: int) -> int:
        return time - self._late if time > MIN_TIME + self._late else MIN_TIME


def joint_frontier(clocks: Iterable[StreamClock]) -> Frontier:
    """The frontier of a part from the clocks of its streams."""
    clocks = tuple(clocks)
    if len(clocks) == 1 and not clocks[0].ended:  # asked at every event that comes alone: without lists of one
        (clock,) = clocks
        return Frontier(clock.watermark, clock.place.kind - 1 if clock.place.has_ties else clock.place.kind)
    running = []
    highest = promised = MIN_TIME
    for clock in clocks:
        highest, promised = max(highest, clock.highest), max(promised, clock.watermark)
        if not clock.ended:
            running.append((clock.watermark, clock.place))
    if not running:  # all have ended: everything up to the greatest time seen is decided
        return Frontier(max(highest + 1, promised), NOTHING)
    time = min(w for w, _ in running)
    # at the watermark itself: an event of a later class still waits for this stream; with ties, one of its own class
    # too
    kinds = [p.kind - 1 if p.has_ties else p.kind for w, p in running if w == time]
    return Frontier(time, min(kinds))


END_OF_TIME = Frontier(2**63 - 1, EVERYTHING)
"""Time has run out: every deadline has passed."""

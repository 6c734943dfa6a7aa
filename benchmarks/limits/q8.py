"""Q8 by hand: rule by rule over each batch, so that a rule's state is near while it is used; each rule as in Q2.

For each rule the events above its price of its three letters are selected, without a branch, and matched by lists. To
go event by event through the rules that want it touches the state of all rules at every event, and took 1.3 times as
long.

Invariant: as `benchmarks.limits.q2` has it, for each rule on its own; there is one ring a rule.
Cost: O(events) for each rule's selection, vectorised; O(selected events + runs that get their second event).
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from benchmarks.limits.bits import in_order, list_bits
from benchmarks.limits.q2 import BOUND_MS
from benchmarks.stream import BATCH_ROWS, KEYS, TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.many import Shape
    from benchmarks.stream import Ticks


class Runs(NamedTuple):
    """By rule: the ring of runs, and for each key the newest run that waits for the second event, and for the third."""

    start: np.ndarray
    behind: np.ndarray
    first: np.ndarray
    second: np.ndarray
    wait: np.ndarray


class Found(NamedTuple):
    """The emitted columns; only the first ones are filled."""

    rule: np.ndarray
    key: np.ndarray
    first: np.ndarray
    second: np.ndarray
    third: np.ndarray


@njit(error_model="numpy", nogil=True)
def select(letter, price, wanted, least, words, rows):
    """Write the rows above ``least`` whose letter's bit is ``wanted``; return how many."""
    full = letter.size >> 6
    for word in range(full):  # a loop of constant length becomes vector operations
        bits = np.uint64(0)
        for j in range(64):
            i = word * 64 + j
            bits |= np.uint64(((wanted >> letter[i]) & 1 != 0) & (price[i] > least)) << np.uint64(j)
        words[word] = bits
    words[full] = 0
    for i in range(full * 64, letter.size):
        words[full] |= np.uint64(((wanted >> letter[i]) & 1 != 0) & (price[i] > least)) << np.uint64(i & 63)
    return list_bits(words, full + 1, rows)


@njit(error_model="numpy", nogil=True)
def find_chains(batch, rule, letters, least, places, runs, words, rows, out):
    """Match one batch by one rule; return what stopped it: 0 done, 1 its ring is too small, 2 no room for results.

    ``places`` has for each rule [number of its next run, selected row to begin with]; its last row is [time of the last
    event, results].
    """
    ts, key, letter, price = batch.ts, batch.key, batch.type, batch.price
    place, common = places[rule], places[places.shape[0] - 1]
    start, behind, first, second = runs.start[rule], runs.behind[rule], runs.first[rule], runs.second[rule]
    wait = runs.wait[rule]
    wanted = (1 << letters[0]) | (1 << letters[1]) | (1 << letters[2])
    selected = select(letter, price, np.int32(wanted), least, words, rows)
    ring = start.size
    mask = ring - 1
    head, found = place[0], common[1]
    oldest = max(head - ring, 0)
    for x in range(place[1], selected):
        i = rows[x]
        k = key[i]
        which = letter[i]
        if which == letters[0]:
            at = head & mask
            if ts[i] - start[at] <= BOUND_MS:
                place[0], place[1], common[1] = head, x, found
                return 1
            start[at] = ts[i]
            first[at] = price[i]
            behind[at] = wait[k, 0]
            wait[k, 0] = head
            head += 1
            oldest = max(head - ring, 0)
        elif which == letters[1]:
            newest = run = wait[k, 0]
            alive = np.int64(-1)
            while run >= oldest and ts[i] - start[run & mask] <= BOUND_MS:
                second[run & mask] = price[i]
                alive = run
                run = behind[run & mask]
            if alive >= 0:
                behind[alive & mask] = wait[k, 1]
                wait[k, 1] = newest
            wait[k, 0] = -1
        else:
            run = wait[k, 1]
            before = found
            while run >= oldest and ts[i] - start[run & mask] <= BOUND_MS:
                if found == out.key.size:
                    place[0], place[1], common[1] = head, x, before
                    return 2
                out.rule[found] = rule
                out.key[found] = k
                out.first[found] = first[run & mask]
                out.second[found] = second[run & mask]
                out.third[found] = price[i]
                found += 1
                run = behind[run & mask]
            wait[k, 1] = -1
    place[0], place[1], common[1] = head, 0, found
    return 0


@njit(error_model="numpy", nogil=True)
def find_all(batch, begin, letters, least, places, runs, words, rows, out):
    """Match one batch by the rules from ``begin`` on; return where it came to, and what stopped it (3: time fell)."""
    rules = letters.shape[0]
    if begin == 0 and places[0, 1] == 0 and in_order(batch.ts, places[rules, 0]) == 0:
        return 0, 3
    for rule in range(begin, rules):
        stopped = find_chains(batch, rule, letters[rule], least[rule], places, runs, words, rows, out)
        if stopped != 0:
            return rule, stopped
    places[rules, 0] = batch.ts[batch.ts.size - 1]
    return rules, 0


class Limit:
    """Q8 over batches; room for results grows, and is kept."""

    def __init__(self, events: int, shapes: Sequence[Shape], ring: int = 1024) -> None:
        self._letters = np.array([[TYPES.index(letter) for letter in shape.letters] for shape in shapes], np.int32)
        self._least = np.array([shape.price for shape in shapes])
        self._out = _room(events + 1)
        self._words = np.zeros(BATCH_ROWS // 64 + 1, np.uint64)
        self._rows = np.zeros(BATCH_ROWS, np.int32)
        self._ring = ring
        self.reset()

    def reset(self) -> None:
        """Forget what was taken."""
        rules, ring = self._least.size, self._ring
        self._places = np.zeros((rules + 1, 2), np.int64)
        self._places[:rules, 0] = ring
        self._places[rules, 0] = -(2**63)
        never = np.full((rules, ring), -(2**62), np.int64)
        numbers = np.full((rules, ring), -1, np.int64)
        prices = np.zeros((rules, ring)), np.zeros((rules, ring))
        self._runs = Runs(never, numbers, *prices, np.full((rules, KEYS, 2), -1, np.int64))

    def take(self, batch: Ticks) -> None:
        """Take the next batch; ValueError when time goes back."""
        tables = self._letters, self._least, self._places
        rule, stopped = find_all(batch, 0, *tables, self._runs, self._words, self._rows, self._out)
        while stopped:
            if stopped == 3:
                msg = "time goes back"
                raise ValueError(msg)
            if stopped == 1:
                self._double_rings()
            else:
                self._double_room()
            rule, stopped = find_all(batch, rule, *tables, self._runs, self._words, self._rows, self._out)

    def close(self) -> None:
        """Nothing waits."""

    def _double_rings(self) -> None:
        old, ring = self._runs, self._runs.start.shape[1]
        columns = [np.full((len(c), 2 * ring), -1, c.dtype) for c in old[:4]]
        columns[0].fill(-(2**62))
        wait = old.wait
        for rule, head in enumerate(self._places[:-1, 0].tolist()):
            numbers = np.arange(head - ring, head)
            for column, before in zip(columns, old[:4], strict=True):
                column[rule, numbers & (2 * ring - 1)] = before[rule, numbers & (ring - 1)]
            # what had been overwritten before must not be taken for a run of the wider ring
            for links in (columns[1][rule], wait[rule]):
                links[links < head - ring] = -1
        self._runs = Runs(*columns, wait)

    def _double_room(self) -> None:
        old, wider = self._out, _room(2 * self._out.key.size)
        for column, before in zip(wider, old, strict=True):
            column[: before.size] = before
        self._out = wider

    @property
    def found(self) -> dict[str, np.ndarray]:
        """The emitted columns, and the number of each event's rule."""
        return {name: column[: self._places[-1, 1]] for name, column in self._out._asdict().items()}


def _room(events: int) -> Found:
    return Found(np.zeros(events, np.int32), np.zeros(events, np.int32), *(np.zeros(events) for _ in range(3)))

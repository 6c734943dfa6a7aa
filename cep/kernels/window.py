"""Windows: the events that a rule keeps of each key, and which of them each window holds.

Rows are those of `cep.kernels.runs` (TS, STREAM, SEQ, then nulls, key and values), but that NO links a row to the next
of its key, and BITS is the number of the version of the rule's params that the event met.

- ``keys``: a row a key: HEAD and TAIL of its list of rows, COUNT of them; FIRST and LAST, the times of the first and
  last event of the session that is open; BROKEN, whether an event has come that is not part of it.
- ``counts``: USED rows of the table, FREE the first that is free (they are linked), LIVE rows.

The events of a window stand next to each other among those of its key. So, with the rows of several keys one key after
the other, ``ends`` cutting them, each window is a stretch ``found[w, LOW] <= row < found[w, HIGH]``, decided at
``found[w, AT]``; of one key neither bound ever falls from one window to the next, and so both move over each row once.
A time or a sum of times beyond 64 bits is the last there is, which is never reached.
Cost: O(rows + windows) for all windows of some keys together.
Tested by: tests/kernels/test_window.py, tests/properties/test_windows.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Vector, Whole, kernel
from cep.kernels.runs import NO, TS

HEAD, TAIL, COUNT, FIRST, LAST, BROKEN, KEY_WIDTH = range(7)
USED, FREE, LIVE = range(3)
LOW, HIGH, AT, WINDOW_WIDTH = range(4)
# what is left of a key: how many of its rows nothing needs any more, when it is to be looked at again, FIRST of what is
# left
DROPPED, WAKES, BEGINS, LEFT_WIDTH = range(4)
# what the windows are: lengths, what has been decided before, what is now; how far a call has come
LENGTH, EVERY, DONE, UNTIL, FOUND, KEY, SPAN_WIDTH = range(7)
LAST_TIME = np.int64(2**63 - 1)
FIRST_TIME = np.int64(-(2**63))


@kernel(types.int64(Integer, Integer), inline=True)
def later(time: Whole, length: Whole) -> Whole:
    """The time a length after another, or the last there is."""
    return time + length if time <= LAST_TIME - length else LAST_TIME


@kernel(types.int64(Integer, Integer), inline=True)
def earlier(time: Whole, length: Whole) -> Whole:
    """The time a length before another, or the first there is."""
    return time - length if time >= FIRST_TIME + length else FIRST_TIME


@kernel(types.int64(Integer, Integer), inline=True)
def next_end(time: Whole, every: Whole) -> Whole:
    """The first multiple of ``every`` after a time, or the last time there is."""
    number = time // every + 1
    return number * every if number <= LAST_TIME // every else LAST_TIME


@kernel(types.int64(Matrix, Vector, Matrix, Matrix, Vector, Integer, Integer))
def append_rows(
    rows: IntArray, counts: IntArray, keys: IntArray, block: IntArray, slots: IntArray, gap: Whole, most: Whole
) -> Whole:
    """Return how many rows of a block there was room for; each becomes the last of its key. O(rows).

    ``gap`` and ``most`` are those of a session, else the last time there is.
    """
    for i in range(block.shape[0]):
        at = counts[FREE]
        if at >= 0:
            counts[FREE] = rows[at, NO]
        elif counts[USED] < rows.shape[0]:
            at = counts[USED]
            counts[USED] = at + 1
        else:
            return i
        for j in range(block.shape[1]):
            rows[at, j] = block[i, j]
        rows[at, NO] = -1
        counts[LIVE] += 1
        slot, ts = slots[i], block[i, TS]
        if keys[slot, COUNT] == 0:
            keys[slot, HEAD], keys[slot, FIRST], keys[slot, BROKEN] = at, ts, 0
        else:
            rows[keys[slot, TAIL], NO] = at
            if ts > min(later(keys[slot, LAST], gap), later(keys[slot, FIRST], most)):
                keys[slot, BROKEN] = 1
        keys[slot, TAIL], keys[slot, LAST] = at, ts
        keys[slot, COUNT] += 1
    return np.int64(block.shape[0])


@kernel(types.int64(Matrix, Matrix, Vector, Vector))
def list_rows(rows: IntArray, keys: IntArray, slots: IntArray, out: IntArray) -> Whole:
    """Return how many rows some keys have; their places go to ``out``, one key after the other. O(rows)."""
    n = np.int64(0)
    for slot in slots:
        at = keys[slot, HEAD]
        for _ in range(keys[slot, COUNT]):
            out[n] = at
            n += 1
            at = rows[at, NO]
    return n


@kernel(types.int64(Matrix, Vector, Matrix, Vector, Matrix))
def drop_rows(rows: IntArray, counts: IntArray, keys: IntArray, slots: IntArray, left: IntArray) -> Whole:
    """Return how many rows have been freed: of each key the first DROPPED ones. O(rows freed)."""
    n = np.int64(0)
    for k in range(slots.size):
        slot = slots[k]
        at = keys[slot, HEAD]
        for _ in range(left[k, DROPPED]):
            after = rows[at, NO]
            rows[at, NO] = counts[FREE]
            counts[FREE] = at
            at = after
            n += 1
        keys[slot, HEAD] = at
        keys[slot, COUNT] -= left[k, DROPPED]
        keys[slot, FIRST], keys[slot, BROKEN] = left[k, BEGINS], 0
    counts[LIVE] -= n
    return n


@kernel(types.int64(Vector, Vector, Matrix, Matrix, Vector))
def list_panes(ts: IntArray, ends: IntArray, found: IntArray, left: IntArray, span: IntArray) -> Whole:
    """Return how many keys are done: their windows [end - LENGTH, end), of ends at multiples of EVERY, which are not
    empty and end from DONE on and before UNTIL. The call that is told fewer keys goes on when there is more room.
    O(rows + windows).
    """
    length, every, until = span[LENGTH], span[EVERY], span[UNTIL]
    count = span[FOUND]
    for key in range(span[KEY], ends.size - 1):
        stop = ends[key + 1]
        low = high = ends[key]
        end = next_end(max(ts[low], span[DONE] - 1), every)
        while end < until:
            begin = earlier(end, length)
            while low < stop and ts[low] < begin:
                low += 1
            high = max(high, low)
            while high < stop and ts[high] < end:
                high += 1
            if high > low:
                if count == found.shape[0]:
                    span[KEY] = key
                    return key
                found[count, LOW], found[count, HIGH], found[count, AT] = low, high, end
                count += 1
                end = later(end, every)
            elif low == stop:
                end = LAST_TIME
            else:
                end = next_end(ts[low], every)
        span[FOUND] = count
        # what is in no window to come goes: the next one ends at the first multiple from UNTIL on
        low, end = ends[key], LAST_TIME
        while low < stop:
            end = next_end(max(ts[low], until - 1), every)
            if ts[low] >= earlier(end, length):
                break
            low += 1
        left[key, DROPPED] = low - ends[key]
        left[key, WAKES] = end
        left[key, BEGINS] = ts[low] if low < stop else 0
    span[KEY] = ends.size - 1
    return np.int64(ends.size - 1)


@kernel(types.int64(Vector, Vector, Matrix, Matrix, Vector))
def list_sessions(ts: IntArray, ends: IntArray, found: IntArray, left: IntArray, span: IntArray) -> Whole:
    """Return how many keys are done: their sessions, of events at most LENGTH apart and EVERY from first to last, whose
    deadlines have passed before UNTIL. There is room: no more windows than rows. O(rows).
    """
    count = span[FOUND]
    for key in range(ends.size - 1):
        stop = ends[key + 1]
        first = ends[key]
        deadline: Whole = LAST_TIME
        while first < stop:
            limit = later(ts[first], span[EVERY])
            deadline = later(ts[first], min(span[LENGTH], span[EVERY]))
            after = first + 1
            while after < stop and ts[after] <= deadline:
                reach = later(ts[after], span[LENGTH])
                deadline = reach if reach < limit else limit
                after += 1
            if deadline >= span[UNTIL]:
                break
            found[count, LOW], found[count, HIGH], found[count, AT] = first, after, deadline
            count += 1
            first, deadline = after, LAST_TIME
        left[key, DROPPED] = first - ends[key]
        left[key, WAKES] = deadline
        left[key, BEGINS] = ts[first] if first < stop else 0
    span[FOUND] = count
    return np.int64(ends.size - 1)


@kernel(types.int64(Vector, Vector, Vector, Matrix, Matrix, Vector))
def list_latest(
    ts: IntArray, ends: IntArray, fresh: IntArray, found: IntArray, left: IntArray, span: IntArray
) -> Whole:
    """Return how many windows there are: one for each of the last ``fresh`` events of each key, which ends with it and
    holds what is less than LENGTH older (0: whatever is), EVERY events at most. O(rows).

    An event is needed until what comes from UNTIL on is too late for it.
    """
    length, most, until = span[LENGTH], span[EVERY], span[UNTIL]
    count = np.int64(0)
    for key in range(ends.size - 1):
        stop = ends[key + 1]
        low = ends[key]
        for i in range(stop - fresh[key], stop):
            while length > 0 and ts[low] <= earlier(ts[i], length):
                low += 1
            low = max(low, i + 1 - most)
            found[count, LOW], found[count, HIGH], found[count, AT] = low, i + 1, ts[i]
            count += 1
        while low < stop and length > 0 and ts[low] <= earlier(until, length):
            low += 1
        low = max(low, stop + 1 - most)
        left[key, DROPPED] = low - ends[key]
        left[key, WAKES] = later(ts[stop - 1], length) if low < stop and length > 0 else LAST_TIME
        left[key, BEGINS] = 0
    return count


@kernel(types.int64(Vector, Vector, Matrix, Matrix, Vector))
def list_batches(ts: IntArray, ends: IntArray, found: IntArray, left: IntArray, span: IntArray) -> Whole:
    """Return how many windows of EVERY events each there are, from the first event of each key on. O(windows)."""
    size, count = span[EVERY], np.int64(0)
    for key in range(ends.size - 1):
        low = ends[key]
        while low + size <= ends[key + 1]:
            found[count, LOW], found[count, HIGH], found[count, AT] = low, low + size, ts[low + size - 1]
            count += 1
            low += size
        left[key, DROPPED] = low - ends[key]
        left[key, WAKES] = LAST_TIME
        left[key, BEGINS] = 0
    return count

"""Windows: which events each window of a query holds, and what decides it; every window by itself, from the text."""

from __future__ import annotations

from oracle.sequence import BY_EVENT, BY_WINDOW
from oracle.values import HIGH


def windows(window, mine, horizon):
    """(decider, events, start, end) of each window of one key's events, which are in the total order."""
    length = None if window.duration is None else window.duration.value
    every = None if window.every is None else window.every.value
    match window.kind:
        case "sliding" if every is None:
            yield from sliding(mine, length)
        case "sliding":
            yield from panes(mine, length, every, horizon)
        case "tumbling":
            yield from panes(mine, every, every, horizon)
        case "sliding_count":
            yield from latest(mine, window.count, length)
        case "tumbling_count":
            yield from batches(mine, window.count)
        case "session":
            yield from sessions(mine, length, every, horizon)


def by_event(events, start, end):
    """What is decided by the last of some events."""
    return (events[-1].time, BY_EVENT, events[-1].rank), events, start, end


def by_deadline(deadline, events, start, end):
    return (deadline, BY_WINDOW, ()), events, start, end


def sliding(mine, length):
    """'At each event, the events of (t - d, t] up to it in the total order.'"""
    for n, event in enumerate(mine):
        yield by_event([e for e in mine[: n + 1] if e.time > event.time - length], event.time - length, event.time)


def latest(mine, count, length):
    """'At each event the last n up to it; with `within d` those of them in (t - d, t].'"""
    for n, event in enumerate(mine):
        events = mine[max(0, n + 1 - count) : n + 1]
        if length is not None:
            events = [e for e in events if e.time > event.time - length]
        yield by_event(events, events[0].time, event.time)


def batches(mine, count):
    """'n events, then the next n; decided at the last of them.'"""
    for n in range(count, len(mine) + 1, count):
        yield by_event(mine[n - count : n], mine[n - count].time, mine[n - 1].time)


def panes(mine, length, every, horizon):
    """'[s, e), the ends at multiples of `every` since 1970 in UTC; decided when the watermark has passed e.'"""
    ends = set()
    for event in mine:
        first = (event.time // every + 1) * every
        ends |= set(range(first, event.time + length + 1, every))
    for end in sorted(ends):
        events = [e for e in mine if end - length <= e.time < end]
        if events and end <= horizon and end < HIGH:
            yield by_deadline(end, events, end - length, end)


def sessions(mine, gap, most, horizon):
    """'Closed on both ends; joined when at most the gap lies between, and at most `max` from the first.'

    'It comes out when nothing can join it any more: at last + gap, or first + max if that is earlier.'
    """
    groups = []
    for event in mine:
        group = groups[-1] if groups else None
        if group is None or event.time - group[-1].time > gap or (most and event.time - group[0].time > most):
            groups.append([event])
        else:
            group.append(event)
    for group in groups:
        deadline = min(group[-1].time + gap, group[0].time + most if most else HIGH)
        if deadline <= horizon and deadline < HIGH:
            yield by_deadline(deadline, group, group[0].time, group[-1].time)

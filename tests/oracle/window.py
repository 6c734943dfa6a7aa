"""Windows: which events each window of a query holds, and what decides it; every window by itself, from the text."""

from __future__ import annotations

from oracle.calendar import offset
from oracle.sequence import BY_EVENT, BY_WINDOW
from oracle.values import HIGH


def windows(window, mine, horizon, ask):
    """(decider, events, start, end) of each window of one key's events, which are in the total order.

    Behind these stand the event that the window ends with, and what it comes from, where that is something else.
    ``ask(expression, event)`` evaluates for one event.
    """
    length = None if window.duration is None else window.duration.value
    every = None if window.every is None else window.every.value
    match window.kind:
        case "sliding" if every is None:
            yield from sliding(mine, length)
        case "sliding":
            yield from panes(mine, length, every, horizon)
        case "tumbling" if window.zone is not None:
            yield from calendar(mine, every, window.zone, horizon)
        case "tumbling":
            yield from panes(mine, every, every, horizon)
        case "sliding_count":
            yield from latest(mine, window.count, length)
        case "tumbling_count":
            yield from batches(mine, window.count)
        case "session":
            yield from sessions(mine, length, every, horizon)
        case "latest_per":
            yield from newest(mine, window.count or 1, [[ask(p, e) for p in window.per] for e in mine])
        case "ranked":
            yield from best(mine, window.count, [ask(window.by, e) for e in mine], window.order)
        case "unbounded":
            for n, event in enumerate(mine):  # 'for each event all events up to it'; 'its lineage is that event alone'
                yield (*by_event(mine[: n + 1], mine[0].time, event.time), event, [event])


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


def calendar(mine, step, zone, horizon):
    """'A stretch of local time begins at the first instant at which the clocks show its first time or a later one, and
    lasts until the next begins.'
    """
    groups = {}
    for event in mine:
        number = furthest(event.time, zone) // step
        groups.setdefault((first_shown(number * step, zone), first_shown((number + 1) * step, zone)), []).append(event)
    for (start, end), events in groups.items():
        if end <= horizon and end < HIGH:
            yield by_deadline(end, events, start, end)


def shown(time, zone):
    """What the clocks show, in ns since 1970."""
    return time + offset(time // 10**9, zone) * 10**9


def furthest(time, zone):
    """The greatest time that the clocks have shown so far: they are set at whole minutes, a day back at most."""
    minute = 60 * 10**9
    return max(
        shown(time, zone), *(shown(m, zone) for m in (time // minute * minute - 1 - n * minute for n in range(1500)))
    )


def first_shown(local, zone):
    """The first instant, to the minute or as the clocks run, at which they show a time or a later one."""
    minute = 60 * 10**9
    at = (local - 26 * 3600 * 10**9) // minute * minute
    while shown(at + minute - 1, zone) < local:
        at += minute
    return at if shown(at, zone) >= local else at + local - shown(at, zone)


def newest(mine, count, values):
    """'At each event the last n of each value of k'; 'an event for which a value of `per` is null is in none.'"""
    known = [(e, v) for e, v in zip(mine, values, strict=True) if None not in v]
    for n, (event, _) in enumerate(known):
        so_far = known[: n + 1]
        kept = [e for m, (e, v) in enumerate(so_far) if sum(w == v for _, w in so_far[m:]) <= count]
        yield by_event(kept, kept[0].time, event.time)


def best(mine, count, values, order):
    """'The n greatest so far, with `asc` the least, of equals the first that came; best first.' 'It comes out at an
    event that is among them.'
    """
    known = [(e, v) for e, v in zip(mine, values, strict=True) if v is not None]
    for n, (event, _) in enumerate(known):
        ranked = sorted(known[: n + 1], key=lambda pair: pair[1], reverse=order != "asc")  # keeps the order of equals
        events = [e for e, _ in ranked[:count]]
        if event in events:
            decider, *_ = by_event([event], 0, 0)
            yield decider, events, min(e.time for e in events), event.time, event


def spans(mine, inside, window, is_boundary):
    """'From an event A to the next event B, both inside; a second A changes nothing; what would do both closes the span
    that is open, else it opens one.' 'The boundaries are not counted unless they are of the query.'
    """
    begun = None
    for n, event in enumerate(mine):
        if begun is None:
            begun = n if is_boundary(window.opens, event) else None
        elif is_boundary(window.closes, event):
            events = [e for e in mine[begun : n + 1] if e in inside]
            ends = [e for e in (mine[begun], event) if e not in inside]
            if events:
                decider, *_ = by_event([event], 0, 0)
                yield decider, events, mine[begun].time, event.time, event, events + ends
            begun = None


def told_early(window, mine):
    """'At each event each window that holds it is told of as it is now; what it was before is taken back first.'

    (event, op, events, start, end): the windows are those of all events up to it that hold it, by their ends.
    """
    for n, event in enumerate(mine):
        now = of_time(window, mine[: n + 1])
        before = {decider[0] if window.kind != "session" else start: (events, start, end)
                  for decider, events, start, end in of_time(window, mine[:n])}  # fmt: skip
        for decider, events, start, end in sorted(now, key=lambda found: found[0]):
            if event in events:
                held = events[:-1]
                if held:
                    was = before[decider[0] if window.kind != "session" else start]
                    if was[0] == held:
                        yield event, "-", *was
                yield event, "+", events, start, end


def of_time(window, mine):
    return list(windows(window, mine, float("inf"), None))

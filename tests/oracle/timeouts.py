"""Timeouts: which starts run out of time, and with which of their partial matches."""

from __future__ import annotations

from oracle.sequence import BY_EVENT, BY_TIMEOUT, MOST, Candidate, TooManyError, allowed
from oracle.tree import FOREVER


def timeouts(search, found, skip, consume, where):
    """The timeouts of one key in their order, as candidates whose completion is what they are due at.

    ``found`` are the matches; ``where`` says of a candidate whether the condition of `on timeout` holds.
    """
    out, due = [], []
    for start in range(len(search.events)):
        partial = timed_out(search, start, found, consume)
        if partial is not None and has_its_start(partial, found, skip):
            due.append(partial)
    for partial in sorted(due, key=lambda p: (p.completion, p.start)):
        # '`where` is asked before the skip rule'; 'timeouts obey the skip rule among themselves'
        if where(partial) and (is_keep_all(skip) or allowed(partial, out, skip)):
            out.append(partial)
    return out


def has_its_start(partial, found, skip):
    """'One for each start that has no match', and 'a start that was forgotten has none'."""
    before = [m for m in found if m.completion < partial.completion]
    if is_keep_all(skip):
        return all(m.start != partial.start for m in before)
    return allowed(partial, before, skip)


def is_keep_all(skip):
    return skip is not None and skip.to == "keep all"


def timed_out(search, start, found, consume):
    """The partial match with which a start runs out of time, due when 'the last of those that wait' does; or None."""
    waited = [(life(search, bound, found, consume), bound) for bound in partials(search, start)]
    if not waited or any(end is None for (end, _), _ in waited):
        return None
    last = max(end for (end, _), _ in waited)
    mine = [Candidate(bound, end) for (end, is_due), bound in waited if end == last and is_due]
    # 'the partial match furthest in the pattern, then the preferred'
    return min(mine, key=lambda c: (-c.bound[-1].place[0][1], c.preference), default=None)


def partials(search, start):
    """Everything that is bound on the way to a candidate of a start."""
    waiting = list(search.taken((), search.moves(())[0], start))
    while waiting:
        bound = waiting.pop()
        search.begun += 1
        if search.begun > MOST:
            raise TooManyError
        yield bound
        waiting += search.taken(bound, search.moves(bound)[0])


def life(search, bound, found, consume):
    """When a partial match no longer waits (None: never), and whether it is because its bound has passed."""
    used = [m.completion for m in found for alias in consume if set(m.events_of(alias)) & {b.event for b in bound}]
    end, is_due = own_life(search, bound)
    if used and (end is None or min(used) < end):  # 'the events are used up': it can be no match any more
        return min(used), False
    return end, is_due


def own_life(search, bound):
    """The same, by what it binds alone. One that may end, or has gone on from where it might, has no timeout."""
    ends = [n for n in range(1, len(bound) + 1) if search.moves(bound[:n])[1]]
    if ends:
        return settled(search, bound[: ends[0]]), False
    over = [over_at(search, bound, move) for move in search.moves(bound)[0]]
    if None in over:
        return due(search, bound), True
    return search.by_event(max(over)), False


def settled(search, bound):
    """When one that may end is decided: it, or what takes its place, is a match then, or was forgotten."""
    completion = search.completion(bound)
    if search.final:
        last = search.events[bound[-1].event].time
        broken = [
            search.by_event(j)
            for j in search.later(bound)
            if any(last < search.events[j].time <= last + d and search.satisfies(a.event, (), j, bound)
                   for a, d in search.silences())
        ]  # fmt: skip
        return min([completion, *broken])
    return completion


def over_at(search, bound, move):
    """The event that takes a move, or after which it cannot be taken; None while the partial match waits for it."""
    for j in search.later(bound):
        if not search.inside(j, bound):
            return None
        if search.closes(bound, move, j):
            return j
        fits = not search.silent_until(move, j, bound) and search.fits(move, j, bound)
        if fits and move.link != "then any":
            return j
        plain = [(a, place) for a, place in move.absences if a.duration is None]
        if move.link == "next" or search.forbidden(plain, j, bound) or search.breaks_silence(move, j, bound):
            return j
    return None


def due(search, bound):
    """'The earliest of `within` (first + d), `gap` (last + d) or, for `within n events`, the n-th event passes.'"""
    first, last = bound[0].event, bound[-1].event
    deadline = min(search.events[first].time + search.within, search.events[last].time + search.gap)
    passes = [(deadline, BY_TIMEOUT)] if deadline < FOREVER else []
    if first + search.count <= len(search.events):
        nth = first + search.count - 1
        passes.append((search.events[nth].time, BY_EVENT, nth, "after it"))
    return min(passes, default=None)

"""`prefer earliest`: the matches in order of start and preference, and when each of them is decided.

'A match is given out when every earlier start, and every preferred candidate of its own start, is decided.' So beside
the candidates stand the *ways*: what has been begun, and may still become one, until a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from oracle.sequence import ENDED, allowed
from oracle.tree import FOREVER

LATER = (0, FOREVER, 0)  # binds an event later than any that is there: as `prefer` has it, with j beyond all
LATER_IF_NEED_BE = (2, -FOREVER, 0)  # the same for an iteration that a `fewest` loop does not need


@dataclass(frozen=True)
class Way:
    """A beginning that waits, to bind more by one move or for its end to be decided, until ``over``.

    ``preference`` is where whatever it may become stands among the candidates of its start; None is never.
    """

    bound: tuple
    preference: tuple
    over: tuple[object, ...] | None

    @property
    def start(self):
        return self.bound[0].event


def ways(search, bound=(), start=None):
    """Every way of one start, as `Search.extend` goes through what is begun."""
    moves, ends = search.moves(bound)
    if ends:
        yield from ways_at_end(search, bound)
        moves = [m for m in moves if not search.opens(m)]
    if bound:
        yield from waiting(search, bound, moves)
    for longer in search.taken(bound, moves, start):
        yield from ways(search, longer, start)


def ways_at_end(search, bound):
    """Those of a candidate that may end: its own end, which may be given up, and what is open there."""
    completion = search.completion(bound)
    longer = list(search.further(bound, bound, completion))
    given_up = [search.by_event(found[-1].event) for found in longer if not found[len(bound)].chosen]
    ended = first([completion, disturbance(search, bound, ()), *given_up])
    yield Way(bound, (*(b.preference for b in bound), ENDED), ended)
    yield from ways_open(search, bound, bound, completion)
    for found in longer:
        yield from ways_at_end(search, found)


def ways_open(search, candidate, bound, completion):
    """Those of what is open where a candidate may end: until that is decided, and it is not disturbed."""
    moves = search.open(bound) if bound is candidate else search.moves(bound)[0]
    yield from waiting(search, bound, moves, completion, disturbance(search, candidate, bound[len(candidate) :]))
    for longer in search.taken(bound, moves):
        last = longer[-1].event
        late = completion is not None and search.by_event(last) > completion
        disturbed = search.final and search.disturbed(candidate, search.events[last].time, longer)
        if not late and not disturbed and not search.moves(longer)[1]:
            yield from ways_open(search, candidate, longer, completion)


def waiting(search, bound, moves, *until):
    for move in moves:
        later = LATER_IF_NEED_BE if move.reluctant else LATER
        preference = (*(b.preference for b in bound), later)
        yield Way(bound, preference, first([over(search, move, bound), *until]))


def over(search, move, bound):
    """When nothing more can be bound by a move: it has bound its event, is broken, or the bound has passed."""
    for j in search.later(bound):
        if not search.inside(j, bound):
            break
        binds = not search.silent_until(move, j, bound) and search.fits(move, j, bound)
        plain = [(a, place) for a, place in move.absences if a.duration is None]
        if (
            search.closes(bound, move, j)
            or (binds and move.link != "then any")
            or move.link == "next"
            or search.forbidden(plain, j, bound)
            or search.breaks_silence(move, j, bound)
        ):
            return search.by_event(j)
    return search.bound_passes(bound)


def disturbance(search, candidate, further):
    """The first event in the silence at the end that is forbidden, and not bound further on."""
    binding = [b.event for b in further]
    last = search.events[candidate[-1].event].time
    for j in search.later(candidate):
        for absence, d in search.silences() if j not in binding else ():
            if last < search.events[j].time <= last + d and search.satisfies(absence.event, (), j, candidate):
                return search.by_event(j)
    return None


def first(moments):
    return min((moment for moment in moments if moment is not None), default=None)


def earliest_matches(search, skip, consume=()):
    """The matches by start and preference, each with the moment at which it is given out as its completion.

    What the skip rule or `consume` rules out is not waited for.
    """
    starts = range(len(search.events))
    found = [*search.all(), *(way for start in starts for way in ways(search, (), start))]
    moment, before, out, used = (-FOREVER,), [], [], set()
    for item in sorted(found, key=lambda c: (c.start, c.preference)):
        if not allowed(item, before, skip) or not used.isdisjoint(b.event for b in item.bound):
            continue
        if isinstance(item, Way):
            if item.over is None:
                break  # nothing ever decides it, nor what comes after it
            moment = max(moment, item.over)
            continue
        moment = max(moment, item.completion)
        before.append(item)
        out.append(replace(item, completion=moment))
        used.update(j for alias in consume for j in item.events_of(alias))
    return out

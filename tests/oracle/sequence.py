"""Patterns: every candidate of one key, and which of them are matches."""

from __future__ import annotations

from dataclasses import dataclass

from cep.language import ast
from oracle import tree
from oracle.expression import Scope, holds
from oracle.tree import FOREVER, Leaf, Place

# 'the events in their order, then the deadlines of that time (loops and matches, timeouts, absences)', then `output`
BY_EVENT, BY_LOOP_END, BY_TIMEOUT, BY_ABSENCE, BY_WINDOW, BY_OUTPUT = range(6)


@dataclass(frozen=True)
class Bound:
    """One bound event: its number in E, the step and its place in the pattern, and how it was preferred there.

    ``chosen``: a later event could have been bound in its place.
    """

    event: int
    leaf: Leaf
    place: Place
    preference: tuple[int, ...]
    chosen: bool


@dataclass(frozen=True)
class Candidate:
    """The events bound, in order; ``completion`` sorts as candidates complete."""

    bound: tuple[Bound, ...]
    completion: tuple[object, ...]

    @property
    def start(self):
        return self.bound[0].event

    @property
    def last(self):
        return self.bound[-1].event

    @property
    def preference(self):
        """'Look at the first event on which they differ'. Candidates alike up to there stand at one place, where

        'the one that binds it is preferred; where both bind it, the step written first is', and '*not* to bind an event
        is preferred to binding it as a further iteration' of a `fewest` loop that has enough: see `prefer`.
        """
        return (*(b.preference for b in self.bound), ENDED)

    @property
    def choices(self):
        """The events that `then any` and `in any combination` have chosen."""
        return tuple(b.event for b in self.bound if b.chosen)

    def events_of(self, alias):
        """The numbers of the events bound to an alias, of a step or of a group."""
        named = [b for b in self.bound if b.leaf.alias == alias or alias in groups_around(b.place)]
        return [b.event for b in named]


def prefer(move, rank, j):
    """How taking ``move`` with event ``j`` is preferred among all that one may do at a place, ending there included."""
    return (2, -j, rank) if move.reluctant else (0, j, rank)


ENDED = (1,)


def groups_around(place):
    return [loop.alias for loop, _, _ in tree.loops_around(place)]


MOST = 30_000
"""Candidates begun that one search goes through; more would be minutes, and is hidden from nobody: it is an error."""


class TooManyError(Exception):
    """A pattern has more candidates over these events than the oracle goes through."""


class Search:
    """The candidates of one pattern over E, the events of one key in total order."""

    def __init__(self, pattern, bounds, events, unfold, keys, params):
        self.events, self.unfold, self.keys, self.params = events, unfold, keys, params
        self.tree, self.final = tree.read(pattern, unfold)
        self.last_step = (self.tree, len(self.tree.steps) - 1)
        self.aliases = [leaf.alias for leaf in tree.leaves(self.tree)]
        self.groups = [loop for loop in tree.repeats(self.tree) if loop.alias]
        written = {b.kind: b for b in bounds}
        self.within, self.gap = (
            self.duration(written[word].duration) if word in written else FOREVER for word in ("within", "gap")
        )
        self.count = written["within_events"].events if "within_events" in written else FOREVER
        self.begun = 0

    def duration(self, node):
        return int(self.params[node.text]) if isinstance(node, ast.Name) else node.value

    def all(self):
        """Every candidate, of every start."""
        return [c for start in range(len(self.events)) for c in self.extend((), start)]

    # ------------------------------------------------------------------------------------------- conditions

    def scope(self, bound, event, own, place):
        """What names mean for something that stands at ``place``.

        'A bare alias of an earlier step of the same iteration … means the event of this iteration (null when it was
        left out this time); aggregates are over all iterations'; '`count(g)` of a group's alias is its number of
        iterations', of those that have bound an event before the one at hand.
        """
        names = {alias: [] for alias in self.aliases}
        here = {alias: [] for alias in self.aliases}
        for b in bound:
            names[b.leaf.alias].append(self.events[b.event])
            if tree.same_iteration(b.place, place):
                here[b.leaf.alias].append(self.events[b.event])
        counts = {}
        for group in self.groups:
            around = [found for b in bound for found in tree.loops_around(b.place)]
            iterations = {(where, n) for loop, where, n in around if loop is group}
            counts[group.alias] = len(iterations)
        params = event.params if event is not None else self.events[bound[-1].event].params
        match = tuple((b.leaf.alias, self.events[b.event]) for b in bound)
        stage = bound[-1].leaf.name if bound else ""
        return Scope(event, own, names, self.keys, params, here, counts, match, stage=stage)

    def fits(self, move, j, bound):
        """Whether event ``j`` satisfies a step 'under what is bound before it'."""
        event, leaf = self.events[j], move.leaf
        scope = self.scope(bound, event, leaf.alias, move.place)
        fits = event.stream in leaf.streams and all(holds(where, scope) for where in leaf.wheres)
        return fits and self.inside_groups(move, j, bound)

    def inside_groups(self, move, j, bound):
        """'A bound inside the parentheses of a group is for each iteration by itself', 'as if a condition said so'."""
        for group, where, number in tree.loops_around(move.place):
            mine = [b for b in bound if b.place[: len(where) + 1] == (*where, (group, number))]
            for limit in group.bounds if mine else ():
                first, last = mine[0].event, mine[-1].event
                match limit.kind:
                    case "within" if self.events[j].time - self.events[first].time > self.duration(limit.duration):
                        return False
                    case "gap" if self.events[j].time - self.events[last].time > self.duration(limit.duration):
                        return False
                    case "within_events" if j - first + 1 > limit.events:
                        return False
        return True

    def satisfies(self, node, place, j, bound):
        """Whether event ``j`` is what an absence forbids, or what an `until` waits for.

        'A condition counts only when true, in an absence too.'
        """
        event, own = self.events[j], node.alias.text if node.alias else None
        return event.stream in self.unfold(node.type) and holds(node.where, self.scope(bound, event, own, place))

    def forbidden(self, absences, j, bound):
        return any(self.satisfies(absence.event, place, j, bound) for absence, place in absences)

    def closes(self, bound, move, j):
        """'`until X`: once its first event is bound, an event that satisfies X closes it', for moves that stay in it:

        'neither a further iteration nor what is missing of the one begun'.
        """
        return bool(bound) and any(
            loop.until is not None
            and tree.stays_in(move.place, loop, where)
            and self.satisfies(loop.until, where, j, bound)
            for loop, where, _ in tree.loops_around(bound[-1].place)
        )

    def inside(self, j, bound):
        """The bounds, 'over bound events'.

        'last − first ≤ d'; '`within 20 events`: events of the rule's input for the key, first and last included';
        '`gap`: each bound event is at most 5 min after the bound event before it'.
        """
        if not bound:
            return True
        first, last = bound[0].event, bound[-1].event
        return (
            self.events[j].time - self.events[first].time <= self.within
            and self.events[j].time - self.events[last].time <= self.gap
            and j - first + 1 <= self.count
        )

    # ------------------------------------------------------------------------------------------- candidates

    def later(self, bound, start=None):
        """The events that may come next: only the start for the first, else all after the last bound."""
        return range(bound[-1].event + 1, len(self.events)) if bound else [start]

    def bind(self, move, bound, start=None):
        """The events that a move may bind.

        '`next` binds the very next event of E; `then` binds the first later event that satisfies the step'; 'then any`
        may bind every later such event'; '`no X` covers the events strictly between its neighbours; the events that
        bind them are not looked at'; after '`then no X for d`' 'the first event later than t + d'.
        """
        if not bound:
            if self.fits(move, start, ()) and not self.preceded(move, start):
                yield start
            return
        for j in self.later(bound):
            if not self.inside(j, bound) or self.closes(bound, move, j):
                return
            if not self.silent_until(move, j, bound) and self.fits(move, j, bound):
                yield j
                if move.link != "then any":
                    return
            plain = [(a, place) for a, place in move.absences if a.duration is None]
            if move.link == "next" or self.forbidden(plain, j, bound) or self.breaks_silence(move, j, bound):
                return

    def silent_until(self, move, j, bound):
        """Whether event ``j`` comes while a silence must last: 'the longest decides'."""
        silences = [self.duration(a.duration) for a, _ in move.absences if a.duration is not None]
        return bool(silences) and self.since(j, bound) <= max(silences)

    def breaks_silence(self, move, j, bound):
        """'Silence of X in (t, t + d]': 'all count from the last bound event', 'each covers its own'."""
        return any(
            0 < self.since(j, bound) <= self.duration(a.duration) and self.forbidden([(a, place)], j, bound)
            for a, place in move.absences
            if a.duration is not None
        )

    def since(self, j, bound):
        return self.events[j].time - self.events[bound[-1].event].time

    def preceded(self, move, start):
        """Whether an absence at the start is broken: it 'covers the events before the first bound event with time ≥

        t − d', and 'may refer to the step after it': it is asked as if that event were bound.
        """
        first = (Bound(start, move.leaf, move.place, (), False),)
        return any(
            self.events[start].time - self.events[j].time <= self.duration(a.duration)
            and self.satisfies(a.event, place, j, first)
            for a, place in move.absences
            if a.duration is not None
            for j in range(start)
        )

    def moves(self, bound):
        """What may come next, and whether 'all that is left of the pattern may be left out'."""
        if not bound:
            return tree.begin(self.tree, (), "then", ()), False
        return tree.go_on(bound[-1].place)

    def taken(self, bound, moves, start=None):
        """What is bound after each of these moves that can be taken."""
        for move in moves:
            rank = self.moves(bound)[0].index(move)
            chosen = bool(bound) and move.link == "then any"
            for j in self.bind(move, bound, start):
                yield (*bound, Bound(j, move.leaf, move.place, prefer(move, rank, j), chosen))

    def opens(self, move):
        """Whether a move is 'of the last step, loop, group or `one of` of the pattern'."""
        return move.place[0] == self.last_step

    def extend(self, bound, start):
        """Every candidate that begins with ``bound``: 'every length from n to m', 'every alternative is a candidate'.

        Where it may end, what the last step may still take is no choice: `end` takes all it can.
        """
        self.begun += 1
        if self.begun > MOST:
            raise TooManyError
        moves, ends = self.moves(bound)
        if ends:
            yield from self.end(bound)
            moves = [m for m in moves if not self.opens(m)]
        for longer in self.taken(bound, moves, start):
            yield from self.extend(longer, start)

    def open(self, bound):
        """The moves of a candidate that may end which are *open*.

        '`fewest` …: at the end of the pattern nothing more is taken once there is enough'.
        """
        return [m for m in self.moves(bound)[0] if self.opens(m) and not m.reluctant]

    def end(self, bound):
        """The candidates that may end here, or go on from here in the last step.

        'When what is open goes on to bind events and comes to a place where it may end again, before the candidate is
        decided, the candidate is given up for the longer one. … not … for one that goes on by a choice of `then any`'.
        """
        completion = self.completion(bound)
        longer = list(self.further(bound, bound, completion))
        for found in longer:
            yield from self.end(found)
        given_up = any(not found[len(bound)].chosen for found in longer)
        if not given_up and completion is not None and not (self.final and self.disturbed(bound, completion[0])):
            yield Candidate(bound, completion)

    def further(self, candidate, bound, completion):
        """What is bound at the next places where it may end, on every way there that is in time."""
        for longer in self.taken(bound, self.open(bound) if bound is candidate else self.moves(bound)[0]):
            last = longer[-1].event
            if completion is not None and self.by_event(last) > completion:
                continue
            if self.final and self.disturbed(candidate, self.events[last].time, longer):
                continue
            if self.moves(longer)[1]:
                yield longer
            else:
                yield from self.further(candidate, longer, completion)

    # ------------------------------------------------------------------------------------------- completion

    def completion(self, bound):
        """What decides a candidate that may end here, if nothing longer comes before; None when nothing does.

        'The candidate is decided at its last event when nothing is open; else at the event that breaks what was still
        open; else when the bound passes'; '`then no X for d` at the end completes at t + d'.
        """
        last = bound[-1].event
        if self.final:
            return (self.events[last].time + max(d for _, d in self.silences()), BY_ABSENCE)
        moves = self.open(bound)
        if not moves:
            return self.by_event(last)
        broken = [self.broken(bound, move) for move in moves]
        return self.by_event(max(broken)) if None not in broken else self.bound_passes(bound)

    def broken(self, bound, move):
        """The event that breaks an open move: 'by `next`, `in a row`' 'when nothing of it had bound an event',

        or by its `until`: 'at the end of the pattern the loop is decided by that event', and 'ends the candidate
        with the iterations that are complete'.
        """
        begun = False
        for j in self.later(bound):
            if not self.inside(j, bound):
                return None
            if self.closes(bound, move, j):
                return j
            if not begun and self.fits(move, j, bound):
                begun = True
            elif not begun and move.link == "next":
                return j
        return None

    def bound_passes(self, bound):
        """'A loop at the end is decided when the gap has passed, at last + 5 min'; with `within n events` 'by the last

        of them, once it was offered'; with several bounds, by the first.
        """
        first, last = bound[0].event, bound[-1].event
        deadline = min(self.events[first].time + self.within, self.events[last].time + self.gap)
        passes = [(deadline, BY_LOOP_END)] if deadline < FOREVER else []
        if first + self.count <= len(self.events):
            passes.append(self.by_event(first + self.count - 1))
        return min(passes, default=None)

    def by_event(self, j):
        return (self.events[j].time, BY_EVENT, j)

    def silences(self):
        """The absences at the end: 'each covers its own, and the longest decides'."""
        return [(absence, self.duration(absence.duration)) for absence in self.final]

    def disturbed(self, candidate, until, longer=()):
        """Whether a forbidden event stands in '(t, t + d]' of a candidate, up to a time, or before what it binds next.

        'From the n-th iteration on the absence is in force; an iteration at or before the deadline is taken, and the
        absence counts from it; the forbidden event … ends the candidate.'
        """
        last, binding = self.events[candidate[-1].event].time, [b.event for b in longer]
        return any(
            last < self.events[j].time <= last + d and self.satisfies(a.event, (), j, candidate)
            for a, d in self.silences()
            for j in self.later(candidate)
            if self.events[j].time <= until and j not in binding and (not binding or j < binding[-1])
        )


def matches(candidates, skip, consume=()):
    """The matches among the candidates: 'ordered by completion, then by the earlier start, then by preference'."""
    out, used = [], set()
    for candidate in sorted(candidates, key=lambda c: (c.completion, c.start, c.preference)):
        if allowed(candidate, out, skip) and used.isdisjoint(b.event for b in candidate.bound):
            out.append(candidate)
            used.update(j for alias in consume for j in candidate.events_of(alias))
    return out


def allowed(candidate, before, skip):
    """The table of skip rules: 'a later candidate is a match when it starts …'."""
    if not before:
        return True
    last = before[-1]
    match skip.to if skip else None:
        case "keep all":  # 'candidates with the same start and completion, and the same events chosen …, are one match'
            if not isinstance(candidate, Candidate):
                return True
            mine = (candidate.start, candidate.completion, candidate.choices)
            return all((m.start, m.completion, m.choices) != mine for m in before)
        case "next":  # 'after the first event of the last match'
            return candidate.start > last.start
        case "first" | "last" as which:  # 'at or after the first (last) event of v …, and after its first event'
            events = last.events_of(skip.variable.text)
            from_there = not events or candidate.start >= events[0 if which == "first" else -1]
            return from_there and candidate.start > last.start
    return candidate.start > last.last  # 'after the last event of the last match'

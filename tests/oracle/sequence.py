"""Patterns: every candidate of one key, and which of them are matches."""

from __future__ import annotations

from dataclasses import dataclass

from cep.language import ast
from oracle.expression import Scope, holds

BY_EVENT, BY_LOOP_END, BY_ABSENCE = 0, 1, 2  # 'the events in their order, then the deadlines of that time'
FOREVER = float("inf")


@dataclass(frozen=True)
class Part:
    """One step of a pattern, read from the syntax tree."""

    alias: str
    streams: tuple[str, ...]
    where: ast.Expr | None
    low: int
    high: float
    strict_first: bool
    strict_rest: bool
    absences: tuple[ast.Absence, ...]


@dataclass(frozen=True)
class Candidate:
    """``bound`` is (place in E, step) for each event; ``completion`` sorts as candidates complete."""

    bound: tuple[tuple[int, int], ...]
    completion: tuple[object, ...]

    @property
    def start(self):
        return self.bound[0][0]

    @property
    def last(self):
        return self.bound[-1][0]

    @property
    def preference(self):
        """'the first event on which they differ: the one that binds it is preferred; …the step written first'."""
        return (*self.bound, (FOREVER, 0))


class Search:
    """The candidates of one pattern over E, the events of one key in total order."""

    def __init__(self, pattern, bounds, events, unfold, keys, params):
        self.events, self.unfold, self.keys, self.params = events, unfold, keys, params
        self.parts, self.final = read_parts(pattern, unfold)
        self.aliases = [p.alias for p in self.parts]
        within = next((b.duration for b in bounds if b.kind == "within"), None)
        self.within = FOREVER if within is None else self.duration(within)

    def duration(self, node):
        return int(self.params[node.text]) if isinstance(node, ast.Name) else node.value

    def all(self):
        """Every candidate, of every start."""
        return [c for start in range(len(self.events)) for c in self.extend(0, (), (), start)]

    # ------------------------------------------------------------------------------------------- conditions

    def scope(self, bound, event, own):
        names = {alias: [self.events[j] for j, k in bound if k == n] for n, alias in enumerate(self.aliases)}
        return Scope(event, own, names, self.keys, self.params)

    def fits(self, step, j, bound):
        """Whether event ``j`` satisfies a step 'under what is already bound'."""
        part, event = self.parts[step], self.events[j]
        return event.stream in part.streams and holds(part.where, self.scope(bound, event, part.alias))

    def forbidden(self, absence, j, bound):
        """Whether event ``j`` is what an absence forbids. 'A condition counts only when true, in an absence too.'"""
        event, own = self.events[j], absence.event.alias
        return event.stream in self.unfold(absence.event.type) and holds(
            absence.event.where, self.scope(bound, event, own.text if own else None)
        )

    def inside(self, j, bound):
        """'Is `within` inclusive? last − first ≤ d', over bound events."""
        return not bound or self.events[j].time - self.events[bound[0][0]].time <= self.within

    # ------------------------------------------------------------------------------------------- candidates

    def later(self, bound, start):
        """The places where the next event may be: only the start for the first, else all after the last bound."""
        return range(bound[-1][0] + 1, len(self.events)) if bound else [start]

    def bind(self, step, bound, absences, strict, start):
        """The place that the next iteration binds, or None.

        '`next` binds the very next event of E; `then` binds the first later event that satisfies the step';
        '`no X` covers the events strictly between its neighbours; the events that bind them are not looked at'.
        """
        for j in self.later(bound, start):
            if not self.inside(j, bound):
                return None
            if self.fits(step, j, bound):
                return j
            if strict or any(self.forbidden(a, j, bound) for a in absences):
                return None
        return None

    def extend(self, step, bound, absences, start):
        """Every way to go on at ``step``: 'Every length from n to m is a candidate'.

        ``absences`` stand over skipped steps: they and this step's own cover all from the last bound event on.
        """
        part = self.parts[step]
        absences = absences + part.absences if bound else ()
        if step == len(self.parts) - 1:
            yield from self.end(step, bound, absences, start)
            return
        taken = 0
        while True:
            if taken >= part.low:
                yield from self.extend(step + 1, bound, absences, start)
            if taken >= part.high:
                return
            j = self.bind(step, bound, absences, part.strict_rest if taken else part.strict_first, start)
            if j is None:
                return
            bound, absences, taken = (*bound, (j, step)), (), taken + 1

    def end(self, step, bound, absences, start):
        """The last step takes all it can; then the candidate is decided, or not."""
        part, taken = self.parts[step], 0
        while taken < part.low or not bound:
            j = self.bind(step, bound, absences, part.strict_rest if taken else part.strict_first, start)
            if j is None:
                return
            bound, absences, taken = (*bound, (j, step)), (), taken + 1
        decide = self.silence if self.final else self.loop_end
        yield from decide(step, bound, absences, taken)

    def loop_end(self, step, bound, absences, taken):
        """'A loop at the end is decided when it is broken (`in a row`), when it is full, or when the bound passes;
        it then holds all it could take.'
        """
        part = self.parts[step]
        if taken >= part.high:
            yield Candidate(bound, self.by_event(bound[-1][0]))
            return
        for j in self.later(bound, None):
            if not self.inside(j, bound):
                break
            if self.fits(step, j, bound):
                yield from self.loop_end(step, (*bound, (j, step)), (), taken + 1)
                return
            if any(self.forbidden(a, j, bound) for a in absences):
                return  # an absence before a loop that took nothing covers up to where the loop is decided
            if part.strict_rest if taken else part.strict_first:
                yield Candidate(bound, self.by_event(j))
                return
        if self.within < FOREVER:
            yield Candidate(bound, (self.events[bound[0][0]].time + self.within, BY_LOOP_END))

    def silence(self, step, bound, absences, taken):
        """'`then no X for d` at the end completes at t + d'; '(t, t + d]: an event exactly at the deadline counts'.

        'from the n-th iteration on the absence is in force; an iteration at or before the deadline is taken and the
        absence counts from it'; 'all count from the last bound event, and the longest decides'.
        """
        part, last = self.parts[step], self.events[bound[-1][0]].time
        spans = [(a, self.duration(a.duration)) for a in self.final]
        deadline = last + max(d for _, d in spans)
        open_ = taken < part.high
        for j in self.later(bound, None):
            time = self.events[j].time
            if time > deadline:
                break
            if open_ and self.inside(j, bound) and self.fits(step, j, bound):
                yield from self.silence(step, (*bound, (j, step)), (), taken + 1)
                return
            if part.strict_rest if taken else part.strict_first:
                open_ = False
            if any(self.forbidden(a, j, bound) for a in absences):
                return
            if any(last < time <= last + d and self.forbidden(a, j, bound) for a, d in spans):
                return
        yield Candidate(bound, (deadline, BY_ABSENCE))

    def by_event(self, j):
        return (self.events[j].time, BY_EVENT, j)


def read_parts(pattern, unfold):
    """The steps of a pattern, each with its link and the absences before it; and the absences at the end."""
    parts, absences, link = [], (), "then"
    links = [link_.word for link_ in pattern.links]
    for n, node in enumerate(pattern.steps):
        if isinstance(node, ast.Absence):
            absences += (node,)
            continue
        link = links[n - 1] if n else "then"
        quantifier = node.quantifier
        low, high = (quantifier.low, quantifier.high) if quantifier else (1, 1)
        parts.append(
            Part(
                node.alias.text if node.alias else f"${n}",
                unfold(node.source),
                node.where,
                low,
                FOREVER if high is None else high,
                link == "next",
                node.adjacency == "in a row",
                absences,
            )
        )
        absences = ()
    return parts, absences


def matches(candidates, keep_all):
    """The matches among the candidates: 'ordered by completion, then by the earlier start, then by preference'."""
    out, taken = [], set()
    for candidate in sorted(candidates, key=lambda c: (c.completion, c.start, c.preference)):
        if keep_all:  # 'candidates with the same start, completion and choices are one match, the preferred'
            allowed = (candidate.start, candidate.completion) not in taken
            taken.add((candidate.start, candidate.completion))
        else:  # 'a later candidate is a match when it starts after the last event of the last match'
            allowed = not out or candidate.start > out[-1].last
        if allowed:
            out.append(candidate)
    return out

"""The tree of a pattern, and what may come next at a place in it.

A *place* is where the last bound event stands: a tuple of (node, number) from the whole pattern inwards, the number of
a sequence being the step in it, that of a repetition its iteration, that of a choice the alternative. So two events
belong to one iteration when their places agree on its number.
"""

from __future__ import annotations

from dataclasses import dataclass

from cep.language import ast

FOREVER = float("inf")
Place = tuple[tuple[object, int | tuple[int, ...]], ...]


@dataclass(frozen=True, eq=False)
class Leaf:
    """One event; ``name`` is what `stage()` calls it: its alias, or else its type as written."""

    alias: str
    streams: tuple[str, ...]
    wheres: tuple[ast.Expr | None, ...]
    name: str


@dataclass(frozen=True, eq=False)
class Sequence:
    """Steps one after the other, each with its link and the absences before it."""

    steps: tuple[tuple[str, tuple[ast.Absence, ...], object], ...]


@dataclass(frozen=True, eq=False)
class Choice:
    """``one of (…)``."""

    alternatives: tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Several:
    """``all of (…)`` and ``n of (…)``: so many of these single events; the number in a place are those bound so far."""

    members: tuple[object, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Repeat:
    """``n to m`` of a step or a group; also a group with a name, which is one of itself."""

    body: object
    low: int
    high: float
    link: str
    fewest: bool
    until: ast.Event | None
    alias: str | None
    bounds: tuple[ast.Bound, ...] = ()


@dataclass(frozen=True)
class Move:
    """One way to go on: the event that may come next, where it would stand, and what holds up to it.

    ``absences`` go with the place at which each stands. ``reluctant``: the event would begin an iteration that a
    `fewest` loop does not need. ``link``: `then`, `next` or `then any`.
    """

    leaf: Leaf
    place: Place
    link: str
    absences: tuple[tuple[ast.Absence, Place], ...]
    reluctant: bool


LINKS = {None: "then", "in a row": "next", "in any combination": "then any"}
"""A loop takes 'its next iteration by the same rule'."""


def read(pattern, unfold, wheres=()):
    """The tree of a pattern, and its absences at the end. ``wheres`` are the conditions of the groups around it."""
    steps, absences = [], ()
    links = ["then"] + [link.word for link in pattern.links]
    for link, node in zip(links, pattern.steps, strict=True):
        if isinstance(node, ast.Absence):
            absences += (node,)
        else:
            steps.append((link, absences, read_step(node, unfold, wheres)))
            absences = ()
    return Sequence(tuple(steps)), absences


def read_step(node, unfold, wheres=()):
    """A step with its quantifier: '`optional X` is `0 to 1 X`'.

    'A condition on a group, `one of` or `all of` is asked of each event that it binds, beside the step's own.'
    """
    wheres, bounds = (node.where, *wheres), ()
    match node.source:
        case ast.Group():
            body, _ = read(node.source.pattern, unfold, wheres)
            bounds = node.source.bounds
        case ast.Choice() if node.source.kind != "one":
            members = tuple(read_step(step, unfold, wheres) for step in node.source.steps)
            body = Several(members, len(members) if node.source.kind == "all" else node.source.count)
        case ast.Choice():
            body = Choice(tuple(read_step(step, unfold, wheres) for step in node.source.steps))
        case _:
            alias = node.alias.text if node.alias else f"${node.span.start}"
            body = Leaf(alias, unfold(node.source), wheres, node.alias.text if node.alias else node.source.text)
    named = node.alias.text if node.alias and not isinstance(body, Leaf) else None
    if node.quantifier is None and node.until is None and named is None and not bounds:
        return body
    low, high, fewest = 1, 1, False
    if node.quantifier is not None:
        low, high, fewest = node.quantifier.low, node.quantifier.high, node.quantifier.fewest
    many = FOREVER if high is None else high
    return Repeat(body, low, many, LINKS[node.adjacency], fewest, node.until, named, bounds)


def leaves(node):
    """All single events of a tree."""
    match node:
        case Leaf():
            return [node]
        case Sequence():
            return [leaf for _, _, step in node.steps for leaf in leaves(step)]
        case Choice():
            return [leaf for alternative in node.alternatives for leaf in leaves(alternative)]
        case Several():
            return list(node.members)
    return leaves(node.body)


def repeats(node):
    """All repetitions of a tree."""
    match node:
        case Leaf() | Several():
            return []
        case Sequence():
            return [found for _, _, step in node.steps for found in repeats(step)]
        case Choice():
            return [found for alternative in node.alternatives for found in repeats(alternative)]
    return [node, *repeats(node.body)]


def may_be_left_out(node):
    """Whether it may bind nothing."""
    match node:
        case Leaf() | Several():
            return False
        case Sequence():
            return all(may_be_left_out(step) for _, _, step in node.steps)
        case Choice():
            return any(may_be_left_out(alternative) for alternative in node.alternatives)
    return node.low == 0 or may_be_left_out(node.body)


# Both lists are in the order of preference of what binds one event: 'the step written first is'.


def begin(node, place, link, absences, reluctant=False):
    """The moves that bind the first event of ``node``.

    'The link before it is that of the first event it binds, whichever step of it that is'; 'the link before `one of` is
    that of whichever alternative is taken'.
    """
    match node:
        case Leaf():
            return [Move(node, place, link, absences, reluctant)]
        case Sequence():
            return from_step(node, 0, place, link, absences, reluctant, lambda _: ([], True))[0]
        case Choice():
            out = []
            for n, alternative in enumerate(node.alternatives):
                out += begin(alternative, (*place, (node, n)), link, absences, reluctant)
            return out
        case Several():
            return [
                move
                for n, member in enumerate(node.members)
                for move in begin(member, (*place, (node, (n,))), link, absences, reluctant)
            ]
    not_needed = node.fewest and node.low == 0
    return begin(node.body, (*place, (node, 1)), link, absences, reluctant or not_needed)


def from_step(node, n, place, link, absences, reluctant, behind):
    """The moves from step ``n`` of a sequence on, and whether all that is left may be left out.

    ``link``: that before the first event, whichever step binds it; None: each step's own. ``behind(absences)`` says
    what follows the sequence. 'In a `fewest` loop that has enough … what follows is preferred to another iteration.'
    """
    if n == len(node.steps):
        return behind(absences)
    own, between, step = node.steps[n]
    absences += tuple((a, place) for a in between)
    mine = begin(step, (*place, (node, n)), link or own, absences, reluctant)
    if not may_be_left_out(step):
        return mine, False
    follows, ends = from_step(node, n + 1, place, link, absences, reluctant, behind)
    has_enough = isinstance(step, Repeat) and step.fewest and step.low == 0
    return (follows + mine if has_enough else mine + follows), ends


def go_on(place, absences=()):
    """The moves after the event at ``place``, innermost first, and whether all that is left may be left out.

    "This iteration" is the innermost: what is left of it, then its loop's next iteration, then what follows that loop
    inside the loop around it, then that one's next iteration.' `Absences between steps that were left out hold
    together between the bound events around them.'
    """
    if not place:
        return [], True
    *around, (node, number) = place
    around, out = tuple(around), []
    match node:
        case Sequence():
            return from_step(node, number + 1, around, None, absences, False, lambda held: go_on(around, held))
        case Choice():
            return go_on(around, absences)
        case Several() if len(number) < node.count:
            # 'in any order'; 'the first listed free step preferred; after the first, their link is `then`'
            for n, member in enumerate(node.members):
                if n not in number:
                    out += begin(member, (*around, (node, (*number, n))), "then", absences)
            return out, False
        case Several():
            return go_on(around, absences)
        case Repeat():
            follows, ends = go_on(around, absences) if number >= node.low else ([], False)
            if number < node.high:
                not_needed = node.fewest and number >= node.low
                out = begin(node.body, (*around, (node, number + 1)), node.link, absences, not_needed)
                if not_needed:  # 'In a `fewest` loop that has enough it is the other way round'
                    return follows + out, ends
            return out + follows, ends
    return go_on(around, absences)


def loops_around(place):
    """The repetitions around a place, each with the place where it stands and its iteration."""
    return [(node, place[:n], number) for n, (node, number) in enumerate(place) if isinstance(node, Repeat)]


def stays_in(place, loop, where):
    """Whether a place is in this very repetition, at ``where``, in whatever iteration."""
    return place[: len(where)] == where and len(place) > len(where) and place[len(where)][0] is loop


def same_iteration(one, other):
    """Whether two places agree on the iteration of every repetition around both."""
    for (node, number), (node_2, number_2) in zip(one, other, strict=False):
        if node is not node_2 or (number != number_2 and not isinstance(node, Repeat)):
            return True
        if number != number_2:
            return False
    return True

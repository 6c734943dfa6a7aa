"""The automaton of a pattern: its tree of steps, groups and choices as states, moves and counters.

A state is a step that was bound last; a move leads to the step that may be bound next. From a state the moves are, in
order of preference: what is left of the iteration, the next iteration, what follows; inside out. With ``fewest`` what
follows comes first, and a further iteration is reluctant: not to take it is preferred.

A member of ``all of`` or ``n of`` may be followed by each other one; which of them are bound is a bit set among the
run's registers, and says which of these moves, or of what follows, are open: n members are n states.

A loop of one step counts in the run itself; a group that repeats has a counter among the run's registers. A move
keeps the counters of the groups that it stays in, raises one where it begins the next iteration, and sets to 1 those
of the groups that it enters. It may be taken when every group that it leaves has enough iterations.

Invariants: a move's target stands inside the groups whose counters it keeps.
Cost: O(steps^2) moves, groups within groups apart.
References: Glushkov's position automaton (Russ. Math. Surv. 16, 1961), with counters; docs/semantics.md.
Tested by: tests/compiler/test_automaton.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cep.language.typed import CheckedChoice, CheckedSeveral

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.language.typed import CheckedAbsence, CheckedItem, CheckedPattern


@dataclass(eq=False)
class Place:
    """An item with what it stands in: ``groups`` are the counted groups around and including it, outermost first."""

    item: CheckedItem
    parent: Place | None
    number: int  # among the items of the sequence or choice that it stands in
    children: list[Place] = field(default_factory=list)
    group: int | None = None  # its own counter
    groups: tuple[int, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether its children are alternatives."""
        return isinstance(self.item.body, CheckedChoice)

    @property
    def is_several(self) -> bool:
        """Whether its children are the members of ``all of`` or ``n of``."""
        return isinstance(self.item.body, CheckedSeveral)

    @property
    def is_leaf(self) -> bool:
        """Whether it is a step."""
        return isinstance(self.item.body, int)

    @property
    def step(self) -> int:
        """The number of a leaf's step."""
        assert isinstance(self.item.body, int)
        return self.item.body

    @property
    def may_be_empty(self) -> bool:
        """Whether it may bind no event."""
        if self.item.low == 0 or self.is_leaf:
            return self.item.low == 0
        if self.is_several:
            return False
        each = [c.may_be_empty for c in self.children]
        return any(each) if self.is_choice else all(each)

    @property
    def around(self) -> Iterator[Place]:
        """Itself and what it stands in, inside out."""
        here: Place | None = self
        while here is not None:
            yield here
            here = here.parent


@dataclass(frozen=True)
class Move:
    """From one state to another. ``guards`` and ``untils`` are numbers of absences and of ``until`` conditions.

    ``keep``: how many counted groups stay as they are; ``begins`` the next iteration of the one after them (``again``:
    of the loop of the step itself). ``reluctant``: not to bind is preferred ("enough": once the loop has enough).
    ``inner``: further absences, those that stand in the iteration that it begins: what they say of a step there is of
    that iteration. ``last``: the move is inside, or into, the last item of the pattern. ``member``: it binds another
    member of one ``all of`` or ``n of``. ``every``: the run also waits on, for a later event to bind.
    """

    target: int
    strict: bool
    guards: tuple[CheckedAbsence, ...]
    untils: tuple[CheckedAbsence, ...] = ()
    keep: int = 0
    begins: bool = False
    again: bool = False
    reluctant: str = ""
    last: bool = False
    cleared: Place | None = None
    member: bool = False
    every: bool = False
    inner: tuple[CheckedAbsence, ...] = ()

    @property
    def absences(self) -> tuple[CheckedAbsence, ...]:
        """All absences up to the target."""
        return (*self.guards, *self.inner)


@dataclass(frozen=True)
class State:
    """After a step: the moves by preference; ``ends``: the pattern may end here; ``groups``: counters, outermost first.

    ``until``: the conditions that close what is open where it ends. ``item``: in which of the pattern's it stands.
    """

    moves: tuple[Move, ...]
    ends: bool
    groups: tuple[int, ...]
    until: tuple[CheckedAbsence, ...]
    item: int = 0


@dataclass(frozen=True)
class Automaton:
    """``states[i]`` is after step i; ``start`` are the moves before any. ``groups``: the counted groups."""

    states: tuple[State, ...]
    start: tuple[Move, ...]
    groups: tuple[CheckedItem, ...]
    lows: tuple[int, ...]
    highs: tuple[int | None, ...]
    inside: tuple[frozenset[int], ...]  # the steps in each counted group
    sets: tuple[tuple[tuple[int, ...], int], ...] = ()  # members of each `all of`, how many it takes


def build_automaton(pattern: CheckedPattern) -> Automaton:
    """The automaton of a checked pattern."""
    return _Builder(pattern).build()


class _Builder:
    def __init__(self, pattern: CheckedPattern) -> None:
        self.counted: list[CheckedItem] = []
        self.sets: list[Place] = []
        items = (*pattern.items[:-1], _least_at_end(pattern.items[-1]))
        self.roots = [self._place(item, None, n) for n, item in enumerate(items)]
        self.leaves = {leaf.step: leaf for root in self.roots for leaf in _leaves(root)}
        self.final = bool(pattern.final)

    def build(self) -> Automaton:
        states = tuple(self._state(self.leaves[i]) for i in range(len(self.leaves)))
        start, _ = self._entries(self.roots, 0, ())
        inside = tuple(
            frozenset(s for s, leaf in self.leaves.items() if g in leaf.groups) for g in range(len(self.counted))
        )
        lows = tuple(self.leaves[i].item.low for i in range(len(self.leaves)))
        highs = tuple(self.leaves[i].item.high for i in range(len(self.leaves)))
        # nothing is bound before the first event: nothing is between, and nothing is next to it; a silence precedes it
        first = tuple(
            replace(m, strict=False, every=False, guards=tuple(a for a in m.guards if a.duration is not None))
            for m in start
        )
        sets = tuple((tuple(c.step for c in p.children), _needed(p)) for p in self.sets)
        return Automaton(states, first, tuple(self.counted), lows, highs, inside, sets)

    def _place(self, item: CheckedItem, parent: Place | None, number: int) -> Place:
        here = Place(item, parent, number)
        outer = () if parent is None else parent.groups
        if item.is_counted:
            here.group = len(self.counted)
            self.counted.append(item)
            outer = (*outer, here.group)
        here.groups = outer
        if isinstance(item.body, CheckedSeveral):
            self.sets.append(here)
        if isinstance(item.body, CheckedChoice | CheckedSeveral):
            here.children = [self._place(a, here, n) for n, a in enumerate(item.body.alternatives)]
        elif not isinstance(item.body, int):
            here.children = [self._place(c, here, n) for n, c in enumerate(item.body)]
        return here

    # -------------------------------------------------------------------------------------------------------- entering

    def _first(self, place: Place) -> list[Move]:
        """The moves that bind the first event of an item, as if it were entered from nowhere."""
        if place.is_leaf:
            return [Move(place.step, False, ())]
        if place.is_choice or place.is_several:
            return [m for c in place.children for m in self._taken(c)]
        # the link is that of the group: what was left out inside takes its own link along
        return self._entries(place.children, 0, (), entering=True)[0]

    def _taken(self, place: Place) -> list[Move]:
        """The same, where the item may also be left out: with `fewest` it prefers to."""
        moves = self._first(place)
        if place.item.fewest and place.item.low == 0:
            return [replace(m, reluctant="always") for m in moves]
        return moves

    def _entries(
        self, items: Sequence[Place], begin: int, guards: tuple[CheckedAbsence, ...], *, entering: bool = False
    ) -> tuple[list[Move], tuple[CheckedAbsence, ...] | None]:
        """The moves into a sequence from item ``begin`` on; and, when all of it may be left out, what then holds.

        ``entering``: nothing of the sequence has bound an event yet.
        """
        if begin == len(items):
            return [], guards
        place = items[begin]
        guards = (*guards, *place.item.absences)
        is_next = place.item.link == "next" and not entering
        every = place.item.link == "then any" and not entering
        into = [
            replace(m, strict=m.strict or is_next, every=m.every or every, guards=(*guards, *m.guards))
            for m in self._taken(place)
        ]
        if not place.may_be_empty:
            return into, None
        beyond, rest = self._entries(items, begin + 1, guards, entering=entering)
        if place.item.fewest:  # it may take none, and prefers to
            return [*beyond, *into], rest
        return [*into, *beyond], rest

    # --------------------------------------------------------------------------------------------------------- leaving

    def _state(self, leaf: Place) -> State:
        moves, ends = self._follow(leaf)
        last = self.roots[-1]
        moves = [replace(m, last=last in self.leaves[m.target].around) for m in moves]
        until = tuple(dict.fromkeys(u for m in moves if m.last for u in m.untils)) if ends else ()
        *_, item = leaf.around
        return State(tuple(moves), ends, leaf.groups, until, item.number)

    def _follow(self, place: Place) -> tuple[list[Move], bool]:
        """The moves when an iteration of an item is complete, by preference; and whether the pattern may end there."""
        again = self._again(place)
        onward, ends = self._onward(place)
        if place.item.fewest:
            return [*onward, *(replace(m, reluctant=m.reluctant or "enough") for m in again)], ends
        return [*again, *onward], ends

    def _again(self, place: Place) -> list[Move]:
        """The moves into the next iteration of an item."""
        if place.item.high == 1:
            return []
        until = self._closing(place)
        out = []
        for move in self._first(place):  # an iteration: its first event
            strict, every = move.strict or place.item.in_a_row, move.every or place.item.combined
            target = self.leaves[move.target]
            if place.is_leaf:
                out.append(replace(move, strict=strict, every=every, untils=until, keep=len(place.groups), again=True))
            else:
                out.append(
                    replace(
                        move,
                        strict=strict,
                        every=every,
                        guards=(),
                        inner=move.guards,
                        untils=(*move.untils, *until),
                        keep=len(place.groups) - 1,
                        begins=True,
                        cleared=place,
                    )
                )
            assert place in target.around
        return out

    def _onward(self, place: Place) -> tuple[list[Move], bool]:
        """The moves when an item is over; and whether the pattern may end there."""
        parent = place.parent
        if parent is not None and parent.is_choice:
            return self._follow(parent)
        if parent is not None and parent.is_several:
            until = self._closing(parent)
            others = [c for c in parent.children if c is not place]
            members = [Move(c.step, False, (), until, len(place.groups), member=True) for c in others]
            follows, ends = self._follow(parent)
            return [*members, *follows], ends
        siblings = self.roots if parent is None else parent.children
        moves, rest = self._entries(siblings, place.number + 1, ())
        outer = () if parent is None else parent.groups
        until = () if parent is None else self._closing(parent)
        moves = [replace(m, keep=len(outer), untils=(*m.untils, *until)) for m in moves]
        if rest is None:
            return moves, False
        if parent is None:
            return moves, True
        beyond, ends = self._follow(parent)
        carried = [replace(m, guards=(*rest, *m.guards)) for m in beyond]
        return [*moves, *carried], ends

    @staticmethod
    def _closing(place: Place) -> tuple[CheckedAbsence, ...]:
        """The ``until`` conditions in force between two events inside an item."""
        return tuple(p.item.until for p in place.around if p.item.until is not None)


def _needed(place: Place) -> int:
    assert isinstance(place.item.body, CheckedSeveral)
    return place.item.body.count


def _leaves(place: Place) -> Iterator[Place]:
    if place.is_leaf:
        yield place
    for child in place.children:
        yield from _leaves(child)


def _least_at_end(item: CheckedItem) -> CheckedItem:
    """The item with ``fewest`` at the very end taken at its word: once there is enough, nothing more is taken."""
    if item.fewest and item.low > 0:  # one that may take nothing is never begun there: see FORGONE in the tables
        item = replace(item, high=item.low, fewest=False)
    if item.high != 1 or isinstance(item.body, int | CheckedSeveral):
        return item
    if isinstance(item.body, CheckedChoice):
        return replace(item, body=CheckedChoice(tuple(_least_at_end(a) for a in item.body.alternatives)))
    return replace(item, body=(*item.body[:-1], _least_at_end(item.body[-1])))

"""A row pattern as one table: which runs a key has is a single number, and the tests at an event say the next one.

The runs of a key stand in an order that nothing but the pattern decides: earlier starts first, of two with one start
the one whose step is preferred. So the ordered list of their states is itself a state, and all that one event does -
which run becomes a match, which moves where, which is forgotten - is known beforehand from that list and the truth of
the tests. A cell of the table holds the next list, whether there is a match, and for every word of the key's row from
which of its few sources it is taken; the loop selects, and branches nowhere.

States that never stand in one list share their words, so what a run takes along is mostly left where it is.
Invariant: at most one match ends at an event. Cost: a list a row of the table, a cell for each outcome of the tests;
patterns with more than `MOST_CELLS` are left to `cep.compiler.rowmasks`.
References: the subset construction, with priorities as in Laurikari's tagged automata.
Tested by: tests/compiler/test_choice.py, tests/kernels/test_onepass.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cep.compiler.rowwords import NULLS, START, End, Lines, Move, Words, ways_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.rowstates import RowStates, State

MOST_CELLS = 2048
_MOST_STORED = 12  # words of a match that are written whether there is one or not
_MOST_BITS = 62

Alive = tuple["State", ...]
"""The states of a key's runs, the preferred first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What an event does: the runs afterwards, the way in which one became a match, and how each of them came about."""

    alive: Alive
    end: End | None
    moves: tuple[Move, ...]


class _Outcome(NamedTuple):
    """What holds at an event for which the tests came out in one way, by run (None: a new one).

    ``moves``: those that lead on, in order; ``ends``: the first way in which the run becomes a match. ``never``: tests
    came out together that exclude each other.
    """

    never: bool
    moves: Mapping[State | None, Sequence[Move]]
    ends: Mapping[State | None, End]


class TooLargeError(Exception):
    """The table would have too many cells."""


class RowTable:
    """The table of one pattern; ``alive[i]`` are the runs of number i, 0 being none.

    ``waits``: a match may come while a preferred run goes on, which may become one: under `prefer earliest` it waits.
    """

    def __init__(self, rows: RowStates, moves: Sequence[Move]) -> None:
        self._rows, self._moves = rows, moves
        self._ends = ways_to_end(rows, moves)
        self.letters = list(dict.fromkeys(t for m in moves for t in [_letter(m.test)[0]] if t))
        self._exclusive = {
            (a.test, b.test)
            for a in moves
            for b in moves
            if a.source == b.source and a.step < b.step and rows.exclude(a.source, a.step, b.step)
        }
        self._outcomes: dict[int, _Outcome] = {}
        self.waits = False
        self.alive: list[Alive] = [()]
        self.cells: list[list[Cell]] = []
        numbers: dict[Alive, int] = {(): 0}
        for alive in self.alive:
            if (len(self.cells) + 1) << len(self.letters) > MOST_CELLS:
                raise TooLargeError
            cells = [self._cell(alive, self._outcome(number)) for number in range(1 << len(self.letters))]
            for cell in cells:
                if cell.alive not in numbers:
                    numbers[cell.alive] = len(self.alive)
                    self.alive.append(cell.alive)
            self.cells.append(cells)
        self._numbers = numbers

    def _outcome(self, number: int) -> _Outcome:
        """What holds when the bits of ``number`` are how the tests came out, one a letter."""
        made = self._outcomes.get(number)
        if made is None:
            holds = dict[str, bool]()
            for test in {m.test for m in self._moves}:
                letter, negated = _letter(test)
                is_true = bool((number >> self.letters.index(letter)) & 1) if letter else True
                holds[test] = is_true != negated
            moves: dict[State | None, list[Move]] = {}
            for move in self._moves:
                if move.target is not None and holds[move.test]:
                    moves.setdefault(move.source, []).append(move)
            ends: dict[State | None, End] = {}
            for end, test, must in self._ends:
                if holds[test] == must:
                    ends.setdefault(end[0], end)
            never = any(holds[a] and holds[b] for a, b in self._exclusive)
            made = self._outcomes[number] = _Outcome(never, moves, ends)
        return made

    def _cell(self, alive: Alive, outcome: _Outcome) -> Cell:
        if outcome.never:
            return Cell((), None, ())  # it never comes to this
        for run in (*alive, None):
            end = outcome.ends.get(run)
            if end is not None:
                self.waits = self.waits or self._is_overtaken(alive, end, outcome)
                if end[1] is not None:
                    return Cell((), end, ())
                goes_on, moves = self._go_on((), outcome)  # the event that breaks a run off may begin another
                return Cell(goes_on, end, moves)
        goes_on, moves = self._go_on(alive, outcome)
        return Cell(goes_on, None, moves)

    def _is_overtaken(self, alive: Alive, end: End, outcome: _Outcome) -> bool:
        """Whether a run before one that ends goes on, or that one itself in a way that is preferred to its end."""
        ending, step = end
        before = alive if ending is None else alive[: alive.index(ending)]
        steps = self._rows.steps_from(ending)
        preferred = steps if step is None else steps[: steps.index(step)]
        return any(
            (m.source is not None and m.source in before) or (m.source == ending and m.step in preferred)
            for held in outcome.moves.values()
            for m in held
        )

    def _go_on(self, alive: Alive, outcome: _Outcome) -> tuple[Alive, tuple[Move, ...]]:
        into: dict[State, Move] = {}
        for run in (*alive, None):  # whatever has begun is preferred to a new run
            for move in outcome.moves.get(run, ()):
                if move.target is not None:
                    into.setdefault(move.target, move)
        return tuple(into), tuple(into.values())

    def share(self, words: Words, at: int) -> int:
        """Give every register of every state its word, from ``at`` on; return where they end."""
        together = {(a, b) for alive in self.alive for a in alive for b in alive}
        for register in (START, *words.registers, *([NULLS] if words.null_bits else [])):
            groups: list[list[State]] = []
            for state in self._rows.states:
                if register == START and all(m.source is None for m in self._moves if m.target == state):
                    continue  # it began with the key's last event
                if register != START and register not in words.kept_in(state):
                    continue
                group = next((g for g in groups if not any((state, o) in together for o in g)), None)
                if group is None:
                    groups.append(group := [])
                group.append(state)
            for group in groups:
                words.columns.update({(state.number, register): at for state in group})
                at += 1
        return at

    def live_columns(self, words: Words, width: int) -> np.ndarray:
        """Which columns of a row mean something, by the number of its runs."""
        out = np.zeros((len(self.alive), width), np.bool_)
        for number, alive in enumerate(self.alive):
            there = {s.number for s in alive}
            out[number, [c for (s, _), c in words.columns.items() if s in there]] = True
        return out

    def write(self, out: Lines, words: Words, stored: Callable[[End], Mapping[int, str]]) -> np.ndarray:
        """Write the part of the loop between the tests and the next row; return the cells of the table.

        ``stored`` says which text each column of ``found`` gets from a run that becomes a match.
        """
        shift = len(self.letters)
        bits = max(1, (len(self.alive) << shift) - 1).bit_length()
        given = {end: stored(end) for end, _, _ in self._ends}
        ends = [cell.end for cells in self.cells for cell in cells]
        chooser, sources = _Chooser(len(ends), bits + 1), self._into(words)
        written = {
            column: chooser.choose([None if e is None else given[e][column] for e in ends])
            for column in dict.fromkeys(c for of in given.values() for c in of)
        }
        kept = {
            column: chooser.choose([into.get(column) for into in sources], f"kept{column}")
            for column in dict.fromkeys(words.columns.values())
        }
        if chooser.bits > _MOST_BITS:
            raise TooLargeError
        outcome = [f"(np.int64({t}) << {i})" if i else f"np.int64({t})" for i, t in enumerate(self.letters)]
        out.add(f"cell = moves[np.uint64({' + '.join(['slots[slot, 0]', *outcome])})]")
        guarded = len(written) > _MOST_STORED
        if guarded:
            out.add(f"if (cell >> {bits}) & 1:")
            out.depth += 1
        out.add(*(f"found[{column}, target] = {text}" for column, text in written.items()))
        out.depth -= guarded
        out.add(f"target += np.uint64((cell >> {bits}) & 1)")
        out.add(*(f"slots[slot, {column}] = {text}" for column, text in kept.items() if text != f"kept{column}"))
        out.add(f"slots[slot, 0] = cell & {(1 << bits) - 1}")
        cells = [
            (self._numbers[cell.alive] << shift) | (int(cell.end is not None) << bits) | chooser.word(at)
            for at, cell in enumerate(c for cells in self.cells for c in cells)
        ]
        return np.array(cells, np.int64)

    def _into(self, words: Words) -> list[dict[int, str]]:
        """For each cell the text of every column of a row that means something afterwards."""
        known: dict[Move, dict[int, str]] = {}
        for move in self._moves:
            if move.target is not None:
                columns = [(r, at) for (state, r), at in words.columns.items() if state == move.target.number]
                known[move] = {at: words.into(register, move) for register, at in columns}
        return [
            {at: text for move in cell.moves for at, text in known[move].items()}
            for cells in self.cells
            for cell in cells
        ]


class _Chooser:
    """What each cell chooses, where it has a choice, and the bits that say so."""

    def __init__(self, cells: int, bits: int) -> None:
        self._words = [0] * cells
        self.bits = bits

    def choose(self, wanted: Sequence[str | None], default: str | None = None) -> str:
        """Text that gives what is wanted by the cell that is met; anything, or the default, where that is None."""
        options = list(dict.fromkeys(w for w in wanted if w is not None))
        if default in options:
            options.sort(key=lambda o: o != default)
        text = options[0] if options else default or "0"
        for option in options[1:]:
            text = f"(({option}) if (cell >> {self.bits}) & 1 else {text})"
            for at, word in enumerate(wanted):
                self._words[at] |= int(word == option) << self.bits
            self.bits += 1
        return text

    def word(self, at: int) -> int:
        """The bits of a cell."""
        return self._words[at]


def _letter(test: str) -> tuple[str, bool]:
    """The variable of a test ("" for what always holds), and whether it is negated."""
    if test in ("True", "False"):
        return "", test == "False"
    return (test[1:].partition(" ")[0], True) if test.startswith("(") else (test, False)

"""A row pattern whose runs are too many for one table: each state takes the preferred of the runs that come into it.

For each state the run of it is a start and registers in the key's row; on an event matches are sought first, then each
state takes its run. Which one that is is chosen by masks: with branches it took 1.4 times as long. Of two runs with one
start a rank (parent's rank, then step) tells the preferred, where a state is ambiguous.
References: Pike's simulation with captures (one thread a state, in order of priority).
Tested by: tests/compiler/test_choice.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.compiler.rowwords import START, End, Lines, Move, Words, ways_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.rowstates import RowStates, State


class RowMasks:
    """The loop of one pattern, a state after the other."""

    def __init__(self, rows: RowStates, moves: Sequence[Move]) -> None:
        self._rows, self._moves = rows, moves
        self._ranked = rows.is_ambiguous()
        self._starts: dict[int, int] = {}  # of each state

    def share(self, words: Words, at: int) -> int:
        """Give every register of every state a word of its own, from ``at`` on; return where they end."""
        for state in self._rows.states:
            words.columns[state.number, START] = self._starts[state.number] = at
            at += 1 + self._ranked
            for register in words.kept_in(state):
                words.columns[state.number, register] = at
                at += 1
        return at

    @property
    def starts(self) -> tuple[int, ...]:
        """The columns of the starts, by state."""
        return tuple(self._starts.values())

    def write(self, out: Lines, words: Words, stored: Callable[[End], Mapping[int, str]]) -> None:
        """Write the part of the loop between the tests and the next row.

        ``stored`` says which text each column of ``found`` gets from a run that becomes a match.
        """
        starts = self._starts
        out.add(*(f"start{n} = kept{at}" for n, at in starts.items()))
        if self._ranked:
            out.add(*(f"rank{n} = slots[slot, {at + 1}]" for n, at in starts.items()))
        out.add("goes_on = True")
        self._matches(out, stored)
        out.add("if goes_on:")
        out.depth += 1
        fits = [m for m in self._moves if m.target is not None]
        for state in reversed(self._rows.states):
            self._enter(out, state, [m for m in fits if m.target == state], words)
        if self._ranked:
            self._renumber(out)
        out.add("pass")
        out.depth -= 1

    def _choose(self, out: Lines, label: int, start: str, test: str, rank: str) -> None:
        """Take a run for the best so far when it comes and is preferred.

        By masks, without a branch: which events come nobody can foresee, and a wrong guess costs more than all this.
        """
        out.add(f"comes = {start} | ((np.int64({test}) - 1) & NEVER)")
        if label == 0:
            out.add("best = comes", *([f"best_rank = {rank}"] if self._ranked else []))
            return
        if self._ranked:
            out.add(f"rank = {rank}")
            out.add("earlier = (comes == best) & (comes < NEVER) & (rank < best_rank)")
            out.add(f"take{label} = -np.int64((comes < best) | earlier)")
            out.add(f"best_rank ^= (best_rank ^ rank) & take{label}")
        else:
            out.add(f"take{label} = (comes - best) >> 63")
        out.add(f"best ^= (best ^ comes) & take{label}")

    def _rank(self, state: State, step: int) -> str:
        return f"rank{state.number} * {len(self._rows.steps)} + {step}"

    @staticmethod
    def _store_chosen(out: Lines, into: str, values: Sequence[str]) -> None:
        """What the run chosen gives."""
        if len(set(values)) == 1:
            out.add(f"{into} = {values[0]}")
            return
        out.add(f"word = {values[0]}")
        for label, value in enumerate(values[1:], 1):
            out.add(f"word ^= (word ^ ({value})) & take{label}")
        out.add(f"{into} = word")

    def _matches(self, out: Lines, stored: Callable[[End], Mapping[int, str]]) -> None:
        """The match of the preferred run that is complete at the event, or that the event breaks off."""
        last = len(self._rows.steps) - 1
        ways = ways_to_end(self._rows, self._moves)
        ends = [(end, test, must) for end, test, must in ways if end[0] is not None]
        for label, ((state, step), test, must) in enumerate(ends):
            assert state is not None
            holds = test if must else f"{test} ^ True"
            rank = self._rank(state, last if step is None else step)
            self._choose(out, label, f"start{state.number}", holds, rank)
        if ends:
            if len(ends) > 1:
                self._store_chosen(out, "source", [str(label) for label in range(len(ends))])
            out.add("if best < NEVER:")
            out.depth += 1
            for label, (end, _, _) in enumerate(ends):
                if len(ends) > 1:
                    out.add(f"{'if' if label == 0 else 'elif'} source == {label}:")
                    out.depth += 1
                self._give_out(out, stored(end), end[1] is not None)
                out.depth -= len(ends) > 1
            out.add(*(f"start{n} = NEVER" for n in self._starts))
            out.depth -= 1
        for end, test, _ in ways:
            if end[0] is None:
                out.add(f"if goes_on & ({test}):")
                out.depth += 1
                self._give_out(out, stored(end), True)
                out.depth -= 1

    def _give_out(self, out: Lines, stored: Mapping[int, str], is_whole: bool) -> None:
        out.add(*(f"found[{column}, target] = {text}" for column, text in stored.items()), "target += np.uint64(1)")
        out.add(*(f"slots[slot, {at}] = NEVER" for at in self._starts.values()))
        if is_whole:
            out.add("goes_on = False")

    def _enter(self, out: Lines, state: State, moves: Sequence[Move], words: Words) -> None:
        """The preferred of the runs that come into a state, if any; where none does, what is written is never read."""
        moves = sorted(moves, key=lambda m: m.source is None)  # whatever has begun is preferred to a new run
        for label, move in enumerate(moves):
            if move.source is None:
                self._choose(out, label, "place", move.test, str(move.step))
            else:
                self._choose(out, label, f"start{move.source.number}", move.test, self._rank(move.source, move.step))
        column = self._starts[state.number]
        out.add(f"slots[slot, {column}] = best")
        if self._ranked:
            out.add(f"slots[slot, {column + 1}] = best_rank")
        for register in words.kept_in(state):
            values = [words.into(register, move) for move in moves]
            self._store_chosen(out, f"slots[slot, {words.columns[state.number, register]}]", values)

    def _renumber(self, out: Lines) -> None:
        """Ranks grow with every event: before they leave 64 bits they are replaced by their places."""
        starts = list(self._starts.values())
        for n, at in enumerate(starts):
            out.add(f"best{n} = slots[slot, {at + 1}] if slots[slot, {at}] < NEVER else np.int64(-1)")
        out.add(f"if max({', '.join(f'best{n}' for n in range(len(starts)))}) > {2**40}:")
        out.depth += 1
        for n in range(len(starts)):
            less = [f"np.int64(best{m} < best{n})" for m in range(len(starts)) if m != n]
            out.add(f"slots[slot, {starts[n] + 1}] = {' + '.join(less) or '0'}")
        out.depth -= 1

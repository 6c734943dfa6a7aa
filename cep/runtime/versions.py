"""Versions: the programs that the events of one pattern meet, when params change while it runs.

An event meets the version that was in force when it arrived, known by its number in its stream: its conditions, what
is kept and added up of it, and the ``emit`` of a match whose last event it is. So it does not matter how long it
waited, or in which order events stand. A version goes when no row that is kept met it.
Cost: nothing while there is one version; else O(rows x versions) numpy operations.
Tested by: tests/app/test_set.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cep.kernels.runs import SEQ, STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cep.compiler.pattern import PatternProgram
    from cep.model.batch import Int64Array
    from cep.runtime.snapshot import State, Stored
    from cep.runtime.strings import Strings

    ProgramOf = Callable[[Mapping[str, str]], PatternProgram | None]


@dataclass(frozen=True, slots=True)
class Version:
    """A program; ``ints`` has the codes of one store. ``since``: by stream, the first number that meets it."""

    program: PatternProgram
    ints: Int64Array
    since: Int64Array


class Versions:
    """The versions of one shard, the oldest first."""

    __slots__ = ("_all",)

    def __init__(self, program: PatternProgram) -> None:
        self._all = [Version(program, program.ints, np.zeros(len(program.inputs), np.int64))]

    def __len__(self) -> int:
        return len(self._all)

    @property
    def newest(self) -> Version:
        """What arrives now meets this."""
        return self._all[-1]

    def change(self, program: PatternProgram, since: Int64Array, strings: Strings, kept: Int64Array) -> None:
        """Add a version; ``kept`` are all rows that the shard has."""
        ints = _pinned(program, strings)
        oldest = int(self._numbers(kept).min()) if len(kept) else len(self._all)
        self._all = [*self._all[oldest:], Version(program, ints, since)]

    def state(self) -> list[State]:
        """Of each version the values of the params, and since when it is met."""
        return [{"values": dict(v.program.values), "since": v.since} for v in self._all]

    def restore(self, stored: Stored, program_of: ProgramOf, strings: Strings) -> None:
        """Take over the versions that a shard of the same rule had."""
        found = []
        for each in stored.many("versions"):
            values = each.inner("values")
            program = program_of({name: values.text(name) for name in values.names})
            each.require(program is not None and program.keeps_alike(self.newest.program), "it is no version")
            assert program is not None
            found.append(Version(program, _pinned(program, strings), each.numbers("since", len(program.inputs), 0)))
        stored.require(found, "there is no version")
        self._all = found

    def runs_of(self, rows: Int64Array) -> Iterator[tuple[Version, slice]]:
        """Rows of one version that stand together."""
        numbers = self._numbers(rows)
        ends = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(rows)]
        for a, b in pairwise(ends):
            yield self._all[int(numbers[a])], slice(a, b)

    def groups_of(self, rows: Int64Array) -> Iterator[tuple[Version, Int64Array]]:
        """The places of the rows of each version."""
        numbers = self._numbers(rows)
        for number in np.unique(numbers).tolist():
            yield self._all[number], np.flatnonzero(numbers == number)

    def _numbers(self, rows: Int64Array) -> Int64Array:
        out = np.zeros(len(rows), np.int64)
        for version in self._all[1:]:
            out += rows[:, SEQ] >= version.since[rows[:, STREAM]]
        return out


def _pinned(program: PatternProgram, strings: Strings) -> Int64Array:
    """The integer operands of a program, with the codes that its texts have in a store."""
    if not program.codes:
        return program.ints
    codes, places, ints = strings.pin(program.texts), list(program.codes), program.ints.copy()
    ints[places] = codes[ints[places]]
    return ints

"""The automaton of a pattern as the tables that the run-table matcher reads.

Tested by: tests/compiler/test_pattern.py, tests/properties/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cep.compiler.layout import QUIET, FoldRegister, PositionRegister, group_register
from cep.kernels import program as tables
from cep.kernels.program import MatchProgram
from cep.kernels.runs import CLOSE, CLOSE_BIT, FOREVER, REGISTERS
from cep.language.checker.ways import longer_is_enough
from cep.language.typed import Const, ParamRef
from cep.model.diagnostics import Diagnostic
from cep.model.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.compiler.automaton import Automaton, Move
    from cep.compiler.layout import Layout
    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedAbsence, CheckedPattern, CheckedRule, Typed

UNLIMITED = 2**62
_SKIPS = {
    "past last": tables.PAST_LAST,
    "keep all": tables.KEEP_ALL,
    "next": tables.TO_NEXT,
    "first": tables.TO_POSITION,
    "last": tables.TO_POSITION,
}
_RELUCTANT = {"": tables.EAGER, "always": tables.ALWAYS, "enough": tables.ENOUGH}


def sees_all(pattern: CheckedPattern) -> bool:
    """Whether an event that fits no part of the pattern can still decide something: it breaks `next`, or it counts."""
    strict = any(s.link == "next" or s.in_a_row for s in pattern.steps)
    counted = pattern.events is not None or any(i.events is not None for i in pattern.nodes)
    return counted or strict or any(i.link == "next" or i.in_a_row for i in pattern.nodes)


def skip_register(pattern: CheckedPattern) -> PositionRegister | None:
    """The register that says where ``skip to first v`` or ``skip to last v`` goes on."""
    if pattern.skip_variable is None:
        return None
    return PositionRegister("first" if pattern.skip == "first" else "latest", pattern.skip_variable, -1)


def nanoseconds(node: Typed, params: Mapping[str, CheckedParam]) -> int:
    """The value of a duration: a constant or a param."""
    value = params[node.name].value.value if isinstance(node, ParamRef) else None
    if isinstance(node, Const):
        value = node.value
    assert isinstance(value, int)
    return value


def match_program(
    pattern: CheckedPattern,
    automaton: Automaton,
    layout: Layout,
    params: Mapping[str, CheckedParam],
    tested: int,
    updated: frozenset[int],
) -> MatchProgram:
    """The tables of a pattern; ``tested``: predicates for generated code, ``updated``: steps that keep registers."""
    return _Tables(pattern, automaton, layout, params).build(tested, updated)


class _Tables:
    def __init__(
        self,
        pattern: CheckedPattern,
        automaton: Automaton,
        layout: Layout,
        params: Mapping[str, CheckedParam],
    ) -> None:
        self.pattern, self.automaton, self.layout, self.params = pattern, automaton, layout, params
        n = len(pattern.steps)
        between, final = pattern.between, pattern.final
        # by identity: the same absence may be written twice
        self.absence_at = {id(a): n + k for k, a in enumerate(between)}
        self.final_at = {id(a): n + len(between) + k for k, a in enumerate(final)}
        self.until_at = {id(u): n + len(between) + len(final) + k for k, u in enumerate(pattern.untils)}
        self.groups = [FoldRegister("round", f"$group {k}", -1, False) for k in range(len(automaton.groups))]
        self.since = [
            (FoldRegister("since", f"$group {k}", -1, False), FoldRegister("seen", f"$group {k}", -1, False))
            if item.is_bounded
            else None
            for k, item in enumerate(automaton.groups)
        ]
        self.done = FoldRegister("done", "$match", -1, False)
        self.sets = [FoldRegister("members", f"$set {k}", -1, False) for k in range(len(automaton.sets))]

    def build(self, tested: int, updated: frozenset[int]) -> MatchProgram:
        pattern, automaton = self.pattern, self.automaton
        n = len(pattern.steps)
        group_at = [self.layout.register(g) for g in self.groups]
        steps = np.zeros((n + 1, tables.STEP_WIDTH), np.int64)
        depth = max((len(s.groups) for s in automaton.states), default=0)
        nests = np.zeros((n + 1, max(1, depth)), np.int64)
        moves: list[list[int]] = []
        for i, (step, state) in enumerate(zip(pattern.steps, automaton.states, strict=True)):
            row = steps[i]
            self._moves(row, state.moves, moves)
            high = automaton.highs[i]
            row[tables.LOW], row[tables.HIGH] = automaton.lows[i], UNLIMITED if high is None else high
            row[tables.AGAIN] = _mask(m.again for m in state.moves)
            row[tables.AFTER] = _mask(not m.again for m in state.moves)
            if state.ends:
                row[tables.AFTER] |= int(CLOSE_BIT)
                row[tables.ENDS] = _mask(m.last for m in state.moves)
            # `fewest` at the end: nothing more is taken once there is enough
            row[tables.FORGONE] = _mask(bool(m.reluctant and m.last) for m in state.moves)
            wanted = PositionRegister("newest", step.variable, -1)
            row[tables.POSITION] = self.layout.positions.index(wanted) if wanted in self.layout.positions else -1
            row[tables.UPDATE] = i in updated
            row[tables.REDUNDANT] = self._may_drop_shorter(i)
            row[tables.DEPTH] = len(state.groups)
            row[tables.UNTIL] = sum(1 << self.until_at[id(u)] for u in dict.fromkeys(state.until))
            row[tables.CONSUMED] = step.variable in pattern.consume
            row[tables.ITEM] = state.item
            nests[i, : len(state.groups)] = state.groups
        for register, (members, needed) in zip(self.sets, automaton.sets, strict=True):
            for k, i in enumerate(members):
                steps[i, tables.SET] = REGISTERS + self.layout.register(register)
                steps[i, tables.NEEDED], steps[i, tables.MEMBER] = needed, 1 << k
                steps[i, tables.MEMBERS] = _mask(m.member for m in automaton.states[i].moves)
        self._moves(steps[n], automaton.start, moves)
        waits = np.zeros(n + len(self.absence_at) + len(self.final_at) + len(self.until_at), np.int64)
        for absence in (*pattern.between, *pattern.final):
            if absence.duration is not None:
                place = (self.absence_at | self.final_at)[id(absence)]
                waits[place] = nanoseconds(absence.duration, self.params)
        groups = np.zeros((max(1, len(self.groups)), tables.GROUP_WIDTH), np.int64)
        groups[:, tables.GROUP_EVENTS] = UNLIMITED
        for k, item in enumerate(automaton.groups):
            total = -1
            if item.variable is not None and group_register(item.variable) in self.layout.folds:
                total = REGISTERS + self.layout.register(group_register(item.variable))
            groups[k, : tables.GROUP_WITHIN] = (
                item.low,
                UNLIMITED if item.high is None else item.high,
                REGISTERS + group_at[k],
                total,
            )
            since = self.since[k]
            groups[k, tables.GROUP_WITHIN] = nanoseconds(item.within, self.params) if item.within else FOREVER
            groups[k, tables.GROUP_GAP] = nanoseconds(item.gap, self.params) if item.gap else FOREVER
            groups[k, tables.GROUP_EVENTS] = UNLIMITED if item.events is None else item.events
            if since is not None:
                groups[k, tables.GROUP_SINCE], groups[k, tables.GROUP_SEEN] = (
                    REGISTERS + self.layout.register(register) for register in since
                )
        return MatchProgram(
            steps,
            np.array(moves, np.int64).reshape(-1, tables.MOVE_WIDTH),
            groups,
            nests,
            waits,
            self._scalars(steps, moves, waits, tested),
        )

    def _scalars(self, steps: np.ndarray, moves: list[list[int]], waits: np.ndarray, tested: int) -> np.ndarray:
        pattern = self.pattern
        scalars = np.zeros(tables.SCALARS, np.int64)
        scalars[tables.STEPS] = len(pattern.steps)
        scalars[tables.FIRST] = sum(1 << s for s in {m.target for m in self.automaton.start})
        scalars[tables.FINAL] = sum(1 << p for p in self.final_at.values())
        scalars[tables.FINAL_WAIT] = max((waits[p] for p in self.final_at.values()), default=0)
        scalars[tables.WITHIN] = nanoseconds(pattern.within, self.params) if pattern.within else FOREVER
        scalars[tables.GAP] = nanoseconds(pattern.gap, self.params) if pattern.gap else FOREVER
        scalars[tables.EVENTS] = UNLIMITED if pattern.events is None else pattern.events
        scalars[tables.SKIP] = _SKIPS[pattern.skip]
        register = skip_register(pattern)
        scalars[tables.SKIP_AT] = 0 if register is None else self.layout.register(register)
        scalars[tables.CONSUMES] = bool(pattern.consume)
        scalars[tables.KEY_WORDS] = self.layout.key_words
        scalars[tables.KEY_AT] = self.layout.key_at
        scalars[tables.TESTED] = tested
        scalars[tables.POSITIONS] = len(self.layout.positions)
        scalars[tables.QUIET] = REGISTERS + self.layout.register(QUIET) if pattern.timeout is not None else 0
        scalars[tables.MOST_MOVES] = steps[:, tables.MOVES].max()
        begin = int(steps[-1, tables.FIRST_MOVE])
        scalars[tables.RESTRAINED] = any(m[tables.SILENCES] or m[tables.KEPT_BOUND] for m in moves[:begin])
        for move in moves[begin:]:
            scalars[tables.KEPT_BITS] |= move[tables.SILENCES]
            scalars[tables.KEPT_FOR] = max(scalars[tables.KEPT_FOR], move[tables.WAIT])
        if pattern.prefer_earliest:
            scalars[tables.DONE_AT] = REGISTERS + self.layout.register(self.done)
        if pattern.has_choices:
            # where every count is fixed, what is chosen says all that is bound
            fixed = pattern.is_plain and all(s.low == s.high for s in pattern.steps)
            scalars[tables.ALIKE] = tables.NONE_ALIKE if fixed else tables.SAME_CHOICES
        return scalars

    def _moves(self, row: np.ndarray, found: Sequence[Move], moves: list[list[int]]) -> None:
        """Write the moves of one state behind all others."""
        row[tables.FIRST_MOVE], row[tables.MOVES] = len(moves), len(found)
        for move in found:
            plain = [a for a in move.absences if a.duration is None]
            silences = [a for a in move.absences if a.duration is not None]
            kind = tables.AGAIN_STEP if move.again else tables.NEXT_ROUND if move.begins else tables.ONWARD
            moves.append(
                [
                    move.target,
                    int(move.strict),
                    _bits(plain, self.absence_at),
                    _bits(move.untils, self.until_at),
                    move.keep,
                    kind,
                    _RELUCTANT[move.reluctant],
                    self._cleared(move),
                    int(move.last),
                    int(move.member),
                    self._is_bounded(move),
                    _bits(silences, self.absence_at),
                    max((nanoseconds(a.duration, self.params) for a in silences if a.duration is not None), default=-1),
                    int(move.every),
                    _bits(move.guards, self.absence_at),
                    _bits(move.inner, self.absence_at),
                ]
            )

    def _is_bounded(self, move: Move) -> int:
        """Whether a group that the move stays in has a bound of its own."""
        around = self.automaton.states[move.target].groups[: move.keep]
        return int(any(self.automaton.groups[g].is_bounded for g in around))

    def _cleared(self, move: Move) -> int:
        """The registers that mean an event of this iteration, of the steps in the group that begins again."""
        if not move.begins:
            return 0
        group = self.automaton.states[move.target].groups[move.keep]
        inside = {self.pattern.steps[s].variable for s in self.automaton.inside[group]}
        return sum(
            1 << at for at, p in enumerate(self.layout.positions) if p.which == "newest" and p.variable in inside
        )

    def _may_drop_shorter(self, i: int) -> bool:
        pattern = self.pattern
        if not longer_is_enough(pattern, i):
            return False
        if pattern.gap is not None and self.automaton.states[i].ends:
            return False  # it is decided earlier than the longer one
        # what follows may come earlier after it
        return not any(a.duration is not None for m in self.automaton.states[i].moves for a in m.absences)


def check_size(rule: CheckedRule, automaton: Automaton) -> None:
    """`RuleError` when a state of the automaton has more moves than a run can wait for."""
    most = max(len(automaton.start), *(len(s.moves) for s in automaton.states))
    if most >= CLOSE - 1:
        problem = f"groups within groups give this pattern {most} ways to go on at one place; {CLOSE - 2} are the most"
        hint = "let a rule before this one match the inner group, and read the event that it emits"
        raise RuleError([Diagnostic("pattern-too-long", problem, rule.source, rule.span, hint)])


def _mask(chosen: object) -> int:
    assert hasattr(chosen, "__iter__")
    return sum(1 << e for e, is_chosen in enumerate(chosen) if is_chosen)


def _bits(absences: Sequence[CheckedAbsence], places: Mapping[int, int]) -> int:
    return sum(1 << p for p in {places[id(a)] for a in absences})

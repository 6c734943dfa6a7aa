"""The states of a row pattern: a pattern in which every event counts, as `cep.compiler.onepass` takes it.

A state is (step, iterations so far, as far as they matter): what a run may bind next, and whether it is complete, hangs
on nothing else. A state is ambiguous when one event may be bound in two ways and both go on; that it may not is seen by
conditions that contradict each other.
Tested by: tests/compiler/test_choice.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cep.compiler.direct import NotDirectError
from cep.language.typed import Apply, Attr, Const, Fold, ParamRef, Prev, Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import CheckedStep

MOST_STATES = 12
_NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_SIGNS = {
    "lt": {-1},
    "le": {-1, 0},
    "gt": {1},
    "ge": {0, 1},
    "eq": {0},
    "ne": {-1, 1},
}  # of left - right, where it holds


@dataclass(frozen=True, slots=True)
class State:
    """A run that has bound ``step`` for the ``count``-th time (the last count stands for more); ``number`` in order."""

    number: int
    step: int
    count: int


class RowStates:
    """The states of the steps of one pattern, in order."""

    def __init__(self, steps: tuple[CheckedStep, ...], params: Mapping[str, CheckedParam]) -> None:
        self.steps, self.params = steps, params
        self.order = {s.variable: i for i, s in enumerate(steps)}
        self.states = self._make_states()

    def _make_states(self) -> list[State]:
        out: list[State] = []
        for i, step in enumerate(self.steps):
            counts = max(step.low, 1) if step.high is None else step.high
            for c in range(1, counts + 1):
                if self._next(i, c) or self.closes(i, c):
                    out.append(State(len(out), i, c))
                if len(out) > MOST_STATES:
                    raise NotDirectError(f"it has more than {MOST_STATES} states")
        return out

    def _goes_on(self, i: int, c: int) -> bool:
        high = self.steps[i].high
        return high is None or c < high

    def _after(self, i: int) -> tuple[list[int], bool]:
        """The steps that may come after those before ``i``, and whether nothing need come."""
        out: list[int] = []
        for j in range(i, len(self.steps)):
            out.append(j)
            if self.steps[j].low > 0:
                return out, False
        return out, True

    def _next(self, i: int, c: int) -> list[int]:
        """The steps that may bind next after iteration ``c`` of step ``i``, in order of preference."""
        again = [i] if self._goes_on(i, c) else []
        return again + (self._after(i + 1)[0] if c >= self.steps[i].low else [])

    def closes(self, i: int, c: int) -> bool:
        """Whether a run is a match when the next event does not fit the last step."""
        last = len(self.steps) - 1
        return c >= self.steps[i].low and self._after(i + 1)[1] and last in self._next(i, c)

    def target(self, source: State | None, step: int) -> State | None:
        """The state that a run (None: a new one) comes into when it binds ``step``; None where that is the match."""
        if source is not None and source.step == step:
            high = self.steps[step].high
            count = source.count + 1 if high is not None else min(source.count + 1, max(self.steps[step].low, 1))
        else:
            count = 1
        return next((s for s in self.states if (s.step, s.count) == (step, count)), None)

    def is_ambiguous(self) -> bool:
        """Whether some run may bind one event in two ways and go on in both."""
        for source in (None, *self.states):
            goes = [j for j in self.steps_from(source) if self.target(source, j) is not None]
            for n, j in enumerate(goes):
                if not all(self.exclude(source, j, k) for k in goes[n + 1 :]):
                    return True
        return False

    def steps_from(self, source: State | None) -> list[int]:
        """The steps that a run may bind next, in order of preference."""
        return self._after(0)[0] if source is None else self._next(source.step, source.count)

    def exclude(self, source: State | None, j: int, k: int) -> bool:
        """Whether no event can fit both steps for a run in a state, as far as that is seen."""
        if not set(self.steps[j].streams) & set(self.steps[k].streams):
            return True
        first, second = self._atoms(source, j), self._atoms(source, k)
        return any(_contradict(a, b) for a in first for b in second)

    def _atoms(self, source: State | None, step: int) -> list[tuple[object, ...]]:
        """The comparisons among the conjuncts of a step's condition, each (op, left, right) by what they mean."""
        where = self.steps[step].where
        parts = [] if where is None else where.args if isinstance(where, Apply) and where.op == "and" else [where]
        out: list[tuple[object, ...]] = []
        for part in parts:
            negated = isinstance(part, Apply) and part.op == "not"
            inner = part.args[0] if isinstance(part, Apply) and negated else part
            if isinstance(inner, Apply) and inner.op in _NEGATED:
                left, right = (self._meaning(a, source, step) for a in inner.args)
                out.append((_NEGATED[inner.op] if negated else inner.op, left, right))
        return out

    def _meaning(self, node: Typed, source: State | None, step: int) -> object:
        """The same for expressions that have one value for a run in a state; what is not known is like nothing else."""
        bound = -1 if source is None else source.step
        match node:
            case Const():
                return ("const", node.type.kind, node.type.scale, node.value)
            case ParamRef():
                return self._meaning(self.params[node.name].value, source, step)
            case Attr(variable=None):
                return ("now", node.name)
            case Attr(variable=str() as variable) if self.order[variable] == bound:
                return ("before", node.name)
            case Prev(argument=Attr(variable=None) as argument) if self.order[node.variable] == bound:
                return ("before", argument.name)
            case Prev() if node.default is not None and self.order[node.variable] > bound:
                return self._meaning(node.default, source, step)
            case Fold(function="last", running=False, argument=Attr(variable=None) as argument) if (
                self.order[node.variable] == bound
            ):
                return ("before", argument.name)
            case Apply():
                return (node.op, node.type.kind, node.type.scale, *(self._meaning(a, source, step) for a in node.args))
        return object()


def _contradict(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    (op, left, right), (with_op, with_left, with_right) = one, other
    assert isinstance(op, str)
    assert isinstance(with_op, str)
    if (left, right) == (with_right, with_left):
        with_op, with_left, with_right = _MIRRORED[with_op], with_right, with_left
    if (left, right) == (with_left, with_right):
        return not _SIGNS[op] & _SIGNS[with_op]
    constants = [c for c in (right, with_right) if isinstance(c, tuple) and c[0] == "const"]
    if left != with_left or len(constants) < 2 or constants[0][:3] != constants[1][:3]:
        return False
    values = (constants[0][3], constants[1][3])
    if None in values or values[0] == values[1]:
        return False  # of one constant see above
    low = min(values)
    of_low, of_high = (op, with_op) if constants[0][3] == low else (with_op, op)
    return bool(_SIGNS[of_low] <= {-1, 0} and _SIGNS[of_high] <= {0, 1})  # at most the less, at least the greater

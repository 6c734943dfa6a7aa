"""Blame: the smallest part of a condition that is never true, always true, or always null, in words.

A condition is asked by itself, then with the order of events, with ``within``, with what earlier steps have asked. The
first that finds a fault gives the reason; what is true because an earlier step, or the key, says the same is no fault.
A chain of ``and`` that cannot hold is cut to the first part at which it fails, and that is set against each part before
it.
Cost: linear in the condition for each level of its nesting, times the logarithm of the length of a chain that fails.
Tested by: tests/language/test_analysis.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from cep.language.analysis.solve import ANY, FALSE, NULL, TRUE, Solver, plainly
from cep.language.analysis.terms import COMPARISONS, STRICT, Terms, divides_by_zero
from cep.language.typed import Apply, Attr, Const, Fold, Key, Prev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cep.language.analysis.context import Context
    from cep.language.analysis.solve import Asked, Facts
    from cep.language.typed import Typed
    from cep.model.diagnostics import Source, Span

Kind = Literal["never", "always", "null"]
_SHOWN = 400
_CHAIN = 2000  # parts beyond which a chain is asked about as a whole only
_WELL_INSIDE = 2**62
_BRANCHES = 50  # of a `case`, beyond which the order of its conditions is not looked at

Reason = Literal["itself", "order", "within", "steps"]

_TIME = {
    "order": "events are bound in the order of their times",
    "within": "`within` keeps the events of a match closer together",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with a part of a condition; ``whole`` when it is the reason that the whole is never true."""

    kind: Kind
    span: Span
    message: str
    hint: str
    reason: Reason = "itself"
    whole: bool = False
    other: Span | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a chain, what is asked of it, and where it stands."""

    node: Typed
    mask: int
    span: Span


def _contexts(context: Context) -> Iterator[tuple[Reason, Context]]:
    """What is known, more and more."""
    yield "itself", replace(context, known={}, ordered=False, within=None)
    if context.times:
        yield "order", replace(context, known={}, within=None)
        if context.within is not None:
            yield "within", replace(context, known={})
    if context.known:
        yield "steps", context


def _fullest(context: Context) -> Context:
    """The last of `_contexts`."""
    if context.known:
        return context
    if context.times:
        return replace(context, known={})
    return replace(context, known={}, ordered=False, within=None)


class Condition:
    """One condition (or value) of a rule, where ``context`` holds.

    Most have no fault, so what finds the reason of one is made when it is asked for.
    """

    def __init__(self, context: Context, source: Source, place_of: Callable[[Typed], Span | None], fuel: list[int]):
        self.context = context
        self.source = source
        self.place_of = place_of
        self.fuel = fuel
        self._facts: tuple[Typed, Facts | None] | None = None

    @cached_property
    def solvers(self) -> list[tuple[Reason, Solver]]:
        """Solvers that know more and more."""
        return [(reason, Solver(context, self.fuel)) for reason, context in _contexts(self.context)]

    @cached_property
    def full(self) -> Solver:
        """The solver that knows everything."""
        return Solver(_fullest(self.context), self.fuel)

    @cached_property
    def _apart(self) -> Context:
        # what an earlier step has asked may well be asked again, and so may the key
        return replace(self.context, terms=Terms(lambda own, attribute: None), known={})

    @cached_property
    def lasting(self) -> list[tuple[Reason, Solver]]:
        """The same, which know nothing of earlier steps and of the key."""
        return [(reason, Solver(context, self.fuel)) for reason, context in _contexts(self._apart)]

    @cached_property
    def _last(self) -> Solver:
        return Solver(_fullest(self._apart), self.fuel)

    def facts(self, node: Typed) -> Facts | None:
        """What is known when a condition is true; None when it cannot be."""
        if self._facts is None or self._facts[0] is not node:
            self._facts = node, self.full.facts([(node, TRUE)])
        return self._facts[1]

    def _may_fail(self, node: Typed) -> bool:
        """Whether a condition may be other than true, whatever earlier steps have asked."""
        if isinstance(node, Apply) and node.op == "and" and all(_is_alone(a) for a in node.args):
            return any(self._may_fail(a) for a in node.args)
        if not self.context.unbound and _fails_for_some(node):
            return True
        return self._last.possible([(node, FALSE | NULL)])

    def text(self, span: Span) -> str:
        """What stands at a place, short enough for a message."""
        end = min(span.end, span.start + _SHOWN)  # a chain may be as long as the file
        words = " ".join(self.source.text[span.start : end].split())
        return words if len(words) <= 48 else f"{words[:45]}…"

    # ------------------------------------------------------------------------------------------------------ search

    def found(self, node: Typed, span: Span) -> list[Found]:
        """What is wrong with a condition, by its parts."""
        out: list[Found] = []
        waiting = [(node, span, True, True)]
        while waiting:
            part, around, whole, open_ = waiting.pop()
            here = self.place_of(part) or around
            if open_ and (self.facts(part) if part is node else self.full.facts([(part, TRUE)])) is None:
                out.append(replace(self.never(part, here), whole=whole))
                continue
            if not self._may_fail(part):
                out += self.always(part, here)
            elif isinstance(part, Apply) and part.op in ("and", "or", "not") and len(part.args) <= _CHAIN:
                # where all parts hold together, each holds alone
                waiting.extend((a, here, False, part.op != "and") for a in reversed(part.args))
        return out

    def never(self, node: Typed, span: Span) -> Found:
        """Why a condition is never true."""
        for reason, solver in self.solvers:
            if not solver.possible([(node, TRUE)]):
                return self._never(node, span, reason, solver)
        raise AssertionError("only what is never true is asked about")

    def _never(self, node: Typed, span: Span, reason: Reason, solver: Solver) -> Found:
        parts = self._parts(_Part(node, TRUE, span))
        while len(parts) > 1:
            alone = next((p for p in parts if not solver.possible([(p.node, p.mask)])), None)
            if alone is None:
                return self._together(parts, reason, solver)
            parts = self._parts(alone)
        return self._alone(parts[0], reason, solver)

    def _parts(self, whole: _Part) -> list[_Part]:
        """The parts that must all hold for the whole to hold."""
        out: list[_Part] = []
        waiting = [whole]
        while waiting:
            part = waiting.pop()
            node, mask = plainly(part.node, part.mask)
            chain = isinstance(node, Apply) and (node.op, mask) in (("and", TRUE), ("or", FALSE))
            if isinstance(node, Apply) and chain:
                waiting.extend(_Part(a, mask, self.place_of(a) or part.span) for a in reversed(node.args))
            else:
                out.append(part)
        return out

    def _together(self, parts: Sequence[_Part], reason: Reason, solver: Solver) -> Found:
        asked: list[Asked] = [(p.node, p.mask) for p in parts]
        low, high = 1, len(parts)  # the fewest parts from the first on that cannot hold together
        while low < high:
            middle = (low + high) // 2
            if solver.possible(asked[:middle]):
                low = middle + 1
            else:
                high = middle
        last = parts[low - 1]
        for part in parts[: low - 1]:
            if solver.possible([(part.node, part.mask), (last.node, last.mask)]):
                continue
            if part.span == last.span:
                message = f"no value is in `{self.text(last.span)}`: its ends are the wrong way round"
                return Found("never", last.span, message, "write the smaller end first", reason)
            message = f"`{self.text(part.span)}` and `{self.text(last.span)}` are never both {_word(part.mask)}"
            if part.mask != last.mask:
                message = (
                    f"`{self.text(last.span)}` is never {_word(last.mask)} "
                    f"where `{self.text(part.span)}` is {_word(part.mask)}"
                )
            return Found("never", last.span, message, self._cure(reason), reason, other=part.span)
        message = f"`{self.text(last.span)}` is never true together with the conditions before it"
        return Found("never", last.span, message, self._cure(reason), reason)

    @staticmethod
    def _cure(reason: Reason) -> str:
        if reason in _TIME:
            return f"correct one of the two: {_TIME[reason]}"
        if reason == "steps":
            return "the steps before this one have asked the contrary: see their conditions"
        return "write `or` where either is enough, or correct one of the two"

    def _alone(self, part: _Part, reason: Reason, solver: Solver) -> Found:
        node, _ = plainly(part.node, part.mask)
        shown = self.text(part.span)
        if not solver.possible([(node, TRUE | FALSE)]):
            culprit = next(iter(self.nulls(node, part.span)), None)
            if culprit is not None:
                return replace(culprit, reason=reason)
            return Found("null", part.span, f"`{shown}` is always null", "a condition holds only when true", reason)
        if isinstance(node, Const):
            return Found("never", part.span, f"`{shown}` is never true", "leave this part out", reason)
        if isinstance(node, Apply) and node.op in ("and", "or"):
            message = f"no part of `{shown}` can be true" if node.op == "or" else f"`{shown}` is never true"
            return Found("never", part.span, message, "correct one of its parts, or leave it out", reason)
        if reason in _TIME:
            message = f"`{shown}` is never true: {_TIME[reason]}"
            hint = (
                "compare the other way round" if reason == "order" else "compare with less, or let `within` be longer"
            )
            return Found("never", part.span, message, hint, reason)
        if reason == "steps":
            message = f"`{shown}` is never true after what the steps before it ask"
            return Found("never", part.span, message, self._cure(reason), reason)
        if self._is_same(node):
            message = f"`{shown}` is never true: {self._same(node)}"
            return Found("never", part.span, message, "compare it with another field, or with that of an alias", reason)
        if isinstance(node, Apply) and node.op in ("is_null", "is_not_null"):
            message = f"`{shown}` is never true: this value is {'never' if node.op == 'is_null' else 'always'} null"
            return Found("never", part.span, message, "leave this part out", reason)
        return Found(
            "never", part.span, f"`{shown}` is never true", "correct it: no value that it can meet fits", reason
        )

    def _same(self, node: Typed) -> str:
        assert isinstance(node, Apply)
        known = self.context.terms.known[self.context.terms.of(node.args[0], self.context.place)].node
        if isinstance(known, Key) and node.args[0] != node.args[1]:
            return "all events of a match have the same key"
        return "it compares a value with itself"

    def _is_same(self, node: Typed) -> bool:
        if not isinstance(node, Apply) or node.op not in COMPARISONS:
            return False
        terms, place = self.context.terms, self.context.place
        return terms.of(node.args[0], place) == terms.of(node.args[1], place)

    # ------------------------------------------------------------------------------------------------- always true

    def always(self, node: Typed, span: Span) -> list[Found]:
        """Why a condition is always true."""
        for reason, solver in self.lasting:
            if not solver.possible([(node, FALSE | NULL)]):
                return list(self._always(node, span, reason, solver))
        raise AssertionError("only what is always true is asked about")

    def _always(self, node: Typed, span: Span, reason: Reason, solver: Solver) -> Iterator[Found]:
        waiting = [(node, span)]
        while waiting:
            part, around = waiting.pop()
            here = self.place_of(part) or around
            if isinstance(part, Apply) and part.op == "and":
                waiting.extend((a, here) for a in reversed(part.args))
                continue
            if isinstance(part, Apply) and part.op == "or":
                one = next((a for a in part.args if not solver.possible([(a, FALSE | NULL)])), None)
                if one is not None:
                    waiting.append((one, here))
                    continue
            shown = self.text(here)
            message, hint = f"`{shown}` is always true", "leave it out"
            inner, _ = plainly(part, ANY)
            if reason in _TIME:
                message += f": {_TIME[reason]}"
            elif isinstance(inner, Apply) and inner.op in ("is_null", "is_not_null"):
                message += ": this value is never null"
            elif self._is_same(inner):
                message += ": it compares a value with itself"
                hint = "compare it with another field, or with that of an alias"
            elif isinstance(part, Apply) and part.op == "or":
                message += ": its parts cover every value"
                hint = "leave it out, or correct one of its parts"
            yield Found("always", here, message, hint, reason)

    # ----------------------------------------------------------------------------------------------------- nulls

    def nulls(self, node: Typed, span: Span) -> Iterator[Found]:
        """The smallest parts of a value that are always null, but for the literal ``null``."""
        place = self.context.place
        waiting: list[tuple[Typed, Span]] = [(node, span)]
        while waiting:
            part, around = waiting.pop()
            here = self.place_of(part) or around
            if divides_by_zero(part):
                shown = self.text(here)
                yield Found(
                    "null", here, f"`{shown}` divides by zero, which is always null", "divide by something else"
                )
                continue
            if isinstance(part, Prev) and place.first and part.default is None:
                shown = self.text(here)
                message = f"`{shown}` has no default, so it is null for the first event of the loop"
                yield Found("null", here, message, f"write prev({self._inside(shown)}, default)")
                continue
            if isinstance(part, Attr | Fold | Prev):
                name = part.variable
                if name in self.context.unbound and not (isinstance(part, Fold) and part.function == "count"):
                    message = f"`{self.text(here)}` is always null: `{name}` never binds an event"
                    yield Found("null", here, message, f"correct the condition of `{name}`, or leave this out")
                continue
            if isinstance(part, Apply) and part.op in STRICT:
                if any(isinstance(a, Const) and a.value is None for a in part.args):
                    yield Found("null", here, f"`{self.text(here)}` is always null", "write `is null`, or leave it out")
                else:
                    waiting.extend((a, here) for a in reversed(part.args))
            elif isinstance(part, Apply):
                waiting.extend((a, here) for a in reversed(part.args))

    @staticmethod
    def _inside(shown: str) -> str:
        return shown[shown.find("(") + 1 : -1] if shown.endswith(")") else "v.field"

    # ------------------------------------------------------------------------------------------------------ cases

    def cases(self, node: Typed, span: Span) -> Iterator[Found]:
        """What is wrong with the conditions of each ``case`` in a value."""
        waiting: list[tuple[Typed, Span]] = [(node, span)]
        while waiting:
            part, around = waiting.pop()
            here = self.place_of(part) or around
            if not isinstance(part, Apply):
                if isinstance(part, Prev) and part.default is not None:
                    waiting.append((part.default, here))
                continue
            waiting.extend((a, here) for a in reversed(part.args))
            if part.op != "select":
                continue
            conditions = part.args[:-1:2]
            wrong = False
            for condition in conditions:
                found = self.found(condition, here)
                wrong = wrong or any(f.whole or f.kind == "always" for f in found)
                yield from found
            if not wrong and len(conditions) <= _BRANCHES:
                yield from self._taken_before(conditions, here)

    def _taken_before(self, conditions: Sequence[Typed], span: Span) -> Iterator[Found]:
        before: list[Asked] = []
        for condition in conditions:
            if before and not self.full.possible([*before, (condition, TRUE)]):
                here = self.place_of(condition) or span
                message = f"`{self.text(here)}` is never reached: the conditions before it take all that it would"
                yield Found("never", here, message, "put the narrower condition first")
            before.append((condition, FALSE | NULL))


def _is_alone(node: Typed) -> bool:
    """Whether a condition is asked without trying branches, so that the chain it is in may fail if it may."""
    return isinstance(node, Apply) and node.op in COMPARISONS and plainly(node, TRUE)[0] is node


def _fails_for_some(node: Typed) -> bool:
    """Whether it compares a field with a constant that has values of its type on both sides: no need to solve that."""
    if not (isinstance(node, Apply) and node.op in COMPARISONS):
        return False
    value, limit = node.args
    if not (isinstance(value, Attr) and isinstance(limit, Const)):
        return False
    if value.type.kind == "string":
        return node.op in ("eq", "ne") and isinstance(limit.value, str)
    if value.type.kind == "float":
        return isinstance(limit.value, float) and math.isfinite(limit.value)
    plain = value.type.kind == "int" and limit.type.kind == "int" and isinstance(limit.value, int)
    return plain and isinstance(limit.value, int) and abs(limit.value) < _WELL_INSIDE


def _word(mask: int) -> str:
    return "true" if mask == TRUE else "false"

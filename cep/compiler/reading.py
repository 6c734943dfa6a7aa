"""How emitted text reads a pattern's values: slots of the row at hand or of a bound one, registers of the run.

Folds live in registers that ``update`` keeps as their step binds: how many values (nulls passed over), and a running
total. A sum of integers is kept in 128 bits, low and high word, so that it is null only when the sum itself
overflows, whatever the order of its terms. A fold inside its own step's condition is the registers with the event at
hand on top.
Tested by: tests/compiler/test_pattern.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cep.compiler.elements import Bindings, through_bindings, through_list
from cep.compiler.emit import OVERFLOW, Emitter, Term
from cep.compiler.layout import LEFT_OUT, MATCH_COUNT, FoldRegister, Layout, PositionRegister, Slot, group_register
from cep.compiler.lists import Walk
from cep.kernels.runs import REGISTERS, TS
from cep.language.beforehand import (
    distributed,
    events_of,
    is_beforehand,
    is_null_with,
    of_event_at_hand,
    of_nothing,
    reads_run,
)
from cep.language.typed import (
    MATCHES,
    Apply,
    Attr,
    CheckedChoice,
    CheckedSeveral,
    Element,
    Fold,
    Key,
    OfMatch,
    Present,
    Prev,
    Typed,
)
from cep.model.types import BOOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cep.language.typed import CheckedItem, CheckedPattern, CheckedRule
    from cep.model.schema import Schema

_TWO_64 = "18446744073709551616.0"


class Family(NamedTuple):
    """The registers of one fold: ``which`` is count, sum, min or max over ``slot`` (-1: over events)."""

    which: str
    variable: str
    slot: int
    is_float: bool

    @property
    def registers(self) -> tuple[FoldRegister, ...]:
        """The count first, then the total, then the high word of an integer sum."""
        count = FoldRegister("count", self.variable, self.slot, False)
        if self.which == "count":
            return (count,)
        total = FoldRegister(self.which, self.variable, self.slot, self.is_float)
        if self.which == "sum" and not self.is_float:
            return (count, total, FoldRegister("high", self.variable, self.slot, False))
        return (count, total)


class Reader:
    """Reads leaves of expressions for one rule; notes in ``families`` what each step variable must keep."""

    def __init__(
        self, rule: CheckedRule, pattern: CheckedPattern, sources: Mapping[str, Schema], layout: Layout
    ) -> None:
        self.rule, self.sources, self.layout = rule, sources, layout
        self.families: dict[str, list[Family | PositionRegister]] = {}
        self._maybe = {s.variable: s.maybe for s in pattern.steps}
        self.partial = False  # whether what is read is of a match that is not complete
        self._sure, self._counted = pattern.sure, pattern.counted
        self._place = {s.variable: i for i, s in enumerate(pattern.steps)}
        # inside a group that repeats `newest` is the event of this iteration; `latest` that of any
        self._again = {
            pattern.steps[node.body].variable
            for node, repeats in _with_repeats(pattern.items, False)
            if repeats and isinstance(node.body, int)
        }
        self._groups = {node.variable for node in pattern.nodes if node.variable is not None}

    def leaf(self, emitter: Emitter, node: Typed) -> Term:
        """The term of an attribute, key, fold or neighbour."""
        value, null = self._read(emitter, node)
        if node.type.kind == "bool" and null is not None:  # the law of booleans: False under a null
            value = emitter.let(f"{value} & ({null} ^ True)")
        return Term(value, null)

    def _read(self, emitter: Emitter, node: Typed) -> Term:
        match node:
            case Attr(variable=None):
                return self._slot(emitter, self.attribute(node), "at")
            case Attr(variable=str() as variable):
                return self._bound(emitter, variable, self.attribute(replace(node, variable=None)))
            case Present():
                return Term(emitter.let(f"{self._register(PositionRegister('newest', node.variable, -1))} >= 0"), None)
            case Key():
                return self._typed_read(emitter, node.type.kind, f"at + {self.layout.key_at + node.index}")
            case Fold(function="list" | "distinct" | "flatten" | "events"):
                slot = -1 if node.argument is None else self._argument(node.argument).index
                steps = (self._place[node.variable],)
                return Term(emitter.let(f"lists.gathered({node.function!r}, {steps}, {slot})"), None)
            case OfMatch(function="match_start"):
                return Term(emitter.let(f"rows[lists.firsts * {self.layout.row_width} + {TS}]"), None)
            case OfMatch(function="match_end"):
                return Term(emitter.let(f"rows[at + {TS}]"), None)
            case OfMatch(function="stage"):
                return Term(emitter.let(f"lists.stage({node.names!r})"), None)
            case OfMatch(function="truncated"):
                return Term(emitter.let(self._register(LEFT_OUT)), None)
            case OfMatch():
                aliases = tuple("" if v.startswith("$") else v for v in self._place)
                return Term(emitter.let(f"lists.names({aliases!r})"), None)
            case Fold(function="percentile" | "median" | "stddev" | "top" | "count_distinct"):
                return self._measure(emitter, node)
            case Fold():
                return self._fold(emitter, node)
            case Prev():
                return self._previous(emitter, node)
            case Apply(op="in_list"):
                return self._member(emitter, *node.args)
            case Apply(op="any") if not is_beforehand(node):
                return self._any(emitter, node)
            case Apply():
                return self._beforehand(emitter, node)
        raise AssertionError(node)

    def _bound(self, emitter: Emitter, variable: str, slot: Slot) -> Term:
        position, missing = self._position(emitter, PositionRegister("newest", variable, -1))
        value, null = self._slot(emitter, slot, position)
        return Term(value, emitter.either(missing, null) if self._may_miss(variable) else null)

    def _beforehand(self, emitter: Emitter, node: Apply) -> Term:
        """What columns alone can compute: done with one event's own columns, kept in a slot, read where it is bound."""
        events = events_of(node)
        if not reads_run(node) and len(events) <= 1:
            slot = self._argument(of_event_at_hand(node))
            variable = next(iter(events), None)
            if variable is None:
                return self._slot(emitter, slot, "at")
            if self._may_miss(variable) and not is_null_with(node):
                otherwise = self._slot(emitter, self._argument(of_nothing(node)), "at")
                return self._bound_or(emitter, PositionRegister("newest", variable, -1), slot, otherwise)
            return self._bound(emitter, variable, slot)
        moved = distributed(node)
        assert moved is not None, "the checker has refused it"
        return emitter.term(moved)

    def _member(self, emitter: Emitter, value: Typed, item: Typed) -> Term:
        """Whether a value is in a list: decided with the event's own columns, or by a walk along the run's bindings."""
        if not isinstance(item, Fold):
            wide = BOOL.as_optional(value.type.optional or item.type.optional or item.type.items[0].optional)
            return self._slot(emitter, self.layout.slot(Apply("in_list", (value, item), wide), wide), "at")
        assert item.argument is not None, "the checker lets `list`, `distinct` and `ids` pass"
        slot = self._argument(item.argument)
        wanted, missing = emitter.term(value)
        nulls = item.function == "list"  # `distinct` has none
        walk = Walk(emitter, slot, (value.type.scale, item.type.items[0].scale), wanted, nulls)
        walk.along(self._place[item.variable], self.layout.row_width, lambda at: self._place_of(slot, at))
        if item.running:
            walk.look(self._place_of(slot, "at"), "")
        return walk.term(missing, nulls and self._nullable(slot))

    def _any(self, emitter: Emitter, node: Apply) -> Term:
        """Whether an element fulfils a condition that asks about other events: a walk along bindings, or a list."""
        listed, element, body = node.args
        assert isinstance(element, Element)
        if not isinstance(listed, Fold):
            return through_list(emitter, emitter.term(listed), element, body)
        assert listed.argument is not None, "the checker lets `list`, `distinct` and `ids` pass"
        slot = self._argument(listed.argument)

        def read(at: str) -> Term:
            return Term(*self._place_of(slot, at))

        way = Bindings(self._place[listed.variable], self.layout.row_width, listed.running, listed.function == "list")
        return through_bindings(emitter, way, read, element, body)

    def _place_of(self, slot: Slot, at: str) -> tuple[str, str | None]:
        """The text of a slot's value in the row at the offset ``at``, and of whether it is null."""
        table = "rows_f" if slot.type.kind == "float" else "rows"
        word, bit = self.layout.null_place(slot.index)
        null = f"((rows[{at} + {word}] >> {bit}) & 1) != 0" if self._nullable(slot) else None
        value = f"{table}[{at} + {self.layout.column(slot.index)}]"
        return f"({value} != 0)" if slot.type.kind == "bool" else value, null

    def attribute(self, node: Attr) -> Slot:
        """The slot of an attribute, whatever stream it is of."""
        return self.layout.slot(replace(node, type=node.type.as_optional(False)), node.type)

    def _argument(self, node: Typed) -> Slot:
        return self.attribute(node) if isinstance(node, Attr) else self.layout.slot(node, node.type)

    def _slot(self, emitter: Emitter, slot: Slot, base: str) -> Term:
        null = None
        if self._nullable(slot):
            column, bit = self.layout.null_place(slot.index)
            null = emitter.let(f"((rows[{base} + {column}] >> {bit}) & 1) != 0")
        if slot.type.kind == "record":
            return Term("True", null)
        if slot.type.kind == "list" and emitter.target == "column":
            words = f"rows[{base} + {self.layout.column(slot.index)}]"
            return Term(emitter.let(f"lists.kept({slot.index}, {words})"), null)
        return Term(self._typed_read(emitter, slot.type.kind, f"{base} + {self.layout.column(slot.index)}").value, null)

    def _nullable(self, slot: Slot) -> bool:
        if not isinstance(slot.expression, Attr):
            return slot.type.optional
        name = slot.expression.name
        for stream in self.rule.inputs:
            attribute = self.sources[stream].by_name.get(name)
            if attribute is not None and attribute.type.optional:
                return True
        return False

    @staticmethod
    def _typed_read(emitter: Emitter, kind: str, place: str) -> Term:
        if kind == "string" and emitter.target == "column":
            return Term(emitter.let(f"text(rows[{place}])"), None)
        if kind == "float":
            return Term(emitter.let(f"rows_f[{place}]"), None)
        return Term(emitter.let(f"rows[{place}]" + (" != 0" if kind == "bool" else "")), None)

    def _register(self, wanted: PositionRegister | FoldRegister, table: str = "runs") -> str:
        return f"{table}[run + {REGISTERS + self.layout.register(wanted)}]"

    def _position(self, emitter: Emitter, wanted: PositionRegister) -> tuple[str, str]:
        """The offset of the row that a register points to (of some row when to none), and whether to none."""
        row = emitter.let(self._register(wanted))
        missing = emitter.let(f"{row} < 0")
        return emitter.let(f"({emitter.select(missing, '0', row)}) * {self.layout.row_width}"), missing

    def _may_miss(self, variable: str) -> bool:
        return variable != self._sure if self.partial else self._maybe[variable]

    def _latest(self, variable: str) -> PositionRegister:
        """The register of the last event that a step has bound, whatever the iteration of a group around it."""
        if variable not in self._again:
            return PositionRegister("newest", variable, -1)
        wanted = PositionRegister("latest", variable, -1)
        self.keep(wanted)
        return wanted

    # ---------------------------------------------------------------------------------------------------- folds

    def _fold(self, emitter: Emitter, node: Fold) -> Term:
        if node.variable == MATCHES:
            return Term(emitter.let(self._register(MATCH_COUNT)), None)
        if node.variable in self._groups:
            return Term(emitter.let(self._register(group_register(node.variable))), None)
        slot = self._argument(node.argument) if node.argument is not None else None
        if self._counted and emitter.target == "column":
            return self._folded(emitter, node, slot)
        if node.function in ("first", "last"):
            assert slot is not None
            return self._end(emitter, node, slot)
        is_float = slot is not None and slot.type.kind == "float"
        which = "sum" if node.function == "avg" else node.function
        family = Family(which, node.variable, -1 if slot is None else slot.index, is_float)
        self.keep(family)
        values = self._load(emitter, family)
        if node.running:
            values = self._with_event(emitter, family, slot, values)
        if node.function == "count":
            return Term(values[0], None)
        assert slot is not None
        nothing = emitter.let(f"{values[0]} == 0")
        if node.function in ("min", "max"):
            return Term(values[1], nothing)
        if node.function == "sum":
            return self._sum(emitter, slot, values, nothing)
        return self._mean(emitter, slot, values, nothing)

    def _folded(self, emitter: Emitter, node: Fold, slot: Slot | None) -> Term:
        """A fold over what all matches have bound that an event decides."""
        steps, at = (self._place[node.variable],), -1 if slot is None else slot.index
        found = emitter.let(f"lists.folded({node.function!r}, {steps}, {at})")
        value, nothing, outside = (emitter.let(f"{found}[{i}]") for i in range(3))
        if node.function == "count":
            return Term(value, None)
        if slot is not None and slot.type.kind == "float" and node.function in ("sum", "avg"):
            return emitter.number(value, [value if slot.type.infinite else "0.0"], nothing)
        if node.function in ("sum", "avg"):
            emitter.fault(OVERFLOW, outside, None)
            return Term(value, emitter.either(nothing, outside))
        return Term(value, nothing)

    def _measure(self, emitter: Emitter, node: Fold) -> Term:
        """What needs all values at once, of all matches together."""
        assert node.argument is not None
        slot = self._argument(node.argument)
        steps = (self._place[node.variable],)
        found = emitter.let(f"lists.measured({node.function!r}, {steps}, {slot.index}, {node.given})")
        if node.function == "top":
            return Term(found, None)
        value, nothing = emitter.let(f"{found}[0]"), emitter.let(f"{found}[1]")
        if node.function == "count_distinct":
            return Term(value, None)
        if node.function != "percentile" and node.type.kind == "float":
            return emitter.number(value, [value if slot.type.infinite else "0.0"], nothing)
        return Term(value, nothing)

    def _sum(self, emitter: Emitter, slot: Slot, values: list[str], nothing: str) -> Term:
        if slot.type.kind == "float":
            return emitter.number(values[1], [values[1] if slot.type.infinite else "0.0"], nothing)
        outside = emitter.let(f"{values[2]} != 0")
        emitter.fault(OVERFLOW, outside, None)
        return Term(values[1], emitter.either(nothing, outside))

    def _mean(self, emitter: Emitter, slot: Slot, values: list[str], nothing: str) -> Term:
        count = emitter.let(emitter.select(nothing, "1", values[0]))
        if slot.type.kind == "duration":
            total, outside = values[1], emitter.let(f"{values[2]} != 0")
            floor = emitter.let(f"{total} // {count}")
            rest = emitter.let(f"{total} - {floor} * {count}")
            whole = emitter.let(emitter.select(f"({rest} != 0) & ({total} < 0)", f"{floor} + 1", floor))
            emitter.fault(OVERFLOW, outside, None)
            return Term(whole, emitter.either(nothing, outside))
        total = values[1] if slot.type.kind == "float" else emitter.let(f"{values[1]} * 1.0 + {values[2]} * {_TWO_64}")
        mean = emitter.let(f"{total} / ({count} * {float(10**slot.type.scale)!r})")
        return emitter.number(mean, [total if slot.type.infinite else "0.0"], nothing)

    def _end(self, emitter: Emitter, node: Fold, slot: Slot) -> Term:
        """``first`` and ``last``: a value of a retained row."""
        if not self._nullable(slot) and node.function == "last":
            wanted = self._latest(node.variable)
        else:
            wanted = PositionRegister(node.function, node.variable, slot.index)
            self.keep(wanted)
        if not node.running:
            position, missing = self._position(emitter, wanted)
            return Term(self._slot(emitter, slot, position).value, missing)
        value, null = self._slot(emitter, slot, "at")
        if node.function == "last" and null is None:
            return Term(value, None)
        position, missing = self._position(emitter, wanted)
        bound = self._slot(emitter, slot, position).value
        here = missing if node.function == "first" else emitter.let(f"{null} ^ True")
        found = emitter.let(emitter.select(here, value, bound))
        return Term(found, None if null is None else emitter.let(f"{missing} & {null}"))

    def _previous(self, emitter: Emitter, node: Prev) -> Term:
        slot = self._argument(node.argument)
        if node.default is not None:
            default = emitter.term(node.default)
        else:
            default = Term({"float": "0.0", "bool": "False"}.get(node.type.kind, "0"), "True")
        return self._bound_or(emitter, self._latest(node.variable), slot, default)

    def _bound_or(self, emitter: Emitter, wanted: PositionRegister, slot: Slot, default: Term) -> Term:
        """A value of the event that a register points to, or the default when it points to none."""
        position, missing = self._position(emitter, wanted)
        bound = self._slot(emitter, slot, position)
        value = emitter.let(emitter.select(missing, default.value, bound.value))
        if default.null is None and bound.null is None:
            return Term(value, None)
        return Term(value, emitter.let(emitter.select(missing, default.null or "False", bound.null or "False")))

    # ------------------------------------------------------------------------------------------ keeping registers

    def stores(self, emitter: Emitter, variable: str) -> list[str]:
        """The statements that take the event at hand into the registers of a step; all reading goes before them."""
        out: list[str] = []
        for wanted in self.families[variable]:
            slot = self.layout.slots[wanted.slot] if wanted.slot >= 0 else None
            if isinstance(wanted, PositionRegister):
                out.append(self._store_position(emitter, wanted, slot))
                continue
            values = self._with_event(emitter, wanted, slot, self._load(emitter, wanted))
            for register, value in zip(wanted.registers, values, strict=True):
                out.append(f"{self._register(register, _table(register))} = {value}")
        return out

    def _store_position(self, emitter: Emitter, wanted: PositionRegister, slot: Slot | None) -> str:
        null = None if slot is None else self._slot(emitter, slot, "at").null
        row = emitter.let(f"at // {self.layout.row_width}")
        known = emitter.let(self._register(wanted))
        take = "True" if null is None else f"({null} ^ True)"
        if wanted.which == "first":
            take = f"({known} < 0) & {take}"
        return f"{self._register(wanted)} = {emitter.select(take, row, known)}"

    def keep(self, wanted: Family | PositionRegister) -> None:
        """Let ``update`` keep a register up to date, whoever reads it."""
        kept = self.families.setdefault(wanted.variable, [])
        if wanted not in kept:
            kept.append(wanted)

    def _load(self, emitter: Emitter, family: Family) -> list[str]:
        return [emitter.let(self._register(r, _table(r))) for r in family.registers]

    def _with_event(self, emitter: Emitter, family: Family, slot: Slot | None, values: list[str]) -> list[str]:
        value, null = self._slot(emitter, slot, "at") if slot is not None else ("0", None)
        here = "True" if null is None else emitter.let(f"{null} ^ True")
        count = values[0]
        counted = emitter.let(emitter.select(here, f"{count} + 1", count))
        if family.which == "count":
            return [counted]
        total = values[1]
        first = emitter.let(f"{count} == 0")
        if family.which in ("min", "max"):
            better = f"({first} | ({value} {'<' if family.which == 'min' else '>'} {total}))"
            return [counted, emitter.let(emitter.select(f"({here}) & {better}", value, total))]
        if family.is_float:
            # the first value stands for itself: 0.0 + -0.0 would be another number
            added = emitter.let(emitter.select(first, value, f"{total} + {value}"))
            return [counted, emitter.let(emitter.select(here, added, total))]
        added = emitter.let(f"{total} + {value}")
        wrapped = emitter.let(f"(({total} ^ {added}) & ({value} ^ {added})) < 0")
        carry = emitter.select(f"({here}) & {wrapped}", emitter.select(f"{value} < 0", "-1", "1"), "0")
        return [counted, emitter.let(emitter.select(here, added, total)), emitter.let(f"{values[2]} + {carry}")]


def _with_repeats(items: Sequence[CheckedItem], repeats: bool) -> Iterator[tuple[CheckedItem, bool]]:
    """All items, each with whether a group or choice around it repeats."""
    for item in items:
        yield item, repeats
        if isinstance(item.body, CheckedChoice | CheckedSeveral):
            yield from _with_repeats(item.body.alternatives, repeats or item.high != 1)
        elif not isinstance(item.body, int):
            yield from _with_repeats(item.body, repeats or item.high != 1)


def _table(register: FoldRegister) -> str:
    return "runs_f" if register.is_float else "runs"

"""A screen: which steps of all the rules that read a stream one event fits, as one function in plain Python.

The function takes the values of an event (None for null; decimals, times and durations as counts; a list as a column)
and the number of bits it gives is that of all steps, those of one rule side by side. A comparison with a constant is
written out; what is asked to be equal to a constant is looked up, for all rules at once. Every other condition is the
text of its column function, run on values: the same operators mean the same on numbers and booleans of Python as on
columns of them. None comes back when the event needs a closer look: a part of some key is null, or something could not
be computed, which is counted.

A condition that cannot be run so (over lists, with integers that may overflow) is left out, and its rule is *vague*:
for it the screen lets through too much, never too little; a rule that counts faults there is asked of every event.
Cost: about 50 ns for each condition that is not decided by an equality, 30 ns for each rule.
Tested by: tests/compiler/test_screen.py
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cep.compiler.text import compare_texts, like_text, matches_text
from cep.language.typed import Key

if TYPE_CHECKING:
    from cep.compiler.columns import ColumnFunction
    from cep.model.batch import EventBatch, Text

Screen = Callable[..., "int | None"]

_CALLED = re.compile(r"\b([a-z_]+)\(")
_KNOWN = frozenset({"compare_texts", "like_text", "matches_text", "abs", "where", "count_where"})
_SINGLE = frozenset({"int", "float", "bool", "string", "time", "duration", "decimal"})
_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_INSTEAD = {"float": "0.0", "string": "''", "bool": "False"}
"""What stands under a null."""
_MOST_STRINGS = 1024
_ENOUGH = 4
"""So many conditions on a column, and it pays to ask for its least and greatest value."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule asks of the events of a stream: by bit the conditions that must all hold; its key's attributes.

    ``of_all``: it must be shown every event.
    """

    steps: tuple[tuple[int, tuple[ColumnFunction, ...]], ...]
    keys: tuple[str, ...]
    of_all: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Where the answer about one rule stands: ``found >> shift & mask`` are the bits of its steps.

    It is to be shown the event when ``found & wanted``. ``is_vague``: then some bits may be set wrongly.
    """

    shift: int
    mask: int
    wanted: int
    is_vague: bool


def compile_screen(
    asked: Sequence[Asked], places: Mapping[str, int], optional: frozenset[str]
) -> tuple[Screen, tuple[Part, ...]]:
    """The screen of some rules; ``places`` are the attributes of the stream, of which some are ``optional``."""
    writer = _Writer(places, optional)
    parts = _lay_out(asked, writer, optional, in_batches=False)
    return writer.function(), parts


def compile_batch_screen(
    asked: Sequence[Asked], places: Mapping[str, int], optional: frozenset[str]
) -> tuple[BatchScreen, tuple[Part, ...]]:
    """The same for whole batches."""
    writer = _Writer(places, optional)
    parts = _lay_out(asked, writer, optional, in_batches=True)
    return writer.for_batches(), parts


def _lay_out(
    asked: Sequence[Asked], writer: _Writer, optional: frozenset[str], *, in_batches: bool
) -> tuple[Part, ...]:
    shift = 0
    parts = []
    for one in asked:
        width = max((step for step, _ in one.steps), default=-1) + 1
        must = 1 << (shift + width) if one.of_all else 0
        vague = False
        for step, conditions in one.steps:
            writer.begin |= 1 << (shift + step)
            for condition in conditions:
                is_run = writer.ask(condition, one.keys, 1 << (shift + step))
                vague |= not is_run
                if condition.counts_faults and (in_batches or not is_run):
                    must = 1 << (shift + width)
        writer.begin |= must
        writer.keys |= {name for name in one.keys if name in optional}
        mask = (1 << width) - 1
        parts.append(Part(shift, mask, (mask << shift) | must, vague))
        shift += width + 1
    return tuple(parts)


class BatchScreen:
    """Which steps some event of a batch may fit, as far as the strings and the spans of its columns tell.

    It lets through too much, never too little. Cost: O(strings) for a dictionary that is new, O(rows) for each column
    that enough conditions ask about, 50 ns for each of these.
    """

    def __init__(
        self,
        begin: int,
        keys: Sequence[str],
        equal: Mapping[str, Mapping[object, int]],
        spans: Mapping[str, Sequence[tuple[float, float, int]]],
    ) -> None:
        self._begin, self._keys, self._equal = begin, keys, equal
        self._spans = {name: asked for name, asked in spans.items() if len(asked) >= _ENOUGH}
        self._texts: dict[str, tuple[Text, int]] = {}  # the last dictionary of each attribute, and what it lets through

    def possible(self, batch: EventBatch) -> int:
        """The bits of such steps; all of them when part of some key is null, which somebody counts."""
        columns, found = batch.columns, self._begin
        for name in self._keys:
            if columns[name].valid is not None:
                return found
        for name, by_value in self._equal.items():
            text = columns[name].text
            if text is None or len(text) > _MOST_STRINGS:
                continue
            known = self._texts.get(name)
            if known is None or known[0] is not text:
                lost = 0
                for bits in by_value.values():
                    lost |= bits
                for string in text.strings:
                    lost &= ~by_value.get(string, 0)
                known = self._texts[name] = text, self._begin & ~lost
            found &= known[1]
        for name, asked in self._spans.items():
            values, factor = columns[name].stored
            least, most = values.min() * factor, values.max() * factor  # neither says anything of what is no number
            for low, high, bits in asked:
                if most < low or least > high:
                    found &= ~bits
        return found


class _Writer:
    """Collects conditions, each once, with the bits of the steps that ask it."""

    def __init__(self, places: Mapping[str, int], optional: frozenset[str]) -> None:
        self.begin = 0
        self.keys: set[str] = set()
        self._places, self._optional = places, optional
        self._equal: dict[str, dict[object, int]] = {}  # by attribute and constant
        self._tests: dict[object, tuple[str, int]] = {}  # by identity: the text that is true where it holds
        self._loud: dict[object, tuple[str, int]] = {}  # those that count faults
        self._names: dict[str, Any] = {}
        self._spans: dict[str, dict[tuple[float, float], int]] = {}

    def for_batches(self) -> BatchScreen:
        """What asks whole batches what they cannot hold."""
        strings = {n: by for n, by in self._equal.items() if all(isinstance(v, str) for v in by)}
        spans = {n: [(*span, bits) for span, bits in by.items()] for n, by in self._spans.items()}
        return BatchScreen(self.begin, sorted(self.keys), strings, spans)

    def ask(self, condition: ColumnFunction, keys: tuple[str, ...], bits: int) -> bool:
        """Let steps ask a condition; False when it cannot be run on values."""
        bounds = condition.bounds
        if bounds is not None and bounds.low is not None and bounds.high is not None and not bounds.outside:
            spans, span = self._spans.setdefault(bounds.attribute, {}), (bounds.low, bounds.high)
            spans[span] = spans.get(span, 0) | bits
        if bounds is not None and bounds.op:
            of = self._equal.setdefault(bounds.attribute, {}) if bounds.op == "eq" else {}
            others = [value for value, known in of.items() if known & bits and value != bounds.value]
            if bounds.op == "eq" and not others:  # to be equal to two constants is asked one after the other
                of[bounds.value] = of.get(bounds.value, 0) | bits
                return True
            value = f"a{self._places[bounds.attribute]}"
            text = f"{value} {_SIGNS[bounds.op]} {self._constant(bounds.value)}"
            if bounds.attribute in self._optional:
                text = f"{value} is not None and {text}"
            self._put(self._tests, (bounds.attribute, bounds.op, bounds.value), text, bits)
            return True
        if condition.functions:
            return False
        body = condition.text.partition("\n")[2]
        if any(n.type.kind not in _SINGLE for n in condition.leaves) or "faults[1]" in body:
            return False
        if not _KNOWN.issuperset(_CALLED.findall(body)):
            return False
        identity = (condition.identity, keys if condition.reads_key else ())
        table = self._loud if condition.counts_faults else self._tests
        if identity in table:
            self._put(table, identity, table[identity][0], bits)
            return True
        leaves = []
        for node in condition.leaves:
            name = keys[node.index] if isinstance(node, Key) else getattr(node, "name", "")
            value = f"a{self._places[name]}"
            if name in self._optional:
                instead = _INSTEAD.get(node.type.kind, "0")
                leaves.append(f"({instead} if {value} is None else {value}, {value} is None)")
            else:
                leaves.append(f"({value}, False)")
        constants = [self._constant(list(c)) for c in (condition.ints.tolist(), condition.floats.tolist())]
        constants += [self._constant(condition.texts), "faults" if condition.counts_faults else "None", "1"]
        name = self._constant(_scalar_function(condition.text))
        self._put(table, identity, f"{name}([{', '.join(leaves)}], {', '.join(constants)})[0][0]", bits)
        return True

    @staticmethod
    def _put(table: dict[object, tuple[str, int]], identity: object, text: str, bits: int) -> None:
        table[identity] = text, table.get(identity, ("", 0))[1] | bits

    def _constant(self, value: object) -> str:
        name = f"k{len(self._names)}"
        self._names[name] = value
        return name

    def function(self) -> Screen:
        """The function that asks all of it."""
        lines = [f"if a{self._places[name]} is None: return None" for name in sorted(self.keys)]
        if self._loud:
            lines.append("faults = [0, 0, 0]")
            lines += [f"c{n} = {text}" for n, (text, _) in enumerate(self._loud.values())]
            lines.append("if faults[0] or faults[2]: return None")
        lines.append(f"found = {self.begin}")
        for attribute, by_value in self._equal.items():
            every = 0
            for bits in by_value.values():
                every |= bits
            table = {value: self.begin & ~every | bits for value, bits in by_value.items()}
            lines.append(f"found &= {self._constant(table)}.get(a{self._places[attribute]}, {self.begin & ~every})")
        if self._equal:
            lines.append("if not found: return 0")
        for n, (_, bits) in enumerate(self._loud.values()):
            lines.append(f"if not c{n}: found &= {~bits}")
        for text, bits in self._tests.values():
            lines.append(f"if found & {bits} and not ({text}): found &= {~bits}")
        lines.append("return found")
        parameters = ", ".join(f"a{n}" for n in range(len(self._places)))
        body = "".join(f"    {line}\n" for line in lines)
        exec(compile(f"def screen({parameters}):\n{body}", "<generated screen>", "exec"), self._names)  # our own text
        screen: Screen = self._names["screen"]
        return screen


def _scalar_function(text: str) -> Callable[..., Any]:
    """The text of a column function for single values."""
    names: dict[str, Any] = {
        "where": lambda condition, yes, no: yes if condition else no,
        "count_where": lambda flag, _size: int(flag),
        "abs": abs,
        "inf": float("inf"),
        "compare_texts": compare_texts,
        "like_text": like_text,
        "matches_text": matches_text,
    }
    exec(compile(text, "<generated columns>", "exec"), names)  # our own text, from a checked rule
    found: Callable[..., Any] = names["evaluate"]
    return found

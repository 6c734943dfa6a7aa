"""Random texts of the rule language, derived from its grammar: every rule of grammar.lark can come up.

A derivation picks an alternative at random while it has depth left, and the one that ends soonest afterwards. Names are
mostly of a small pool, so that they often mean something, and now and then what nobody would write.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cep.language.tables import tables

if TYPE_CHECKING:
    from random import Random

PAY = """\
stream Pay ordered by at ties by seq { at: time, seq: int, card: string, amount: decimal, rate: float?, ok: bool }
"""
MORE = """\
param limit: decimal = 100
param pause: duration = 10 min
record Place { lat: float, lon: float, city: string? }
stream Wire extends Pay { iban: string }
stream Move = Pay | Wire
"""
TEMP = """\
stream Temp ordered by at late 5 s { at: time, machine: string, celsius: float, part: int? }
"""
TYPES = ("Pay", "Pay", "Wire", "Move", "Temp", "Late", "X", "R", "Place", "T")
NAMES = (
    *("at", "seq", "card", "amount", "rate", "ok", "machine", "celsius", "part", "place", "limit", "pause"),
    *("a", "b", "s", "t", "count", "sum", "avg", "last", "first", "prev", "min", "max", "abs", "int", "decimal", "lat"),
)
ODD_NAMES = ("rule", "then", "not", "any", "every", "case", "where", "end", "in", "_", "a" * 300, "x9_", "distinct")
NUMBERS = ("0", "1", "2", "3", "5", "10", "100", "007", "9223372036854775807", "9223372036854775808", "9" * 1001)
POINTS = ("0.5", "1.50", "0.0", "100.25", "0." + "3" * 40, "9" * 400 + ".5")
DURATIONS = ("1 s", "5 s", "10 min", "1h 30min", "0 s", "1.5 s", "1 us", "0.1 us", "300 w", "99999999 w", "2\n s")
STRINGS = ('"a"', '""', '"A%"', '"[a-z]+"', '"("', '"é\\n\\u0000"', '"Europe/Paris"', '"12:00"', '"\\ud800"', '"\\q"')


class Deriver:
    """The grammar's rules by name, each alternative with the depth of its shortest derivation."""

    def __init__(self) -> None:
        made = tables(None)
        self.alternatives: dict[str, list[tuple[tuple[bool, str], ...]]] = {}
        for rule in made.parser.rules:
            expansion = tuple((symbol.is_term, str(symbol.name)) for symbol in rule.expansion)
            self.alternatives.setdefault(str(rule.origin.name), []).append(expansion)
        self.words: dict[str, list[str]] = {}
        for text, name in made.words.items():
            self.words.setdefault(name, []).append(text)
        for text, names in made.marks.items():
            for name in names:
                self.words.setdefault(name, []).append(text)
        self.depth: dict[str, int] = {}
        while len(self.depth) < len(self.alternatives):
            for name, options in self.alternatives.items():
                known = [self._depth(option) for option in options if self._is_known(option)]
                if known and name not in self.depth:
                    self.depth[name] = 1 + min(known)

    def _is_known(self, option: tuple[tuple[bool, str], ...]) -> bool:
        return all(is_word or name in self.depth for is_word, name in option)

    def _depth(self, option: tuple[tuple[bool, str], ...]) -> int:
        return max((0 if is_word else self.depth[name] for is_word, name in option), default=0)

    def text(self, rng: Random, start: str, depth: int = 14, most: int = 120) -> str:
        """A text derived from ``start``, of some ``most`` words."""
        out: list[str] = []
        stack = [(False, start, depth)]
        while stack:
            is_word, name, left = stack.pop()
            if is_word:
                out.append(self._word(rng, name))
                continue
            options = self.alternatives[name]
            if left <= 0 or len(out) + len(stack) > most:
                least = min(map(self._depth, options))
                options = [option for option in options if self._depth(option) == least]
            chosen = rng.choice(options)
            stack += [(is_term, part, left - 1) for is_term, part in reversed(chosen)]
        return " ".join(out)

    def _word(self, rng: Random, name: str) -> str:
        odd = rng.random() < 0.02
        match name:
            case "NAME":
                return rng.choice(ODD_NAMES if odd else NAMES)
            case "TYPE":
                return rng.choice(("A" * 300, "Rule", "Z9_")) if odd else rng.choice(TYPES)
            case "INT":
                return rng.choice(NUMBERS if odd else NUMBERS[:8])
            case "FLOAT":
                return rng.choice(POINTS if odd else POINTS[:4])
            case "DURATION":
                return rng.choice(DURATIONS if odd else DURATIONS[:6])
            case "STRING":
                return rng.choice(STRINGS)
            case "$END":
                return ""
        return rng.choice(self.words.get(name, ["div"]))


@cache
def deriver() -> Deriver:
    """The one deriver of this process."""
    return Deriver()


def _declared(rng: Random) -> str:
    return PAY + rng.choice(["", "", MORE]) + rng.choice(["", TEMP])


def any_file(rng: Random) -> str:
    """A file of random declarations."""
    return "\n".join(deriver().text(rng, "declaration") for _ in range(rng.choice([1, 1, 2, 3])))


def rule_file(rng: Random) -> str:
    """Declarations that are right, and below them derived rules and tests."""
    kinds = ["rule", "rule", "rule", "rule", "assertion", "test", "function", "param"]
    return _declared(rng) + "\n".join(deriver().text(rng, rng.choice(kinds)) for _ in range(rng.choice([1, 1, 2])))


def expression_file(rng: Random) -> str:
    """A rule that is right but for a derived condition and a derived field."""
    where, shown = (deriver().text(rng, "expr", rng.choice([6, 9, 12]), 60) for _ in range(2))
    if rng.random() < 0.4:
        return f"{PAY}rule R from Pay as a where {where} emit X {{ card, b = {shown} }}\n"
    steps = "when Temp as s then 1 or more Pay as t"
    return f"{PAY}{TEMP}rule R {steps} where {where} within 5 s emit X {{ b = {shown} }}\n"


def pattern_file(rng: Random) -> str:
    """A rule that is right but for a derived pattern and derived clauses."""
    clauses = " ".join(deriver().text(rng, rng.choice(["bound", "skip", "keyed", "prefer"]), 5) for _ in range(2))
    pattern = deriver().text(rng, "pattern", rng.choice([6, 9, 12]), 60)
    return f"{_declared(rng)}rule R when {pattern} within 5 s {clauses} emit X {{ }}\n"

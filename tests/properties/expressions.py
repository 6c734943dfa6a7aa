"""Random expressions, as text, of one kind each; and rows whose values stand at every edge."""

from __future__ import annotations

from decimal import Decimal

NUMBERS = "v: int?, w: int?, f: float?, g: float?, d: decimal(2)?, e: decimal?"
FIELDS = f"ts: time(us), {NUMBERS}, s: string?, t: string?, ok: bool?"
INTS = (0, 1, -1, 2, 3, 7, -7, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), None)
FLOATS = (0.0, 1.5, -2.5, 0.1, 3.0, 1e308, -1e308, 5e-324, 9007199254740992.0, float("nan"), None)
CENTS = tuple(
    Decimal(x) for x in ("0.00", "1.50", "-1.50", "3.00", "0.01", "92233720368547758.07", "-92233720368547758.08")
)
FINE = tuple(Decimal(x) for x in ("0.0000", "1.5", "3.0000", "-0.0001", "922337203685477.5807"))
TEXTS = ("", "a", "A", "ab", "abc", "b", "é", "zz", "a%", None)
WORDS = ('"ab"', '"b"', '""')
# of one type each: the oracle knows the types of values, and a null has none
CHOICES = (
    *("coalesce({a}, {b})", "least({a}, {b})", "greatest({b}, {a}, {a})"),
    *("case when {c} then {a} else {b} end", "case when {c} then {a} end"),
)
CHOICES_OF_D = tuple(x.replace("{a}", "{d}").replace("{b}", "{g}") for x in CHOICES)
LIKES = ('"a%"', '"_"', '"%b_"', '""')


def row(rng, time, huge=True):
    """One event with a value of every kind; without the ``huge`` ones no sum of a few leaves int64."""
    return {
        "ts": time,
        "v": rng.choice(INTS if huge else INTS[:8]),
        "w": rng.choice(INTS if huge else INTS[:8]),
        "f": rng.choice(FLOATS),
        "g": rng.choice(FLOATS),
        "d": rng.choice((*(CENTS if huge else CENTS[:5]), None)),
        "e": rng.choice((*(FINE if huge else FINE[:4]), None)),
        "s": rng.choice(TEXTS),
        "t": rng.choice(TEXTS),
        "ok": rng.choice((True, False, None)),
    }


class Expressions:
    """Expressions over the fields of the event at hand and of the aliases given (``""`` is the event at hand)."""

    def __init__(self, rng, aliases=("",)):
        self.rng, self.aliases = rng, aliases

    def name(self, *fields):
        alias = self.rng.choice(self.aliases)
        return f"{alias}.{self.rng.choice(fields)}" if alias else self.rng.choice(fields)

    def int(self, depth):
        if depth == 0:
            return self.name("v", "w")
        shape = self.rng.choice(
            (
                *("{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} div {b}", "{a} % {b}", "-{a}", "{a} + {n}"),
                *("{a} div {n}", "abs({a})", "floor({x})", "ceil({m})", "round({a})", *CHOICES),
            )
        )
        return f"({shape})".format(
            a=self.int(depth - 1),
            b=self.int(depth - 1),
            c=self.bool(0),
            x=self.name("f", "g"),
            m=self.name("d", "e"),
            n=self.rng.choice((0, 1, 2, 3, 7)),
        )

    def float(self, depth):
        if depth == 0:
            return self.name("f", "g")
        other = self.rng.choice((self.float, self.float, self.int, self.decimal))(depth - 1)
        shape = self.rng.choice(
            (
                "{a} + {o}",
                "{o} - {a}",
                "{a} * {o}",
                "{a} / {o}",
                "{i} / {j}",
                "{m} / {i}",
                "-{a}",
                "{a} * 0.5",
                "{i} * 1.5",
                *("abs({a})", "round({a})", "round({a}, 2)", "sqrt({o})", "log({o})", "exp({a})", "pow({a}, {o})"),
                *("seconds({t})", "least({a}, 0.5)", *CHOICES),
            )
        )
        return f"({shape})".format(
            a=self.float(depth - 1),
            b=self.float(depth - 1),
            c=self.bool(0),
            t=f"abs({self.name('ts')} - {self.name('ts')} - 5 ms)",
            o=other,
            i=self.int(depth - 1),
            j=self.int(depth - 1),
            m=self.decimal(depth - 1),
        )

    def decimal(self, depth):
        if depth <= 0:
            return self.name("d", "e")
        shape = self.rng.choice(
            (
                *("{a} + {b}", "{a} - {b}", "{a} + {i}", "-{a}", "{a} + 1.5", "{n} * {i}", "{n} * {m}", "{n} * 0.25"),
                *("abs({a})", "round({a})", "round({a}, 1)", "round({n}, 3)", *CHOICES_OF_D),
            )
        )
        return f"({shape})".format(
            a=self.decimal(depth - 1),
            b=self.decimal(depth - 1),
            i=self.int(depth - 1),
            n=self.name("d", "e"),
            m=self.name("d", "e"),
            d=self.name("d"),
            g=self.name("d"),
            c=self.bool(0),
        )

    def text(self):
        return self.name("s", "t")

    def chosen_text(self):
        word = self.rng.choice((*WORDS, "null", self.text()))
        shape = self.rng.choice((*CHOICES, "coalesce({a}, {w})", "greatest({a}, {w}, {b})"))
        return shape.format(a=self.text(), b=self.text(), w=word, c=self.bool(0))

    def comparison(self):
        op = self.rng.choice(("=", "!=", "<", "<=", ">", ">="))
        kind = self.rng.choice(("int", "float", "decimal", "text", "mixed", "literal", "bool"))
        if kind == "text":
            return f"{self.rng.choice((self.text, self.chosen_text))()} {op} {self.rng.choice((self.text(), *WORDS))}"
        if kind == "bool":
            return f"{self.name('ok')} {self.rng.choice(('=', '!='))} {self.rng.choice((self.name('ok'), 'true'))}"
        if kind == "mixed":
            numbers = (self.int, self.float, self.decimal)
            return f"{self.rng.choice(numbers)(1)} {op} {self.rng.choice(numbers)(1)}"
        if kind == "literal":
            number = self.rng.choice((self.int, self.float, self.decimal))(1)
            return f"{number} {op} {self.rng.choice(('1', '3', '1.5', '0.1'))}"
        number = getattr(self, kind)
        return f"{number(self.rng.choice((0, 1)))} {op} {number(self.rng.choice((0, 0, 1)))}"

    def bool(self, depth):
        if depth > 0:
            shape = self.rng.choice(("({a} and {b})", "({a} or {b})", "not ({a})", "({a} and {b} and not ({a}))"))
            return shape.format(a=self.bool(depth - 1), b=self.bool(depth - 1))
        shape = self.rng.choice(range(8))
        if shape == 0:
            return f"{self.name('v', 'f', 'd', 's', 'ok')} {self.rng.choice(('is null', 'is not null'))}"
        if shape == 1:
            return f"{self.int(0)} {self.rng.choice(('in', 'not in'))} (1, {self.int(0)}, 7)"
        if shape == 2:
            return f"{self.text()} {self.rng.choice(('like', 'not like'))} {self.rng.choice(LIKES)}"
        if shape == 3:
            return f"({self.decimal(0)} between 0.5 and {self.decimal(0)})"
        if shape == 4:
            return f'{self.text()} in ("a", {self.text()})'
        if shape == 5:
            return f"coalesce({self.name('ok')}, {self.rng.choice(('true', 'false', self.name('ok')))})"
        return self.comparison()

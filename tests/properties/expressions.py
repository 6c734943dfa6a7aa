"""Random expressions, as text, of one kind each; and rows whose values stand at every edge."""

from __future__ import annotations

from decimal import Decimal

NUMBERS = "v: int?, w: int?, f: float?, g: float?, d: decimal(2)?, e: decimal?"
FIELDS = f"ts: time(us), {NUMBERS}, s: string?, t: string?, ok: bool?"
FUNCTIONS = """\
function mid(x: float, y: float) = (x + y) / 2
function tag(s: string, n: int) = case when n > 1 then lower(s) else mark(s) end
function mark(s: string) = upper(s) || "!"
"""
INTS = (0, 1, -1, 2, 3, 7, -7, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), None)
FLOATS = (0.0, 1.5, -2.5, 0.1, 3.0, 1e308, -1e308, 5e-324, 9007199254740992.0, float("nan"), None)
CENTS = tuple(
    Decimal(x) for x in ("0.00", "1.50", "-1.50", "3.00", "0.01", "92233720368547758.07", "-92233720368547758.08")
)
FINE = tuple(Decimal(x) for x in ("0.0000", "1.5", "3.0000", "-0.0001", "922337203685477.5807"))
TEXTS = ("", "a", "A", "ab", "abc", "b", "é", "zz", "a%", " A", "ß\t", None)
WORDS = ('"ab"', '"b"', '""')
# of one type each: the oracle knows the types of values, and a null has none
CHOICES = (
    *("coalesce({a}, {b})", "least({a}, {b})", "greatest({b}, {a}, {a})"),
    *("case when {c} then {a} else {b} end", "case when {c} then {a} end"),
)
CHOICES_OF_D = tuple(x.replace("{a}", "{d}").replace("{b}", "{g}") for x in CHOICES)
OF_TEXT = ("lower({a})", "upper({a})", "trim({a})", "substr({a}, 2)", "substr({a}, -2, 1)", *CHOICES)
OF_TEXTS = (
    "{p} || {q}",
    '{p} || "-" || {q}',
    'concat({p}, {q}, "x")',
    "substr({p}, {v}, {w})",
    "substr({p}, length({q}))",
)
PARTS = ("hour_of({t})", "day_of({t})", "weekday_of({t})")
ZONES = ("Europe/Paris", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata")
STEPS = ("1 d", "1 h", "1 w", "7 ms", "36 h", "365 d")
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

    def __init__(self, rng, aliases=("",), mixed=False):
        self.rng, self.aliases, self.mixed = rng, aliases, mixed

    @property
    def one(self):
        """Of one event, as some functions must be in a condition that compares events; ``mixed``: nowhere such."""
        return self if self.mixed else Expressions(self.rng, (self.rng.choice(self.aliases),))

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
                *("length({s})", "hour_of({t})", "day_of({t})", "weekday_of({t})", "{p}"),
            )
        )
        return f"({shape})".format(
            a=self.int(depth - 1),
            b=self.int(depth - 1),
            c=self.bool(0),
            x=self.name("f", "g"),
            m=self.name("d", "e"),
            n=self.rng.choice((0, 1, 2, 3, 7)),
            s=self.text(depth - 1),
            t=self.time(),
            p=self.local_part(),
        )

    def time(self):
        """Times of many years: some days times a number."""
        one = self.one
        return f"({one.name('ts')} + 1 s * ({one.name('v', 'w')} * 40000003))"

    def local_part(self):
        return self.rng.choice(PARTS).format(t=f'{self.time()}, "{self.rng.choice(ZONES)}"')

    def truncated(self):
        zone = self.rng.choice(("", "", *(f', "{z}"' for z in ZONES)))
        return f"truncate({self.time()}, {self.rng.choice(STEPS)}{zone})"

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
                *("seconds({t})", "least({a}, 0.5)", "distance_km({a}, {i}, {m}, {b})", "mid({a}, {i})", *CHOICES),
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

    def text(self, depth=0):
        if depth <= 0:
            return self.name("s", "t")
        if self.rng.random() < 0.4:
            one = self.one
            shape, p, q = self.rng.choice(OF_TEXTS), one.text(depth - 1), one.text(depth - 1)
            return f"({shape.format(p=p, q=q, v=one.name('v'), w=one.int(0))})"
        shape = self.rng.choice(OF_TEXT)
        return shape.format(a=self.text(depth - 1), b=self.text(depth - 1), c=self.bool(0))

    def chosen_text(self):
        word = self.rng.choice((*WORDS, "null", self.text()))
        shape = self.rng.choice((*CHOICES, "coalesce({a}, {w})", "greatest({a}, {w}, {b})"))
        return shape.format(a=self.text(), b=self.text(), w=word, c=self.bool(0))

    def comparison(self):
        op = self.rng.choice(("=", "!=", "<", "<=", ">", ">="))
        kind = self.rng.choice(("int", "float", "decimal", "text", "mixed", "literal", "bool"))
        if kind == "text":
            left, right = self.rng.choice((self.text(2), self.chosen_text())), self.text(self.rng.choice((0, 1)))
            return f"{left} {op} {self.rng.choice((right, *WORDS))}"
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
            text = self.text(self.rng.choice((0, 1, 2)))
            return f"{text} {self.rng.choice(('like', 'not like'))} {self.rng.choice(LIKES)}"
        if shape == 3:
            return f"({self.decimal(0)} between 0.5 and {self.decimal(0)})"
        if shape == 4:
            return f'{self.text()} in ("a", {self.text(self.rng.choice((0, 1)))})'
        if shape == 5:
            return f"coalesce({self.name('ok')}, {self.rng.choice(('true', 'false', self.name('ok')))})"
        return self.comparison()

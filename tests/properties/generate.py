"""Random rules, as text, and random streams in which they match often.

Everything is made from a seed by a plain generator: what a law's test draws is the seed, since a search that
repeats and shortens its choices finds few matches. `shrink` makes a failing stream short instead.

Predicates come from small pools of shapes: constants are drawn freely, since rules of one shape share what is compiled.
Only lawful rules are made: a step is always bound, the last loop can be decided, `next` stands beside no absence.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

FIELDS = "ts: time(us), k: string?, type: string, v: int?, f: float?, d: decimal(2)?, ok: bool?"
STREAMS = ("S", "T")
DECIMALS = (Decimal("0.25"), Decimal("1.50"), Decimal("2.00"), None)

ALONE = (
    'type = "A"',
    'type = "B"',
    'type != "A"',
    'type in ("A", "B")',
    "v >= {n}",
    "not (v = {n})",
    "v is not null",
    "f < {n}.5",
    "d >= {n}.25",
    "ok",
    "not ok or v = {n}",
    'type like "%B" or v between 1 and {n}',
)
AFTER_ONE = (
    "v > {p}.v",
    "v = {p}.v",
    "not (v > {p}.v)",
    "type = {p}.type",
    "type > {p}.type",
    "d > {p}.d",
    "f <= {p}.f",
    "v + {p}.v < 4",
    "{p}.v is null or v >= {p}.v",
    "ts - {p}.ts <= {n} us",
    "d * {p}.v > {n}.5",
    "ok = {p}.ok",
)
AFTER_LOOP = (
    "v > last({p}.v)",
    "v >= sum({p}.v)",
    "count({p}) >= {n}",
    "count({p}.v) <= {n}",
    "v < avg({p}.v)",
    "v != first({p}.v)",
    "v <= max({p}.v)",
    "f >= min({p}.f)",
    "f < sum({p}.f)",
    "d = last({p}.d)",
    "sum({p}.d) > {n}.5",
    "type = first({p}.type)",
)
INSIDE_LOOP = (
    "v > prev({r}.v, 0)",
    "v >= prev({r}.v)",
    "prev({r}.v) is null or v != prev({r}.v)",
    'type != prev({r}.type, "A")',
    "sum({r}.v) <= {n}",
    "count({r}) <= {n}",
    "type = first({r}.type)",
    "avg({r}.f) < 1.5",
    "max({r}.d) < {n}.75",
    "v = last({r}.v)",
)
INSIDE_AFTER_ONE = ("v > prev({r}.v, {p}.v)", "sum({r}.v) <= {p}.v + {n}")
READERS = (  # rules that read what the rules Q and R emit
    "rule FromR from R emit FromR {}\n",
    'rule Then when R then S where type = "B" within 9 us emit Then {}\n',
    "rule Next when Any next R as r within 5 us emit Next {}\n",
    "rule Quiet when Q then no R for 3 us emit Quiet {}\n",
    "rule Some when 2 or more R within 7 us after match keep all emit Some {}\n",
    "rule Both when 1 or more Q as q then R as r within 20 us emit Both { n = count(q) }\n",
)
FOLDS = ("sum", "avg", "last", "min")
QUANTIFIERS = ("2", "3", "1 or more", "1 or more", "2 or more", "0 or more", "2 to 3", "0 to 2", "optional", "optional")


@dataclass(frozen=True)
class Step:
    """What later steps must know of a step."""

    alias: str
    quantifier: str

    @property
    def skippable(self):
        return self.quantifier in ("0 or more", "0 to 2", "optional")

    @property
    def loop(self):
        return self.quantifier not in ("", "optional")

    @property
    def fixed(self):
        return self.quantifier in ("", "2", "3")


def condition(rng, step, before):
    """``where …`` of a step (None: of an absence) under the steps before it, or nothing."""
    names = {"n": rng.randint(0, 3), "r": step.alias if step else ""}
    related = []
    if before:
        other = rng.choice((before[0], before[-1]))
        names["p"] = other.alias
        related += AFTER_LOOP if other.loop else AFTER_ONE
        if step and step.loop and not other.loop:
            related += INSIDE_AFTER_ONE * 2
    if step and step.loop:
        related += INSIDE_LOOP * 2
    terms = [rng.choice(ALONE)] if rng.random() < 0.45 else []
    if related and rng.random() < 0.45:
        terms.append(rng.choice(related))
    return " where " + " and ".join(f"({t})" if " or " in t else t for t in terms).format(**names) if terms else ""


def absence(rng, before):
    """``no X where …``: narrow, so that not every candidate dies of it."""
    narrow = condition(rng, None, before) or f' where type = "{rng.choice("ABC")}"'
    return f"then no {rng.choice(STREAMS)}{narrow}"


def pattern(rng):
    """``when …`` with its bounds and skip, and the fields to emit of its steps."""
    steps, text = [], ""
    final = rng.choice([0, 0, 0, 0, 1, 2])
    count = rng.choice([1, 2, 2, 3, 3, 4])
    quantifiers = [rng.choice(("",) * 6 + QUANTIFIERS) for _ in range(count)]
    for n in range(count):
        step = Step(f"s{n}", quantifiers[n])
        bound = any(not s.skippable for s in steps)  # something stands before this step, whatever is skipped
        if step.skippable and n == count - 1 and not bound:
            step = Step(f"s{n}", "")  # a pattern binds at least one event
        row = " in a row" if step.loop and rng.random() < 0.3 else ""
        link = "next" if bound and rng.random() < 0.3 else "then"
        absences = ""
        followed = any(not Step("", q).skippable for q in quantifiers[n:])  # an absence ends at a step that is there
        if bound and link == "then" and followed:
            absences = "".join(absence(rng, steps) + " " for _ in range(rng.choice([0, 0, 0, 0, 1, 2])))
        stream = rng.choice(("S", "S", "T", "Any", "Any"))
        where = condition(rng, step, steps)
        text += f"{absences}{link + ' ' if n else ''}{step.quantifier} {stream}{row} as {step.alias}{where}\n  "
        steps.append(step)
    text += " ".join(f"{absence(rng, steps)} for {rng.randint(1, 5)} us" for _ in range(final))
    if (not final and not steps[-1].fixed) or rng.random() < 0.5:
        text += f" within {rng.randint(3, 12)} us"
    else:
        text += " allow unbounded"
    if rng.random() < 0.4:
        text += " after match keep all"
    shown = []
    for s in steps:
        if s.loop:
            shown.append(f"n_{s.alias} = count({s.alias}), t_{s.alias} = {rng.choice(FOLDS)}({s.alias}.v)")
        else:
            shown.append(f"v_{s.alias} = {s.alias}.v, d_{s.alias} = {s.alias}.d")
    return text, ", ".join(shown)


def rule_text(rng, name="R"):
    """One pattern rule."""
    text, shown = pattern(rng)
    key = rng.choice(["k", "k", "k, type", ""])
    keyed, shown = (f"keyed by {key} ", f"k, {shown}") if key else ("", shown)
    return f"rule {name} {keyed}when {text}\nemit {name} {{ {shown} }}\n"


def rule_texts(rng):
    """One pattern rule, or two of one file, with rules that read what they emit."""
    if rng.random() < 0.6:
        return rule_text(rng)
    texts = [rule_text(rng, "Q"), rule_text(rng, "R"), *rng.sample(READERS, 2)]
    rng.shuffle(texts)
    return "".join(texts)


def file_of(rules, late=0):
    """A rule file: two streams, their variant, and rules."""
    allowance = f" late {late} us" if late else ""
    streams = "\n".join(f"stream {name} ordered by ts{allowance} {{ {FIELDS} }}" for name in STREAMS)
    return f"{streams}\nstream Any = S | T\n{rules}"


def arrivals(rng, size=40, late=0, keys=("x", "y", "z", None)):
    """Events in order of arrival; times climb slowly, with ties, and go back by up to ``late`` and a little more."""
    out, time = [], 1000
    for _ in range(size):
        time += rng.choice([0, 0, 1, 1, 1, 2, 4])
        back = rng.choice([0, 0, 1, late, late + 2]) if late else 0
        row = {
            "ts": time - back,
            "k": rng.choice(keys),
            "type": rng.choice("AABC"),
            "v": rng.choice([0, 1, 1, 2, 3, None]),
            "f": rng.choice([0.1, 0.2, 1.5, None]),
            "d": rng.choice(DECIMALS),
            "ok": rng.choice([True, False, None]),
        }
        out.append((rng.choice("SST"), row))
    return out


def shrink(rows, fails):
    """A stream that still fails, from which no single event can be left out."""
    rows = list(rows)
    n = 0
    while n < len(rows):
        fewer = rows[:n] + rows[n + 1 :]
        if fails(fewer):
            rows = fewer
        else:
            n += 1
    return rows


def generator(*seed):
    """A generator of its own for each seed, the same in every process."""
    return Random(repr(seed))

"""Random rules, as text, and random streams in which they match often.

Everything is made from a seed by a plain generator: what a law's test draws is the seed, since a search that
repeats and shortens its choices finds few matches. `shrink` makes a failing stream short instead.

Predicates come from small pools of shapes: constants are drawn freely, since rules of one shape share what is compiled.
Only lawful rules are made: a step is always bound, the last loop can be decided, `next` stands beside no absence, every
group and every alternative binds an event. Half of the patterns are plain sequences of steps and loops; the others draw
from groups, `one of`, `until`, `fewest`, and all bounds and skip rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
REPEATS = (
    "2",
    "2",
    "1 or more",
    "1 or more",
    "2 or more",
    "0 or more",
    "1 to 2",
    "2 to 3",
    "0 to 2",
    "optional",
    "optional",
)
SKIPS = ("", "", "", "keep all", "keep all", "skip to next", "skip to first", "skip to last")
LINKS = ("then",) * 6 + ("next",) * 3 + ("then any",) * 2
FOLDS = ("sum", "avg", "last", "min")
QUANTIFIERS = ("2", "3", "1 or more", "1 or more", "2 or more", "0 or more", "2 to 3", "0 to 2", "optional", "optional")


def may_be_skipped(quantifier):
    return quantifier.removeprefix("fewest ") in ("0 or more", "0 to 2", "optional")


@dataclass(frozen=True)
class Step:
    """What later steps must know of a step; ``several``: it stands in a repeated group, seen from outside or inside."""

    alias: str
    quantifier: str
    several: bool = False

    @property
    def skippable(self):
        return may_be_skipped(self.quantifier)

    @property
    def loop(self):
        return self.several or self.quantifier not in ("", "optional")

    @property
    def fixed(self):
        return self.quantifier in ("", "2", "3")


@dataclass(frozen=True)
class Sizes:
    """How many steps a pattern has, one of these: a plain sequence, and one of everything."""

    plain: tuple[int, ...]
    nested: tuple[int, ...]


SIZES = Sizes((1, 2, 2, 3, 3, 4), (2, 3, 3, 4, 4, 5))
LONG = Sizes((2, 3, 3, 4, 4, 5, 5, 6, 6), (2, 3, 4, 4, 5, 5, 6, 6))


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


def manner(rng):
    """How a loop takes its next iteration."""
    return rng.choice(("",) * 7 + (" in a row",) * 3 + (" in any combination",) * 2)


def absence(rng, before):
    """``no X where …``: narrow, so that not every candidate dies of it."""
    narrow = condition(rng, None, before) or f' where type = "{rng.choice("ABC")}"'
    return f"then no {rng.choice(STREAMS)}{narrow}"


def earliest(rng):
    """``prefer earliest``, sometimes."""
    return rng.choice(("",) * 4 + (" prefer earliest",))


def silence(rng):
    """For how long, of an absence in the middle: mostly up to what comes next."""
    return f" for {rng.randint(1, 4)} us" if rng.random() < 0.35 else ""


def before_start(rng, first):
    """Absences at the start, which may read the step that binds the first event; seldom."""
    count = rng.choice([0, 0, 0, 0, 0, 1, 1, 2])
    texts = [absence(rng, [first] if first else []).removeprefix("then ") for _ in range(count)]
    return "".join(f"{text} for {rng.randint(1, 5)} us then " for text in texts)


def pattern(rng, sizes=SIZES):
    """``when …`` with its bounds and skip, and the fields to emit of its steps."""
    steps, text = [], ""
    final = rng.choice([0, 0, 0, 0, 1, 2])
    count = rng.choice(sizes.plain)
    quantifiers = [rng.choice(("",) * 6 + QUANTIFIERS) for _ in range(count)]
    for n in range(count):
        step = Step(f"s{n}", quantifiers[n])
        bound = any(not s.skippable for s in steps)  # something stands before this step, whatever is skipped
        if step.skippable and n == count - 1 and not bound:
            step = Step(f"s{n}", "")  # a pattern binds at least one event
        row = manner(rng) if step.loop else ""
        link = rng.choice(LINKS) if bound else "then"
        absences = ""
        followed = any(not Step("", q).skippable for q in quantifiers[n:])  # an absence ends at a step that is there
        if bound and link != "next" and followed:
            absences = "".join(absence(rng, steps) + silence(rng) + " " for _ in range(rng.choice([0, 0, 0, 0, 1, 2])))
        stream = rng.choice(("S", "S", "T", "Any", "Any"))
        where = condition(rng, step, steps)
        text += f"{absences}{link + ' ' if n else ''}{step.quantifier} {stream}{row} as {step.alias}{where}\n  "
        steps.append(step)
    text = before_start(rng, steps[0]) + text
    text += " ".join(f"{absence(rng, steps)} for {rng.randint(1, 5)} us" for _ in range(final))
    if (not final and not steps[-1].fixed) or rng.random() < 0.5:
        text += f" within {rng.randint(3, 12)} us"
    else:
        text += " allow unbounded"
    if rng.random() < 0.4:
        text += " after match keep all"
    text += earliest(rng)
    shown = []
    for s in steps:
        if s.loop:
            shown.append(f"n_{s.alias} = count({s.alias}), t_{s.alias} = {rng.choice(FOLDS)}({s.alias}.v)")
        else:
            shown.append(f"v_{s.alias} = {s.alias}.v, d_{s.alias} = {s.alias}.d")
    return text, ", ".join(shown)


class Nested:
    """A pattern with everything that a pattern may hold, written as it is made."""

    def __init__(self, rng, sizes=SIZES):
        self.rng = rng
        self.left = rng.choice(sizes.nested)  # events still to be named
        self.steps: list[Step] = []  # all of them, as the whole rule sees them
        self.groups: list[str] = []
        self.final = rng.random() < 0.25

    def text(self):
        """``when …`` with its bounds and skip, and the fields to emit of its steps."""
        rng, bound = self.rng, False
        text, outside = self.sequence([], bound, depth=0, repeated=False)
        several = re.search("(all|[1-4]) of", text.partition(" as ")[0])  # not each of them binds the first event
        text = before_start(rng, None if several else outside[0]) + text
        if self.final:
            text += f" {absence(rng, self.steps)} for {rng.randint(1, 5)} us"
        text += "\n  " + self.bounds() + self.skip()
        shown = []
        for s in self.steps:
            if s.loop:
                shown.append(f"n_{s.alias} = count({s.alias}), t_{s.alias} = {rng.choice(FOLDS)}({s.alias}.v)")
            else:
                shown.append(f"v_{s.alias} = {s.alias}.v, d_{s.alias} = {s.alias}.d")
        return text, ", ".join(shown + [f"n_{g} = count({g})" for g in self.groups])

    def bounds(self):
        """Bounds that decide every end and keep a run short."""
        rng = self.rng
        within, gap, events = (
            f"within {rng.randint(2, 6)} us",
            f"gap {rng.randint(1, 2)} us",
            f"within {rng.randint(2, 5)} events",
        )
        kinds = [[within]] * 4 + [[events], [gap, within], [gap, events], [events, within], [gap, "allow unbounded"]]
        return " ".join(rng.choice(kinds))

    def skip(self):
        rng = self.rng
        rule = rng.choice(SKIPS)
        if rule in ("skip to first", "skip to last"):
            rule += f" {rng.choice(self.steps).alias}"
        text = f" after match {rule}" if rule else ""
        if rng.random() < (0.3 if rule else 0.05):
            names = {rng.choice(self.steps).alias for _ in range(rng.choice([1, 1, 2]))}
            text += f" consume {', '.join(sorted(names))}"
        return text + earliest(self.rng)

    def sequence(self, before, bound, depth, repeated):
        """Steps joined by links, with absences between them, and what stands after them for the steps that follow.

        ``bound``: something is bound before, whatever is left out. One step of them is always there.
        """
        rng, text, mine = self.rng, "", []
        count = rng.choice([1, 2, 2, 3, 3] if depth == 0 else [1, 2, 2, 2, 3])
        needed = rng.randrange(count)  # the step that is never left out
        for n in range(count):
            if n and not self.left and n > needed:
                break
            known = before + mine
            link = rng.choice(LINKS) if bound and n else "then"
            if n and bound and link != "next" and n <= needed:
                text += "".join(f"{absence(rng, known)}{silence(rng)} " for _ in range(rng.choice([0, 0, 0, 0, 1, 1])))
            written, steps = self.step(known, bound, depth, repeated, n != needed, n < needed)
            text += f"{link + ' ' if n else ''}{written}\n  "
            mine += steps
            bound = bound or n == needed
        return text.strip(), mine

    def step(self, before, bound, depth, repeated, skippable=False, followed=False):
        """One step, loop, group or `one of`, and its steps as those after it see them."""
        kind = self.rng.random()
        if depth < 2 and self.left > 1 and kind < 0.4:
            return self.group(before, bound, depth, repeated, skippable, followed)
        if depth < 3 and self.left > 1 and kind < 0.55:
            return self.one_of(before, bound, depth, repeated)
        if depth < 3 and self.left > 1 and kind < 0.68:
            return self.all_of(before, repeated, skippable, followed)
        return self.event(before, repeated, skippable, followed)

    def quantifier(self, choices, skippable, followed):
        """One of these; `fewest 0 …` only where a step follows that is always there."""
        rng = self.rng
        quantifier = rng.choice(choices)
        if rng.random() < 0.25 and ("or more" in quantifier or "to" in quantifier.split()):
            quantifier = f"fewest {quantifier}"
        if may_be_skipped(quantifier) and not (skippable and (followed or "fewest" not in quantifier)):
            return ""
        return quantifier

    def event(self, before, repeated, skippable, followed, single=False):
        rng = self.rng
        self.left -= 1
        quantifier = "" if single else self.quantifier(("",) * 12 + QUANTIFIERS, skippable, followed)
        step = Step(f"s{len(self.steps)}", quantifier, repeated)
        self.steps.append(step)
        row = manner(rng) if quantifier not in ("", "optional") else ""
        stream = rng.choice(("S", "S", "T", "Any", "Any"))
        where = condition(rng, step, before) if rng.random() < 0.35 else ""
        text = f"{quantifier} {stream}{row} as {step.alias}{where}".strip()
        after = replace(step, several=False)
        return text + self.until(quantifier, [*before, after]), [after]

    def group(self, before, bound, depth, repeated, skippable, followed):
        rng = self.rng
        quantifier = self.quantifier(("", *REPEATS), skippable, followed)
        many = quantifier not in ("", "optional")
        inside, steps = self.sequence(before, bound, depth + 1, repeated or many)
        row = manner(rng) if many else ""
        name = ""
        if rng.random() < 0.3:
            self.groups.append(f"g{len(self.groups)}")
            name = f" as {self.groups[-1]}"
        after = [replace(s, several=True) for s in steps] if many else steps
        text = f"{quantifier} ({inside}{self.own_bounds()}){row}{name}{self.of_all(before)}".strip()
        return text + self.until(quantifier, before + after), after

    def own_bounds(self):
        """Bounds inside a group's parentheses, sometimes."""
        rng = self.rng
        kinds = [f"within {rng.randint(1, 4)} us", f"gap {rng.randint(1, 2)} us", f"within {rng.randint(2, 4)} events"]
        return "".join(f" {kind}" for kind in rng.sample(kinds, rng.choice([0, 0, 0, 0, 1, 1, 2])))

    def of_all(self, before):
        """A condition on a group or choice, seldom."""
        return condition(self.rng, None, before) if self.rng.random() < 0.2 else ""

    def until(self, quantifier, before):
        """``until …`` on a loop, which may read it."""
        rng = self.rng
        if quantifier in ("", "optional") or rng.random() > 0.25:
            return ""
        where = condition(rng, None, before) or ' where type = "C"'
        return f" until {rng.choice(['S', 'T', 'Any'])}{where}"

    def all_of(self, before, repeated, skippable, followed):
        """``all of`` or ``n of`` two to four single events, perhaps repeated, perhaps with a name."""
        rng = self.rng
        quantifier = self.quantifier(("",) * 6 + REPEATS, skippable, followed)
        many = quantifier not in ("", "optional")
        count = min(rng.choice([2, 2, 3, 3, 4]), max(2, self.left))
        word = rng.choice(["all", "all", str(rng.randint(1, count))])
        found = [self.event(before, repeated or many, False, False, single=True) for _ in range(count)]
        row = " in a row" if many and rng.random() < 0.2 else ""
        name = ""
        if rng.random() < 0.2:
            self.groups.append(f"g{len(self.groups)}")
            name = f" as {self.groups[-1]}"
        steps = [replace(step, several=many) for _, (step,) in found]
        inside = ", ".join(text for text, _ in found)
        text = f"{quantifier} {word} of ({inside}){row}{name}{self.of_all(before)}".strip()
        return text + self.until(quantifier, before + steps), steps

    def one_of(self, before, bound, depth, repeated):
        alternatives, steps = [], []
        for _ in range(self.rng.choice([2, 2, 3])):
            written, inside = self.step(before, bound, depth + 1, repeated)
            alternatives.append(written)
            steps += inside
        name = ""
        if self.rng.random() < 0.2:
            self.groups.append(f"g{len(self.groups)}")
            name = f" as {self.groups[-1]}"
        return f"one of ({', '.join(alternatives)}){name}{self.of_all(before)}", steps


def rule_text(rng, name="R", nested=0.5, sizes=SIZES):
    """One pattern rule, with everything with the probability ``nested``."""
    text, shown = Nested(rng, sizes).text() if rng.random() < nested else pattern(rng, sizes)
    key = rng.choice(["k", "k", "k, type", ""])
    keyed, shown = (f"keyed by {key} ", f"k, {shown}") if key else ("", shown)
    return f"rule {name} {keyed}when {text}\nemit {name} {{ {shown} }}\n"


def each_rule(rules):
    """The rules of a text, one by one."""
    return [rule for rule in re.split(r"(?m)^(?=rule )", rules) if rule]


def at_most(pattern):
    """A limit of matches per event, or none, for a pattern with choices; the same one whenever the text is the same."""
    rng = Random(pattern)
    return rng.choice(["", "", *(f" at most {rng.randint(1, 4)} matches per event" for _ in range(3))])


def few(rule):
    """The rule with a limit of matches per event, where it may have one, and with what that has left out."""
    body, _, emit = rule.rpartition("emit ")
    if not any(word in body for word in CHOICES):
        return rule
    clause = re.search(r"\s(after match|consume)\b", body)
    at = clause.start() if clause else len(body.rstrip())
    if body[:at].count("(") != body[:at].count(")"):
        return rule
    return f"{body[:at]}{at_most(body)}{body[at:]}emit {emit.replace(' }', ', cut = truncated() }')}"


def timed(rng, rule):
    """The rule with `on timeout`, where it may have it, with a bound of its own and none in a group; else as it is."""
    body, _, emit = rule.rpartition("emit ")
    bounds = [m.start() for m in re.finditer(r"\b(within|gap) ", body)]
    if not bounds or "prefer earliest" in body or any(body[:at].count("(") > body[:at].count(")") for at in bounds):
        return rule
    name, fields = re.fullmatch(r"(\w+) \{ ?(.*?) ?\}\n", emit, re.DOTALL).groups()
    where = rng.choice(["", "", f' where stage() {rng.choice(["=", "!="])} "s{rng.randint(0, 2)}"'])
    shown = ", ".join([*([fields] if fields else []), "stage = stage()", "of = names()"])
    return f"{rule}on timeout{where} emit {name}Out {{ {shown} }}\n"


def limited(rng, rule):
    """The rule with `output`, its periods told apart by what each of its events says."""
    emits = [re.findall(r"(?:^|, )(\w+) ?[=,]?", shown) for shown in re.findall(r"emit \w+ \{ ?(.*?) ?\}", rule)]
    common = [name for name in emits[0] if all(name in each for each in emits) and name != "of"]
    per = rng.sample(common, min(len(common), rng.choice([0, 1, 1, 2])))
    every = f"output {rng.choice(('first', 'last', 'all', 'snapshot'))} every {rng.randint(1, 8)} us"
    return f"{rule.rstrip()} {every}{' per ' + ', '.join(per) if per else ''}\n"


def rule_texts(rng):
    """One pattern rule, or two of one file, with rules that read what they emit."""
    if rng.random() < 0.6:
        return rule_text(rng)
    texts = [rule_text(rng, "Q"), rule_text(rng, "R"), *rng.sample(READERS, 2)]
    rng.shuffle(texts)
    return "".join(texts)


def some_rules(rng):
    """The same, some of them with `on timeout` and `output`."""
    out = []
    for rule in each_rule(rule_texts(rng)):
        rule = timed(rng, few(rule)) if rng.random() < 0.25 else few(rule)
        out.append(limited(rng, rule) if rng.random() < 0.2 else rule)
    return "".join(out)


def file_of(rules, late=0):
    """A rule file: two streams, their variant, and rules."""
    allowance = f" late {late} us" if late else ""
    streams = "\n".join(f"stream {name} ordered by ts{allowance} {{ {FIELDS} }}" for name in STREAMS)
    return f"{streams}\nstream Any = S | T\n{rules}"


CHOICES = ("then any", "in any combination")
FEW = 16


def arrivals(rng, size=40, late=0, keys=("x", "y", "z", None), rules=""):
    """Events in order of arrival; times climb slowly, with ties, and go back by up to ``late`` and a little more.

    FEW of them for rules with choices, whose matches double with every event.
    """
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
    return out[:FEW] if any(word in rules for word in CHOICES) else out


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

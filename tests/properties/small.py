"""The small world: every pattern of up to three steps, every stream of up to five events of two types.

A step is A or B, once or counted up to two or without end, a loop in one of its three manners, `one of` both, or, at
the start and at the end, an absence; what joins two steps is one of the links or an absence. Each pattern runs under
every skip rule. Exchanging A and B changes nothing but names, so of a pattern and its mirror image one is tried, over
all streams. The patterns stand in an order that looks random and is always the same.

The streams are all words over A and B; the events of a word are one millisecond apart, and each word is the stream of a
key of its own. The oracle is asked once for each thing that can be asked: the candidates that begin with an event hang
on what comes after it alone (and, under an absence for a time, on the event before it), so those of every word are
put together from those of its ends.
"""

import hashlib
import itertools
import re
from collections import Counter
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np
import pytest
from oracle.order import order
from oracle.rules import House, syntax_tree
from oracle.sequence import Candidate, Search, matches

import cep
from cep.compiler.choice import RUN_TABLE, only
from cep.language.parser import parse
from cep.model.diagnostics import Source

ATOMS = ("A", "B")
COUNTS = ("", "optional ", "2 ", "1 to 2 ", "1 or more ")
MANNERS = ("1 or more {} in a row", "1 or more {} in any combination")
CHOICES = ("one of (A, B)", "one of (B, A)")
STEPS = (*(c + "{}" for c in COUNTS), *MANNERS)
STEPS = (*(step.format(atom) for atom in ATOMS for step in STEPS), *CHOICES)
LINKS = (" then ", " next ", " then any ", " then no A then ", " then no B then ")
TIMED = (" then no A for 1 ms then ", " then no B for 1 ms then ")
STARTS = ("no A for 1 ms then ", "no B for 1 ms then ")
ENDS = (" then no A for 1 ms", " then no B for 1 ms")
BOUND = " within 3 ms"
SKIPS = ("", "keep all", "skip to next", "skip to first {last}", "skip to last {first}")
STRICT = ("A", "B", "optional A", "optional B", *CHOICES)
MS = 1_000_000
LONGEST = 5
WORDS = tuple("".join(w) for n in range(1, LONGEST + 1) for w in itertools.product(ATOMS, repeat=n))
STREAMS = "\n".join(f"stream {name} ordered by ts {{ ts: time(ms), k: string }}" for name in ATOMS) + "\n"


def written():
    """Every pattern, lawful or not: (what stands before it, the pattern, what stands after it)."""
    for count in (1, 2, 3):
        for steps in itertools.product(STEPS, repeat=count):
            links_of = (*LINKS, *TIMED) if count == 2 else LINKS
            for links in itertools.product(links_of, repeat=count - 1):
                text = steps[0] + "".join(link + step for link, step in zip(links, steps[1:], strict=True))
                yield "", text, BOUND
                if count < 3:
                    yield from ((start, text, BOUND) for start in STARTS)
                    yield from (("", text, end + BOUND) for end in ENDS)
                if count == 1:
                    yield from ((start, text, end + BOUND) for start in STARTS for end in ENDS)
                if all(link == " next " for link in links) and all(s in STRICT or "in a row" in s for s in steps):
                    yield "", text, " allow unbounded"  # for the one-pass matcher


def mirrored(pattern):
    """The same with A and B exchanged."""
    return tuple(re.sub(r"\b[AB]\b", lambda found: "BA"[found[0] == "B"], text) for text in pattern)


@lru_cache(maxsize=1)
def patterns():
    """One of each pattern and its mirror image, in their order."""
    found = (pattern for pattern in written() if pattern <= mirrored(pattern))
    return sorted(found, key=digest)


def digest(pattern):
    """The number that decides a pattern's place, and whether it is in the sample."""
    return int.from_bytes(hashlib.sha256("".join(pattern).encode()).digest()[:8])


def sample(one_in=500):
    """One pattern in so many, always the same."""
    return [pattern for pattern in patterns() if digest(pattern) % one_in == 0]


def rules_of(pattern):
    """A rule for each skip rule, R0 to R4; and C, which counts, where only choices join its steps."""
    start, text, end = pattern
    number = itertools.count()
    named = re.sub(
        r"(?<!no )\b[AB]( in a row| in any combination)?", lambda found: f"{found[0]} as s{next(number)}", text
    )
    last = next(number) - 1
    rules = []
    for n, skip in enumerate(SKIPS):
        after = f" after match {skip.format(first='s0', last=f's{last}')}" if skip else ""
        rules.append(f"rule R{n} keyed by k when {start}{named}{end}{after} emit R{n} {{ k }}\n")
    if "any " in text and re.fullmatch(r"[AB]( then any [AB])+", text) and not start:
        rules.append(f"rule C keyed by k when {named}{end} after match keep all emit C {{ k, n = count() }}\n")
    return rules


# ---------------------------------------------------------------------------------------------------- the oracle


@lru_cache(maxsize=1)
def streams():
    """The events of every word as the oracle has them, and in order of arrival, and where each event stands."""
    rows = [(word[n], n, word) for n in range(LONGEST) for name in ATOMS for word in WORDS if word[n : n + 1] == name]
    counts, places = dict.fromkeys(ATOMS, 0), {}
    for name, n, word in rows:
        places[name, counts[name]] = (word, n)
        counts[name] += 1
    columns = {
        name: {
            "ts": np.array([n for s, n, _ in rows if s == name]),
            "k": np.array([w for s, _, w in rows if s == name], object),
        }
        for name in ATOMS
    }
    arrivals = [(name, {"ts": n * MS, "k": word}) for name, n, word in rows]
    return arrivals, columns, places


@lru_cache(maxsize=1)
def events():
    """The events of every word as the oracle has them."""
    house = House(syntax_tree(STREAMS), {})
    house.arrivals = streams()[0]
    found, _, _ = order(house.arrivals, house.streams, house.params_at)
    out = {word: [] for word in WORDS}
    for event in found:
        out[event.values["k"]].append(event)
    return out


def moved(candidate, by):
    """A candidate so many events, and milliseconds, later."""
    time, kind, *place = candidate.completion
    bound = []
    for b in candidate.bound:
        first, at, rank = b.preference
        preference = (first, at - by if first == 2 else at + by, rank)
        bound.append(replace(b, event=b.event + by, preference=preference))
    return Candidate(tuple(bound), (time + by * MS, kind, *(j + by for j in place)))


def candidates(house, rule, before):
    """The candidates of every word, by the places of their events in it; ``before``: so many events before matter."""
    inputs, known, out = house.inputs(rule), {}, {}
    both = set(inputs) == set(ATOMS)
    for word in WORDS:
        out[word] = mine = []
        if not both:  # the others are no events of the rule
            there = [n for n, name in enumerate(word) if name in inputs]
            mine += [placed(c, there) for c in search(house, rule, word, inputs).all()]
            continue
        for start in range(len(word)):
            skipped = max(0, start - before)
            part = word[skipped:]
            if (part, start - skipped) not in known:
                if part not in known:
                    known[part] = search(house, rule, part, inputs)
                known[part, start - skipped] = list(known[part].extend((), start - skipped))
            mine += [moved(c, skipped) if skipped else c for c in known[part, start - skipped]]
    return out


def search(house, rule, word, inputs):
    """The oracle's search over a word."""
    mine = [event for event in events()[word] if event.stream in inputs]
    return Search(rule.body.pattern, rule.body.bounds, mine, house.unfold, {"k": word}, {})


def placed(candidate, places):
    """A candidate with the places of its events in the word, for those among the rule's own events."""
    return replace(candidate, bound=tuple(replace(b, event=places[b.event]) for b in candidate.bound))


@cache
def skip_of(clause):
    """A skip rule as the parser reads it."""
    return syntax_tree(f"rule R when A as s0 then B as s1 then B as s2{clause} emit R {{}}").declarations[0].body.skip


def expected(rules):
    """What the oracle finds: for each rule and word its matches in order, as (time, bound events).

    Of a rule that counts: (time, how many). The rules differ in what they do after a match.
    """
    house = House(parse(Source("<text>", STREAMS + rules[0])), {})
    found = candidates(house, house.rules[0], before=1 if " for " in rules[0] else 0)
    out = {}
    for rule in rules:
        name, skip = rule.split()[1], skip_of("".join(re.findall(" after match .*(?= emit)", rule)))
        for word in WORDS:
            told = [(m.completion[0] // MS, tuple(b.event for b in m.bound)) for m in matches(found[word], skip)]
            if name == "C":
                times = [time for time, _ in told]
                told = [(time, times.count(time)) for time in dict.fromkeys(times)]
            if told:
                out[name, word] = told
    return out


# ---------------------------------------------------------------------------------------------------- the engine


def found_by(rules):
    """The same, of the engine."""
    _, columns, places = streams()
    engine = cep.Engine(rules, together=True)
    given = []
    for name in ATOMS:
        given += engine.send_batch(name, columns[name])
    out = {}
    for batch in given + engine.close(end="final"):
        made = batch.provenance
        if made is None:
            continue
        counted = batch.columns["n"].to_list() if "n" in batch.columns else None
        lines = zip(batch.ts.tolist(), made.rule.tolist(), batch.columns["k"].to_list(), made.to_list(), strict=True)
        for n, (time, rule, word, lineage) in enumerate(lines):
            bound = [places[tuple(event)] for event in lineage]
            assert all(w == word for w, _ in bound)
            told = counted[n] if counted else tuple(at for _, at in bound)
            out.setdefault((made.rules[rule], word), []).append((time // MS, told))
    return out


def assert_agrees(pattern):
    """The engine finds what the oracle finds, on the matcher chosen and on the run table; how many rules ran."""
    written_ = rules_of(pattern)
    text = STREAMS + "".join(written_)
    try:
        rules = cep.loads(text)
    except cep.RuleError:
        return Counter(refused=1)  # what may bind nothing, or what nothing decides
    names = {name: choice.name for name, choice in rules.programs.choices.items()}
    want, ways = expected(written_), [(rules, names)]
    if set(names.values()) != {RUN_TABLE}:
        with only(RUN_TABLE):
            rules = cep.loads(text)
            ways.append((rules, {name: choice.name for name, choice in rules.programs.choices.items()}))
    ran = Counter(patterns=1, rules=len(names), matches=sum(map(len, want.values())))
    for loaded, chosen in ways:
        ran.update(f"rules, {matcher}" for matcher in chosen.values())
        got = found_by(loaded)
        if got != want:
            rule, word = next(k for k in sorted({*want, *got}) if want.get(k) != got.get(k))
            told = f"oracle {want.get((rule, word))}\nengine {got.get((rule, word))}, {chosen[rule]}"
            pytest.fail(f"{text}\n{rule} over {word}\n{told}")
    return ran

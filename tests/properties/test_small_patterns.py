"""All small patterns over all small streams: what the engine finds is what the oracle finds.

Two worlds. Of the small one (properties/small.py) every pattern of up to three steps runs under every skip rule, on
every matcher that takes it. That of the grammar here is wide: up to three atoms over the streams A and B, in loops,
groups and `one of`, with `until`, `fewest`, absences, each with one of the bounds and one of the skip rules. Both are
tried in an order that looks random and is always the same; the tests take a sample, `pytest -m exhaustive` takes all,
in the parts of properties/parts.py.

A stream of the wide world is a word over A and B with gaps of one or two between its events; each is the stream of a
key of its own.
"""

import hashlib
import itertools
import re
from collections import Counter
from functools import partial

import pytest
from conftest import SCALE

import cep
from properties import small
from properties.parts import chosen, run_part
from properties.test_laws import PLAIN, assert_agrees

ATOMS = ("A", "B")
INNER = ("", "1 or more ", "optional ")
RICH = (*INNER, "2 ", "0 or more ", "1 to 2 ", "fewest 1 or more ", "fewest 0 to 2 ")
ROWS = (
    "1 or more {} in a row",
    "2 {} in a row",
    "1 or more {} in any combination",
    "2 {} in any combination",
    "1 or more {} until A",
    "1 to 2 {} until B",
    "0 or more {} until B",
)
GROUPS = (
    "({})",
    "2 ({})",
    "1 or more ({})",
    "optional ({})",
    "1 to 2 ({}) in a row",
    "1 or more ({}) in a row",
    "1 or more ({}) in any combination",
    "fewest 1 or more ({})",
    "1 or more ({}) until A",
    "2 to 3 ({}) until B",
    "1 or more ({} within 1 ms)",
    "2 ({} gap 1 ms)",
    "1 to 2 ({} within 2 events)",
)
SEVERAL = (("all", 2), ("all", 3), ("1", 2), ("2", 2), ("2", 3))
REPEATED = ("2", "1 or more", "optional", "1 to 2", "fewest 1 or more")
LINKS = (
    " then ",
    " next ",
    " then any ",
    " then no A then ",
    " then no B then any ",
    " then no A for 1 ms then ",
    " then no B for 2 ms then ",
)
STARTS = ("", "", "", "no A for 1 ms then ", "no B for 2 ms then ", "no A for 2 ms then no B for 1 ms then ")
ENDS = (
    "within 3 ms",
    "within 2 ms",
    "gap 1 ms allow unbounded",
    "within 3 events",
    "gap 1 ms within 3 ms",
    "within 3 ms within 3 events",
    "then no A for 1 ms within 2 ms",
    "then no B for 2 ms within 3 ms",
)
SKIPS = (
    "",
    " after match keep all",
    " after match skip to next",
    " consume {v}",
    " after match keep all consume {v}",
    " after match skip to first {v}",
    " after match skip to last {v}",
    " after match skip to next consume {v}",
)


def joined(*parts):
    """Parts in every way of linking them."""
    for items in itertools.product(*parts):
        for links in itertools.product(LINKS, repeat=len(parts) - 1):
            text = items[0]
            for link, item in zip(links, items[1:], strict=True):
                text += link + item
            yield text


def patterns():
    """Every pattern of the grammar, lawful or not."""
    rich = [q + atom for q in RICH for atom in ATOMS] + [row.format(atom) for row in ROWS for atom in ATOMS]
    inner = [q + atom for q in INNER for atom in ATOMS]
    pairs = list(joined(inner, inner))
    several = [f"{n} of ({', '.join(m)})" for n, count in SEVERAL for m in itertools.product(ATOMS, repeat=count)]
    again = [f"{count} {text}" for count in REPEATED for text in several]
    choices = [f"one of ({a}, {b})" for a, b in itertools.product(rich, inner)]
    groups = [group.format(text) for text in pairs for group in GROUPS]
    groups += [group.format(text) for text in choices for group in GROUPS[1:]]
    yield from rich
    yield from joined(rich, rich)
    yield from groups
    yield from joined(groups, ATOMS)
    yield from joined(ATOMS, groups)
    yield from joined(choices, inner)
    yield from joined(several, rich)
    yield from joined(rich, several)
    yield from (group.format(text) for text in joined(several, ATOMS) for group in GROUPS[1:4])
    yield from again
    yield from joined(ATOMS, again)
    yield from joined(inner, choices)
    yield from (f"one of ({group}, {atom})" for group in groups for atom in ATOMS)
    for outer, within in itertools.product(GROUPS, GROUPS[1::2]):
        yield from (outer.format(text) for text in joined(ATOMS, [within.format(pair) for pair in pairs[::5]]))


def rules():
    """A rule for every pattern, in an order that looks random, with its bounds and skip rule."""
    seen = {hashlib.sha256(text.encode()).digest(): text for text in patterns()}
    for digest, text in sorted(seen.items()):
        number = itertools.count()
        named = re.sub(
            r"(?<!no )(?<!until )\b[AB]( in a row| in any combination)?",
            lambda found: f"{found[0]} as s{next(number)}",  # noqa: B023
            text,
        )
        count = next(number)
        skip = SKIPS[digest[5] % len(SKIPS)].format(v=f"s{digest[6] % count}")
        skip += " prefer earliest" if digest[9] % 4 == 0 else ""
        counts = ", ".join(f"n{n} = count(s{n})" for n in range(count))
        start = STARTS[digest[8] % len(STARTS)]
        yield f"rule R keyed by k when {start}{named} {ENDS[digest[7] % len(ENDS)]}{skip}\nemit R {{ k, {counts} }}\n"


STREAMS = "\n".join(f"stream {name} ordered by ts {{ ts: time(ms), k: string }}" for name in ATOMS) + "\n"


def streams(every):
    """Words of up to four events: with ``every`` gap, or each with two vectors of gaps."""
    rows = []
    for length in range(1, 5):
        for word in itertools.product(ATOMS, repeat=length):
            gaps = list(itertools.product((1, 2), repeat=length - 1))
            for vector in gaps if every else {gaps[0], gaps[len(rows) % len(gaps)]}:
                times = itertools.accumulate((0, *vector))
                key = "".join(word) + "".join(map(str, vector))
                rows += [(stream, {"ts": time, "k": key}) for stream, time in zip(word, times, strict=True)]
    return sorted(rows, key=lambda row: (row[1]["ts"], row[0]))


def agrees(text, every):
    """Engine and oracle agree over all words, if the rule is lawful; how many are."""
    try:
        cep.loads(STREAMS + text)
    except cep.RuleError:
        return Counter(refused=1)  # what may bind nothing, or what nothing decides
    assert_agrees(STREAMS + text, streams(every), "final")
    return Counter(rules=1)


@pytest.mark.skipif(not PLAIN, reason="each rule would compile code of its own")
def test_a_sample_of_the_wide_world_agrees():
    count = int(60 * SCALE)
    ran = sum((agrees(text, every=False) for text in itertools.islice(rules(), count)), Counter())
    assert ran["rules"] >= count // 3


@pytest.mark.skipif(PLAIN, reason="what is compiled is quicker here, because no rule has code of its own")
def test_one_in_five_hundred_of_the_small_world_agrees():
    found = Counter()
    for pattern in small.sample():
        found.update(small.assert_agrees(pattern))
    assert found["patterns"] > 80


WIDE, SMALL = 500, 100  # parts


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", chosen(WIDE))
def test_all_of_the_wide_world_agrees(part):
    run_part("wide", part, (partial(agrees, text, every=True) for text in itertools.islice(rules(), part, None, WIDE)))


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", chosen(SMALL))
def test_all_of_the_small_world_agrees(part):
    run_part("small", part, (partial(small.assert_agrees, pattern) for pattern in small.patterns()[part::SMALL]))

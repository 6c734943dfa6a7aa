"""`prefer earliest` over rows that follow each other is what a regular expression finds in a text.

Python's `re` tries alternatives and lengths of loops in order of preference and takes the first that fits, from the
first place on: the row-pattern order of SQL. So random expressions over a few letters are written twice, as a regular
expression and as a rule over events that each have a letter; a scan as the skip rule says gives what must be found.
"""

import re

import pytest
from corpus.cases import all_cases
from engine_adapter import MIXED, ONE, WHOLE, Cut, results, run_rules
from hypothesis import given
from hypothesis import strategies as st

import cep
from properties.generate import arrivals, file_of, generator, rule_text
from properties.test_laws import examples, expected

SEEDS = st.integers(0, 2**62)
CUTS = (Cut(WHOLE), Cut(ONE), Cut(3, 2), Cut(MIXED, 7))
LETTERS = "abc"
COUNTS = {  # written in a rule: in an expression
    "": "",
    "2": "{2}",
    "optional": "?",
    "0 or more": "*",
    "1 or more": "+",
    "2 or more": "{2,}",
    "1 to 2": "{1,2}",
    "0 to 2": "{0,2}",
    "fewest 0 or more": "*?",
    "fewest 1 or more": "+?",
    "fewest 2 or more": "{2,}?",
    "fewest 1 to 2": "{1,2}?",
    "fewest 0 to 2": "{0,2}?",
}
STREAM = "stream P ordered by ts { ts: time(us), w: string }\n"


class Written:
    """A pattern as it is made, in both ways of writing."""

    def __init__(self, rng):
        self.rng, self.steps = rng, 0

    def sequence(self, depth):
        parts = [self.part(depth) for _ in range(self.rng.choice([1, 2, 2, 3]))]
        return " next ".join(rule for rule, _ in parts), "".join(regex for _, regex in parts)

    def part(self, depth):
        rng = self.rng
        # in a group, a `fewest` loop that may take nothing is another thing here: see docs/semantics.md
        counts = [c for c in COUNTS if depth == 0 or not c.startswith("fewest 0")]
        count = rng.choice(counts + [""] * 6)
        row = " in a row" if count not in ("", "optional") else ""
        kind = rng.random() if depth < 2 else 1
        if kind < 0.2:
            rule, regex = self.sequence(depth + 1)
            return f"{count} ({rule}){row}", f"(?:{regex}){COUNTS[count]}"
        if kind < 0.35:
            both = [self.sequence(depth + 1) for _ in range(2)]
            return f"one of (({both[0][0]}), ({both[1][0]}))", f"(?:{both[0][1]}|{both[1][1]})"
        letters = "".join(rng.sample(LETTERS, rng.choice([1, 1, 2])))
        self.steps += 1
        listed = ", ".join(f'"{letter}"' for letter in letters)
        return f"{count} P{row} as s{self.steps} where w in ({listed})", f"[{letters}]{COUNTS[count]}"


def lawful(rng):
    """A rule that the checker takes, and its expression; it never matches nothing."""
    while True:
        written = Written(rng)
        rule, regex = written.sequence(0)
        skip = rng.choice(["", "after match skip to next"])
        text = f"{STREAM}rule R when {rule} within 1 h {skip} prefer earliest emit R {{}}"
        try:
            return cep.loads(text), text, re.compile(regex), bool(skip)
        except cep.RuleError:
            continue


def found_by(expression, word, to_next):
    """The matches of an expression as rows; empty ones are none."""
    out, at = [], 0
    while at < len(word):
        match = expression.match(word, at)
        length = len(match[0]) if match else 0
        if length:
            out.append(list(range(at, at + length)))
        at += length if length and not to_next else 1
    return out


@examples(25, 150)
@given(SEEDS)
def test_rows_in_a_row_are_found_as_letters_of_a_text_are(seed):
    rng = generator("expressions", seed)
    rules, text, expression, to_next = lawful(rng)
    word = "".join(rng.choice(LETTERS) for _ in range(14))
    want = found_by(expression, word, to_next)
    rows = [("P", {"ts": 10 * n, "w": letter}) for n, letter in enumerate(word)]
    got = run_rules(rules, rows, "final", CUTS[seed % len(CUTS)])
    assert [[row for _, row in match.events] for match in got] == want, f"{text}\n{expression.pattern}\n{word}"
    times = [match.time_ns for match in got]
    assert times == sorted(times), "what waits is given out in order of time"


@examples(4, 40)
@given(SEEDS)
def test_keep_all_finds_the_same_in_another_order(seed):
    rng = generator("all of them", seed)
    while True:
        text = rule_text(rng).replace(" prefer earliest", "")
        if "keep all" in text and "consume" not in text and re.search(r"within [0-9]+ us[^)]*\n?.*after", text):
            break
    rows = arrivals(rng, 20, rules=text)
    soonest = expected(file_of(text), rows, "final")
    earliest = expected(file_of(text.replace("keep all", "keep all prefer earliest")), rows, "final")
    assert sorted(found[4] for found in earliest) == sorted(found[4] for found in soonest), text


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in all_cases() if c.name.startswith("earliest/")])
def test_what_waits_is_in_a_snapshot_after_every_event(case):
    rules = cep.loads(case.rule)
    engine, out = cep.Engine(rules, together=True), []
    for stream, row in case.rows:
        out += engine.send(stream, row)
        engine = cep.Engine.restore(rules, engine.snapshot())
    case.check(results(out + engine.close(end=case.end)))

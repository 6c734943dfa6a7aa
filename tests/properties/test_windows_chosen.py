"""Windows that are no stretches of their key's events, lists and rates over windows, at random, as test_windows.py."""

from hypothesis import given

import cep
from properties import test_windows as plain
from properties.generate import generator
from properties.test_laws import SEEDS, assert_agrees, everything, examples
from properties.test_snapshot import assert_goes_on, calls_of

CUTS = plain.CUTS
BOUNDARIES = (
    "S where v = 1",
    "S where s = 'a'",
    "T",
    "T where ok",
    "S where v > 1",
    "Any where v = 2",
    "S where p = v",
)


def boundary(rng):
    return rng.choice(BOUNDARIES).replace("'", '"')


def window(rng):
    n = rng.choice([1, 1, 2, 3])
    kind = rng.choice(["everything", "everything", "latest", "top", "span", "zone", "plain"])
    match kind:
        case "everything":
            return kind
        case "latest":
            return f"latest {n} per {rng.choice(['s', 't', 'v', 'ok', 'f', 's, v'])}"
        case "top":
            by = rng.choice(["v", "f", "d", "q", "v * 2", "ts", "p - v"])
            return f"top {n} by {by} {rng.choice(['', 'asc', 'desc'])}"
        case "span":
            return f"span {boundary(rng)} until {boundary(rng)}"
        case "zone":
            return f'every {rng.choice([2, 5])} us in "Asia/Tokyo"'
    return plain.window(rng)


def aggregate(rng, alias, is_carried):
    while True:
        kind = rng.choice(["plain", "plain", "list", "distinct", "rate", "events", "approx"])
        found = {
            "plain": lambda: plain.aggregate(rng, alias),
            "list": lambda: f"list({rng.choice(plain.SINGLE)})",
            "distinct": lambda: (
                rng.choice(["sum", "avg", "median", "stddev", "max", "first"])
                + f"(distinct {rng.choice(plain.NUMBERS)}{plain.where(rng)})"
            ),
            "rate": lambda: rng.choice(["rate()", "rate(3 us)", "rate(1 ms where ok)", "rate(where v > 1)"]),
            "events": lambda: "events()",
            "approx": lambda: rng.choice(
                [
                    f"approx_distinct({rng.choice(plain.SINGLE)}{plain.where(rng)})",
                    f"approx_percentile({rng.choice(['v', 'f', 'd'])}, 0.9)",
                ]
            ),
        }[kind]()
        large = ("distinct", "percentile", "median", "top", "list(", "events")
        if not is_carried or found.startswith("approx") or not any(word in found for word in large):
            return found


def rule(rng, name):
    shape = window(rng)
    is_carried = shape == "everything"
    per_event = shape.startswith(("everything", "latest", "top")) or (shape.startswith("last") and "every" not in shape)
    key = rng.choice(["", "keyed by k ", "keyed by k ", "keyed by f "])
    fields = [f"a{n} = {aggregate(rng, 'x', is_carried)}" for n in range(rng.choice([1, 2, 4]))]
    fields += ["b = window_start()", "e = window_end()"] if rng.random() < 0.5 else []
    fields += ["k"] if key.startswith("keyed by k") else []
    fields += [f"own = {rng.choice(['v', 'f', 't', 'x.s', 'ts'])}"] if per_event and rng.random() < 0.6 else []
    having = rng.choice(["", "", "having count() > 1 ", "having sum(v) > 3 ", "having max(d) > avg(d) "])
    source = rng.choice(["S", "S", "T", "Any"])
    where = rng.choice(["", plain.where(rng)])
    return f"rule {name} {key}from {source} as x{where} over {shape} {having}emit {name} {{ {', '.join(fields)} }}\n"


def example(seed):
    rng = generator("chosen", seed)
    late = rng.choice([0, 0, 3])
    text = plain.declarations(late, rng.choice(["", "", "v", "s, v"]))
    text += "".join(rule(rng, f"R{n}") for n in range(rng.choice([1, 2])))
    return text, plain.arrivals(rng, rng.choice([5, 20, 50]), late), rng


@examples(60, 300)
@given(SEEDS)
def test_the_engine_finds_what_the_oracle_finds(seed):
    text, rows, rng = example(seed)
    assert_agrees(text, rows, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)])


@examples(12, 40)
@given(SEEDS)
def test_neither_cuts_nor_shards_change_a_byte(seed):
    text, rows, _ = example(seed)
    rules = cep.loads(text)
    want = everything(rules, rows, "final", CUTS[0])
    for cut in CUTS[1:]:
        assert everything(rules, rows, "final", cut) == want, f"{cut}\n{text}"


@examples(16, 60)
@given(SEEDS)
def test_an_engine_that_is_restored_anywhere_goes_on_to_the_byte(seed):
    text, rows, rng = example(seed)
    assert_goes_on(text, calls_of(rng, rows, {"p": (1, 2, 3)}), rng, [1, 2])

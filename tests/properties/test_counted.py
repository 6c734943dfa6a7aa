"""Aggregates beside `count()` over all matches of an event: engine and oracle agree, whatever the steps are."""

from conftest import SCALE
from hypothesis import given, settings
from hypothesis import strategies as st

import cep
from properties.generate import FOLDS, arrivals, file_of, generator
from properties.test_laws import CUTS, assert_agrees

STEPS = (
    'S as {a} where type = "A"',
    "1 or more S in any combination as {a} where v > 0",
    "2 Any as {a}",
    "0 or more T as {a}",
    "optional Any as {a} where ok",
    "one of (S as {a}, T as other_{a})",
    "1 or more (S as {a} then any T as other_{a}) as g_{a}",
    "all of (S as {a}, T as other_{a})",
)
MORE = (
    *("count({a})", "count(distinct {a}.type)", "list({a}.v)", "percentile({a}.v, 0.5)", "sum({a}.v * 2)"),
    *("count({a} where {a}.v > 1)", "top({a}.type, 2)", "stddev({a}.f)", "sum({a}.f)", "avg({a}.d)", "last({a}.type)"),
)


def counted(rng):
    steps = [rng.choice(STEPS).format(a=f"s{n}") for n in range(rng.choice([1, 2, 2, 3]))]
    text = "\n  ".join(f"{rng.choice(['then', 'then any']) if n else 'when'} {step}" for n, step in enumerate(steps))
    shown = []
    for n in range(rng.choice([1, 3, 5])):
        fold = f"{rng.choice(FOLDS)}({{a}}.v)" if rng.random() < 0.5 else rng.choice(MORE)
        shown.append(f"f{n} = " + fold.format(a=rng.choice([*(f"s{i}" for i in range(len(steps))), "z"])))
    skip = rng.choice(["", "after match keep all", "after match keep all", "after match skip to next"])
    bound = f"within {rng.randint(3, 20)} us"
    link = rng.choice(["then", "then any"])
    tail = f"emit Q {{ n = count(), of = names(), since = match_start(), last = z.v, {', '.join(shown)} }}\n"
    return f'rule Q keyed by k {text}\n  {link} S as z where type = "C"\n  {bound} {skip}\n{tail}'


@settings(max_examples=max(1, int(25 * SCALE)))
@given(st.integers(0, 2**62))
def test_what_is_told_of_all_matches_is_what_the_oracle_tells(seed):
    rng = generator("counted", seed)
    rules = None
    while rules is None:
        text = file_of(counted(rng))
        try:
            rules = cep.loads(text)
        except cep.RuleError:
            continue
    rows = arrivals(rng, rng.choice([8, 14]), keys=("x", "x", "y"))
    assert_agrees(text, rows, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)], rules)

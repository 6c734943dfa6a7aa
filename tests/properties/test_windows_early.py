"""``output early``: engine and oracle agree, and what is told and not taken back is what ``output final`` gives."""

from hypothesis import given

import cep
from properties import test_windows as plain
from properties.generate import generator
from properties.test_laws import SEEDS, assert_agrees, everything, examples
from properties.test_snapshot import assert_goes_on, calls_of

WINDOWS = (
    "every 4 us",
    "last 5 us every 2 us",
    "last 2 us every 5 us",
    "session gap 2 us",
    "session gap 3 us max 5 us",
    'every 3 us in "Asia/Tokyo"',
)


def example(seed, output="early"):
    rng = generator("early", seed)
    late = rng.choice([0, 0, 3])
    text = plain.declarations(late, rng.choice(["", "", "v", "s, v"]))
    key = rng.choice(["", "keyed by k ", "keyed by k "])
    fields = [f"a{n} = {plain.aggregate(rng, 'x')}" for n in range(rng.choice([1, 3]))]
    fields += ["b = window_start()", "e = window_end()"] if rng.random() < 0.5 else []
    having = rng.choice(["", "", "having count() > 1 ", "having sum(v) > 3 ", "having count() < 3 "])
    emits = f"emit R {{ {', '.join(fields)} }} " + rng.choice(["", "emit Also { n = count() } "])
    source = rng.choice(["S", "Any"])
    text += f"rule R {key}from {source} as x over {rng.choice(WINDOWS)} {having}{emits}output {output}\n"
    return text, plain.arrivals(rng, rng.choice([5, 20, 50]), late), rng


@examples(40, 200)
@given(SEEDS)
def test_the_engine_finds_what_the_oracle_finds(seed):
    text, rows, rng = example(seed)
    assert_agrees(text, rows, rng.choice(["open", "final"]), plain.CUTS[seed % len(plain.CUTS)])


@examples(40, 200)
@given(SEEDS)
def test_what_is_told_and_not_taken_back_is_final(seed):
    text, rows, _ = example(seed)
    early, final = (cep.run(cep.loads(example(seed, mode)[0]), rows, end="final") for mode in ("early", "final"))
    for name in ("R", "Also"):
        known = {}
        for row in told(early, name):
            if row.pop("_op") == "+":
                assert row["_id"] not in known
                known[row["_id"]] = row
            else:
                taken = known.pop(row["_id"])
                assert without_time(taken) == without_time(row), "what is taken back is what was told"
        want = {row["_id"]: without_time(row) for row in told(final, name)}
        assert {number: without_time(row) for number, row in known.items()} == want, text


def told(result, name):
    if name not in result:
        return []
    return [
        {"_id": full["_id"], **row}
        for full, row in zip(result[name].to_dicts(meta=True), result[name].to_dicts(), strict=True)
    ]


def without_time(row):
    """A row as text, so that what is no number is like itself."""
    return repr({name: value for name, value in row.items() if name not in ("_time", "_op")})


@examples(8, 40)
@given(SEEDS)
def test_neither_cuts_nor_shards_change_a_byte(seed):
    text, rows, _ = example(seed)
    rules = cep.loads(text)
    want = everything(rules, rows, "final", plain.CUTS[0])
    for cut in plain.CUTS[1:]:
        assert everything(rules, rows, "final", cut) == want, f"{cut}\n{text}"


@examples(12, 60)
@given(SEEDS)
def test_an_engine_that_is_restored_anywhere_goes_on_to_the_byte(seed):
    text, rows, rng = example(seed)
    assert_goes_on(text, calls_of(rng, rows, {"p": (1, 2, 3)}), rng, [1, 2])

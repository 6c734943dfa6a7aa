"""Snapshots: an engine that is taken down and set up again, anywhere, gives out what one does that is left alone.

Beside the random rules of the other laws: filters whose events wait, ties, late events, malformed rows, several parts.
"""

import os
import subprocess
import sys
from dataclasses import replace

from hypothesis import given

import cep
from properties.generate import arrivals, file_of, generator, rule_text, some_rules
from properties.test_changes import with_params
from properties.test_laws import HERE, SEEDS, compiled_only, examples, package_path

SIDES = (
    "rule Pass keyed by type from S where v >= 1 emit Pass { k, type, v, f, d, ok, t = ts }\n",
    "rule Plain from Any where ok emit Plain { k, type }\nrule Chain from Plain where k is not null emit Chain { k }\n",
    "rule Other from T where ok emit Plain { type, k }\nrule Twice when Plain then Plain within 4 us emit Twice {}\n",
    "rule Tardy from Late.S emit Tardy { k, d }\n",
    "rule Bad from Rejected.S emit Bad { reason, value }\n",
    "rule Ratio from T emit Ratio { r = 3 div v, s = v * 9000000000000000000 }\n",
)
TIES = ("", "", " ties by k", " ties by k, v", " ties by f")


def example(seed):
    """Rules and the calls of an engine that runs them."""
    rng = generator("snapshot", seed)
    late = rng.choice([0, 3, 3])
    rules = some_rules(rng) + "".join(rng.sample(SIDES, rng.choice([0, 1, 2, len(SIDES)])))
    text = file_of(rules, late)
    allowance = f" late {late} us" if late else ""
    text = text.replace(f"ordered by ts{allowance} {{", f"ordered by ts{allowance}{rng.choice(TIES)} {{")
    text, values = with_params(rng, text) if rng.random() < 0.6 else (text, {})
    rows = arrivals(rng, rng.choice([10, 30, 60]), late, rules=text)
    return text, calls_of(rng, rows, values), rng


def calls_of(rng, rows, values=None):
    """Ways to hand rows to an engine: (method, arguments)."""
    calls, at = [], 0
    while at < len(rows):
        if values and rng.random() < 0.1:
            name = rng.choice(list(values))
            calls.append(("set", (name, rng.choice(values[name]))))
        kind = rng.choice(["send", "send", "send", "table", "table", "advance", "advance one", "malformed"])
        stream, row = rows[at]
        if kind == "advance":
            calls.append(("advance", ((row["ts"] - 2) * 1000,)))
        elif kind == "advance one":
            calls.append(("advance", (row["ts"] * 1000, stream)))
        elif kind == "malformed":
            calls.append(("send", (stream, row | {"v": "none"})))
        elif kind == "send":
            calls.append(("send", (stream, row)))
        else:
            piece = [r for name, r in rows[at : at + rng.choice([2, 4, 9])] if name == stream]
            calls.append(("send_batch", (stream, piece)))
        at += 1 if "advance" not in kind else 0
    if rng.random() < 0.2:
        calls.append(("end", (rng.choice("ST"),)))
    calls.append(("advance", ((rows[-1][1]["ts"] + 3) * 1000,)))
    calls.append(("close", (rng.choice(["open", "final"]),)))
    return calls


class Told:
    """An engine and all that it says, results and what it tells to callbacks alike."""

    def __init__(self, engine):
        self.said = []
        self.take(engine)

    def take(self, engine):
        self.engine = engine
        for name in ("Late.S", "Late.T", "Rejected.S", "Rejected.T"):
            engine.on(name, self.keep)

    def keep(self, batch):
        self.said += [repr(row) for row in batch.to_dicts(meta=True, lineage=True)]
        self.said.append(batch.seq.tolist())

    def call(self, name, arguments):
        for batch in getattr(self.engine, name)(*arguments) or ():
            self.keep(batch)


def counted(engine):
    """The summary but for its seconds."""
    return replace(engine.summary, seconds=0)


def assert_goes_on(text, calls, rng, shards):
    """An engine that is restored at some of the calls says what one says that is not, and its state is the same."""
    rules = cep.loads(text)
    options = {"shards": rng.choice(shards), "together": rng.random() < 0.5}
    alone, restarted = Told(cep.Engine(rules, **options)), Told(cep.Engine(rules, **options))
    places = {rng.randrange(len(calls)) for _ in range(rng.choice([1, 2, 5]))} | {len(calls) - 1}
    for n, (name, arguments) in enumerate(calls):
        if n in places:
            saved = restarted.engine.snapshot()
            restarted.take(cep.Engine.restore(rules, saved))
            assert restarted.engine.snapshot() == saved, text
            assert saved == alone.engine.snapshot(), text
        alone.call(name, arguments)
        restarted.call(name, arguments)
        assert alone.said == restarted.said, f"{text}\n{calls[: n + 1]}"
        assert counted(alone.engine) == counted(restarted.engine)
    assert cep.Engine.restore(rules, alone.engine.snapshot()).snapshot() == restarted.engine.snapshot()


@examples(8, 40)
@given(SEEDS)
def test_an_engine_that_is_restored_anywhere_goes_on_to_the_byte(seed):
    text, calls, rng = example(seed)
    assert_goes_on(text, calls, rng, [1, 2, 7])


@examples(3, 12)
@given(SEEDS)
def test_a_snapshot_does_not_tell_how_the_events_were_cut(seed):
    text, _, rng = example(seed)
    rules = cep.loads(text)
    rows = arrivals(rng, 40, 3, rules=text)
    found = []
    for size in (1, 3, len(rows)):
        engine = cep.Engine(rules, shards=1 + seed % 3)
        for stream in "ST":
            mine = [row for name, row in rows if name == stream]
            for at in range(0, len(mine), size):
                engine.send_batch(stream, mine[at : at + size])
        found.append(engine.snapshot())
    assert found[0] == found[1] == found[2], text


@examples(3, 12)
@given(SEEDS)
def test_a_rule_goes_on_whatever_becomes_of_the_others(seed):
    rng = generator("changed", seed)
    late = rng.choice([0, 3])
    first, second, kept = rule_text(rng, "Q"), rule_text(rng, "Q"), rule_text(rng, "R")
    after = [second + kept, kept + SIDES[0], kept + second.replace("rule Q", "rule P")]
    before, after = cep.loads(file_of(first + kept, late)), cep.loads(file_of(rng.choice(after), late))
    calls = calls_of(rng, arrivals(rng, 40, late, rules=first + second + kept))
    place = rng.randrange(len(calls))
    alone, told = Told(cep.Engine(before)), Told(cep.Engine(before))
    for n, (name, arguments) in enumerate(calls):
        if n == place:
            told.take(cep.Engine.restore(after, told.engine.snapshot(), changed="start empty"))
        alone.call(name, arguments)
        told.call(name, arguments)
    found, wanted = ([r for r in t.said if "'_rule': 'R'" in str(r)] for t in (told, alone))
    assert found == wanted, f"{first}{kept}{after.rulebook.files[0].source.text}"


def half_way(seed, restored):
    """What an engine says after a snapshot: its own, or one of another process."""
    text, calls, _ = example(seed)
    rules, middle = cep.loads(text), len(calls) // 2
    told = Told(cep.Engine(rules, shards=2) if restored is None else cep.Engine.restore(rules, restored))
    saved = b""
    for name, arguments in calls if restored is None else calls[middle:]:
        if name == calls[middle][0] and arguments is calls[middle][1]:
            saved = told.engine.snapshot()
            told.said = []
        told.call(name, arguments)
    return saved, told


@compiled_only
def test_another_process_makes_the_same_snapshot_and_goes_on_from_it(tmp_path):
    """It runs without the compiler, so that it starts at once; that changes no byte either."""
    saved, told = half_way("process", None)
    (tmp_path / "saved").write_bytes(saved)
    code = (
        "import sys, pathlib, conftest; from properties.test_snapshot import half_way\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "assert half_way('process', None)[0] == path.read_bytes()\n"
        "_, told = half_way('process', path.read_bytes())\n"
        "print(told.said); sys.stdout.flush(); path.write_bytes(told.engine.snapshot())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "saved")],
        cwd=HERE.parent,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "CEP_CACHE": str(tmp_path), "PYTHONPATH": package_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip() == str(told.said)
    assert (tmp_path / "saved").read_bytes() == told.engine.snapshot()

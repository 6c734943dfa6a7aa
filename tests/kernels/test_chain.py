"""The chain over tables that are too small at first: what it finds is what the run table finds, and nothing grows."""

from __future__ import annotations

from random import Random

import engine_adapter
import numpy as np
import pytest
from kernels.streams import keyed_rows

import cep
from cep.compiler.choice import CHAIN, RUN_TABLE, only
from cep.kernels.keys import USED

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, s: string? }\n"
RULE = """rule R keyed by k
when S as a where n = 1 then S as b where n <= 2 then S as c where n = 3
within 50 s {0}
emit X {{ k, s = a.s, t = b.s, u = c.s }}"""


def loaded(matcher, skip):
    return engine_adapter.rules_on(matcher, STREAM + RULE.format(skip))


@pytest.mark.parametrize("skip", ["", "after match keep all"])
@pytest.mark.parametrize("keys", [1, 40, 3000])
@pytest.mark.parametrize("cut", [engine_adapter.Cut(700), engine_adapter.Cut(999, shards=3)], ids=str)
def test_with_many_runs_it_finds_what_the_run_table_finds(skip, keys, cut):
    events = keyed_rows(4_000, keys)
    found = [
        engine_adapter.everything(engine_adapter.batches(loaded(matcher, skip), events, "open", cut))
        for matcher in (CHAIN, RUN_TABLE)
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 10


def test_what_expires_frees_its_key_and_its_strings():
    engine = cep.Engine(loaded(CHAIN, "after match keep all"))
    (shard,) = engine._executors[0].operators[0]._shards
    sizes = []
    for part in range(12):
        batch = [{"at": 100 * part, "k": f"k{part}.{i}", "n": 1, "s": f"s{part}.{i}"} for i in range(3000)]
        engine.send_batch("S", batch)
        state = shard.matcher.state
        sizes.append(sum(table.size for table in state) + shard.strings.store.heap.size)
        assert engine.summary.open_runs == {"R": 3000}
    assert sizes[-1] <= 1.25 * sizes[4]
    engine.advance("1971-01-01T00:00:00Z")
    assert engine.summary.open_runs == {}
    assert shard.matcher.held[:3] == (0, 0, 0)
    assert shard.matcher.state.counts[USED] < 10_000


def test_what_runs_hold_outlives_collections_of_strings():
    engine = cep.Engine(loaded(CHAIN, "after match keep all"))
    engine.send("S", {"at": 0, "k": "old", "n": 1, "s": "the first"})
    engine.send("S", {"at": 0, "k": "old", "n": 2, "s": "the second"})
    for part in range(6):
        engine.send_batch("S", [{"at": 1, "k": f"{part}.{i}", "n": 1 + i % 3, "s": f"{i}+{part}"} for i in range(3000)])
    (found,) = engine.send("S", {"at": 2, "k": "old", "n": 3, "s": None})
    assert found.to_dicts() == [{"k": "old", "s": "the first", "t": "the second", "u": None}]
    assert found.provenance.to_list() == [[("S", 0), ("S", 1), ("S", 2 + 6 * 3000)]]


def test_columns_are_written_once_for_each_match():
    engine = cep.Engine(loaded(CHAIN, "after match keep all"))
    many = [{"at": 0, "k": "x", "n": 1, "s": str(i)} for i in range(500)]
    found = engine.send_batch(
        "S", [*many, {"at": 1, "k": "x", "n": 2, "s": "b"}, {"at": 1, "k": "x", "n": 3, "s": "c"}]
    )
    (batch,) = found
    assert batch["s"].to_list() == [str(i) for i in range(500)]
    assert np.unique(batch.provenance.ids, axis=0).shape == (500, 2)


WAYS = {"near": int, "far": lambda n: n * 10**9 - 4 * 10**12, "a float": lambda n: n / 8, "two": int}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("within", ["within 300 s", "allow unbounded"])
def test_keys_of_any_kind_and_distance_are_told_apart(way, within):
    kind = "float" if way == "a float" else "int"
    keyed = "k, m" if way == "two" else "k"
    text = (
        f"stream S ordered by at {{ at: time(s), k: {kind}, m: int, n: int }}\n"
        f"rule R keyed by {keyed} when S as a where n = 1 then S as b where n = 2 {within} after match keep all "
        "emit X { k, f = a.at, t = b.at }"
    )
    rng, found = Random(way), []
    keys = [WAYS[way](n) for n in range(300)]
    events = [
        # most keys come from a part of all that wanders, some from anywhere
        {"at": i, "k": keys[(i // 10 + rng.randrange(20)) % 300 if rng.random() < 0.9 else rng.randrange(300)],
         "m": rng.randrange(2), "n": rng.randrange(1, 4)}
        for i in range(6_000)
    ]  # fmt: skip
    for matcher in (CHAIN, RUN_TABLE):
        with only(matcher):
            rules = cep.loads(text)
            assert rules.programs.choices["R"].name == matcher
        engine = cep.Engine(rules)
        out = [b for at in range(0, 6_000, 500) for b in engine.send_batch("S", events[at : at + 500])]
        found.append(engine_adapter.everything(out + engine.close()))
    assert found[0] == found[1]
    assert len(found[0]) > 500

"""The match graph over tables that are too small at first: it finds what the run table finds, and nothing grows."""

from __future__ import annotations

import engine_adapter
import pytest
from kernels.streams import keyed_rows

import cep
from cep.compiler.choice import GRAPH, RUN_TABLE
from cep.kernels.graph import LIVE_NODES, STARTS_HEAD, STARTS_TAIL
from cep.kernels.keys import USED

STREAM = "stream S ordered by at { at: time(s), k: string, n: int, s: string? }\n"
RULE = """rule R keyed by k
when S as a where n = 1 then any S as b where n <= 2 then any S as c where n = 3
within {0} s {1}
emit X {{ k, s = a.s, t = b.s, u = c.s }}"""
KEEP = "after match keep all"


def loaded(matcher, within, skip):
    return engine_adapter.rules_on(matcher, STREAM + RULE.format(within, skip))


@pytest.mark.parametrize("skip", ["", KEEP, "after match skip to next"])
@pytest.mark.parametrize(("keys", "within"), [(1, 1), (40, 20), (900, 90)])
@pytest.mark.parametrize("cut", [engine_adapter.Cut(700), engine_adapter.Cut(999, shards=3)], ids=str)
def test_with_many_events_it_finds_what_the_run_table_finds(skip, keys, within, cut):
    events = keyed_rows(1_500, keys)
    found = [
        engine_adapter.everything(engine_adapter.batches(loaded(matcher, within, skip), events, "open", cut))
        for matcher in (GRAPH, RUN_TABLE)
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 10


def test_an_event_with_more_matches_than_are_given_out_at_once_loses_none():
    engine = cep.Engine(loaded(GRAPH, 900, f"at most 10000000 matches per event {KEEP}"))
    engine.send_batch("S", [{"at": i, "k": "k", "n": 1 + i % 2, "s": None} for i in range(800)])
    (found,) = engine.send("S", {"at": 800, "k": "k", "n": 3, "s": "z"})
    # of 400 a and all the b, which an event that fits both is too, after each
    assert len(found) == sum(799 - 2 * i for i in range(400))
    bound = found.provenance.to_list()
    assert bound == sorted(bound)
    assert len(set(map(tuple, bound))) == len(found)


def test_what_expires_frees_its_key_and_its_strings():
    engine = cep.Engine(loaded(GRAPH, 50, KEEP))
    (shard,) = engine._executors[0].operators[0]._shards
    sizes = []
    for part in range(10):
        batch = [
            {"at": 100 * part, "k": f"k{part}.{i}", "n": 1 + j, "s": f"s{part}.{i}"}
            for i in range(1000)
            for j in (0, 1)
        ]
        engine.send_batch("S", batch)
        sizes.append(sum(table.size for table in shard.matcher.state) + shard.strings.store.heap.size)
    assert sizes[-1] <= 1.25 * sizes[4]
    engine.advance("1971-01-01T00:00:00Z")
    counts = shard.matcher.state.counts
    assert counts[LIVE_NODES] == counts[STARTS_TAIL] - counts[STARTS_HEAD] == 0
    assert counts[USED] < 5_000


def test_what_nodes_hold_outlives_collections_of_strings():
    engine = cep.Engine(loaded(GRAPH, 50, KEEP))
    engine.send("S", {"at": 0, "k": "old", "n": 1, "s": "the first"})
    engine.send("S", {"at": 0, "k": "old", "n": 2, "s": "the second"})
    for part in range(4):
        engine.send_batch("S", [{"at": 1, "k": f"{part}.{i}", "n": 1 + i % 2, "s": f"{i}+{part}"} for i in range(3000)])
    (found,) = engine.send("S", {"at": 2, "k": "old", "n": 3, "s": None})
    assert found.to_dicts() == [{"k": "old", "s": "the first", "t": "the second", "u": None}]

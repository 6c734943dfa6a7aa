"""Counts are those of the run table, however long the bound; beyond 64 bits they are null, and nothing grows."""

from __future__ import annotations

import math
from random import Random

import engine_adapter
import numpy as np
import pytest

import cep
from cep.compiler.choice import COUNTING, RUN_TABLE
from cep.kernels.counting import SUMS
from cep.kernels.keys import LIVE, USED

STREAM = "stream S ordered by at { at: time(s), k: string, n: int }\n"
RULE = """rule R keyed by k
when S as a where n <= 2 then any S as b where n >= 2 then any S as c where n = 1 then any S as d where n = 3
within {0} s after match keep all
emit X {{ k, n = count(), at = d.at }}"""


def loaded(matcher, within):
    return engine_adapter.rules_on(matcher, STREAM + RULE.format(within))


@pytest.mark.parametrize(("keys", "within"), [(1, 1), (30, 20)])
@pytest.mark.parametrize("cut", [engine_adapter.Cut(300), engine_adapter.Cut(77, shards=3)], ids=str)
def test_it_counts_what_the_run_table_lists(keys, within, cut):
    rng = Random(keys)
    events = [
        ("S", {"at": i // 9, "k": f"k{rng.randrange(keys)}", "n": rng.choice([1, 1, 2, 3, 4])}) for i in range(700)
    ]
    found = [
        engine_adapter.everything(engine_adapter.batches(loaded(matcher, within), events, "open", cut))
        for matcher in (COUNTING, RUN_TABLE)
    ]
    assert found[0] == found[1]
    assert len(found[0]) >= 10


def test_long_histories_leave_no_trace_in_the_counts():
    engine = cep.Engine(loaded(COUNTING, 3))
    for part in range(40):  # one key always has open runs, so its sums go on and on
        at = part * 100 + np.arange(100)
        engine.send_batch("S", {"at": at, "k": ["k"] * 100, "n": 1 + (at % 3)})
    (shard,) = engine._executors[0].operators[0]._shards
    slot = shard.matcher.state.slots[0]
    assert slot[LIVE] > 0
    assert 0 <= slot[SUMS + 1] < 20
    assert 0 <= slot[SUMS + 2] < 20


def test_a_count_beyond_64_bits_is_null_until_no_run_is_open():
    rule = " then any ".join(f"S as s{i}" for i in range(20))
    text = f"{STREAM}rule R when {rule} within 100 s after match keep all emit X {{ n = count() }}"
    engine = cep.Engine(cep.loads(text))
    found = engine.send_batch("S", {"at": np.arange(100), "k": ["k"] * 100, "n": np.zeros(100, np.int64)})
    counts = [row["n"] for batch in found for row in batch.to_dicts()]
    exact = [math.comb(i, 19) for i in range(19, 100)]
    known = sum(n is not None for n in counts)
    assert counts[:known] == exact[:known]
    assert counts[known:] == [None] * (81 - known)
    assert exact[known - 1] < 2**63
    later = engine.send_batch("S", {"at": 1000 + np.arange(20), "k": ["k"] * 20, "n": np.zeros(20, np.int64)})
    assert [row["n"] for batch in later for row in batch.to_dicts()] == [1]


def test_keys_that_ended_are_swept_out():
    engine = cep.Engine(loaded(COUNTING, 5))
    for part in range(8):
        engine.send_batch("S", [{"at": 100 * part, "k": f"{part}.{i}", "n": 1} for i in range(500)])
    (shard,) = engine._executors[0].operators[0]._shards
    assert shard.matcher.state.counts[USED] <= 2000
    assert engine.summary.open_runs == {"R": 500}

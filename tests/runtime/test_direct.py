"""Rows of direct matchers wait for the frontier and come out in the total order, whatever they came in."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from engine_adapter import everything
from hypothesis import given
from hypothesis import strategies as st

import cep
from cep.runtime.clock import END_OF_TIME, Frontier
from cep.runtime.waiting import Waiting

KINDS, RANKS = np.array([0, 2]), np.array([0, 2])


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=6), max_size=5),
    st.lists(st.tuples(st.integers(0, 8), st.integers(-1, 2)), max_size=4).map(sorted),
    st.integers(1, 2),
)
def test_rows_come_out_once_in_order_and_not_before_the_frontier(batches, frontiers, streams):
    waiting = Waiting(KINDS[:streams], RANKS[:streams])
    rows, out, number = [], [], 0
    for batch in batches:
        block = []
        for ts, stream in batch:
            block.append((ts, number * streams + (stream if streams == 2 else 0)))
            number += 1
        rows += block
        waiting.take(np.ascontiguousarray(np.array(block, np.int64).T))

    def place(row):
        ts, identity = row
        return ts, int(KINDS[identity % streams]), int(RANKS[identity % streams]), identity // streams

    left = sorted(rows, key=place)
    for time, kind in [*frontiers, END_OF_TIME]:
        ready = waiting.ready(Frontier(time, kind))
        out += [] if ready is None else [tuple(row) for row in ready.T.tolist()]
        passed = [r for r in left if (r[0], int(KINDS[r[1] % streams])) <= (time, kind) or r[0] < time]
        assert sorted(out, key=place) == sorted(passed, key=place)
        assert ready is None or [tuple(r) for r in ready.T.tolist()] == sorted(map(tuple, ready.T.tolist()), key=place)
    assert len(out) == len(rows)
    assert waiting.blocks == []


RULES = {
    "chain": "keyed by k when S as a where n = 1 then S as b where n > 1 then S as c where n = 3 within 30 s {0} "
    "emit X {{ k, s = a.s, t = c.s, n = b.n }}",
    "unkeyed chain": "when S as a where n = 1 then S as b where n = 2 allow unbounded {0} "
    "emit X {{ s = a.s, t = b.s }}",
    "silence": "keyed by k when S as a where n = 1 then no S where n = 0 for 4 s {0} emit X {{ k, s = a.s }}",
    "chain and silences": "keyed by k when S as a where n = 1 then no S where n = 3 then S as b where n > 1 "
    "then no S where n = 0 for 2 s then no S where n = 1 and s is null for 7 s within 30 s {0} "
    "emit X {{ k, s = a.s, t = b.s, n = b.n }}",
    "unkeyed silence": 'when S as a where n = 1 then S as b where n = 2 then no S where k = "k1" for 1 s '
    "allow unbounded {0} emit X {{ s = a.s, t = b.s }}",
    "match graph": "keyed by k when S as a where n = 1 then any S as b where n > 1 then any S as c where n = 3 "
    "within 30 s {0} emit X {{ k, s = a.s, t = c.s, n = b.n }}",
    "unkeyed graph": "when S as a where n = 1 then S as b where n = 2 then any S as c where n = 3 within 5 s {0} "
    "emit X {{ s = a.s, t = b.s }}",
    "counting": "keyed by k when S as a where n = 1 then any S as b where n > 1 then any S as c where n = 3 "
    "within 30 s {0} emit X {{ k, n = count(), t = c.s }}",
    "one pass": "keyed by k when S as a next 1 or more S in a row as l where n > prev(l.n, a.n) next S as z "
    "where n = 0 allow unbounded emit X {{ k, f = a.k, c = count(l), z = last(l.n) }}",
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("skip", ["", "after match keep all"])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_restored_engine_goes_on_to_the_byte(name, skip, shards):
    stream = "stream S ordered by at late 2 s { at: time(s), k: string, n: int, s: string? }\n"
    if name == "one pass" and skip:
        pytest.skip("it skips past the last event")
    rules = cep.loads(f"{stream}rule R {RULES[name].format(skip)}")
    if name != "counting" or skip:
        assert rules.programs.choices["R"].tables is not None
    rng = Random(name + skip)
    rows = [
        {"at": i // 2 - rng.choice([0, 0, 1]), "k": f"k{rng.randrange(5)}", "n": rng.randrange(4),
         "s": rng.choice([None, "x", f"s{i}"])}
        for i in range(240)
    ]  # fmt: skip
    whole = cep.Engine(rules, shards=shards)
    want = everything(whole.send_batch("S", rows) + whole.close())
    assert len(want) > 5
    for cut in (0, 1, 77, 150, 239):
        engine = cep.Engine(rules, shards=shards)
        found = list(engine.send_batch("S", rows[:cut])) if cut else []
        kept = engine.snapshot()
        again = cep.Engine.restore(rules, kept)
        assert again.snapshot() == kept
        assert again.summary.open_runs == engine.summary.open_runs
        found += again.send_batch("S", rows[cut:]) + again.close()
        assert everything(found) == want, cut

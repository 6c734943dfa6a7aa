"""The matcher over tables that are always too small or always compacted: what it finds is the same, and no law breaks.

What it ought to find is the business of the corpus and of tests/properties.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import engine_adapter
import numpy as np
import pytest
from engine_adapter import ONE, WHOLE, Cut

import cep
from cep.kernels import deadlines as kernels
from cep.kernels import jit
from cep.kernels.deadlines import add_time
from cep.kernels.jit import PLAIN
from cep.kernels.runs import FOREVER, KEY, RUNS_USED
from cep.runtime import shard, tables
from cep.runtime.shard import PatternShard
from tests.kernels.check_runs import check_runs

STREAMS = """
stream A ordered by at late 3 s { at: time(s), k: int, s: string?, n: int?, f: float? }
stream B ordered by at { at: time(s), k: int, s: string?, n: int?, f: float? }
stream C = A | B
"""
RULES = {
    "two steps": "keyed by k when A as a then B as b where n > a.n within 9 s emit X { k, n = a.n, s = b.s }",
    "keep all": 'keyed by k when C as a where s = "x" then 1 or more C as l then A as b where s != a.s within 6 s '
    "after match keep all emit X { k, c = count(l), t = sum(l.n), f = avg(l.f), s = last(l.s) }",
    "unkeyed": "when A as a where n > 5 then optional B as b where s = a.s next C as c within 20 s emit X { s = b.s }",
    "absence": "keyed by k when A as a then no B where n > a.n for 3 s emit X { k, n = a.n }",
    "loop, absence": "keyed by k, s when 1 or more C as l where n >= prev(l.n, 0) then no A for 4 s within 30 s "
    "emit X { k, s, c = count(l) } emit Y { k, m = max(l.f), o = first(l.s) }",
    "in a row": "keyed by k when A as a then 2 or more C in a row as l where s > a.s within 12 s "
    "emit X { k, n = max(l.n) }",
    "guarded": "keyed by s when A as a then no B where f < a.f then 0 or more A as l where n < a.n then C as z "
    "within 15 s emit X { s, n = z.n, c = count(l), g = min(l.f) }",
    "groups": "keyed by k when 1 to 3 (C as a where n > 2 then optional A as b where n < a.n) as g "
    "then B as z where n != last(a.n) within 9 s after match skip to next emit X { k, c = count(g), l = last(b.n) }",
    "one of, until": "when A as a then one of (2 or more C as l until B where n > a.n, C as c where n = 3) "
    "then C as z gap 4 s within 12 s after match skip to last l emit X { c = count(l), n = c.n }",
    "events": "keyed by k when A as a then fewest 1 or more C as l then C as z where n >= l.n within 5 events "
    "after match keep all consume z emit X { k, c = count(l), n = z.n }".replace("l.n w", "last(l.n) w"),
    "a group at the end": "keyed by k when A as a where n > 3 then 1 or more (B as b then C as c) then no A for 3 s "
    "within 15 s after match keep all emit X { k, c = count(c), n = first(b.n) }",
    "gap at the end": "keyed by k when 1 or more (A as a then B as b) gap 3 s within 20 s "
    "after match skip to first b emit X { k, c = count(a) }",
    "timeouts": "keyed by k when A as a then 1 or more C as l then B as b where n = 3 within 9 s emit X { k, n = b.n } "
    "on timeout where sum(l.n) > 4 or a.n > 2 emit T { k, n = a.n, c = count(l), s = stage(), l = last(l.s) }",
    "timeouts of events": "keyed by k when A as a then any C as c then B as b where n > c.n gap 3 s within 4 events "
    "after match keep all emit X { k } on timeout emit T { k, n = a.n, c = c.n, s = stage() }",
    "timeouts, absence": "when A as a then B as b where n < a.n then no C where n = a.n for 4 s within 6 s "
    "after match skip to next consume b emit X { n = a.n } on timeout emit T { n = a.n, s = stage() }",
    "all at once": "when C as a then no C where k != a.k for 2 s after match keep all emit X { k = a.k }",
}


def events(count, seed=1):
    """Arrivals of both streams: bursts at one instant, a few keys that come back and many that do not."""
    rng = Random(seed)
    out, time = [], 0
    for i in range(count):
        time += rng.choice([0, 0, 0, 1, 1, 4])
        row = {
            "at": time - rng.choice([0, 0, 2]),
            "k": rng.choice([1, 2, 3, i]),
            "s": rng.choice(["x", "y", f"s{i}", None]),
            "n": rng.choice([None, *range(10)]),
            "f": rng.choice([None, 0.5, -1.5, 2.0**60]),
        }
        out.append((rng.choice("AB"), row))
    return out


SEVEN = Cut(7)


def found(name, rows, cut=SEVEN):
    rules = cep.loads(f"{STREAMS}rule R {RULES[name]}")
    return engine_adapter.everything(engine_adapter.batches(rules, rows, "final", cut))


def by_rule(test):
    return pytest.mark.parametrize("name", RULES)(test)


@pytest.fixture
def checked(monkeypatch):
    """After every step of a shard its state is held against the laws."""
    advance = PatternShard.advance

    def advance_and_check(self, frontier):
        out = advance(self, frontier)
        layout = self._program.layout
        check_runs(self._state, layout.key_words, len(layout.positions))
        return out

    monkeypatch.setattr(PatternShard, "advance", advance_and_check)


@by_rule
def test_every_step_leaves_the_state_lawful(name, checked):
    assert found(name, events(250), Cut(ONE)) == found(name, events(250), Cut(WHOLE))


@by_rule
def test_tables_that_begin_with_room_for_nothing_grow(name, monkeypatch, checked):
    want = found(name, events(400))
    empty, make_room = shard.empty_state, PatternShard._make_room
    asked = set()

    def tiny(program):
        words = program.layout.key_words
        rings = {"starts": np.zeros((1, 3), np.int64), "closers": np.zeros((1, 4), np.int64)}
        rings["gaps"] = np.zeros((1, 4), np.int64)
        return empty(program)._replace(slots=np.zeros((1, KEY + words), np.int64), table=np.zeros(2, np.int64), **rings)

    def noted(self, wanted, *rest):
        asked.add(wanted)
        make_room(self, wanted, *rest)

    for module in (shard, tables):
        monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(shard, "empty_state", tiny)
    monkeypatch.setattr(PatternShard, "_make_room", noted)
    assert found(name, events(400)) == want
    must = {kernels.WANTS_RUNS, kernels.WANTS_NODES, kernels.WANTS_FOUND, kernels.WANTS_CLOSERS}
    must |= {kernels.WANTS_SLOTS} if "keyed" in RULES[name] else set()
    must |= {kernels.WANTS_STARTS} if "events" not in name and "within" in RULES[name] else set()
    must |= {kernels.WANTS_GAPS} if " gap " in RULES[name] else set()
    assert asked == must


@by_rule
def test_few_matches_at_a_time_are_all_the_matches(name, monkeypatch):
    want = found(name, events(400))
    for module in (shard, tables):
        monkeypatch.setattr(module, "SMALL", 64)
    monkeypatch.setattr(shard, "_MOST_FOUND", 1)
    assert found(name, events(400)) == want


@by_rule
def test_compaction_at_every_step_changes_nothing(name, monkeypatch, checked):
    want = found(name, events(400))
    append, made = PatternShard._append, []

    def compact_first(self, rows):
        self._compact()
        made.append(1)
        append(self, rows)
        self._compact()

    monkeypatch.setattr(PatternShard, "_append", compact_first)
    assert found(name, events(400), Cut(3)) == want
    assert made


def test_one_event_may_ask_for_more_than_twice_what_there_is():
    """Sixty steps need room for sixty bindings, deadlines and runs at once."""
    steps = " then ".join(f"A as s{i} where n = {i}" for i in range(60))
    text = f"{STREAMS}rule R keyed by k when {steps} within 1 d emit X {{ first = s0.n, last = s59.n }}"
    rows = [("A", {"at": i, "k": 1, "s": None, "n": i, "f": None}) for i in range(70)]
    (match,) = engine_adapter.run(text, rows)
    assert match.fields == {"first": 0, "last": 59}
    assert match.events == [("A", i) for i in range(60)]


def test_ten_thousand_runs_of_one_key_are_all_met_by_one_event():
    text = f"{STREAMS}rule R when A as a then B as b within 1 d after match keep all emit X {{ n = a.n }}"
    rows = [("A", {"at": 0, "k": 1, "s": None, "n": i, "f": None}) for i in range(10_000)]
    rows.append(("B", {"at": 1, "k": 1, "s": None, "n": 0, "f": None}))
    assert [r.fields["n"] for r in engine_adapter.run(text, rows)] == list(range(10_000))


def test_a_state_does_not_grow_with_the_stream():
    rules = cep.loads(f"{STREAMS}rule R {RULES['loop, absence']}")
    engine = cep.Engine(rules)
    sizes = []
    for part in range(30):
        for stream in "AB":
            rows = [row | {"at": 2000 * part + row["at"], "k": part} for s, row in events(400, part) if s == stream]
            engine.send_batch(stream, rows)
        (running,) = engine._executors[0].operators
        state = running._shards[0]._state
        check_runs(state, 2, 0)
        sizes.append([len(table) for table in state] + [int(state.counts[RUNS_USED])])
    assert sizes[-1] == sizes[9]


def test_a_deadline_beyond_the_end_of_time_never_comes():
    assert add_time(np.int64(5), np.int64(7)) == 12
    assert add_time(FOREVER - 7, np.int64(7)) == FOREVER
    assert add_time(FOREVER - 6, np.int64(7)) == FOREVER
    assert add_time(np.int64(-(2**63)), FOREVER) == -1
    text = f"{STREAMS}rule R when A as a then no B for 80000 d emit X {{ n = a.n }}"
    rows = [("A", {"at": 9_000_000_000, "k": 1, "s": None, "n": 1, "f": None})]
    assert engine_adapter.run(text, rows, "final") == []


@pytest.mark.skipif(PLAIN, reason="plain Python has no signatures")
def test_every_kernel_has_one_signature_after_all_that():
    found("keep all", events(50))
    jit.prepare(load=True)  # those that only others call have none until they are loaded
    assert {d.py_func.__name__: len(d.signatures) for d, _ in jit._registered if len(d.signatures) != 1} == {}


def digest():
    """A digest of all that the rules find, the same in every process."""
    made = hashlib.sha256()
    for name in RULES:
        for line in found(name, events(200)):
            made.update(line.encode())
    return made.hexdigest()


@pytest.mark.skipif(PLAIN, reason="there is nothing to compare with")
def test_plain_python_finds_the_same(tmp_path):
    code = "import conftest; from tests.kernels.test_match import digest; print(digest())"
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "tests"), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "CEP_CACHE": str(tmp_path), "PYTHONPATH": paths}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == digest()

"""Rules that end where a function of a Python module fails: all before stands, others go on, however input is cut."""

import numpy as np
import pytest
from engine_adapter import MIXED, ONE, WHOLE, Cut, everything, pieces

import cep

STREAMS = """
stream A ordered by at late 20 s ties by n { at: time(s), key: string, n: int }
stream B ordered by at late 20 s ties by n { at: time(s), key: string, n: int }
stream AB = A | B
function f(n: int) -> bool from "m:f"
function g(n: int) -> int from "m:g"
"""
RULES = {
    "filter": "rule R from AB where f(n) emit R { key, n }",
    "filter emits": "rule R from AB where n != 7 emit R { key, n = g(n) }",
    "pattern": "rule R keyed by key when AB as a where f(n) then AB as b where n > a.n within 9 s emit R { n = a.n }",
    "slot": "rule R keyed by key when AB as a then AB as b where g(a.n) < n within 9 s emit R { n = a.n }",
    "pattern emits": "rule R keyed by key when A as a then B as b within 9 s "
    "emit R { n = g(greatest(a.n, b.n)) } emit T { key }",
    "absence": "rule R keyed by key when A as a where f(n) then no B where f(n) for 3 s emit R { n = a.n }",
    "of derived": "rule Q from AB emit Q { key, n } rule R from Q where f(n) emit R { n }",
}
OTHER = " rule Other keyed by key when AB as a then AB as b within 1 h emit O { n = a.n + b.n }"
CUTS = (Cut(WHOLE), Cut(ONE), Cut(2, shards=2), Cut(7, shards=3), Cut(MIXED))


def rows(seed, bad=True):
    """Events of two streams out of order, some of one time; 40 and 41 are what the functions cannot take."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(60):
        n = int(rng.choice([40, 41])) if bad and i > 25 and rng.random() < 0.15 else int(rng.integers(0, 30))
        out.append(("AB"[int(rng.integers(2))], {"at": i // 2 + int(rng.integers(0, 6)), "key": "xyz"[i % 3], "n": n}))
    return out


def fail(n):
    if ((n == 40) | (n == 41)).any():
        raise ValueError("cannot")


def f(n):
    fail(n)
    return n % 3 > 0


def g(n):
    fail(n)
    return n - 1


def engine(text, shards=1):
    return cep.Engine(cep.loads(text, functions={"f": f, "g": g}), shards=shards, together=True)


def fed(running, rows, cut):
    out = []
    for stream, piece in pieces(rows, cut):
        out += running.send_batch(stream, piece)
    return out


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_that_fails_gives_the_same_however_its_input_is_cut(name, seed):
    found = set()
    for cut in CUTS:
        running = engine(STREAMS + RULES[name] + OTHER, cut.shards)
        out = fed(running, rows(seed), cut)
        out += running.close("final")
        found.add((*everything(out), str(running.summary.failed)))
    assert len(found) == 1
    assert "'R': 'at " in str(found)


@pytest.mark.parametrize("name", RULES)
def test_what_is_decided_before_the_failing_event_is_what_comes_out_without_it(name):
    text = STREAMS + RULES[name] + OTHER
    running = engine(text)
    out = fed(running, rows(1), Cut(WHOLE)) + running.close("final")
    never = cep.Engine(cep.loads(text, functions={"f": lambda n: n % 3 > 0, "g": lambda n: n - 1}), together=True)
    all_of_them = fed(never, rows(1), Cut(WHOLE)) + never.close("final")
    mine, whole = ([t for t in everything(o) if "'_rule': 'R'" in t] for o in (out, all_of_them))
    assert 0 < len(mine) < len(whole)
    assert mine == whole[: len(mine)]
    others = [[t for t in everything(o) if "'_rule': 'Other'" in t] for o in (out, all_of_them)]
    assert others[0] == others[1]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("stop", [20, 30, 33, 40, 59])
def test_a_snapshot_goes_on_with_what_failed_and_what_will(name, stop):
    text = STREAMS + RULES[name] + OTHER
    rules = cep.loads(text, functions={"f": f, "g": g})
    straight = engine(text)
    whole = fed(straight, rows(2), Cut(1)) + straight.close("final")
    running = engine(text)
    out = fed(running, rows(2)[:stop], Cut(1))
    saved = running.snapshot()
    again = cep.Engine.restore(rules, saved)
    assert again.snapshot() == saved
    out += fed(again, rows(2)[stop:], Cut(1)) + again.close("final")
    assert everything(out) == everything(whole)
    assert again.summary.failed == straight.summary.failed


def test_a_rule_that_failed_holds_nothing_and_says_so():
    running = engine(STREAMS + RULES["pattern"])
    running.send("A", {"at": 1, "key": "x", "n": 4})
    running.send("A", {"at": 2, "key": "x", "n": 40})
    running.advance("1970-01-01T01:00:00Z")
    stats = running.stats().rules["R"]
    assert (stats.open_runs, stats.waiting) == (0, 0)
    assert stats.failed == "at A row 1: f (m:f) raised ValueError: cannot"
    assert not running.summary.is_clean
    assert "1 rule failed" in str(running.summary)

"""The executor: nothing is lost uncounted, late and malformed events are streams, derived events feed rules above."""

from __future__ import annotations

from random import Random

import engine_adapter
import pytest
from engine_adapter import MIXED, ONE, WHOLE, Cut

import cep

STREAMS = """
stream A ordered by at late 2 s { at: time(s), k: int, n: int }
stream B ordered by at { at: time(s), k: int, n: int }
"""


def arrivals(count, seed):
    """Events of both streams, in disorder, some of them malformed."""
    rng = Random(seed)
    out, time = [], 100
    for i in range(count):
        time += rng.choice([0, 0, 1, 3])
        row = {"at": time - rng.choice([0, 0, 1, 2, 3, 9]), "k": rng.randrange(3), "n": i}
        if rng.random() < 0.1:
            row[rng.choice(["at", "k", "n"])] = rng.choice([None, "wrong"])
        out.append((rng.choice("AB"), row))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_every_arrival_is_taken_late_or_rejected_and_each_once(seed):
    """By the definition: one arrival after the other against the highest time of its own stream."""
    rows = arrivals(300, seed)
    rules = cep.loads(
        STREAMS + "".join(f"rule T{s} from {s} emit T{s} {{ n }}\nrule L{s} from Late.{s} emit L{s} {{ n }}\n"
                          f"rule R{s} from Rejected.{s} emit R{s} {{ row }}\n" for s in "AB")
    )  # fmt: skip
    want = {kind + s: [] for kind in "TLR" for s in "AB"}
    highest: dict[str, int] = {}
    arrived = dict.fromkeys("AB", 0)
    for s, row in rows:
        number = arrived[s]
        arrived[s] += 1
        if any(type(row[f]) is not int for f in ("at", "k", "n")):
            want["R" + s].append(number)
            continue
        late = s in highest and row["at"] < highest[s] - (2 if s == "A" else 0)
        want[("L" if late else "T") + s].append(row["n"])
        highest[s] = max(highest.get(s, row["at"]), row["at"])
    for cut in (Cut(ONE), Cut(WHOLE), Cut(MIXED), Cut(7)):
        got = {name: [] for name in want}
        for batch in engine_adapter.batches(rules, rows, "open", cut):
            got[batch.schema.name] += batch.columns["row" if batch.schema.name[0] == "R" else "n"].to_list()
        assert {n: sorted(v) for n, v in got.items()} == {n: sorted(v) for n, v in want.items()}
    engine = cep.Engine(rules)
    for s, row in rows:
        engine.send(s, row)
    engine.close()
    summary = engine.summary
    for s in "AB":
        assert summary.events[s] == len(want["T" + s])
        assert summary.late[s] == len(want["L" + s])
        assert summary.rejected[s] == len(want["R" + s])
        assert summary.events[s] + summary.late[s] + summary.rejected[s] == arrived[s]
    assert summary.matches == {n: len(v) for n, v in want.items()}
    assert not summary.is_clean


def test_late_and_rejected_events_stand_at_the_watermark_they_met():
    rules = cep.loads(
        f"{STREAMS}rule L from Late.A emit L {{ n }}\nrule R from Rejected.A emit R {{ row, column, reason }}"
    )
    rows = [(10, 0), (7, 1), ("x", 2), (20, 3), (17, 4), (18, 5)]
    for cut in (1, 6):
        engine, got = cep.Engine(rules), []
        for at in range(0, 6, cut):
            got += engine.send_batch("A", [{"at": t, "k": 0, "n": n} for t, n in rows[at : at + cut]])
        got += engine.close()
        seen = [(b.schema.name, t // 10**9, v) for b in got for t, v in
                zip(b.ts.tolist(), b["n" if b.schema.name == "L" else "row"].to_list(), strict=True)]  # fmt: skip
        assert seen == [("L", 8, 1), ("R", 8, 2), ("L", 18, 4)]


def test_a_rejected_event_before_any_other_stands_at_the_beginning_of_time():
    rules = cep.loads(f"{STREAMS}rule R from Rejected.A emit R {{ row, column }}")
    engine = cep.Engine(rules)
    got = engine.send("A", {"at": None}) + engine.close()
    assert [d["_time"] for b in got for d in b.to_dicts(meta=True)] == ["1678-01-01T00:00:00Z"]


CHAIN = """
rule One keyed by k from A where n % 2 = 0 emit Even { k, n }
rule Two keyed by k when Even as e then B as b within 5 s emit Pair { k, e = e.n, b = b.n }
rule Three when Pair as p then no Even for 3 s emit Quiet { b = p.b }
rule Four from Quiet emit Even4 { b }
"""


@pytest.mark.parametrize("seed", range(3))
def test_chains_of_derived_events_do_not_hang_on_how_events_are_cut(seed):
    rules, rows = cep.loads(STREAMS + CHAIN), arrivals(150, 100 + seed)
    want = engine_adapter.everything(engine_adapter.batches(rules, rows, "final", Cut(WHOLE)))
    assert any("'Even4'" in line for line in want)
    for cut in (Cut(ONE), Cut(MIXED, shards=2), Cut(5, shards=7)):
        assert engine_adapter.everything(engine_adapter.batches(rules, rows, "final", cut)) == want


def test_a_cause_stands_before_its_effect():
    text = f"{STREAMS}rule Up from X emit Y {{ n }}\nrule Down from B emit X {{ n }}"
    results = engine_adapter.run(text, [("B", {"at": t, "k": 0, "n": t}) for t in (1, 1, 2)])
    assert [(r.type, r.fields["n"]) for r in results] == [("X", 1), ("X", 1), ("Y", 1), ("Y", 1), ("X", 2), ("Y", 2)]


def test_derived_events_are_numbered_in_their_order():
    rules = cep.loads(f"{STREAMS}rule One from B emit X {{ n }}\nrule Two from A emit X {{ n }}")
    engine = cep.Engine(rules, together=True)
    got = engine.send_batch("B", [{"at": t, "k": 0, "n": t} for t in range(5)])
    got += engine.send_batch("A", [{"at": t, "k": 0, "n": 10 + t} for t in range(9)]) + engine.close()
    assert [s for b in got for s in b.seq.tolist()] == list(range(14))
    # at one time the event of A decides before that of B, whatever the order of the rules
    assert [n for b in got for n in b["n"].to_list()] == [10, 0, 11, 1, 12, 2, 13, 3, 14, 4, 15, 16, 17, 18]


def test_rules_without_a_common_stream_do_not_wait_for_each_other():
    text = f"{STREAMS}rule One from B emit X {{ n }}\nrule Two from A emit Y {{ n }}"
    row = {"at": 1, "k": 0, "n": 1}
    assert len(cep.Engine(cep.loads(text)).send("B", row)) == 1
    assert cep.Engine(cep.loads(text), together=True).send("B", row) == []


def test_late_events_of_one_call_are_numbered_and_counted_each():
    engine = cep.Engine(cep.loads(f"{STREAMS} rule L from Late.A emit L {{ n }}"))
    batches = []
    for start in (0, 3):
        rows = [{"at": 100, "k": 1, "n": start}, {"at": 1, "k": 1, "n": start + 1}, {"at": 2, "k": 1, "n": start + 2}]
        batches += engine.send_batch("A", rows)
    batches += engine.close()
    found = [row for batch in batches for row in batch.to_dicts(lineage=True)]
    assert [row["n"] for row in found] == [1, 2, 4, 5]
    assert [row["_events"] for row in found] == [[("Late.A", n)] for n in range(4)]
    assert engine.summary.late == {"A": 4}


def test_a_restored_engine_decides_at_the_next_event_also_when_that_concerns_no_rule():
    rules = cep.loads(
        "stream S ordered by ts { ts: time(us), v: int }\n"
        "rule Quiet when S as a where v > 0 then no S where v > 0 for 3 us emit Quiet { v = a.v }\n"
    )
    engine = cep.Engine(rules)
    for ts in (1, 2):
        assert not list(engine.send("S", {"ts": ts, "v": 1}))
    restored = cep.Engine.restore(rules, engine.snapshot())
    assert [b.to_dicts() for b in restored.send("S", {"ts": 30, "v": 0})] == [[{"v": 1}]]

"""The limit of matches per event: both matchers give the same, count the same, and say so after a restart too."""

from __future__ import annotations

import engine_adapter
import pytest

import cep
from cep.compiler.choice import GRAPH, RUN_TABLE

STREAM = "stream S ordered by at { at: time(s), k: int, n: int }\n"
RULE = """rule R keyed by k
when S as a where n = 1 then any S as b where n <= 2 then {0} S as c where n = 3
within 1 h {1} after match {2}
emit X {{ k, at = c.at, left_out = truncated() }}"""


def loaded(matcher, link="any", limit="", skip="keep all"):
    return engine_adapter.rules_on(matcher, STREAM + RULE.format(link, limit, skip))


def rows(count):
    return [("S", {"at": i, "k": i % 2, "n": 1 + i * 7 // 3 % 3}) for i in range(count)]


@pytest.mark.parametrize("limit", ["", *(f"at most {n} matches per event" for n in (1, 7, 100_000))])
@pytest.mark.parametrize(("link", "skip"), [("any", "keep all"), ("", "skip to next")])
def test_both_matchers_leave_out_the_same(limit, link, skip):
    found = []
    for matcher in (GRAPH, RUN_TABLE):
        events = rows(90)
        engine = cep.Engine(loaded(matcher, link, limit, skip))
        out = [row for batch in engine.send_batch("S", [e for _, e in events]) for row in batch.to_dicts(meta=True)]
        found.append((out, engine.stats().rules["R"].truncated))
    assert found[0] == found[1]
    if skip == "keep all":
        assert (found[0][1] > 0) == (limit in ("at most 1 matches per event", "at most 7 matches per event"))


def test_without_a_word_of_it_an_event_gives_a_thousand():
    engine = cep.Engine(loaded(GRAPH))
    engine.send_batch("S", [{"at": i, "k": 0, "n": 1 + i // 40} for i in range(80)])
    (found,) = engine.send("S", {"at": 80, "k": 0, "n": 3})
    every = 40 * 40 + 40 * 39 // 2
    assert len(found) == 1000
    assert set(found["left_out"].to_list()) == {every - 1000}
    assert engine.stats().rules["R"].truncated == every - 1000
    assert engine.summary.truncated == {"R": every - 1000}
    assert f"{every - 1000:,} more matches beyond a limit" in str(engine.summary)


def test_a_restart_forgets_nothing_that_was_left_out():
    for matcher in (GRAPH, RUN_TABLE):
        rules, events = loaded(matcher, limit="at most 5 matches per event"), [e for _, e in rows(60)]
        first = cep.Engine(rules)
        first.send_batch("S", events[:40])
        then = cep.Engine.restore(rules, first.snapshot())
        assert then.snapshot() == first.snapshot()
        assert then.stats().rules["R"].truncated == first.stats().rules["R"].truncated > 0
        for engine in (first, then):
            engine.send_batch("S", events[40:])
        assert then.stats().rules["R"].truncated == first.stats().rules["R"].truncated


def test_how_the_input_is_cut_changes_nothing():
    rules, events = loaded(GRAPH, limit="at most 20 matches per event"), rows(120)
    cuts = [engine_adapter.Cut(1), engine_adapter.Cut(17, shards=3), engine_adapter.Cut(999)]
    found = [engine_adapter.everything(engine_adapter.batches(rules, events, "open", cut)) for cut in cuts]
    assert found[0] == found[1] == found[2]

"""Watching the matcher changes nothing, and what is told agrees with what came out; without the compiler."""

import engine_adapter
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cep
from properties.test_laws import CUTS, PLAIN, example, examples

pytestmark = pytest.mark.skipif(not PLAIN, reason="only the plain matcher can be watched")


@examples(1, 40)
@given(st.integers(0, 2**62))
def test_watching_changes_nothing_and_tells_what_happened(seed):
    from cep.app.coverage import Coverage

    text, rows, end = example(f"coverage {seed}")
    rules = cep.loads(text)
    cut = CUTS[seed % len(CUTS)]
    want = engine_adapter.everything(engine_adapter.batches(rules, rows, end, cut))
    rules = cep.loads(text)  # compiled anew, for the matcher that is watched
    coverage = Coverage(rules)
    coverage.know(rules)
    with coverage.watching():  # stops where the parts of a condition say another thing than the whole
        found = engine_adapter.batches(rules, rows, end, cut)
    assert engine_adapter.everything(found) == want
    matched = {r.rule for r in engine_adapter.results(found) if not r.type.endswith("Out")}  # that is a timeout
    for rule in rules.rulebook.rules:
        parts = [p for p in coverage.parts if p.rule == rule.name]
        assert all(set(p.missing) <= set(p.outcomes) and p.seen <= set(p.outcomes) for p in parts)
        if rule.name in matched:  # a step that must be there bound an event
            steps = [p for p in parts if p.text.startswith("step ")]
            assert all("bound" in p.seen for p in steps if "left out" not in p.outcomes)
            assert all(p.seen for p in steps)

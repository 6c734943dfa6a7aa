"""A small, fixed sample of what `python -m tests.fuzz` runs at length (docs/fuzzing.md), and the harness itself."""

from __future__ import annotations

import json
from random import Random

import pytest

from cep.model.diagnostics import Diagnostic, Source, Span
from tests.fuzz.cases import Case, Finding, make, run, smallest
from tests.fuzz.derive import deriver
from tests.fuzz.laws import Broken, Hang, examine, sound, time_limit

SAMPLE = {"rules": 150, "bytes": 400, "inputs": 12}


@pytest.mark.parametrize("kind", SAMPLE)
def test_no_random_case_breaks_a_law(kind, tmp_path):
    outcomes = {}
    for number in range(SAMPLE[kind]):
        case = make(kind, 0, number)
        outcome = run(case, tmp_path)
        assert not isinstance(outcome, Finding), f"{case.label} {case.data!r}\n{outcome.what}\n{outcome.detail}"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    enough = {"rules": {"compiles", "parses", "is refused"}, "bytes": {"is not text", "is refused"}}
    assert enough.get(kind, {"runs", "is refused"}) <= set(outcomes), outcomes


@pytest.mark.parametrize("kind", SAMPLE)
def test_a_case_is_the_same_whenever_it_is_made(kind):
    assert make(kind, 3, 5).data == make(kind, 3, 5).data
    assert len({make(kind, 3, number).data for number in range(20)}) > 10


def test_every_rule_of_the_grammar_comes_up():
    rng = Random(1)
    texts = [deriver().text(rng, start) for start in ("rule", "rule", "declaration") for _ in range(800)]
    words = set(" ".join(texts).split())
    rare = {word for words_ in deriver().words.values() for word in words_} - words
    assert not rare


@pytest.mark.parametrize(
    ("found", "law"),
    [
        (Diagnostic("Code", "m", Source("f", "x"), Span(0, 1, 1, 1)), "a code is kebab-case"),
        (Diagnostic("c", " ", Source("f", "x"), Span(0, 1, 1, 1)), "a message is one line"),
        (Diagnostic("c", "m.", Source("f", "x"), Span(0, 1, 1, 1)), "a message has no final stop"),
        (Diagnostic("c", "m", Source("f", "x"), Span(0, 2, 1, 1)), "a place is inside the file"),
        (Diagnostic("c", "m", Source("f", "x\ny"), Span(2, 3, 1, 3)), "line and column are those of the offset"),
    ],
)
def test_a_diagnostic_that_is_not_as_it_should_be_is_found(found, law):
    with pytest.raises(Broken, match=law):
        sound([found], found.source)


def test_what_goes_wrong_is_found_and_cut_down(tmp_path, monkeypatch):
    def falls(text):
        if "!" in text and "?" in text:
            raise KeyError(json.dumps(text))
        return "parses"

    monkeypatch.setattr("tests.fuzz.cases.examine", falls)
    case = Case("rules", 0, 1, b"a good deal ! of text ? that does not matter")
    finding = run(case, tmp_path)
    assert isinstance(finding, Finding)
    assert finding.what.startswith("KeyError in ")
    assert smallest(case, finding, tmp_path).data == b"!?"


def test_a_case_that_hangs_is_stopped():
    def forever():
        while True:
            pass

    with pytest.raises(Hang), time_limit(0.05):
        forever()
    assert examine("") == "compiles"

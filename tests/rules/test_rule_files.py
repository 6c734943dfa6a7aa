"""Each rule file has tests; those that run pass; those that need a later version are marked, and tested as far as now.

Of a file that cannot run, what can is run all the same: where only a part is refused, the tests that do not need it, on
a copy without it (those that need it fail there); everywhere, that the events of its tests are lawful and in time, and
that what they expect is emitted.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import cep
from cep.app.rules import Rules
from cep.app.testing import run_tests
from cep.language import ast
from cep.language.check import check
from cep.language.parser import parse
from cep.model.diagnostics import Source

RULES = Path(__file__).parents[2] / "rules"
FILES = sorted(str(p.relative_to(RULES)) for p in RULES.glob("*/*.cep"))
MARK = re.compile(r"-- Runs in a later version: it needs [a-z0-9 ,`]+\.\n")

# What to take out of a file so that the rest runs, and the tests that need it; tests that expect events which are
# emitted no more need it too.
CUTS: dict[str, tuple[list[tuple[str, str]], set[str]]] = {
    "iot/silence.cep": ([(r"assert HonestAlarm.*?FalseAlarm \{ machine \}", "")], set()),
    "logistics/lost_parcel.cep": (
        [(r"rule Track .*?\+ 1\s*\}", ""), (r"delete Parcel where parcel = left\.parcel", "")],
        set(),
    ),
    # the same in words that run now
    "sla/answered.cep": (
        [
            (
                r"assert AnsweredInTime.*?elapsed\(\) \}",
                """rule Broken keyed by ticket when Opened as o where grade <= 2 then no Answered for 30 min
                after match keep all
                emit Breach { ticket, rule = "first answer", opened = o.at, due = o.at + 30 min }
                rule Held keyed by ticket when Opened as o where grade <= 2 then Answered as a within 30 min
                after match keep all emit Kept { ticket, took = a.at - o.at }""",
            )
        ],
        set(),
    ),
}


def text_of(path: str) -> str:
    return (RULES / path).read_text(encoding="utf-8")


@cache
def parsed(path: str) -> ast.File:
    return parse(Source(path, text_of(path)))


def blocks_of(file: ast.File) -> list[ast.Test]:
    return [d for d in file.declarations if isinstance(d, ast.Test)]


def runs(path: str) -> bool:
    try:
        check([parsed(path)])
    except cep.RuleError as refused:
        return any(d.code != "not-yet" for d in refused.diagnostics)
    return True


def failures(rules: Rules) -> list[str]:
    outcomes = run_tests(rules)
    assert outcomes
    return [f"{o.test.description}: {failure.render()}" for o in outcomes for failure in o.failures]


def emitted(file: ast.File) -> dict[str, set[str]]:
    """The fields of what a file emits, by type."""
    out: dict[str, set[str]] = {}
    for d in file.declarations:
        actions: tuple[ast.Emit | ast.Delete, ...] = ()
        if isinstance(d, ast.Rule):
            actions = d.actions + (d.timeout.actions if d.timeout else ())
        elif isinstance(d, ast.Assertion):
            actions = d.violation + d.satisfied
        for action in actions:
            if isinstance(action, ast.Emit) and action.word == "emit":
                names = (a.name or a.value.parts[-1] for a in action.body)
                out.setdefault(action.type.text, set()).update(name.text for name in names)
    return out


@pytest.mark.parametrize("path", FILES)
def test_a_rule_file_has_three_tests_or_more_each_with_a_name_of_its_own(path):
    names = [t.description for t in blocks_of(parsed(path))]
    assert len(names) >= 3
    assert len(set(names)) == len(names)
    assert all(any(isinstance(s, ast.Expect) for s in t.steps) for t in blocks_of(parsed(path)))


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_runs_passes_its_tests_and_one_that_does_not_is_marked(path):
    assert bool(MARK.match(text_of(path))) != runs(path)
    assert len(re.findall("Runs in a later version", text_of(path))) == (not runs(path))
    if runs(path):
        assert failures(cep.load(RULES / path)) == []


def test_consume_changes_nothing_of_spoofing_beyond_the_default():
    text = text_of("trading/spoofing.cep")
    assert text.count("consume bait, pulled\n") == 1
    assert failures(cep.loads(text.replace("consume bait, pulled\n", ""))) == []


@pytest.mark.parametrize("path", sorted(CUTS))
def test_what_runs_of_a_marked_file_passes_its_tests(path):
    cuts, needing = CUTS[path]
    text = MARK.sub("", text_of(path))
    for old, new in cuts:
        text, count = re.subn(old, new, text, count=1, flags=re.DOTALL)
        assert count == 1, old
    file = parse(Source(path, text))
    assert needing <= {t.description for t in blocks_of(file)}
    gone = emitted(parsed(path)).keys() - emitted(file).keys()
    kept = tuple(
        d
        for d in file.declarations
        if not isinstance(d, ast.Test)
        or not (
            d.description in needing or any(isinstance(s, ast.Expect) and s.type.name.text in gone for s in d.steps)
        )
    )
    assert failures(Rules(check([replace(file, declarations=kept)]))) == []
    others = tuple(d for d in file.declarations if not isinstance(d, ast.Test) or d.description in needing)
    if needing:
        outcomes = run_tests(Rules(check([replace(file, declarations=others)])))
        assert [o.test.description for o in outcomes if o.status == "passed"] == []


@pytest.mark.parametrize("path", [p for p in FILES if MARK.match(text_of(p))])
def test_the_events_of_a_marked_files_tests_are_lawful_and_in_time(path):
    streams = [d.name.text for d in parsed(path).declarations if isinstance(d, ast.Stream)]
    watch = "".join(
        f"rule Watch{kind}{name} from {kind}.{name} emit Astray {{ }}\n"
        for name in streams
        for kind in ("Late", "Rejected")
    )
    file = parse(Source(path, f'{text_of(path)}\n{watch}test "none" {{ expect no Astray }}\n'))
    *tests, last = blocks_of(file)
    known = (ast.Param, ast.Record, ast.Stream, ast.Variant)
    kept: list[ast.Declaration] = [d for d in file.declarations if isinstance(d, known)]
    kept += [d for d in file.declarations if isinstance(d, ast.Rule) and d.name.text.startswith("Watch")]
    kept += [replace(t, steps=(*(s for s in t.steps if not isinstance(s, ast.Expect)), *last.steps)) for t in tests]
    assert failures(Rules(check([replace(file, declarations=tuple(kept))]))) == []


@pytest.mark.parametrize("path", [p for p in FILES if MARK.match(text_of(p))])
def test_what_a_marked_files_tests_expect_is_what_it_emits(path):
    there = emitted(parsed(path))
    for test in blocks_of(parsed(path)):
        for step in test.steps:
            if isinstance(step, ast.Expect):
                fields = {a.name.text for a in step.body or () if a.name is not None}
                assert fields <= there[step.type.name.text], test.description
    expected = {s.type.name.text for t in blocks_of(parsed(path)) for s in t.steps if isinstance(s, ast.Expect)}
    assert there.keys() - expected <= {"Overheat"}  # tested in a file of its own

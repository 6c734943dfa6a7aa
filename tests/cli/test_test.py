"""``cep test`` tells how each test ended, and why one failed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.conftest import FRAUD

RULES = Path(__file__).parents[2] / "rules"
PASSES = """
test "tiny, then big" {
  send Pay { card = "c1", amount = 1.00 } at 0 s
  send Pay { card = "c1", amount = 480.00 } at 10 min
  expect Alert { card = "c1", taken = 480 } at 10 min
}
"""
FAILS = PASSES.replace("tiny, then big", "wrong & <odd>").replace("taken = 480", "taken = 481.5")
LATER = "rule Low from Pay emit Sum { card } output first every 5 events\n"


def test_each_test_has_its_line(cep, fraud):
    fraud.write_text(FRAUD + PASSES)
    ended = cep("test", fraud)
    assert ended.code == 0, ended.err
    assert ended.out == f"passed   {fraud}:12  tiny, then big\n1 test: 1 passed\n"


def test_a_failed_test_shows_what_was_expected_and_what_came(cep, fraud):
    fraud.write_text(FRAUD + PASSES + FAILS)
    ended = cep("test", "fraud.cep")
    assert ended.code == 3
    assert ended.out.splitlines()[1:] == [
        "failed   fraud.cep:18  wrong & <odd>",
        "  fraud.cep:21:3: error[expectation]: no Alert as written came out",
        '    21 |   expect Alert { card = "c1", taken = 481.5 } at 10 min',
        "       |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "      Alert   expected  came",
        '      card    "c1"      "c1"',
        "      taken   481.5000  ≠ 480.0000",
        "      _time   10 min    10 min",
        "      tested            1.0000",
        "2 tests: 1 passed, 1 failed",
    ]


def test_a_mistake_in_a_test_is_a_mistake_of_the_file(cep, fraud):
    fraud.write_text(FRAUD + PASSES.replace("expect Alert", "expect Alrt"))
    ended = cep("test", fraud)
    assert ended.code == 2
    assert "fraud.cep:15:10: error[unknown-stream]: no rule emits Alrt" in ended.err
    assert "did you mean `Alert`?" in ended.err
    assert ended.out.endswith("0 tests: 0 passed, 1 file with mistakes\n")


def test_files_are_tested_by_themselves_and_one_that_does_not_run_yet_is_told(cep, fraud, tmp_path):
    fraud.write_text(FRAUD + PASSES + FAILS)
    (tmp_path / "later.cep").write_text(FRAUD + LATER)
    (tmp_path / "none.cep").write_text(FRAUD)
    ended = cep("test", tmp_path)
    assert ended.code == 2
    assert f"\nnot yet  {tmp_path / 'later.cep'}  cannot run: `output first every 5 events`" in ended.out
    assert f"\nno test  {tmp_path / 'none.cep'}\n" in ended.out
    assert ended.out.endswith("2 tests: 1 passed, 1 failed, 1 file cannot run yet\n")


def test_files_may_make_one_rulebook(cep, fraud, tmp_path):
    (tmp_path / "pays.cep").write_text(PASSES)
    assert cep("test", "fraud.cep", "pays.cep").code == 2
    ended = cep("test", "--together", "fraud.cep", "pays.cep")
    assert (ended.code, ended.out) == (0, "passed   pays.cep:2  tiny, then big\n1 test: 1 passed\n")


def test_a_set_between_events_runs(cep, fraud):
    fraud.write_text(FRAUD + PASSES.replace("  expect", "  set test_amount = 2\n  expect"))
    ended = cep("test", fraud)
    assert ended.code == 0
    assert ended.out.startswith("passed ")


def test_outcomes_are_written_as_junit(cep, fraud, tmp_path):
    fraud.write_text(FRAUD + PASSES + FAILS)
    (tmp_path / "later.cep").write_text(FRAUD + LATER)
    (tmp_path / "wrong.cep").write_text("rule")
    assert cep("test", ".", "--junit", "out.xml").code == 2
    suites = {suite.get("name"): suite for suite in ET.parse("out.xml").getroot()}
    counted = {n: [s.get(k) for k in ("tests", "failures", "errors", "skipped")] for n, s in suites.items()}
    assert counted == {
        "fraud.cep": ["2", "1", "0", "0"],
        "later.cep": ["1", "0", "0", "1"],
        "wrong.cep": ["1", "0", "1", "0"],
    }
    assert [case.get("name") for case in suites["fraud.cep"]] == ["tiny, then big", "wrong & <odd>"]
    assert "≠ 480.0000" in suites["fraud.cep"][1][0].text


def test_a_junit_file_that_cannot_be_written_is_said(cep, fraud):
    fraud.write_text(FRAUD + PASSES)
    assert cep("test", fraud, "--junit", "nowhere/out.xml").code == 1


@pytest.mark.parametrize("name", ["fraud/card_testing.cep", "iot/overheating.cep", "flights/flights.cep"])
def test_shipped_rules_pass_at_least_three_tests_of_their_own(cep, name):
    ended = cep("test", RULES / name)
    assert ended.code == 0, ended.out
    assert ended.out.count("passed   ") >= 3


def test_a_param_that_makes_a_rule_wrong_is_a_mistake_with_its_place(cep, fraud):
    rules = FRAUD.replace("within 10 min", "within most").replace("param", "param most: duration = 10 min\nparam", 1)
    fraud.write_text(rules + PASSES + 'test "no time" { set most = 0 s expect no Alert }\n')
    ended = cep("test", fraud)
    assert ended.code == 2
    assert "error[bound-not-positive]" in ended.err
    assert "passed   " in ended.out

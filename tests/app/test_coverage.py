"""What tests of rule files exercise is told exactly, part by part.

The matcher is watched in a process without the compiler, so each test here waits for a process of its own.
"""

from __future__ import annotations

import pytest

from cep.cli import invoke

RULES = """\
param least: int = 10
param word: string = "x"
stream A ordered by at { at: time, k: string, v: int }
stream B ordered by at { at: time, k: string, v: int, w: string? }
rule Low from A where v between 1 and 5 and k != "z"
emit Low { v }
rule Chain keyed by k
when A as a where v > least
     then optional B as b where v > a.v
     then no B where w = word and v > a.v
     then B as c where v < a.v and w is not null
within 1 h
emit Found { k, n = case when b is null then 0 else 1 end }
rule Last keyed by k
when A as a where v > 100 then no B for 5 min
emit Silent { k }
rule Loop keyed by k
when 2 or more A in a row as more where v > prev(more.v, 0) and count(more) < 4
     then B as end where v > sum(more.v) and w != word
within 1 h
emit Looped { k }
test "one" {
  send A { k = "p", v = 20 } at 0 s
  send B { k = "p", v = 30 } at 1 min
  send B { k = "p", v = 10, w = "y" } at 2 min
  send A { k = "q", v = 2 } at 3 min
  expect Found { n = 1 }
  expect Low
}
test "two" {
  set least = 100
  send A { k = "p", v = 200 } at 0 s
  set word = "y"
  send B { k = "p", v = 300, w = "y" } at 10 min
  expect Silent
}
"""
TOLD = """\
passed   some.cep:22  one
passed   some.cep:30  two
2 tests: 2 passed
coverage: 30 of 41 (73.1 %)
  Low    4 of 5 (80.0 %)
    some.cep:5  k != "z": never false
  Chain  16 of 19 (84.2 %)
    some.cep:9  step b: never left out
    some.cep:9  v > a.v: never false
    some.cep:10  v > a.v: never false
  Last   5 of 6 (83.3 %)
    some.cep:15  no B: never broken
  Loop   5 of 11 (45.4 %)
    some.cep:18  v > prev(more.v, 0): never false
    some.cep:18  count(more) < 4: never false
    some.cep:19  step end: never bound
    some.cep:19  v > sum(more.v): never true, never false
    some.cep:21  emit Looped: never made
"""
FURTHER = """\
test "the other half" {
  send A { k = "z", v = 2 } at 0 s
  send A { k = "z", v = 20 } at 1 s
  send A { k = "z", v = 3 } at 2 s
  send B { k = "z", v = 5, w = "x" } at 3 s
  send A { k = "y", v = 101 } at 10 s
  send B { k = "y", v = 100, w = "x" } at 11 s
  send A { k = "w", v = 1 } at 20 s
  send A { k = "w", v = 2 } at 21 s
  send A { k = "w", v = 3 } at 22 s
  send A { k = "w", v = 4 } at 23 s
  send B { k = "w", v = 5, w = "y" } at 24 s
  send B { k = "w", v = 7, w = "y" } at 25 s
  expect Looped
}
test "passed over" {
  send A { k = "v", v = 20 } at 0 s
  send B { k = "v", v = 20, w = "x" } at 1 s
  expect no Found
}
"""
LISTS = """\
stream A ordered by at { at: time, v: int, l: list<int> }
rule Looks when 2 A as a then A as b where v in (list(a.v)) and any x in l satisfies (x = count(a)) within 1 h
emit Seen { n = b.v }
test "lists" {
  send A { v = 20, l = [1] } at 0 s
  send A { v = 30, l = [] } at 1 s
  send A { v = 31, l = [1] } at 1 min
  send A { v = 30, l = [1, 2] } at 2 min
  expect Seen { n = 30 }
}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_never_came_about_is_told_with_its_place(folder, capfd):
    (folder / "some.cep").write_text(RULES)
    assert invoke(["test", "--coverage", "some.cep"]) == 0
    assert capfd.readouterr().out == TOLD


def test_all_may_be_covered_and_what_is_less_than_asked_for_is_a_failure(folder, capfd):
    (folder / "some.cep").write_text(RULES + FURTHER)
    (folder / "bare.cep").write_text(RULES.partition("test ")[0].partition("rule Chain")[0])
    (folder / "lists.cep").write_text(LISTS)
    assert invoke(["test", "--fail-under", "99", "some.cep", "bare.cep", "lists.cep"]) == 3
    out = capfd.readouterr().out
    assert "coverage: 48 of 53 (90.5 %)" in out, out
    assert "  Looks  7 of 7 (100.0 %)" in out
    assert "  Low    0 of 5 (0.0 %)" in out
    assert out.endswith("coverage is under 99 %\n")


WINDOWS = """\
stream A ordered by at { at: time, v: int }
stream B ordered by at { at: time, w: int }
rule Sum from A over every 1 min having count() > 1 and sum(v) > 5 emit Sum { s = sum(v) }
rule Span from A over span B where w = 1 until B where w > 1 emit Span { n = count() }
test "one" {
  send B { w = 1 } at 0 s
  send A { v = 2 } at 1 s
  send A { v = 9 } at 2 s
  send A { v = 3 } at 61 s
  send B { w = 2 } at 62 s
  advance to 3 min
  expect Sum { s = 11 }
  expect Span { n = 3 }
}
"""


def test_having_is_covered_and_what_opens_and_closes_a_span(folder, capfd):
    (folder / "windows.cep").write_text(WINDOWS)
    assert invoke(["test", "--coverage", "windows.cep"]) == 0
    told = capfd.readouterr().out
    assert "coverage: 10 of 10" in told, told
    (folder / "windows.cep").write_text(
        WINDOWS.replace("send A { v = 3 } at 61 s", "send A { v = 3 } at 3 s").replace("= 11", "= 14")
    )
    assert invoke(["test", "--coverage", "windows.cep"]) == 0
    assert "count() > 1: never false" in capfd.readouterr().out

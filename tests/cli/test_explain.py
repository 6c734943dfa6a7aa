"""``cep explain`` says what became of each rule, as text and as pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from cep.app.graphs import Edge, Graph, Node, mermaid, svg

RULES = """\
stream Pay ordered by at { at: time, card: string, amount: int }

rule Testing "Small ones, then a big one"
keyed by card
when 2 or more Pay as small where amount < 5
     then no Pay where amount between 10 and 20
     then Pay as big where amount > 40 * last(small.amount) and amount < 900
     next optional Pay as end where amount = 1
within 10 min
emit Alert { card, taken = big.amount }

rule Silent keyed by card when Alert as a then no Pay for 1 h emit Quiet { card }

rule Large from Pay as p where amount > 500 and card != "c" emit Big { card = p.card }
"""
PLAN = """\
3 operators, 2 levels, 1 part
  Testing: Pay -> pattern of 3 steps keyed by card -> Alert (level 0)
  Silent: Pay, Alert -> pattern of 1 step keyed by card -> Quiet (level 1)
  Large: Pay -> filter -> Big (level 0)
"""
CONDITIONS = """\
  conditions
    small   amount < 5                        a column at a time
    big     amount > 40 * last(small.amount)  generated code, for each run
    big     amount < 900                      a column at a time
    end     amount = 1                        a column at a time
    no Pay  amount between 10 and 20          a column at a time
"""
AUTOMATON = """\
  automaton
    state                may bind next                                               completes
    (start)              small -> small: fewer than 2                                no
    small: fewer than 2  small -> small                                              no
    small                small -> small                                              no
                         big -> big, unless Pay where amount between 10 and 20 came
    big                  end -> end, by the very next event                          when it can bind no more, or at its deadline
    end                  nothing                                                     at once
"""  # noqa: E501
MERMAID = """\
---
title: "Testing"
---
flowchart LR
  n0("(start)")
  n1("small: fewer than 2")
  n2("small")
  n3("big")
  n4("end")
  n5(("match"))
  n0 -->|"small"| n1
  n1 -->|"small"| n2
  n2 -->|"small"| n2
  n2 -->|"big<br/>no Pay where amount between 10 and 20"| n3
  n3 -->|"end<br/>very next"| n4
  n3 -->|"when it can bind no more, or at its deadline"| n5
  n4 -->|"at once"| n5
"""


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules.cep").write_text(RULES)
    return "rules.cep"


def test_text_shows_the_operators_and_every_rule(cep, rules):
    ended = cep("explain", rules)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(PLAN)
    assert CONDITIONS in ended.out
    assert AUTOMATON in ended.out
    assert "unless" in ended.out
    assert "  place    level 1, part 1\n" in ended.out


def test_a_final_absence_says_how_long_it_waits(cep, rules):
    out = cep("explain", rules, "--rule", "Silent").out
    assert "a        nothing        when no Pay came for 1 h" in out


def test_a_filter_has_no_matcher_and_no_automaton(cep, rules):
    out = cep("explain", rules, "--rule", "Large").out
    assert "matcher  none" in out
    assert 'where  card != "c"   a column at a time' in out
    assert "automaton" not in out


def test_a_strict_link_makes_the_matcher_see_every_event(cep, rules):
    out = cep("explain", rules, "--rule", "Testing").out
    assert "sees     every event of Pay" in out
    assert "at most 2 steps tried, each with a call of the generated `test`" in out


def test_what_is_shown_of_between_is_one_condition_though_it_is_two(cep, tmp_path):
    (tmp_path / "b.cep").write_text(
        "stream P ordered by at { at: time, a: int }\n"
        "rule R when P as x then P as y where a between x.a and 7 within 1 min emit T { a = x.a }\n"
    )
    assert "y  a between x.a and 7  in part each way" in cep("explain", "b.cep").out


def test_the_limit_of_matches_is_shown_written_or_not(cep, tmp_path):
    text = (
        "stream P ordered by at { at: time, a: int }\n"
        "rule Few when P as x then any P as y within 1 min at most 3 matches per event emit T { a = x.a }\n"
        "rule Many when P as x then any P as y allow unbounded emit T { a = x.a }\n"
        "rule One when P as x then P as y within 1 min emit T { a = x.a }\n"
    )
    (tmp_path / "l.cep").write_text(text)
    few, many, one = (cep("explain", "l.cep", "--rule", name).out for name in ("Few", "Many", "One"))
    assert "limit    of the matches that one event decides the first 3; the others are counted" in few
    assert "decides the first 1,000;" in many
    assert "once for each step, until a match lets go of it\n" in many
    assert "limit" not in one


def test_a_window_says_what_it_holds_and_when_it_is_decided(cep, tmp_path):
    path = tmp_path / "window.cep"
    path.write_text(
        "stream S ordered by ts { ts: time(s), k: string, v: int }\n"
        "rule Sums keyed by k from S where v > 0 over last 10 min every 1 min having sum(v) > 5\n"
        "emit Sum { s = sum(v) }\n"
    )
    said = cep("explain", path).out
    assert "S -> window keyed by k -> Sum" in said
    assert "window   [s, s + 10 min), one every 1 min, ends at multiples of 1 min since 1970" in said
    assert "state    what aggregates read of the events of 10 min, until their windows are decided" in said
    assert "having  sum(v) > 5  of each window" in said


def test_prefer_earliest_says_that_a_match_waits(cep, tmp_path):
    (tmp_path / "e.cep").write_text(
        "stream P ordered by at { at: time, a: int }\n"
        "rule R when P as x then P as y where a > x.a within 1 min prefer earliest emit T { a = x.a }\n"
    )
    assert "its last; a match waits until every earlier start is decided" in cep("explain", "e.cep").out


def test_program_prints_every_generated_text(cep, rules):
    out = cep("explain", rules, "--program").out
    for title in (
        "Pay, condition of small, a column at a time",
        "Pay, condition of no Pay, a column at a time",
        "Pay, what is kept of an event, a column at a time",
        "test and update, for each run",
        "emit Alert, for all matches of a batch",
        "condition, a column at a time",
        "emit Big, columns as they are",
    ):
        assert f"-- {title}\n" in out
    assert "    def test(p, rows" in out


def test_mermaid_of_a_rule_is_its_automaton(cep, rules):
    assert cep("explain", rules, "--rule", "Testing", "--format", "mermaid").out == MERMAID


def test_mermaid_of_all_begins_with_the_operators(cep, rules):
    first, *automata = cep("explain", rules, "--format", "mermaid").out.split("\n---\ntitle")
    assert 'n1["Testing<br/>pattern by card"]' in first
    assert "n1 --> n4" in first
    assert len(automata) == 3


def test_mermaid_text_escapes_what_it_reads_as_its_own():
    graph = Graph('a "b"', (Node("x", ("<1> #2",), "state"),), (Edge("x", "x", ("a | b",)),))
    text = mermaid(graph)
    assert 'title: "a #quot;b#quot;"' in text
    assert 'n0("#lt;1#gt; #35;2")' in text
    assert '|"a #124; b"|' in text


@pytest.mark.parametrize("chosen", [(), ("--rule", "Testing"), ("--rule", "Large")])
def test_svg_is_one_picture_with_nothing_outside(cep, rules, chosen):
    out = cep("explain", rules, *chosen, "--format", "svg").out
    root = ElementTree.fromstring(out)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in out
    assert "href" not in out


def boxes_of(text):
    return [tuple(float(e.get(k)) for k in ("x", "y", "width", "height")) for e in ElementTree.fromstring(text).iter()
            if e.tag.endswith("rect")]  # fmt: skip


def test_no_two_boxes_of_a_picture_overlap_and_all_are_inside():
    nodes = tuple(Node(f"n{i}", (f"node {i}", "more" * (i % 3)), "rule") for i in range(12))
    edges = tuple(
        Edge(f"n{i}", f"n{(i * 5 + 1) % 12}", ("label",)) for i in range(12)
    )  # with arrows back, and to itself
    text = svg(Graph("many", nodes, edges))
    root = ElementTree.fromstring(text)
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = boxes_of(text)
    assert len(boxes) == 12
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for i, (x, y, w, h) in enumerate(boxes):
        assert all(x + w <= u or u + a <= x or y + h <= v or v + b <= y for u, v, a, b in boxes[:i])


def test_html_has_the_pictures_and_the_text(cep, rules):
    out = cep("explain", rules, "--format", "html", "--program").out
    assert out.startswith("<!doctype html>")
    assert out.count("<svg ") == 4
    assert "amount &lt; 5" in out
    assert "def evaluate" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--rule", "Testin"), "did you mean Testing?"),
        (("--program", "--format", "svg"), "--program"),
        (("--rule", "Testing", "--rule", "Large", "--format", "svg"), "one picture"),
        (("--format", "png"), "--format"),
    ],
)
def test_what_cannot_be_shown_is_a_usage_error(cep, rules, arguments, says):
    ended = cep("explain", rules, *arguments)
    assert ended.code == 64
    assert says in ended.err


def test_a_wrong_rule_is_told_as_by_check(cep, tmp_path):
    (tmp_path / "wrong.cep").write_text("rule X from Nothing emit Y { a = 1 }\n")
    assert cep("explain", "wrong.cep").code == 2


def test_a_file_without_rules_is_explained_too(cep, tmp_path):
    (tmp_path / "bare.cep").write_text("stream S ordered by at { at: time }\n")
    ended = cep("explain", "bare.cep")
    assert (ended.code, ended.out) == (0, "0 operators, 0 levels, 0 parts\n")
    assert cep("explain", "bare.cep", "--format", "html").code == 0


def test_silences_and_all_of_say_what_must_be_there(cep, tmp_path):
    path = tmp_path / "g.cep"
    path.write_text(
        "stream A ordered by at { at: time(s), v: int }\n"
        "rule R when no A where v > 1 for 5 s then A as a then no A for 1 min\n"
        "then 2 of (A as x, A as y, A as z) where v > 2 within 1 h emit X { v = x.v }\n"
    )
    text = cep("explain", path).out
    assert "a -> a, after 5 s without A where v > 1" in text
    assert "x -> x, after 1 min without A" in text
    assert "y -> y, if it is missing" in text
    assert "at once, 2 of 3 there" in text
    assert "x     v > 2  a column at a time" in text
    assert "what the absence at the start forbids is kept for 5 s" in text


def test_groups_say_how_often_they_take_place(cep, tmp_path):
    path = tmp_path / "g.cep"
    path.write_text(
        "stream A ordered by at { at: time(s) }\n"
        "rule R when 2 to 3 (A as a then A as b) as g within 1 h emit X { n = count(g) }\n"
    )
    text = cep("explain", path).out
    assert "a -> a, the next g of 2 to 3" in text
    assert "when it can bind no more, or at its deadline, 2 of g there" in text

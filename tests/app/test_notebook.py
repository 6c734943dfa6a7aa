"""What a notebook shows: tables and pictures, with nothing of the data taken for markup."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from base64 import b64decode
from pathlib import Path

import pytest

import cep

RULES = """\
param low: decimal(2) = 5.00
param word: string = "<b>&"
param wait: duration = 90 min
param since: time = "2024-05-01"
param ok: bool = true
stream Pay ordered by at { at: time(s), card: string, amount: int, note: string? }
rule Big "more than <i>100</i>" from Pay where amount > 100 emit Alert { card, amount, note }
rule Twice keyed by card when Pay as one then Pay as two where two.amount > one.amount within wait emit Again { card }
"""
NASTY = '<script>alert("x")</script>'


@pytest.fixture
def rules():
    return cep.loads(RULES)


@pytest.fixture
def result(rules):
    rows = [{"at": n, "card": NASTY, "amount": 100 + n, "note": None} for n in range(30)]
    return cep.run(rules, {"Pay": rows})


def parsed(html):
    """The HTML as a tree, to be sure that it is well-formed."""
    return ET.fromstring(f"<div>{html}</div>")


def texts(html):
    return ["".join(cell.itertext()) for cell in parsed(html).iter() if cell.tag in ("td", "th", "caption", "p")]


def test_a_batch_is_a_table_of_its_first_events(result):
    html = result["Alert"]._repr_html_()
    assert texts(html)[:9] == [
        "Alert: 29 events", "card", "amount", "note", "_time", "_rule", "_key", NASTY, "101",
    ]  # fmt: skip
    assert texts(html)[-1] == "and 9 more"
    assert "<script" not in html
    assert html.count("<tr>") == 21


def test_an_empty_batch_has_its_columns(rules):
    assert texts(cep.run(rules, {})["Again"]._repr_html_()) == ["Again: 0 events", "card"]


def test_results_are_tables_by_type(result, rules):
    assert "30 events, " in texts(result._repr_html_())[0]
    decided = cep.Engine(rules).send_batch("Pay", [{"at": 1, "card": NASTY, "amount": 500, "note": "n"}])
    assert texts(decided._repr_html_())[0] == "Alert: 1 event"
    assert cep.Engine(rules).close()._repr_html_() == ""


def test_rules_are_listed_with_a_picture(rules):
    html = rules._repr_html_()
    assert html.startswith("<p>Rules: 2 rules, 1 stream</p>")
    for shown in ("5.00", "&quot;&lt;b&gt;&amp;&quot;", "1 h 30 min", "2024-05-01T00:00:00Z", "true"):
        assert shown in html
    assert "more than &lt;i&gt;100&lt;/i&gt;" in html
    assert pictured(html).startswith("<svg")


def pictured(html):
    data = html.partition('src="data:image/svg+xml;base64,')[2].partition('"')[0]
    return b64decode(data).decode()


def test_a_graph_is_a_picture_that_styles_nothing_else(rules):
    html = rules.graph("Twice")._repr_html_()
    assert html.startswith('<img alt="Twice" src=')
    assert ET.fromstring(pictured(html)).tag.endswith("svg")
    with pytest.raises(cep.UsageError, match="there is no rule Twce; rules are Big, Twice"):
        rules.graph("Twce")


def test_stats_are_two_tables(rules):
    engine = cep.Engine(rules)
    engine.send("Pay", {"at": 1, "card": NASTY, "amount": 500, "note": None})
    found = texts(engine.stats()._repr_html_())
    assert found[:6] == ["stream", "events", "late", "rejected", "watermark", "ended"]
    assert found[6:12] == ["Pay", "1", "0", "0", "1970-01-01T00:00:01Z", "false"]
    assert "open runs" in found


def test_showing_rules_imports_nothing_heavy():
    show = f"cep.loads({RULES!r})._repr_html_()"
    code = f"import sys, cep; {show}; print(*(m for m in ('pandas', 'IPython') if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == ""

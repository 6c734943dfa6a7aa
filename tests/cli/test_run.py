"""``cep run`` from files to files: output, options, summary, and the same bytes whatever the shards."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.cli.conftest import PAYS

ALERT = {"card": "c1", "tested": 1.0, "taken": 480.0}


def alerts(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_match_comes_out_as_one_flat_line_of_json(cep, fraud):
    ended = cep("run", fraud, "--from", "Pay=pay.csv")
    assert ended.code == 0
    (alert,) = alerts(ended.out)
    assert list(alert) == ["card", "tested", "taken", "_type", "_time", "_rule", "_key", "_id"]
    assert {name: float(v) if name != "card" else v for name, v in alert.items() if name in ALERT} == ALERT
    assert (alert["_type"], alert["_rule"], alert["_time"]) == ("Alert", "CardTesting", "2024-05-01T10:04:00Z")


def test_the_summary_goes_to_standard_error(cep, fraud):
    ended = cep("run", fraud, "--from", "Pay=pay.csv")
    assert "4 events, 1 match in" in ended.err
    assert "CardTesting" in ended.err


@pytest.mark.parametrize("shards", [2, 7])
def test_shards_change_no_byte(cep, fraud, shards):
    one = cep("run", fraud, "--from", "Pay=pay.csv", "--lineage")
    many = cep("run", fraud, "--from", "Pay=pay.csv", "--lineage", "--shards", shards)
    assert one.out
    assert many.out == one.out


def test_lineage_names_the_contributing_rows(cep, fraud):
    (alert,) = alerts(cep("run", fraud, "--from", "Pay=pay.csv", "--lineage").out)
    assert alert["_events"] == [["Pay", 0], ["Pay", 2]]


def test_output_goes_to_a_file_by_its_ending(cep, fraud, tmp_path):
    assert cep("run", fraud, "--from", "Pay=pay.csv", "--to", "out.jsonl").code == 0
    assert len(alerts((tmp_path / "out.jsonl").read_text())) == 1
    assert cep("run", fraud, "--from", "Pay=pay.csv", "--to", "out.csv").out == ""
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


def test_a_param_is_set_from_the_command_line(cep, fraud):
    assert cep("run", fraud, "--from", "Pay=pay.csv", "--set", "test_amount=0.50").out == ""


def test_an_unknown_param_is_a_mistake_with_the_nearest_name(cep, fraud):
    ended = cep("run", fraud, "--from", "Pay=pay.csv", "--set", "test_amuont=0.50")
    assert ended.code in (2, 64)
    assert "test_amount" in ended.err


def test_a_param_of_the_wrong_type_is_a_mistake(cep, fraud):
    ended = cep("run", fraud, "--from", "Pay=pay.csv", "--set", "test_amount=10 min")
    assert ended.code in (2, 64)
    assert "decimal" in ended.err


def test_a_field_is_mapped_to_a_column(cep, fraud, tmp_path):
    (tmp_path / "euro.csv").write_text(PAYS.replace("amount", "Amount (EUR)"))
    ended = cep("run", fraud, "--from", "Pay=euro.csv", "--map", "Pay.amount=Amount (EUR)")
    assert len(alerts(ended.out)) == 1


def test_compressed_input_is_read(cep, fraud, tmp_path):
    (tmp_path / "pay.csv.gz").write_bytes(gzip.compress(PAYS.encode()))
    assert len(alerts(cep("run", fraud, "--from", "Pay=pay.csv.gz").out)) == 1


def test_several_files_of_one_stream_are_one_stream(cep, fraud, tmp_path):
    head, *rows = PAYS.splitlines(keepends=True)
    (tmp_path / "one.csv").write_text(head + "".join(rows[:2]))
    (tmp_path / "two.csv").write_text(head + "".join(rows[2:]))
    whole = cep("run", fraud, "--from", "Pay=pay.csv", "--lineage")
    assert cep("run", fraud, "--from", "Pay=one.csv", "--from", "Pay=two.csv", "--lineage").out == whole.out


TWO = """\
stream Open ordered by at { at: time, id: string }
stream Shut ordered by at { at: time, id: string }

rule Forgotten
keyed by id
when Open as it then no Shut for 1 h
emit Ajar { id, since = it.at }
"""
KINDS = """\
{"kind": "Open", "at": "2024-05-01T10:00:00Z", "id": "a"}
{"kind": "Open", "at": "2024-05-01T10:10:00Z", "id": "b"}
{"kind": "Shut", "at": "2024-05-01T10:30:00Z", "id": "a"}
{"kind": "Knock", "at": "2024-05-01T10:31:00Z", "id": "a"}
"""


@pytest.fixture
def two(tmp_path):
    (tmp_path / "two.cep").write_text(TWO)
    (tmp_path / "all.jsonl").write_text(KINDS)
    return tmp_path / "two.cep"


def test_a_type_column_tells_streams_apart_and_strange_kinds_are_told(cep, two):
    ended = cep("run", two, "--from", "all.jsonl", "--type-column", "kind", "--end", "final")
    assert ended.code == 0
    assert [alert["id"] for alert in alerts(ended.out)] == ["b"]
    assert "warning: 1 row of no stream that was declared: Knock 1" in ended.err
    assert cep("run", two, "--from", "all.jsonl", "--type-column", "kind", "--strict").code == 1


def test_what_is_open_at_the_end_is_counted_and_comes_out_with_final(cep, two):
    ended = cep("run", two, "--from", "all.jsonl", "--type-column", "kind")
    assert ended.out == ""
    assert "open at the end" in ended.err
    assert len(alerts(cep("run", two, "--from", "all.jsonl", "--type-column", "kind", "--end", "final").out)) == 1


def test_two_files_are_read_in_step(cep, two, tmp_path):
    lines = [json.loads(line) for line in KINDS.splitlines()]
    for kind in ("Open", "Shut"):
        text = "".join(json.dumps(line) + "\n" for line in lines if line["kind"] == kind)
        (tmp_path / f"{kind}.jsonl").write_text(text)
    ended = cep("run", two, "--from", "Open=Open.jsonl", "--from", "Shut=Shut.jsonl", "--end", "final")
    assert [alert["id"] for alert in alerts(ended.out)] == ["b"]


def test_a_stream_without_a_file_is_a_usage_error_with_its_cure(cep, two):
    ended = cep("run", two, "--from", "Open=all.jsonl")
    assert ended.code == 64
    assert "hint: --from Shut=PATH" in ended.err


def test_rules_of_a_folder_are_checked_together(cep, fraud, tmp_path):
    (tmp_path / "more.cep").write_text("rule Twice when 2 Alert as them within 1 d emit Many { cards = count(them) }\n")
    ended = cep("run", tmp_path, "--from", "Pay=pay.csv")
    assert ended.code == 0
    assert len(alerts(ended.out)) == 1

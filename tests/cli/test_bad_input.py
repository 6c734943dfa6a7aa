"""Whatever is wrong with what the user gives: a clear message, the right exit code, no trace, nothing decided lost.

The `cep` fixture asserts that no trace is shown.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cep as cep_package
from tests.cli.conftest import FRAUD, PAYS

HEAD, *ROWS = PAYS.splitlines(keepends=True)
FULL = Path("/dev/full")


def run(cep, *more, pays: str | bytes = PAYS, name: str = "given.csv"):
    Path(name).write_bytes(pays if isinstance(pays, bytes) else pays.encode())
    return cep("run", "fraud.cep", "--from", f"Pay={name}", *more)


def cards(ended) -> list[str]:
    return [json.loads(line)["card"] for line in ended.out.splitlines()]


# ---------------------------------------------------------------------------------------------- files and columns


def test_a_missing_rule_file(cep, fraud):
    ended = cep("run", "frauds.cep", "--from", "Pay=pay.csv")
    assert ended.code == 1
    assert ended.err == "error: frauds.cep: there is no such file\n  hint: did you mean fraud.cep?\n"


def test_a_missing_data_file(cep, fraud):
    ended = cep("run", "fraud.cep", "--from", "Pay=pays.csv")
    assert ended.code == 1
    assert "pays.csv" in ended.err
    assert "did you mean pay.csv?" in ended.err


def test_a_folder_where_a_file_belongs(cep, fraud, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    ended = cep("run", "fraud.cep", "--from", "Pay=folder.csv")
    assert ended.code == 1
    assert "folder.csv" in ended.err


def test_a_missing_column(cep, fraud):
    ended = run(cep, pays=PAYS.replace("amount", "amuont"))
    assert ended.code == 1
    assert "amount" in ended.err
    assert "amuont" in ended.err


def test_a_missing_output_folder(cep, fraud):
    ended = run(cep, "--to", "nowhere/out.jsonl")
    assert ended.code == 1
    assert "nowhere" in ended.err


def test_an_ending_that_nobody_reads(cep, fraud):
    ended = run(cep, name="given.xlsx")
    assert ended.code == 1
    assert ".csv" in ended.err


def test_an_empty_file(cep, fraud):
    assert run(cep, pays="").code in (0, 1)
    ended = run(cep, pays=HEAD)
    assert (ended.code, ended.out) == (0, "")
    assert "0 events, 0 matches" in ended.err
    ended = run(cep, pays="", name="given.jsonl")
    assert (ended.code, ended.out) == (0, "")


# --------------------------------------------------------------------------------------------------- rows and values


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-05-01T10:02:00Z,c9,lots\n", "lots"),
        ("2024-05-01T10:02:00Z,c9,NaN\n", "amount"),
        ("2024-05-01T10:02:00Z,c9,inf\n", "inf"),
        ("2024-05-01T10:02:00Z,c9,1.23456\n", "4 digits"),
        ("2024-05-01T10:02:00Z,c9,\n", "amount is missing"),
        ("2024-05-01T10:02:00Z,,1.00\n", "card is missing"),
        (",c9,1.00\n", "at is missing"),
        ("yesterday,c9,1.00\n", "yesterday"),
        ("2024-05-01T10:02:00Z,c9\n", ""),
    ],
    ids=["text", "nan", "infinity", "digits", "null", "null key", "null time", "no time", "short row"],
)
def test_a_row_that_is_no_event_is_rejected_told_and_counted(cep, fraud, row, reason):
    pays = HEAD + ROWS[0] + row + "".join(ROWS[1:])
    ended = run(cep, pays=pays)
    assert (ended.code, cards(ended)) == (0, ["c1"])
    assert "warning: 1 row of Pay rejected" in ended.err
    assert "row 1" in ended.err
    assert reason in ended.err
    assert run(cep, "--strict", pays=pays).code == 1


def test_a_null_key_is_counted_and_not_matched(cep, fraud):
    fraud.write_text(FRAUD.replace("card: string", "card: string?"))
    ended = run(cep, pays=PAYS.replace("c1", ""))
    assert (ended.code, ended.out) == (0, "")
    assert "without a key" in ended.err
    assert "2" in ended.err.split("without a key")[1]


def test_null_in_a_compared_field_holds_no_condition(cep, fraud):
    fraud.write_text(FRAUD.replace("amount: decimal }", "amount: decimal? }"))
    assert cards(run(cep, pays=PAYS.replace("1.00", ""))) == []
    assert run(cep, "--strict", pays=PAYS.replace("1.00", "")).code == 0


def test_time_that_goes_back_is_late_told_and_counted(cep, fraud):
    pays = PAYS + "2024-05-01T09:00:00Z,c1,0.50\n"
    ended = run(cep, pays=pays)
    assert (ended.code, cards(ended)) == (0, ["c1"])
    assert "warning: 1 event of Pay came too late" in ended.err
    assert run(cep, "--strict", pays=pays).code == 1


def test_a_file_cut_in_the_middle_of_a_line(cep, fraud):
    ended = run(cep, pays=PAYS[:-12])
    assert (ended.code, cards(ended)) == (0, ["c1"])
    assert "warning: 1 row of Pay rejected" in ended.err


def test_json_lines_cut_in_the_middle_of_a_line(cep, fraud):
    lines = "".join(
        json.dumps(dict(zip(("at", "card", "amount"), row.strip().split(","), strict=True))) + "\n" for row in ROWS
    )
    ended = run(cep, pays=lines[:-20], name="given.jsonl")
    assert (ended.code, cards(ended)) == (0, ["c1"])
    assert "warning: 1 row of Pay rejected" in ended.err


def test_invalid_utf_8_costs_its_row_alone(cep, fraud):
    pays = (HEAD + ROWS[0]).encode() + b"2024-05-01T10:02:00Z,\xff\xfe,7.00\n" + "".join(ROWS[1:]).encode()
    ended = run(cep, pays=pays)
    assert (ended.code, cards(ended)) == (0, ["c1"])
    assert "warning: 1 row of Pay rejected" in ended.err


def test_an_archive_that_breaks_off_keeps_what_was_decided(cep, fraud):
    """It is read in blocks: those before the damage are decided, written and counted."""
    later = "".join(f"2024-05-02T10:{i // 60 % 60:02}:{i % 60:02}Z,c{i},99.00\n" for i in range(3600))
    whole = gzip.compress((PAYS + later + "2024-05-03T10:00:00Z,c0,99.00\n" * 300_000).encode(), 1)
    ended = run(cep, pays=whole[: len(whole) - 2000], name="given.csv.gz")
    assert ended.code == 1
    assert "given.csv.gz" in ended.err
    assert cards(ended)[:1] == ["c1"]
    assert "stopped after" in ended.err


# ------------------------------------------------------------------------------------------------------------- rules


def test_a_rule_file_with_ten_mistakes_shows_ten(cep, tmp_path):
    fields = "".join(f"rule R{i} from S where f{i} > 1 emit T {{}}\n" for i in range(10))
    (tmp_path / "ten.cep").write_text("stream S ordered by at { at: time }\n" + fields)
    ended = cep("check", "ten.cep")
    assert ended.code == 2
    assert ended.err.count("error[") == 10
    assert ended.err.endswith("10 mistakes\n")
    assert all(f"ten.cep:{i + 2}:" in ended.err for i in range(10))


def test_an_unknown_stream_in_a_rule_hints_at_the_nearest(cep, fraud):
    fraud.write_text(FRAUD.replace("when Pay as small", "when Pai as small"))
    ended = cep("run", "fraud.cep", "--from", "Pay=pay.csv")
    assert ended.code == 2
    assert "Pay" in ended.err.split("hint:")[1]


def test_an_unknown_stream_on_the_command_line_hints_at_the_nearest(cep, fraud):
    ended = cep("run", "fraud.cep", "--from", "Pai=pay.csv")
    assert ended.code == 64
    assert "did you mean Pay?" in ended.err


def test_two_rules_of_one_name_show_both_places(cep, fraud, tmp_path):
    (tmp_path / "again.cep").write_text("rule CardTesting from Pay emit X {}\n")
    ended = cep("check", "fraud.cep", "again.cep")
    assert ended.code == 2
    assert "fraud.cep:5:" in ended.err
    assert "again.cep:1:" in ended.err


def filtered_by(condition: str) -> str:
    return f"stream S ordered by at {{ at: time, x: int }}\nrule R from S where {condition} emit T {{}}\n"


def test_an_expression_of_100_000_characters_is_a_rule_like_any_other(cep, tmp_path):
    terms = " or ".join(f"x = {i}" for i in range(9_000))
    assert len(terms) > 100_000
    (tmp_path / "long.cep").write_text(filtered_by(terms))
    assert cep("check", "long.cep").code == 0


def test_an_expression_nested_1_000_deep_is_a_mistake_with_its_place(cep, tmp_path):
    (tmp_path / "deep.cep").write_text(filtered_by("(" * 1000 + "x" + ")" * 1000 + " > 1"))
    ended = cep("check", "deep.cep")
    assert ended.code == 2
    assert "deep.cep:2:" in ended.err
    assert "100" in ended.err


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00rule", b"", b"\x00" * 100, b"rule", b"\xef\xbb\xbf-- only a comment\n"]
)
def test_a_rule_file_of_nonsense_is_told_without_a_trace(cep, tmp_path, content):
    (tmp_path / "odd.cep").write_bytes(content)
    assert cep("check", "odd.cep").code in (0, 1, 2)


# ------------------------------------------------------------------------------------------------- output and signals


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(cep, fraud):
    Path("full.jsonl").symlink_to(FULL)
    ended = run(cep, "--to", "full.jsonl")
    assert ended.code == 1
    assert "No space left" in ended.err


def test_an_output_that_is_also_an_input_is_refused_before_it_is_emptied(cep, fraud):
    ended = run(cep, "--to", "./given.csv")
    assert ended.code == 64
    assert Path("given.csv").read_text() == PAYS


def command(folder: Path, **more) -> subprocess.Popen:
    """The command in a process of its own, reading payments as JSON Lines from its standard input."""
    arguments = [sys.executable, "-m", "cep", "run", "fraud.cep", "--from", "Pay=-"]
    env = dict(os.environ, PYTHONPATH=str(Path(cep_package.__file__).parent.parent))
    return subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=env, **more
    )


def lines_of(rows: list[str]) -> str:
    objects = (dict(zip(("at", "card", "amount"), row.strip().split(","), strict=True)) for row in rows)
    return "".join(json.dumps(each) + "\n" for each in objects)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_is_told(fraud, tmp_path):
    with FULL.open("w") as full, command(tmp_path, stdout=full) as process:
        _, err = process.communicate(lines_of(ROWS))
    assert process.returncode == 1
    assert "No space left" in err
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_a_reader_that_goes_away_ends_the_run_quietly(fraud, tmp_path):
    with command(tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(lines_of(ROWS))
    assert process.returncode == 0
    assert err == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_decided(fraud, tmp_path, number, code):
    """Standard input stays open: once the alert is out, the run waits for more, and then the signal comes."""
    with command(tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines_of(ROWS))
        process.stdin.flush()
        first = process.stdout.readline()
        process.send_signal(number)
        err = process.stderr.read()
        process.stdin.close()
    assert json.loads(first)["card"] == "c1"
    assert process.returncode == code
    assert "interrupted after" in err
    assert "Traceback" not in err

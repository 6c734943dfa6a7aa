"""The summary says what was counted, and nothing where nothing was."""

from __future__ import annotations

from cep.app.summary import Summary
from cep.cli.report import report


def test_a_clean_run_is_a_line_and_two_small_tables():
    summary = Summary(
        events={"Pay": 1200}, matches={"CardTesting": 3}, late={"Pay": 0}, rejected={"Pay": 0}, seconds=0.5
    )
    assert report(summary, {}).splitlines() == [
        "1,200 events, 3 matches in 0.50 s (2,400 events/s)",
        "  stream  events",
        "  Pay      1,200",
        "  rule         matches",
        "  CardTesting        3",
    ]


def test_rejected_rows_come_with_their_first_reasons():
    summary = Summary(events={"Pay": 1}, rejected={"Pay": 5})
    lines = report(summary, {"Pay": ["row 1: a", "row 2: b", "row 3: c", "row 4: d"]}).splitlines()
    assert lines[-5:] == [
        "warning: 5 rows of Pay rejected; Rejected.Pay has them",
        "  row 1: a",
        "  row 2: b",
        "  row 3: c",
        "  and 2 more",
    ]


def test_late_events_open_runs_null_keys_and_faults_are_told():
    summary = Summary(
        events={"Pay": 1},
        late={"Pay": 1},
        matches={"R": 1},
        open_runs={"R": 2},
        null_keys={"R": 7},
        faults={"R": {"overflow": 4, "division by zero": 0}},
    )
    text = report(summary, {}, ended="interrupted")
    assert text.startswith("interrupted after 1 event, 1 match\n")
    assert "  rule  matches  open at the end  without a key\n  R           1                2              7" in text
    assert "warning: 1 event of Pay came too late; Late.Pay has them" in text
    assert text.endswith("warning: R met values that it could not compute with, taken as null: overflow 4")


def test_what_output_holds_back_stands_beside_what_went_out():
    text = report(Summary(events={"Pay": 9}, matches={"R": 2, "Q": 1}, held_back={"R": 6}), {})
    assert text.endswith("  rule  matches  held back\n  R           2          6\n  Q           1          0")

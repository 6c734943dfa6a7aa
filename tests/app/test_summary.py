"""A run's counts: totals are the sums of their parts, and a clean run says nothing of late or rejected rows."""

from cep.app.summary import Summary


def test_totals_are_the_sums_over_streams_and_rules():
    summary = Summary(events={"A": 3, "B": 4}, matches={"R": 2}, late={"A": 1}, rejected={"B": 5}, seconds=2.0)
    assert (summary.total_events, summary.total_matches, summary.total_late, summary.total_rejected) == (7, 2, 1, 5)
    assert summary.rate == 3.5
    assert not summary.is_clean
    assert str(summary) == "7 events, 2 matches, 1 late, 5 rejected"


def test_an_empty_summary_is_clean_and_divides_by_nothing():
    assert Summary().is_clean
    assert Summary().rate == 0.0
    assert str(Summary()) == "0 events, 0 matches"

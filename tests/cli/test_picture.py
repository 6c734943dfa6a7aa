"""The picture is well-formed, needs nothing beside it, and its bars are the counts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from cep.cli.picture import DAY_NS, Panel, days_of, draw, nice_ceiling

NEW_YEAR_2013 = 15706
PANELS = [
    Panel("Late", "Late & <very> late", {NEW_YEAR_2013: 3, NEW_YEAR_2013 + 40: 12}),
    Panel("Never", "It never happens", {}),
    Panel("Once", "x" * 200, {NEW_YEAR_2013 + 364: 1}),
]


def test_days_are_counted_in_utc():
    assert days_of([0, DAY_NS - 1, DAY_NS, -1]) == {-1: 1, 0: 2, 1: 1}


@pytest.mark.parametrize(
    ("value", "ceiling"), [(0, 1), (1, 1), (3, 3), (7, 8), (11, 15), (99, 100), (101, 150), (783, 800)]
)
def test_a_scale_ends_at_a_round_number(value, ceiling):
    assert nice_ceiling(value) == ceiling


def test_every_day_with_matches_has_a_bar_that_names_it():
    root = ElementTree.fromstring(draw("Heading", "Sub", PANELS))
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["1 Jan: 3", "10 Feb: 12", "31 Dec: 1"]


def test_the_picture_loads_nothing_from_elsewhere():
    text = draw("Heading", "Sub", PANELS)
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text


def test_no_panels_is_still_a_picture():
    ElementTree.fromstring(draw("Heading", "Sub", []))
    ElementTree.fromstring(draw("Heading", "Sub", [Panel("Never", "", {})]))

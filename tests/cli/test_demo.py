"""``cep demo`` leaves a table and a picture, wherever it can write."""

from __future__ import annotations

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cep.cli.demo import Found, save_picture, shipped_rules
from cep.cli.picture import DAY_NS
from cep.model.errors import OutputError

as_root = hasattr(os, "geteuid") and os.geteuid() == 0


def test_the_rules_of_the_source_tree_are_found():
    assert (shipped_rules() / "flights" / "flights.parquet").is_file()


def test_what_a_rule_finds_is_counted_by_day():
    found = Found("R", "what it says")
    found.add([DAY_NS * 3 + 5, DAY_NS * 2])
    found.add([DAY_NS * 3])
    assert (found.days, found.total, found.first, found.last) == ({2: 1, 3: 2}, 3, DAY_NS * 2, DAY_NS * 3 + 5)


def test_the_picture_goes_where_it_is_asked_to(tmp_path):
    place = save_picture("<svg/>", tmp_path / "a" / "b")
    assert place == tmp_path / "a" / "b" / "matches.svg"
    assert place.read_text() == "<svg/>"
    assert sorted(p.name for p in place.parent.iterdir()) == ["matches.svg"]


def test_without_a_wish_it_goes_beside_the_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert save_picture("<svg/>", None) == tmp_path / "cep-demo" / "matches.svg"


def test_where_that_cannot_be_written_it_goes_to_a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cep-demo").write_text("a file is in the way")
    place = save_picture("<svg/>", None)
    assert place.read_text() == "<svg/>"
    assert tmp_path not in place.parents


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        save_picture("<svg/>", tmp_path / "file" / "below")


def test_the_demo_prints_what_every_rule_found_and_draws_it(cep, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "140")
    ended = cep("demo", "--out", tmp_path / "out")
    assert ended.code == 0
    rules = re.findall(r"^rule (\w+)", (shipped_rules() / "flights" / "flights.cep").read_text(), re.MULTILINE)
    assert len(rules) >= 5
    assert set(rules) <= {line.split()[0] for line in ended.out.splitlines() if line.strip()}
    tutorial = (shipped_rules().parent / "docs" / "tutorial.md").read_text("utf-8")
    told = re.search(r"```text demo\n(.*?)```", tutorial, re.DOTALL)[1].splitlines()
    assert {" ".join(line.split()) for line in told} <= {" ".join(line.split()) for line in ended.out.splitlines()}
    place = Path(re.search(r"picture: (.*)", ended.out)[1])
    assert place == tmp_path / "out" / "matches.svg"
    titles = [node.text for node in ElementTree.parse(place).iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) > 365

"""Files stand for themselves, folders for the .cep files below them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cep.cli.rulefiles import rule_files
from cep.model.errors import InputError, UsageError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.cep", "a/z.cep", "a/deep/y.cep", "a/notes.txt"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def test_a_folder_is_all_rule_files_below_it_in_order(tree):
    assert [str(p) for p in rule_files([Path("a")])] == ["a/deep/y.cep", "a/z.cep"]


def test_a_file_named_twice_counts_once(tree):
    assert [str(p) for p in rule_files([Path("b.cep"), Path("./b.cep"), Path()])] == [
        "b.cep",
        "a/deep/y.cep",
        "a/z.cep",
    ]


def test_a_file_may_have_any_ending(tree):
    assert rule_files([Path("a/notes.txt")]) == [Path("a/notes.txt")]


def test_a_missing_file_hints_at_its_neighbour(tree):
    with pytest.raises(InputError, match=r"bb\.cep: there is no such file\n  hint: did you mean b\.cep\?"):
        rule_files([Path("bb.cep")])


def test_a_missing_folder_is_named(tree):
    with pytest.raises(InputError, match="there is no folder nowhere"):
        rule_files([Path("nowhere/x.cep")])


def test_a_folder_without_rules_is_a_mistake(tree):
    Path("empty").mkdir()
    with pytest.raises(UsageError, match=r"no \.cep file"):
        rule_files([Path("empty")])

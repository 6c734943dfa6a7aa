"""``cep fmt`` lays files out, once and for all, and harms none that it cannot read."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

UGLY = """\
-- Pays.
stream Pay ordered by at {at:time,card:string , amount:decimal}
rule   Big   -- big ones
from Pay where amount>1000
emit LargePay{card}
"""


@pytest.fixture
def ugly(tmp_path):
    (tmp_path / "ugly.cep").write_text(UGLY)
    return tmp_path / "ugly.cep"


def test_a_file_is_laid_out_in_place_and_then_stays(cep, ugly):
    assert cep("fmt", ugly).code == 0
    once = ugly.read_text()
    assert once != UGLY
    assert "-- Pays." in once
    assert "-- big ones" in once
    ended = cep("fmt", ugly)
    assert (ended.code, ended.err, ugly.read_text()) == (0, "", once)


def test_check_writes_nothing_and_exits_1_until_the_file_is_laid_out(cep, ugly):
    ended = cep("fmt", "--check", ugly)
    assert (ended.code, ugly.read_text()) == (1, UGLY)
    assert "ugly.cep would change" in ended.err
    cep("fmt", ugly)
    assert cep("fmt", "--check", ugly).code == 0


def test_the_mode_of_a_file_and_a_link_are_kept(cep, ugly, tmp_path):
    ugly.chmod(0o640)
    (tmp_path / "link.cep").symlink_to(ugly)
    assert cep("fmt", "link.cep").code == 0
    assert (tmp_path / "link.cep").is_symlink()
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert ugly.read_text() != UGLY
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.cep", "ugly.cep"]


def test_standard_input_is_laid_out_to_standard_output(cep, ugly, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(UGLY.encode())))
    laid_out = cep("fmt", "-").out
    cep("fmt", ugly)
    assert laid_out == ugly.read_text()


def test_a_file_that_does_not_parse_is_left_and_the_others_are_laid_out(cep, ugly, tmp_path):
    broken = tmp_path / "broken.cep"
    broken.write_text("rule when where\n")
    ended = cep("fmt", broken, ugly)
    assert ended.code == 2
    assert "broken.cep:1:" in ended.err
    assert broken.read_text() == "rule when where\n"
    assert ugly.read_text() != UGLY


@pytest.mark.parametrize("content", [b"rule R -- \xff\xfe", b"\x00\x01\x02"])
def test_what_is_no_text_is_left_alone(cep, tmp_path, content):
    (tmp_path / "odd.cep").write_bytes(content)
    assert cep("fmt", "odd.cep").code in (1, 2)
    assert (tmp_path / "odd.cep").read_bytes() == content

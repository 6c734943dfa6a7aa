"""The cache folder: the first that can be written and that nobody else can; none is no error."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from cep.model import folders
from cep.model.folders import cache_root

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """A home and a temporary folder of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.delenv("CEP_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_the_folder_that_was_told_is_made_for_us_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("CEP_CACHE", str(tmp_path / "a" / "b"))
    assert cache_root() == tmp_path / "a" / "b"
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_folder_that_was_told_and_cannot_be_had_means_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CEP_CACHE", str(tmp_path / "file" / "below"))
    assert cache_root() is None


def test_the_users_cache_folder_comes_next(tmp_path, monkeypatch):
    assert cache_root() == tmp_path / "home" / ".cache" / "cep"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "cep"


@pytest.mark.parametrize("home", ["/dev/null/home", ""])
def test_without_a_home_it_is_a_private_folder_under_the_temporary_one(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(tmp_path)
    if not home:
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    found = cache_root()
    assert found == tmp_path / "tmp" / f"cep-{os.getuid()}"
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(mode, tmp_path, monkeypatch):
    open_to_all = tmp_path / "home" / ".cache" / "cep"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(mode)
    assert cache_root() == tmp_path / "tmp" / f"cep-{os.getuid()}"
    monkeypatch.setenv("CEP_CACHE", str(open_to_all))
    assert cache_root() is None


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    uid = os.getuid()
    monkeypatch.setattr(folders.os, "getuid", lambda: uid + 1)
    assert cache_root() is None


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path, monkeypatch):
    real = tempfile.TemporaryFile
    home = str(tmp_path / "home")

    def full(dir):  # noqa: A002
        if str(dir).startswith(home):
            raise OSError(28, "No space left on device")
        return real(dir=dir)

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", full)
    assert cache_root() == tmp_path / "tmp" / f"cep-{os.getuid()}"

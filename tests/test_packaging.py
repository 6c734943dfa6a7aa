"""A wheel is whole: it has the rules, and ``cep demo`` runs from it where nothing can be written, four at once.

Building needs a build backend (hatchling) that is installed already; where there is none these tests are skipped. Demos
from a wheel compile all kernels on an empty cache, several times: minutes, taken where CEP_TEST_WHEEL=1 (.ci/run).
"""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REQUIRED = os.environ.get("CEP_TEST_WHEEL") == "1"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None and not REQUIRED, reason="no build backend: pip install hatchling"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel unpacked into a folder that nobody may write to."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for path in [*site.rglob("*"), site]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    yield site
    for path in [site, *site.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o200)


def demo(installed: Path, folder: Path, **environment: str) -> subprocess.Popen:
    """``cep demo`` of the unpacked wheel in a process of its own, without a home: not even root can make one there."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CEP_", "XDG_", "NUMBA_"))}
    env |= {"PYTHONPATH": str(installed), "HOME": "/dev/null/home", "PYTHONDONTWRITEBYTECODE": "1", **environment}
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "cep", "demo", "--out", str(folder / "out")],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out


def test_the_wheel_has_the_rules_the_grammar_and_the_mark_of_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"cep/_rules/flights/flights.cep", "cep/_rules/flights/flights.parquet", "cep/py.typed"} <= names
    assert "cep/language/grammar.lark" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_wheel_says_its_licence_and_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Python: >=3.11" in text
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


minutes = pytest.mark.skipif(not REQUIRED, reason="takes minutes: CEP_TEST_WHEEL=1")


def files_below(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


@minutes
def test_four_demos_at_once_from_a_read_only_install_on_an_empty_cache(installed, tmp_path):
    """They agree to the byte, and leave the install as it was."""
    before = files_below(installed)
    processes = [demo(installed, tmp_path / str(i), CEP_CACHE=str(tmp_path / "cache")) for i in range(4)]
    tables = {finished(process).partition("events, ")[0] for process in processes}
    assert len(tables) == 1
    pictures = {(tmp_path / str(i) / "out" / "matches.svg").read_bytes() for i in range(4)}
    assert len(pictures) == 1
    assert files_below(installed) == before


@minutes
def test_a_demo_without_a_home_and_without_a_cache_folder_of_its_own(installed, tmp_path):
    (tmp_path / "temporary").mkdir()
    before = files_below(installed)
    assert "picture: " in finished(demo(installed, tmp_path / "here", TMPDIR=str(tmp_path / "temporary")))
    assert files_below(installed) == before

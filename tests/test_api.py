"""The public names, exactly, and the version in one place and the other."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import cep

ROOT = Path(__file__).parent.parent

NAMES = {
    "CepError",
    "Engine",
    "EventBatch",
    "InputError",
    "OutputError",
    "Result",
    "RuleError",
    "RuleStats",
    "Rules",
    "Stats",
    "StreamStats",
    "SnapshotError",
    "Summary",
    "UsageError",
    "__version__",
    "load",
    "loads",
    "run",
}


def test_the_public_names_are_these_and_no_others():
    assert set(cep.__all__) == NAMES
    assert set(dir(cep)) >= NAMES
    assert all(getattr(cep, name) is not None for name in NAMES)


def test_the_version_is_the_one_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cep.__version__ == project["version"]


def test_importing_cep_imports_nothing_heavy():
    heavy = ("numpy", "numba", "pyarrow", "lark", "rich", "typer")
    code = f"import sys, cep; print(*(n for n in {heavy!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_every_error_says_how_the_command_line_ends():
    assert [e.exit_code for e in (cep.InputError, cep.OutputError, cep.RuleError, cep.UsageError)] == [1, 1, 2, 64]
    assert all(issubclass(e, cep.CepError) for e in (cep.InputError, cep.OutputError, cep.RuleError, cep.UsageError))

"""What a figure was measured on: processor, versions, commit, load. No name of the machine, no path.

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent


def describe_machine() -> dict[str, object]:
    """Processor, cores, and how busy the machine is."""
    return {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system(), "load": _load()}


def describe_versions() -> dict[str, str]:
    """The versions that decide what runs."""
    import cep

    packages = {name: version(name) for name in ("numpy", "numba", "pyarrow")}
    return {"cep": cep.__version__, "python": platform.python_version(), **packages}


def commit() -> str | None:
    """The commit of the tree, with a ``+`` when files differ from it; None outside a repository."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "cep", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed.strip() else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None

"""Asking for help is quick: nothing heavy is imported, and the time is a small multiple of importing numpy."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

HEAVY = ("numpy", "numba", "pyarrow", "lark", "rich", "llvmlite", "msgspec")
COUNT = f"""
import sys
from cep.cli import invoke
code = invoke(sys.argv[1:])
assert code == 0, code
print("heavy:", *(name for name in {HEAVY!r} if name in sys.modules))
"""


@pytest.mark.parametrize("arguments", [[], ["run"], ["check"], ["test"], ["fmt"], ["demo"]])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *arguments, "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "heavy:"


def fastest(*arguments: str, runs: int = 7) -> float:
    """The least wall time of several runs: the one that others on the machine disturbed least."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def test_help_takes_at_most_three_times_an_import_of_numpy():
    numpy = fastest("-c", "import numpy")
    assert fastest("-m", "cep", "--help") <= 3 * numpy
    assert fastest("-m", "cep", "run", "--help") <= 4 * numpy

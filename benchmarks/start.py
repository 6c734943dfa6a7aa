"""How long it takes until the first event is decided: each in a process of its own, the kernels in the cache already.

Python's own compiled files are there too, as they are where cep is installed: the warm-up writes them, whatever
PYTHONDONTWRITEBYTECODE says.

| figure | what |
|---|---|
| python | the interpreter alone |
| numpy | the interpreter, and numpy imported |
| help | ``cep --help`` |
| engine | rules of Q2 loaded, the engine started |
| first match | the same, then one event at a time until the first match of Q2 |

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.machine import ROOT
from benchmarks.measure import Timing

_ENGINE = """
import cep
engine = cep.Engine(cep.load("benchmarks/workloads/q2.cep"))
"""
_MATCH = """
found = []
for ts, letter in enumerate("ABC"):
    found += engine.send("Tick", {"ts": ts, "key": 1, "type": letter, "price": 60.0, "volume": 1})
assert len(found) == 1
"""
PROGRAMS = {
    "python": ["-c", "pass"],
    "numpy": ["-c", "import numpy"],
    "help": ["-m", "cep", "--help"],
    "engine": ["-c", _ENGINE],
    "first match": ["-c", _ENGINE + _MATCH],
}


def measure_start(rounds: int = 7) -> dict[str, Timing]:
    """Wall seconds of each program, in turn, after a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(rounds + 1):
        for name, program in PROGRAMS.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *program], cwd=ROOT, env=environment, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - begun)
    return {name: Timing.of(taken[1:]) for name, taken in seconds.items()}

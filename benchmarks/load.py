"""How long a thousand rules of fifty shapes take to load and start, each time in a process of its own.

A shape is what is left of a rule without its constants: how many steps, which links, what is compared with what, the
key. ``cold`` begins with an empty cache folder, so that kernels are compiled, too; ``warm`` finds there what
the run before it has left.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.many import DECLARATION
from benchmarks.stream import TYPES

RULES, SHAPES = 1000, 50
_LINKS = ("then", "next")
_COMPARED = (
    "price > {least}",
    "price > {least} and volume < {most}",
    "price > {before}.price",
    "volume > 2 * {before}.volume",
    "price > {least} and volume != {before}.volume",
)
_PROGRAM = """
import json, sys, time
begun = time.perf_counter(), time.process_time()
import cep
text = open(sys.argv[1]).read()
imported = time.perf_counter(), time.process_time()
rules = cep.loads(text)
loaded = time.perf_counter(), time.process_time()
cep.Engine(rules)
done = time.perf_counter(), time.process_time()
print(json.dumps({"wall": done[0] - imported[0], "processor": done[1] - imported[1], "load": loaded[1] - imported[1]}))
"""


@dataclass(frozen=True, slots=True)
class Loading:
    """Seconds from the text to an engine that is ready: on the clock, of the processor, and of that for checking."""

    what: str
    wall: float
    processor: float
    load: float


def shaped_rules(rules: int = RULES) -> str:
    """A rule file of so many rules of fifty shapes."""
    draw = np.random.default_rng(13)
    shapes = list(product(range(2, 7), _LINKS, _COMPARED))
    assert len(shapes) == SHAPES
    out = [DECLARATION]
    for number in range(rules):
        length, link, compared = shapes[number % SHAPES]
        steps = []
        for step in range(length):
            least, most = int(draw.integers(10, 90)), int(draw.integers(100, 900))
            condition = compared.format(least=least, most=most, before=f"s{step - 1}")
            if step == 0 and "s-1" in condition:
                condition = f"price > {least}"
            steps.append(f'Tick as s{step} where type = "{TYPES[int(draw.integers(10))]}" and {condition}')
        out.append(
            f"rule R{number} keyed by key when {f' {link} '.join(steps)} within {int(draw.integers(1, 60))} s\n"
            f"emit Found{number % SHAPES} {{ key, first = s0.price, last = s{length - 1}.price }}\n"
        )
    return "\n".join(out)


def measure_load(rounds: int, rules: int = RULES, *, cold: bool = True) -> list[Loading]:
    """The figures, best of the rounds where there are some; ``cold`` compiles all kernels once."""
    with tempfile.TemporaryDirectory() as folder:
        file, cache = Path(folder) / "rules.cep", Path(folder) / "cache"
        file.write_text(shaped_rules(rules))
        out = []
        if cold:
            out.append(_start("cold", file, {"CEP_CACHE": str(cache)}))
        environment = {"CEP_CACHE": str(cache)} if cold else {}
        _start("", file, environment)
        out.append(min((_start("warm", file, environment) for _ in range(rounds)), key=lambda told: told.processor))
        return out


def _start(what: str, file: Path, environment: dict[str, str]) -> Loading:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(file)],
        cwd=ROOT,
        env=own | environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return Loading(what, **json.loads(run.stdout))


def load_table(told: list[Loading], rules: int = RULES) -> str:
    """A line a figure."""
    lines = [f"{rules:,} rules of {SHAPES} shapes, from text to a started engine"]
    lines += [
        f"  {t.what}: {t.wall:.1f} s, {t.processor:.1f} s of processor, of it checking {t.load:.1f}" for t in told
    ]
    return "\n".join(lines)

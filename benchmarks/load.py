"""How long a thousand rules of fifty shapes take to load and start, each time in a process of its own.

A shape is what is left of a rule without its constants: which matcher finds it, how many steps, which links, what is
compared with what. The fifty are of every matcher but folding; how many of them each takes is told. ``cold`` begins
with an empty cache folder, so that kernels and generated code are compiled, too; ``warm`` finds there what the run
before it left.

Measured is all from the text in memory to an engine that is ready, the imports that this takes included; starting
Python and ``import cep`` are not. Processor time is of all threads of the process, and of the one that compiles beside
it: on a busy machine it is what counts.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.many import DECLARATION
from benchmarks.stream import TYPES

RULES, SHAPES = 1000, 50
FILTER = "filter"
_ALONE = ("price > {least}", "price > {least} and volume < {most}")
_TOGETHER = ("price > {before}.price", "volume < {before}.volume")
_PROGRAM = """
import json, os, sys, time
import cep
text = open(sys.argv[1]).read()
begun = time.perf_counter(), time.process_time()
rules = cep.loads(text)
loaded = time.perf_counter(), time.process_time()
cep.Engine(rules)
done = time.perf_counter(), time.process_time()
others = os.times()
beside = others.children_user + others.children_system
print(json.dumps({"wall": done[0] - begun[0], "processor": done[1] - begun[1] + beside, "check": loaded[1] - begun[1]}))
"""


@dataclass(frozen=True, slots=True)
class Loading:
    """Seconds from the text to a started engine: on the clock, of the processor, and of that to parse and check."""

    what: str
    wall: float
    processor: float
    check: float


def _steps(count: int, link: str, first: str, other: str, *, closed: str = "") -> str:
    steps = [f'Tick as s0 where type = "{{letter}}" and {first}']
    steps += [
        f'Tick as s{n} where type = "{{letter}}" and {other.replace("{before}", f"s{n - 1}")}' for n in range(1, count)
    ]
    return f"when {f' {link} '.join(steps)}{closed}"


def shapes() -> list[str]:
    """The text of each shape; what stands in braces is drawn for each rule, and each time it stands."""
    within, values = "within {seconds} s", "emit {type} { key, first = s0.price"
    conditions = (
        *_ALONE,
        "price * volume > {most}",
        "price < {least} or volume > {most}",
        "volume between {least} and {most}",
        "not (price > {least}) and volume / 2 > {least}",
    )
    out = [f'from Tick where type = "{{letter}}" and ({c}) emit {{type}} {{ key, price }}' for c in conditions]
    for condition in _ALONE:
        for count in range(2, 7):
            steps = _steps(count, "then", condition, condition)
            out.append(f"{steps} {within} {values}, last = s{count - 1}.volume }}")
        for count in range(2, 6):
            steps = _steps(count, "then any", condition, condition)
            out.append(f"{steps} {within} {values}, last = s{count - 1}.volume }}")
    for condition in _TOGETHER:
        for count in range(2, 6):
            steps = _steps(count, "next", _ALONE[0], condition)
            out.append(f"{steps} allow unbounded {values}, last = s{count - 1}.price }}")
        for count in range(2, 7):
            steps = _steps(count, "then", _ALONE[0], condition)
            out.append(f"{steps} {within} {values}, last = s{count - 1}.price }}")
    for count in range(2, 6):
        steps = _steps(count, "then any", _ALONE[0], _ALONE[0])
        out.append(f"{steps} {within} after match keep all emit {{type}} {{ key, n = count() }}")
    for count in range(1, 5):
        steps = _steps(
            count, "then", _ALONE[0], _ALONE[0], closed=' then no Tick where type = "{letter}" for {seconds} s'
        )
        out.append(f"{steps} {within} {values} }}" if count > 1 else f"{steps} {values} }}")
    return out


def shaped_rules(rules: int = RULES) -> str:
    """A rule file of so many rules of fifty shapes, each shape in turn."""
    draw = np.random.default_rng(13)
    made = shapes()
    assert len(set(made)) == len(made) == SHAPES

    def drawn(name: str) -> str:
        match name:
            case "letter":
                return TYPES[int(draw.integers(10))]
            case "least":
                return str(int(draw.integers(10, 90)))
            case "most":
                return str(int(draw.integers(100, 900)))
            case _:
                return str(int(draw.integers(1, 60)))

    out = [DECLARATION]
    for number in range(rules):
        place = number % SHAPES
        text = made[place]
        for name in ("letter", "least", "most", "seconds"):
            first, *rest = text.split(f"{{{name}}}")
            text = first + "".join(f"{drawn(name)}{part}" for part in rest)
        out.append(f"rule R{number} keyed by key {text.replace('{type}', f'Found{place}')}\n")
    return "\n".join(out)


def matchers_of(text: str) -> Counter[str]:
    """How many rules of a text each matcher takes."""
    import cep

    rules = cep.loads(text)
    choices = rules.programs.choices
    return Counter(choices[rule.name].name if rule.name in choices else FILTER for rule in rules.rulebook.rules)


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
    said = ", ".join(f"{count} {matcher}" for matcher, count in sorted(matchers_of(shaped_rules(SHAPES)).items()))
    lines = [
        f"{rules:,} rules of {SHAPES} shapes ({said}), from their text to a started engine, in seconds",
        f"  {'':6}{'processor':>10}{'clock':>8}{'parse and check':>18}",
    ]
    lines += [f"  {t.what:6}{t.processor:10.2f}{t.wall:8.2f}{t.check:18.2f}" for t in told]
    return "\n".join(lines)

"""Memory over rounds of keys that come once: does what has expired give its room back?

A round is so many new keys, each with one event of A (and, for the one-pass matcher, whose rules have no bound, one of
B, which ends what the first began), all within the bound of the rule, so all of them are held at once; then time passes
every deadline. Each rule and kind of key runs in a process of its own, which tells its resident size when the keys of a
round are held, and after its time has passed. The second round may still find a better place for things; from then on
nothing may be added.

    python -m benchmarks --what memory [--keys 1000000] [--rounds 10]
    python -m benchmarks.memory chain int 10000000 10   # one rule, a line of JSON a round

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH = 65_536
KINDS = {"int": "int", "string": "string"}
BOUND_MS = 24 * 3_600_000
STREAMS = "stream {name} ordered by ts {{ ts: time(ms), k: {kind}, v: int }}\n"


class Rule(NamedTuple):
    """A rule of one matcher, and the streams of which each key has an event."""

    matcher: str
    text: str
    streams: tuple[str, ...]


RULES = {
    "chain": Rule("chain", "when A as a then B as b within 1 d emit Out { k, v = a.v }", ("A",)),
    "one pass": Rule(
        "one pass",
        "when Both as a where v >= 0 next Both as b where b.v > a.v allow unbounded emit Out { k }",
        ("A", "B"),
    ),
    "match graph": Rule(
        "match graph", "when A as a then any B as b within 1 d after match keep all emit Out { k, v = a.v }", ("A",)
    ),
    "counting": Rule(
        "counting matcher",
        "when A as a then any B as b within 1 d after match keep all emit Out { k, n = count() }",
        ("A",),
    ),
    "run table": Rule(
        "run table", "when 1 or more A as a then B as b where b.v > sum(a.v) within 1 d emit Out { k }", ("A",)
    ),
    "absence": Rule("chain", "when A as a then no B for 1 d emit Out { k, v = a.v }", ("A",)),
}


class Size(NamedTuple):
    """What a process holds once a round's time has passed: its resident size and what the rule's tables say, in bytes.

    ``keys`` were open at once, and then the resident size was ``full``.
    """

    resident: int
    tables: int
    keys: int
    full: int


def resident() -> int:
    """The resident size of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    return 0


def batches(rule: Rule, kind: str, first: int, keys: int) -> Iterator[tuple[str, pa.Table]]:
    """The events of so many keys from ``first`` on, stream by stream, all within a second."""
    for name in rule.streams:
        for at in range(first, first + keys, BATCH):
            many = min(BATCH, first + keys - at)
            key = pa.array(np.arange(at, at + many))
            if kind == "string":
                key = pc.binary_join_element_wise("customer number", pc.cast(key, pa.string()), " ")
            yield name, pa.table({"k": key, "v": np.full(many, -rule.streams.index(name), np.int64)})


def sizes(name: str, kind: str, keys: int, rounds: int) -> Iterator[Size]:
    """The sizes after each round of a rule."""
    rule = RULES[name]
    text = "".join(STREAMS.format(name=stream, kind=KINDS[kind]) for stream in "AB")
    rules = cep.loads(f"{text}stream Both = A | B\nrule R keyed by k {rule.text}\n")
    matcher = rules.programs.choices["R"].name
    assert matcher == rule.matcher, f"{name} runs on the {matcher}"
    engine = cep.Engine(rules)
    for number in range(rounds):
        began = 3 * BOUND_MS * (number + 1)
        for n, (stream, table) in enumerate(batches(rule, kind, number * keys, keys)):
            times = pa.array(np.full(table.num_rows, began + n, np.int64))
            engine.send_batch(stream, table.append_column("ts", times))
            engine.advance((began + n) * 1_000_000)
        most, full = engine.stats().rules["R"].keys, resident()
        engine.advance((began + 2 * BOUND_MS) * 1_000_000)
        gc.collect()
        yield Size(resident(), engine.stats().bytes, most, full)


def measure_memory(keys: int, rounds: int) -> dict[str, list[Size]]:
    """The sizes of all rules, each in a process of its own, by rule and kind of key."""
    out = {}
    for name in RULES:
        for kind in KINDS:
            command = [sys.executable, "-m", "benchmarks.memory", name, kind, str(keys), str(rounds)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            out[f"{name}, {kind} keys"] = [Size(*line) for line in map(json.loads, done.stdout.splitlines())]
    return out


def memory_table(measured: dict[str, list[Size]]) -> str:
    """The resident sizes in MB as text."""
    rounds = len(next(iter(measured.values())))
    lines = [f"{'resident MB of round':40}" + "".join(f"{n:>8}" for n in range(1, rounds + 1))]
    for name, found in measured.items():
        for when, sizes in (("all held", [s.full for s in found]), ("time passed", [s.resident for s in found])):
            lines.append(f"{f'{name}, {when}':40}" + "".join(f"{size / 2**20:8.0f}" for size in sizes))
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """One rule in this process: a line of JSON for each round."""
    name, kind, keys, rounds = arguments
    for size in sizes(name, kind, int(keys), int(rounds)):
        print(json.dumps(size), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

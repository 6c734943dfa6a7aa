"""How the time of an event grows with the keys and with the length of a sequence, beside a kernel by hand.

| what grows | held |
|---|---|
| keys, 1,000 to 1,000,000 | Q2 within a day, so that many keys still match |
| steps, 3 to 9 | a thousand keys, within 100 seconds |
| the window of Q3e and Q3c, 100 to 10,000 events | how much they give out: see `Window` |

For each size engine and kernel take the same stream in turn, as `benchmarks.measure` has it; both give out all matches,
which grow too, but for windows. What counts is *growth*: the time of an event beside that of the first size, and by how
much the engine's is more than the kernel's. Times are processor time of the one thread that works, which other programs
on the machine change less than the clock's.
Invariant: no figure is told unless both found as many matches as plain Python does.
Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

import gc
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import cep
from benchmarks.limits import q3
from benchmarks.limits.chain import Limit
from benchmarks.measure import Bench
from benchmarks.queries import TYPE
from benchmarks.report import aligned
from benchmarks.stream import KEYS, TYPES, draw_ticks
from benchmarks.truth import count_q3, count_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence as Listed

    from benchmarks.queries import Limit as AnyLimit
    from benchmarks.stream import Ticks

WINDOWS = (100, 1_000, 10_000)
RARE = 1_000  # of so many C one is left
MANY_KEYS = (1_000, 10_000, 100_000, 1_000_000)
LENGTHS = (3, 5, 9)
DAY_MS, LONG_MS = 86_400_000, 100_000
STREAM = "stream Tick ordered by ts { ts: time(ms), key: int, type: string, price: float, volume: int }\n"


@dataclass(frozen=True, slots=True)
class Sequence:
    """The first ``steps`` letters of the alphabet, all above 50, one after the other on a key: as `Query` has it."""

    steps: int
    keys: int
    bound: int
    rules: Path

    @property
    def name(self) -> str:
        """What it is called where a count is wrong."""
        return f"a sequence of {self.steps} over {self.keys} keys"

    counted, most = None, 2**62

    def draw(self, events: int) -> Ticks:
        """Its stream."""
        return draw_ticks(events, keys=self.keys)

    def load(self) -> cep.Rules:
        """Its rules."""
        return cep.load(self.rules)

    def write(self) -> None:
        """Write its rule file."""
        letters = TYPES[: self.steps]
        steps = " then ".join(f'Tick as s{n} where type = "{x}" and price > 50' for n, x in enumerate(letters))
        fields = ", ".join(f"p{n} = s{n}.price" for n in range(self.steps))
        bound = f"within {self.bound} ms after match keep all"
        self.rules.write_text(f"{STREAM}rule R keyed by key when {steps} {bound} emit {TYPE} {{ key, {fields} }}\n")

    def limit(self, events: int) -> Limit:
        """The kernel by hand."""
        return Limit(events, self.steps, self.keys, self.bound)

    def count(self, ticks: Ticks) -> int:
        """How many matches there are."""
        return count_sequence(ticks, self.steps, 50, self.bound)


@dataclass(frozen=True, slots=True)
class Window:
    """Q3e, or Q3c where it is ``counted``, with a window of so many events, which are a millisecond apart.

    A hundred times the window has ten thousand times the pairs of A and B, so for Q3e one in a thousand is left of the
    C that would write them; Q3c writes one row for each C, whatever the window.
    """

    window: int
    counted: str | None
    rules: Path

    most = 2**62

    @property
    def name(self) -> str:
        """What it is called where a count is wrong."""
        return f"{'Q3c' if self.counted else 'Q3e'} with a window of {self.window}"

    def draw(self, events: int) -> Ticks:
        """Its stream: for Q3e most C are another letter, so that what is written does not grow with the window."""
        ticks = draw_ticks(events)
        if self.counted:
            return ticks
        of_c = np.flatnonzero((ticks.type == TYPES.index("C")) & (ticks.price > 90))
        letters = ticks.type.copy()
        letters[np.delete(of_c, np.s_[RARE - 1 :: RARE])] = len(TYPES) - 1
        return ticks._replace(type=letters)

    def load(self) -> cep.Rules:
        """Its rules."""
        return cep.load(self.rules)

    def write(self) -> None:
        """Write its rule file."""
        text = (Path(__file__).parent / "workloads" / f"{'q3c' if self.counted else 'q3e'}.cep").read_text()
        bounded = text.replace("within 999 ms\n", f"within {self.window - 1} ms\n")
        if self.counted is None:  # all of them: the default lets an event give a thousand
            bounded = bounded.replace("after match", "at most 1000000000 matches per event after match")
        self.rules.write_text(bounded)

    def limit(self, events: int) -> AnyLimit:
        """The kernel by hand."""
        kernel = q3.CountLimit if self.counted else q3.Limit
        return kernel(events, bound=self.window - 1)

    def count(self, ticks: Ticks) -> int:
        """How many matches there are."""
        return count_q3(ticks, self.window - 1)


@dataclass(frozen=True, slots=True)
class Grown:
    """Best of the rounds for one size: nanoseconds an event, and growth over the first size."""

    what: str
    size: int
    events: int
    matches: int
    engine: float
    limit: float
    growth_engine: float
    growth_limit: float

    @property
    def beyond(self) -> float:
        """How many times as much the engine grows as the kernel by hand does."""
        return self.growth_engine / self.growth_limit


def measure_scaling(
    events: int,
    rounds: int,
    keys: Iterable[int] = MANY_KEYS,
    lengths: Iterable[int] = LENGTHS,
    windows: Listed[int] = WINDOWS,
) -> list[Grown]:
    """All tables; WrongCountError when a match is missing or one too many."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "sequence.cep"
        by_keys = [(n, Sequence(3, n, DAY_MS, rules)) for n in keys]
        by_length = [(n, Sequence(n, KEYS, LONG_MS, rules)) for n in lengths]
        out = _grown("keys", by_keys, events, rounds) + _grown("steps", by_length, events, rounds)
        for name, counted in (("events in Q3e", None), ("events in Q3c", "combinations")):
            out += _grown(name, [(n, Window(n, counted, rules)) for n in windows], events, rounds)
        return out


def _grown(
    what: str, sizes: Listed[tuple[int, Sequence]] | Listed[tuple[int, Window]], events: int, rounds: int
) -> list[Grown]:
    out: list[Grown] = []
    for size, query in sizes:
        query.write()
        bench = Bench(query, query.draw(events))
        engine, limit = (1e9 * seconds / events for seconds in _best(bench, rounds))
        first = out[0] if out else None
        out.append(
            Grown(
                what,
                size,
                events,
                bench.count,
                engine,
                limit,
                engine / first.engine if first else 1.0,
                limit / first.limit if first else 1.0,
            )
        )
    return out


def _best(bench: Bench, rounds: int) -> tuple[float, float]:
    """Seconds of engine and kernel, the best of the rounds after one that warms up."""
    engine, limit = [], []
    for _ in range(rounds + 1):
        gc.collect()
        fresh, begun = bench.start(), time.thread_time()
        found = bench.run_engine(fresh)
        engine.append(time.thread_time() - begun)
        bench.check_engine(found)
        del found, fresh
        by_hand, begun = bench.fresh_limit(), time.thread_time()
        bench.run_limit(by_hand)
        limit.append(time.thread_time() - begun)
        bench.check_limit(by_hand)
    return min(engine[1:]), min(limit[1:])


def scaling_table(grown: Iterable[Grown]) -> str:
    """One line a size."""
    rows = [("what grows", "matches", "engine ns", "limit ns", "engine grows", "limit grows", "beyond it")]
    rows += [
        (
            f"{g.size:,} {g.what}",
            f"{g.matches:,}",
            f"{g.engine:.1f}",
            f"{g.limit:.1f}",
            f"{g.growth_engine:.2f}",
            f"{g.growth_limit:.2f}",
            f"{g.beyond:.2f}",
        )
        for g in grown
    ]
    return aligned(rows)


def as_record(grown: Iterable[Grown]) -> list[dict[str, object]]:
    """Everything measured."""
    return [{**asdict(g), "beyond": round(g.beyond, 2)} for g in grown]

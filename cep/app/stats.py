"""Stats: what an engine has counted and what it holds, at one moment.

Everything is counted here once, by stream and by rule; `cep.app.summary.Summary` is the part of it that tells how a run
went. It is cut from the engine's counters when asked for and never changes afterwards.
Cost: O(streams + rules x shards); no event is looked at.
Tested by: tests/app/test_stats.py
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from cep.model.html import table
from cep.model.time import MIN_TIME, format_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cep.language.rulebook import Rulebook
    from cep.runtime.executor import Executor

_FAULTS = ("division by zero", "overflow", "not a number")


@dataclass(frozen=True, slots=True)
class StreamStats:
    """A declared stream: ``events`` taken in, ``late`` and ``rejected`` ones beside them.

    ``watermark`` is in nanoseconds, None while nothing is known.

    >>> import cep
    >>> engine = cep.Engine(cep.loads("stream Pay ordered by at late 1 s { at: time(s), card: string }"))
    >>> engine.send("Pay", {"at": 10, "card": "c1"})
    []
    >>> engine.stats().streams["Pay"]
    StreamStats(events=1, late=0, rejected=0, watermark=9000000000, ended=False)
    """

    events: int = 0
    late: int = 0
    rejected: int = 0
    watermark: int | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class RuleStats:
    """A rule: its ``matches`` and the events ``derived`` from them (one for each ``emit``), and what it holds.

    ``open_runs`` are partial matches, ``keys`` the keys that have some, ``rows`` the events kept for them, ``waiting``
    the events that wait for the watermark, ``truncated`` the matches that the limit of matches per event has left out,
    ``bytes`` the size of its tables. ``null_keys`` are events without a key,
    ``faults`` what could not be computed, by name. ``failed`` says where and why the rule has ended, when a function of
    a Python module failed. ``timeouts`` are the starts told of by ``on timeout``, ``held_back`` the events that
    ``output`` has not let through, ``untold`` those that it tells of later: neither are among ``derived``, so that
    ``matches``, too, are those that went out.

    >>> import cep
    >>> engine = cep.Engine(cep.loads('''
    ... stream Pay ordered by at { at: time(s), amount: int }
    ... rule Odd from Pay where 100 / amount > 10 emit Alert { amount }
    ... '''))
    >>> engine.send("Pay", {"at": 10, "amount": 0})
    []
    >>> odd = engine.stats().rules["Odd"]
    >>> odd.matches, odd.faults
    (0, {'division by zero': 1})
    """

    matches: int
    derived: int
    open_runs: int
    keys: int
    rows: int
    waiting: int
    bytes: int
    null_keys: int
    faults: Mapping[str, int]
    failed: str = ""
    timeouts: int = 0
    held_back: int = 0
    untold: int = 0
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine has counted and what it holds; ``seconds`` is wall time since it began.

    >>> import cep
    >>> engine = cep.Engine(cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Test keyed by card when Pay where amount < 5 then Pay where amount > 100 within 10 min emit Alert { card }
    ... '''))
    >>> engine.send("Pay", {"at": 0, "card": "c1", "amount": 1})
    []
    >>> stats = engine.stats()
    >>> stats.streams["Pay"].events, stats.rules["Test"].open_runs, stats.rules["Test"].keys
    (1, 1, 1)
    >>> stats.to_dict()["streams"]["Pay"]["watermark"]
    '1970-01-01T00:00:00Z'
    """

    streams: Mapping[str, StreamStats]
    rules: Mapping[str, RuleStats]
    seconds: float

    @property
    def bytes(self) -> int:
        """The size of all rules' tables."""
        return sum(rule.bytes for rule in self.rules.values())

    def _repr_html_(self) -> str:
        told = self.to_dict()
        streams = [(name, *each.values()) for name, each in told["streams"].items()]
        rules = [
            (
                name,
                *(v for k, v in each.items() if k != "faults"),
                ", ".join(f"{k} {n}" for k, n in each["faults"].items()),
            )
            for name, each in told["rules"].items()
        ]
        return table(["stream", *_names(StreamStats)], streams) + table(["rule", *_names(RuleStats)], rules)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts, numbers and text, ready for JSON; watermarks as RFC 3339."""
        out = asdict(self)
        for stream in out["streams"].values():
            if stream["watermark"] is not None:
                stream["watermark"] = format_time(stream["watermark"])
        return out | {"bytes": self.bytes}


def _names(counted: type[StreamStats | RuleStats]) -> list[str]:
    return [field.name.replace("_", " ") for field in fields(counted)]


def count(book: Rulebook, executors: Iterable[Executor], seconds: float) -> Stats:
    """The stats of an engine, in the order of the rulebook."""
    from cep.runtime.operators.limited import LimitedOperator

    streams: dict[str, StreamStats] = {}
    rules: dict[str, RuleStats] = {}
    for executor in executors:
        for name, clock in executor.clocks.items():
            streams[name] = StreamStats(
                executor.events.get(name, 0),
                executor.late.get(name, 0),
                executor.rejected.get(name, 0),
                clock.watermark if clock.watermark > MIN_TIME else None,
                clock.ended,
            )
        for running in executor.operators:
            rule, held = running.operator.rule, running.held
            derived, late = executor.matches[rule.name], executor.timeouts[rule.name]
            of_timeouts = sum(e.on_timeout for e in rule.emits)
            counted = zip(_FAULTS, running.faults.tolist(), strict=True)
            rules[rule.name] = RuleStats(
                (derived - late) // (len(rule.emits) - of_timeouts),
                derived,
                held.runs,
                held.keys,
                held.rows,
                held.waiting,
                held.bytes,
                running.null_keys,
                {name: n for name, n in counted if n},
                running.failed,
                late // max(1, of_timeouts),
                *((running.held_back, running.untold) if isinstance(running, LimitedOperator) else (0, 0)),
                truncated=int(running.cut[1]),
            )
    return Stats({n: streams[n] for n in book.streams}, {r.name: rules[r.name] for r in book.rules}, seconds)

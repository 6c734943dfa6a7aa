"""One run of rules over data that is there: `run`, and its `Result`.

Tested by: tests/app/test_run.py
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from cep.app.engine import Engine
from cep.app.feeding import grouped
from cep.app.rules import Rules
from cep.model.concatenate import concatenate
from cep.model.html import batch_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Literal

    from cep.app.summary import Summary
    from cep.model.batch import EventBatch
    from cep.model.decided import Decided

__all__ = ["Result", "run"]

_BEGINNING = -(2**63)


class Result:
    """What a run derived: one `EventBatch` for each type, in result order, and the ``summary`` of counts.

    Also ``Late.X`` and ``Rejected.X``. A type of which nothing came out is an empty batch; a name that is no type of
    these raises `KeyError`.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Big from Pay where amount > 100 emit Alert { card, amount }
    ... ''')
    >>> result = cep.run(rules, {"Pay": [{"at": 9, "card": "a", "amount": 500}, {"at": 5, "card": "b", "amount": 500}]})
    >>> result
    <Result: 1 Alert>
    >>> result["Late.Pay"].to_dicts()
    [{'at': '1970-01-01T00:00:05Z', 'card': 'b', 'amount': 500}]
    """

    def __init__(self, rules: Rules, batches: Mapping[str, list[EventBatch]], summary: Summary) -> None:
        self.summary = summary
        self._schemas = {n: s for n, s in rules.rulebook.sources.items() if n not in rules.rulebook.streams}
        self._batches = dict(batches)

    def __getitem__(self, name: str) -> EventBatch:
        schema = self._schemas.get(name)
        if schema is None:
            known = ", ".join(n for n in self._schemas if "." not in n) or "none"
            msg = f"no rule emits {name}; derived types: {known}"
            raise KeyError(msg)
        joined = concatenate(schema, self._batches.get(name, []))
        self._batches[name] = [joined]
        return joined

    def __iter__(self) -> Iterator[str]:
        return (n for n in self._schemas if "." not in n)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._schemas

    def __repr__(self) -> str:
        return f"<Result: {', '.join(f'{len(self[n])} {n}' for n in self)}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self.summary))}</p>" + "".join(batch_table(self[n]) for n in self)


def run(
    rules: Rules | Iterable[Rules],
    data: Mapping[str, object] | Iterable[object],
    *,
    end: Literal["open", "final"] = "open",
    shards: int = 1,
    on_compile: Callable[[int, int], None] | None = None,
) -> Result:
    """Run rules over tables: stream name to Arrow table, data frame, dict of columns, or iterable of dicts.

    Tables are read in step by event time; a stream that is not given has ended before it began. Or over an iterable of
    what `Engine.stream` takes: (stream, event), (stream, table), events of the only stream. Raises `UsageError` for an
    unknown stream, `InputError` for a table that cannot be read.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Big from Pay where amount > 100 emit Alert { card, amount }
    ... ''')
    >>> result = cep.run(rules, {"Pay": {"at": [1, 2], "card": ["a", "b"], "amount": [5, 500]}})
    >>> result["Alert"].to_dicts()
    [{'card': 'b', 'amount': 500}]
    >>> result.summary.matches
    {'Big': 1}
    >>> cep.run(rules, [("Pay", {"at": 1, "card": "a", "amount": 500})]).summary.events
    {'Pay': 1}
    """
    rules = Rules.of(rules)
    engine = Engine(rules, shards=shards, together=True, on_compile=on_compile)
    batches: dict[str, list[EventBatch]] = {}

    def keep(batch: EventBatch) -> None:
        batches.setdefault(batch.schema.name, []).append(batch)

    def keep_all(decided: Decided) -> None:
        for piece in decided.pieces:
            for batch in piece.batches:
                keep(batch)

    for name in (n for n in rules.rulebook.sources if "." in n):
        engine.on(name, keep)
    if not isinstance(data, Mapping):
        for decided in grouped(engine, data):
            keep_all(decided)
        keep_all(engine.close(end))
        return Result(rules, batches, engine.summary)
    lanes = {stream: _blocks(engine, stream, table) for stream, table in data.items()}
    for stream in rules.rulebook.streams:
        if stream not in lanes:
            keep_all(engine.end(stream))
    queue = [(_BEGINNING, place, stream) for place, stream in enumerate(lanes)]
    while queue:  # the stream that is least far comes next, so that little waits for the others
        reached, place, stream = heapq.heappop(queue)
        step = next(lanes[stream], None)
        out = engine.end(stream) if step is None else step[0]
        keep_all(out)
        if step is not None:
            heapq.heappush(queue, (max(reached, step[1]), place, stream))
    keep_all(engine.close(end))
    return Result(rules, batches, engine.summary)


def _blocks(engine: Engine, stream: str, table: object) -> Iterator[tuple[Decided, int]]:
    for decoded in engine.decode(stream, table):
        reached = int(decoded.batch.ts.max()) if len(decoded.batch) else _BEGINNING
        yield engine.feed(stream, decoded), reached

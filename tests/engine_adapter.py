"""The engine as the tests call it: the one place that knows its calls and the form of its results.

Rows are (stream, values), times in the unit that their field states. A `Cut` says how the rows are handed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from oracle import Result

import cep
from cep.compiler.choice import only

WHOLE = "whole"  # one table a stream, by Engine.send_batch
ONE = "one by one"  # every event by Engine.send
MIXED = "mixed"  # pieces of random length, by send and send_batch in turn


@dataclass(frozen=True)
class Cut:
    """How rows are handed to the engine: in pieces of ``size``, or one of the words above."""

    kind: str | int = WHOLE
    shards: int = 1

    def __str__(self):
        return f"{self.kind if isinstance(self.kind, str) else f'batches of {self.kind}'}, {self.shards} shards"


def rules_on(matcher, text):
    """The rules of a text whose rule R this matcher takes, compiled for it."""
    with only(matcher):
        rules = cep.loads(text)
        assert rules.programs.choices["R"].name == matcher
        return rules


def run(text, rows, end="open", params=None, cut=Cut()):
    """The results of the engine over ``rows``, in result order."""
    rules = cep.loads(text, params=params) if params else cep.loads(text)
    return run_rules(rules, rows, end, cut)


def run_rules(rules, rows, end="open", cut=Cut(), changes=()):
    """The same of rules already loaded."""
    return results(batches(rules, rows, end, cut, changes))


def batches(rules, rows, end, cut, changes=()):
    """What the engine gives out, batch by batch, in one order over all rules.

    ``changes`` are (place, param, value): set before the row at that place.
    """
    engine = cep.Engine(rules, shards=cut.shards, together=True)
    out, at = [], 0
    for place, param, value in [*changes, (len(rows), None, None)]:
        for stream, piece in pieces(rows[at:place], cut):
            if len(piece) == 1 and cut.kind in (ONE, MIXED):
                out += engine.send(stream, piece[0])
            else:
                out += engine.send_batch(stream, piece)
        at = place
        if param is not None:
            engine.set(param, value)
    return out + engine.close(end=end)


def pieces(rows, cut):
    """The rows as (stream, values of consecutive events)."""
    if cut.kind == WHOLE:
        streams = dict.fromkeys(stream for stream, _ in rows)
        return [(stream, [row for name, row in rows if name == stream]) for stream in streams]
    rng = Random(len(rows))
    out, room = [], 0
    for stream, row in rows:
        if out and out[-1][0] == stream and room > 0:
            out[-1][1].append(row)
        else:
            out.append((stream, [row]))
            room = {ONE: 1, MIXED: rng.choice([1, 1, 2, 3, 5])}.get(cut.kind, cut.kind)
        room -= 1
    return out


def results(batches):
    """Batches in result order as the oracle's results; late and rejected events are none."""
    out = []
    for batch in batches:
        made = batch.provenance
        if "." in batch.schema.name or made is None:
            continue
        columns = {name: column.to_list() for name, column in batch.columns.items()}
        rows = zip(batch.ts.tolist(), made.rule.tolist(), made.key.to_list(), made.to_list(), strict=True)
        for n, (time, rule, key, events) in enumerate(rows):
            fields = {name: values[n] for name, values in columns.items()}
            out.append(Result(made.rules[rule], batch.schema.name, time, key, fields, [tuple(e) for e in events]))
    return out


def everything(batches):
    """All that results say, ids and all, as text."""
    return [
        repr(row)
        for batch in batches
        if "." not in batch.schema.name
        for row in batch.to_dicts(meta=True, lineage=True)
    ]


def comparable(result):
    """A result without its key, which the engine gives as text; decimals with their digits, ints apart from floats.

    The sign of a zero is left out: whether a sum begins with its first value or with 0.0 is nobody's business.
    """
    values = {n: 0.0 if isinstance(v, float) and v == 0 else v for n, v in plain(result.fields).items()}
    fields = {n: (type(v).__name__, str(v)) for n, v in values.items()}
    return result.rule, result.type, int(result.time_ns), fields, result.events


def plain(fields):
    """Times and durations as ints."""
    return {n: int(v) if isinstance(v, int) and not isinstance(v, bool) else v for n, v in fields.items()}

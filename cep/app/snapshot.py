"""Snapshots of an engine: which section holds what, and for which rules it is good.

| section | holds | valid for |
|---|---|---|
| header | who made it, ``shards`` and ``together``, the values of params as loaded and as set | the same options |
| ``engine`` | whether it is closed; by derived type, how many there were | every rulebook |
| ``stream S`` | its clock, its row numbers and its counts | the same declaration of S |
| ``rule R`` | what waits, rows and runs, counts, how far it is decided | the same R, schemas of what it reads, params \
that it reads, and form of the tables |

Everything that changes while an engine runs, and where it is:

| of | field | |
|---|---|---|
| `Engine` | ``_rows``; ``_closed`` | stream; engine |
| | ``_callbacks``, ``_begun`` (the clock of `Summary.seconds`) | not held: they belong to the process |
| | ``_rules`` | as loaded, with the params that were set: header |
| | ``_decoders`` | made from the rules alone |
| `Executor` | ``events late rejected``; ``numbers``; ``matches timeouts`` | stream; engine; rule |
| | ``side_events`` | empty between two calls |
| `StreamClock` | ``highest _floor ended`` | stream |
| `FilterOperator` | ``null_keys faults _waiting`` | rule; ``_least`` follows |
| `WindowOperator` | ``null_keys faults _done``, versions, rows kept and waiting | rule; keys and wakes follow |
| `PatternOperator` | ``null_keys _faults _cut _seen``, its shards | rule |
| `LimitedOperator` | ``_count``, its periods and what they keep; the operator inside | rule |
| `PatternShard` | ``_waiting _next_no _watermark faults limit strings _state _versions`` | rule; ``_least`` follows |
| | ``_found`` | empty between two calls |
| `Strings` | what rows and keys refer to, numbered anew | rule; ``_collect_at`` is about room alone |

Two rules are the same when `rule_fingerprint` says so; the canonical text is kept for the message. Where rules differ
and the caller wants those that do not, the others, new streams and changed ones start empty. A rule that goes on may
read what one that does not derives from streams that were not behind it before: events of those from before what it has
decided are late then, since what is out is final.
Tested by: tests/app/test_snapshot.py, tests/properties/test_snapshot.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cep.app.changes import compiled_with, value_of
from cep.language.fingerprint import fingerprint, params_of, rule_fingerprint
from cep.model.errors import RuleError, SnapshotError, UsageError
from cep.plan.plan import base_stream
from cep.runtime.snapshot import Section, read_snapshot, write_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from cep.app.rules import Rules
    from cep.language.typed import CheckedRule, Const
    from cep.runtime.executor import Executor, Program, RunningOperator
    from cep.runtime.snapshot import State, Stored

_RULE, _STREAM = "rule ", "stream "


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine was started, as far as its state hangs on it."""

    shards: int
    together: bool


@dataclass(slots=True)
class Counters:
    """What the engine itself remembers: by stream how many rows came, and whether it is closed."""

    rows: dict[str, int]
    closed: bool


def take_snapshot(
    rules: Rules, now: Rules, options: Options, executors: Sequence[Executor], counters: Counters
) -> bytes:
    """The bytes of all that an engine remembers; ``now`` are its rules with the params that were set while it ran."""
    import cep

    book = rules.rulebook
    numbers = {name: count for e in executors for name, count in e.numbers.items()}
    engine: State = {"closed": counters.closed, "numbers": {n: numbers[n] for n in sorted(numbers)}}
    sections = [Section("engine", {}, engine)]
    for name, executor in _streams(rules, executors):
        state = {**executor.stream_state(name), "rows": counters.rows[name]}
        sections.append(Section(_STREAM + name, {"fingerprint": fingerprint(book.streams[name])}, state))
    texts = _texts(rules)
    for executor, running in _operators(executors):
        rule = running.operator.rule
        validity = _validity(rules, running) | {"text": texts[rule.name]}
        counts = {"matches": executor.matches[rule.name], "timeouts": executor.timeouts[rule.name]}
        state = {**counts, "decided": executor.decided, "operator": running.state()}
        sections.append(Section(_RULE + rule.name, validity, state))
    about: State = {"made by": f"cep {cep.__version__}", "shards": options.shards, "together": options.together}
    before, after = rules.rulebook.params, now.rulebook.params
    changes = {n: repr(after[n].value.value) for n in sorted(after) if after[n] != before[n]}
    return write_snapshot({**about, "params": _params(rules), "set": changes}, sections)


class Saved:
    """A snapshot that is whole; what it holds is looked at when it is restored."""

    def __init__(self, data: object) -> None:
        try:
            view = memoryview(data).cast("B")  # type: ignore[arg-type]
        except TypeError:
            msg = f"a snapshot is bytes, not {type(data).__name__}"
            raise UsageError(msg) from None
        self._about, sections = read_snapshot(view)
        self._sections = {name: (validity, state) for name, validity, state in sections}
        self._params = self._about.inner("params")

    def options(self, shards: int | None, together: bool | None) -> Options:
        """The options it was taken with. `SnapshotError` where the caller wants others."""
        taken = Options(self._about.whole("shards", 1, 2**31), self._about.truth("together"))
        differences = []
        for name, asked, had in (("shards", shards, taken.shards), ("together", together, taken.together)):
            if asked is not None and asked != had:
                differences.append(f"{name} was {had}, and is to be {asked}")
        if differences:
            message = "the snapshot is of an engine that was started otherwise"
            raise SnapshotError("options", message, differences=differences, hint="leave these options out")
        return taken

    def changes(self, rules: Rules) -> dict[str, Const]:
        """The params of ``rules`` that were set while the engine ran, with their values."""
        found, params = self._about.inner("set"), rules.rulebook.params
        out = {}
        for name in found.names:
            if name in params:
                try:
                    out[name] = value_of(params[name], found.text(name))
                except (ValueError, SyntaxError):
                    self._about.require(False, f"{name} has no value")
        return out

    def load(self, rules: Rules, executors: Sequence[Executor], changed: Literal["refuse", "start empty"]) -> Counters:
        """Give each stream and rule of a new engine what it remembers.

        `SnapshotError` when some of them are not those of the snapshot and ``changed`` is "refuse".
        """
        fresh: set[str] = set()
        differences = [*self._stream_differences(rules, fresh), *self._rule_differences(rules, executors, fresh)]
        if differences and changed == "refuse":
            message = f"the snapshot (made by {self._about.text('made by')}) is not of these rules"
            hint = 'load the same rules and params, or restore with changed="start empty" to keep what is the same'
            raise SnapshotError("rules", message, differences=differences, hint=hint)
        _, engine = self._section("engine")
        counters = Counters(dict.fromkeys(rules.rulebook.streams, 0), engine.truth("closed"))
        numbers = engine.inner("numbers")
        for name, executor in _streams(rules, executors):
            if _STREAM + name not in fresh:
                _, state = self._section(_STREAM + name)
                executor.restore_stream(name, state)
                counters.rows[name] = state.whole("rows", 0)
        for executor, running in _operators(executors):
            rule = running.operator.rule
            known = [name for name in running.operator.outputs if name in numbers.names]
            executor.numbers |= {name: numbers.whole(name, 0) for name in known}
            if _RULE + rule.name not in fresh:
                _, state = self._section(_RULE + rule.name)
                executor.matches[rule.name] = state.whole("matches", 0)
                executor.timeouts[rule.name] = state.whole("timeouts", 0)
                running.restore(state.inner("operator"), partial(_program, state, rules, rule.name))
                for stream in _streams_behind(rules, rule, fresh):
                    executor.clocks[stream].advance(state.whole("decided", -(2**63), 2**63 - 1))
        return counters

    # -------------------------------------------------------------------------------------------------- differences

    def _stream_differences(self, rules: Rules, fresh: set[str]) -> Iterator[str]:
        for name, schema in rules.rulebook.streams.items():
            known = self._sections.get(_STREAM + name)
            if known is None:
                fresh.add(_STREAM + name)
                yield f"stream {name} is new"
            elif known[0].text("fingerprint") != fingerprint(schema):
                fresh.add(_STREAM + name)
                yield f"stream {name} is declared otherwise"
        yield from self._gone(_STREAM, rules.rulebook.streams)

    def _rule_differences(self, rules: Rules, executors: Sequence[Executor], fresh: set[str]) -> Iterator[str]:
        texts, params = _texts(rules), _params(rules)
        had = {n: self._params.text(n) for n in self._params.names}
        for name in sorted({*had, *params}):
            if had.get(name) != params.get(name):
                yield f"param {name} was {had.get(name, 'not there')}, and is {params.get(name, 'not there')}"
        for _, running in _operators(executors):
            rule = running.operator.rule
            known = self._sections.get(_RULE + rule.name)
            if known is None:
                fresh.add(_RULE + rule.name)
                yield f"rule {rule.name} is new"
                continue
            validity, now = known[0], _validity(rules, running)
            if any(had.get(n) != params[n] for n in params_of(rule)):
                fresh.add(_RULE + rule.name)  # what is told is the param
            if validity.text("fingerprint") != now["fingerprint"]:
                fresh.add(_RULE + rule.name)
                yield f"rule {rule.name} is changed{_first_change(validity.text('text'), texts[rule.name])}"
            elif validity.text("layout") != now["layout"]:
                fresh.add(_RULE + rule.name)
                yield f"rule {rule.name} is kept in other tables by this version of cep"
        yield from self._gone(_RULE, [r.name for r in rules.rulebook.rules])

    def _gone(self, kind: str, names: Iterable[str]) -> Iterator[str]:
        there = {kind + name for name in names}
        return (f"{name} is gone" for name in self._sections if name.startswith(kind) and name not in there)

    def _section(self, name: str) -> tuple[Stored, Stored]:
        found = self._sections.get(name)
        self._about.require(found is not None, f"there is no section {name}")
        assert found is not None
        return found


def _streams(rules: Rules, executors: Sequence[Executor]) -> Iterator[tuple[str, Executor]]:
    """The declared streams, in declared order, and who judges them."""
    of = {name: executor for executor in executors for name in executor.clocks}
    return ((name, of[name]) for name in rules.rulebook.streams)


def _streams_behind(rules: Rules, rule: CheckedRule, fresh: set[str]) -> Iterator[str]:
    """The declared streams that rules which start empty read, and from which they derive what ``rule`` reads."""
    todo, seen = [rule], {rule.name}
    while todo:
        inputs = set(todo.pop().inputs)
        for before in rules.rulebook.rules:
            if before.name not in seen and not inputs.isdisjoint(e.type for e in before.emits):
                seen.add(before.name)
                todo.append(before)
                if _RULE + before.name in fresh:
                    bases = {base_stream(name) for name in before.inputs}
                    yield from (name for name in rules.rulebook.streams if name in bases)


def _program(state: Stored, rules: Rules, rule: str, values: Mapping[str, str]) -> Program:
    try:
        return compiled_with(rules, rule, values)
    except (ValueError, SyntaxError, RuleError, UsageError):
        state.require(False, "a param has another type")
        raise


def _operators(executors: Sequence[Executor]) -> list[tuple[Executor, RunningOperator]]:
    """The running operators in rule order, each with its executor."""
    found = [(executor, running) for executor in executors for running in executor.operators]
    return sorted(found, key=lambda item: item[1].operator.rule.index)


def _validity(rules: Rules, running: RunningOperator) -> dict[str, str]:
    rule = running.operator.rule
    return {"fingerprint": rule_fingerprint(rule, rules.rulebook.sources), "layout": running.layout}


def _params(rules: Rules) -> dict[str, str]:
    """Each param as text: its type and value."""
    from cep.language.checker.constants import said

    params = rules.rulebook.params
    return {name: _encodable(f"{params[name].type} {said(params[name].value)}") for name in sorted(params)}


def _texts(rules: Rules) -> dict[str, str]:
    """The canonical text of each rule, for messages."""
    from cep.language import ast
    from cep.language.format import format_declaration

    declared = [d for file in rules.rulebook.files for d in file.declarations if isinstance(d, ast.Rule)]
    return {d.name.text: _encodable(format_declaration(d)) for d in declared}


def _encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold, halves of surrogate pairs, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _first_change(was: str, now: str) -> str:
    """Where two texts first differ; when they do not, what they read is declared otherwise."""
    before, after = was.splitlines(), now.splitlines()
    for n in range(max(len(before), len(after))):
        a, b = (lines[n].strip() if n < len(lines) else "" for lines in (before, after))
        if a != b:
            return f": `{a}` is now `{b}`" if a and b else f": `{a}` is gone" if a else f": `{b}` is new"
    return ": what it reads is declared otherwise"

"""The engine: rules at work on events as they come.

Tested by: tests/app/test_engine.py, tests/test_corpus.py, tests/properties/
"""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime
from operator import index
from typing import TYPE_CHECKING, SupportsIndex

from cep.app.compile import compiled_looks, prepare
from cep.app.feeding import afeed, feed
from cep.app.rest import collector_rests
from cep.app.rules import Rules
from cep.app.snapshot import Counters, Options, Saved, take_snapshot
from cep.app.stats import count
from cep.app.summary import Summary
from cep.io.convert import Decoder, table_of
from cep.model.decided import Decided, join
from cep.model.errors import InputError, UsageError, kind_of
from cep.model.time import MAX_TIME, MIN_TIME, parse_time
from cep.runtime.clock import StreamClock
from cep.runtime.executor import Executor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping
    from typing import Literal

    from cep.app.stats import Stats
    from cep.io.convert import Decoded
    from cep.model.batch import EventBatch

__all__ = ["Engine"]


class Engine:
    """Rules at work: events in by `send` and `send_batch`, derived events out by return value and by `on`.

    ``rules`` may be several rulebooks that were loaded apart, see `Rules.of`.

    Every call returns what it decided, in result order, as batches of consecutive events of one type. ``shards``
    splits the keys of each rule over so many states (the output is the same). Rules that share no stream do not wait
    for each other, unless ``together`` is set: then all results are in one order. ``on_compile(done, total)`` is told
    when kernels have to be compiled, which happens once.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Test keyed by card
    ... when Pay as small where amount < 5 then Pay as big where amount > 100
    ... within 10 min
    ... emit Alert { card, taken = big.amount }
    ... ''')
    >>> engine = cep.Engine(rules)
    >>> engine.send("Pay", {"at": 0, "card": "c1", "amount": 1})
    []
    >>> [found] = engine.send("Pay", {"at": 60, "card": "c1", "amount": 500})
    >>> found.to_dicts()
    [{'card': 'c1', 'taken': 500}]
    """

    @collector_rests()
    def __init__(
        self,
        rules: Rules | Iterable[Rules],
        *,
        shards: int = 1,
        together: bool = False,
        on_compile: Callable[[int, int], None] | None = None,
    ) -> None:
        if shards < 1:
            msg = f"shards must be 1 or more, not {shards}"
            raise UsageError(msg)
        rules = Rules.of(rules)
        prepare(rules, on_compile)
        self._begun = clock.perf_counter()
        self._rules = self._loaded = rules
        self._options = Options(shards, together)
        book, plan = rules.rulebook, rules.plan
        parts = (plan.operators,) if together and plan.operators else plan.parts
        self._executors = [Executor(rules.programs, part, shards) for part in parts]
        # streams that no rule reads are judged and counted as the others are, and nobody waits for them
        read = {name for e in self._executors for name in e.clocks}
        unread = Executor(rules.programs, (), shards)
        unread.clocks = {n: StreamClock(plan.places[n], s.late) for n, s in book.streams.items() if n not in read}
        self._executors.append(unread)
        self._of: dict[str, Executor] = {name: e for e in self._executors for name in e.clocks}
        self._decoders: dict[str, Decoder] = {}
        self._rows = dict.fromkeys(book.streams, 0)
        self._callbacks: dict[str, list[Callable[[EventBatch], object]]] = {}
        self._closed = False
        self._telling = 0  # callbacks at work

    # -------------------------------------------------------------------------------------------------- events in

    def send(self, stream: str, event: Mapping[str, object]) -> Decided:
        """Take one event; return what it decides. A malformed or late one is counted, see `summary`, never raised.

        Raises `UsageError` for a stream that is not declared or has ended, and once the engine is closed.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... '''))
        >>> engine.send("Pay", {"at": 1, "card": "c1", "amount": 500})
        [<EventBatch Alert: 1 events, card, amount>]
        >>> engine.send("Pay", {"at": 2, "card": "c1", "amount": "much"})
        []
        >>> engine.summary.rejected
        {'Pay': 1}
        """
        decoder = self.decoder(stream)
        if decoder.row_reader is not None:
            values, executor, number = decoder.row_reader(event), self._of[stream], self._rows[stream]
            out = None if values is None else executor.take_one(stream, decoder.places, values, number)
            if out is not None:
                self._rows[stream] = number + 1
                return self._told(executor, out) if out.pieces else out
        return self.feed(stream, decoder.decode_rows([event], self._rows[stream]))

    def send_batch(self, stream: str, table: object) -> Decided:
        """Take events in order of arrival: an Arrow table, a data frame, a dict of columns, or an iterable of dicts.

        Raises `InputError` when a required column is missing or has a type of which no value can be read, and
        `UsageError` as `send` does.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... '''))
        >>> [found] = engine.send_batch("Pay", {"at": [1, 2], "card": ["c1", "c2"], "amount": [500, 700]})
        >>> found.to_dicts(meta=True)[1]["_time"]
        '1970-01-01T00:00:02Z'
        """
        whole = self.decoder(stream).decode_whole(table, self._rows[stream])
        if whole is not None:
            return self._feed(stream, whole)
        return join([self.feed(stream, decoded) for decoded in self.decode(stream, table)])

    def decode(self, stream: str, table: object) -> Iterator[Decoded]:
        """The rows of a table block by block; each is to be fed before the next is asked for."""
        decoder = self.decoder(stream)
        try:
            for block in table_of(table):
                yield decoder.decode(block, self._rows[stream])
        except InputError as error:
            error.stream = error.stream or stream  # what is no table at all does not know whose it should be
            raise

    def feed(self, stream: str, decoded: Decoded) -> Decided:
        """Take events that a source has decoded already."""
        self.decoder(stream)
        return self._feed(stream, decoded)

    def _feed(self, stream: str, decoded: Decoded) -> Decided:
        executor = self._of[stream]
        if executor.clocks[stream].ended:
            msg = f"{stream} has ended; nothing more can be sent to it"
            raise UsageError(msg)
        self._rows[stream] += decoded.rows
        executor.receive(stream, decoded.batch, decoded.rejected)
        return self._step(executor)

    def stream(
        self, source: Iterable[object], *, end: Literal["open", "final"] = "open"
    ) -> Generator[EventBatch, None, None]:
        """Read an iterator of events to its end and close; give what is decided, as it is decided.

        An item is (stream, event), (stream, table), an `EventBatch`, or with one declared stream an event alone; a dict
        is an event. Items are asked for as results are read.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... '''))
        >>> pays = ({"at": n, "card": "c1", "amount": 60 * n} for n in range(4))
        >>> [batch.to_dicts() for batch in engine.stream(pays)]
        [[{'card': 'c1', 'amount': 120}], [{'card': 'c1', 'amount': 180}]]
        """
        return feed(self, source, end)

    def astream(
        self,
        source: AsyncIterable[object] | Iterable[object] | Mapping[str, AsyncIterable[object] | Iterable[object]],
        *,
        end: Literal["open", "final"] = "open",
    ) -> AsyncGenerator[EventBatch, None]:
        """Read an asynchronous iterator, or several by stream; give what is decided, as it is decided.

        Items are as for `stream`; of a dict of sources they need not name their stream, which ends with its source.
        Leaving the loop or cancelling it closes the sources, not the engine.

        >>> import asyncio, cep
        >>> rules = cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... ''')
        >>> async def pays():
        ...     for n in range(3):
        ...         yield {"at": n, "card": "c1", "amount": 60 * n}
        >>> async def main():
        ...     async for batch in cep.Engine(rules).astream({"Pay": pays()}):
        ...         print(batch.to_dicts())
        >>> asyncio.run(main())
        [{'card': 'c1', 'amount': 120}]
        """
        return afeed(self, source, end)

    def advance(self, time: SupportsIndex | str | datetime, stream: str | None = None) -> Decided:
        """Promise that no event before ``time`` (RFC 3339, datetime, or ns) will come on any stream, or on one.

        Raises `UsageError` for what is no time of the years 1678 to 2262, and as `send` does.

        >>> import cep
        >>> rules = cep.loads('''
        ... stream Temp ordered by at { at: time(s), machine: string }
        ... rule Silent keyed by machine when Temp as seen then no Temp for 5 min emit Quiet { machine }
        ... ''')
        >>> engine = cep.Engine(rules)
        >>> engine.send("Temp", {"at": 0, "machine": "m1"})
        []
        >>> engine.advance("1970-01-01T00:05:01Z")
        [<EventBatch Quiet: 1 events, machine>]
        """
        to = _nanoseconds(time)
        self._must_be_open()
        if stream is not None:
            self.decoder(stream)
        out: list[Decided] = []
        for executor in self._executors:
            for name, clock_of in executor.clocks.items():
                if stream in (None, name):
                    clock_of.advance(to)
            out.append(self._step(executor))
        return join(out)

    def end(self, stream: str) -> Decided:
        """Take note that a stream has ended: nobody waits for it any more, and nothing can be sent to it.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Order ordered by at { at: time(s), id: int }
        ... stream Paid ordered by at { at: time(s), id: int }
        ... rule Sold keyed by id when Order as o then Paid as p within 1 h emit Sale { id }
        ... '''))
        >>> engine.send("Order", {"at": 1, "id": 7})
        []
        >>> engine.send("Paid", {"at": 5, "id": 7})  # an order at 4 could still come
        []
        >>> engine.end("Order")
        [<EventBatch Sale: 1 events, id>]
        """
        self.decoder(stream)
        executor = self._of[stream]
        executor.clocks[stream].ended = True
        return self._step(executor)

    def close(self, end: Literal["open", "final"] = "open") -> Decided:
        """End every stream; return what that decides. With ``final`` time runs out: open absences and loops are
        decided too.

        Afterwards nothing can be sent any more.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Temp ordered by at { at: time(s), machine: string }
        ... rule Silent keyed by machine when Temp as seen then no Temp for 5 min emit Quiet { machine }
        ... '''))
        >>> engine.send("Temp", {"at": 0, "machine": "m1"})
        []
        >>> engine.close("final")
        [<EventBatch Quiet: 1 events, machine>]
        """
        if end not in ("open", "final"):
            msg = f"end is 'open' or 'final', not {end!r}"
            raise UsageError(msg)
        if self._closed:
            return Decided()
        out: list[Decided] = []
        clocks = [c for executor in self._executors for c in executor.clocks.values()]
        highest = max((c.highest for c in clocks), default=MIN_TIME)
        for clock_of in clocks:
            clock_of.ended = True
            if highest > MIN_TIME:  # just past the greatest time seen on any stream, of another part too
                clock_of.advance(highest + 1)
        for executor in self._executors:
            out.append(self._step(executor))
            if end == "final":
                out.append(self._step(executor, final=True))
        self._closed = True
        return join(out)

    def set(self, param: str, value: object) -> None:
        """Give a param another value, for the events that arrive from now on; see "Changing rules" in the semantics.

        ``value`` is an int, float, Decimal, bool, str, timedelta or datetime, or a text as ``--set`` takes it. Raises
        `UsageError` for a param that is not there, a value of another type, and a param that sets a deadline.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... param limit: int = 100
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > limit emit Alert { card, amount }
        ... '''))
        >>> engine.set("limit", 1000)
        >>> engine.send("Pay", {"at": 1, "card": "c1", "amount": 500})
        []
        >>> engine.set("limt", 5)
        Traceback (most recent call last):
        ...
        cep.model.errors.UsageError: there is no param `limt`: did you mean `limit`?
        """
        from cep.app.changes import changed

        self._must_be_open()
        named: object = param  # whatever its type says
        if not isinstance(named, str):
            msg = f"a param is told by its name, not by {kind_of(named)}"
            raise UsageError(msg)
        self._rules, programs = changed(self._rules, param, value)
        for executor in self._executors:
            executor.change(programs)

    # ------------------------------------------------------------------------------------------------- results out

    def on(self, type: str, callback: Callable[[EventBatch], object]) -> None:  # noqa: A002  (the language's word)
        """Call ``callback`` with every batch of a derived type, or of ``Late.X`` or ``Rejected.X``, as it comes out.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... '''))
        >>> engine.on("Alert", lambda batch: print(batch.to_dicts()))
        >>> engine.on("Rejected.Pay", lambda batch: print(batch["reason"].to_list()))
        >>> found = engine.send("Pay", {"at": 1, "card": "c1", "amount": 500})
        [{'card': 'c1', 'amount': 500}]
        >>> found = engine.send("Pay", {"at": 2, "card": "c1"})
        ['amount is missing']
        """
        if type not in self._rules.rulebook.sources or type in self._rules.rulebook.streams:
            known = ", ".join(self._rules.rulebook.derived) or "none"
            msg = f"no rule emits {type}; derived types: {known}"
            raise UsageError(msg)
        given: object = callback  # whatever its type says
        if not callable(given):
            msg = f"what is called with the events of {type} is a function, not {callback!r}"
            raise UsageError(msg)
        self._callbacks.setdefault(type, []).append(callback)

    @property
    def rules(self) -> Rules:
        """The rules, with the params that they have now."""
        return self._rules

    @property
    def summary(self) -> Summary:
        """What was counted so far."""
        return Summary.of(self.stats())

    def stats(self) -> Stats:
        """What was counted so far, and what is held now, by stream and by rule.

        >>> import cep
        >>> engine = cep.Engine(cep.loads('''
        ... stream Pay ordered by at late 1 min { at: time(s), card: string, amount: int }
        ... rule Big from Pay where amount > 100 emit Alert { card, amount }
        ... '''))
        >>> engine.send("Pay", {"at": 1, "card": "c1", "amount": 500})
        []
        >>> engine.stats().rules["Big"].waiting  # an event before it could still come
        1
        """
        return count(self._rules.rulebook, self._executors, clock.perf_counter() - self._begun)

    # --------------------------------------------------------------------------------------------------- snapshots

    def snapshot(self) -> bytes:
        """All that the engine remembers, as bytes: the same for the same events, however they were cut into calls.

        Callbacks and the wall time of the summary are not held. Raises `UsageError` from within a callback, when what
        is being told would be lost.

        >>> import cep
        >>> rules = cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Test keyed by card
        ... when Pay as small where amount < 5 then Pay as big where amount > 100
        ... within 10 min
        ... emit Alert { card, taken = big.amount }
        ... ''')
        >>> engine = cep.Engine(rules)
        >>> engine.send("Pay", {"at": 0, "card": "c1", "amount": 1})
        []
        >>> saved = engine.snapshot()
        >>> saved == cep.Engine.restore(rules, saved).snapshot()
        True
        """
        if self._telling:
            msg = "a snapshot is taken between two calls, not within a callback: what is told now would be lost"
            raise UsageError(msg)
        counters = Counters(self._rows, self._closed)
        return take_snapshot(self._loaded, self._rules, self._options, self._executors, counters)

    @classmethod
    def restore(
        cls,
        rules: Rules | Iterable[Rules],
        data: bytes | bytearray | memoryview,
        *,
        changed: Literal["refuse", "start empty"] = "refuse",
        shards: int | None = None,
        together: bool | None = None,
        on_compile: Callable[[int, int], None] | None = None,
    ) -> Engine:
        """An engine that goes on where the one that made the snapshot stood: it gives out the same, to the byte.

        Options are those of the snapshot unless given, and then they must be the same. Raises `SnapshotError` when
        ``data`` is no snapshot, damaged, or of another format, and for other rules, params or streams, with what
        differs. With ``changed="start empty"`` rules and streams that are the same go on and the others start empty.

        >>> import cep
        >>> rules = cep.loads('''
        ... stream Pay ordered by at { at: time(s), card: string, amount: int }
        ... rule Test keyed by card when Pay as a where amount < 5 then Pay as b within 1 h emit Alert { card }
        ... ''')
        >>> engine = cep.Engine(rules)
        >>> engine.send("Pay", {"at": 0, "card": "c1", "amount": 1})
        []
        >>> again = cep.Engine.restore(rules, engine.snapshot())
        >>> [found] = again.send("Pay", {"at": 60, "card": "c1", "amount": 500})
        >>> found.to_dicts()
        [{'card': 'c1'}]
        """
        if changed not in ("refuse", "start empty"):
            msg = f"changed is 'refuse' or 'start empty', not {changed!r}"
            raise UsageError(msg)
        saved = Saved(data)
        options = saved.options(shards, together)
        engine = cls(rules, shards=options.shards, together=options.together, on_compile=on_compile)
        for param, value in saved.changes(engine._loaded).items():
            engine.set(param, value)
        counters = saved.load(engine._loaded, engine._executors, changed)
        engine._rows, engine._closed = counters.rows, counters.closed
        return engine

    # ------------------------------------------------------------------------------------------------------ inside

    def _must_be_open(self) -> None:
        if self._closed:
            msg = "the engine is closed; start another"
            raise UsageError(msg)

    def _step(self, executor: Executor, *, final: bool = False) -> Decided:
        return self._told(executor, executor.step(final=final))

    def _told(self, executor: Executor, out: Decided) -> Decided:
        """What was decided, once callbacks have been told of it."""
        if not self._callbacks:
            executor.side_events.clear()
            return out
        self._telling += 1
        try:
            self._tell(executor, out)
        finally:
            self._telling -= 1
        return out

    def _tell(self, executor: Executor, out: Decided) -> None:
        if executor.side_events:
            aside = dict(executor.side_events)
            executor.side_events.clear()  # first: a callback may send, and may raise
            for name, batches in aside.items():
                for call in self._callbacks.get(name, ()):
                    for batch in batches:
                        call(batch)
        if self._callbacks and any(b.schema.name in self._callbacks for piece in out.pieces for b in piece.batches):
            for batch in out:
                for call in self._callbacks.get(batch.schema.name, ()):
                    call(batch)

    @property
    def only_stream(self) -> str:
        """The one declared stream. Raises `UsageError` where there are others, or none."""
        declared = list(self._rules.rulebook.streams)
        if len(declared) != 1:
            msg = f"say which stream an event is of: (stream, event); declared are {', '.join(declared) or 'none'}"
            raise UsageError(msg)
        return declared[0]

    def decoder(self, stream: str) -> Decoder:
        """What reads rows of a declared stream. Raises `UsageError` for another name, and once the engine is closed."""
        found = None if self._closed else self._decoders.get(stream)
        if found is None:
            self._must_be_open()
            schema = self._rules.rulebook.streams.get(stream)
            if schema is None:
                raise UsageError(_unknown(stream, self._rules))
            found = self._decoders[stream] = Decoder(
                schema, looks=compiled_looks(), ahead=self._of[stream].ahead(stream)
            )
        return found


def _unknown(stream: object, rules: Rules) -> str:
    import difflib

    if not isinstance(stream, str):
        return f"a stream is told by its name, not by {kind_of(stream)}"
    book = rules.rulebook
    if stream in book.derived:
        return f"{stream} is derived by rules; events are sent to declared streams"
    if stream in book.variants:
        return f"{stream} is a variant; send to one of {', '.join(book.variants[stream])}"
    near = difflib.get_close_matches(stream, book.streams, 1)
    hint = f"; did you mean {near[0]}?" if near else f"; declared are {', '.join(book.streams) or 'none'}"
    return f"no stream {stream} is declared{hint}"


def _nanoseconds(time: SupportsIndex | str | datetime) -> int:
    if isinstance(time, bool) or not isinstance(time, SupportsIndex | str | datetime):
        msg = f"a time is RFC 3339 text, a datetime or nanoseconds since 1970, not {type(time).__name__}"
        raise UsageError(msg)
    if isinstance(time, str):
        try:
            return parse_time(time)
        except ValueError as error:
            raise UsageError(str(error)) from None
    if isinstance(time, SupportsIndex):  # an int, or numpy's
        ns = index(time)
    else:
        aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        since = aware - datetime(1970, 1, 1, tzinfo=UTC)
        ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    if not MIN_TIME <= ns <= MAX_TIME:
        msg = f"{time} is outside the years 1678 to 2262"
        raise UsageError(msg)
    return ns

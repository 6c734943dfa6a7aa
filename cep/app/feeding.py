"""Feeding: events from iterators into an engine, plain and asynchronous, and what they decide as an iterator.

What an iterator brings is one of

| item | stands for |
|---|---|
| ``(stream, event)`` | a dict: one event of a stream |
| ``(stream, table)`` | a table of events of a stream, as `Engine.send_batch` takes them, but for a dict |
| an `EventBatch` | events of the stream of its name |
| a dict, a table | the same of the only stream that is declared |

Nothing is asked of a source before what it gave is taken in and what that decided was asked for: whoever reads the
results sets the pace. Of several asynchronous sources each is asked for one item, and what comes first is taken first.
Where the reader stops - by an error, by cancelling, by closing the iterator - the sources are closed; the engine stays
as it is, and can be sent more, or closed for what is still open.
Cost: a task an item of each asynchronous source.
Tested by: tests/app/test_feeding.py
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from cep.model.batch import EventBatch
from cep.model.errors import UsageError, kind_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from cep.app.engine import Engine
    from cep.model.decided import Decided

    _Items = AsyncGenerator[tuple[str, object], None]

_ENDED = object()
_AT_ONCE = 4096  # events of one stream that are taken together where nobody waits for each


def feed(engine: Engine, source: object, end: Literal["open", "final"]) -> Generator[EventBatch, None, None]:
    """Take all items of a plain iterator, one after the other; give what they decide, at last what the end decides."""
    try:
        for item in plain(source):
            yield from take(engine, *named(engine, item))
        yield from engine.close(end)
    finally:
        close = getattr(source, "close", None)
        if isinstance(source, Iterator) and close is not None:
            close()


async def afeed(engine: Engine, source: object, end: Literal["open", "final"]) -> AsyncGenerator[EventBatch, None]:
    """The same of an asynchronous iterator, or of several by stream."""
    if isinstance(source, Mapping):
        items = _merged(engine, {name: _asynchronous(each) for name, each in source.items()})
    else:
        items = _only(engine, _asynchronous(source))
    try:
        async for stream, item in items:
            for batch in engine.end(stream) if item is _ENDED else take(engine, stream, item):
                yield batch
        for batch in engine.close(end):
            yield batch
    finally:
        await items.aclose()


def grouped(engine: Engine, source: object) -> Iterator[Decided]:
    """The same of a plain iterator of which nobody waits for each item: events of one stream are taken together."""
    waiting: list[object] = []
    of = ""
    for item in plain(source):
        stream, found = named(engine, item)
        if waiting and (stream != of or not isinstance(found, Mapping) or len(waiting) == _AT_ONCE):
            yield engine.send_batch(of, waiting)
            waiting = []
        if isinstance(found, Mapping):
            waiting.append(found)
            of = stream
        else:
            yield take(engine, stream, found)
    if waiting:
        yield engine.send_batch(of, waiting)


def plain(source: object) -> Iterable[object]:
    """A source as an iterable of items."""
    if isinstance(source, EventBatch) or _is_table(source):
        return [source]
    if isinstance(source, str | bytes | Mapping) or not isinstance(source, Iterable):
        msg = f"give the data as a dict of stream to table, or an iterable of (stream, event), not {kind_of(source)}"
        if isinstance(source, AsyncIterable):
            msg = "this is an asynchronous source; `async for … in engine.astream(source)` reads it"
        raise UsageError(msg)
    return source


def named(engine: Engine, item: object) -> tuple[str, object]:
    """An item with the stream that it is of."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        return item
    if isinstance(item, EventBatch):
        return item.schema.name, item
    if isinstance(item, tuple):
        msg = "an item is (stream, event), an event or a table"
        raise UsageError(msg)
    return engine.only_stream, item


def take(engine: Engine, stream: str, item: object) -> Decided:
    """Take one item of a stream."""
    if isinstance(item, Mapping):
        return engine.send(stream, item)
    return engine.send_batch(stream, item)


# -------------------------------------------------------------------------------------------------- asynchronous


class _Plain:
    """A plain iterable read as an asynchronous one, which lets others have their turn."""

    def __init__(self, items: Iterable[object]) -> None:
        self._items = iter(items)

    def __aiter__(self) -> _Plain:
        return self

    async def __anext__(self) -> object:
        from asyncio import sleep

        await sleep(0)
        for item in self._items:
            return item
        raise StopAsyncIteration


def _asynchronous(source: object) -> AsyncIterator[object]:
    if isinstance(source, AsyncIterable):
        return aiter(source)
    return _Plain(plain(source))


async def _close(iterator: object) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()


async def _only(engine: Engine, items: AsyncIterator[object]) -> _Items:
    try:
        async for item in items:
            yield named(engine, item)
    finally:
        await _close(items)


async def _merged(engine: Engine, sources: Mapping[str, AsyncIterator[object]]) -> _Items:
    import asyncio

    for stream in sources:
        engine.decoder(stream)  # a name that is no stream is told before anything is read
    asked: dict[asyncio.Future[object], str] = {}

    def ask(stream: str) -> None:
        asked[asyncio.ensure_future(_next(sources[stream]))] = stream

    try:
        for stream in sources:
            ask(stream)
        while asked:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in asked if task in done]:
                item = task.result()
                stream = asked.pop(task)
                yield stream, item
                if item is not _ENDED:
                    ask(stream)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        for iterator in sources.values():
            await _close(iterator)


async def _next(items: AsyncIterator[object]) -> object:
    return await anext(items, _ENDED)


def _is_table(source: object) -> bool:
    return hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")

"""Reading ahead: a thread makes the next items of an iterator while its user works on the one at hand.

Invariants: items come in their order, and what the iterator raises comes in its place, behind all that was before it;
no more than `DEPTH` finished items wait; the iterator is never in two threads at once. The thread lives only while
there is room to fill, so an iterator that nobody goes on with, or closes, holds nothing up, the end of the program
neither. Waiting for an item can be interrupted by a signal, which is then raised here as anywhere else.
Cost: a few microseconds an item, a tenth of a millisecond when the thread had ended; what is gained is the time that
both spend outside of Python's lock.
Tested by: tests/io/test_ahead.py
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

Item = TypeVar("Item")

DEPTH = 4


class _End:
    """Behind the last item: the iterator has ended, or raised ``error``."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class ReadAhead(Generic[Item]):
    """The items of a generator, made ahead of their use from the first that is asked for on."""

    def __init__(self, items: Generator[Item, None, None], depth: int = DEPTH) -> None:
        self._items = items
        self._depth = depth
        self._ready: SimpleQueue[Item | _End] = SimpleQueue()  # its waiting, alone, is safe to leave by an exception
        self._reading = threading.Lock()  # around the iterator
        self._counting = threading.Lock()  # around the three below
        self._waiting = 0
        self._is_filling = False
        self._is_over = False  # nothing more is to be made: at the end, or closed
        self._thread: threading.Thread | None = None

    def __iter__(self) -> ReadAhead[Item]:
        return self

    def __next__(self) -> Item:
        self._fill()
        if self._is_over and not self._waiting:
            raise StopIteration
        item = self._ready.get()
        with self._counting:
            self._waiting -= 1
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            raise StopIteration
        self._fill()
        return item

    def close(self) -> None:
        """Make nothing more, and close the generator, once the item at hand is done."""
        self._is_over = True
        with self._reading:
            self._items.close()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()

    def _fill(self) -> None:
        with self._counting:
            if self._is_filling or self._is_over or self._waiting >= self._depth:
                return
            self._is_filling = True
        self._thread = threading.Thread(target=self._make, name="cep-read-ahead")
        self._thread.start()

    def _make(self) -> None:
        goes_on = True
        while goes_on:
            item = self._next()
            with self._counting:
                self._ready.put(item)
                self._waiting += 1
                self._is_over = self._is_over or isinstance(item, _End)
                goes_on = self._is_filling = not self._is_over and self._waiting < self._depth

    def _next(self) -> Item | _End:
        with self._reading:
            if self._is_over:
                return _End(None)
            try:
                return next(self._items)
            except StopIteration:
                return _End(None)
            except BaseException as error:
                return _End(error)

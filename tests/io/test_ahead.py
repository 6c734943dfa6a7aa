"""Reading ahead changes nothing but the time: order, errors in their place, bounds, and an end without remains."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from cep.io.ahead import DEPTH, ReadAhead


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "cep-read-ahead"]


def full(ahead):
    """Wait until the thread has ended, which it does when there is no more room."""
    ahead._thread.join()
    return ahead


class FailedError(Exception):
    """What a generator raises."""


def counting(made, end=1000, error=None):
    try:
        for number in range(end):
            made.append(number)
            yield number
        if error is not None:
            raise error
    finally:
        made.append("closed")


def test_items_come_in_their_order():
    assert list(ReadAhead(counting([]))) == list(range(1000))
    assert list(ReadAhead(counting([], 0))) == []
    assert not threads()


def test_what_is_raised_comes_behind_all_that_was_before_it():
    ahead = ReadAhead(counting([], 7, FailedError("here")))
    assert [next(ahead) for _ in range(7)] == list(range(7))
    for error in (FailedError, StopIteration, StopIteration):
        with pytest.raises(error):
            next(ahead)
    full(ahead)
    assert not threads()


def test_nothing_is_made_before_the_first_is_asked_for():
    made = []
    ReadAhead(counting(made))
    assert made == []
    assert not threads()


def test_a_slow_user_finds_no_more_than_the_depth_waiting():
    made = []
    ahead = ReadAhead(counting(made))
    for taken in range(1, 6):
        next(ahead)
        full(ahead)
        assert len(made) == taken + DEPTH
    ahead.close()


def test_who_leaves_early_leaves_no_thread_and_a_closed_generator():
    made = []
    ahead = ReadAhead(counting(made))
    assert next(ahead) == 0
    ahead.close()
    assert made[-1] == "closed"
    assert len(made) <= 1 + DEPTH + 1
    assert not threads()
    ahead.close()


def test_a_forgotten_one_holds_no_thread():
    ahead = ReadAhead(counting([]))
    next(ahead)
    full(ahead)
    assert not threads()


def test_closing_waits_for_the_item_at_hand():
    begun, go, made = threading.Event(), threading.Event(), []

    def slow():
        try:
            yield 1
            begun.set()
            go.wait()
            made.append(2)
            yield 2
        finally:
            made.append("closed")

    ahead = ReadAhead(slow())
    assert next(ahead) == 1
    begun.wait()
    closing = threading.Thread(target=ahead.close)
    closing.start()
    go.set()
    closing.join()
    assert made == [2, "closed"]
    assert not threads()


def test_a_signal_is_taken_while_an_item_is_waited_for():
    go = threading.Event()

    def stop(_number, _frame):
        raise FailedError("asked to stop")

    def waiting():
        os.kill(os.getpid(), signal.SIGUSR1)
        go.wait()
        yield 1

    before = signal.signal(signal.SIGUSR1, stop)
    ahead = ReadAhead(waiting())
    try:
        with pytest.raises(FailedError):
            next(ahead)
    finally:
        signal.signal(signal.SIGUSR1, before)
        go.set()
        ahead.close()
    assert not threads()

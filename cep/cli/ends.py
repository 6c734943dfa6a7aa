"""Ends: how a command ends, and what it says then.

| ended by | exit | on standard error |
|---|---|---|
| nothing to report | 0 | |
| input, output (`CepError`) | 1 | the message |
| a rule's mistake (`RuleError`) | 2 | every mistake with its place |
| a function of a Python module that failed its rule | 2 | the rule, the event and what was said, in the summary |
| a test that failed | 3 | |
| a wrong command line | 64 | the message, and which help to read |
| a fault of ours | 70 | the trace |
| Ctrl-C, SIGTERM | 130, 143 | `interrupted`, and the summary |
| a reader of our output that went away | 0 | nothing: it has read what it wanted |

A mistake of the user's never shows a trace.
Tested by: tests/cli/test_command.py, tests/cli/test_bad_input.py
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from cep.model.errors import CepError, RuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

OK, INPUT, RULE, FAILED, USAGE, FAULT = 0, 1, 2, 3, 64, 70


class Interrupted(BaseException):  # a request, as KeyboardInterrupt is; no `except Exception` may eat it
    """The user, or the system, asked the command to stop; ``is_told`` once the user has read how far it got."""

    def __init__(self, number: int) -> None:
        self.is_told = False
        self.number = number
        self.exit_code = 128 + number
        super().__init__(f"signal {number}")


class Stop:
    """Ctrl-C and SIGTERM, taken where it does no harm.

    While a `held` block runs (a batch in the engine, a write to the output) the signal waits for its end, so that no
    line is torn and no decided event lost; a second signal does not wait.
    """

    def __init__(self) -> None:
        self._held = False
        self._asked = 0

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._held and not self._asked:
            self._asked = number
            return
        raise Interrupted(number)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Stop]:
        """Take the two signals over, and give them back at the end."""
        before: dict[signal.Signals, object] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not the main thread: then signals are the host's affair
                before[number] = signal.signal(number, self._on_signal)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let a signal wait until the block has ended."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise Interrupted(self._asked)


def reader_is_gone(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, is a pipe that nobody reads any more."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, BrokenPipeError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def say(text: str) -> None:
    """Write a line on standard error; a closed standard error is nobody's loss."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def ending(command: Callable[[], object]) -> int:
    """Run ``command``; say what went wrong, if anything; return the exit code."""
    try:
        returned = command()
        if sys.stdout is not None:
            sys.stdout.flush()
        return returned if isinstance(returned, int) else OK
    except RuleError as error:
        count = sum(d.severity == "error" for d in error.diagnostics)
        say(f"{error}\n{count} mistake{'s' * (count != 1)}")
        return error.exit_code
    except Interrupted as error:
        if not error.is_told:
            say("interrupted")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else OK
    except Exception as error:
        if reader_is_gone(error):
            _leave_standard_output()
            return OK
        return _complain(error)


def _complain(error: Exception) -> int:
    if isinstance(error, CepError):
        say(f"error: {error}")
        return error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # a wrong command line, from typer
        return _usage(error)
    if type(error).__name__ == "Abort":
        say("interrupted")
        return 128 + signal.SIGINT
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        say(f"error: {named}{error.strerror or error}")
        if error.filename is None:
            _leave_standard_output()  # a full disk under standard output: nothing more can be flushed there
        return INPUT
    import traceback

    say(f"this is a fault of cep, not of your input; please report it with these lines\n{traceback.format_exc()}")
    return FAULT


def _usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    message = str(error.format_message())  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        say(message)
        return USAGE
    path = context.command_path if context is not None else "cep"
    message = message.replace(": Value error, ", ": ").replace(": Input should be ", ": it should be ")
    say(f"error: {message[:1].lower()}{message[1:].rstrip('.')}\n  hint: {path} --help")
    return USAGE


def _leave_standard_output() -> None:
    """Point standard output at nothing, so that what is left in its buffer cannot fail at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)

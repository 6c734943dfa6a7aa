"""A pipe gets the notice that kernels compile, and nothing else; a terminal gets a line that moves."""

from __future__ import annotations

import io
import sys

from cep.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_is_told_once_that_kernels_compile(capfd):
    with Progress() as progress:
        for done in range(4):
            progress.compiling(done, 3)
        progress.show(10, 2, 0.5)
    assert capfd.readouterr().err == "compiling kernels, once: 0 of 3\n"


def test_a_terminal_sees_events_rate_and_matches(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress() as progress:
        progress.compiling(1, 2)
        progress.compiling(2, 2)
        progress.show(1234567, 89, None)
        progress.show(1234567, 89, 0.5)
    text = terminal.getvalue()
    assert "compiling kernels, once: 1 of 2" in text
    assert "1,234,567 events" in text
    assert "89 matches" in text

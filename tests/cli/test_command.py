"""Every way in which a command line can end has its exit code and its words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from cep.cli import ends
from cep.model.diagnostics import Diagnostic, Source, Span
from cep.model.errors import InputError, OutputError, RuleError, UsageError


def test_version_is_the_packages(cep):
    import cep as package

    ended = cep("--version")
    assert (ended.code, ended.out) == (0, f"cep {package.__version__}\n")


def test_help_names_every_command(cep):
    ended = cep("--help")
    assert ended.code == 0
    commands = ("run", "check", "explain", "test", "fmt", "schema", "demo")
    assert all(f"\n  {name} " in ended.out for name in commands)


@pytest.mark.parametrize("command", ["run", "check", "explain", "test", "fmt", "schema", "demo"])
def test_every_command_has_help(cep, command):
    ended = cep(command, "--help")
    assert ended.code == 0
    assert f"cep {command}" in ended.out


def test_no_command_shows_the_help_as_a_usage_error(cep):
    ended = cep()
    assert ended.code == 64
    assert "run" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [("sing",), ("run",), ("run", "x.cep", "--end", "sometime"), ("run", "x.cep", "--shards", "0"), ("--loud",)],
)
def test_a_wrong_command_line_exits_64_and_points_at_the_help(cep, arguments):
    ended = cep(*arguments)
    assert ended.code == 64
    assert ended.err.startswith("error: ")
    assert "--help" in ended.err


def test_a_wrong_value_is_told_in_the_words_of_the_command_line(cep):
    told = cep("run", "x.cep", "--end", "sometime").err
    assert told.startswith("error: invalid value for '--end': 'sometime' is not one of 'open', 'final'\n")
    told = cep("run", "x.cep", "--shards", "0").err
    assert told.startswith("error: invalid value for '--shards': it should be ")


def raising(error):
    def command():
        raise error

    return command


SPAN = Span(0, 1, 1, 1)
MISTAKE = Diagnostic("unknown-field", "no field x", Source("a.cep", "x"), SPAN)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("gone", path="a.csv"), 1),
        (OutputError("full"), 1),
        (UsageError("cannot be"), 64),
        (RuleError([MISTAKE]), 2),
        (OSError(28, "No space left on device"), 1),
        (PermissionError(13, "Permission denied", "x.csv"), 1),
        (KeyboardInterrupt(), 130),
        (ends.Interrupted(signal.SIGTERM), 143),
    ],
)
def test_each_error_has_its_exit_code_and_no_trace(capfd, monkeypatch, error, code):
    monkeypatch.setattr(ends, "_leave_standard_output", lambda: None)
    assert ends.ending(raising(error)) == code
    assert "Traceback" not in capfd.readouterr().err


def test_all_mistakes_of_a_rule_are_shown_and_counted(capfd):
    assert ends.ending(raising(RuleError([MISTAKE, MISTAKE]))) == 2
    err = capfd.readouterr().err
    assert err.count("a.cep:1:1: error[unknown-field]: no field x") == 2
    assert err.endswith("2 mistakes\n")


def test_a_fault_of_ours_is_named_as_such_with_its_trace(capfd):
    assert ends.ending(raising(ZeroDivisionError("oh"))) == 70
    err = capfd.readouterr().err
    assert "this is a fault of cep" in err
    assert "ZeroDivisionError: oh" in err


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), OutputError("standard output: Broken pipe")])
def test_a_reader_that_goes_away_is_no_error(capfd, monkeypatch, error):
    if isinstance(error, OutputError):
        error.__cause__ = BrokenPipeError(32, "Broken pipe")
    monkeypatch.setattr(ends, "_leave_standard_output", lambda: None)
    assert ends.ending(raising(error)) == 0
    assert capfd.readouterr().err == ""


def test_a_signal_waits_for_the_end_of_a_held_block():
    done = []

    def held() -> None:
        with ends.Stop().listening() as stop, stop.held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the block")

    with pytest.raises(ends.Interrupted) as caught:
        held()
    assert done == ["the block"]
    assert caught.value.exit_code == 130


def test_a_second_signal_does_not_wait():
    done = []

    def held() -> None:
        with ends.Stop().listening() as stop, stop.held():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("the block")

    with pytest.raises(ends.Interrupted) as caught:
        held()
    assert done == []
    assert caught.value.exit_code == 143


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    with ends.Stop().listening():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_python_dash_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "cep", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cep ")

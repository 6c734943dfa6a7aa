"""``cep run``: rules over files or standard input, derived events to a file or standard output.

Derived events are written as they are decided. However the run ends - an input that breaks off, Ctrl-C, a full disk -
what was decided before is written, and the summary says how far it got.
Tested by: tests/cli/test_run.py, tests/cli/test_bad_input.py
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cep.model.errors import CepError, OutputError

if TYPE_CHECKING:
    from cep.app.rules import Rules
    from cep.cli.inputs import Inputs


class End(StrEnum):
    """What the end of the input means."""

    OPEN = "open"
    FINAL = "final"


def run(
    rules: Annotated[list[Path], typer.Argument(metavar="RULES...", help="Rule files, or folders of .cep files.")],
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="STREAM=PATH",
            help="Where a stream is read from: .csv, .jsonl, .parquet, .arrow, or - for JSON Lines on standard input. "
            "Once for each stream; or one PATH alone, with --type-column.",
        ),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="PATH", help="Where derived events go, by the ending; - is standard output.")
    ] = "-",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="Give a param another value.")
    ] = None,
    end: Annotated[
        End, typer.Option(help="At the end of the input: leave what is undecided open, or let time run out (final).")
    ] = End.OPEN,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Add _events: stream and row of each contributing event.")
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="STREAM.FIELD=COLUMN", help="Read a field from a column of another name."),
    ] = None,
    type_column: Annotated[
        str | None,
        typer.Option("--type-column", metavar="COLUMN", help="The column of --from PATH that names each row's stream."),
    ] = None,
    functions: Annotated[
        list[str] | None,
        typer.Option("--functions", metavar="MODULE", help="Let functions of this Python module run."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when an event was late or a row rejected.")] = False,
    shards: Annotated[int, typer.Option(min=1, metavar="N", help="Split keys over N states; same output.")] = 1,
) -> None:
    """Run rules over events; write what they derive."""
    import cep
    from cep.cli.inputs import inputs_of, refuse_overwriting
    from cep.cli.rulefiles import rule_files
    from cep.cli.settings import columns_of, functions_of, params_of

    allowed = functions_of(functions)
    loaded = cep.load(rule_files(rules), params=params_of(settings or ()), functions=allowed)
    inputs = inputs_of(sources or (), type_column, loaded.rulebook, columns_of(columns or ()))
    refuse_overwriting(inputs, to)
    if to == "-" and sys.stdout is None:
        raise OutputError("standard output is closed; name a file with --to")
    _run(loaded, inputs, to=to, final=end is End.FINAL, lineage=lineage, strict=strict, shards=shards)


def _run(rules: Rules, inputs: Inputs, *, to: str, final: bool, lineage: bool, strict: bool, shards: int) -> None:
    from cep.app.engine import Engine
    from cep.cli.drive import Tally, drive
    from cep.cli.ends import INPUT, RULE, Interrupted, Stop, reader_is_gone, say
    from cep.cli.inputs import open_inputs
    from cep.cli.progress import Progress
    from cep.cli.report import report
    from cep.io.sink import open_sink

    for warning in (*(w.render() for w in rules.rulebook.warnings), *(f"warning: {w}" for w in inputs.warnings)):
        say(warning)
    tally = Tally()
    failure: BaseException | None = None
    with Stop().listening() as stop, Progress() as progress:
        sources = open_inputs(inputs, rules.rulebook)
        sink = open_sink(to, list(rules.rulebook.derived.values()), lineage=lineage)
        engine = Engine(rules, shards=shards, together=True, on_compile=progress.compiling)
        try:
            drive(engine, sources, sink.write, stop, progress, tally, "final" if final else "open")
        except BaseException as error:  # whatever ends the run, what was decided is written before anything is said
            failure = error
        try:
            sink.close()
        except (OSError, CepError) as error:
            failure = failure or error
        for _, source in sources:
            source.close()
    if reader_is_gone(failure):
        raise BrokenPipeError from failure
    # rows of a declared stream that no rule reads are no mistake; rows of no stream at all are
    astray = {kind: count for kind, count in tally.other.items() if kind not in rules.rulebook.streams}
    ended = None if failure is None else "interrupted" if isinstance(failure, Interrupted) else "stopped"
    say(report(engine.summary, tally.reasons, astray, ended=ended))
    if isinstance(failure, Interrupted):
        failure.is_told = True
    if failure is not None:
        raise failure
    if engine.summary.failed:
        raise typer.Exit(RULE)
    if strict and (astray or not engine.summary.is_clean):
        raise typer.Exit(INPUT)

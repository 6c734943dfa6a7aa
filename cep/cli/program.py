"""The program: the commands of ``cep`` under their names.

Plain help text, not typer's rich panels: importing rich costs as much as the rest of the help (80 ms).
Tested by: tests/cli/test_command.py
"""

from __future__ import annotations

from typing import Annotated

import typer
from typer.main import get_command

from cep.cli.check import check
from cep.cli.demo import demo
from cep.cli.explain import explain
from cep.cli.fmt import fmt
from cep.cli.run import run
from cep.cli.schema import schema
from cep.cli.test import run_tests

app = typer.Typer(
    name="cep",
    help="Complex event processing: rules you can read aloud, run over events.",
    epilog="Exit codes: 0 done, 1 input or output, 2 a rule is wrong, 3 a test failed, 64 the command line is wrong.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from cep import __version__

        typer.echo(f"cep {__version__}")
        raise typer.Exit


@app.callback()
def cep(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Complex event processing: rules you can read aloud, run over events."""


for name, command in (
    ("run", run),
    ("check", check),
    ("explain", explain),
    ("test", run_tests),
    ("fmt", fmt),
    ("schema", schema),
    ("demo", demo),
):
    app.command(name)(command)

program = get_command(app)

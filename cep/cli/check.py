"""``cep check``: every mistake of some rule files, their warnings and notes, and the bound on each rule's state.

Mistakes, warnings and notes go to standard error, the rules with their bounds to standard output.
Tested by: tests/cli/test_check.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    rules: Annotated[list[Path], typer.Argument(metavar="RULES...", help="Rule files, or folders of .cep files.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="Give a param another value.")
    ] = None,
    functions: Annotated[
        list[str] | None,
        typer.Option("--functions", metavar="MODULE", help="Import this Python module and look for its functions."),
    ] = None,
) -> None:
    """Say every mistake, warning and note of the rules, and what each rule can keep in memory."""
    import cep
    from cep.cli.ends import say
    from cep.cli.rulefiles import rule_files
    from cep.cli.settings import functions_of, params_of

    allowed = functions_of(functions)
    checked = cep.load(rule_files(rules), params=params_of(settings or ()), functions=allowed).rulebook
    for found in (*checked.warnings, *checked.notes):
        say(found.render())
    for rule in checked.rules:
        typer.echo(f"{rule.name}: {rule.state_bound or 'no state'}")
    count, warnings, notes = len(checked.rules), len(checked.warnings), len(checked.notes)
    more = f", {notes} note{'s' * (notes != 1)}" if notes else ""
    typer.echo(
        f"{count} rule{'s' * (count != 1)}, no mistakes, {warnings or 'no'} warning{'s' * (warnings != 1)}{more}"
    )

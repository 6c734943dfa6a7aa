"""``cep check``: every mistake of some rule files, their warnings, and the bound on each rule's state.

Mistakes and warnings go to standard error, the rules with their bounds to standard output.
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
) -> None:
    """Say every mistake and warning of the rules, and what each rule can keep in memory."""
    import cep
    from cep.cli.ends import say
    from cep.cli.rulefiles import rule_files
    from cep.cli.settings import params_of

    checked = cep.load(rule_files(rules), params=params_of(settings or ())).rulebook
    for warning in checked.warnings:
        say(warning.render())
    for rule in checked.rules:
        typer.echo(f"{rule.name}: {rule.state_bound or 'no state'}")
    count, warnings = len(checked.rules), len(checked.warnings)
    typer.echo(f"{count} rule{'s' * (count != 1)}, no mistakes, {warnings or 'no'} warning{'s' * (warnings != 1)}")

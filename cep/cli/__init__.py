"""The command line: one file a command, and `main`, which turns every way a command can end into an exit code.

Importing this package, and asking for any help text, imports none of numpy, numba, pyarrow, lark: what a command
needs is imported when it runs.
Tested by: tests/cli/test_command.py, tests/cli/test_startup.py
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> NoReturn:
    """Run the command that the process was started with, and exit."""
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code. Nothing is raised: what went wrong is said on standard error."""
    from cep.cli.ends import ending
    from cep.cli.program import program

    return ending(lambda: program(list(arguments), prog_name="cep", standalone_mode=False))

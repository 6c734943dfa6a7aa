"""``cep schema``: a ``stream`` declaration for a data file, as a start for a rule file.

Tested by: tests/cli/test_schema.py
"""

from __future__ import annotations

import re
from typing import Annotated

import typer


def schema(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A data file, or - for JSON Lines on standard input.")],
    name: Annotated[str | None, typer.Option("--name", metavar="STREAM", help="The name of the stream.")] = None,
) -> None:
    """Print a stream declaration for a data file, by its first 10,000 rows."""
    from cep.app.infer import infer_stream
    from cep.model.errors import UsageError

    if name is not None and not re.fullmatch(r"[A-Z][A-Za-z0-9_]*", name):
        msg = f"--name {name}: a stream is named by a capital, then letters, digits and underscores"
        raise UsageError(msg)
    typer.echo(infer_stream(file, name), nl=False)

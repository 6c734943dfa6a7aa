"""``cep explain``: what became of the rules: operators, automata, where each condition is decided, cost, state.

Tested by: tests/cli/test_explain.py
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Format(str, Enum):  # noqa: UP042  (the values are what the command line shows)
    """How an explanation is printed."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"
    HTML = "html"


def explain(
    rules: Annotated[list[Path], typer.Argument(metavar="RULES...", help="Rule files, or folders of .cep files.")],
    rule: Annotated[list[str] | None, typer.Option("--rule", metavar="NAME", help="Only this rule.")] = None,
    form: Annotated[Format, typer.Option("--format", help="Text, or a picture.")] = Format.TEXT,
    program: Annotated[bool, typer.Option("--program", help="Print the generated programs too.")] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="Give a param another value.")
    ] = None,
) -> None:
    """Say how the rules run: operators, automata, generated code, cost and state."""
    import cep
    from cep.cli.rulefiles import rule_files
    from cep.cli.settings import params_of
    from cep.model.errors import UsageError

    loaded = cep.load(rule_files(rules), params=params_of(settings or ()))
    _require([r.name for r in loaded.rulebook.rules], rule or ())
    if program and form in (Format.MERMAID, Format.SVG):
        msg = f"--program prints text, and --format {form.value} a picture\n  hint: --format html has both"
        raise UsageError(msg)

    from cep.app import explain as explaining
    from cep.app.graphs import mermaid, page, svg

    chosen = [e for e in explaining.explain(loaded) if not rule or e.rule.name in rule]
    # of one rule its automaton; of all, how they hang together
    graphs = [] if rule else [explaining.operator_graph(loaded)]
    automata = [explaining.automaton_graph(e) for e in chosen]
    texts = [explaining.rule_text(e) + (f"\n{explaining.program_text(e)}" if program else "") for e in chosen]
    match form:
        case Format.TEXT:
            typer.echo("\n".join([*([] if rule else [explaining.plan_text(loaded)]), *texts]), nl=False)
        case Format.MERMAID:
            typer.echo("\n".join(map(mermaid, [*graphs, *automata])), nl=False)
        case Format.SVG:
            _one_picture(rule or [])
            typer.echo(svg((automata if rule else graphs)[0]), nl=False)
        case Format.HTML:
            parts = [("", svg(graph)) for graph in graphs]
            parts += [(text, svg(graph)) for text, graph in zip(texts, automata, strict=True)]
            typer.echo(page(", ".join(path.name for path in rules), parts), nl=False)


def _one_picture(chosen: list[str]) -> None:
    from cep.model.errors import UsageError

    if len(chosen) > 1:
        msg = "--format svg is one picture: of all rules together, or of one --rule\n  hint: --format html has many"
        raise UsageError(msg)


def _require(names: list[str], wanted: list[str] | tuple[()]) -> None:
    import difflib

    from cep.model.errors import UsageError

    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            msg = f"--rule {name}: there is no such rule" + (f"\n  hint: did you mean {near[0]}?" if near else "")
            raise UsageError(msg)

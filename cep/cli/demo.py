"""``cep demo``: the shipped rules over a year of flights out of New York, a table of what they found, and a picture.

The rules and their data lie in ``rules/flights`` of a source tree, or in ``cep/_rules/flights`` of an installed one.
Nothing is written but the picture and the cache of compiled kernels; where neither can be, the demo still runs.
Cost: one pass over some 990,000 events; seconds, and once on a machine the compiling of the kernels.
Tested by: tests/cli/test_demo.py, tests/test_packaging.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cep.model.errors import CepError, InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.app.rules import Rules
    from cep.app.summary import Summary
    from cep.cli.picture import Panel
    from cep.model.decided import Decided

TYPE_COLUMN = "kind"
HEADING = "Flights out of New York, 2013"


def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the picture goes; ./cep-demo, or a temporary folder."),
    ] = None,
) -> None:
    """Run the shipped rules over a year of flights; print what they found and draw it."""
    import cep
    from cep.cli.rulefiles import rule_files

    folder = shipped_rules() / "flights"
    rules = cep.load(rule_files([folder]))
    found = {rule.name: Found(rule.name, rule.description or "") for rule in rules.rulebook.rules}
    summary = _run(rules, folder / "flights.parquet", found)
    panels = [each.panel() for each in found.values()]
    _print_table(list(found.values()))
    typer.echo(f"{summary}, in {summary.seconds:.1f} s ({summary.rate:,.0f} events/s)")
    from cep.cli.picture import draw

    subheading = (
        f"What {len(panels)} rules found in {summary.total_events:,} events: planned, departed and arrived flights"
    )
    typer.echo(f"picture: {save_picture(draw(HEADING, subheading, panels), out)}")
    typer.echo(f"rules:   {folder}")


@dataclass(slots=True)
class Found:
    """What one rule has found so far: how many matches on which day (from 1970), and the first and last time."""

    name: str
    description: str
    days: dict[int, int] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None

    def add(self, times: Sequence[int]) -> None:
        """Take matches in, at ``times`` in nanoseconds."""
        from cep.cli.picture import days_of

        for day, count in days_of(times).items():
            self.days[day] = self.days.get(day, 0) + count
        low, high = min(times), max(times)
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    @property
    def total(self) -> int:
        """Matches on all days."""
        return sum(self.days.values())

    def panel(self) -> Panel:
        """The rule's panel of the picture."""
        from cep.cli.picture import Panel

        return Panel(self.name, self.description, self.days)


def shipped_rules() -> Path:
    """The folder of the rules that come with cep: beside the package in a source tree, inside it when installed."""
    import cep

    package = Path(cep.__file__).parent
    beside, inside = package.parent / "rules", package / "_rules"
    for folder in (beside, inside):
        # a folder of that name may lie beside an installed package too: only one that holds the demo is meant
        if (folder / "flights" / "flights.parquet").is_file():
            return folder
    raise InputError("the rules of the demo are not installed", path=str(inside), hint="install cep again")


def save_picture(picture: str, out: Path | None) -> Path:
    """Write the picture into ``out``, else ./cep-demo, else a temporary folder; return where it is."""
    import contextlib
    import tempfile

    if out is not None:
        try:
            return _write(picture, out)
        except OSError as error:
            msg = f"{out}: {error.strerror}"
            raise OutputError(msg) from error
    with contextlib.suppress(OSError):
        return _write(picture, Path("cep-demo"))
    return _write(picture, Path(tempfile.mkdtemp(prefix="cep-demo-")))


def _write(picture: str, folder: Path) -> Path:
    """Write by renaming, so that of several demos at once each leaves a whole picture."""
    import os
    import tempfile

    folder.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".matches.", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(picture)
    Path(beside).chmod(0o644)
    place = folder / "matches.svg"
    Path(beside).replace(place)
    return place.absolute()


def _run(rules: Rules, data: Path, found: dict[str, Found]) -> Summary:
    from cep.app.engine import Engine
    from cep.cli.drive import Tally, drive
    from cep.cli.ends import Stop, say
    from cep.cli.inputs import Input, Inputs, open_inputs, streams_read
    from cep.cli.progress import Progress

    def note(decided: Decided) -> None:
        for batch in (batch for piece in decided.pieces for batch in piece.batches):
            origin = batch.provenance
            assert origin is not None, "a derived event knows its rule"
            for number, name in enumerate(origin.rules):
                times = batch.ts[origin.rule == number].tolist()
                if times:
                    found[name].add(times)

    tally = Tally()
    failure: BaseException | None = None
    with Stop().listening() as stop, Progress() as progress:
        sources = open_inputs(
            Inputs((Input(str(data), streams_read(rules.rulebook), TYPE_COLUMN),), {}, ()), rules.rulebook
        )
        engine = Engine(rules, on_compile=progress.compiling)
        try:
            drive(engine, sources, note, stop, progress, tally, "open")
        except CepError as error:
            failure = error
    if failure is not None:
        say(f"stopped after {engine.summary}")
        raise failure
    return engine.summary


def _print_table(found: Sequence[Found]) -> None:
    import os

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=HEADING, title_justify="left", title_style="bold", pad_edge=False, box=SIMPLE_HEAD)
    table.add_column("rule", no_wrap=True)
    table.add_column("what it says")
    table.add_column("matches", justify="right", no_wrap=True)
    table.add_column("first", justify="right", no_wrap=True)
    table.add_column("last", justify="right", no_wrap=True)
    for each in found:
        table.add_row(each.name, each.description, f"{each.total:,}", _shown(each.first), _shown(each.last))
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=120)
    console.print(table)


def _shown(ts: int | None) -> str:
    from datetime import UTC, datetime

    if ts is None:
        return ""
    at = datetime.fromtimestamp(ts // 1_000_000_000, UTC)
    return f"{at.day} {at:%b %Y}"

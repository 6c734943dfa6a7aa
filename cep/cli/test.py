"""``cep test``: the `test` blocks of rule files, on simulated time.

Each file is a rulebook of its own, unless ``--together`` makes one of all. One line a test goes to standard output,
below a failed one what was expected and what came, and a line for a file without tests or with rules that do not run
yet. Mistakes go to standard error. With ``--coverage`` tests run without the compiler, in a process of their own.
Tested by: tests/cli/test_test.py
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.app.coverage import Part
    from cep.app.testing import Outcome
    from cep.model.errors import RuleError

    Tested = tuple[str, list[Outcome] | RuleError]


NOT_YET = " does not run yet in this version"


def run_tests(
    rules: Annotated[list[Path], typer.Argument(metavar="RULES...", help="Rule files, or folders of .cep files.")],
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="PATH", help="Write the outcomes as JUnit XML too.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Check all files as one rulebook, not each by itself.")
    ] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Say which parts of the rules the tests exercised.")
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", metavar="PERCENT", help="Exit 3 when coverage is less.", min=0, max=100),
    ] = None,
    functions: Annotated[
        list[str] | None,
        typer.Option("--functions", metavar="MODULE", help="Let functions of this Python module run."),
    ] = None,
) -> None:
    """Run the tests of rule files; exit 3 when one fails."""
    from cep.cli.ends import FAILED, RULE
    from cep.cli.rulefiles import rule_files
    from cep.cli.settings import functions_of

    allowed = functions_of(functions)
    coverage = coverage or fail_under is not None
    if coverage and not _is_plain():
        raise typer.Exit(_run_plain(rules, junit, together, fail_under, functions or []))
    files = rule_files(rules)
    tested: list[Tested] = []
    parts: list[Part] = []
    for group in [files] if together else [[file] for file in files]:
        name = ", ".join(map(str, group))
        tested.append((name, _tested(name, group, parts if coverage else None, allowed)))
    if junit is not None:
        _write_junit(junit, tested)
    outcomes = [outcome for _, found in tested if isinstance(found, list) for outcome in found]
    typer.echo(_summary(tested, outcomes))
    covered = _told(parts) if coverage else 100.0
    if any(not isinstance(found, list) for _, found in tested):
        raise typer.Exit(RULE)
    if any(o.status == "failed" for o in outcomes):
        raise typer.Exit(FAILED)
    if fail_under is not None and covered < fail_under:
        typer.echo(f"coverage is under {fail_under:g} %")
        raise typer.Exit(FAILED)


def _is_plain() -> bool:
    return os.environ.get("NUMBA_DISABLE_JIT") == "1"


def _run_plain(
    rules: list[Path], junit: Path | None, together: bool, fail_under: float | None, functions: list[str]
) -> int:
    """Run this command in a process without the compiler, where the matcher can be watched."""
    import subprocess
    import sys

    import cep

    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-m", "cep", "test", "--coverage"]
    command += ["--junit", str(junit)] if junit is not None else []
    command += ["--together"] if together else []
    command += ["--fail-under", str(fail_under)] if fail_under is not None else []
    command += [part for module in functions for part in ("--functions", module)]
    home = str(Path(cep.__file__).resolve().parents[1])
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path}
    return subprocess.run([*command, "--", *map(str, rules)], env=environment, check=False).returncode


def _told(parts: list[Part]) -> float:
    """Print the coverage; give it in percent."""
    from cep.app.coverage import Tally, told

    typer.echo(told(parts))
    return Tally.of(parts).percent


def _tested(
    name: str, files: list[Path], parts: list[Part] | None, allowed: set[str] | None
) -> list[Outcome] | RuleError:
    """The outcomes of the tests of one rulebook, told as they come; or the mistakes for which it cannot run."""
    import cep
    from cep.app.testing import run_test
    from cep.cli.ends import say
    from cep.language.checker.testblocks import check_tests
    from cep.model.errors import RuleError

    out = []
    try:
        loaded = cep.load(files, functions=allowed)
        tests = check_tests(loaded.rulebook)
        watch = None
        if parts is not None:
            from cep.app.coverage import Coverage

            watch = Coverage(loaded)
            parts += watch.parts
        for test in tests:
            outcome = run_test(loaded, test, watch)  # a param that is set may make a rule wrong
            typer.echo(f"{outcome.status:<7}  {test.source.name}:{test.span.line}  {test.description}")
            if told := details(outcome):
                typer.echo("\n".join(f"  {line}" for line in told.split("\n")))
            out.append(outcome)
    except RuleError as error:
        if is_not_yet(error):
            needs = dict.fromkeys(d.message.removesuffix(NOT_YET) for d in error.diagnostics)
            typer.echo(f"not yet  {name}  cannot run: {', '.join(needs)}")
        else:
            typer.echo(f"mistake  {name}")
            say(str(error))
        return error
    if not tests:
        typer.echo(f"no test  {name}")
    return out


def is_not_yet(error: RuleError) -> bool:
    """Whether nothing is wrong with the rules but that a part of the language does not run yet."""
    return all(d.code == "not-yet" for d in error.diagnostics)


def details(outcome: Outcome) -> str:
    """What there is to read below the line of a test."""
    lines = [failure.render() for failure in outcome.failures]
    return "\n".join([*lines, *(f"note: {note}" for note in outcome.notes)])


def _summary(tested: Sequence[Tested], outcomes: Sequence[Outcome]) -> str:
    def count(number: int, noun: str) -> str:
        return f"{number} {noun}{'s' * (number != 1)}"

    parts = [f"{sum(o.status == 'passed' for o in outcomes)} passed"]
    if failed := sum(o.status == "failed" for o in outcomes):
        parts.append(f"{failed} failed")
    broken = [found for _, found in tested if not isinstance(found, list)]
    later = sum(map(is_not_yet, broken))
    if later:
        parts.append(f"{count(later, 'file')} cannot run yet")
    if later < len(broken):
        parts.append(f"{count(len(broken) - later, 'file')} with mistakes")
    return f"{count(len(outcomes), 'test')}: {', '.join(parts)}"


def _write_junit(path: Path, tested: Sequence[Tested]) -> None:
    """A suite for each rulebook, a case for each test; a rulebook that cannot run is one case."""
    import xml.etree.ElementTree as ET

    root = ET.Element("testsuites")
    for name, found in tested:
        suite = ET.SubElement(root, "testsuite", name=_lawful(name))
        if not isinstance(found, list):
            case = ET.SubElement(suite, "testcase", classname=_lawful(name), name="the rules are checked")
            kind = "skipped" if is_not_yet(found) else "error"
            ET.SubElement(case, kind, message=_lawful(found.diagnostics[0].message)).text = _lawful(str(found))
            counts = {"tests": 1, "failures": 0, "errors": int(kind == "error"), "skipped": int(kind == "skipped")}
        else:
            for outcome in found:
                place, title = outcome.test.source.name, outcome.test.description
                case = ET.SubElement(suite, "testcase", classname=_lawful(place), name=_lawful(title))
                if outcome.status == "failed":
                    message = _lawful(outcome.failures[0].place.message)
                    ET.SubElement(case, "failure", message=message).text = _lawful(details(outcome))
            failed = sum(outcome.status == "failed" for outcome in found)
            counts = {"tests": len(found), "failures": failed, "errors": 0, "skipped": 0}
        suite.attrib.update({key: str(count) for key, count in counts.items()})
    ET.indent(root)
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _lawful(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return re.sub("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)

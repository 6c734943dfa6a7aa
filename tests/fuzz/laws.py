"""What must hold for every rule text: `examine` raises `Broken` where it does not.

- Only RuleError is raised, with diagnostics; each has a code, one line, a place inside its file with the line and
  column that it says, and can be shown.
- What parses is formatted, stably, to a text of the same tree and comments.
- What checks without mistakes compiles, or is refused with RuleError; then it can be explained.
- The command line says the same, and ends with 0 or 2 (`fmt --check`: 0, 1 or 2).
"""

from __future__ import annotations

import contextlib
import io
import re
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cep
from cep.app.explain import explain, plan_text, program_text, rule_text
from cep.app.rules import Rules
from cep.cli import invoke
from cep.language.check import check
from cep.language.checker.testblocks import check_tests
from cep.language.format import format_file, same_meaning
from cep.language.parser import parse_partly, read_source
from cep.model.diagnostics import Source
from cep.model.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cep.language import ast
    from cep.model.diagnostics import Diagnostic, Span

NAME = "<fuzz>"


class Broken(AssertionError):  # noqa: N818
    """A law does not hold; ``law`` names it."""

    def __init__(self, law: str, detail: str = "") -> None:
        self.law = law
        super().__init__(f"{law}: {detail}")


class Hang(BaseException):  # no `except Exception` may eat it
    """A case took too long."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `Hang` in the block once the process has worked on it for so long; waiting for a core does not count."""

    def late(_number: int, _frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def demand(holds: bool, law: str, detail: object = "") -> None:
    """Raise `Broken` unless something holds."""
    if not holds:
        told = str(detail)
        raise Broken(law, told if len(told) < 4000 else f"{told[:1000]} … {told[-3000:]}")


def examine(text: str, thorough: bool = False) -> str:
    """See that all laws hold for a text; say how far it got: "parses", "checks", "compiles" or "is refused"."""
    source = Source(NAME, text)
    file, problems, _ = parse_partly(source)
    sound(problems, source)
    if not problems:
        formats(file)
    reached = "is refused" if problems else "parses"
    book = None
    try:
        book = check([file])
    except RuleError as error:
        sound(error.diagnostics, source, some="error")
    if thorough:
        loads(text, may_load=not problems and book is not None)
    if problems or book is None:
        return reached
    sound((*book.warnings, *book.notes), source)
    with contextlib.suppress(RuleError):
        check_tests(book)
    rules = Rules(book)
    try:
        _ = rules.programs
    except RuleError as error:
        sound(error.diagnostics, source, some="error")
        return "checks"
    if thorough:
        plan_text(rules)
        for each in explain(rules):
            rule_text(each)
            program_text(each)
    return "compiles"


def loads(text: str, may_load: bool) -> None:
    """`cep.loads` takes the text, or refuses it, as its parts do."""
    try:
        cep.loads(text, NAME)
    except RuleError as error:
        demand(not may_load, "what parses and checks can be loaded", error)
        sound(error.diagnostics, Source(NAME, text), some="error")
    else:
        demand(may_load, "what does not parse and check is refused")


def sound(found: Iterable[Diagnostic], source: Source, some: str | None = None) -> None:
    """See that diagnostics are what they should be; with ``some``, that there is one of that severity."""
    found = tuple(found)
    if some is not None:
        demand(any(d.severity == some for d in found), "a refusal has a reason", found)
    for d in found:
        demand(re.fullmatch(r"[a-z][a-z0-9-]*", d.code) is not None, "a code is kebab-case", d.code)
        demand(bool(d.message.strip()) and len(d.message.splitlines()) == 1, "a message is one line", repr(d.message))
        demand(not d.message.endswith("."), "a message has no final stop", d.message)
        demand(d.hint is None or len(d.hint.splitlines()) == 1, "a hint is one line", repr(d.hint))
        demand(d.source.name == source.name, "a diagnostic is about its file", d.source.name)
        inside(d.span, d.source)
        for _, other, span in d.related:
            inside(span, other)
        shown = d.render()
        demand(shown.startswith(f"{d.place}: {d.severity}[{d.code}]: "), "a diagnostic can be shown", shown)
        shown.encode("utf-8")


def inside(span: Span, source: Source) -> None:
    """See that a place is inside its file, and that line and column are those of its offset."""
    text = source.text
    demand(0 <= span.start <= span.end <= len(text), "a place is inside the file", (span, len(text)))
    line, column = text.count("\n", 0, span.start) + 1, span.start - text.rfind("\n", 0, span.start)
    demand((span.line, span.column) == (line, column), "line and column are those of the offset", (span, line, column))


def formats(file: ast.File) -> None:
    """The laws of formatting."""
    tidy = format_file(file)
    again, problems, _ = parse_partly(Source(NAME, tidy))
    demand(not problems, "formatted text parses", [d.render() for d in problems])
    demand(same_meaning(file, again), "formatting keeps the tree", tidy)
    kept, were = Counter(c.text for c in again.comments), Counter(c.text for c in file.comments)
    demand(kept == were, "formatting keeps comments", (kept, were))
    demand(format_file(again) == tidy, "formatting twice is formatting once", tidy)


def examine_bytes(data: bytes, folder: Path, thorough: bool = False) -> str:
    """See that all laws hold for the bytes of a rule file."""
    path = folder / "fuzz.cep"
    path.write_bytes(data)
    try:
        source = read_source(path)
    except RuleError as error:
        sound(error.diagnostics, Source(str(path), ""), some="error")
        reached = "is not text"
    else:
        reached = examine(source.text, thorough)
    if thorough:
        command(path, reached)
    return reached


def command(path: Path, reached: str) -> None:
    """`cep check`, `cep fmt --check` and `cep explain` over a file end as docs/cli.md says."""
    code, _, err = run_command("check", str(path))
    demand(code in (0, 2), "cep check ends with 0 or 2", (code, err))
    demand((code == 0) == (reached in ("checks", "compiles")), "cep check says what the checker says", (code, reached))
    demand(code == 0 or "error[" in err, "cep check says why", err)
    code, _, err = run_command("fmt", "--check", str(path))
    parses = reached in ("parses", "checks", "compiles")
    demand(code in ((0, 1) if parses else (2,)), "cep fmt --check ends with 0 or 1, or 2", (code, reached, err))


def run_command(*arguments: str) -> tuple[int, str, str]:
    """A command line in this process: its exit code, standard output and standard error; no trace may be shown."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke(arguments)
    out.flush()
    told = err.getvalue()
    demand("Traceback" not in told and code != 70, "no command shows a trace", told)
    return code, out.buffer.getvalue().decode("utf-8", "replace"), told  # type: ignore[attr-defined]

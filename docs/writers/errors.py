"""The error index: docs/errors/*.toml as a page.

An entry has ``means``, ``wrong`` (rules that give the code, below those of prelude.cep), ``cure`` and ``right`` (rules
that do not). ``⟨x × 3⟩`` in them is xxx. ``encoding`` is how the bytes of ``wrong`` are made; ``compiled`` says
that the code comes when the rules are compiled; ``also`` is what else may be told of ``wrong``.

Tested by: tests/docs/test_errors.py
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import cep

FOLDER = Path(__file__).parent.parent / "errors"
PRELUDE = (FOLDER / "prelude.cep").read_text("utf-8")

HEAD = """\
# Error index

Every code that `cep check`, `cep test`, `cep.load` or a run can give, with rules that give it and rules that do not.
All of them run as tests. A diagnostic shows the place, the line with a caret, and a hint:

```text
{shown}
```

From Python the same is data: `RuleError.diagnostics`, each with `code`, `message`, `span` and `hint`. Codes are stable;
messages may be said better in a later version. `⟨x × 3⟩` in an example stands for `xxx`.

The examples stand below these declarations:

```cep declarations
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One code of the index."""

    code: str
    means: str
    wrong: str
    cure: str
    right: str | None = None
    encoding: str = "utf-8"
    compiled: bool = False
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.code

    @property
    def bytes(self) -> bytes:
        """The rule file that gives the code."""
        return expanded(f"{PRELUDE}\n{self.wrong}").encode(self.encoding)


@dataclass(frozen=True, slots=True)
class Group:
    """Codes of one kind, as they stand on the page."""

    title: str
    severity: str
    about: str
    entries: tuple[Entry, ...]


def expanded(text: str) -> str:
    """The text with ``⟨x × 3⟩`` written out."""
    return re.sub(r"⟨(.+?) × ([0-9]+)⟩", lambda m: m[1] * int(m[2]), text)


def groups() -> list[Group]:
    """The index in the order of its files."""
    out = []
    for path in sorted(FOLDER.glob("*.toml")):
        read = tomllib.loads(path.read_text("utf-8"))
        entries = tuple(
            Entry(code, **(facts | {"also": tuple(facts.get("also", ()))}))
            for code, facts in read.items()
            if isinstance(facts, dict)
        )
        out.append(Group(read["title"], read.get("severity", "error"), read["about"], entries))
    return out


def page() -> str:
    """The page."""
    found = groups()
    codes = sorted(entry.code for group in found for entry in group.entries)
    out = [
        HEAD.format(shown=_shown()) + PRELUDE + "```\n\n" + " · ".join(f"[{code}](#{code})" for code in codes) + "\n"
    ]
    for group in found:
        out.append(f"## {group.title}\n\n{group.about}\n")
        out += [_entry(entry) for entry in group.entries]
    return "\n".join([*out, (FOLDER / "counted.txt").read_text("utf-8")])


def _shown() -> str:
    """What a mistake looks like."""
    rules = """\
stream Pay ordered by at { at: time, card: string, amount: decimal }
rule Large from Pay where amout > 5 emit X { card }
"""
    try:
        cep.loads(rules, name="fraud.cep")
    except cep.RuleError as error:
        return str(error)
    raise AssertionError


def _entry(entry: Entry) -> str:
    parts = [f"### {entry.code}", entry.means, _fence("wrong", entry.wrong), entry.cure]
    if entry.right is not None:
        parts.append(_fence("right", entry.right))
    return "\n\n".join(parts) + "\n"


def _fence(word: str, text: str) -> str:
    return f"```cep {word}\n{text.strip()}\n```"

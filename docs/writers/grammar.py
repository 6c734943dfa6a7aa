"""The grammar reference: cep/language/grammar.lark, construct by construct, with an example of each.

A construct begins at the production that `CONSTRUCTS` names and goes up to the next, so what is added to the grammar
finds its place. Names of nodes (``-> then``) and marks of the tree builder (``?`` and ``_``) are left out, and
terminals that are words or marks are written out.

Tested by: tests/docs/test_reference.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cep.language

GRAMMAR = Path(cep.language.__file__).parent / "grammar.lark"


@dataclass(frozen=True, slots=True)
class Construct:
    """A section of the page; ``example`` is a file that parses."""

    title: str
    about: str
    example: str = ""


CONSTRUCTS: dict[str, Construct] = {
    "start": Construct("A file", "Declarations in any order; files that are checked together see each other's."),
    "module": Construct("Modules", "A name for the file, at its top; `use` is for a later version.",
                        "module shop.risk"),
    "param": Construct("Params", "A constant that `--set`, `params=` or a test's `set` may change.",
                       "param test_amount: decimal = 5.00"),
    "record": Construct("Records", "Fields that go together under one name.",
                        "record Place { lat: float, lon: float, city: string? }"),
    "stream": Construct("Streams", "Events that come from outside, or another name for several streams.",
                        "stream Pay ordered by at late 30 s ties by seq { at: time, seq: int, card: string }\n"
                        "stream Wire extends Pay { iban: string }\n"
                        "stream Movement = Pay | Wire"),
    "table": Construct("Tables", "Values that change over time, looked up by key.",
                       'table Customer keyed by card from "customers.csv" { card: string, limit_day: decimal }'),
    "timer": Construct("Timers", "Events that come by the clock.", 'timer Midnight every 1 d at "00:00"'),
    "function": Construct("Functions", "An expression with a name and parameters.",
                          "function kmh(metres: float, took: duration) = metres / 1000 / hours(took)"),
    "fields": Construct("Fields and types", "`?` admits null; `from` names the input column.",
                        'stream Pay ordered by at { at: time(ms), amount: decimal(2)? from "Amount (EUR)" }'),
    "rule": Construct("Rules", "A name, what it says in a sentence, clauses in any order, and what it emits.",
                      'rule Large "A large payment" from Pay where amount >= 1000 emit LargePay { card, amount }'),
    "tags": Construct("Tags and keys", "`keyed by` keeps the events of each key to themselves.",
                      'rule R tags { severity = "high" } keyed by user or Wire.payer from Move emit X { user }'),
    "matching": Construct("Rules that match", "`when` and a pattern, with its bounds and what happens after a match.",
                          "rule Twice keyed by card when 2 Pay as p within 1 h after match keep all emit X { card }"),
    "pattern": Construct("Patterns", "Steps joined by `then` or `next`: events, loops of them, absences.",
                         "rule BruteForce keyed by user\n"
                         "when 5 or more Login as tries where not ok\n"
                         "     then Login as win where ok\n"
                         "     then no Logout for 1 h\n"
                         "within 15 min\n"
                         "emit Incident { user, tries = count(tries) }"),
    "query": Construct("Rules that filter", "`from` and a condition, event by event.",
                       "rule Large from Pay as p where p.amount > 100 emit X { card }"),
    "over": Construct("Windows", "Over which events of a query a value is computed.",
                      "rule Busy keyed by shop from Pay over last 10 min every 1 min having count() > 100\n"
                      "emit BusyShop { shop, n = count() }"),
    "action": Construct("Actions", "What comes out; a bare field stands for `field = field`.",
                        "rule R from Pay emit X { card, twice = 2 * amount }"),
    "assertion": Construct("Assertions", "What must hold, in the words of temporal logic.",
                           "assert Answered keyed by ticket\n"
                           "always (Opened implies eventually within 30 min Reply)\n"
                           "on violation emit Breach { ticket }"),
    "test": Construct("Tests", "Events on simulated time, and what is to come out.",
                      'test "a large payment" {\n'
                      '  send Pay { card = "c1", amount = 5000 } at 0 s\n'
                      '  expect LargePay { card = "c1" } at 0 s\n'
                      "}"),
    "names": Construct("Expressions", "From loosest to tightest: `or`, `and`, `not`, comparisons, `+ -`, `* / div %`, "
                       "unary `-`.",
                       "rule R from Pay\n"
                       'where (amount between 10 and 20 or note like "%urgent%") and card is not null\n'
                       'emit X { card, kind = case when amount > 15 then "b" else "a" end }'),
}  # fmt: skip

WORDS = {
    "DURATION": "numbers with units, joined: `90 s`, `1 h 30 min`",
    "FLOAT": "digits with a point: `0.5`",
    "INT": "digits: `42`",
    "TYPE": "a name that begins with a capital: streams, records, rules, event types",
    "NAME": "a name of small letters: fields, aliases, params, functions",
    "STRING": 'text in double quotes, on one line; `\\" \\\\ \\n \\t \\r \\uXXXX` inside',
    "COMMENT": "from `--`, at the start of a line or after white space, to the end of the line",
}
SHOWN_AS = {"or_e": "or_expression", "and_e": "and_expression", "not_e": "not_expression"}
HIDDEN = {"lone_expression"}

HEAD = """\
# Grammar

The grammar that the parser reads, cep/language/grammar.lark, construct by construct. It says what can be *written*;
[the rule language](../language.md) says what runs in this version, and [semantics](../semantics.md) what it means.
Every example here parses.

| | |
|---|---|
| `"rule"` | the word or mark itself |
| `NAME` | one of the [words](#words) at the end |
| `a b` | a, then b |
| `a \\| b` | a or b |
| `[a]` | a, or nothing |
| `a*`, `a+` | any number of a; at least one |

A word is a keyword only where the grammar has a place for it, so `rule`, `at` and `first` can be names of fields.
"""


def productions() -> dict[str, str]:
    """Every production and terminal of the grammar in its order: name → right-hand side as written."""
    out: dict[str, str] = {}
    name = ""
    for line in GRAMMAR.read_text("utf-8").splitlines():
        begun = re.match(r"[?!]?(\w+)(?:\.\d+)?:\s?(.*)", line)
        if begun:
            name = begun[1]
            out[name] = begun[2]
        elif line.strip().startswith("|") and name:
            out[name] += "\n" + line
    return out


def page() -> str:
    """The page."""
    found = productions()
    terminals = {name: text for name, text in found.items() if name.isupper()}
    rules = {name: text for name, text in found.items() if not name.isupper() and name not in HIDDEN}
    inlined = {name: text for name, text in terminals.items() if name not in WORDS}
    sections: list[tuple[Construct, list[str]]] = []
    for name, text in rules.items():
        if name in CONSTRUCTS:
            sections.append((CONSTRUCTS[name], []))
        sections[-1][1].append(_production(name, text, inlined))
    out = [HEAD]
    for construct, lines in sections:
        out.append(f"## {construct.title}\n\n{construct.about}\n\n```ebnf\n" + "\n".join(lines) + "\n```\n")
        if construct.example:
            out.append(f"```cep syntax\n{construct.example}\n```\n")
    out.append("## Words\n\n| word | is | as a regular expression |\n|---|---|---|")
    for name, about in WORDS.items():
        pattern = terminals[name].strip("/").replace("|", "\\|")
        out.append(f"| `{name}` | {about} | `{pattern}` |")
    return "\n".join(out) + "\n"


def _production(name: str, text: str, inlined: dict[str, str]) -> str:
    """A production on lines of its own, its alternatives below each other."""
    shown = _shown(name)
    lines = []
    for number, line in enumerate(text.split("\n")):
        line = re.sub(r"\s+->\s+\w+", "", line.strip().removeprefix("|").strip())
        for word, written in inlined.items():
            meant = written.replace(" | /div\\b/", ' | "div"')
            line = re.sub(rf"\b{word}\b", (f"({meant})" if "|" in meant else meant).replace("\\", r"\\"), line)
        line = re.sub(r'"[^"]*"|\b[a-z_]+\b', lambda m: m[0] if m[0][0] == '"' else _shown(m[0]), line)
        lines.append(f"{shown} = {line}" if number == 0 else f"{' ' * len(shown)} | {line}")
    return "\n".join(lines)


def _shown(name: str) -> str:
    return SHOWN_AS.get(name, name.lstrip("_"))

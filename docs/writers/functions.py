"""The function reference: the table of cep/language/functions.py as a page.

Tested by: tests/docs/test_functions.py
"""

from __future__ import annotations

from itertools import groupby

from cep.language.checker import calls
from cep.language.functions import EVENTS, FUNCTIONS, SAMPLE, Function

TITLES = {
    "aggregate": "Aggregates",
    "loop": "In the condition of a loop",
    "number": "Numbers",
    "duration": "Durations",
    "choice": "Choices",
    "list": "Lists",
    "string": "Texts",
    "time": "Times",
    "place": "Places",
    "match": "The match",
    "window": "Windows",
}
ABOUT = {
    "aggregate": """\
Over the events of a step or loop, by its alias `v`. Inside the condition of its own loop an aggregate includes the
event at hand. `v.e` may be any expression of `v`'s fields: `sum(v.amount * 2)`.""",
    "loop": "The event before this one in the loop. The example holds for each of the three.",
    "number": """\
Rounding goes to the nearest; a half goes away from zero. What is no number, or does not fit, is null and counted.""",
    "duration": "How many of a unit a duration is, with what is left over as a fraction.",
    "choice": "All parts are computed, also those not taken. They meet in one type as operands of `+` do.",
    "list": "`x` stands for the element inside the parentheses alone, and means nothing else there.",
    "string": "Lengths and places count code points. `s || t` joins strings, and is null where one is.",
    "time": "Of UTC, or of the clocks of a time zone.",
    "place": "Places on the globe.",
    "match": "What is known of the match itself.",
    "window": """\
Over the events of a window (`over …`). An aggregate names no alias: inside it a bare field is that of each event of
the window. `count sum avg min max first last percentile median stddev top distinct` stand here, with `where` or
`distinct` inside; so do `list flatten ids() events()`, and `rate(1 min where …)`, how many events there are a minute.
A window of time begins and ends where it is cut; a session, and a window of events, with its first and last event.""",
}

HEAD = """\
# Functions

Every function that runs, from the table in cep/language/functions.py. Each example is computed by the tests, over three
events:

"""


def later() -> list[str]:
    """The functions that the checker knows and refuses."""
    found: set[str] = set()
    for name, words in vars(calls).items():
        if name.endswith("_LATER"):
            found |= set(words)
    return sorted(found - {f.name for f in FUNCTIONS})


def page() -> str:
    """The page."""
    fields = list(EVENTS[0])
    out = [
        HEAD + f"```cep declarations\n{SAMPLE}```\n",
        _row(fields) + "\n" + _row(["---"] * len(fields)),
        *(_row([f"`{event[name]}`" for name in fields]) for event in EVENTS),
        "\nA bare field in an example is that of the last event; `v` is all three.",
    ]
    for group, rows in groupby(FUNCTIONS, key=lambda f: f.group):
        out.append(f"\n## {TITLES[group]}\n\n{ABOUT[group]}\n")
        out += _table(list(rows))
    if later():
        words = " ".join(f"`{name}`" for name in later())
        out.append(f"\n## Later\n\nKnown by name, and refused by this version: {words}.")
    return "\n".join(out) + "\n"


def _table(rows: list[Function]) -> list[str]:
    head = ["call", "of", "gives", "null", "example", "is"]
    units = any(f.unit for f in rows)
    if units:
        head.insert(3, "unit")
    if any(f.since != "0.1" for f in rows):
        head.append("since")
    out = [_row(head), _row(["---"] * len(head))]
    for f in rows:
        cells = {
            "call": f"`{f.call}`", "of": f.takes, "gives": f.gives, "unit": f.unit, "null": f.null,
            "example": f"`{f.example}`", "is": f"`{f.result}`", "since": f.since,
        }  # fmt: skip
        out.append(_row([cells[name] for name in head]))
    return out


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

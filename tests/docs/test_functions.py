"""The function table: a row for each function that runs, and examples that give what they say."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

import cep
from cep.language.checker import calls, functions, lists, measures
from cep.language.functions import EVENTS, FUNCTIONS, SAMPLE, Function
from cep.model.time import format_duration, format_time

ROOT = Path(__file__).parent.parent.parent
VALUES = [f for f in FUNCTIONS if f.group not in ("aggregate", "loop", "match", "window")]
OF_LOOPS = [f for f in FUNCTIONS if f.group in ("aggregate", "match")]
OF_WINDOWS = [f for f in FUNCTIONS if f.group == "window"]
CONDITIONS = [f for f in FUNCTIONS if f.group == "loop"]


def rules() -> str:
    """All examples in one text: a field for each, and a rule for each condition."""
    fields = ", ".join(f"e{FUNCTIONS.index(f)} = {f.example}" for f in VALUES)
    folds = ", ".join(f"e{FUNCTIONS.index(f)} = {f.example}" for f in OF_LOOPS)
    out = [SAMPLE, f"rule Values from Sample emit Value {{ {fields} }}"]
    out.append(f"rule Loops when {len(EVENTS)} Sample in a row as v emit Fold {{ {folds} }}")
    windows = ", ".join(f"e{FUNCTIONS.index(f)} = {f.example}" for f in OF_WINDOWS)
    out.append(f"rule Windows from Sample over last {len(EVENTS)} events emit Window {{ {windows} }}")
    for f in CONDITIONS:
        out.append(f"rule C{FUNCTIONS.index(f)} when {len(EVENTS)} Sample in a row as v where {f.example}")
        out.append(f"emit C{FUNCTIONS.index(f)} {{ held = true }}")
    sends = [", ".join(f"{name} = {value}" for name, value in event.items() if name != "at") for event in EVENTS]
    out.append('test "examples" {')
    out += [f"send Sample {{ {body} }} at {event['at']}" for body, event in zip(sends, EVENTS, strict=True)]
    out.append("}")
    return "\n".join(out)


@pytest.fixture(scope="module")
def computed() -> dict[Function, str]:
    """What each example gives."""
    from cep.language.checker.testblocks import CheckedSend, check_tests

    loaded = cep.loads(rules())
    engine = cep.Engine(loaded, together=True)
    came: dict[str, list] = {}
    for name in loaded.rulebook.derived:
        came[name] = []
        engine.on(name, came[name].append)
    for step in check_tests(loaded.rulebook)[0].steps:
        assert isinstance(step, CheckedSend)
        engine.send(step.stream, {a.column: sent(c) for a, c in step.values})
    engine.close()
    out = {}
    for f in FUNCTIONS:
        number = FUNCTIONS.index(f)
        batches = came[
            f"C{number}" if f in CONDITIONS else "Fold" if f in OF_LOOPS else "Window" if f in OF_WINDOWS else "Value"
        ]
        assert batches, f"the condition {f.example} does not hold"
        column = batches[-1].columns["held" if f in CONDITIONS else f"e{number}"]
        out[f] = shown(column.to_list()[-1], column.type.kind)
    return out


def sent(value) -> object:
    if isinstance(value.value, tuple):
        return [sent(each) for each in value.value]
    match value.type.kind, value.value:
        case "decimal", int(count):
            return str(Decimal(count).scaleb(-value.type.scale))
        case "time", int(instant):
            return format_time(instant)
        case "duration", int(length):
            return format_duration(length)
    return value.value


def shown(value: object, kind: str) -> str:
    """A value as a rule file writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(shown(each, '') for each in value)}]"
    if kind == "duration":
        return format_duration(value)
    if kind == "time":
        return f'"{format_time(value)}"'
    return str(value)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.call)
def test_an_example_gives_what_the_table_says(function, computed):
    assert computed[function] == function.result


def test_every_function_that_the_checker_runs_has_a_row():
    rows = {f.name for f in FUNCTIONS}
    running = {*functions.FUNCTIONS, *calls._FOLDS, *lists.LISTS, *measures.MEASURES, "prev", "case", "any", "every"}
    assert running - rows == set(), "these have no row in cep/language/functions.py"
    assert not [name for name in sorted(rows) if name in later()], "these have a row, and are refused"


def later() -> set[str]:
    return {word for name, words in vars(calls).items() if name.endswith("_LATER") for word in words}


def test_every_function_of_the_guide_has_a_row():
    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    first_cells = "\n".join(re.findall(r"^\| (`[a-z_]+[ (][^|]*)\|", text, re.MULTILINE))
    guide = set(re.findall(r"`([a-z_]+)\(", first_cells))
    assert len(guide) > 15
    assert guide <= {f.name for f in FUNCTIONS}, "these have no row in cep/language/functions.py"

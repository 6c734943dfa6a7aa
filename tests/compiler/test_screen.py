"""The screen says of one event, and of a whole batch, which steps it may fit."""

import pytest

import cep
from cep.compiler.screen import compile_batch_screen, compile_screen

HEAD = "stream S ordered by ts { ts: time(s), k: string?, t: string, v: int?, f: float, n: int }\n"
PLACES = {"ts": 0, "k": 1, "t": 2, "v": 3, "f": 4, "n": 5}
OPTIONAL = frozenset({"k", "v"})


def operators(*conditions):
    rules = "".join(f"rule R{n} from S where {c} emit R{n} {{ n }}\n" for n, c in enumerate(conditions))
    return cep.Engine(cep.loads(HEAD + rules))._executors[0].operators


def fits(event, *conditions):
    """Which conditions hold of an event; None when it needs a closer look."""
    screen, parts = compile_screen([o.asks("S") for o in operators(*conditions)], PLACES, OPTIONAL)
    found = screen(*event)
    return None if found is None else [bool(found & part.wanted) for part in parts]


@pytest.mark.parametrize(
    ("event", "holds"),
    [
        ((1, "x", "A", 3, 1.5, 7), [True, False, True, True, True, False]),
        ((1, "x", "B", None, 2.5, 7), [False, True, False, False, False, True]),
        ((1, "x", "C", 3, 2.5, 7), [False, True, False, False, True, False]),
    ],
)
def test_conditions_hold_as_they_do_of_columns(event, holds):
    conditions = ['t = "A"', "f > 2", 't in ("A", "D") and n = 7', 'v = 3 and t != "C"', "v is not null", "v is null"]
    assert fits(event, *conditions) == holds


def test_to_be_equal_to_two_constants_is_never_true():
    assert fits((1, "x", "A", 3, 1.5, 7), 't = "A" and t = "B"', 't = "A"') == [False, True]


def test_what_cannot_be_computed_needs_a_closer_look():
    assert fits((1, "x", "A", 3, 1.5, 0), "f / n > 1") is None
    assert fits((1, "x", "A", 3, 1.5, 1), "f / n > 1") == [True]


def test_a_sum_of_integers_is_left_to_columns():
    (operator,) = operators('t = "A" and v + n > 4')
    _, (part,) = compile_screen([operator.asks("S")], PLACES, OPTIONAL)
    assert part.is_vague
    assert fits((1, "x", "Z", 3, 1.5, 0), 't = "A" and v + n > 4') == [True]  # it may overflow, and that is counted


def test_a_batch_is_screened_by_its_strings_and_by_the_spans_of_its_columns():
    rules = ['t = "A"', 't = "Z"', "f > 9", "f < -9", "f > 2", "f < 3"]
    engine = cep.Engine(cep.loads(HEAD))
    batch = engine.decoder("S").decode_rows(
        [{"ts": 1, "t": "A", "f": 2.5, "n": 1}, {"ts": 2, "t": "B", "f": 5, "n": 1}]
    )
    screen, parts = compile_batch_screen([o.asks("S") for o in operators(*rules)], PLACES, OPTIONAL)
    found = screen.possible(batch.batch)
    assert [bool(found & part.wanted) for part in parts] == [True, False, False, False, True, True]

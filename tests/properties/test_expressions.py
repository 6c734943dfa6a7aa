"""Values: random expressions over every kind and edge mean to the engine what they mean to the oracle.

In a filter they are computed a column at a time, in a pattern an event at a time.
"""

from hypothesis import given

from properties.expressions import FIELDS, FUNCTIONS, Expressions, row
from properties.generate import generator
from properties.test_laws import SEEDS, assert_agrees, examples

STREAM = f"stream S ordered by ts {{ {FIELDS} }}\n{FUNCTIONS}"


def rows_of(rng, size, huge=True):
    return [("S", row(rng, 100 + n, huge)) for n in range(size)]


def shown(rng, one):
    """Fields to emit: an expression of each kind."""
    kinds = {"i": one.int, "x": one.float, "m": one.decimal, "c": one.bool}
    return (
        ", ".join(f"{name} = {make(rng.choice((0, 1, 2)))}" for name, make in kinds.items())
        + f", s = {one.chosen_text()}, t = {one.text(2)}, u = {one.truncated()}, k = {one.local_part()}"
    )


@examples(10, 80)
@given(SEEDS)
def test_expressions_of_one_event(seed):
    rng = generator("filter", seed)
    one = Expressions(rng)
    some = f"rule R from S where {one.bool(1)} emit R {{ {shown(rng, one)} }}\n"
    text = f"{STREAM}{some}rule All from S emit All {{ {shown(rng, one)} }}"
    assert_agrees(text, rows_of(rng, 40), "open")


@examples(3, 80)
@given(SEEDS)
def test_expressions_of_two_events(seed):
    rng = generator("pattern", seed)
    condition = Expressions(rng, ("", "a")).bool(1)
    fields = shown(rng, Expressions(rng, ("a", "b"), mixed=True))
    pattern = f"when S as a then S as b where {condition} within 3 us after match keep all"
    text = f"{STREAM}rule R {pattern}\nemit R {{ {fields} }}"
    assert_agrees(text, rows_of(rng, 40), "open")


@examples(3, 60)
@given(SEEDS)
def test_aggregates_of_expressions(seed):
    rng = generator("aggregate", seed)
    one = Expressions(rng, ("a",))
    huge = rng.random() < 0.5
    fields = [f"n = count(a), k = count({one.int(1)})"]
    for n, fold in enumerate(("sum", "avg", "min", "max", "first", "last")):
        kinds = (one.int, one.float, one.decimal)
        if fold == "avg" and huge:  # beyond int64 the engine's mean is as good as a float, not float(exact sum)
            kinds = (one.float,)
        value = rng.choice(kinds)(rng.choice((0, 0, 1)))
        fields.append(f"x{n} = {fold}({value})")
    low = rng.choice(
        ("sum(a.v) > 0", "avg(a.d) <= 1.5", "max(a.f) >= min(a.g)", "last(a.s) != first(a.s)", "count(a.v) > 1")
    )
    text = f"{STREAM}rule R when 3 S as a then S as b where {low} within 9 us\nemit R {{ {', '.join(fields)} }}"
    assert_agrees(text, rows_of(rng, 60, huge), "open")

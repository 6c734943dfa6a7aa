"""Approximate aggregates: near the exact ones, the same however they are interrupted, refused without the library."""

import sys

import numpy as np
import pytest

import cep
from cep.compiler.sketches import Sketch
from cep.language.typed import WINDOW, Attr, Fold
from cep.model.types import FLOAT, INT

DISTINCT = Fold("approx_distinct", WINDOW, Attr(None, "v", INT), False, INT)
PERCENTILE = Fold("approx_percentile", WINDOW, Attr(None, "v", FLOAT), False, FLOAT, (95, 100))
RULES = """
stream S ordered by ts { ts: time(ms), v: int }
rule R from S over everything emit R { d = approx_distinct(v), p = approx_percentile(v, 0.95) }
"""


def test_they_are_near_the_exact_ones():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 20_000, 30_000)
    out = cep.run(cep.loads(RULES), {"S": {"ts": np.arange(len(values)), "v": values}})["R"].to_dicts()
    for n in (10, 1000, 29_999):
        seen = values[: n + 1]
        assert out[n]["d"] == pytest.approx(len(set(seen.tolist())), rel=0.06)
        assert np.mean(seen <= out[n]["p"]) == pytest.approx(0.95, abs=0.02 + 1 / len(seen))


@pytest.mark.parametrize("fold", [DISTINCT, PERCENTILE], ids=lambda fold: fold.function)
def test_a_sketch_that_was_stored_goes_on_to_the_bit(fold):
    one = Sketch(fold)
    other = Sketch(fold)
    for n in range(3000):
        value = n * 7919 % 1009 if fold is DISTINCT else float(n * 7919 % 1009)
        one.take(value)
        other.take(value)
        assert one.answer == other.answer
        if n % 37 == 0:
            other = Sketch(fold, other.stored())


def test_without_the_library_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(cep.CepError, match=r"cep-engine\[sketches\]"):
        cep.Engine(cep.loads(RULES))

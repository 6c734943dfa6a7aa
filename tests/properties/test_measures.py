"""Measures over random streams: engine and oracle agree, and no cut of the input changes a byte."""

from decimal import Decimal

import pytest
from engine_adapter import MIXED, ONE, WHOLE, Cut

from properties.generate import generator
from properties.test_laws import PLAIN, assert_agrees

SEEDS = range(40 if PLAIN else 10)
CUTS = (Cut(WHOLE), Cut(ONE), Cut(3, 2), Cut(MIXED, 7))

TEXT = """
stream S ordered by ts late 2 us {
  ts: time(us), u: time(us), k: string, id: string?, v: int?, d: decimal(2)?, f: float?, ok: bool?
}
rule Loop keyed by k
when 1 or more S as s where v is not null then optional S as t where v is null and count(s where s.ok) > 1
  then S as z where v is null or sum(s.d where s.v > 1) > 2
within 8 us
emit Loop { p = percentile(s.v, 0.3), q = percentile(s.f, 0.75), r = percentile(s.ts, 1), e = percentile(s.d, 0),
  m = median(s.v), n = median(s.d), o = median(s.u - s.ts), w = median(t.f), dev = stddev(s.f), dev_v = stddev(s.v),
  dev_d = stddev(s.d), far = stddev(s.u - s.ts), ids = top(s.id, 2), vs = top(s.v, 1), fs = top(s.f, 9),
  oks = top(s.ok, 1), one = top(t.id, 1), k = count(distinct s.id), l = count(distinct s.f),
  c = count(s where not s.ok),
  g = sum(s.v where s.ok), h = avg(s.f where s.id = "a"), i = first(s.id where s.v = 2), j = distinct(s.id where s.ok),
  x = count(distinct s.v where s.ok), y = median(s.v * 2 where s.f > 0), a = max(s.d) - percentile(s.d, 0.5) }
rule All when 2 or more (S as a where ok then optional S as b where not ok) as g then S as z where ok is null
within 9 us after match skip to next
emit All { n = count(g), m = median(b.v), p = percentile(a.f, 0.5), t = top(b.id, 2), d = count(distinct a.k) }
"""


def rows(rng, size):
    out, time = [], 100
    for _ in range(size):
        time += rng.choice([0, 1, 1, 2])
        at = time - rng.choice([0, 0, 1, 2])
        row = {"ts": at, "u": at + rng.choice([-3, 0, 1, 2, 5]), "k": rng.choice("xy"), "id": rng.choice("aabc")}
        row |= {
            "v": rng.choice([1, 2, 3, 2, None]),
            "d": rng.choice([Decimal("0.25"), Decimal("1.00"), Decimal("2.50"), None]),
        }
        row |= {"f": rng.choice([0.1, -0.0, 0.0, 2.5, 1e300, None]), "ok": rng.choice([True, True, False, None])}
        if rng.random() < 0.2:
            row["id"] = None
        out.append(("S", row))
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_measures_agree_with_the_oracle_however_the_input_is_cut(seed):
    rng = generator("measures", seed)
    found = rows(rng, rng.choice([8, 20, 40]))
    assert_agrees(TEXT, found, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)])

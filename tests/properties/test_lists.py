"""Lists and nested records over random streams: engine and oracle agree, and no cut of the input changes a byte.

The rules are few and fixed, because each new shape of a condition is compiled; the streams are many.
"""

from decimal import Decimal

import pytest
from engine_adapter import ONE, WHOLE, Cut

import cep
from properties.generate import generator
from properties.test_laws import PLAIN, assert_agrees, everything

SEEDS = range(60 if PLAIN else 12)
CUTS = (Cut(WHOLE), Cut(ONE), Cut(1, 2), Cut(3), Cut(5, 7))

TEXT = """
record City { name: string, zip: int? }
record Place { lat: float, city: City?, notes: list<string?> }
stream S ordered by ts late 2 us {
  ts: time(us), k: string?, id: string, v: int?, d: decimal(2), tags: list<string?>?, nest: list<list<int>>,
  place: Place?, w: string?, nums: list<decimal(2)?>?
}
stream T ordered by ts { ts: time(us), k: string?, id: string?, v: int?, f: float, place: Place }

rule Loop keyed by k
when 1 or more S as s where v is not null then optional T as t then S as z where v is null
within 8 us
emit Loop { k, ids = ids(s), vs = list(s.v), ds = distinct(s.d), tags = flatten(s.tags), nest = flatten(s.nest),
  who = events(s), of_t = list(t.f), t.place, last = last(s.tags), there = z.id in (ids(s), "q"), sums = list(s.v * 2),
  words = flatten(split(s.w, ",")), each = list(split(s.w, "b,")), last_words = split(z.w, ",") }

rule Looks
when 2 or more S as s then T as t where id in (ids(s)) and not (v in (list(s.v), 3))
within 9 us after match keep all
emit Looks { id = t.id, ids = ids(s), f = t.f in (list(s.v)), city = t.place.city, u = t.id in (flatten(s.tags)) }

rule Growing keyed by k
when 3 S as s where id in (ids(s)) and (count(s) = 1 or d in (list(s.d))
  or "a" in (tags) or "b" in (split(w, ","))) within 12 us
emit Growing { k, words = split(last(s.w), ","), nests = list(s.nest) }

rule Through
when S as s then S as z where any x in tags satisfies (x = s.id or x in (s.tags, s.w)) or (d in (s.nums)
  and every n in list(s.v) satisfies (n < v)) or any p in split(s.w, ",") satisfies (p >= id and length(s.id) = 1)
within 6 us after match keep all
emit Through { s = s.id, z = z.id, d = s.d in (z.nums),
  p = any p in split(s.w || z.w, ",") satisfies (p in (s.id, z.id)),
  far = any x in s.tags satisfies (every y in z.tags satisfies (upper(x) || "" > y or z.d < 1)) }

rule Counted keyed by k
when 1 or more S as s where every x in nums satisfies (x > prev(s.d, 0.5) or any y in list(s.v) satisfies (y = x))
  then T as t
  where any m in distinct(s.d) satisfies (m < t.f) and not (v in (distinct(s.v)))
within 9 us emit Counted { k, vs = list(s.v), t = t.f,
  some = any x in list(s.v) satisfies (every y in distinct(s.d) satisfies (y * 2 > x)) }

rule Plain from S where "a" in (tags) or not (v in (1, v)) emit Plain { id, place, has = id in (tags),
  in_w = id in (split(w, ","), "q"), none = every x in tags satisfies (x != id), deep = any l in nest satisfies (
  every n in l satisfies (n + v > 2)), part = any p in nums satisfies (p / d > 1 and k = "x"),
  ws = split(w, "a"), joined = split(id || "," || w, ",") }
rule Derived when 1 or more Loop as l then Looks as m where id in (list(l.k), "a", "b") within 40 us
emit Derived { all = flatten(l.ids), nested = list(l.vs), m.city, last_place = last(l.tags) }
rule Again from Looks where id in (ids) and city.name is not null emit Again { city, ids }
"""


def place(rng):
    city = rng.choice([None, {"name": rng.choice("PQ"), "zip": rng.choice([None, 7])}])
    return {"lat": rng.choice([0.5, 1.5]), "city": city, "notes": rng.choice([[], ["n", None]])}


def arrivals(rng, size):
    out, time = [], 100
    for _ in range(size):
        time += rng.choice([0, 0, 1, 1, 2])
        row = {"ts": time, "k": rng.choice(["x", "y", None]), "id": rng.choice("abc"), "v": rng.choice([1, 2, 3, None])}
        if rng.random() < 0.7:
            row["ts"] -= rng.choice([0, 0, 1, 3])
            row["d"] = rng.choice([Decimal("0.25"), Decimal("1.00")])
            row["tags"] = rng.choice([None, [], ["a"], ["b", "a", "b"], ["b", None]])
            row["nums"] = rng.choice(
                [None, [], [Decimal("1.00")], [None, Decimal("0.25")], [Decimal("2.00"), Decimal("3.00")]]
            )
            row["w"] = rng.choice([None, "", "a", "b,a", ",b,", "c,,b,a"])
            row["nest"] = rng.choice([[], [[1], [], [2, 3]], [[]]])
            row["place"] = rng.choice([None, place(rng)])
            out.append(("S", row))
        else:
            row["id"] = rng.choice(["a", "b", "q", None])
            row["f"] = rng.choice([1.0, 2.5])
            row["place"] = place(rng)
            out.append(("T", row))
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_engine_and_oracle_agree_on_lists_and_records(seed):
    rng = generator("lists", seed)
    rows = arrivals(rng, rng.choice([10, 25, 40]))
    assert_agrees(TEXT, rows, rng.choice(["open", "final"]), CUTS[seed % len(CUTS)])


@pytest.mark.parametrize("seed", [0, 1])
def test_no_cut_changes_a_byte_of_lists_and_records(seed):
    rules = cep.loads(TEXT)
    rows = arrivals(generator("cuts of lists", seed), 60)
    want = everything(rules, rows, "final", CUTS[0])
    assert len(want) > 10
    for cut in CUTS[1:]:
        assert everything(rules, rows, "final", cut) == want, cut

"""Windows beside the SQL of DuckDB, over random data: tumbling, hopping, sliding, rows, sessions, everything, calendar.

DuckDB orders events by their number, as the engine does events of one stream. Sums are of whole numbers, so they agree
exactly; means and deviations to 12 digits.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given

import cep
from properties.generate import generator
from properties.test_laws import SEEDS, examples

duckdb = pytest.importorskip("duckdb", reason="in the extra `test`")

S = 10**9
HEAD = "stream S ordered by ts { ts: time(s), n: int, k: string, v: int?, f: float }\n"
EMIT = "emit R { k, n = count(), c = count(v), s = sum(v), lo = min(v), hi = max(v), a = avg(v), d = stddev(f)"
SQL = "count(*) n, count(v) c, sum(v)::BIGINT s, min(v) lo, max(v) hi, avg(v) a, stddev_samp(f) d"
MORE, SQL_MORE = ", u = count(distinct v), m = median(v)", ", count(DISTINCT v) u, median(v) m"
LOCAL = "(epoch(timezone('Europe/Paris', to_timestamp(ts)))::BIGINT // 86400)"

CASES = {
    "every {d} s": f"SELECT k, {SQL}{SQL_MORE} FROM s GROUP BY k, ts // {{d}} ORDER BY ts // {{d}}, k",
    "last {d} s every {e} s": f"""
        SELECT k, {SQL}{SQL_MORE}
        FROM s JOIN (SELECT unnest(generate_series({{e}}, {{last}}, {{e}})) w) ON ts >= w - {{d}} AND ts < w
        GROUP BY k, w ORDER BY w, k""",
    "last {d} s": f"""
        SELECT a.k, t.* FROM s a, LATERAL (
            SELECT {SQL}{SQL_MORE} FROM s b WHERE b.k = a.k AND b.n <= a.n AND b.ts > a.ts - {{d}}) t ORDER BY a.n""",
    "last {e} events": f"""
        SELECT k, {SQL.replace(") ", ") OVER w ").replace("sum(v)::BIGINT", "(sum(v) OVER w)::BIGINT")} FROM s
        WINDOW w AS (PARTITION BY k ORDER BY n ROWS {{e}} - 1 PRECEDING) ORDER BY s.n""",
    "everything": f"""
        SELECT k, {SQL.replace(") ", ") OVER w ").replace("sum(v)::BIGINT", "(sum(v) OVER w)::BIGINT")} FROM s
        WINDOW w AS (PARTITION BY k ORDER BY n ROWS UNBOUNDED PRECEDING) ORDER BY s.n""",
    "session gap {e} s": f"""
        SELECT k, {SQL}{SQL_MORE} FROM (
            SELECT *, sum(begins) OVER (PARTITION BY k ORDER BY n) g FROM (
                SELECT *, (ts - lag(ts, 1, -1000000) OVER (PARTITION BY k ORDER BY n) > {{e}})::INT begins FROM s))
        GROUP BY k, g ORDER BY max(ts) + {{e}}, k""",
    'every 1 d in "Europe/Paris"': f"SELECT k, {SQL}{SQL_MORE} FROM s GROUP BY k, {LOCAL} ORDER BY {LOCAL}, k",
    "latest 1 per v": """
        SELECT a.k, count(*) n, count(*) c, sum(b.v)::BIGINT s, min(b.v) lo, max(b.v) hi, avg(b.v) a, stddev_samp(b.f) d
        FROM s a JOIN s b ON b.k = a.k AND b.n <= a.n AND b.v IS NOT NULL AND NOT EXISTS (
            FROM s c WHERE c.k = b.k AND c.v = b.v AND c.n > b.n AND c.n <= a.n)
        WHERE a.v IS NOT NULL GROUP BY a.k, a.n ORDER BY a.n""",
    "top 3 by v": """
        SELECT a.k, count(*) n, count(*) c, sum(b.v)::BIGINT s, min(b.v) lo, max(b.v) hi, avg(b.v) a, stddev_samp(b.f) d
        FROM s a, LATERAL (
            SELECT * FROM s x WHERE x.k = a.k AND x.n <= a.n AND x.v IS NOT NULL ORDER BY x.v DESC, x.n LIMIT 3) b
        GROUP BY a.k, a.n HAVING bool_or(b.n = a.n) ORDER BY a.n""",
}


def rows_of(rng, step):
    """Events in order, some at one time."""
    ts, out = rng.choice([0, 3, 1_774_650_000, 1_792_800_000]), []
    for n in range(rng.choice([1, 10, 80])):
        ts += rng.choice([0, 1, 1, 2, 7]) * step
        v = rng.choice([None, 1, 2, 3, 5, -4])
        out.append({"ts": ts, "n": n, "k": rng.choice("xyz"), "v": v, "f": float(rng.choice([1, 2, 3, 5, 8]))})
    return out


def same(mine, theirs):
    if isinstance(mine, float) and isinstance(theirs, float):
        return math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-9)
    return mine == theirs


@pytest.mark.parametrize("window", CASES)
@examples(6, 40)
@given(SEEDS)
def test_windows_are_those_of_sql(window, seed):
    rng = generator(f"duckdb {window}", seed)
    rows = rows_of(rng, 7200 if "Paris" in window else 1)
    d, e = rng.choice([1, 3, 5, 12]), rng.choice([1, 2, 4, 7])
    sql = CASES[window].format(d=d, e=e, last=rows[-1]["ts"] + d + e)
    if "generate_series" in sql and rows[-1]["ts"] > 10**6:
        rows = [{**row, "ts": row["ts"] - rows[0]["ts"] + 3} for row in rows]
        sql = CASES[window].format(d=d, e=e, last=rows[-1]["ts"] + d + e)
    emit = EMIT + (MORE if "DISTINCT" in sql else "") + " }"
    rules = cep.loads(f"{HEAD}rule R keyed by k from S over {window.format(d=d, e=e)} {emit}")
    out = cep.run(rules, rows, end="final")["R"].to_dicts()
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        base.execute("CREATE TABLE s (ts BIGINT, n BIGINT, k VARCHAR, v BIGINT, f DOUBLE)")
        base.executemany("INSERT INTO s VALUES (?, ?, ?, ?, ?)", [list(row.values()) for row in rows])
        result = base.execute(sql)
        names = [column[0] for column in result.description]
        want = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    assert len(out) == len(want)
    for mine, theirs in zip(out, want, strict=True):
        wrong = {name: (mine[name], value) for name, value in theirs.items() if not same(mine[name], value)}
        assert not wrong, f"{window} {d} {e}"

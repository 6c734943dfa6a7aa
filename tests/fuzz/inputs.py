"""Random input files for `cep run`: tables that are good, and such tables damaged, in every format that it reads."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

from tests.fuzz.laws import demand, run_command
from tests.fuzz.mutate import damaged

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

RULES = """\
stream Pay ordered by at late 5 s {
  at: time, card: string?, amount: decimal, n: int?, rate: float?, ok: bool, wait: duration?
}
stream Tick ordered by ts ties by n { ts: time(ms), n: int, name: string, place: Place }
record Place { lat: float, city: string? }

rule Twice
keyed by card
when Pay as one then 1 or more Pay as more where amount >= one.amount then Pay as two where rate > one.rate or ok
within 1 min
emit Twice { card, n = count(more), total = sum(more.amount), wait = two.wait }

rule Odd from Pay where n % 2 = 1 and not ok emit Odd { at, card, n, rate, twice = amount * 2 }

rule Ticks when Tick as a next Tick as b where name != a.name gap 10 s within 20 s
emit Ticks { name = b.name, lat = b.place.lat, city = a.place.city }

rule Gone from Rejected.Pay emit Gone { reason }
rule Slow from Late.Pay emit Slow { card }
"""
FIELDS = {
    "Pay": ("at", "card", "amount", "n", "rate", "ok", "wait"),
    "Tick": ("ts", "n", "name", "place.lat", "place.city"),
}
TIMES = (
    *("2024-05-01T10:00:{:02}Z", "2024-05-01T10:00:{:02}.123456789Z", "2024-05-01 10:00:{:02}+02:00", "17145576{:02}"),
    *("", "never", "2024-13-01", "9999-12-31T23:59:59Z", "1677-01-01T00:00:{:02}Z", "2024-05-01T10:00:00.0000000001Z"),
)
ODD = (
    *("", "null", "NaN", "inf", "-0", "1e400", "1e-400", "0x10", "9223372036854775808", "-9223372036854775808", "007"),
    *("1.23456", "1" * 40, "é", '"', '""', "a,b", "a\nb", "\x00", " ", "true", "TRUE", "1_000", "٣", "\ufeff", "[1]"),
)
ENDINGS = ("csv", "csv", "jsonl", "jsonl", "parquet", "arrow", "csv.gz", "jsonl.gz", "csv.zst")


def a_case(rng: Random) -> tuple[str, str, bytes]:
    """A stream, the ending of a file for it, and the bytes of that file."""
    stream = rng.choice(["Pay", "Pay", "Tick"])
    ending = rng.choice(ENDINGS)
    if rng.random() < 0.04:
        return stream, ending, rng.randbytes(rng.choice([0, 1, 3, 40, 400]))
    columns = list(FIELDS[stream])
    if rng.random() < 0.1:
        rng.shuffle(columns)
    if rng.random() < 0.06:
        columns[rng.randrange(len(columns))] = rng.choice([*columns, "", "other", "é", "at "])
    odd = rng.choice([0.0, 0.0, 0.05, 0.5])
    rows = [[_cell(rng, name, second, odd) for name in columns] for second in range(rng.choice([0, 1, 3, 10, 40]))]
    kind, _, packed = ending.partition(".")
    make = {"csv": _csv, "jsonl": _json_lines, "parquet": _parquet, "arrow": _arrow}[kind]
    data = make(rng, columns, rows)
    if rng.random() < 0.5:
        data = damaged(rng, data)
    if packed:
        data = _packed(packed, data)
        if rng.random() < 0.3:
            data = damaged(rng, data)
    return stream, ending, data


def _cell(rng: Random, name: str, second: int, odd: float) -> str:
    if rng.random() < odd:
        return rng.choice(TIMES).format(second % 60) if name in ("at", "ts") else rng.choice(ODD)
    match name:
        case "at":
            return TIMES[0].format(second % 60)
        case "ts":
            return str(1_714_557_600_000 + 400 * second)
        case "amount" | "place.lat":
            return f"{rng.randint(0, 5)}.{rng.randint(0, 99):02}"
        case "n":
            return str(rng.randint(-3, 3))
        case "rate":
            return rng.choice(["", "0.5", "1.25", "-3"])
        case "ok":
            return rng.choice(["true", "false"])
        case "wait":
            return rng.choice(["", "5", "1 s", "PT5S"])
    return rng.choice(["a", "b", "c", ""])


def _csv(rng: Random, columns: list[str], rows: list[list[str]]) -> bytes:
    """Cells are quoted where they must be, and now and then not."""
    careless = rng.random() < 0.2

    def written(cell: str) -> str:
        if careless or not any(c in cell for c in '",\n\r'):
            return cell
        return '"' + cell.replace('"', '""') + '"'

    lines = [",".join(map(written, columns))]
    for row in rows:
        cells = list(map(written, row))
        if rng.random() < 0.02:
            cells = cells[: rng.randint(0, len(cells))] if rng.random() < 0.5 else [*cells, "more"]
        lines.append(",".join(cells))
    return (rng.choice(["\n", "\n", "\r\n"]).join(lines) + rng.choice(["\n", ""])).encode("utf-8")


def _json_lines(rng: Random, columns: list[str], rows: list[list[str]]) -> bytes:
    lines = []
    for row in rows:
        event: dict[str, object] = {}
        for name, cell in zip(columns, row, strict=True):
            outer, dot, inner = name.partition(".")
            value = _json_value(rng, cell)
            if dot and rng.random() < 0.95:
                place = event.setdefault(outer, {})
                if isinstance(place, dict):
                    place[inner] = value
            else:
                event[name] = value
        line = json.dumps(event, ensure_ascii=rng.random() < 0.5)
        if rng.random() < 0.02:
            line = rng.choice(["", "[]", "null", line + line, line[:-1], '{"at":' * 300, "[" * 3000, '{"a":1e999}'])
        lines.append(line)
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _json_value(rng: Random, cell: str) -> object:
    if cell == "":
        return None
    if rng.random() < 0.02:
        return rng.choice([[], {}, [1], {"a": 1}, True, 1.5, -(2**70), "x" * 5000, float("nan")])
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _table(rng: Random, columns: list[str], rows: list[list[str]]):  # type: ignore[no-untyped-def]
    """An Arrow table, mostly of the types that are wanted."""
    import pyarrow as pa

    arrays = []
    for n, name in enumerate(columns):
        cells = [row[n] or None for row in rows]
        wanted = {
            "at": pa.timestamp(rng.choice(["s", "ms", "us", "ns"]), rng.choice([None, "UTC", "Europe/Paris"])),
            "ts": pa.int64(),
            "n": rng.choice([pa.int8(), pa.int64(), pa.uint64()]),
            "rate": rng.choice([pa.float32(), pa.float64()]),
            "place.lat": pa.float64(),
            "amount": rng.choice([pa.float64(), pa.decimal128(10, 2), pa.decimal256(50, 10)]),
            "ok": pa.bool_(),
            "wait": rng.choice([pa.int64(), pa.duration("ms")]),
        }.get(name, pa.string())
        array = pa.array(cells, pa.string())
        if rng.random() < 0.9:
            try:
                array = array.cast(wanted)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                array = pa.nulls(len(cells), wanted) if rng.random() < 0.3 else array
        if pa.types.is_string(array.type) and rng.random() < 0.3:
            array = array.dictionary_encode()
        arrays.append(array)
    return pa.table(arrays, names=columns)


def _parquet(rng: Random, columns: list[str], rows: list[list[str]]) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(_table(rng, columns, rows), out, compression=rng.choice(["none", "snappy", "zstd"]))
    return out.getvalue()


def _arrow(rng: Random, columns: list[str], rows: list[list[str]]) -> bytes:
    import pyarrow as pa

    out = io.BytesIO()
    table = _table(rng, columns, rows)
    opened = rng.choice([pa.ipc.new_file, pa.ipc.new_stream])
    with opened(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _packed(how: str, data: bytes) -> bytes:
    if how == "gz":
        return gzip.compress(data, 1, mtime=0)
    import pyarrow as pa

    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def warm_up(folder: Path) -> None:
    """Run the rules over nothing."""
    examine_input("Pay", "jsonl", b"", folder)


def examine_input(stream: str, ending: str, data: bytes, folder: Path, thorough: bool = False) -> str:
    """See that `cep run` over a file ends as docs/cli.md says; say how: "runs", "is refused"."""
    rules = folder / "fuzz.cep"
    rules.write_text(RULES)
    path = folder / f"fuzz.{ending}"
    path.write_bytes(data)
    other = folder / "other.jsonl"
    other.write_bytes(b"")
    missing = "Tick" if stream == "Pay" else "Pay"
    sources = ("--from", f"{stream}={path}", "--from", f"{missing}={other}")
    code, out, err = run_command("run", str(rules), *sources)
    demand(code in (0, 1), "cep run ends with 0 or 1", (code, err))
    for line in filter(None, out.split("\n")):
        event = json.loads(line)
        demand("_type" in event and "_time" in event, "what comes out is derived events", line)
    if code == 1:
        demand("error: " in err and str(path) in err, "cep run says what it cannot read", err)
    else:
        demand("matches" in err, "cep run says what it did", err)
    if thorough:
        shown = run_command("schema", str(path))
        demand(shown[0] in (0, 1), "cep schema ends with 0 or 1", shown)
        demand(shown[0] == 0 or "error: " in shown[2], "cep schema says what it cannot read", shown)
        strict = run_command("run", str(rules), *sources, "--strict")
        demand(strict[0] in (0, 1) and strict[1] == out, "--strict changes the exit code alone", strict)
        demand(code == 0 or strict[0] == 1, "--strict forgives nothing", strict)
    return "runs" if code == 0 else "is refused"

"""Batches: columns of events, the only form in which events travel between stages.

An `EventBatch` holds, for ``n`` events of one stream in the order given: ``ts`` int64[n] nanoseconds UTC, ``seq``
int64[n] (the number in that stream's order of arrival, from 0, late and rejected rows counted), and one
`Column` an attribute. Arrays are C-contiguous and of the dtype that `cep.model.types` names, normalised once,
here, so that each kernel has one compiled signature. Nobody writes into a batch.

Strings are int32 codes into a `Text`, a dictionary that belongs to the batch (Arrow's layout); lists are int32 codes
into `Lists`, offsets and values. Codes of two batches are never compared.
Tested by: tests/model/test_batch.py
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from cep.model.later import LaterColumns
from cep.model.types import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import pyarrow as pa

    from cep.model.later import Lies
    from cep.model.schema import Schema

_FROM_ZERO = np.arange(65_536)
_FEW = 64
_OPTIONAL_STRING = Type("string", optional=True)

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]
UInt64Array = npt.NDArray[np.uint64]
AnyArray = npt.NDArray[Any]


def address_of(values: AnyArray) -> int:
    """Where an array lies."""
    at: int = values.__array_interface__["data"][0]
    return at


@dataclass(frozen=True, eq=False)
class Text:
    """A dictionary of strings: string ``i`` is ``data[offsets[i]:offsets[i + 1]]`` in UTF-8."""

    offsets: Int64Array
    data: UInt8Array

    @staticmethod
    def of(strings: Iterable[str]) -> Text:
        """The dictionary of ``strings``, in their order."""
        encoded = [s.encode("utf-8", "surrogatepass") for s in strings]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        if encoded:
            np.cumsum([len(e) for e in encoded], out=offsets[1:])
        return Text(offsets, np.frombuffer(bytearray(b"".join(encoded)), np.uint8))

    def __len__(self) -> int:
        return self.offsets.size - 1

    @cached_property
    def strings(self) -> list[str]:
        """All strings as Python objects; decoded once."""
        raw, at = self.data.tobytes(), self.offsets.tolist()
        return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(at)]

    def copy(self) -> Text:
        """The same strings in memory of their own."""
        return Text(self.offsets.copy(), self.data.copy())

    @cached_property
    def _found(self) -> dict[str, Int64Array]:
        return {}

    def places(self, string: str) -> Int64Array:
        """The codes that stand for a string, ascending; remembered, because conditions ask batch after batch."""
        known = self._found.get(string)
        if known is None:
            known = self._found[string] = np.flatnonzero(self._equals(string))
        return known

    def _equals(self, string: str) -> BoolArray:
        if len(self) <= _FEW:  # decoded once, whoever asks
            return np.array([s == string for s in self.strings], np.bool_)
        wanted = string.encode("utf-8", "surrogatepass")
        same: BoolArray = np.diff(self.offsets) == len(wanted)
        if wanted and same.any():
            rows = np.flatnonzero(same)
            at = self.offsets[rows, None] + np.arange(len(wanted))
            same[rows] = (self.data[at] == np.frombuffer(wanted, np.uint8)).all(axis=1)
        return same


EMPTY_TEXT = Text(np.zeros(1, np.int64), np.zeros(0, np.uint8))


@dataclass(frozen=True, eq=False)
class Lists:
    """A dictionary of lists: list ``i`` is ``items[offsets[i]:offsets[i + 1]]``."""

    offsets: Int64Array
    items: Column

    def __len__(self) -> int:
        return self.offsets.size - 1

    def take(self, codes: AnyArray) -> Lists:
        """The lists of ``codes``, one after the other: list ``k`` is that of ``codes[k]``."""
        at = self.offsets
        if codes.size == len(self) and bool((codes == np.arange(codes.size)).all()) and at[0] == 0:
            return self if int(at[-1]) == len(self.items) else Lists(at, self.items.take(slice(0, int(at[-1]))))
        starts, lengths = at[:-1][codes], np.diff(at)[codes]
        offsets = np.zeros(codes.size + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return Lists(offsets, self.items.take(np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])))


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one type. ``valid`` is None when nothing is null; values under a null are unspecified but lawful
    (a code is always within ``text`` or ``lists``). ``text`` is set exactly for strings, ``lists`` for lists.
    """

    type: Type
    values: AnyArray
    valid: BoolArray | None = None
    text: Text | None = None
    lists: Lists | None = None

    @staticmethod
    def of_raw(kind: Type, raw: AnyArray, valid: BoolArray | None = None, factor: int = 1) -> Column:
        """A column of integers times ``factor``, 64 bits wide once they are asked for: what nobody reads costs nothing.

        Every product lies within 64 bits.
        """
        column = Column.__new__(Column)
        vars(column).update(type=kind, valid=valid, text=None, lists=None, _raw=raw, _factor=factor)
        return column

    def __getattr__(self, name: str) -> AnyArray:
        # called only for what is not there; of two threads at once both make the same
        here = vars(self)
        if name != "values" or "_raw" not in here:
            raise AttributeError(name)
        values: AnyArray = here["_raw"].astype(np.int64, copy=False)
        if here["_factor"] != 1:
            values = values * here["_factor"]
        here["values"] = values
        return values

    def __len__(self) -> int:
        here = vars(self)
        return int((here["values"] if "values" in here else here["_raw"]).size)

    @property
    def stored(self) -> tuple[AnyArray, int]:
        """The values as they lie, and what to multiply them with."""
        here = vars(self)
        return (here["values"], 1) if "values" in here else (here["_raw"], here["_factor"])

    def write(self, out: Int64Array) -> None:
        """Write the values of a column of integers into an array."""
        here = vars(self)
        if "values" in here:
            out[:] = here["values"]
        else:
            np.multiply(here["_raw"], here["_factor"], out=out, dtype=np.int64)

    def take(self, rows: AnyArray | slice) -> Column:
        """The column at ``rows`` (positions, a mask, or a slice)."""
        here = vars(self)
        out = Column.__new__(Column)
        new = vars(out)
        new.update(here)
        if "values" in here:
            new["values"] = here["values"][rows]
            new.pop("_raw", None)
        else:
            new["_raw"] = here["_raw"][rows]
        new.pop("_address", None)
        if self.valid is not None:
            new["valid"] = self.valid[rows]
        return out

    def lies_at(self, address: int) -> Column:
        """Itself, and it is known where the values that `stored` gives lie."""
        vars(self)["_address"] = address
        return self

    @property
    def address(self) -> int:
        """Where the values that `stored` gives lie."""
        here = vars(self)
        known: int | None = here.get("_address") if "values" not in here or "_raw" not in here else None
        return address_of(self.stored[0]) if known is None else known

    def retyped(self, kind: Type) -> Column:
        """The same values as another type of the same form."""
        out = Column.__new__(Column)
        vars(out).update(vars(self), type=kind)
        return out

    def to_list(self) -> list[Any]:
        """Python values: int, float, bool, str, `decimal.Decimal`; time and duration as int nanoseconds; None.

        A list gives a list of such.
        """
        if self.text is not None:
            strings = self.text.strings
            out: list[Any] = [strings[c] for c in self.values.tolist()] if len(self.text) else [None] * len(self)
        elif self.lists is not None:
            out = sliced(self.lists, self.values, Column.to_list)
        elif self.type.kind == "decimal":
            import decimal

            scale, wide = -self.type.scale, decimal.Context(prec=40)
            out = [decimal.Decimal(v).scaleb(scale, wide) for v in self.values.tolist()]
        else:
            out = self.values.tolist()
        if self.valid is not None:
            out = [v if ok else None for v, ok in zip(out, self.valid.tolist(), strict=True)]
        return out


def sliced(lists: Lists, codes: AnyArray, of_items: Callable[[Column], list[Any]]) -> list[list[Any]]:
    """The list of each code, its elements as ``of_items`` gives them for the column of all elements."""
    chosen = lists.take(codes)
    items, at = of_items(chosen.items), chosen.offsets.tolist()
    return [items[a:b] for a, b in pairwise(at)]


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where derived events come from: n events; m contributing events, those of event i at offsets[i]:offsets[i+1].

    ``rule`` indexes ``rules``; ``stream`` indexes ``streams``; ``number`` is the contributing event's ``seq``.
    ``keys`` are the parts of each event's key, by rule: rule r's events have the columns ``keys[r]`` at the places
    ``place``. ``ids`` uint64[n, 2] is the deterministic identity. What `later` promises is made when it is asked for.
    """

    rules: tuple[str, ...]
    rule: Int32Array
    keys: tuple[tuple[Column, ...], ...]
    place: Int64Array
    ids: UInt64Array
    offsets: Int64Array
    streams: tuple[str, ...]
    stream: Int32Array
    number: Int64Array

    @staticmethod
    def later(
        rules: tuple[str, ...], streams: tuple[str, ...], size: int, make: Callable[[], Provenance]
    ) -> Provenance:
        """What ``make`` gives, for ``size`` events; it is called once something else than the names is asked for.

        It must not read what others write into.
        """
        out = Provenance.__new__(Provenance)
        vars(out).update(rules=rules, streams=streams, _size=size, _make=make)
        return out

    def __getattr__(self, name: str) -> Any:
        here = vars(self)
        make = here.get("_make") if name in _MADE_LATER else None
        if make is None:
            if name in here:  # another thread has made it meanwhile
                return here[name]
            raise AttributeError(name)
        made = make()
        here.update({field: getattr(made, field) for field in _MADE_LATER})
        here.pop("_make", None)
        return here[name]

    def __len__(self) -> int:
        return int(self.rule.size) if self.is_made else int(vars(self)["_size"])

    @property
    def is_made(self) -> bool:
        """Whether nothing is promised any more."""
        return "_make" not in vars(self)

    def to_list(self) -> list[list[tuple[str, int]]]:
        """The contributing events of each event: (stream, row)."""
        names = [self.streams[s] for s in self.stream.tolist()]
        pairs = list(zip(names, self.number.tolist(), strict=True))
        at = self.offsets.tolist()
        return [pairs[a:b] for a, b in pairwise(at)]

    @cached_property
    def key(self) -> Column:
        """The keys as text: one part as itself, several as a JSON array, null where the rule has no key."""
        out: list[str | None] = [None] * int(self.rule.size)
        for r, parts in enumerate(self.keys):
            if not parts:
                continue
            rows = np.flatnonzero(self.rule == r)
            texts = _key_texts([p.take(self.place[rows]) for p in parts])
            for row, text in zip(rows.tolist(), texts, strict=True):
                out[row] = text
        return string_column(out)

    def take(self, rows: AnyArray | slice) -> Provenance:
        """The provenance of the events at ``rows`` (positions, a mask, or a slice)."""
        if not self.is_made:
            size = len(range(len(self))[rows]) if isinstance(rows, slice) else count_rows(rows)
            return Provenance.later(self.rules, self.streams, size, lambda: self._taken(rows))
        return self._taken(rows)

    def _taken(self, rows: AnyArray | slice) -> Provenance:
        if not isinstance(rows, slice) and rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        starts, ends = self.offsets[:-1][rows], self.offsets[1:][rows]
        offsets = np.zeros(starts.size + 1, np.int64)
        np.cumsum(ends - starts, out=offsets[1:])
        if isinstance(rows, slice) and rows.step is None and starts.size:
            inner: Any = slice(int(starts[0]), int(ends[-1]))
        else:
            inner = np.repeat(starts - offsets[:-1], ends - starts) + np.arange(offsets[-1])
        return Provenance(
            self.rules,
            self.rule[rows],
            self.keys,
            self.place[rows],
            self.ids[rows],
            offsets,
            self.streams,
            self.stream[inner],
            self.number[inner],
        )


_MADE_LATER = ("rule", "keys", "place", "ids", "offsets", "stream", "number")


def count_rows(rows: AnyArray) -> int:
    """How many rows positions or a mask stand for."""
    return int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else int(rows.size)


def string_column(strings: Sequence[str | None]) -> Column:
    """A string column with nulls from Python strings."""
    distinct = {s: i for i, s in enumerate(dict.fromkeys(s for s in strings if s is not None))}
    codes = np.fromiter((distinct.get(s, 0) if s is not None else 0 for s in strings), np.int32, len(strings))
    valid = np.fromiter((s is not None for s in strings), np.bool_, len(strings))
    text = Text.of(distinct or [""])
    return Column(_OPTIONAL_STRING, codes, None if valid.all() else valid, text)


def _key_texts(parts: list[Column]) -> list[str]:
    import json

    from cep.model.time import format_duration, format_time

    rendered: list[list[str | int | float | bool]] = []
    for part in parts:
        values = part.to_list()
        if part.type.kind == "time":
            values = [format_time(v) for v in values]
        elif part.type.kind == "duration":
            values = [format_duration(v) for v in values]
        elif part.type.kind == "decimal":
            values = [str(v) for v in values]
        rendered.append(values)
    if len(rendered) == 1:
        return [v if isinstance(v, str) else str(v) if type(v) is int else json.dumps(v) for v in rendered[0]]
    return [json.dumps(list(row), ensure_ascii=False) for row in zip(*rendered, strict=True)]


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Events of one stream as columns; see the module's words.

    >>> import cep
    >>> rules = cep.loads('''
    ... stream Pay ordered by at { at: time(s), card: string, amount: int }
    ... rule Big from Pay where amount > 100 emit Alert { card, amount }
    ... ''')
    >>> alerts = cep.run(rules, {"Pay": {"at": [1, 2], "card": ["a", "b"], "amount": [500, 700]}})["Alert"]
    >>> alerts
    <EventBatch Alert: 2 events, card, amount>
    >>> alerts["amount"].values
    array([500, 700])
    >>> alerts.to_arrow(meta=False).column_names
    ['card', 'amount']
    """

    schema: Schema
    ts: Int64Array
    seq: Int64Array
    columns: Mapping[str, Column]
    provenance: Provenance | None = None

    def __getattr__(self, name: str) -> Int64Array:
        here = vars(self)
        if name not in ("ts", "seq") or not ("_first" in here or "_at" in here):
            raise AttributeError(name)
        if name == "ts" and "_at" in here:
            here["ts"] = here["_at"].ts
        elif name == "ts":
            here["ts"] = self.columns[self.schema.time or ""].values
        else:
            here["seq"] = np.arange(here["_first"], here["_first"] + len(self))
        made: Int64Array = here[name]
        return made

    def __len__(self) -> int:
        here = vars(self)
        if "_size" not in here:
            here["_size"] = int(here["ts"].size)
        size: int = here["_size"]
        return size

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def take(self, rows: AnyArray | slice, only: Collection[str] | None = None) -> EventBatch:
        """The events at ``rows`` (positions, a mask, or a slice), with all attributes or ``only`` some.

        The attribute that orders the stream must be one of these.
        """
        columns = {name: c.take(rows) for name, c in self.columns.items() if only is None or name in only}
        origin = None if self.provenance is None else self.provenance.take(rows)
        ts = self.ts[rows] if _times(self) is None else columns[self.schema.time or ""].values
        return EventBatch(self.schema, ts, numbers_at(self, rows), columns, origin)

    def to_arrow(self, *, meta: bool = True, lineage: bool = False) -> pa.RecordBatch:
        """The batch as an Arrow record batch; see `cep.model.arrow` for types and for the columns of ``meta``."""
        from cep.model.arrow import to_arrow

        return to_arrow(self, meta=meta, lineage=lineage)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface: ``polars.DataFrame(batch)``, ``pyarrow.table(batch)``, duckdb, pandas."""
        import pyarrow as pa

        return pa.Table.from_batches([self.to_arrow()]).__arrow_c_stream__(requested_schema)

    def to_dicts(self, *, meta: bool = False, lineage: bool = False) -> list[dict[str, Any]]:
        """The events as dicts: times as RFC 3339 text, durations as text (``1 h 30 min``), decimals exact.

        Lists are lists; a record is a dict of its fields, or None. ``meta`` adds ``_type``, ``_time``, ``_rule``,
        ``_key`` and ``_id``; ``lineage`` adds ``_events``, a list of (stream, row).
        """
        from cep.model.nested import shown_columns
        from cep.model.time import format_times

        lists = shown_columns(self.columns)
        made, size = self.provenance, len(self)
        if meta:
            lists["_type"] = [self.schema.name] * size
            lists["_time"] = list(format_times(self.ts))
            lists["_rule"] = [None] * size if made is None else [made.rules[r] for r in made.rule.tolist()]
            lists["_key"] = [None] * size if made is None else made.key.to_list()
            lists["_id"] = [None] * size if made is None else [f"{a:016x}{b:016x}" for a, b in made.ids.tolist()]
        if lineage:
            lists["_events"] = [[] for _ in range(size)] if made is None else made.to_list()
        if not lists:
            return [{} for _ in range(size)]
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]

    def _repr_html_(self) -> str:
        from cep.model.html import batch_table

        return batch_table(self)

    def __repr__(self) -> str:
        return f"<EventBatch {self.schema.name}: {len(self)} events, {', '.join(self.columns)}>"


# ------------------------------------------------------------------ batches whose ts and seq wait to be read


def arrived(
    schema: Schema, columns: Mapping[str, Column], first: int, ends: tuple[int, int] | None = None
) -> EventBatch:
    """Events numbered from ``first``, whose times are those of the column that orders the stream.

    ``ts`` and ``seq`` are made when they are asked for, as `Column.of_raw` does; ``ends`` are the first and the last
    time, when it is known that no time is less than the one before it.
    """
    assert schema.time is not None
    batch = EventBatch.__new__(EventBatch)
    size = len(columns[schema.time])
    vars(batch).update(schema=schema, columns=columns, provenance=None, _first=first, _ends=ends, _size=size)
    return batch


def lying(
    schema: Schema, columns: Mapping[str, Column], first: int, ends: tuple[int, int], size: int, lies: Lies
) -> EventBatch:
    """The same for ``size`` events in order of which it is known where their columns lie, whoever makes these."""
    batch = EventBatch.__new__(EventBatch)
    vars(batch).update(
        schema=schema, columns=columns, provenance=None, _first=first, _ends=ends, _size=size, _lies=lies
    )
    return batch


def where_it_lies(batch: EventBatch) -> Lies | None:
    """Where the columns of a batch lie, if somebody has said so."""
    lies: Lies | None = vars(batch).get("_lies")
    return lies


class Timed(Protocol):
    """What knows the times of events, when it is asked."""

    @property
    def ts(self) -> Int64Array:
        """The times."""


def derived(
    schema: Schema, at: Timed, size: int, columns: Mapping[str, Column], provenance: Provenance | None
) -> EventBatch:
    """``size`` events that have no numbers yet, whose ``ts`` is asked of ``at`` when somebody wants it."""
    batch = EventBatch.__new__(EventBatch)
    vars(batch).update(schema=schema, columns=columns, provenance=provenance, _first=0, _at=at, _size=size)
    return batch


def renumbered(batch: EventBatch, first: int, size: int) -> EventBatch:
    """The same events, ``size`` of them, with numbers from ``first`` on, made when somebody asks."""
    other = EventBatch.__new__(EventBatch)
    here = vars(other)
    here.update(vars(batch), _first=first, _size=size)
    here.pop("seq", None)
    return other


def number_now(batch: EventBatch, first: int) -> EventBatch:
    """A batch that nobody has seen yet and that has no numbers, with numbers from ``first`` on."""
    here = vars(batch)
    here["_first"] = first
    here.pop("seq", None)
    return batch


def has_all(batch: EventBatch) -> bool:
    """Whether a batch has the fields of its type, in their order."""
    columns, names = batch.columns, batch.schema.names
    return (isinstance(columns, LaterColumns) and columns.names is names) or tuple(columns) == names


def _times(batch: EventBatch) -> Column | None:
    """The column whose values are ``ts`` while these are not made yet."""
    here = vars(batch)
    return None if "ts" in here or "_at" in here else batch.columns[batch.schema.time or ""]


def times_column(batch: EventBatch) -> Column:
    """The column of the times, of a batch that has said so in `arrived`."""
    return batch.columns[batch.schema.time or ""]


def ends_in_order(batch: EventBatch) -> tuple[int, int] | None:
    """The first and the last time, when the times are known to stand in order; else None."""
    ends: tuple[int, int] | None = vars(batch).get("_ends")
    return ends


def times_at(batch: EventBatch, rows: AnyArray) -> Int64Array:
    """The times of the events at ``rows``."""
    times = _times(batch)
    found: Int64Array = batch.ts[rows] if times is None else times.take(rows).values
    return found


def times_stored(batch: EventBatch) -> tuple[AnyArray, int]:
    """The times as they lie, and what to multiply them with."""
    times = _times(batch)
    return (batch.ts, 1) if times is None else times.stored


def numbers_at(batch: EventBatch, rows: AnyArray | slice) -> Int64Array:
    """The numbers of the events at ``rows``."""
    here = vars(batch)
    if "seq" in here or isinstance(rows, slice) or rows.dtype == np.bool_:
        return batch.seq[rows]
    numbers: Int64Array = rows + here["_first"]
    return numbers


def last_number(batch: EventBatch) -> int:
    """The number of the last event."""
    here = vars(batch)
    return int(batch.seq[-1]) if "seq" in here else int(here["_first"]) + len(batch) - 1


def first_number(batch: EventBatch) -> int | None:
    """The number of the first event, when all are known to be numbered one after the other; else None."""
    here = vars(batch)
    first: int | None = None if "seq" in here else here["_first"]
    return first


def write_places(batch: EventBatch, ts: Int64Array, seq: Int64Array) -> None:
    """Write all times and numbers into arrays of their own."""
    here, times = vars(batch), _times(batch)
    if times is None:
        ts[:] = batch.ts
    else:
        times.write(ts)
    if "seq" in here or len(batch) > _FROM_ZERO.size:
        seq[:] = batch.seq
    else:  # to add to a range that is there is twice as fast as to make one
        np.add(_FROM_ZERO[: len(batch)], here["_first"], out=seq)

"""Snapshots: what an engine remembers, as bytes.

| part | what it is |
|---|---|
| 8 bytes | the magic: no text, broken by what changes line ends or the highest bit |
| u32, u32 | `FORMAT`, and the CRC-32 of the twelve bytes before: these sixteen bytes are the same in every format |
| u64, 16 bytes | the length of the header, and its digest (BLAKE2b) |
| header | msgpack: who made it, and of each section its name, length, digest, and what it is valid for |
| sections | one after the other, each a state |

A state is a tree of named values: whole numbers, texts, arrays, lists, states. In a section the tree comes first, as
msgpack behind its length, in which an array is its dtype and shape; then the arrays, little-endian, in order.

Invariants: equal states give equal bytes; no byte is outside a digest; what is read is checked by `Stored` before
anybody uses it, since kernels check nothing. Nothing is ever executed.
Cost: O(bytes).
Tested by: tests/runtime/test_snapshot.py, tests/properties/test_snapshot.py
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from cep.model.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cep.model.batch import AnyArray, Int64Array

MAGIC = b"\x89cep\r\n\x1a\n"
FORMAT = 1
_PREFIX, _HEAD = 16, 40
_ARRAY = 1  # msgpack's extension code
_DTYPES = ("<i8", "<f8", "<i4", "<u8", "|u1", "|b1")
_LEAST, _MOST = -(2**63), 2**64 - 1

Value: TypeAlias = "int | str | bool | AnyArray | Sequence[Value] | Mapping[str, Value] | None"
State: TypeAlias = "Mapping[str, Value]"


@dataclass(frozen=True, slots=True)
class Section:
    """A state by name. ``validity``: what must be the same where it is restored, in words of who wrote it."""

    name: str
    validity: Mapping[str, Value]
    state: State


def write_snapshot(about: State, sections: Sequence[Section]) -> bytes:
    """The bytes of sections; ``about`` goes into the header."""
    packed = [_pack(s.state) for s in sections]
    entries = [
        {"name": s.name, "size": len(p), "digest": _digest(p), "validity": dict(s.validity)}
        for s, p in zip(sections, packed, strict=True)
    ]
    header = msgspec.msgpack.encode({"about": dict(about), "sections": entries})
    prefix = MAGIC + FORMAT.to_bytes(4, "little")
    size = len(header).to_bytes(8, "little")
    head = [prefix, zlib.crc32(prefix).to_bytes(4, "little"), size, _digest(header), header]
    return b"".join([*head, *packed])


def read_snapshot(data: memoryview) -> tuple[Stored, list[tuple[str, Stored, Stored]]]:
    """What the header says, and the sections: name, validity, state. `SnapshotError` unless all of it is whole."""
    header, rest = _header(data)
    tree = Stored("header", header)
    out = []
    for entry in tree.many("sections"):
        name, size = entry.text("name"), entry.whole("size", 0, len(rest))
        part, rest = rest[:size], rest[size:]
        _require(_digest(part) == entry.bytes("digest"), f"the section {name} does not agree with its checksum")
        out.append((name, entry.inner("validity"), Stored(name, _unpack(name, part))))
    _require(not len(rest), f"{len(rest)} bytes follow its end")
    return tree.inner("about"), out


class Stored:
    """A state that is being read: each value is asked for by name, kind and range; anything else is damage."""

    __slots__ = ("_values", "place")

    def __init__(self, place: str, values: object) -> None:
        _require(isinstance(values, dict), f"{place} is no state")
        assert isinstance(values, dict)
        self.place = place
        self._values: dict[str, object] = values

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its values."""
        return tuple(self._values)

    def require(self, holds: object, law: str) -> None:
        """Damage unless a law of the state holds."""
        _require(holds, f"{self.place}: {law}")

    def whole(self, name: str, least: int = _LEAST, most: int = _MOST) -> int:
        """A whole number."""
        value = self._get(name)
        self.require(type(value) is int and least <= value <= most, f"{name} is no number from {least} to {most}")
        assert isinstance(value, int)
        return value

    def truth(self, name: str) -> bool:
        """A truth value."""
        value = self._get(name)
        self.require(isinstance(value, bool), f"{name} is not true or false")
        return bool(value)

    def text(self, name: str) -> str:
        """A text."""
        value = self._get(name)
        self.require(isinstance(value, str), f"{name} is no text")
        return str(value)

    def bytes(self, name: str) -> bytes:
        """Bytes."""
        value = self._get(name)
        self.require(isinstance(value, bytes), f"{name} is not bytes")
        assert isinstance(value, bytes)
        return value

    def array(self, name: str, dtype: type[np.generic], *shape: int | None) -> AnyArray:
        """An array of a type and shape (None: any length)."""
        value = self._get(name)
        fits = (
            isinstance(value, np.ndarray)
            and value.dtype == dtype
            and value.ndim == len(shape)
            and all(want in (None, have) for want, have in zip(shape, value.shape, strict=True))
        )
        self.require(fits, f"{name} is no table of the right form")
        assert isinstance(value, np.ndarray)
        return value

    def numbers(self, name: str, size: int | None, least: int = _LEAST, most: int = 2**63 - 1) -> Int64Array:
        """A vector of whole numbers within bounds."""
        found: Int64Array = self.array(name, np.int64, size)
        self.within(found, least, most, name)
        return found

    def within(self, values: AnyArray, least: int, most: int, name: str) -> None:
        """Damage unless all values lie within bounds."""
        outside = values.size and (int(values.min()) < least or int(values.max()) > most)
        self.require(not outside, f"{name} is not within {least} and {most}")

    def inner(self, name: str) -> Stored:
        """A state within it."""
        return Stored(f"{self.place}, {name}", self._get(name))

    def many(self, name: str) -> list[Stored]:
        """A list of states."""
        value = self._get(name)
        self.require(isinstance(value, list), f"{name} is no list")
        assert isinstance(value, list)
        return [Stored(f"{self.place}, {name} {n}", each) for n, each in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value = self._get(name)
        self.require(isinstance(value, list) and all(isinstance(v, str) for v in value), f"{name} is no list of texts")
        assert isinstance(value, list)
        return value

    def is_nothing(self, name: str) -> bool:
        """Whether there is no value under a name that may have none."""
        return self._get(name) is None

    def _get(self, name: str) -> object:
        self.require(name in self._values, f"there is no {name}")
        return self._values[name]


# ------------------------------------------------------------------------------------------------------------ inside


def _header(data: memoryview) -> tuple[object, memoryview]:
    if bytes(data[: len(MAGIC)]) != MAGIC[: max(1, len(data))]:
        message = "this is no snapshot of cep: it begins otherwise" if len(data) else "this is no snapshot: it is empty"
        raise SnapshotError("foreign", message, hint="give the bytes that Engine.snapshot() returned")
    _require(len(data) >= _HEAD, "it is cut off")
    _require(zlib.crc32(data[:12]) == int.from_bytes(data[12:_PREFIX], "little"), "its first bytes are not as written")
    form = int.from_bytes(data[8:12], "little")
    if form != FORMAT:
        age = "a newer" if form > FORMAT else "an older"
        message = f"the snapshot has format {form}, of {age} cep; this one reads format {FORMAT}"
        raise SnapshotError("version", message, hint="restore it with the cep that made it, or start anew")
    size = int.from_bytes(data[_PREFIX : _PREFIX + 8], "little")
    _require(size <= len(data) - _HEAD, "it is cut off")
    header = data[_HEAD : _HEAD + size]
    _require(_digest(header) == bytes(data[_PREFIX + 8 : _HEAD]), "the header does not agree with its checksum")
    try:
        tree = msgspec.msgpack.decode(header)
    except (msgspec.DecodeError, RecursionError):
        _require(False, "the header cannot be read")
    return tree, data[_HEAD + size :]


def _pack(state: State) -> bytes:
    arrays: list[bytes] = []

    def place(value: object) -> msgspec.msgpack.Ext:
        assert isinstance(value, np.ndarray), type(value)
        dtype = value.dtype.newbyteorder("<").str
        assert dtype in _DTYPES, dtype
        arrays.append(np.ascontiguousarray(value, dtype).tobytes())
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode([dtype, list(value.shape)]))

    tree = msgspec.msgpack.Encoder(enc_hook=place).encode(state)
    return b"".join([len(tree).to_bytes(8, "little"), tree, *arrays])


def _unpack(name: str, data: memoryview) -> object:
    size = int.from_bytes(data[:8], "little")
    _require(len(data) >= 8 and 8 + size <= len(data), f"{name} is cut off")
    at = 8 + size

    def array(code: int, about: memoryview) -> AnyArray:
        nonlocal at
        dtype, shape = msgspec.msgpack.decode(about, type=tuple[str, tuple[int, ...]])
        _require(code == _ARRAY and dtype in _DTYPES and all(n >= 0 for n in shape), f"{name} holds no known table")
        kind = np.dtype(dtype)
        end = at + prod(shape) * kind.itemsize
        _require(end <= len(data), f"{name} is cut off")
        raw = np.frombuffer(data[at:end], np.uint8 if kind == np.bool_ else kind)
        at = end
        _require(kind != np.bool_ or not raw.size or raw.max() <= 1, f"{name} holds what is not true or false")
        return raw.astype(kind.newbyteorder("=")).reshape(shape)

    try:
        tree: object = msgspec.msgpack.Decoder(ext_hook=array).decode(data[8 : 8 + size])
    except (msgspec.DecodeError, RecursionError, ValueError):  # ValueError: a shape beyond what there can be
        _require(False, f"{name} cannot be read")
    _require(at == len(data), f"{name} is longer than what it holds")
    return tree


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _require(holds: object, law: str) -> None:
    if not holds:
        raise SnapshotError("damaged", f"the snapshot is damaged: {law}", hint="take an older one, or start anew")

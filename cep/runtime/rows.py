"""Single events for a direct matcher, each written over the one before it; and what one event matches: columns and
provenance are made when they are looked at.

Cost: about a microsecond an event, and the matcher's.
Tested by: tests/runtime/test_single.py, tests/properties/
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from cep.kernels.blocks import DECIDED_AT, FOUND_NULLS
from cep.model.batch import Provenance
from cep.model.single import column_of, events_at
from cep.runtime.identity import emit_seed, provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cep.compiler.direct import DirectInput, Shape
    from cep.language.typed import CheckedRule
    from cep.model.batch import EventBatch, Int64Array
    from cep.model.schema import Schema
    from cep.model.types import Type
    from cep.runtime.identity import Lineage
    from cep.runtime.strings import Strings


def compile_row_writer(
    shape: Shape,
    number: int,
    source: DirectInput,
    places: Mapping[str, tuple[int, Type]],
    time: str,
    code_of: Callable[[str], int],
) -> tuple[Int64Array, Callable[[Sequence[Any], int, int], None]]:
    """A block of one row, and what writes an event into it: its values, its number, the bits of the steps it fits.

    ``places`` are the places and the types of the values of input ``number``; ``code_of`` interns a string.
    """
    streams = len(shape.inputs)
    words = [f"v[{places[time][0]}]", f"n * {streams} + {number}" if streams > 1 else "n", "bits"]
    nulls, form = [], "4q"
    values = []
    for i, name in enumerate([*source.keys, *(name for name, _ in shape.values)]):
        value = i - len(source.keys)
        if value >= 0 and value not in source.present:
            values.append("0")
            form += "q"
            continue
        place, kind = places[name]
        text = f"v[{place}]"
        if kind.kind == "string":
            text = f"code_of({text})"
        elif kind.kind == "float" and value < 0:
            text += " + 0.0"  # -0.0 is the same key as 0.0
        if kind.optional and value >= 0:
            text = f"(0 if v[{place}] is None else {text})"
            nulls.append(f"(v[{place}] is None) << {value}")
        values.append(text)
        form += "d" if kind.kind == "float" else "q"
    words += [" | ".join(nulls) or "0", *values]
    block = np.zeros((shape.block_width, 1), np.int64)
    packer = struct.Struct(form)
    assert packer.size == block.nbytes, "a word for each column"
    names: dict[str, Any] = {"pack": packer.pack_into, "block": block, "code_of": code_of}
    text = f"def put(v, n, bits):\n    pack(block, 0, {', '.join(words)})\n"
    exec(compile(text, "<generated row>", "exec"), names)  # our own text
    return block, names["put"]


class RowEmit:
    """Makes the derived events of matches at one event: for a rule with one ``emit`` that computes nothing."""

    __slots__ = ("_fields", "_keys", "_read", "_read_keys", "_rule", "_schema", "_seed", "_streams", "_strings")

    def __init__(
        self, shape: Shape, rule: CheckedRule, schema: Schema, streams: tuple[str, ...], strings: Strings
    ) -> None:
        self._schema, self._rule, self._streams, self._strings = schema, rule.name, streams, strings
        self._seed = emit_seed(rule.name, 0)
        (emit,) = rule.emits
        self._fields = {name: (n, node.type) for n, (name, node) in enumerate(emit.fields)}
        self._keys = [key.type for key in rule.keys]
        places = [shape.places[node] for _, node in emit.fields]
        self._read = _compile_values(
            [(node.type, p.column, p.null) for (_, node), p in zip(emit.fields, places, strict=True)]
        )
        self._read_keys = _compile_values(
            [(kind, column, None) for kind, column in zip(self._keys, shape.keys, strict=True)]
        )

    def batch(self, found: Int64Array, number: int, list_lineage: Callable[[], Lineage]) -> EventBatch:
        """The events of matches, which are the caller's own, numbered from ``number`` on."""
        words, string_of = found.T.tolist(), self._strings.string_of
        pairs = list(zip(words, found.view(np.float64).T.tolist(), strict=True))
        rows = [self._read(w, f, string_of) for w, f in pairs]
        keys = [self._read_keys(w, f, string_of) for w, f in pairs]

        def origin() -> Provenance:
            columns = tuple(
                column_of(kind, values) for kind, values in zip(self._keys, zip(*keys, strict=True), strict=True)
            )
            return provenance((self._rule,), None, np.full(len(rows), self._seed, np.uint64), columns, list_lineage())

        made = Provenance.later((self._rule,), self._streams, len(rows), origin)
        return events_at(self._schema, self._fields, rows, words[0][DECIDED_AT], number, made)


def _compile_values(
    places: Sequence[tuple[Type, int, int | None]],
) -> Callable[[list[int], list[float], Callable[[int], str]], tuple[Any, ...]]:
    """What reads values of some types at columns of a match, each with the bit that says that it is null."""
    parts = []
    for kind, column, null in places:
        text = f"f[{column}]" if kind.kind == "float" else f"w[{column}]"
        if kind.kind == "string":
            text = f"text({text})"
        elif kind.kind == "bool":
            text += " != 0"
        parts.append(text if null is None else f"(None if w[{FOUND_NULLS}] >> {null} & 1 else {text})")
    names: dict[str, Any] = {}
    text = f"def read(w, f, text):\n    return ({''.join(f'{part}, ' for part in parts)})\n"
    exec(compile(text, "<generated values>", "exec"), names)  # our own text
    read: Callable[[list[int], list[float], Callable[[int], str]], tuple[Any, ...]] = names["read"]
    return read

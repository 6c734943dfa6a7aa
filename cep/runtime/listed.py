"""Windows as they are listed: stretches of rows, and what is known of each beside.

Tested by: tests/runtime/test_window.py, tests/properties/test_windows.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cep.compiler.lists import ListVector
from cep.compiler.text import TextVector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cep.compiler.columns import Leaf
    from cep.language.typed import Typed
    from cep.model.batch import AnyArray, Int64Array


class Told(NamedTuple):
    """Whether each is told of or taken back, the row that does so, and its place among those of this row."""

    ops: Int64Array
    rows: Int64Array
    places: Int64Array


@dataclass(frozen=True, eq=False)
class Windows:
    """``found`` as the kernels of `cep.kernels.window` list them, over ``rows``.

    ``by``: the row that each ends with. ``begins``: where each begins, unless its first row tells. ``causes``: the rows
    that each comes from, from and to, unless these are its rows. ``known``: leaves that are computed.
    ``told``: of windows that are told of early.
    """

    rows: Int64Array
    found: Int64Array
    by: Int64Array
    begins: Int64Array | None = None
    causes: tuple[Int64Array, Int64Array] | None = None
    known: Mapping[Typed, Leaf] = field(default_factory=dict)
    told: Told | None = None

    def __len__(self) -> int:
        return len(self.found)

    def at(self, which: AnyArray) -> Windows:
        """Some of them."""
        begins = None if self.begins is None else self.begins[which]
        causes = None if self.causes is None else (self.causes[0][which], self.causes[1][which])
        known = {node: leaf_at(leaf, which) for node, leaf in self.known.items()}
        found = np.ascontiguousarray(self.found[which])
        told = None if self.told is None else Told(*(part[which] for part in self.told))
        return Windows(self.rows, found, self.by[which], begins, causes, known, told)


def leaf_at(leaf: Leaf, rows: AnyArray) -> Leaf:
    """A leaf at some rows."""
    value, null = leaf
    if isinstance(value, TextVector):
        value = TextVector(value.codes[rows], value.text)
    elif isinstance(value, ListVector):
        value = ListVector(value.codes[rows], value.lists)
    else:
        value = value[rows]
    return value, null[rows] if isinstance(null, np.ndarray) else null

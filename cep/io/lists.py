"""Lists: columns of lists from outside, Arrow's, Python's, or JSON text, to the offsets and values of a list column.

The elements of all lists of a block are read as one column of the element type, so lists are read as fast as what
stands in them. A list is bad when one of its elements is, or is null where the type has no ``?``; the reason names the
element, counted from 0.
Cost: that of the elements, and about 0.2 µs a list of Python or text.
Tested by: tests/io/test_lists.py
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cep.io.cells import Bad, Cells, object_of, refusal, valid_of
from cep.io.columns import cells_of_array, cells_of_objects
from cep.io.values import plain, read_list
from cep.model.batch import Column, Lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.model.batch import BoolArray, Int64Array
    from cep.model.types import Type


def lists_of_objects(values: Sequence[object], wanted: Type) -> Cells:
    """Python sequences, or JSON text, as lists of the list type ``wanted``."""
    found: list[list[object] | None] = []
    bad: Bad = {}
    for row, value in enumerate(values):
        try:
            found.append(read_list(value))
        except ValueError as error:
            found.append(None)
            bad[row] = (str(error), plain(value))
    lengths = np.fromiter((len(each) if each else 0 for each in found), np.int64, len(found))
    inner = cells_of_objects(list(chain.from_iterable(each for each in found if each)), wanted.items[0])
    valid = np.fromiter((each is not None for each in found), np.bool_, len(found))
    return _cells(wanted, lengths, inner, valid, bad)


def lists_of_array(array: pa.Array, wanted: Type) -> Cells:
    """An Arrow column of lists, or of JSON text; InputError when no value of its type could ever be such a list."""
    kind, is_a = array.type, pa.types
    if is_a.is_string(kind) or is_a.is_large_string(kind):
        return lists_of_objects([object_of(scalar) for scalar in array], wanted)
    if is_a.is_list_view(kind) or is_a.is_large_list_view(kind):
        array = array.cast(pa.large_list(kind.value_type))
    elif not (is_a.is_list(kind) or is_a.is_large_list(kind) or is_a.is_fixed_size_list(kind)):
        raise refusal(array, wanted)
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return _cells(wanted, lengths, cells_of_array(array.flatten(), wanted.items[0]), valid_of(array), {})


def _cells(wanted: Type, lengths: Int64Array, inner: Cells, valid: BoolArray | None, bad: Bad) -> Cells:
    """The lists of these lengths, one after the other in ``inner``; those with a bad element are bad."""
    item = wanted.items[0]
    offsets = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    wrong = dict(inner.bad)
    if not item.optional and inner.valid is not None:
        for element in np.flatnonzero(~inner.valid).tolist():
            wrong.setdefault(element, ("is null", None))
    if wrong:
        elements = np.array(sorted(wrong), np.int64)
        rows = np.searchsorted(offsets, elements, side="right") - 1
        valid = np.ones(lengths.size, np.bool_) if valid is None else valid.copy()
        valid[rows] = False
        for row, element in zip(rows.tolist(), elements.tolist(), strict=True):
            reason, value = wrong[element]
            bad.setdefault(row, (f"element {element - int(offsets[row])}: {reason}", value))
    here = inner.valid if item.optional else None
    lists = Lists(offsets, Column(item, inner.values, here, inner.text, inner.lists))
    codes = np.arange(lengths.size, dtype=np.int32)
    if valid is not None and bool(valid.all()):
        valid = None
    return Cells(codes, valid, None, bad, lists)

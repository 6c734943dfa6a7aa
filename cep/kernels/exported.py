"""Columns of a table where Arrow's C data interface says they lie, looked at in one call.

``wants``: int64[1 + columns, 12] at an address. In the first row stand the addresses of the exported `ArrowArray` and
`ArrowSchema` (structs), the number of columns, and, written, the first and the last time; then how many children the
table has, and the address of what their schema says: for each child its name, its format and that of its dictionary (or
nothing), each with a zero behind it; the address of orders of `cep.kernels.gather`, or 0, with the number of the first
row, and, written, the turn of their lay and how many rows they want. Then for each column its place among the children,
its KIND, the size of a value, and where it lies, written; for strings also how many the dictionary is known to have,
and the addresses of their offsets and bytes.
Cost: O(rows) for each column of floats or times, O(bytes) for a dictionary.
Reference: the Arrow C data interface, whose structs are ten and nine words.
Tested by: tests/io/test_exported.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels import gather
from cep.kernels.jit import (
    IntArray,
    Integer,
    Matrix,
    Whole,
    bytes_at,
    floats_at,
    kernel,
    matrix_at,
    narrow_at,
    vector_at,
)
from cep.kernels.look import are_finite, ascend

LINE = 12
ARRAY, COLUMNS, FIRST, LAST, SCHEMA, TOLD, SAYS, MOST_ROWS, AHEAD, FIRST_ROW, TURN, COUNT = range(12)
CHILD, KIND, SIZE, ADDRESS, STRINGS, OFFSETS, BYTES = range(7)
# kinds: nothing to look at; floats that must be finite; times that must ascend; codes, and offsets of 32 or of 64 bits
WHOLE, FLOATS, TIMES, TEXT, LARGE_TEXT = range(5)
# words of an ArrowArray, up to those that are looked at
LENGTH, NULL_COUNT, OFFSET, _BUFFERS, CHILDREN, AT_BUFFERS, AT_CHILDREN, DICTIONARY, STRUCT = range(9)
# and of an ArrowSchema
FORMAT, NAME, METADATA, _FLAGS, _SCHEMAS, AT_SCHEMAS, OF_DICTIONARY = range(7)


@kernel(types.int64(Integer, Integer, Integer, Integer, Integer), inline=True)
def is_known(dictionary: Whole, kind: Whole, strings: Whole, known: Whole, data: Whole) -> Whole:
    """1 when a dictionary holds the strings whose offsets and bytes lie at two addresses, else 0."""
    there = vector_at(dictionary, STRUCT)
    buffers = vector_at(there[AT_BUFFERS], 3)
    if there[LENGTH] != strings or strings == 0 or there[OFFSET] != 0:
        return 0
    if buffers[1] == 0 or buffers[2] == 0 or (buffers[0] != 0 and there[NULL_COUNT] != 0):
        return 0
    offsets = vector_at(known, strings + 1)
    differ = np.int64(0)
    if kind == TEXT:
        narrow = narrow_at(buffers[1], strings + 1)
        for i in range(strings + 1):
            differ |= np.int64(narrow[i] != offsets[i])
    else:
        wide = vector_at(buffers[1], strings + 1)
        for i in range(strings + 1):
            differ |= np.int64(wide[i] != offsets[i])
    if differ != 0:
        return 0
    first, size = offsets[0], offsets[strings] - offsets[0]
    mine, theirs = bytes_at(data + first, size), bytes_at(buffers[2] + first, size)
    for i in range(size):
        differ |= np.int64(mine[i] != theirs[i])
    return 1 - differ


@kernel(types.int64(Integer, Integer), inline=True)
def same_text(one: Whole, other: Whole) -> Whole:
    """How long two texts are that end with a zero, that one counted, if they are the same; else 0."""
    mine, theirs = bytes_at(one, 2**31), bytes_at(other, 2**31)
    size = 0
    while mine[size] == theirs[size]:
        size += 1
        if mine[size - 1] == 0:
            return size
    return 0


@kernel(types.int64(Integer, Integer, Integer), inline=True)
def says_the_same(schema: Whole, told: Whole, says: Whole) -> Whole:
    """1 when the schema of a table is the one that is known, else 0."""
    table = vector_at(schema, STRUCT)
    if table[_SCHEMAS] != told:
        return 0
    children = vector_at(table[AT_SCHEMAS], told)
    for n in range(told):
        child = vector_at(children[n], STRUCT)
        if child[METADATA] != 0:  # it may be of a type of somebody's own
            return 0
        size = same_text(says, child[NAME])
        says += size
        more = same_text(says, child[FORMAT]) if size != 0 else 0
        says += more
        if more == 0:
            return 0
        if child[OF_DICTIONARY] == 0:
            if bytes_at(says, 1)[0] != 0:
                return 0
            says += 1
        else:
            dictionary = vector_at(child[OF_DICTIONARY], STRUCT)
            size = same_text(says, dictionary[FORMAT])
            says += size
            if size == 0:
                return 0
    return 1


@kernel(types.int64(Matrix, Integer, Integer), inline=True)
def look_at_rows(wants: IntArray, start: Whole, size: Whole) -> Whole:
    """1 when so many rows from ``start`` on are lawful, else 0."""
    lawful = np.int64(1)
    for n in range(1, wants.shape[0]):
        at, kind = wants[n, ADDRESS] + 8 * start, wants[n, KIND]
        if kind == FLOATS:
            lawful &= are_finite(floats_at(at, size))
        elif kind == TIMES:
            before = min(start, 1)  # the last of the rows before
            lawful &= ascend(vector_at(at - 8 * before, size + before))
    return lawful


@kernel(types.int64(Integer, Matrix, Integer, Integer), inline=True)
def tell_places(orders: Whole, wants: IntArray, rows: Whole, first: Whole) -> Whole:
    """Write down where a table lies for who has written orders; return how many columns are told."""
    lay = vector_at(orders, gather.LINE)[gather.LAY]
    of_batch = vector_at(lay, gather.LINE)
    of_batch[gather.ROWS], of_batch[gather.FIRST] = rows, first
    columns = matrix_at(lay, 1 + of_batch[gather.COLUMNS], gather.LINE)
    for n in range(1, columns.shape[0]):
        columns[n, gather.ADDRESS] = wants[columns[n, gather.SOURCE], ADDRESS]
    return columns.shape[0] - 1


@kernel(types.int64(Integer))
def look_at_exported(place: Whole) -> Whole:
    """Write where columns lie; return the number of rows, or -1 when some column needs a closer look."""
    head = vector_at(place, LINE)
    wants = matrix_at(place, 1 + head[COLUMNS], LINE)
    table = vector_at(head[ARRAY], STRUCT)
    size = table[LENGTH]
    if table[OFFSET] != 0 or table[NULL_COUNT] > 0 or size == 0 or size > head[MOST_ROWS]:
        return -1
    if says_the_same(head[SCHEMA], head[TOLD], head[SAYS]) == 0:
        return -1
    children = vector_at(table[AT_CHILDREN], table[CHILDREN])
    for n in range(1, wants.shape[0]):
        array = vector_at(children[wants[n, CHILD]], STRUCT)
        buffers = vector_at(array[AT_BUFFERS], 2)
        if array[LENGTH] != size or buffers[1] == 0 or (buffers[0] != 0 and array[NULL_COUNT] != 0):
            return -1
        at, kind = buffers[1] + array[OFFSET] * wants[n, SIZE], wants[n, KIND]
        wants[n, ADDRESS] = at
        if kind == TIMES:
            times = vector_at(at, size)
            head[FIRST], head[LAST] = times[0], times[size - 1]
        elif kind in (TEXT, LARGE_TEXT) and (
            is_known(array[DICTIONARY], kind, wants[n, STRINGS], wants[n, OFFSETS], wants[n, BYTES]) == 0
        ):
            return -1
    ahead, count = head[AHEAD], np.int64(0)
    if ahead != 0:
        tell_places(ahead, wants, size, head[FIRST_ROW])
    for start in range(0, size, gather.TILE):  # all that is asked of a row is asked while it is near
        rows = min(np.int64(gather.TILE), size - start)
        if look_at_rows(wants, start, rows) == 0:
            return -1
        if ahead != 0:
            count += gather.mark_rows(ahead, start, rows)
    if ahead != 0:
        head[COUNT] = gather.write_block(ahead, count)
        head[TURN] = vector_at(vector_at(ahead, gather.LINE)[gather.LAY], gather.LINE)[gather.TURN]
    return size

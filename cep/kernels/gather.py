"""A batch to a block in one call: which events some step may want, and what is kept of them, written side by side.

It does what `cep.kernels.select` does condition by condition and column by column, for conditions that are bounds of a
column or a table of codes, up to eight steps, and columns without nulls. It is told one number, the address of its
orders: to look at a dozen arrays takes Python's side of a call longer than a small batch takes this side.

Two tables of int64[rows, 8]. The *lay* is of a batch, for all rules: its first row says how many rows there are, the
number of the first, and where there is room; then come the columns (ADDRESS, KIND, FACTOR). The *orders* are of a
rule: in the first row the words LAY to ALL (1: every row is wanted); then a row for each test (COLUMN, LOW, HIGH,
INSIDE, OUTSIDE, CODES, the address of a byte a code or 0), and for each column of the block that is a copy (COLUMN,
TARGET). Where CODES is PACKED, all tests of one column of codes are one: LOW has the marks that each code keeps, HIGH
bits each, side by side, and the COLUMN of the others is NOBODY. Where every row is wanted, PLACES may be an address:
int64[WIDTH], written, where each column of the block begins; then those that can be taken as they lie are not copied,
nor numbers written that follow one another, nor bits when there is no test.
Invariant: the block has room for ``WIDTH`` times ``ROWS`` words; it is written without gaps, column after column.
Cost: O(rows) for each test, O(rows wanted) for each column kept.
Tested by: tests/runtime/test_gathering.py
"""

from __future__ import annotations

import numpy as np
from numba import types

from cep.kernels.blocks import BITS, IDENTITY, NULLS, TS
from cep.kernels.jit import (
    ByteArray,
    Bytes,
    IntArray,
    Integer,
    Matrix,
    NarrowArray,
    Vector,
    Whole,
    bytes_at,
    floats_at,
    kernel,
    matrix_at,
    narrow_at,
    vector_at,
    words_at,
)
from cep.kernels.select import (
    Narrow,
    gather_int32,
    list_rows,
    mark_codes,
    mark_float64,
    mark_int32,
    mark_int64,
    mark_true,
    pack_marks,
)

LINE = 8
ROWS, FIRST, COLUMNS, MARKS, WORDS, LIST, BLOCK, TURN = range(8)
LAY, TESTS, COPIES, BEGIN, WIDTH, NULLABLE, ALL, PLACES = range(8)
ADDRESS, KIND, FACTOR, SOURCE = range(4)
COLUMN, LOW, HIGH, INSIDE, OUTSIDE, CODES = range(6)
TARGET = 1
PACKED, NOBODY = 1, -1
# kinds of columns
INT64, INT32, FLOAT64, BOOL = range(4)
LEAST, MOST = -(2**31), 2**31 - 1
TILE = 512  # rows: what some columns have of so many fits a core's cache


@kernel(types.int64(Vector, Vector, Integer, Vector), inline=True)
def pick_words(values: IntArray, rows: IntArray, factor: Whole, out: IntArray) -> int:
    """As `gather_int64`, where nobody else may write into the column."""
    for i in range(rows.size):
        out[i] = values[np.uint64(rows[i])] * factor
    return rows.size


@kernel(types.int64(Narrow, Vector, Bytes), inline=True)
def mark_packed(codes: NarrowArray, order: IntArray, marks: ByteArray) -> int:
    """Clear of the marks what a packed order does not keep: to look each code up took three times as long."""
    word, bits = np.uint64(order[LOW]), np.uint64(order[HIGH])
    for i in range(codes.size):
        marks[i] &= np.uint8(word >> (np.uint64(np.uint32(codes[i])) * bits))
    return codes.size


@kernel(types.int64(Vector, Matrix, Matrix, Integer, Bytes), inline=True)
def begin_marks(head: IntArray, columns: IntArray, orders: IntArray, start: Whole, marks: ByteArray) -> Whole:
    """Write the first marks, of the rows from ``start`` on; return how many tests that has decided.

    Those are up to three bounds of one column of 32 bits: to look at it once for each step took twice as long.
    """
    begin, tests, size = np.uint8(head[BEGIN]), min(head[TESTS], 3), marks.size
    first = orders[1, COLUMN] if tests > 0 else np.int64(-1)
    if first < 0 or columns[first + 1, KIND] != INT32 or orders[1, CODES] != 0:
        for i in range(size):
            marks[i] = begin
        return np.int64(0)
    values = narrow_at(columns[first + 1, ADDRESS] + 4 * start, size)
    low, high, both, outside = np.int32(0), np.int32(0), np.uint8(0), np.uint8(255)
    low2, high2, both2, outside2 = low, high, both, outside
    low3, high3, both3, outside3 = low, high, both, outside
    begun = np.int64(0)
    while begun < tests and orders[begun + 1, COLUMN] == first and orders[begun + 1, CODES] == 0:
        line = begun + 1
        least, most = max(orders[line, LOW], LEAST), min(orders[line, HIGH], MOST)
        if least > most:
            least, most = np.int64(0), np.int64(-1)
        low3, high3, both3, outside3 = low2, high2, both2, outside2
        low2, high2, both2, outside2 = low, high, both, outside
        low, high, outside = np.int32(least), np.int32(most), np.uint8(orders[line, OUTSIDE])
        both = np.uint8(orders[line, INSIDE]) ^ outside
        begun += 1
    if begun == 1:
        keeps, drops = begin & outside, begin & both
        for i in range(size):
            marks[i] = keeps ^ (drops * np.uint8((values[i] >= low) & (values[i] <= high)))
        return begun
    for i in range(size):
        value = values[i]
        one = outside ^ (both * np.uint8((value >= low) & (value <= high)))
        two = outside2 ^ (both2 * np.uint8((value >= low2) & (value <= high2)))
        three = outside3 ^ (both3 * np.uint8((value >= low3) & (value <= high3)))
        marks[i] = begin & one & two & three
    return begun


@kernel(types.int64(Integer, Integer, Integer))
def mark_rows(place: Whole, start: Whole, size: Whole) -> Whole:
    """Mark the rows from ``start`` on, a multiple of 64, by the orders at an address; return how many are wanted."""
    head = vector_at(place, LINE)
    of_batch, tests = vector_at(head[LAY], LINE), head[TESTS]
    columns = matrix_at(head[LAY], 1 + of_batch[COLUMNS], LINE)
    orders = matrix_at(place, 1 + tests, LINE)
    if tests == 0 and head[PLACES] != 0:
        return size
    marks = bytes_at(of_batch[MARKS] + start, size)
    begun = begin_marks(head, columns, orders, start, marks)
    for n in range(1 + begun, 1 + tests):
        column = orders[n, COLUMN] + 1
        if column == NOBODY + 1:
            continue
        at, kind = columns[column, ADDRESS], columns[column, KIND]
        low, high = orders[n, LOW], orders[n, HIGH]
        inside, outside = np.uint8(orders[n, INSIDE]), np.uint8(orders[n, OUTSIDE])
        if orders[n, CODES] == PACKED:
            mark_packed(narrow_at(at + 4 * start, size), orders[n], marks)
        elif orders[n, CODES] != 0:
            mark_codes(narrow_at(at + 4 * start, size), bytes_at(orders[n, CODES], 2**31), marks)
        elif kind == INT32:
            low, high = max(low, LEAST), min(high, MOST)
            if low > high:
                low, high = 0, -1
            mark_int32(narrow_at(at + 4 * start, size), np.int32(low), np.int32(high), inside, outside, marks)
        elif kind == INT64:
            mark_int64(vector_at(at + 8 * start, size), low, high, inside, outside, marks)
        elif kind == FLOAT64:
            bounds = floats_at(place + (n * LINE + LOW) * 8, 2)
            mark_float64(floats_at(at + 8 * start, size), bounds[0], bounds[1], inside, outside, marks)
        else:
            mark_true(bytes_at(at + start, size), inside, outside, marks)
    return pack_marks(marks, words_at(of_batch[WORDS] + (start >> 3), (size + 63) >> 6))


@kernel(types.int64(Vector, Vector, Matrix, Matrix, Bytes), inline=True)
def copy_block(of_batch: IntArray, head: IntArray, columns: IntArray, orders: IntArray, marks: ByteArray) -> Whole:
    """Write a block of all rows, whose marks are made; return how many these are."""
    size, first, tells = of_batch[ROWS], of_batch[FIRST], head[PLACES] != 0
    block = matrix_at(of_batch[BLOCK], head[WIDTH], size)
    places = vector_at(head[PLACES], head[WIDTH] if tells else 0)
    for n in range(places.size):
        places[n] = of_batch[BLOCK] + n * size * 8
    if not tells:
        for i in range(size):
            block[IDENTITY, i] = first + i
    if not tells or head[TESTS] != 0:
        for i in range(size):
            block[BITS, i] = np.int64(marks[i])
    if head[NULLABLE] != 0:
        for i in range(size):
            block[NULLS, i] = 0
    for n in range(1 + head[TESTS], orders.shape[0]):
        column = orders[n, COLUMN] + 1
        at, kind, factor = columns[column, ADDRESS], columns[column, KIND], columns[column, FACTOR]
        out = vector_at(of_batch[BLOCK] + orders[n, TARGET] * size * 8, size)
        if tells and ((orders[n, TARGET] == TS and kind == INT64) or (kind in (INT64, FLOAT64) and factor == 1)):
            places[orders[n, TARGET]] = at
        elif kind == INT32:
            narrow = narrow_at(at, size)
            for i in range(size):
                out[i] = np.int64(narrow[i]) * factor
        else:  # floats by their bits
            wide = vector_at(at, size)
            for i in range(size):
                out[i] = wide[i] * factor
    return size


@kernel(types.int64(Integer, Integer))
def write_block(place: Whole, count: Whole) -> Whole:
    """Write a block by the orders at an address, of the rows that `mark_rows` has found; return how many these are."""
    head = vector_at(place, LINE)
    of_batch, tests = vector_at(head[LAY], LINE), head[TESTS]
    size = of_batch[ROWS]
    columns = matrix_at(head[LAY], 1 + of_batch[COLUMNS], LINE)
    orders = matrix_at(place, 1 + tests + head[COPIES], LINE)
    marks = bytes_at(of_batch[MARKS], size)
    of_batch[TURN] += 1
    if head[ALL] != 0:
        return copy_block(of_batch, head, columns, orders, marks)
    if count == 0:
        return count
    rows = vector_at(of_batch[LIST], count)
    list_rows(words_at(of_batch[WORDS], (size + 63) >> 6), rows)
    block = matrix_at(of_batch[BLOCK], head[WIDTH], count)
    first = of_batch[FIRST]
    for i in range(count):
        row = rows[i]
        block[IDENTITY, i] = row + first
        block[BITS, i] = np.int64(marks[np.uint64(row)])
    if head[NULLABLE] != 0:
        for i in range(count):
            block[NULLS, i] = 0
    for n in range(1 + tests, orders.shape[0]):
        column = orders[n, COLUMN] + 1
        at, kind, factor = columns[column, ADDRESS], columns[column, KIND], columns[column, FACTOR]
        out = vector_at(of_batch[BLOCK] + orders[n, TARGET] * count * 8, count)
        if kind == INT32:
            gather_int32(narrow_at(at, size), rows, factor, out)
        else:  # floats by their bits
            pick_words(vector_at(at, size), rows, factor, out)
    return count


@kernel(types.int64(Integer))
def gather_block(place: Whole) -> Whole:
    """Write a block by the orders at an address, and the rows it is made of; return how many these are."""
    size = vector_at(vector_at(place, LINE)[LAY], LINE)[ROWS]
    count = np.int64(0)
    for start in range(0, size, TILE):  # what is asked of a row is asked while it is near
        count += mark_rows(place, start, min(np.int64(TILE), size - start))
    return write_block(place, count)

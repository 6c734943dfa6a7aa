"""What direct matchers are shown and what they give: the columns of a block and of ``found``.

A block is int64[columns, rows], one column after the other: TS, IDENTITY, BITS (bit j: the row fits step j, as far as
it is asked about the event alone), the null bits of the values, the key's words, the values. ``found`` is
int64[columns, matches]: DECIDED_AT, START_NO, the null bits of the match, then the fields.
Tested by: tests/kernels/test_chain.py, tests/kernels/test_graph.py, tests/kernels/test_counting.py
"""

from __future__ import annotations

from numba import types

from cep.kernels.jit import IntArray, Integer, Matrix, Whole, kernel

# columns of a block
TS, IDENTITY, BITS, NULLS, BLOCK_KEYS = range(5)
# columns of found
DECIDED_AT, START_NO, FOUND_NULLS, FIELDS = range(4)


@kernel(types.int64(Matrix, Matrix, Integer, Integer), inline=True)
def null_bits(nulls: IntArray, block: IntArray, row: Whole, step: Whole) -> Whole:
    """The null bits of a match that a row gives at a step; ``nulls``: (step, bit of the block, bit of the match)."""
    bits = row * 0
    for c in range(len(nulls)):
        if nulls[c, 0] == step:
            bits |= ((block[NULLS, row] >> nulls[c, 1]) & 1) << nulls[c, 2]
    return bits

"""Measures of many matches at once: values are cut where one match ends."""

from itertools import pairwise

import numpy as np

from cep.compiler.measures import first_seen, measured, most_frequent
from cep.model.batch import Column, string_column
from cep.model.types import DURATION, FLOAT, INT

ENDS = np.array([0, 3, 3, 7])
INTS = Column(INT, np.array([5, 1, 9, 2, 2, 7, 3]))


def test_each_match_has_the_measure_of_its_own_values():
    values, nothing = measured("percentile", ENDS, INTS, (1, 2))
    assert (values[~nothing].tolist(), nothing.tolist()) == ([5, 2], [False, True, False])
    values, nothing = measured("median", ENDS, INTS, ())
    assert (values[~nothing].tolist(), nothing.tolist()) == ([5.0, 2.5], [False, True, False])
    values, nothing = measured("stddev", ENDS, INTS, ())
    assert (values[~nothing].tolist(), nothing.tolist()) == ([4.0, np.sqrt(17 / 3)], [False, True, False])
    assert measured("count_distinct", ENDS, INTS, ())[0].tolist() == [3, 0, 3]


def test_of_no_values_at_all_there_is_nothing():
    none = Column(FLOAT, np.zeros(0))
    for name in ("percentile", "median", "stddev"):
        assert measured(name, np.array([0, 0]), none, (1, 2))[1].tolist() == [True]
    assert len(most_frequent(np.array([0, 0]), none, 2)) == 1


def test_a_median_of_durations_is_toward_zero_and_never_overflows():
    def median(*values):
        column = Column(DURATION, np.array(values, np.int64))
        return int(measured("median", np.array([0, len(values)]), column, ())[0][0])

    assert median(-1, -2) == -1
    assert median(1, 2) == 1
    assert median(-3, 2) == 0
    assert median(2**63 - 1, 2**63 - 3) == 2**63 - 2


def test_the_most_frequent_come_first_and_of_equals_the_one_seen_first():
    words = string_column(["b", "a", "c", "a", "c", "x", "x"])
    found = most_frequent(np.array([0, 5, 7]), words, 2)
    items, at = found.items.to_list(), found.offsets.tolist()
    assert [items[a:b] for a, b in pairwise(at)] == [["a", "c"], ["x"]]
    seen = first_seen(np.array([0, 5, 7]), words)
    assert (seen.items.to_list(), seen.offsets.tolist()) == (["b", "a", "c", "x"], [0, 3, 4])

"""Streams for matchers beside each other: keys that mix, numbers for the conditions of steps, strings and nulls."""

from random import Random


def keyed_rows(count, keys):
    """So many events, twenty a second, of so many keys."""
    rng = Random(count)
    return [
        ("S", {"at": i // 20, "k": f"k{rng.randrange(keys)}", "n": rng.choice([1, 1, 2, 3, 4]),
               "s": rng.choice([None, f"s{i}"])})
        for i in range(count)
    ]  # fmt: skip

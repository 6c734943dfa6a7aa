"""Q8's rules: many of the shape of Q2, each with letters and a least price of its own, on one stream.

Tested by: tests/test_benchmarks.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.stream import TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

DECLARATION = "stream Tick ordered by ts { ts: time(ms), key: int, type: string, price: float, volume: int }\n"


class Shape(NamedTuple):
    """The letters of a rule's three steps, and what each price must exceed."""

    letters: str
    price: float


def draw_shapes(rules: int) -> list[Shape]:
    """The shapes of so many rules; those of fewer are the first of them."""
    draw = np.random.default_rng(11)
    return [
        Shape("".join(TYPES[i] for i in draw.choice(10, 3, replace=False)), float(draw.uniform(40, 60)))
        for _ in range(rules)
    ]


def rule_text(name: str, shape: Shape, emits: str) -> str:
    """A rule of the shape of Q2 that emits events of the type ``emits``."""
    letters, price = shape
    steps = "\n     then ".join(
        f'Tick as {alias} where type = "{letter}" and price > {price}'
        for alias, letter in zip("abc", letters, strict=True)
    )
    return "\n".join(
        [
            f"rule {name}",
            "keyed by key",
            f"when {steps}",
            "within 9999 ms",
            "after match keep all",
            f"emit {emits} {{ key, first = a.price, second = b.price, third = c.price }}\n",
        ]
    )


def rule_file(shapes: Sequence[Shape], emits: str) -> str:
    """A rule file with a rule for each shape, numbered from 0 on."""
    rules = [rule_text(f"R{number}", shape, emits) for number, shape in enumerate(shapes)]
    return "\n".join([DECLARATION, *rules])

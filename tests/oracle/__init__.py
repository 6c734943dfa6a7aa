"""The oracle: semantics.md carried out slowly and obviously, over the raw syntax tree.

It enumerates every candidate and filters; it plans nothing, compiles nothing and keeps no state. It imports
`cep.model` and `cep.language` alone, so that a fault of the engine cannot hide in both.
"""

from oracle.rules import Result, fates, run
from oracle.sequence import TooManyError

__all__ = ["Result", "TooManyError", "fates", "run"]

"""The composition root: rules loaded, engines started, inputs run through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cep.kernels import keep_code_in

if TYPE_CHECKING:
    from pathlib import Path


def _code_root() -> Path | None:
    from cep.model.folders import cache_root  # only who compiles needs it

    return cache_root()


# whatever of the app is imported first, it is known before a module with kernels is
keep_code_in(_code_root)

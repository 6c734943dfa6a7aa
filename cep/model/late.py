"""Modules that are imported when something in them is first asked for.

pyarrow takes a tenth of a second to import, and an engine that is sent one event after another never asks for it.

Cost: an import at the first use; from the second use of a name on, what a module costs.
Tested by: tests/model/test_late.py
"""

from __future__ import annotations

import importlib


class Late:
    """A module's stand-in: its names are the module's, and asking for one imports it."""

    def __init__(self, name: str) -> None:
        self._module_name = name

    def __getattr__(self, name: str) -> object:
        found: object = getattr(importlib.import_module(self._module_name), name)
        setattr(self, name, found)  # so that nobody comes here for it again
        return found

"""The examples in docstrings run, and every public class, function and method of the engine has one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cep
import cep.app
import cep.model

PACKAGES = (cep.app, cep.model)
MODULES = ["cep", *(m.name for p in PACKAGES for m in pkgutil.iter_modules(p.__path__, f"{p.__name__}."))]
FOR_SOURCES = {"decode", "decoder", "feed"}  # what the command line and benchmarks feed by


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not failed


def test_every_public_name_that_is_no_error_has_an_example():
    public = {name: getattr(cep, name) for name in cep.__all__ if name != "__version__"}
    shown = [n for n, v in public.items() if not (isinstance(v, type) and issubclass(v, Exception))]
    assert not [name for name in shown if ">>>" not in public[name].__doc__]


def test_every_call_of_the_engine_has_an_example():
    calls = {name for name, member in vars(cep.Engine).items() if callable(member) and not name.startswith("_")}
    assert calls > FOR_SOURCES
    assert not [name for name in sorted(calls - FOR_SOURCES) if ">>>" not in getattr(cep.Engine, name).__doc__]

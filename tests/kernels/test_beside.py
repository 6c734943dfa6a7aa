"""A second process compiles the same kernels from the other end: what it makes is found, and it may fail."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cep.kernels import beside, jit
from cep.kernels.jit import PLAIN

ROOT = Path(__file__).parents[2]
NAMES = ["cep.kernels.text.hash_rows", "cep.kernels.text.hash_strings"]

compiled_only = pytest.mark.skipif(PLAIN, reason="plain Python compiles nothing")

# a process that makes some kernels and says which of them it found in the cache
PROGRAM = """
import json, sys
from pathlib import Path
from cep.kernels import jit, keep_code_in
keep_code_in(lambda: Path(sys.argv[1]))
from cep.kernels import text
hits = {}
for dispatcher, signature in jit._registered:
    name = jit._name(dispatcher)
    if name in json.loads(sys.argv[2]):
        hits[name] = not jit._load_once(dispatcher, signature)
print(json.dumps(hits))
"""


def compiled():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    return environment


@compiled_only
def test_what_the_second_process_makes_is_found(tmp_path):
    command = [sys.executable, "-m", "cep.kernels.beside", str(tmp_path), json.dumps(NAMES)]
    subprocess.run(command, check=True, env=compiled(), cwd=ROOT)
    told = [sys.executable, "-c", PROGRAM, str(tmp_path), json.dumps(NAMES)]
    run = subprocess.run(told, check=True, env=compiled(), cwd=ROOT, capture_output=True, text=True)
    assert json.loads(run.stdout) == dict.fromkeys(NAMES, True)


@pytest.fixture
def started(monkeypatch):
    """The commands that would be started, with two cores."""
    out = []

    class Process:
        def __init__(self, command, **_options):
            out.append(command)

        def kill(self):
            out.append("killed")

        def wait(self):
            out.append("waited for")

    monkeypatch.setattr(beside.subprocess, "Popen", Process)
    monkeypatch.setattr(beside, "_cores", lambda: 2)
    monkeypatch.setattr(beside.sys, "executable", "/somewhere/bin/python3.11")
    return out


MANY = [f"cep.kernels.text.k{n}" for n in range(beside.FEW + 1)]


def test_it_ends_with_the_first_process(started, tmp_path):
    def fail():
        with beside.compiling_beside(MANY, tmp_path):
            assert len(started) == 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert started[1:] == ["killed", "waited for"]
    assert started[0][-2:] == [str(tmp_path), json.dumps(MANY)]


@pytest.mark.parametrize("what", ["few", "nowhere", "one core", "frozen", "embedded", "no executable"])
def test_where_it_would_not_help_or_start_something_else_there_is_none(started, what, tmp_path, monkeypatch):
    match what:
        case "one core":
            monkeypatch.setattr(beside, "_cores", lambda: 1)
        case "frozen":
            monkeypatch.setattr(beside.sys, "frozen", True, raising=False)
        case "embedded":
            monkeypatch.setattr(beside.sys, "executable", "/usr/sbin/server")
        case "no executable":
            monkeypatch.setattr(beside.sys, "executable", None)
    with beside.compiling_beside(MANY[1:] if what == "few" else MANY, None if what == "nowhere" else tmp_path):
        assert started == []


def test_a_process_that_cannot_start_changes_nothing(started, tmp_path, monkeypatch):
    def refuse(*_arguments, **_named):
        raise PermissionError

    monkeypatch.setattr(beside.subprocess, "Popen", refuse)
    with beside.compiling_beside(MANY, tmp_path):
        assert started == []


def test_what_is_not_in_the_cache_is_compiled_beside_and_what_is_not_wanted_is_not(monkeypatch, tmp_path):
    told = []

    @contextlib.contextmanager
    def beside_it(names, root):
        told.append((names, root))
        yield
        told.append("ended")

    def dispatcher(module):
        function = SimpleNamespace(__module__=module, __name__="f")
        return SimpleNamespace(py_func=function, signatures=(), _cache=None)

    monkeypatch.setattr(jit, "compiling_beside", beside_it)
    monkeypatch.setattr(jit, "code_root", lambda: tmp_path)
    monkeypatch.setattr(jit, "_registered", [(dispatcher("a"), None), (dispatcher("b"), None)])
    monkeypatch.setattr(jit, "_load_once", lambda d, _: told.append(d.py_func.__module__))
    monkeypatch.setattr(jit, "_write_made", lambda: None)
    jit.prepare(without={"b"})
    assert told == [(["a.f"], tmp_path), "a", "ended"]

"""Compiled code: where it is kept, that four processes may make it at once, and that damage to it does no harm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cep.kernels import jit
from cep.kernels.jit import PLAIN

ROOT = Path(__file__).parents[2]

compiled_only = pytest.mark.skipif(PLAIN, reason="plain Python compiles nothing")

# a process that makes the kernels of one module, and one generated module, in the folder that it is given
PROGRAM = """
import json, sys
from pathlib import Path
from cep.kernels import jit, keep_code_in
keep_code_in(lambda: Path(sys.argv[1]) if sys.argv[1] else None)
import numpy as np
from cep.kernels import text
from cep.compiler.generate import load_generated

head = "(p, rows, rows_f, at, runs, runs_f, run, nodes, ints, floats, heap, spans, faults):"
imports = "from math import inf\\nfrom cep.kernels.text import compare_text\\n"
source = f"{imports}\\ndef test{head}\\n    return p + 41\\n\\ndef update{head}\\n    return p + 42\\n"
told = []
made = []
further = [lambda: made.append(load_generated(source)) or made[0].is_new]
jit.prepare(lambda done, total: told.append((done, total)), further)
data = np.frombuffer(bytearray(b"card-1"), np.uint8)
offsets, out = np.array([0, 6]), np.zeros(1, np.int64)
text.hash_strings(data, offsets, np.arange(1), out)
row, run = [None, None, 0], [None, None, 0]
answers = [f.ctypes(1, *row, *run, None, None, None, None, None, None) for f in made[0].alive]
loaded = [d.py_func.__name__ for d, _ in jit._registered if d.signatures]
folder = str(jit.cache_folder())
print(json.dumps({"hash": int(out[0]), "answers": answers, "told": told, "folder": folder, "loaded": loaded}))
"""


def start(cache, **environment):
    env = os.environ | {"PYTHONPATH": str(ROOT), **environment}
    for name in ("NUMBA_DISABLE_JIT", "PYTHONDONTWRITEBYTECODE"):
        env.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(cache or "")], cwd=ROOT, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    answer = json.loads(out)
    assert answer["answers"] == [42, 43]
    return answer


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache folder that four processes have filled at once, and what they said."""
    root = tmp_path_factory.mktemp("cache")
    processes = [start(root) for _ in range(4)]
    return root, [finished(p) for p in processes]


@compiled_only
def test_four_processes_at_once_on_an_empty_cache_agree(filled):
    root, answers = filled
    assert len({a["hash"] for a in answers}) == 1
    folders = {a["folder"] for a in answers}
    assert len(folders) == 1
    assert Path(folders.pop()).parent == root
    assert not [f for f in root.rglob("*") if f.suffix == ".tmp"]


@compiled_only
def test_compiling_is_told_from_its_beginning_to_its_end(filled):
    _, answers = filled
    told = max((a["told"] for a in answers), key=len)
    done, totals = zip(*told, strict=True)
    assert len(set(totals)) == 1
    assert list(done) == list(range(done[0], totals[0] + 1))


@compiled_only
def test_what_is_in_the_cache_is_not_compiled_again(filled):
    root, answers = filled
    before = {f: f.stat().st_mtime_ns for f in root.rglob("*") if f.is_file()}
    again = finished(start(root))
    assert again["told"] == []
    assert again["hash"] == answers[0]["hash"]
    assert {f: f.stat().st_mtime_ns for f in root.rglob("*") if f.is_file()} == before


@compiled_only
def test_a_kernel_is_loaded_when_it_is_called(filled):
    root, _ = filled
    assert finished(start(root))["loaded"] == ["hash_strings"]


@compiled_only
def test_a_kernel_whose_file_is_gone_is_made_again_before_the_first_event(filled, tmp_path):
    root, answers = filled
    mine = tmp_path / "cache"
    shutil.copytree(root, mine, copy_function=shutil.copy2)
    [file] = mine.rglob("text.hash_rows-*.nbc")
    finished(start(mine))  # generated modules belong to their place, and are made again
    file.unlink()
    again = finished(start(mine))
    assert again["told"][-1][1] > 1
    assert again["hash"] == answers[0]["hash"]
    assert file.exists()
    assert finished(start(mine))["told"] == []


@compiled_only
def test_code_from_the_cache_asks_for_nothing_that_only_compiling_provides():
    files = [*jit.cache_folder().rglob("*.nbc")]
    assert files
    assert [f.name for f in files if any(word in f.read_bytes() for word in jit._OF_REGISTRIES)] == []


def damage(file, number):
    """Spoil a file in one of four ways, leaving its times as they were."""
    content, times = file.read_bytes(), file.stat()
    file.write_bytes([b"", content[: len(content) // 2], bytes(len(content)), b"#" * len(content)][number % 4])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@compiled_only
def test_a_damaged_entry_is_no_reason_to_fail(filled, tmp_path):
    root, answers = filled
    running, damaged = {}, {}
    for shift, ending in enumerate([".nbi", ".nbc", ".py", "made"]):
        mine = tmp_path / f"{ending}{shift}"
        shutil.copytree(root, mine, copy_function=shutil.copy2)
        files = sorted(mine.rglob(f"*{ending}"))
        assert files
        for number, file in enumerate(files):
            damage(file, number + shift)
            if file.name.startswith("text.hash_strings-"):
                damaged[file] = file.read_bytes()
        running[ending, shift] = start(mine)
    for process in running.values():
        assert finished(process)["hash"] == answers[0]["hash"]
    assert len(damaged) == 2
    for file, content in damaged.items():  # the kernel that was called is there again for the next process
        assert file.read_bytes() != content


@compiled_only
def test_without_a_cache_folder_all_is_compiled_in_memory(filled):
    answer = finished(start(None))
    assert answer["folder"] == "None"
    assert answer["hash"] == filled[1][0]["hash"]


def test_a_cache_folder_that_cannot_be_made_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for root, wanted in (
        (tmp_path / "file", None),
        (None, None),
        (tmp_path, tmp_path / f"kernels-{jit.source_hash()}"),
    ):
        monkeypatch.setattr("cep.kernels._root", [lambda root=root: root])
        assert jit.cache_folder.__wrapped__() == wanted


def test_the_folder_is_named_by_what_decides_the_code():
    assert len(jit.source_hash()) == 16
    assert int(jit.source_hash(), 16) >= 0
    folder = jit.cache_folder()
    assert folder is None or folder.name == f"kernels-{jit.source_hash()}"


@compiled_only
def test_whoever_asks_for_the_programs_first_finds_the_code_kept(tmp_path):
    program = (
        "import cep\n"
        "text = 'stream S ordered by ts { ts: time(s) } rule R when S as a then S as b within 1 d emit X {}'\n"
        "rules = cep.loads(text)\n"
        "rules.programs, rules.graph('R')\n"  # before an engine is started
        "from cep.kernels import jit\n"
        "print(all(jit._entry(dispatcher) for dispatcher, _ in jit._registered))"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT), "CEP_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env=env, capture_output=True, check=True).stdout.strip() == b"True"


@compiled_only
def test_numba_of_others_keeps_its_own_folder():
    from numba import config

    assert "kernels-" not in (config.CACHE_DIR or "")


@compiled_only
def test_a_kernel_takes_nothing_but_its_own_types():
    import numpy as np

    from cep.kernels.text import hash_rows

    with pytest.raises(TypeError):
        hash_rows(np.zeros((2, 2), np.int32), np.zeros(2, np.int64))
    with pytest.raises(TypeError):
        hash_rows(np.zeros((2, 4), np.int64)[:, ::2], np.zeros(2, np.int64))
    assert len(hash_rows.signatures) == 1

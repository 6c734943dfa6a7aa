"""Generated modules: written whole or not at all, mended when damaged, the same text for rules of one shape."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import cep
from cep.compiler import generate
from cep.compiler.generate import NOTHING, load_generated
from cep.kernels.jit import PLAIN

GOLDEN = Path(__file__).parent / "generated.txt"
STREAM = "stream S ordered by at { at: time(s), k: string, s: string?, n: int, f: float?, d: decimal(2) }\n"
RULE = """
rule R keyed by k
when S as a where n > 5
then 1 or more S as l where n >= a.n + {0} and s != a.s and d < {1}
then S as z where f > avg(l.f) or z.n = count(l)
within 1 h
emit X {{ k, t = sum(l.n) }}
"""


def text_of(rule):
    return cep.loads(STREAM + rule).programs.by_rule["R"].text


def test_the_text_of_a_rule_is_as_it_was_reviewed():
    """After a change that is meant, write the new text over the file and review the difference."""
    assert text_of(RULE.format(3, "2.50")) == GOLDEN.read_text("utf-8")


def test_rules_of_one_shape_share_a_text():
    assert text_of(RULE.format(3, "2.50")) == text_of(RULE.format(-99, "0.01"))
    assert text_of(RULE.format(3, "2.50")) != text_of(RULE.replace("a.n +", "a.n -").format(3, "2.50"))
    first, second = (load_generated(text_of(RULE.format(n, "1.00"))) for n in (1, 2))
    assert first is second


def test_rules_of_one_shape_find_what_their_own_constants_say():
    rule = "rule {0} when S as a then S as b where n > a.n + {1} within 1 h emit {0} {{ n = b.n }}\n"
    rules = cep.loads(STREAM + "".join(rule.format(f"R{n}", n) for n in (0, 3, 5)))
    assert len({p.text for p in rules.programs.by_rule.values()}) == 1
    rows = [{"at": i, "k": "x", "n": n, "d": "1.00"} for i, n in enumerate([1, 3, 5, 7])]
    result = cep.run(rules, {"S": rows})
    assert [[e["n"] for e in result[f"R{n}"].to_dicts()] for n in (0, 3, 5)] == [[3, 7], [5], [7]]


def test_a_pattern_that_compares_with_nothing_has_no_text():
    assert text_of("rule R when S as a where n > 5 then S as b within 1 h emit X { n = a.n }") == ""
    assert load_generated("") is NOTHING


def test_a_file_that_is_good_is_left_alone(tmp_path):
    file = generate._write(tmp_path / "g", "m", "text\n")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert generate._write(tmp_path / "g", "m", "text\n") == file
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


@pytest.mark.parametrize("content", [b"", b"te", b"text\n\n", b"\xff\xfe", b"other\n"])
def test_a_damaged_file_is_replaced(content, tmp_path):
    (tmp_path / "m.py").write_bytes(content)
    assert generate._write(tmp_path, "m", "text\n").read_text() == "text\n"
    assert [f.name for f in tmp_path.iterdir()] == ["m.py"]


def test_many_writers_at_once_leave_one_whole_file(tmp_path):
    text = "x = 1\n" * 20_000
    seen, barrier = [], threading.Barrier(8)

    def write():
        barrier.wait()
        seen.append(generate._write(tmp_path / "g", "m", text).read_text())

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [text] * 8
    assert [f.name for f in (tmp_path / "g").iterdir()] == ["m.py"]


def test_a_folder_that_cannot_be_written_means_memory_alone(tmp_path, monkeypatch):
    (tmp_path / "generated").write_text("a file where a folder should be")
    monkeypatch.setattr(generate, "cache_folder", lambda: tmp_path)
    names = generate._import("cep_generated_in_memory", "def test():\n    return 7\n")
    assert names["test"]() == 7


@pytest.mark.skipif(PLAIN, reason="plain Python writes no modules")
def test_a_module_is_kept_where_numba_finds_it_again(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "cache_folder", lambda: tmp_path)
    names = generate._import("cep_generated_on_disk", "def test():\n    return 7\n")
    assert names["test"].__code__.co_filename == str(tmp_path / "generated" / "cep_generated_on_disk.py")
    assert names["test"]() == 7

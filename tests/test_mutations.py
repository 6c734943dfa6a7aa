"""The list of planted faults stays true: each can still be planted, and still changes something."""

from __future__ import annotations

import ast

import pytest

from tests.mutations.planting import ASKED, ROOT, all_faults

FAULTS = all_faults()


def test_there_are_faults_of_every_kind():
    assert len(FAULTS) >= 25
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {"/".join(fault.file.split("/")[:2]) for fault in FAULTS} == set(ASKED)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_at_one_place(fault):
    text = (ROOT / fault.file).read_text("utf-8")
    assert text.count(fault.old) == 1
    faulty = text.replace(fault.old, fault.new)
    assert ast.dump(ast.parse(faulty)) != ast.dump(ast.parse(text))


def test_the_tests_that_are_asked_exist():
    for asked in ASKED.values():
        for name in asked:
            path, _, function = name.partition("::")
            assert (ROOT / path).exists()
            assert function == "" or f"def {function}(" in (ROOT / path).read_text("utf-8")

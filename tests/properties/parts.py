"""Long tests in parts: what has been done is kept in a folder, and is not done again.

    NUMBA_DISABLE_JIT=1 CEP_PARTS=done pytest -m exhaustive [-k small | -k random]

``CEP_PARTS`` is the folder: a file of JSON for each part says how many cases it tried, what differed, how long it took
and at which commit. A part whose file is there is passed over, so a run may be stopped anywhere and started again; a
part with a difference writes its file too, and fails. ``CEP_PART=0-49`` runs some of them alone.
"""

import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest


def chosen(count):
    """The numbers of the parts to run, out of so many."""
    first, _, last = os.environ.get("CEP_PART", f"0-{count - 1}").partition("-")
    return range(int(first), min(int(last or first), count - 1) + 1)


def run_part(kind, number, cases, seconds=None):
    """Try the cases of a part, each a function that gives a `Counter` and raises ``pytest.fail.Exception`` when wrong.

    Wrong cases do not end the part: all of them are told at its end.
    """
    folder = os.environ.get("CEP_PARTS")
    file = Path(folder) / f"{kind}-{number:05}.json" if folder else None
    if file is not None and file.exists():
        pytest.skip("this part is done")
    began, found, wrong = time.process_time(), Counter(), []
    for case in cases:
        try:
            found.update(case())
        except pytest.fail.Exception as difference:
            wrong.append(str(difference))
        except Exception as error:  # an assertion of ours, or a crash: the case says which rule
            wrong.append(f"{case}: {type(error).__name__}: {error}")
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        spent = round(time.process_time() - began, 1)
        told = {"commit": commit(), "seconds": spent, "cases": dict(sorted(found.items())), "wrong": wrong}
        file.write_text(json.dumps(told, indent=1) + "\n")
    assert not wrong, "\n\n".join(wrong)


def commit():
    """The commit of the project that is tried."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

"""The command: ``python -m tests.mutations`` plants every fault in a copy of the project and says which test notices.

``--only WORD`` takes the faults with a word in name or file; ``--markdown`` writes the table of docs/fuzzing.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.mutations.planting import ASKED, ROOT, Tree, all_faults

COPIED = ("cep", "tests", "rules", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")


def main() -> int:
    """Plant faults; 0 when a test noticed each."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description="Which test notices which fault?")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    chosen = [f for f in all_faults() if options.only in f.name or options.only in f.file]
    with tempfile.TemporaryDirectory() as name:
        tree = Tree(Path(name))
        for each in COPIED:
            source, target = ROOT / each, tree.folder / each
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        for asked in {ASKED["/".join(f.file.split("/")[:2])] for f in chosen}:
            failing = tree.first_failure(asked)
            if failing is not None:
                print(f"without any fault, {failing} fails")
                return 1
        survived = 0
        for fault in chosen:
            begun = time.perf_counter()
            test = tree.caught_by(fault)
            survived += test is None
            told = (test or "SURVIVED").removeprefix("tests/")
            if options.markdown:
                print(f"| {fault.name} | {fault.file.removeprefix('cep/')} | {fault.breaks} | `{told}` |", flush=True)
            else:
                print(f"{time.perf_counter() - begun:4.0f} s  {fault.file}: {fault.name}: {told}", flush=True)
    print(f"{len(chosen)} faults, {survived} survived", file=sys.stderr)
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())

"""The command: ``python -m tests.fuzz rules --seed 1 --count 100000``.

Every case has a number; ``--only K`` runs one, and shows it. Findings are told once for each way of breaking a law,
with the smallest text that does. Kernels run plain for rules and bytes, as nothing is matched there.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path


def main() -> int:
    """Run cases; 0 when no law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Random rules, bytes and input files.")
    parser.add_argument("kind", choices=["rules", "bytes", "inputs"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="K", help="the number of the first case")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--only", type=int, metavar="K", help="one case, shown")
    options = parser.parse_args()
    if options.kind != "inputs":
        os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    faulthandler.enable()
    sys.setrecursionlimit(1000)
    sys.path.insert(0, str(Path(__file__).parents[1]))  # as the tests have it
    from tests.fuzz.cases import Finding, make, run, smallest
    from tests.fuzz.inputs import warm_up

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only is not None:
            case = make(options.kind, options.seed, options.only)
            outcome = run(case, folder)
            sys.stdout.buffer.write(case.data + b"\n")
            print(*case.label, outcome if isinstance(outcome, str) else f"{outcome.what}\n{outcome.detail}")
            return int(isinstance(outcome, Finding))
        if options.kind == "inputs":
            warm_up(folder)  # kernels may have to be compiled, which is no case's fault
        begun, work = time.perf_counter(), time.process_time()
        outcomes: Counter[str] = Counter()
        known: Counter[str] = Counter()
        for number in range(options.first, options.first + options.count):
            case = make(options.kind, options.seed, number)
            outcome = run(case, folder)
            if isinstance(outcome, Finding):
                outcomes["breaks a law"] += 1
                known[outcome.what] += 1
                if known[outcome.what] > 1:
                    print(f"#{number}: {outcome.what}, again", flush=True)
                else:
                    small = smallest(case, outcome, folder)
                    shown = run(small, folder)
                    detail = shown.detail if isinstance(shown, Finding) else outcome.detail
                    print(f"\n#{number} {case.label}: {outcome.what}\n{small.data!r}\n{detail}", flush=True)
            else:
                outcomes[outcome] += 1
            if (number + 1) % 5000 == 0:
                print(f"{number + 1}: {dict(outcomes)} {time.process_time() - work:.0f} s", flush=True)
        done = ", ".join(f"{count} {what}" for what, count in outcomes.most_common())
        seconds = f"{time.perf_counter() - begun:.0f} s, {time.process_time() - work:.0f} s of work"
        print(f"{options.kind}, seed {options.seed}: {options.count} cases in {seconds}: {done}")
        for what, count in known.most_common():
            print(f"  {count} times: {what}")
    return int(bool(known))


if __name__ == "__main__":
    sys.exit(main())

"""What all tests share: the folder of tests on the path, one profile of Hypothesis, and work beside the tests.

``CEP_EXAMPLES`` scales the number of examples of tests/properties: 1 is what CI runs.

A test that only waits for another process (one without the compiler, say) is marked ``beside(command, environment)``:
those processes run one after the other from the start, on the core that the tests leave free, and the fixture
``beside`` waits for the test's own.
"""

import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import cep.app  # noqa: F401 - it says where compiled code is kept, which must be known before a test imports a kernel

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "cep",
    deadline=None,  # the first call compiles
    derandomize=True,  # CI has a fixed seed
    database=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("cep")

_beside: dict[str, Future] = {}


def pytest_collection_modifyitems(config, items):
    """What is marked ``exhaustive`` runs only when asked for."""
    if "exhaustive" not in config.option.markexpr:
        out = [item for item in items if item.get_closest_marker("exhaustive")]
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


def pytest_collection_finish(session):
    """Start what runs beside the tests."""
    marked = [(item.name, mark.args) for item in session.items if (mark := item.get_closest_marker("beside"))]
    if marked and not session.config.option.collectonly and "CEP_BESIDE" not in os.environ:
        _beside.update({name: Future() for name, _ in marked})
        threading.Thread(target=_run_beside, args=(marked,), daemon=True).start()


def _run_beside(marked):
    for name, (command, environment) in marked:
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run(
                [sys.executable, *command],
                env=os.environ | {"CEP_CACHE": cache, "CEP_BESIDE": name} | environment,
                capture_output=True,
                text=True,
                check=False,
            )
        _beside[name].set_result(done)


@pytest.fixture
def beside(request):
    """The finished process that the test is marked with."""
    return _beside[request.node.name].result()


SCALE = float(os.environ.get("CEP_EXAMPLES", "1"))

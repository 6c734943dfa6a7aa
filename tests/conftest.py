"""What all tests share: the folder of tests on the path, and one profile of Hypothesis.

``CEP_EXAMPLES`` scales the number of examples of tests/properties: 1 is what CI runs.
"""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

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

SCALE = float(os.environ.get("CEP_EXAMPLES", "1"))

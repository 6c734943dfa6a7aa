"""Late modules: nothing is imported before it is asked for, and all is there when it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from cep.model.late import Late

ROOT = Path(__file__).parents[2]

ONE_EVENT = """
import sys
import cep
rules = cep.loads('''
stream Pay ordered by at { at: time(s), card: string, amount: int }
rule Big from Pay where amount > 100 emit Alert { card, amount }
''')
engine = cep.Engine(rules)
[found] = engine.send("Pay", {"at": 1, "card": "c1", "amount": 500})
assert found.to_dicts() == [{"card": "c1", "amount": 500}]
assert "pyarrow" not in sys.modules
[found] = engine.send_batch("Pay", {"at": [2, 3], "card": ["c1", "c2"], "amount": [500, 7]})
assert found.to_dicts() == [{"card": "c1", "amount": 500}]
assert "pyarrow" in sys.modules
"""


def test_a_late_module_has_the_names_of_the_module():
    late = Late("math")
    assert late.pi == 3.141592653589793
    assert late.floor(2.5) == 2
    assert vars(late).keys() >= {"pi", "floor"}
    with pytest.raises(AttributeError):
        late.nothing_of_the_kind  # noqa: B018


def test_events_sent_one_by_one_need_no_arrow():
    subprocess.run([sys.executable, "-c", ONE_EVENT], cwd=ROOT, check=True)

"""Kernels are compiled, or come from the cache folder, as the engine has them: for one signature each."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def prepared():
    """Every kernel compiled, and for no other arguments from then on."""
    import cep.kernels.match
    import cep.kernels.text  # noqa: F401
    from cep.kernels import jit

    jit.prepare(load=True)

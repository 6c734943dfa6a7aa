"""Kernels are compiled, or come from the cache folder, as the engine has them: for one signature each."""

import pytest

import cep.app.compile  # noqa: F401  (first: it says where compiled code is kept)


@pytest.fixture(scope="session", autouse=True)
def prepared():
    """Every kernel compiled, and for no other arguments from then on."""
    import cep.kernels.match
    import cep.kernels.text  # noqa: F401
    from cep.kernels import jit

    jit.prepare(load=True)

"""Planted faults: would the tests notice? faults.toml has the faults, ``python -m tests.mutations`` plants them."""

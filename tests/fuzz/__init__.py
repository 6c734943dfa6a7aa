"""Fuzzing: random rule files, random bytes and random input files, and what must hold for each of them.

``python -m tests.fuzz rules --count 1000`` runs some; docs/fuzzing.md says what is demanded and what was found.
"""

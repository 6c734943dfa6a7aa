"""Throughput of the engine beside hand-written kernels that do the same, in one run, with the counts checked."""

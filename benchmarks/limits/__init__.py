"""Hand-written kernels, one query a file: what an expert would write in numba for this query and nothing else.

They keep the rule of the ratio: batches of 65,536 of the same int64, int32 and float64 columns in, state kept from one
batch to the next, time order checked, the columns of the emit clause written. They know what the engine has to find
out: that keys are small integers, which code a letter has, and that nothing is null.
"""

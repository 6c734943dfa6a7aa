"""Operators, one a file: each takes batches of its streams and gives derived events when the frontier allows."""

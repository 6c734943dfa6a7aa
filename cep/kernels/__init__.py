"""Kernels: compiled loops. Arrays and scalars in; arrays written, counts and positions out."""

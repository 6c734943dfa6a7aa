"""Connectors: one file a format."""

"""The way in and out: files, tables and rows to `EventBatch`, and derived events to files."""

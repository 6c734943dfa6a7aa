"""The words everything shares: time, types, schemas, batches, diagnostics, errors."""

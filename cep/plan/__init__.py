"""The plan: which operator reads which stream, and in what order they must run."""

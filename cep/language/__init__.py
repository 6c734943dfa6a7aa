"""The rule language: text to a checked `Rulebook`, and back to tidy text."""

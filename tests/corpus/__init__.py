"""The corpus: cases as data, independent of any matcher; README.md says how one is written."""

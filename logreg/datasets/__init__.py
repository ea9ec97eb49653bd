"""Data sets, on one way in: found, read, checked, split, prepared, put into shared variables."""

"""Data sets: how they are found, read, checked, split and prepared."""

"""Files: written whole or not at all, pickles read without running anything, models' bytes."""

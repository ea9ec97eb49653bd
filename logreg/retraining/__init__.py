"""A model trained anew on all rows: `refit` after one validation set, `folds` after several."""

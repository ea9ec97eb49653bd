"""The process and its files: messages, locks, options, pickles and ranks. No engine comes in."""

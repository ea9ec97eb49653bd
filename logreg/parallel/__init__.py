"""Several processes that train one model together. No engine comes in."""

"""A model file at work, without an engine.

`inputs` reads what is to be predicted, a batch at a time; `predictor` computes classes and
probabilities from the arrays of the file; `writers` and `evaluation` say what came of it. What
comes in is files and arrays, the bytes of a model (`saving.format`), and the kernel.
"""

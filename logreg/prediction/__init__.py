"""A model file at work, without an engine.

`inputs` reads what is to be predicted, a batch at a time; `predictor` computes classes and
probabilities, and `writers` write them. `held_out` finds the rows that a model is tested on,
`evaluation` counts what came of it, `summary` makes tables and a text of that, and `weights` says
what each feature does.
"""

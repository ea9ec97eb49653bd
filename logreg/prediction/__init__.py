"""A model file at work, without an engine.

`model_file` has the bytes of a file, `facts` what it tells, and `kinds` what its values must be.
`inputs` reads what is to be predicted, a batch at a time; `predictor` computes classes and
probabilities; `prediction_formats` and `evaluation` say what came of it.
"""

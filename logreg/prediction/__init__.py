"""Prediction: inputs are read, a model file is applied to them, and results are written."""

"""The rows of a set as an engine takes them, and the symbolic variables that stand for rows."""

from typing import Any, Callable, NamedTuple, Optional

import numpy


class Minibatch(NamedTuple):
    """The symbolic variables of a minibatch, of which a model's expressions are made."""

    x: Any
    y: Any
    weights: Any = None  # a vector: how much each row counts; None if all count alike


class Features(NamedTuple):
    """The features of a set as they are stored, and how a model's floats are made of them."""

    shared: Any  # a shared variable of uint8, float32 or float64
    scale: float = 1.0  # stored features are multiplied by it
    prepare: Optional[Callable] = None  # or prepare(rows, dtype) makes the floats
    is_mapped: bool = False  # whether they are mapped from a file

    @property
    def array(self):
        """The array in the shared variable."""
        return self.shared.get_value(borrow=True)

    def rows(self, start, stop, dtype):
        """Get some rows, as they are stored, or prepared if there is a `prepare`."""
        rows = self.array[start:stop]
        return self.prepare(rows, dtype) if self.prepare else rows


class RowSet(NamedTuple):
    """A training, validation or test set, whose rows take the place of a :class:`Minibatch`."""

    features: Features
    labels: Any  # a symbolic vector, of all rows
    weights: Optional[numpy.ndarray] = None  # of all rows, as the data have them

    @property
    def n_rows(self):
        """The number of rows, as of now: `set_value` may change it."""
        return len(self.features.array)

    @property
    def relative_weights(self):
        """The weights, divided by their mean over the set."""
        return self.weights / (self.weights.mean() or 1)

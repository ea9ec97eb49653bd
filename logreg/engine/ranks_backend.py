"""Steps that several ranks take together: they sum their gradients before the updates."""

import math
import zlib

import numpy

from logreg.basics.errors import EngineError, SettingError
from logreg.basics.ranks import ranks
from logreg.engine.kernel_graph import ancestors, find_params, shared_variables


class RanksBackend:
    """A back end of each rank, for its share of the rows of each minibatch."""

    def __init__(self, backend):
        self.backend = backend

    def compile_step(self, expressions, row_set, batch_size, n_at_once):
        minibatch = expressions.minibatch
        cost = expressions.cost
        updates = expressions.updates
        if batch_size < ranks.size:
            raise SettingError(
                f"the batch size is {batch_size}, and there are {ranks.size} ranks: each needs a "
                "row of a minibatch; give a larger batch size, or start fewer"
            )
        for variable, _ in updates:  # each rank may have drawn other values
            self.backend.set_value(variable, ranks.broadcast(self.backend.value(variable)))
        gradients = _gradients(self.backend, minibatch, cost, updates)
        gradients_of_rows, apply = self.backend.compile_in_two(
            minibatch, row_set, cost, gradients, updates
        )
        first_row, end_row = ranks.part(batch_size)
        share = (end_row - first_row) / batch_size
        # What the ranks sum is one message, as each costs time: the mean cost and the gradients.
        shapes = [(), *(self.backend.value(param).shape for param in gradients.values())]
        ends = numpy.cumsum([math.prod(shape) for shape in shapes])
        message = numpy.zeros(ends[-1], cost.dtype)
        flat_parts = numpy.split(message, ends[:-1])
        parts = [part.reshape(shape) for part, shape in zip(flat_parts, shapes)]

        def step(index):
            start = index * batch_size
            means = gradients_of_rows(start + first_row, start + end_row)
            for part, mean in zip(parts, means):
                numpy.multiply(mean, share, out=part)
            ranks.sum_in_place(message)
            pairs = zip(parts[1:], gradients)
            apply(*(part.astype(gradient.dtype, copy=False) for part, gradient in pairs))
            return message[0]

        return lambda first, last: [step(index) for index in range(first, last + 1)]

    def compile_sums(self, minibatch, row_set, bounds, mean):
        """Compile the sums over blocks of rows: each rank computes a part of them.

        Before, the ranks compare their parameters.
        """
        first, end = ranks.part(len(bounds) - 1)
        sums_of_part = self.backend.compile_sums(minibatch, row_set, bounds[first : end + 1], mean)
        shared = [v for v in shared_variables([mean]) if hasattr(v, "dtype")]  # no generators

        def checksum():
            return zlib.crc32(b"".join(self.backend.value(v).tobytes() for v in shared))

        def sums_of_all():
            ranks.check_same("the parameters' checksum", checksum)
            sums = numpy.zeros(len(bounds) - 1)
            sums[first:end] = sums_of_part()
            ranks.sum_in_place(sums)
            return sums  # each is that of one rank, and 0 on the others

        return sums_of_all


def _gradients(backend, minibatch, cost, updates):
    """Find the gradients in the updates, which must depend on the minibatch by these alone."""
    new_values = [new for _, new in updates]
    params = find_params(cost, updates)
    gradients = backend.matcher.find_gradients(cost, params, new_values)
    others = ancestors(new_values, is_end=gradients.__contains__)
    if not others.keys().isdisjoint(minibatch):
        raise EngineError(
            "several ranks sum the gradients alone, and the updates depend on the minibatch in "
            "another way: make them of T.grad(cost, params), as the rules of logreg.updates do"
        )
    return gradients

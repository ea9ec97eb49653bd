"""Steps that several ranks take together: they sum their gradients before the updates."""

import zlib

import numpy

from logreg.basics.errors import EngineError, SettingError
from logreg.engine.kernel_graph import ancestors, find_params
from logreg.parallel.ranks import ranks


class RanksBackend:
    """A back end of each rank, for its share of the rows of each minibatch."""

    def __init__(self, backend):
        self.backend = backend

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def compile_step(self, givens, batch_size, cost, updates, n_at_once):
        if batch_size < ranks.size:
            raise SettingError(
                f"the batch size is {batch_size}, and there are {ranks.size} ranks: each needs a "
                "row of a minibatch; give a larger batch size, or start fewer"
            )
        for variable, _ in updates:  # each rank may have drawn other values
            self.backend.set_value(variable, ranks.broadcast(self.backend.value(variable)))
        gradients = _gradients(self.backend, givens, cost, updates)
        first_row, end = ranks.part(batch_size)
        gradients_of_rows, apply = self.backend.compile_in_two(givens, cost, gradients, updates)
        # The buffer holds the cost, the gradients one after another, and the ranks' flag.
        ends = numpy.cumsum([1, *(self.backend.value(v).size for v in gradients.values())])
        buffer = ranks.prepare_steps(ends[-1], cost.dtype)

        def step(index):
            start = index * batch_size
            values = list(map(numpy.asarray, gradients_of_rows(start + first_row, start + end)))
            together = numpy.concatenate([value.ravel() for value in values])
            buffer[: ends[-1]] = together * ((end - first_row) / batch_size)
            ranks.sum_step(buffer)
            parts = zip(numpy.split(buffer, ends), values)  # without the flag
            all_cost, *all_gradients = [a.reshape(v.shape).astype(v.dtype) for a, v in parts]
            apply(*all_gradients)
            return all_cost

        return lambda first, last: [step(index) for index in range(first, last + 1)]

    def compile_sums(self, givens, edges, mean):
        """Compile the sums between this rank's edges, to which the ranks add theirs.

        They compare their parameters before.
        """
        first, end = ranks.part(len(edges) - 1)
        sums_of_part = self.backend.compile_sums(givens, edges[first : end + 1], mean)
        shared = [v for v in ancestors([mean]) if hasattr(v, "get_value") and hasattr(v, "dtype")]

        def sums_of_all():
            values = (self.backend.value(variable).tobytes() for variable in shared)
            checksum = zlib.crc32(b"".join(values))
            ranks.check_same("the parameters' checksum", lambda: checksum, "at a validation")
            sums = numpy.zeros(len(edges) - 1)
            sums[first:end] = sums_of_part()
            ranks.sum_in_place(sums)
            return ranks.broadcast(sums, "at a validation")

        return sums_of_all


def _gradients(backend, givens, cost, updates):
    """Find the gradients in the updates, which must depend on the minibatch by these alone."""
    new_values = [new for _, new in updates]
    params = find_params(cost, updates)
    gradients = backend.matcher.find_gradients(cost, params, new_values)
    others = ancestors(new_values, gradients.__contains__)
    if givens.x in others or givens.y in others:
        raise EngineError(
            "several ranks sum the gradients alone, and the updates depend on the minibatch in "
            "another way: make them of T.grad(cost, params), as the rules of logreg.updates do"
        )
    return gradients

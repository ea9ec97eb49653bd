"""Steps that several ranks take together: sums over them, between the gradients and the updates."""

import zlib

import numpy

from logreg.engine.backend import Stored, TrainModel, as_stored, n_blas_threads
from logreg.engine.kernel_graph import is_gradient
from logreg.errors import EngineError, SettingError
from logreg.shell import ranks


class RanksBackend:
    """Another back end, of which each rank has one for its share of the rows.

    A set's features are whole on each rank, as when they are mapped from a file; or they are
    :class:`~logreg.engine.backend.Stored` with `n_rows`, that of the whole set, and hold the rows
    that are this rank's, as :mod:`logreg.datasets.sharing` gives them.
    """

    def __init__(self, backend):
        self.backend = backend

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        if batch_size < ranks.size:
            raise SettingError(
                f"the batch size is {batch_size}, and there are {ranks.size} ranks: each needs a "
                "row of a minibatch; give a larger batch size, or start fewer"
            )
        gradients = _gradients(x, y, updates)
        first, last = ranks.part(batch_size)
        n_rows = last - first
        with ranks.first_first():
            args = x, y, dataset, cost, gradients, updates, n_rows
            of_rows, apply = self.backend.compile_in_two(*args)
        stride, offset = (batch_size, first) if is_whole(dataset[0]) else (n_rows, 0)
        weight = n_rows / batch_size
        buffer, parts = _pack(cost, gradients)
        dtypes = [gradient.dtype for gradient in gradients]
        is_first = True

        def step(indices):
            nonlocal is_first
            if is_first:  # a resumption may have changed them until now
                for variable, _ in updates:
                    value = ranks.same_on_all(self.backend.value(variable))
                    if ranks.rank:
                        self.backend.set_value(variable, value)
                is_first = False
            start = indices[0] * stride + offset
            for part, value in zip(parts, of_rows(start, start + n_rows)):
                numpy.multiply(value, weight, out=part, casting="same_kind")
            ranks.sum_step(buffer)
            apply(*(part.astype(d, copy=False) for part, d in zip(parts[1:], dtypes)))
            return [parts[0].copy()]

        def digest():
            values = (self.backend.value(variable).tobytes() for variable, _ in updates)
            return zlib.crc32(b"".join(values)) % ranks.GONE

        n_threads = None if of_rows.has_kernel else n_blas_threads()
        train_model = RanksTrainModel(self.backend, step, 1, n_threads)
        train_model.digest = digest
        return train_model

    def compile_error_counts(self, *args):
        return self._compile_parts("compile_error_counts", "int64", *args)

    def compile_sums(self, *args):
        sums = self._compile_parts("compile_sums", "float64", *args)
        return lambda: ranks.same_on_all(sums())

    def _compile_parts(self, name, dtype, x, y, dataset, edges, expression):
        """Compile a function of a name on this rank's rows; sum what the ranks get."""
        start, stop = ranks.part(edges[-1])
        first = numpy.searchsorted(edges, start, side="right") - 1
        mine = numpy.unique(numpy.clip(edges, start, stop)) - start
        of_part = list
        with ranks.first_first():
            if stop > start:
                args = x, y, self._rows_of(dataset, start, stop), mine.tolist(), expression
                of_part = getattr(self.backend, name)(*args)

        def summed():
            sums, part = numpy.zeros(len(edges) - 1, dtype), numpy.array(of_part())
            sums[first : first + len(mine) - 1] = numpy.rint(part) if dtype == "int64" else part
            ranks.sum_counts(sums)
            return sums

        return summed

    def _rows_of(self, dataset, start, stop):
        """A data set of this rank's rows only, which are those from `start` to `stop`."""
        features, labels = dataset
        if not is_whole(features):
            return features._replace(n_rows=None), labels
        shared, scale = as_stored(features)
        rows = self.backend.shared_data(self.backend.value(shared)[start:stop])
        stored = Stored(rows, scale, None, getattr(features, "prepare", None))
        return stored, labels[start:stop]


class RanksTrainModel(TrainModel):
    """As :class:`TrainModel`; all ranks ask for the costs, and must have the same parameters then.

    `digest` is a function that makes a number of these.
    """

    digest = None

    def costs(self):
        ranks.meet(self.digest())
        return super().costs()


def is_whole(features):
    """Whether a set's features are whole on each rank."""
    return getattr(features, "n_rows", None) is None


def _pack(cost, gradients):
    """A buffer for the cost, the gradients, and a word of the ranks; the parts for the first."""
    values = [gradient.tag.gradient_of[1].get_value(borrow=True) for gradient in gradients]
    shapes = [(), *(value.shape for value in values)]
    edges = numpy.cumsum([0, 1, *(value.size for value in values)])
    dtype = numpy.result_type(cost.dtype, *(gradient.dtype for gradient in gradients))
    buffer = numpy.zeros(edges[-1] + 1, dtype)
    return buffer, [buffer[a:b].reshape(s) for a, b, s in zip(edges, edges[1:], shapes)]


def _gradients(x, y, updates):
    """Find the gradients in the updates, which must know of the minibatch by these alone."""
    stack, seen, gradients = [new for _, new in updates], set(), []
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen.add(variable)
        if is_gradient(variable):
            gradients.append(variable)
        elif variable in (x, y):
            raise EngineError(
                "the updates depend on the minibatch otherwise than by the gradients of "
                "logreg.engine.gradients, which are all that ranks sum"
            )
        elif variable.owner:
            stack.extend(variable.owner.inputs)
    return gradients

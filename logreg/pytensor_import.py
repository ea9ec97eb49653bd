"""PyTensor under Theano's names, and what it does better when told more than Theano needs."""

import os
import types

import numpy

from logreg.c_compiler import blas_flags, user_setting
from logreg.errors import EngineError

UNWRITABLE = (
    "what is compiled cannot be kept ({}): set {}_FLAGS=base_compiledir=FOLDER, "
    "with a folder that can be written"
)
C_LINKERS = ("c", "c|py", "c|py_nogc", "cvm", "cvm_nogc")
TAG = "logreg"  # of rewrites that are made only where they are asked for


def import_pytensor():
    """Import PyTensor; return the module."""
    import pytensor
    import pytensor.tensor

    _register_rewrites()
    if pytensor.config.linker in C_LINKERS:
        _link_blas(pytensor.config)
    return pytensor


def _link_blas(config):
    """Link the C backend, if it is to be used, with the BLAS that Theano is linked with.

    PyTensor finds none that pip installs, and then calls NumPy's through Python.
    """
    names = "blas__ldflags", "blas.ldflags"  # in PYTENSOR_FLAGS and in .pytensorrc
    if all(user_setting("pytensor", name) is None for name in names):
        config.blas__ldflags, renamed = blas_flags(config.cxx)
        config.gcc__cxxflags = " ".join(filter(None, [config.gcc__cxxflags, *renamed]))


class Tensor(types.ModuleType):
    """`pytensor.tensor` with the names that `theano.tensor` has for the same things."""

    def __init__(self, pytensor):
        super().__init__("logreg.engine.T")
        from pytensor.tensor.special import softmax

        self._tensor = pytensor.tensor
        self.grad = pytensor.grad
        self.nnet = types.SimpleNamespace(
            softmax=lambda x: softmax(x, axis=-1),
            sigmoid=pytensor.tensor.sigmoid,
        )

    def __getattr__(self, name):
        return getattr(self._tensor, name)


def in_minibatches(whole, n_batches, batch_size):
    """View a set's rows as minibatches: the rows of the first axis of what is returned.

    With constants for shapes, PyTensor has nothing to check at each step and less to compile.
    Slices with symbolic bounds, as the tutorial takes them, JAX could not compile at all.

    Parameters
    ----------
    whole : symbolic variable, shape (n, ...)
        At its best of a type that knows its shape.
    n_batches, batch_size : int
    """
    known = whole.type.shape
    rest = [whole.shape[i] if known[i] is None else known[i] for i in range(1, whole.ndim)]
    if known[0] is None or known[0] != n_batches * batch_size:
        whole = whole[: n_batches * batch_size]
    return whole.reshape((n_batches, batch_size, *rest))


def interpreted(inputs, outputs):
    """Make a function that NumPy computes, operation by operation.

    It starts at once, where Numba takes seconds to compile, and is as fast on large arrays. But
    Numba's BLAS is SciPy's, and the threads of one wait long enough to be in the other's way.
    """
    import pytensor
    from pytensor.compile.mode import Mode

    with pytensor.config.change_flags(cxx=""):  # nor is C to be compiled
        return pytensor.function(inputs, outputs, mode=Mode("py", "fast_compile"))


def counted(means, n):
    """Means over `n` rows as Theano has them: in float64, and of counts their quotients by `n`.

    Where they are counts of errors, divided by `n`, the counts tell. Rounded to float32, as by
    JAX, or as products with 1 / n, as by Numba, they would decide ties otherwise.
    """
    means = numpy.asarray(means, dtype="float64")
    counts = numpy.rint(means * n)
    return counts / n if numpy.allclose(means * n, counts, rtol=1e-6, atol=1e-6) else means


def compiled(inputs, outputs, **options):
    """As ``pytensor.function``, with rewrites that let Numba compile in half the time."""
    import pytensor
    from pytensor.compile.mode import get_default_mode

    folder = os.path.join(pytensor.config.base_compiledir, "numba")  # as PyTensor makes it
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise EngineError(UNWRITABLE.format(error, "PYTENSOR")) from None
    return pytensor.function(inputs, outputs, mode=get_default_mode().including(TAG), **options)


def _register_rewrites():
    """Let PyTensor rewrite two operations that Numba takes several seconds to compile.

    Both sort axes at run time. The results are the same.
    """
    from pytensor import tensor
    from pytensor.compile.mode import optdb
    from pytensor.graph.rewriting.basic import node_rewriter
    from pytensor.tensor.basic import get_underlying_scalar_constant_value
    from pytensor.tensor.math import Argmax, Sum
    from pytensor.tensor.subtensor import AdvancedIncSubtensor

    def constant(variable):
        return get_underlying_scalar_constant_value(variable, raise_not_constant=False)

    @node_rewriter([Sum])
    def sums_of_rows_with_one_entry(fgraph, node):
        """Rows that hold an entry and zeros else, as the log-likelihood's gradient, sum to it."""
        entries = node.inputs[0].owner
        if node.op.axis != (1,) or entries is None:
            return None
        if not isinstance(entries.op, AdvancedIncSubtensor) or len(entries.inputs) != 4:
            return None
        zeros, values, rows, columns = entries.inputs
        if (zeros.ndim, values.ndim, rows.ndim, columns.ndim) not in ((2, 1, 1, 1), (2, 0, 1, 1)):
            return None
        n_rows = constant(fgraph.shape_feature.get_shape(zeros, 0))
        is_all_rows = isinstance(n_rows, numpy.ndarray) and numpy.array_equal(
            getattr(rows, "data", None), numpy.arange(n_rows)
        )
        if not is_all_rows or constant(zeros) != 0:
            return None
        sums = values + numpy.zeros(n_rows, values.dtype)
        return [sums.astype(node.outputs[0].dtype)]

    @node_rewriter([Argmax])
    def first_index_of_the_largest(fgraph, node):
        (x,) = node.inputs
        if x.ndim != 2 or node.op.axis != (1,):
            return None
        n = x.shape[1]
        largest = tensor.max(x, axis=1, keepdims=True)
        # As in NumPy, NaN is larger than all else.
        is_largest = tensor.eq(x, largest) | tensor.isnan(x)
        return [tensor.min(tensor.switch(is_largest, tensor.arange(n), n), axis=1)]

    for phase, rewrite in (
        ("canonicalize", sums_of_rows_with_one_entry),
        ("specialize", first_index_of_the_largest),
    ):
        optdb[phase].register(rewrite.__name__, rewrite, TAG)

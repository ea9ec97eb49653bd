"""PyTensor under Theano's names, and what it does better when told more than Theano needs."""

import contextlib
import functools
import importlib
import io
import os
import sys
import types

import numpy

from logreg.engine.c_compiler import blas_flags, spare_compiling, user_setting
from logreg.errors import EngineError

UNWRITABLE = (
    "what is compiled cannot be kept ({}): set {}_FLAGS=base_compiledir=FOLDER, "
    "with a folder that can be written"
)
C_LINKERS = ("c", "c|py", "c|py_nogc", "cvm", "cvm_nogc")
# With which the C++ source of a module begins.
HEADERS = ["Python.h", "pytensor_mod_helper.h", "math.h", "numpy/arrayobject.h"]
HEADERS += ["numpy/arrayscalars.h", "numpy/npy_math.h", "vector", "algorithm"]
C_TAG, NUMBA_TAG = "logreg_c", "logreg_numba"
TAG = "logreg"  # of rewrites that are made only where they are asked for


def import_pytensor():
    """Import PyTensor; return the module."""
    import pytensor
    import pytensor.tensor

    _register_rewrites()
    if pytensor.config.linker in C_LINKERS:
        _prepare_c_backend()
    return pytensor


@functools.lru_cache(maxsize=None)
def _prepare_c_backend():
    """Prepare the C backend; return whether it has all that it needs to be fast.

    It is linked with the BLAS that Theano is linked with. Left to itself, PyTensor finds none that
    pip installs, and then calls NumPy's through Python.
    """
    import pytensor
    from pytensor.link.c import cmodule

    config = pytensor.config
    # What PyTensor adds of its own is -g. Nothing traps a floating-point exception; where one
    # might be, g++ branches, and takes twice the time for the largest of a row.
    cxxflags = ["-g0", "-fno-trapping-math", config.gcc__cxxflags]
    names = "blas__ldflags", "blas.ldflags"  # in PYTENSOR_FLAGS and in .pytensorrc
    is_set = "val" in vars(type(config).blas__ldflags)  # in code; to read it would set it
    if not is_set and all(user_setting("pytensor", name) is None for name in names):
        config.blas__ldflags, renamed = blas_flags(config.cxx)
        cxxflags += renamed
    config.gcc__cxxflags = " ".join(filter(None, cxxflags))
    if not config.cxx:
        return False
    spare_compiling(cmodule, pytensor.__version__, config.gcc__cxxflags, HEADERS)
    try:
        # What C functions are called by: a try whether C can be compiled here, and be loaded.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            importlib.import_module("pytensor.link.c.lazylinker_c")
    except OSError:
        raise
    except Exception:
        return False
    return bool(config.blas__ldflags)


def _mode():
    """The mode to compile in: the user's, if there is one, else C where it is fast, else Numba.

    Numba, PyTensor's own choice, is a little faster, and needs 100 MB more memory.
    """
    from pytensor import config
    from pytensor.compile.mode import get_default_mode

    if config.linker in C_LINKERS:
        _prepare_c_backend()
    if config.linker == "auto" and sys.platform == "linux" and _prepare_c_backend():
        with config.change_flags(linker="cvm"):
            return get_default_mode()
    return get_default_mode()


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


def compiled(inputs, output, updates=None, givens=None):
    """As ``pytensor.function``, of one output, and with less to compute and to compile.

    The shared variables must keep the shapes that they have now.
    """
    import pytensor
    from pytensor.link.numba.linker import NumbaLinker

    try:
        mode = _mode()
        is_numba = isinstance(mode.linker, NumbaLinker)
        mode = mode.including(TAG, NUMBA_TAG if is_numba else C_TAG)
        if is_numba:
            # As PyTensor makes it, but now.
            os.makedirs(os.path.join(pytensor.config.base_compiledir, "numba"), exist_ok=True)
    except (OSError, ValueError) as error:
        raise EngineError(UNWRITABLE.format(error, "PYTENSOR")) from None
    updates, givens = updates or [], givens or {}
    known = _with_known_shapes([output, *(new for _, new in updates)], list(givens.values()))
    updates = [(known.get(old, old), new) for old, new in updates]
    givens = {**givens, **known}
    return pytensor.function(inputs, output, updates=updates, givens=givens, mode=mode)


def _with_known_shapes(outputs, others):
    """Pair the shared variables of `outputs`, and not of `others`, with ones of known shapes."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import graph_inputs

    known = {}
    for shared in set(graph_inputs(outputs)) - set(graph_inputs(others)):
        if not isinstance(shared, SharedVariable) or shared.default_update is not None:
            continue
        if None in getattr(shared.type, "shape", ()):
            # An axis that is known to be of length 1 would be broadcast.
            lengths = [n if n != 1 else None for n in shared.get_value(borrow=True).shape]
            shape = [n or length for n, length in zip(shared.type.shape, lengths)]
            known[shared] = type(shared)(
                type=shared.type.clone(shape=shape),
                value=None,
                strict=None,
                container=shared.container,
                name=shared.name,
            )
    return known


def _register_rewrites():
    """Let PyTensor rewrite what its backends are slow with.

    The results are the same, but for the sign of a zero, and the order of a sum.
    """
    from pytensor import tensor
    from pytensor.compile.mode import optdb
    from pytensor.graph.rewriting.basic import node_rewriter
    from pytensor.raise_op import Assert
    from pytensor.tensor.basic import get_underlying_scalar_constant_value
    from pytensor.tensor.math import Argmax, Sum
    from pytensor.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor

    def constant(variable):
        return get_underlying_scalar_constant_value(variable, raise_not_constant=False)

    def picked(fgraph, matrix, indices):
        """Where a matrix holds what `indices` pick, if that is one entry of each row."""
        if [v.ndim for v in (matrix, *indices)] != [2, 1, 1]:
            return None
        rows, columns = indices
        n_rows = constant(fgraph.shape_feature.get_shape(matrix, 0))
        if not isinstance(n_rows, numpy.ndarray) or columns.type.shape != (n_rows,):
            return None
        is_mask = "bool" in (rows.dtype, columns.dtype)
        if is_mask or not numpy.array_equal(getattr(rows, "data", None), numpy.arange(n_rows)):
            return None
        n = matrix.type.shape[1] or matrix.shape[1]
        arange = numpy.arange if isinstance(n, int) else tensor.arange
        if columns.dtype not in ("int32", "int64"):
            columns = columns.astype("int64")
        columns = tensor.switch(columns < 0, columns + n, columns).astype(columns.dtype)
        is_there = tensor.all((columns >= 0) & (columns < n))
        columns = Assert("a label is no class")(columns, is_there)
        return tensor.eq(arange(n, dtype=columns.dtype), columns[:, None])

    @node_rewriter([AdvancedSubtensor])
    def sums_of_one_hot_rows(fgraph, node):
        """What is read by indices. The C backend would call Python for it."""
        matrix, *indices = node.inputs
        is_picked = picked(fgraph, matrix, indices)
        if is_picked is None:
            return None
        entries = tensor.switch(is_picked, matrix, numpy.zeros((), matrix.dtype))
        return [tensor.sum(entries, axis=1).astype(matrix.dtype)]

    @node_rewriter([AdvancedIncSubtensor])
    def one_hot_rows(fgraph, node):
        """What is written into zeros by indices, as in the gradient of what is read."""
        zeros, values, *indices = node.inputs
        lengths = (), (1,), indices[-1].type.shape
        if values.type.shape not in lengths or constant(zeros) != 0:
            return None
        is_picked = picked(fgraph, zeros, indices)
        if is_picked is None:
            return None
        values = values[:, None] if values.ndim else values
        entries = tensor.switch(is_picked, values, numpy.zeros((), zeros.dtype))
        return [entries.astype(zeros.dtype)]

    @node_rewriter([Sum])
    def sums_of_columns_first(fgraph, node):
        """An addition waits for the one before: in C all columns' go on side by side."""
        (x,) = node.inputs
        op, shape = node.op, x.type.shape
        if op.axis not in (None, (0, 1)) or x.ndim != 2 or None in shape or shape[1] < 16:
            return None
        columns = tensor.sum(x, axis=0, dtype=op.acc_dtype, acc_dtype=op.acc_dtype)
        return [tensor.sum(columns, dtype=op.dtype, acc_dtype=op.acc_dtype)]

    @node_rewriter([Argmax])
    def first_index_of_the_largest(fgraph, node):
        """Without sorting the axes at run time, which Numba takes seconds to compile."""
        (x,) = node.inputs
        if x.ndim != 2 or node.op.axis != (1,):
            return None
        n = x.shape[1]
        largest = tensor.max(x, axis=1, keepdims=True)
        # As in NumPy, NaN is larger than all else.
        is_largest = tensor.eq(x, largest) | tensor.isnan(x)
        return [tensor.min(tensor.switch(is_largest, tensor.arange(n), n), axis=1)]

    for phase, rewrite, tag in (
        ("canonicalize", sums_of_one_hot_rows, TAG),
        ("canonicalize", one_hot_rows, TAG),
        ("specialize", first_index_of_the_largest, NUMBA_TAG),
        ("uncanonicalize", sums_of_columns_first, C_TAG),  # where sums of sums are left alone
    ):
        optdb[phase].register(rewrite.__name__, rewrite, tag)

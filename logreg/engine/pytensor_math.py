"""What `vector_math` needs of PyTensor: an Op that Numba compiles to a call of NumPy.

A ufunc of NumPy has an inner loop over the numbers of an array: a C function, which is called here.
Numba could call an Op's `perform` through Python, but would then compile all functions around it in
each process anew.
"""

import ctypes

import llvmlite.binding
import numpy
from numba import types
from pytensor.compile.mode import get_default_mode
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import GraphRewriter
from pytensor.link.numba.dispatch.basic import (
    numba_njit,
    register_funcify_default_op_cache_key,
)
from pytensor.scalar import Exp, Log, Sigmoid, Tanh
from pytensor.tensor.elemwise import Elemwise

from logreg.engine.vector_math import (
    BEFORE_FUSION,
    DTYPES,
    FUNCTION_NAMES,
    FunctionOp,
    call_numpy,
)

NAMES = {Exp: "exp", Log: "log", Tanh: "tanh", Sigmoid: "sigmoid"}


class _Ufunc(ctypes.Structure):
    """The start of PyUFuncObject, which is a part of NumPy's documented C interface."""

    _fields_ = [
        ("head", ctypes.c_char * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
    ]


def find_loop(function_name, dtype):
    """Find the address of the inner loop of a function of NumPy for float32 or float64.

    Returns None if this NumPy has no such loop, or one that calls another function.
    """
    function = getattr(numpy, function_name)
    ufunc = _Ufunc.from_address(id(function))
    if (ufunc.nin, ufunc.nargs) != (1, 2):  # this NumPy has another structure
        return None
    char = numpy.dtype(dtype).char
    index = function.types.index(f"{char}->{char}")
    if ufunc.data[index] is not None:  # then the loop needs `data`: a function to call each time
        return None
    return ufunc.functions[index]  # ctypes makes None of NULL


class NumPyFunction(FunctionOp, Op):
    """A function of NumPy, of each number of an array of floats."""

    __props__ = ("function_name",)
    apply_class = Apply

    def perform(self, node, inputs, output_storage):
        """Compute the function where a flag has chosen another linker than Numba's."""
        with numpy.errstate(all="ignore"):  # PyTensor gives inf and NaN in silence
            output_storage[0][0] = getattr(numpy, self.function_name)(inputs[0])


@register_funcify_default_op_cache_key(NumPyFunction)
def numba_funcify(op, node, **kwargs):
    dtype = node.inputs[0].dtype
    n_bytes = numpy.dtype(dtype).itemsize
    # Numba keeps compiled code for later processes, where the loop has another address. So the
    # code has a name in place of the address.
    name = f"logreg_numpy_{op.function_name}_{dtype}"
    llvmlite.binding.add_symbol(name, find_loop(op.function_name, dtype))
    # The arguments are pointers to the arrays, their length, their strides, and `data`.
    loop = types.ExternalFunction(name, types.void(*[types.voidptr] * 3, types.intp))

    @numba_njit
    def compute(x):
        out = x.copy()  # contiguous; the loop may write where it reads
        address = out.ctypes.data
        loop(
            numpy.array([address, address]).ctypes,
            numpy.array([out.size]).ctypes,
            numpy.array([n_bytes, n_bytes]).ctypes,
            0,
        )
        return out

    return compute, 1  # the version of this code, for the cache: change it with the code


class CallNumPy(GraphRewriter):
    """The rewrite that puts NumPy's functions in the place of PyTensor's."""

    def apply(self, fgraph):
        call_numpy(fgraph, Elemwise, NAMES, NumPyFunction)


def make_mode():
    """Make PyTensor's own mode, with the rewrite; None if this NumPy lacks one of the loops."""
    if None in [find_loop(name, dtype) for name in FUNCTION_NAMES for dtype in DTYPES]:
        return None
    return get_default_mode().register((CallNumPy(), BEFORE_FUSION))

"""NumPy's loops over the numbers of an array, for code that Numba compiles.

Numba could call an Op's `perform` through Python, but would then compile all functions around it in
each process anew.
"""

import ctypes

import llvmlite.binding
import numpy
from numba import types
from pytensor.link.numba.dispatch.basic import (
    numba_njit,
    register_funcify_default_op_cache_key,
)


class _Ufunc(ctypes.Structure):
    """The start of PyUFuncObject, which is a part of NumPy's documented C interface."""

    _fields_ = [
        ("head", ctypes.c_char * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
    ]


def find_loop(function_name, dtype):
    """Find the loop of a function of NumPy for float32 or float64, as a function for Numba.

    Numba keeps compiled code for later processes, where the loop has another address. So the code
    has a name in place of the address.
    """
    ufunc = getattr(numpy, function_name)
    char = numpy.dtype(dtype).char
    index = ufunc.types.index(f"{char}->{char}")
    name = f"logreg_numpy_{function_name}_{dtype}"
    address = _Ufunc.from_address(id(ufunc)).functions[index]
    llvmlite.binding.add_symbol(name, address)
    # Its arguments are pointers to the arrays, their length and their strides. The last one is for
    # loops that call another function; NumPy 2 has none for exp, log and tanh of floats.
    return types.ExternalFunction(name, types.void(*[types.voidptr] * 3, types.intp))


def register(op_class):
    """Tell PyTensor how Numba computes an Op that has the name of a function of NumPy."""

    @register_funcify_default_op_cache_key(op_class)
    def numba_funcify(op, node, **kwargs):
        dtype = node.inputs[0].dtype
        loop = find_loop(op.function_name, dtype)
        n_bytes = numpy.dtype(dtype).itemsize

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

        return compute, 1

"""What stands for NumPy's arrays in a pickle, and makes them after a check.

Nothing that the pickle names is called: see :mod:`logreg.datasets.pickles`.
"""

import re

import numpy

from logreg.datasets import pickles
from logreg.errors import DatasetError, quoted

SAVE_NUMBERS = "save numbers (or text), with x.astype('float32'), y.astype('int64')"
# What pickled arrays have in protocols 0 to 5, written by Python 2 or 3. No dict, no set.
OPCODES = """
    PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
"""


class _Bytes(pickles.Placeholder):
    """Bytes as Python 3 pickles them in protocols 0 to 2: text to encode in latin1, or no text."""


class PickledDtype(pickles.Placeholder):
    """A pickled dtype."""

    def dtype(self):
        code, order = (
            text.decode("latin1") if isinstance(text, bytes) else text  # bytes in Python 2
            for text in (self.args[0], self.state[1])
        )
        # NumPy's dtypes are a language of their own; O is an object.
        if not re.fullmatch(r"[a-zA-NP-Z?]\d{0,6}", code):
            raise DatasetError(f"holds an array of dtype {quoted(code)}: {SAVE_NUMBERS}")
        return numpy.dtype(code).newbyteorder(order if order in ("<", ">") else "|")


class PickledArray(pickles.Placeholder):
    """A pickled array, made only after a check of what it is made of."""

    def array(self):
        """Make the array, read-only."""
        if self.state is None:  # protocol 5 calls a function with all of it
            data, dtype, shape, order, *axes = self.args
        else:
            _, shape, dtype, by_columns, data = self.state
            order, axes = "F" if by_columns else "C", ()
        if isinstance(data, _Bytes):
            data = data.args[0].encode("latin1") if data.args else b""
        flat = numpy.frombuffer(data, dtype.dtype())
        array = flat.reshape(shape, order="F" if order == "F" else "C")
        return array.transpose(*axes) if order == "K" else array


# All that a pickle of arrays asks for, as NumPy 1 and 2 have it.
CLASSES = {
    "numpy.ndarray": pickles.Placeholder,
    "numpy.dtype": PickledDtype,
    "_codecs.encode": _Bytes,
    "__builtin__.bytes": _Bytes,
    "builtins.bytes": _Bytes,
    "numpy.core.multiarray._reconstruct": PickledArray,
    "numpy._core.multiarray._reconstruct": PickledArray,
    "numpy.core.numeric._frombuffer": PickledArray,
    "numpy._core.numeric._frombuffer": PickledArray,
}

"""Readers of array files, gzipped or not: IDX, npy, npz, and the tutorial's pickles.

Each gives the arrays of a file by name. Nothing in a file is run, and whatever may be wrong
with one ends in a :class:`~logreg.errors.DatasetError` that begins with its path.
"""

import codecs
import contextlib
import gzip
import io
import lzma
import math
import os
import re
import struct
import tokenize
import zipfile
import zlib

import numpy
from numpy.lib import format as npy

from logreg import pickles
from logreg.errors import DatasetError

MAX_NPY_HEADER = 10000  # bytes; Python's parser gets no more than this to read
IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# What gzip, zipfile, NumPy and Python's parser raise on bytes that make no sense to them.
FAULTS = (OSError, EOFError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError)
FAULTS += (AttributeError, SyntaxError, tokenize.TokenError, struct.error)
FAULTS += (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
# What pickled arrays have in protocols 0 to 5, written by Python 2 or 3. No dict, no set.
PICKLE_OPCODES = """
    PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
"""


@contextlib.contextmanager
def reading(path):
    """Turn what goes wrong in the block into a DatasetError that begins with the path."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None
    except (MemoryError, *FAULTS) as error:
        said = ascii(str(error))[1:-1][:200] or type(error).__name__
        reason = getattr(error, "strerror", None)  # an OSError's
        reason = reason or f"cut off or damaged ({said}); fetch or write it again"
        if isinstance(error, MemoryError):
            reason = "it needs more memory than there is, or is damaged"
        raise DatasetError(f"{path}: cannot be read: {reason}") from None


@contextlib.contextmanager
def open_bytes(path):
    """Open a file to read its bytes; if these begin as gzip's, whatever its name, uncompressed."""
    if not os.path.exists(path):
        raise DatasetError("there is no such file")
    if not os.path.isfile(path):  # a pipe or a device would block, or never end
        raise DatasetError("not a regular file: save it in one, or pipe CSV into -")
    with open(path, "rb") as plain:
        if plain.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as stream:
                yield stream
        else:
            yield plain


def read_idx(path):
    """Read an IDX file, the format of MNIST.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to numpy.ndarray
        ``{"x": array}``, of any of the format's types; images are uint8 of shape
        (n, height, width).
    """
    with reading(path), open_bytes(path) as stream:
        zeros, code, n_axes = struct.unpack(">HBB", stream.read(4))
        if zeros or code not in IDX_DTYPES or n_axes == 0:
            raise DatasetError("not an IDX file: its first bytes make no IDX header")
        shape = struct.unpack(f">{n_axes}I", stream.read(4 * n_axes))
        dtype = numpy.dtype(IDX_DTYPES[code])
        data = stream.read(_size(dtype, shape) + 1)  # one more, to see that there is none
        return {"x": _array(data, dtype, shape)}


def read_npy(path):
    """Read the one array of an npy file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to numpy.ndarray
        ``{"x": array}``. The array is mapped from the file, read-only, unless that is gzipped:
        rows can be taken from an array larger than memory.
    """
    with reading(path), open_bytes(path) as stream:
        if isinstance(stream, gzip.GzipFile):
            return {"x": _npy_array(stream)}
        size, found = _npy_size(stream), os.path.getsize(path)
        if found != size:
            raise DatasetError(
                f"cut off or damaged: it should have {size} bytes and has {found}; write it again"
            )
        return {"x": npy.open_memmap(path, mode="r")}


def read_npz(path):
    """Read the arrays of an npz file; what else the archive holds is passed over.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to numpy.ndarray
    """
    arrays = {}
    with reading(path), open_bytes(path) as stream, zipfile.ZipFile(stream) as archive:
        for member in archive.namelist():
            name, suffix = os.path.splitext(member)
            if suffix == ".npy":
                with reading(f"array {ascii(name)[:60]}"), archive.open(member) as array:
                    arrays[name] = _npy_array(array)
    return arrays


def _npy_array(stream):
    """Read an array to the end of its stream, where gzip and zip check their sums."""
    _npy_size(stream)
    stream.seek(0)
    array = npy.read_array(stream, allow_pickle=False)
    if stream.read(1):
        raise DatasetError("damaged: more bytes follow than its header says; write it again")
    return array


def _npy_size(stream):
    """How many bytes an npy file has by its header, if that tells of a plain array."""
    head = io.BytesIO(stream.read(MAX_NPY_HEADER))
    version = npy.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise DatasetError("not an npy file, or not one of a plain array of numbers")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(head)
    return head.tell() + _size(dtype, shape)


def _size(dtype, shape):
    """Bytes of an array, as an exact integer, if it is one of numbers or text and not empty."""
    if dtype.kind not in "biufSU":
        found = "an object array" if dtype.hasobject else f"an array of dtype {str(dtype)[:60]}"
        raise DatasetError(
            f"holds {found}: save numbers (or text), with x.astype('float32'), y.astype('int64')"
        )
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise DatasetError("damaged: the shape is none that an array can have")
    size = dtype.itemsize * math.prod(shape)
    if size == 0:
        raise DatasetError(f"holds an empty array, of shape {ascii(tuple(shape))[:60]}")
    return size


def _array(data, dtype, shape, order="C"):
    """View bytes as an array, without a copy; they must be just as many as it has."""
    size = _size(dtype, shape)
    if len(data) != size:
        raise DatasetError(
            f"cut off or damaged: an array of shape {ascii(shape)[:60]} and dtype {dtype} "
            f"has {size} bytes, found {len(data)}; fetch or write it again"
        )
    return numpy.frombuffer(data, dtype).reshape(shape, order=order)


class _Encoded(pickles.Placeholder):
    """Bytes as Python 3 writes them in protocols 0 to 2: a text and its encoding, latin1."""


class _Dtype(pickles.Placeholder):
    """A pickled dtype."""

    def dtype(self):
        code, order = (
            text.decode("latin1") if isinstance(text, bytes) else text  # bytes in Python 2
            for text in (self.args[0], self.state[1])
        )
        if not re.match(r"[a-zA-Z?]\d{0,6}\Z", code):  # NumPy's dtypes are a language of their own
            raise DatasetError(f"holds an array of dtype {ascii(code)[:60]}")
        return numpy.dtype(code).newbyteorder(order if order in ("<", ">") else "|")


class ArrayPlaceholder(pickles.Placeholder):
    """A pickled array, made only after a check of what it is made of."""

    def array(self):
        """Make the array; a :class:`numpy.ndarray`, read-only, or a DatasetError."""
        if self.state is None:  # protocol 5 calls a function with all of it
            data, dtype, shape, order, *axes = self.args
        else:
            _, shape, dtype, by_columns, data = self.state
            order, axes = "F" if by_columns else "C", ()
        if isinstance(data, _Encoded):
            text, encoding = data.args
            if encoding not in ("latin1", "latin-1"):
                raise DatasetError("damaged: its bytes are not written as those of an array")
            data = text.encode("latin1")
        array = _array(data, dtype.dtype(), shape, "F" if order == "F" else "C")
        return array.transpose(*axes) if order == "K" else array


# All that a pickle of arrays asks for, as NumPy 1 and 2 have it.
PICKLE_CLASSES = {
    "numpy.ndarray": pickles.Placeholder,
    "numpy.dtype": _Dtype,
    "_codecs.encode": _Encoded,
    "__builtin__.bytes": pickles.Placeholder,  # of an empty array
    "builtins.bytes": pickles.Placeholder,
    "numpy.core.multiarray._reconstruct": ArrayPlaceholder,
    "numpy._core.multiarray._reconstruct": ArrayPlaceholder,
    "numpy.core.numeric._frombuffer": ArrayPlaceholder,
    "numpy._core.numeric._frombuffer": ArrayPlaceholder,
}


def read_pickle(path):
    """Read a pickle of the tutorial's format: pairs (x, y) of arrays.

    Parameters
    ----------
    path : str or path-like
        Written by Python 2 or 3 in any protocol: pairs for training, validation and test, or
        for training and test.

    Returns
    -------
    dict of str to numpy.ndarray
        ``x_train, y_train, x_valid, y_valid, x_test, y_test``, read-only.
    """
    with reading(path), open_bytes(path) as stream:
        try:
            # A string of Python 2 stays bytes: it may be those of an array.
            pairs = pickles.load(stream, PICKLE_CLASSES, PICKLE_OPCODES, encoding="bytes")
        except pickles.PickleError as error:
            raise DatasetError(
                f"not a pickle of NumPy arrays alone: {error}. A data set is three pairs (x, y) "
                "of arrays: make arrays of other things with numpy.asarray, and pickle these"
            ) from None
        _check_length(pairs, (2, 3), "a pickled data set is three pairs (x, y), or two,")
        arrays = {}
        splits = ("train", "valid", "test") if len(pairs) == 3 else ("train", "test")
        for split, pair in zip(splits, pairs):
            _check_length(pair, (2,), "each set in a pickle must be a pair (x, y)")
            for letter, value in zip("xy", pair):
                if not isinstance(value, ArrayPlaceholder):
                    raise DatasetError(
                        "each pair in a pickle must hold NumPy arrays; found "
                        f"{_described(value)}: convert it with numpy.asarray and pickle again"
                    )
                arrays[f"{letter}_{split}"] = value.array()
        return arrays


def _check_length(value, lengths, needed):
    if not isinstance(value, (list, tuple)) or len(value) not in lengths:
        raise DatasetError(f"{needed} of NumPy arrays; found {_described(value)}")


def _described(value):
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "one array" if isinstance(value, ArrayPlaceholder) else f"a {type(value).__name__}"


READERS = {"idx": read_idx, "npy": read_npy, "npz": read_npz, "pickle": read_pickle}


def read_arrays(path):
    """Read the arrays of a file of any of the formats; see the reader of each."""
    kind = sniff(path)
    if kind not in READERS:
        raise DatasetError(f"{path}: not a file of arrays: save them as .npz with numpy.savez")
    return READERS[kind](path)


def sniff(path):
    """Tell a file's format by its first bytes, whatever its name.

    Parameters
    ----------
    path : str or path-like
        Gzipped or not.

    Returns
    -------
    {'npz', 'npy', 'idx', 'pickle', 'table', None}
        None if it is none of these. A zip archive without npy members, and what bzip2 or xz
        compressed, are taken for a table.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
        if not head:
            raise DatasetError("is empty")
        if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            names = zipfile.ZipFile(stream).namelist()
            return "npz" if any(name.endswith(".npy") for name in names) else "table"
    if head[:6] == npy.MAGIC_PREFIX:
        return "npy"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in IDX_DTYPES:
        return "idx"
    # Protocol 2 and up, then the opcodes by which protocols 0 and 1 begin a tuple or list.
    if re.match(rb"\x80[\x00-\x05]|\(\(|\(l[p(.]|\](q|\()|\(cnumpy|cnumpy", head):
        return "pickle"
    if head.startswith((b"BZh", b"\xfd7zXZ\0", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "table"  # whose reader reads it, or says what to do
    is_text = not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)
    return "table" if is_text else None

"""Readers of array files, gzipped or not: IDX, npy, npz, and the tutorial's pickles.

Each gives the arrays of a file by name. Nothing in a file is run, and whatever may be wrong
with one ends in a :class:`~logreg.errors.DatasetError` that begins with its path.
"""

import codecs
import contextlib
import gzip
import math
import os
import re
import struct
import sys
import zipfile
import zlib

import numpy
from numpy.lib import format as npy

from logreg.datasets import pickles
from logreg.datasets.pickled_arrays import CLASSES, OPCODES, SAVE_NUMBERS, PickledArray
from logreg.errors import DatasetError, ExtraError, cut, listed, quoted

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAPPED_DTYPES = ("uint8", "float32", "float64")  # others are read, and become floats in memory
IDX_HEADER = 4 + 4 * 255  # bytes at the most
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"  # what their files begin with


@contextlib.contextmanager
def reading(path):
    """Let errors of the block begin with the path; what a disk or gzip raises becomes one, too."""
    try:
        yield
    except (DatasetError, ExtraError) as error:
        raise DatasetError(f"{path}: {error}") from None
    except MemoryError:
        raise DatasetError(f"{path}: cannot be read: damaged, or larger than memory") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or _damage(error)
        raise DatasetError(f"{path}: cannot be read: {reason}") from error


@contextlib.contextmanager
def parsing():
    """Turn whatever a library raises in the block, on bytes without sense, into a DatasetError."""
    try:
        yield
    except (DatasetError, ImportError, MemoryError, OSError):
        raise
    except Exception as error:
        raise DatasetError(f"cannot be read: {_damage(error)}") from error


def _damage(error):
    reason = cut(error, 200) or type(error).__name__
    return f"cut off or damaged ({reason}); fetch or write it again"


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


def mapping(array):
    """Return the memory map of which an array is a view; None if its values are in memory.

    Training reads from a map as it is, so one of another dtype, or whose data begin at an odd
    offset, counts as none: it is copied.
    """
    if array.dtype in MAPPED_DTYPES and array.flags.c_contiguous and array.flags.aligned:
        while array is not None and not isinstance(array, numpy.memmap):
            array = getattr(array, "base", None)
        return array
    return None


def read_idx(path):
    """Read an IDX file, the format of MNIST, as ``{"x": array}``.

    The array has any of the format's dtypes; images are uint8 of shape (n, height, width). It is
    mapped from the file, unless that is gzipped, and read-only.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(IDX_HEADER)
        with parsing():
            zeros, code, n_axes = struct.unpack_from(">HBB", head)
            shape = struct.unpack_from(f">{n_axes}I", head, 4)
        if zeros or code not in IDX_DTYPES:
            raise DatasetError("not an IDX file: its first bytes make no IDX header")
        dtype, start = numpy.dtype(IDX_DTYPES[code]), 4 + 4 * n_axes
        size = start + math.prod(shape) * dtype.itemsize
        if isinstance(stream, gzip.GzipFile):
            stream.seek(0)
            data = numpy.frombuffer(stream.read(min(size + 1, sys.maxsize)), "uint8")
        else:
            data = numpy.memmap(path, mode="r")
        _check_size(len(data), size)
        with parsing():  # an axis may be longer than NumPy takes
            return {"x": data[start:].view(dtype).reshape(shape)}


def read_npy(path):
    """Read the one array of an npy file, as ``{"x": array}``.

    The array is mapped from the file, read-only, unless that is gzipped: rows can be taken from
    an array larger than memory.
    """
    with reading(path), open_bytes(path) as stream:
        if isinstance(stream, gzip.GzipFile):
            return {"x": _npy_array(stream)}
        _check_size(os.path.getsize(path), _npy_size(stream))
        with parsing():
            return {"x": npy.open_memmap(path, mode="r")}


def _check_size(n_bytes, size):
    if n_bytes != size:
        raise DatasetError(
            f"cut off or damaged: it has {n_bytes} bytes, and {size} by its header; write it again"
        )


def read_npz(path, choose=list):
    """Read the arrays of an npz file; what else the archive holds is passed over.

    `choose` is called with the names of all, and gives those of the arrays to read.
    """
    with reading(path), open_bytes(path) as stream:
        return npz_arrays(stream, os.path.getsize(path), choose)


def npz_arrays(stream, file_size, choose=list):
    """Read the arrays of an npz as :func:`read_npz` does; they are no larger than a pickle's."""
    arrays, n_left = {}, pickles.unpacked_size(file_size)
    with parsing():
        archive = zipfile.ZipFile(stream)
        names = [os.path.splitext(member) for member in archive.namelist()]
    for name in choose([name for name, suffix in names if suffix == ".npy"]):
        with reading(f"array {quoted(name)}"):
            with parsing():
                n_left -= archive.getinfo(f"{name}.npy").file_size
                array = archive.open(f"{name}.npy")
            if n_left < 0:
                raise DatasetError(pickles.TOO_LARGE)
            arrays[name] = _npy_array(array)
    return arrays


def _npy_array(stream):
    """Read an array to the end of its stream, where gzip and zip check their sums."""
    _npy_size(stream)
    with parsing():
        stream.seek(0)
        array = npy.read_array(stream, allow_pickle=False)
        rest = stream.read(1)
    if rest:
        raise DatasetError("damaged: more bytes follow than its header says; write it again")
    return array


def _npy_size(stream):
    """How many bytes an npy file should have by its header, which must be of a plain array."""
    with parsing():
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise DatasetError(f"holds an object array: {SAVE_NUMBERS}")
    return stream.tell() + dtype.itemsize * math.prod(shape)


def read_pickle(path):
    """Read a pickle of the tutorial's format: pairs (x, y) of arrays, in any protocol.

    They are for training, validation and test, or for training and test. The arrays are
    called ``x_train, y_train, x_valid, y_valid, x_test, y_test``, and are read-only.
    """
    with reading(path), open_bytes(path) as stream:
        try:
            # A string of Python 2 stays bytes: it may be those of an array.
            size = os.path.getsize(path)
            pairs = pickles.load(stream, CLASSES, OPCODES, "bytes", file_size=size)
        except pickles.PickleError as error:
            raise DatasetError(
                f"not a pickle of NumPy arrays alone: {error}. A data set is three pairs (x, y) "
                "of arrays: make arrays of other things with numpy.asarray, and pickle these"
            ) from None
        try:
            arrays = [array for x, y in pairs for array in (x, y)]
        except (TypeError, ValueError):  # they are no pairs
            arrays = []
        if len(arrays) not in (4, 6) or {type(array) for array in arrays} != {PickledArray}:
            raise DatasetError(
                "a pickled data set is three pairs (x, y) of NumPy arrays, or two for training and "
                "test: make arrays of other things with numpy.asarray"
            )
        splits = ("train", "valid", "test") if len(arrays) == 6 else ("train", "test")
        names = [f"{letter}_{split}" for split in splits for letter in "xy"]
        with parsing():
            return {name: array.array() for name, array in zip(names, arrays)}


READERS = {"idx": read_idx, "npy": read_npy, "pickle": read_pickle}


def read_arrays(path, choose=list, kind=None):
    """Read the arrays of a file of any of the formats; see the reader of each, and of npz.

    `kind` is what :func:`sniff` tells of the file.
    """
    kind = kind or sniff(path)
    if kind == "npz":
        return read_npz(path, choose)
    if kind not in READERS:
        raise DatasetError(f"{path}: not a file of arrays: save them as .npz with numpy.savez")
    return READERS[kind](path)


def sniff(path):
    """Tell a file's format by its first bytes: npz, npy, idx, pickle, table, or None of these.

    The file may be gzipped. Parquet is a table, and Excel's xlsx.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
        if not head:
            raise DatasetError("is empty")
        if head[:4] in (ZIP, b"PK\x05\x06"):
            with parsing():
                names = zipfile.ZipFile(stream).namelist()
            if "xl/workbook.xml" in names:
                return "table"
            if not any(name.endswith(".npy") for name in names):
                inside = listed([*map(cut, names)])
                raise DatasetError(
                    f"is a zip archive of {inside}: unpack it, and give what is in it"
                )
            return "npz"
    if head[:6] == npy.MAGIC_PREFIX:
        return "npy"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in IDX_DTYPES:
        return "idx"
    # Protocol 2 and up, then the opcodes by which protocols 0 and 1 begin a tuple or list.
    if re.match(rb"\x80[\x00-\x05]|\(\(|\(l[p(.]|\](q|\()|\(cnumpy|cnumpy", head):
        return "pickle"
    if head.startswith((PARQUET, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "table"  # whose reader reads it, or says what to do
    is_text = not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)
    return "table" if is_text else None

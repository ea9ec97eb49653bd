"""Readers of array files, gzipped or not: IDX, npy, npz, and the tutorial's pickles.

Each gives the arrays of a file by name. Nothing in a file is run, and whatever may be wrong
with one ends in a :class:`~logreg.basics.errors.DatasetError` that begins with its path.
"""

import contextlib
import gzip
import io
import math
import os
import re
import struct
import zipfile
import zlib

import numpy
from numpy.lib import format as npy

from logreg.basics.errors import DatasetError, ExtraError, cut, listed, quoted
from logreg.basics.files import map_of
from logreg.parts import pickles

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# Files of all dtypes are mapped. Training reads these from the map; others become floats in memory.
MAPPED_DTYPES = ("uint8", "float32", "float64")
NAMES = ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")  # of a pickle's arrays
# Patterns of the first bytes of each kind of file
KINDS = {
    "npy": rb"\x93NUMPY",
    "idx": rb"\0\0[\x08\x09\x0B-\x0E].",
    # Protocol 2 and up have the opcode PROTO; 0 and 1 begin with a mark, a list or an array.
    "pickle": rb"\x80[\x00-\x05]|\(\(|\(l[p(.]|\(?\][q(]|\(cnumpy|cnumpy",
    # Parquet and UTF-16, by their first bytes, and text, which has no control characters but white
    # space and the escape (1B) of some encodings
    "table": rb"PAR1|\xFF\xFE|\xFE\xFF|[^\x00-\x08\x0E-\x1A\x1C-\x1F]*\Z",
}
KINDS_OF_WHOLE_SETS = ("npz", "pickle")  # a file has all arrays of a data set, by their names
# The first bytes of these files
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # an xlsx with a password begins so, too


@contextlib.contextmanager
def reading(path):
    """Turn errors of ours, of a disk and of gzip into a DatasetError that begins with the path."""
    try:
        yield
    except (DatasetError, ExtraError) as error:
        raise DatasetError(f"{path}: {error}") from None
    except (OSError, EOFError, MemoryError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or _damage(error)
        raise DatasetError(f"{path}: cannot be read: {reason}") from error


@contextlib.contextmanager
def parsing():
    """Make a DatasetError of whatever a library raises on damaged bytes."""
    try:
        yield
    except (DatasetError, ImportError, MemoryError, OSError):
        raise
    except Exception as error:
        raise DatasetError(f"cannot be read: {_damage(error)}") from error


def _damage(error):
    """What may be wrong with a file, in words."""
    reason = cut(error, 200) or type(error).__name__
    likely = "larger than memory" if isinstance(error, MemoryError) else "cut off"
    return f"{likely} or damaged ({reason}); fetch or write it again"


@contextlib.contextmanager
def open_bytes(path):
    """Open a file to read its bytes; those of a gzip are uncompressed, whatever its name is."""
    # A pipe or a device would block, or never end.
    if os.path.exists(path) and not os.path.isfile(path):
        raise DatasetError("not a regular file: save it in one")
    with open(path, "rb") as plain:
        if plain.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as stream:
                yield stream
        else:
            yield plain


def find_usable_map(array):
    """Return the memory map of which an array is a view, if training can read it as it is.

    None is returned if the values are in memory. A map has to be copied, and None is returned, too,
    if it has another dtype or is not aligned.
    """
    if array.dtype in MAPPED_DTYPES and array.flags.c_contiguous and array.flags.aligned:
        return map_of(array)
    return None


def read_array(path):
    """Read the array of an npy or an IDX file, the format of MNIST.

    It is mapped from the file, read-only, unless the file is gzipped: so it may be larger than
    memory. An IDX file has any of the format's dtypes; its images are uint8 of shape (n, height,
    width).
    """
    with reading(path), open_bytes(path) as stream:
        return _array_of(stream, pickles.max_unpacked_size(os.path.getsize(path)))


def _array_of(stream, max_bytes):
    """Read the array of a stream, after which the stream must end.

    It is mapped if the stream is a file that is not compressed. Else it is read, and has at most
    `max_bytes`.
    """
    with parsing():
        if stream.peek(6).startswith(npy.MAGIC_PREFIX):
            shape, order, dtype = _npy_header(stream)
        else:
            shape, order, dtype = _idx_header(stream)
    if dtype.hasobject:
        raise DatasetError(f"holds an object array: {pickles.SAVE_NUMBERS}")
    start = stream.tell()
    size = math.prod(shape) * dtype.itemsize
    if isinstance(stream, io.BufferedReader):
        data = numpy.memmap(stream, mode="r")[start:]
    elif size > max_bytes:
        raise DatasetError(pickles.TOO_LARGE)
    else:
        # One byte more tells if the stream goes on. Only at its end, gzip and zip check their sums.
        with parsing():
            data = numpy.frombuffer(stream.read(size + 1), "uint8")
    if len(data) != size:
        raise DatasetError(
            f"cut off or damaged: by its header, {size} bytes follow it, and there are "
            f"{len(data) if len(data) < size else 'more'}; fetch or write it again"
        )
    with parsing():  # an axis may be longer than NumPy takes
        return data.view(dtype).reshape(shape, order=order)


def _npy_header(stream):
    # NumPy needs later versions only for named fields. Their header may have any size, and NumPy
    # would read it whole.
    if npy.read_magic(stream) != (1, 0):
        raise DatasetError(f"holds an array of named fields: {pickles.SAVE_NUMBERS}")
    shape, is_by_columns, dtype = npy.read_array_header_1_0(stream)
    return shape, "F" if is_by_columns else "C", dtype


def _idx_header(stream):
    zeros, code, n_axes = struct.unpack(">HBB", stream.read(4))
    if zeros or code not in IDX_DTYPES:
        raise DatasetError("neither an npy nor an IDX file, by its first bytes")
    shape = struct.unpack(f">{n_axes}I", stream.read(4 * n_axes))
    return shape, "C", numpy.dtype(IDX_DTYPES[code])


def npz_arrays(stream, file_size, choose):
    """Read the arrays of an npz; what else the archive holds is passed over.

    `choose` is called with the names of all arrays, and returns those of the arrays to read. All of
    these together may have as many bytes as a file of `file_size` may unpack to: see
    :func:`.pickles.max_unpacked_size`.
    """
    arrays = {}
    n_left = pickles.max_unpacked_size(file_size)
    with parsing():
        archive = zipfile.ZipFile(stream)
        members = [os.path.splitext(member) for member in archive.namelist()]
    for name in choose([name for name, suffix in members if suffix == ".npy"]):
        with reading(f"array {quoted(name)}"):
            with parsing():
                member = archive.open(f"{name}.npy")
            arrays[name] = _array_of(member, n_left)
            n_left -= arrays[name].nbytes
    return arrays


def pickled_arrays(stream, file_size):
    """Read a pickle of the tutorial's format: pairs (x, y) of arrays, in any protocol.

    They are for training, validation and test, or for training and test. The arrays are read-only.
    """
    try:
        pairs = pickles.load(stream, file_size)
        # A pickled array has a method `array`, which makes the array. Nothing else has one.
        makers = []
        for x, y in pairs:
            makers += [x.array, y.array]
        # Names for the arrays of three pairs or of two; any other number is a KeyError.
        names = {6: NAMES, 4: NAMES[:2] + NAMES[4:]}[len(makers)]
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = error if isinstance(error, pickles.PickleError) else "this holds something else"
        raise DatasetError(
            "a pickled data set is three pairs (x, y) of NumPy arrays, or two for training and "
            f"test; {reason}: make arrays of other things with numpy.asarray, and pickle these "
            "alone"
        ) from None
    with parsing():
        return {name: make() for name, make in zip(names, makers)}


def read_arrays(path, choose=list):
    """Read the arrays of a file of any format, by their names; the only one is called x.

    `choose` is called with the names of all arrays of an npz, and returns those of the arrays to
    read.
    """
    kind = sniff(path)
    if kind in ("npy", "idx"):
        return {"x": read_array(path)}
    if kind not in KINDS_OF_WHOLE_SETS:
        raise DatasetError(f"{path}: not a file of arrays: save them as .npz with numpy.savez")
    with reading(path), open_bytes(path) as stream:
        size = os.path.getsize(path)
        return npz_arrays(stream, size, choose) if kind == "npz" else pickled_arrays(stream, size)


def sniff(path, encoding=None):
    """Tell a file's format by its first bytes: npz, or one of :data:`KINDS`; None of others.

    The file may be gzipped. Parquet and Excel's xlsx are tables. If the user gives an `encoding`,
    so is a file of bytes that show no format.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
        if not head:
            raise DatasetError("is empty")
        if head.startswith(OLD_EXCEL):
            raise DatasetError(
                "is an Excel file of before 2007 (.xls), or has a password: save it as .xlsx, "
                "without a password"
            )
        if head[:4] == ZIP:
            with parsing():
                names = zipfile.ZipFile(stream).namelist()
            if "xl/workbook.xml" in names:
                return "table"
            if not any(name.endswith(".npy") for name in names):
                inside = listed([*map(cut, names)])
                raise DatasetError(
                    f"is a zip archive of {inside}: unpack it, give what is in it; if it is a "
                    "spreadsheet, such as .ods, save it as .xlsx"
                )
            return "npz"
    for kind, pattern in KINDS.items():
        if re.match(pattern, head, re.DOTALL):
            return kind
    return "table" if encoding else None

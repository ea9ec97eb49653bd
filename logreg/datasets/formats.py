"""Readers of array files, gzipped or not: IDX, npy, npz. They need NumPy and nothing else.

A file may be damaged or hostile. So nothing here runs what a file says, memory grows with
what has been read and never with what a header claims, and all that can be wrong with a
file ends in a :class:`~logreg.errors.DatasetError` that names it.
"""

import codecs
import contextlib
import gzip
import io
import os
import re
import struct
import zipfile
import zlib
from typing import NamedTuple

import numpy
from numpy.lib import format as npy

from logreg.errors import DatasetError

CHUNK = 1 << 20
MAX_NPY_HEADER = 2000  # bytes; that of a plain array has about 100
MAX_AXES = 32  # NumPy 1 has no more
IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# What gzip, zipfile, struct and NumPy raise on bytes that make no sense to them.
FAULTS = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError)
FAULTS += (struct.error, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def reading(path, more_faults=()):
    """Turn what goes wrong in the block into a DatasetError that starts with the path."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None
    except MemoryError:
        raise DatasetError(f"{path}: cannot be read: it needs more memory than there is") from None
    except (*FAULTS, *more_faults) as error:
        reason = isinstance(error, OSError) and error.strerror
        if not reason:
            said = ascii(str(error))[1:-1][:200] or type(error).__name__
            reason = f"cut off or damaged ({said}); fetch or write it again"
        raise DatasetError(f"{path}: cannot be read: {reason}") from None


@contextlib.contextmanager
def open_bytes(path):
    """Open a file to read its bytes; if these begin as gzip's, whatever its name, uncompressed."""
    if not os.path.isfile(path):  # a pipe or a device would block, or never end
        raise DatasetError(
            "not a regular file: save it in one, or pipe CSV into -"
            if os.path.exists(path)
            else "there is no such file"
        )
    with open(path, "rb") as plain:
        if plain.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as stream:
                yield stream
        else:
            yield plain


def read_exactly(stream, size):
    """Read `size` bytes into a bytearray that grows as they arrive."""
    data = bytearray()
    while len(data) < size:
        chunk = stream.read(min(CHUNK, size - len(data)))
        if not chunk:
            raise DatasetError(
                f"cut off or damaged: {size} more bytes should follow, {len(data)} do; "
                "fetch or write it again"
            )
        data += chunk
    return data


def expect_end(stream):
    """Check that nothing is left; in gzip and zip this is what checks the checksum, too."""
    if stream.read(1):
        raise DatasetError(
            "damaged: more bytes follow than its header says; fetch or write it again"
        )


def plain_size(dtype, shape):
    """Bytes of an array, as an exact integer.

    Raises
    ------
    DatasetError
        If it is not one of numbers or text, or has no element.
    """
    if dtype.kind not in "biufSU":
        found = "an object array" if dtype.hasobject else f"an array of dtype {str(dtype)[:60]}"
        raise DatasetError(
            f"holds {found}: save numbers (or text), with x.astype('float32'), y.astype('int64')"
        )
    size = dtype.itemsize
    for n in shape:
        if not isinstance(n, int) or not 0 <= n < 1 << 63 or len(shape) > MAX_AXES:
            raise DatasetError("damaged: the shape is none that an array can have")
        size *= n
    if size == 0:
        raise DatasetError(f"holds an empty array, of shape {tuple(shape)}")
    return size


def array_of(data, dtype, shape, fortran_order=False):
    """View bytes as an array, without a copy; they must be just as many as it has."""
    size = plain_size(dtype, shape)
    if len(data) != size:
        raise DatasetError(
            f"damaged: an array of shape {shape} and dtype {dtype} has {size} bytes, "
            f"found {len(data)}"
        )
    return numpy.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def read_idx(path):
    """Read an IDX file, the format of MNIST.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    numpy.ndarray
        Of any of the format's types; images are uint8 of shape (n, height, width).
    """
    with reading(path), open_bytes(path) as stream:
        array = idx_stream(stream)
        data = read_exactly(stream, plain_size(array.dtype, array.shape))
        expect_end(stream)
        return array_of(data, array.dtype, array.shape)


def idx_stream(stream):
    """Read the header of an IDX file; return the :class:`ArrayStream` of what follows."""
    zeros, code, ndim = struct.unpack(">HBB", read_exactly(stream, 4))
    if zeros or code not in IDX_DTYPES or ndim == 0:
        raise DatasetError("not an IDX file: its first bytes make no IDX header")
    shape = struct.unpack(f">{ndim}I", read_exactly(stream, 4 * ndim))
    return ArrayStream(stream, numpy.dtype(IDX_DTYPES[code]), shape)


def read_npy(path):
    """Read the one array of an npy file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    numpy.ndarray
        Mapped from the file, read-only, unless that is gzipped: rows can be taken from an
        array larger than memory.
    """
    with reading(path), open_bytes(path) as stream:
        if isinstance(stream, gzip.GzipFile):
            return _npy_array(stream)
        dtype, shape, fortran_order = _npy_header(stream)
        start = stream.tell()
        found = os.fstat(stream.fileno()).st_size - start
        if found != plain_size(dtype, shape):
            raise DatasetError(
                f"cut off or damaged: its header promises {plain_size(dtype, shape)} bytes, "
                f"{found} follow; write it again"
            )
        return numpy.memmap(stream, dtype, "r", start, shape, "F" if fortran_order else "C")


def _npy_array(stream, narrow=None):
    dtype, shape, fortran_order = _npy_header(stream)
    size = plain_size(dtype, shape)
    if not is_wider(dtype, narrow):
        data = read_exactly(stream, size)
    else:
        data = bytearray()
        for start in range(0, size, CHUNK):
            wide = numpy.frombuffer(read_exactly(stream, min(CHUNK, size - start)), dtype)
            data += narrowed(wide, narrow)
        dtype = numpy.dtype(narrow)
    expect_end(stream)
    return array_of(data, dtype, shape, fortran_order)


def is_wider(dtype, narrow):
    """Whether numbers of `dtype` take more memory than those of `narrow`, if that is not None."""
    return (
        narrow is not None and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(narrow).itemsize
    )


def narrowed_in_place(data, dtype, narrow):
    """The bytes of numbers as narrower numbers; a bytearray is shortened to that."""
    wide = numpy.frombuffer(data, dtype)
    kept = data if isinstance(data, bytearray) else bytearray(data)
    few = numpy.frombuffer(kept, narrow, count=len(wide))
    step = CHUNK // dtype.itemsize
    for start in range(0, len(wide), step):
        with numpy.errstate(over="ignore"):
            few[start : start + step] = wide[start : start + step].astype(narrow)
    size = few.nbytes
    del wide, few
    # Only below half of its memory, and not at half, does a bytearray give the rest back.
    last = kept[size - 1 : size]
    del kept[size - 1 :]
    kept += last
    return kept


def narrowed(array, dtype):
    """The bytes of an array as another dtype; what that cannot hold becomes infinite."""
    with numpy.errstate(over="ignore"):
        return memoryview(numpy.ascontiguousarray(array, dtype)).cast("B")


def _npy_header(stream):
    magic = read_exactly(stream, 8)
    version = magic[6]
    if magic[:6] != npy.MAGIC_PREFIX or version not in (1, 2):
        raise DatasetError("not an npy file, or not one of a plain array of numbers")
    # NumPy gets no more than this to read: it would trust the length.
    length = read_exactly(stream, 2 * version)
    header = length + stream.read(min(int.from_bytes(length, "little"), MAX_NPY_HEADER))
    read = npy.read_array_header_1_0 if version == 1 else npy.read_array_header_2_0
    try:
        shape, fortran_order, dtype = read(io.BytesIO(header))
    except Exception as error:  # whatever Python's parser may raise on what should be a dict
        raise ValueError(f"npy header: {error}") from None
    return dtype, shape, fortran_order


def read_npz(path, names=None, narrow=None):
    """Read arrays of an npz file.

    Parameters
    ----------
    path : str or path-like
    names : collection of str, optional
        Which arrays; all of them if not given. Those that are not there are left out.
    narrow : dict of str to dtype-like, optional
        What wider numbers in some of the arrays become as they are read.

    Returns
    -------
    dict of str to numpy.ndarray
    """
    arrays = {}
    with reading(path), open_bytes(path) as file, zipfile.ZipFile(file) as archive:
        for info in map(archive.getinfo, dict.fromkeys(archive.namelist())):
            name, ending = os.path.splitext(info.filename)
            if ending == ".npy" and (names is None or name in names):
                with _member(archive, info) as stream:
                    arrays[name] = _npy_array(stream, (narrow or {}).get(name))
    return arrays


@contextlib.contextmanager
def _member(archive, info):
    name = os.path.splitext(info.filename)[0]
    with reading(f"array {ascii(name)[:60]}"), archive.open(info) as stream:
        # The other ways to compress have no limit on what a read makes of its bytes.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DatasetError("is compressed in a way that NumPy does not write")
        yield stream


@contextlib.contextmanager
def open_npy(path, name=None):
    """Open an npy file, gzipped or not, or an array of an npz file, to be read row by row.

    Yields
    ------
    ArrayStream
    """
    with reading(path), contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_bytes(path))
        if name is not None:
            archive = stack.enter_context(zipfile.ZipFile(stream))
            stream = stack.enter_context(_member(archive, archive.getinfo(f"{name}.npy")))
        yield ArrayStream(stream, *_npy_header(stream))


class ArrayStream(NamedTuple):
    """An array that follows in a stream.

    Attributes
    ----------
    stream : binary stream
    dtype : numpy.dtype
    shape : tuple of int
    fortran_order : bool
    """

    stream: object
    dtype: numpy.dtype
    shape: tuple
    fortran_order: bool = False

    def rows(self, n, row_shape, step):
        """Yield it as arrays of up to `step` rows of `row_shape`, of which there are `n`.

        Columns that follow each other are held in memory, as no row is whole before the last.
        """
        size = plain_size(self.dtype, self.shape)
        if self.fortran_order:
            data = read_exactly(self.stream, size)
            expect_end(self.stream)
            whole = array_of(data, self.dtype, self.shape, True).reshape(n, *row_shape)
            yield from (whole[first : first + step] for first in range(0, n, step))
            return
        for first in range(0, n, step):
            count = min(step, n - first)
            data = read_exactly(self.stream, count * (size // n))
            yield array_of(data, self.dtype, (count, *row_shape))
        expect_end(self.stream)


def npz_names(path):
    """List the names of the arrays of an npz file."""
    with reading(path), open_bytes(path) as file, zipfile.ZipFile(file) as archive:
        return [name[: -len(".npy")] for name in archive.namelist() if name.endswith(".npy")]


def sniff(path):
    """Tell a file's format by its first bytes.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    {'npz', 'npy', 'idx', 'pickle', 'csv', None}
        None if it is none of these.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
        if not head:
            raise DatasetError("is empty")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "npz"
    if head[:6] == npy.MAGIC_PREFIX:
        return "npy"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in IDX_DTYPES:
        return "idx"
    # Protocol 2 and up, then the opcodes by which protocols 0 and 1 begin a tuple or list.
    if re.match(rb"\x80[\x00-\x05]|\(\(|\(l[p(.]|\](q|\()|\(cnumpy|cnumpy", head):
        return "pickle"
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "table"  # whose reader will say what to do
    is_text = not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)
    return "table" if is_text else None


def read_arrays(path):
    kind = sniff(path)
    return read_npz(path) if kind == "npz" else {"x": {"npy": read_npy, "idx": read_idx}[kind](path)}

"""Readers of array files, gzipped or not: IDX, npy, npz. They need NumPy and nothing else.

A file may be damaged or hostile. So nothing here runs what a file says, memory grows with
what has been read and never with what a header claims, and all that can be wrong with a
file ends in a :class:`~logreg.errors.DatasetError` that names it.
"""

import contextlib
import gzip
import os
import re
import struct
import zipfile
import zlib

import numpy

from logreg.errors import DatasetError

CHUNK = 1 << 20
MAX_NPY_HEADER = 10000  # bytes; NumPy's own limit, and a plain array needs about 100
IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

# What gzip, zipfile, struct and NumPy raise on bytes that make no sense to them.
FAULTS = (
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextlib.contextmanager
def reading(path):
    """Turn what goes wrong in the block into a DatasetError that starts with the path."""
    try:
        yield
    except DatasetError as error:
        if str(error).startswith("%s: " % path):
            raise
        raise DatasetError("%s: %s" % (path, error)) from None
    except FAULTS as error:
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        else:
            reason = "cut off or damaged (%s); fetch or write it again" % (
                ascii(str(error))[1:-1][:200] or type(error).__name__
            )
        raise DatasetError("%s: cannot be read: %s" % (path, reason)) from None


@contextlib.contextmanager
def open_bytes(path):
    """Open a file to read its bytes; those of a gzip file uncompressed.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    binary stream
        Whether the file is gzipped is told by its first bytes, not by its name.
    """
    if not os.path.isfile(path):  # a pipe or a device would block, or never end
        raise DatasetError(
            "not a regular file" if os.path.exists(path) else "there is no such file"
        )
    with open(path, "rb") as plain:
        if plain.peek(2)[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=plain) as stream:
                yield stream
        else:
            yield plain


def read_exactly(stream, size):
    """Read `size` bytes.

    Returns
    -------
    bytearray
        It grows as bytes arrive: a false size costs no memory.

    Raises
    ------
    DatasetError
        If the stream ends before that.
    """
    data = bytearray()
    while len(data) < size:
        chunk = stream.read(min(CHUNK, size - len(data)))
        if not chunk:
            raise DatasetError(
                "cut off or damaged: %d more bytes should follow, %d do; "
                "fetch or write it again" % (size, len(data))
            )
        data += chunk
    return data


def expect_end(stream):
    """Check that nothing is left; in gzip and zip this is what checks the checksum, too."""
    if stream.read(1):
        raise DatasetError(
            "damaged: more bytes follow than its header says; fetch or write it again"
        )


def plain_dtype(code):
    """Make a dtype of numbers or text from its code, such as ``<f4`` or ``|S5``.

    Raises
    ------
    DatasetError
        If it is any other dtype: Python objects, records, complex numbers, dates.
    """
    if re.match(r"[|<>=]?O", code):
        raise DatasetError(
            "holds an object array, which needs Python code to be read: "
            "save numbers (or text) with x.astype('float32'), y.astype('int64')"
        )
    if not re.match(r"[|<>=]?(b1|\?|[iu][1248]|f(2|4|8|12|16)|[SU][1-9]\d{0,5})\Z", code):
        raise DatasetError(
            "holds an array of dtype %s: integers, floats, booleans or text are needed"
            % ascii(code)[:60]
        )
    try:
        return numpy.dtype(code)
    except TypeError:  # long doubles of another machine
        raise DatasetError("dtype %s does not exist on this machine" % code) from None


def array_of(data, dtype, shape, fortran_order=False):
    """View bytes as an array, without a copy.

    Parameters
    ----------
    data : bytes-like
    dtype : numpy.dtype
    shape : tuple of int
    fortran_order : bool

    Raises
    ------
    DatasetError
        If the bytes are not those of such an array, or it would have no element.
    """
    size = checked_size(dtype, shape)
    if len(data) != size:
        raise DatasetError(
            "damaged: an array of shape %s and dtype %s has %d bytes, found %d"
            % (shape, dtype, size, len(data))
        )
    return numpy.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")


def checked_size(dtype, shape):
    """Bytes of an array, as an exact integer; a DatasetError if it has no element."""
    if len(shape) > 32:  # NumPy 1 has no more
        raise DatasetError("damaged: an array with %d axes" % len(shape))
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size == 0:
        raise DatasetError("holds an empty array, of shape %s" % (shape,))
    return size


def read_idx(path):
    """Read an IDX file, the format of MNIST.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    numpy.ndarray
        Of any of the format's types; images are uint8 of shape (n, height, width).

    Raises
    ------
    DatasetError
        If it cannot be read or is not such a file.
    """
    with reading(path), open_bytes(path) as stream:
        zeros, code, ndim = struct.unpack(">HBB", read_exactly(stream, 4))
        if zeros or code not in IDX_DTYPES or ndim == 0:
            raise DatasetError("not an IDX file: its first bytes make no IDX header")
        shape = struct.unpack(">%dI" % ndim, read_exactly(stream, 4 * ndim))
        dtype = numpy.dtype(IDX_DTYPES[code])
        array = array_of(read_exactly(stream, checked_size(dtype, shape)), dtype, shape)
        expect_end(stream)
        return array


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

    Raises
    ------
    DatasetError
        If it cannot be read, is not such a file, or holds Python objects.
    """
    with reading(path), open_bytes(path) as stream:
        dtype, shape, fortran_order = _npy_header(stream)
        if isinstance(stream, gzip.GzipFile):
            return _npy_body(stream, dtype, shape, fortran_order)
        size, start = checked_size(dtype, shape), stream.tell()
        found = os.fstat(stream.fileno()).st_size - start
        if found != size:
            raise DatasetError(
                "cut off or damaged: its header promises %d bytes, %d follow; write it again"
                % (size, found)
            )
        order = "F" if fortran_order else "C"
        return numpy.memmap(stream, dtype, "r", start, shape, order)


def read_npz(path, names=None):
    """Read arrays of an npz file.

    Parameters
    ----------
    path : str or path-like
    names : collection of str, optional
        Which arrays; all of them if not given. Those that are not there are left out.

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    DatasetError
        If it cannot be read, is not such a file, or holds Python objects.
    """
    arrays = {}
    with reading(path), open_bytes(path) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.filename[: -len(".npy")]
            if info.filename.endswith(".npy") and (names is None or name in names):
                with _named(name):
                    arrays[name] = _npz_member(archive, info)
    return arrays


def npz_names(path):
    """List the arrays of an npz file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of str
    """
    with reading(path), open_bytes(path) as file, zipfile.ZipFile(file) as archive:
        return [name[: -len(".npy")] for name in archive.namelist() if name.endswith(".npy")]


def _npz_member(archive, info):
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DatasetError("is compressed in a way that NumPy does not write")
    with archive.open(info) as stream:
        return _npy_body(stream, *_npy_header(stream))


@contextlib.contextmanager
def _named(name):
    try:
        yield
    except DatasetError as error:
        raise DatasetError("array %s: %s" % (ascii(name)[:60], error)) from None


def _npy_header(stream):
    """Read dtype, shape and order; with a pattern, as evaluating the text would trust it."""
    magic = read_exactly(stream, 8)
    if magic[:6] != b"\x93NUMPY":
        raise DatasetError("not an npy array: its first bytes are not those of the format")
    if magic[6] not in (1, 2):
        raise DatasetError("holds records: plain arrays of numbers are needed")
    length_format = "<H" if magic[6] == 1 else "<I"
    length = struct.unpack(length_format, read_exactly(stream, struct.calcsize(length_format)))[0]
    if length > MAX_NPY_HEADER:
        raise DatasetError("damaged: an npy header of %d bytes" % length)
    header = read_exactly(stream, length).decode("latin1")

    def field(name, pattern):
        match = re.search(r"""['"]%s['"]\s*:\s*%s""" % (name, pattern), header)
        if match is None:
            raise DatasetError(
                "its npy header has no %s of a plain array: %s" % (name, ascii(header)[:120])
            )
        return match.group(1)

    dtype = plain_dtype(field("descr", r"""['"]([^'"]*)['"]"""))
    shape = field("shape", r"\(([\d\sL,]*)\)")
    fortran_order = field("fortran_order", "(True|False)") == "True"
    return dtype, tuple(int(n) for n in re.findall(r"\d+", shape)), fortran_order


def _npy_body(stream, dtype, shape, fortran_order):
    data = read_exactly(stream, checked_size(dtype, shape))
    expect_end(stream)
    return array_of(data, dtype, shape, fortran_order)


def sniff(path):
    """Tell a file's format by its first bytes.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    {'npz', 'npy', 'idx', 'pickle', 'csv', None}
        None if it is none of these.

    Raises
    ------
    DatasetError
        If it cannot be opened or is empty.
    """
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
    if not head:
        raise DatasetError("%s: is empty" % path)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "npz"
    if head[:6] == b"\x93NUMPY":
        return "npy"
    if len(head) > 3 and head[:2] == b"\0\0" and head[2] in IDX_DTYPES:
        return "idx"
    # Protocol 2 and up, then the opcodes by which protocols 0 and 1 begin a tuple or list.
    if re.match(rb"\x80[\x00-\x05]|\(\(|\(l[p(.]|\](q|\()|\(cnumpy|cnumpy", head):
        return "pickle"
    is_text = not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)
    return "csv" if is_text else None

"""TEMP: a stand-in for the formats that are being rewritten, with their interface."""

import contextlib
import gzip
import os
import pickle
import struct
import zipfile
import zlib

import numpy

from logreg.errors import DatasetError

IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FAULTS = (OSError, EOFError, ValueError, ArithmeticError, LookupError, RuntimeError)
FAULTS += (struct.error, zipfile.BadZipFile, zlib.error)


@contextlib.contextmanager
def reading(path):
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None
    except MemoryError:
        raise DatasetError(f"{path}: cannot be read: it needs more memory than there is") from None
    except FAULTS as error:
        reason = isinstance(error, OSError) and error.strerror
        if not reason:
            said = ascii(str(error))[1:-1][:200] or type(error).__name__
            reason = f"cut off or damaged ({said}); fetch or write it again"
        raise DatasetError(f"{path}: cannot be read: {reason}") from None


@contextlib.contextmanager
def open_bytes(path):
    if not os.path.isfile(path):
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


def read_idx(path):
    with reading(path), open_bytes(path) as stream:
        _, code, ndim = struct.unpack(">HBB", stream.read(4))
        shape = struct.unpack(f">{ndim}I", stream.read(4 * ndim))
        return {"x": numpy.frombuffer(stream.read(), IDX_DTYPES[code]).reshape(shape)}


def read_npy(path):
    with reading(path), open_bytes(path) as stream:
        return {"x": numpy.load(stream)}


def read_npz(path):
    with reading(path), numpy.load(path) as arrays:
        return dict(arrays)


def read_pickle(path):
    with reading(path), open_bytes(path) as stream:
        pairs = pickle.load(stream)
    splits = ("train", "valid", "test") if len(pairs) == 3 else ("train", "test")
    return {
        f"{name}_{split}": array
        for split, pair in zip(splits, pairs)
        for name, array in zip("xy", pair)
    }


READERS = {"idx": read_idx, "npy": read_npy, "npz": read_npz, "pickle": read_pickle}


def read_arrays(path):
    return READERS[sniff(path)](path)


def sniff(path):
    with reading(path), open_bytes(path) as stream:
        head = stream.read(512)
        if not head:
            raise DatasetError("is empty")
        if head[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(path) as archive:
                is_npz = any(name.endswith(".npy") for name in archive.namelist())
            return "npz" if is_npz else "table"
    if head[:6] == b"\x93NUMPY":
        return "npy"
    if head[:2] == b"\0\0":
        return "idx"
    if head[:1] in b"\x80(]c":
        return "pickle"
    if head[:3] == b"BZh" or head[:5] == b"\xfd7zXZ" or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "table"
    return None if any(c < 9 for c in head) else "table"

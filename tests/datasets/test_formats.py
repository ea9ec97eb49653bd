"""The readers of array files, against NumPy's own writers and bytes put together by hand.

Then damage: whatever bytes a file holds, reading it succeeds or ends in a DatasetError.
"""

import contextlib
import functools
import gzip
import os
import pickle
import struct
import zipfile

import numpy
import pytest
from attacks import ATTACKS
from builders import (
    SPLITS,
    idx_bytes,
    make_pairs,
    npy_bytes,
    npz_bytes,
    py2_array,
    refused,
    write,
    zip_bytes,
)
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logreg.basics.errors import DatasetError, ModelFileError
from logreg.parts import formats, pickles
from logreg.parts.formats import read_arrays
from logreg.saving import model_file

checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
bounded = functools.partial(settings, deadline=None, derandomize=True, suppress_health_check=checks)

IDX_CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
PLAIN = ("|u1", "<f4", "<f8")  # are trained on as they lie in a file
DTYPES = [*IDX_CODES, "<i8", ">u8", "<f2", "<f4", "<f8", "?", "U3", "S2"]
deflated = functools.partial(zip_bytes, compression=zipfile.ZIP_DEFLATED)
MAYBE_GZIPPED = st.sampled_from([bytes, gzip.compress])
BOTH = st.booleans()


def py2_pickle(pairs, protocol):
    pairs = [b"(" + py2_array(x, protocol) + py2_array(y, protocol) + b"t" for x, y in pairs]
    return (b"\x80\x02" if protocol == 2 else b"") + b"(" + b"".join(pairs) + b"t."


def same(found, wanted):
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


def same_sets(arrays, pairs):
    names = SPLITS if len(pairs) == 3 else ("train", "test")
    assert list(arrays) == [f"{letter}_{name}" for name in names for letter in "xy"]
    for found, wanted in zip(arrays.values(), [array for pair in pairs for array in pair]):
        same(found, wanted)


def any_array(dtypes):
    shapes = hnp.array_shapes(max_dims=6, max_side=3)
    return st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


# ---- what is written is read


@pytest.mark.parametrize("dtype", IDX_CODES)
@bounded(max_examples=10)
@given(x=any_array(DTYPES), y=any_array(DTYPES), how=st.data())
def test_idx_npy_and_npz_hold_what_was_written(dtype, x, y, how):
    array = how.draw(any_array([dtype]))
    x = numpy.asfortranarray(x) if how.draw(st.booleans()) else x
    files = {"x.npy": npy_bytes(x), "y.npy": npy_bytes(y), "README.txt": b"of no array"}
    for kind, data, arrays in (
        ("idx", idx_bytes(array, IDX_CODES[dtype]), {"x": array}),
        ("npy", npy_bytes(x), {"x": x}),
        ("npz", how.draw(st.sampled_from([zip_bytes, deflated]))(files), {"x": x, "y": y}),
    ):
        zipped = how.draw(MAYBE_GZIPPED)
        found = read_arrays(write("file", zipped(data)))
        assert sorted(found) == sorted(arrays)
        for name, wanted in arrays.items():
            same(found[name], wanted)
            is_plain = zipped is bytes and kind != "npz" and wanted.dtype.str in PLAIN
            is_plain &= wanted.flags.c_contiguous and found[name].flags.aligned
            assert (formats.find_usable_map(found[name]) is not None) == is_plain


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("module", [b"numpy.core", b"numpy._core"])
@bounded(max_examples=10)
@given(
    x=any_array(DTYPES), y=any_array(DTYPES), zipped=MAYBE_GZIPPED, is_turned=BOTH, is_tuple=BOTH
)
def test_pickles_of_both_numpys(protocol, module, x, y, zipped, is_turned, is_tuple):
    x = numpy.asfortranarray(x) if is_turned else x
    pairs = [[x, y], (y.T, x), [numpy.moveaxis(x, 0, -1), x]]
    data = pickle.dumps(tuple(pairs) if is_tuple else pairs, protocol)
    if protocol < 4:  # else the length of the name stands before it
        data = data.replace(b"cnumpy.core.", b"cnumpy._core.")
        data = data.replace(b"cnumpy._core.", b"c" + module + b".")
    same_sets(read_arrays(write("file", zipped(data))), pairs)


@pytest.mark.parametrize("protocol, n_pairs", [(0, 3), (1, 2), (2, 3)])
def test_pickles_of_python_2(protocol, n_pairs):
    pairs = [(numpy.asarray(x, ">f4"), y) for x, y in make_pairs()][:n_pairs]
    data = gzip.compress(py2_pickle(pairs, protocol), 1)
    same_sets(read_arrays(write("file", data)), pairs)


# ---- what is refused, and why

ZEROS = npy_bytes(numpy.zeros(1 + (1 << 25), "u1"))  # of which two are too large
OBJECTS = numpy.array([1, "a", None], dtype=object)


def pairs_of(x, y=None):
    return pickle.dumps([(x, numpy.zeros(2) if y is None else y)] * 3, 2)


REFUSED = {
    "idx that claims": (b"\0\0\x08\x03" + b"\0\0\xea\x60" * 3, "by its header|100 times"),
    "idx of another type": (bytes([0, 0, 7, 1, 0, 0, 0, 1, 0]), r"not .*: .*numpy\.savez"),
    "npy of fields": (npy_bytes(numpy.eye(2)).replace(b"Y\1", b"Y\2"), "named fields: save numb"),
    "npy of objects": (npy_bytes(OBJECTS), r"object array: save numbers .*astype"),
    "npz of no npy": (zip_bytes({"x.npy": b"1,2\n"}), "array 'x': neither an npy nor"),
    "npz of zeros": (deflated({f"{i}.npy": ZEROS for i in range(2)}), "'1': it .* more than 100"),
    "zip of another file": (zip_bytes({"t.csv": b"1\n"}), "of t.csv: .* such as .ods, save i"),
    "an old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "save it as .xlsx, wi"),
    "npy of more": (npy_bytes(numpy.eye(3)) + b"0", "72 bytes follow it, and there are more"),
    "npy of less": (npy_bytes(numpy.eye(3))[:-1], "72 bytes follow it, and there are 71"),
    "lists": (pairs_of(numpy.zeros((2, 2)), [0, 1]), "three pairs .*something else.*numpy.asarray"),
    "four pairs": (pickle.dumps([(OBJECTS, OBJECTS)] * 4, 2), "three pairs .*something else"),
    "objects": (pairs_of(numpy.array([None, None])), "dtype 'O8': save numbers"),
    "an empty file": (b"", "is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    data, said = REFUSED[name]
    for content in (data, gzip.compress(data, 1)):
        with refused(f"^file: .*{said}"):
            read_arrays(write("file", content))
    with refused(f"^{os.devnull}: not a regular file"):
        read_arrays(os.devnull)


# ---- damage

PAIRS = make_pairs((7, 2, 2), 6)
FORMATS = {
    "idx": idx_bytes(numpy.arange(60, dtype="u1").reshape(3, 4, 5)),
    "npy": npy_bytes(numpy.arange(12.0).reshape(3, 4)),
    "npz": npz_bytes(x_train=numpy.arange(12.0), y_train=numpy.arange(3)),
    "python 2": py2_pickle(PAIRS, 2),
    **{f"protocol {n}": pickle.dumps(PAIRS, n) for n in (0, 4)},
}
FORMATS.update({f"{name}.gz": gzip.compress(data) for name, data in FORMATS.items()})


@pytest.mark.parametrize("name", FORMATS)
def test_every_cut_and_whatever_follows_is_noticed_and_damage_may_be(name):
    whole = FORMATS[name]
    cut = [whole[:size] for size in range(0, len(whole), 1 + len(whole) // 100)]
    cut += [whole[:-8] + bytes(4) + whole[-4:]] if name.endswith(".gz") else []  # its checksum
    for data in cut:
        with pytest.raises(DatasetError):
            read_arrays(write("file", data))
    for at in range(0, min(len(whole), 400)):  # most of it headers
        with contextlib.suppress(DatasetError):  # and nothing else
            read_arrays(write("file", whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]))
    if "npz" not in name:  # a zip archive may stand anywhere in a file
        tail = gzip.compress(bytes(20_000_000), 1) if name.endswith(".gz") else b"more"
        with peak_memory() as peak, pytest.raises(DatasetError):
            read_arrays(write("file", whole + tail))
        assert peak() < 2_000_000  # and none of it is held


# ---- pickles made to hurt: none runs anything, crashes or takes memory


def read_pickle(path):
    """As `read_arrays` does, whatever the first bytes tell."""
    with formats.reading(path), formats.open_bytes(path) as stream:
        return formats.pickled_arrays(stream, os.path.getsize(path))


# Alone, and after what a file of ours and one of the tutorial's begin with.
BEGINNINGS = (b"", b"\x80\x03clogreg.saving\nrestore\n", b"(S'LogisticRegression'\n")
READERS = [(model_file.read, ModelFileError, begin) for begin in BEGINNINGS]
READERS += [(read_pickle, DatasetError, b"")]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_our_error(name, capfd):
    for read, error, begin in READERS:
        path = write("hostile.pkl", begin + ATTACKS[name])
        is_told = "protocol" in name and read is read_pickle
        said = r"asks for \S+, which was not run" if is_told else ""
        with peak_memory() as peak, pytest.raises(error, match=f"^hostile.pkl.*: .*{said}"):
            read(path)
        assert peak() < 350 * len(ATTACKS[name]) + 9e6  # a byte may make an object
    assert capfd.readouterr() == ("", "") and os.listdir() == ["hostile.pkl"]


SIZE = pickles.MAX_UNPACKED + (1 << 20)
BOMBS = {
    "a line": b"(cnumpy\n" + b"a" * SIZE,
    "a string": b"\x80\x02T\xff\xff\xff\x7f" + bytes(SIZE),
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 31) + bytes(SIZE),
    "lists": b"\x80\x02(" + b"]" * SIZE,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_gzip_takes_little_memory(name):
    write("bomb.pkl.gz", gzip.compress(BOMBS[name], 1))
    with peak_memory() as peak, refused("100 times its size"):
        read_pickle("bomb.pkl.gz")
    assert peak() < 3 * SIZE

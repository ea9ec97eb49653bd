"""Pickles made to hurt: none runs anything, crashes or takes memory; each ends in our error."""

import gzip
import io
import os
import pickle
import struct

import numpy
import pytest
from attacks import ATTACKS
from builders import py2_array, write
from conftest import peak_memory

from logreg.datasets import formats, pickles
from logreg.errors import DatasetError, ModelFileError
from logreg.saving import any_pickle, model_file


def read_pickle(path):
    """As `read_arrays` does, whatever the first bytes tell."""
    with formats.reading(path), formats.open_bytes(path) as stream:
        return formats.pickled_arrays(stream, os.path.getsize(path))


# Alone, and after what a file of ours and one of the tutorial's begin with.
BEGINNINGS = (b"", b"\x80\x03clogreg.saving\nrestore\n", b"(S'LogisticRegression'\n")
READERS = [(model_file.read, ModelFileError, begin) for begin in BEGINNINGS]
READERS += [(read_pickle, DatasetError, b""), (any_pickle.read, ModelFileError, b"")]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_our_error(name, capfd):
    for read, error, begin in READERS:
        path = write("hostile.pkl", begin + ATTACKS[name])
        is_told = "protocol" in name and read is read_pickle
        said = r"asks for \S+, which was not run" if is_told else ""
        with peak_memory() as peak, pytest.raises(error, match=f"^hostile.pkl.*: .*{said}"):
            read(path)
        assert peak() < 150 * len(ATTACKS[name]) + 9e6  # a byte may make an object
    assert capfd.readouterr() == ("", "") and os.listdir(".") == ["hostile.pkl"]


SIZE = pickles.MAX_UNPACKED + (1 << 20)
BOMBS = {
    "a line": b"(cnumpy\n" + b"a" * (SIZE),
    "a number": b"(I" + b"1" * (SIZE),
    "a string": b"\x80\x02T\xff\xff\xff\x7f" + bytes(SIZE),
    "a text": b"(V" + b"a" * (SIZE),
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 31) + bytes(SIZE),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_gzip_takes_little_memory(name):
    write("bomb.pkl.gz", gzip.compress(BOMBS[name], 1))
    with peak_memory() as peak, pytest.raises(DatasetError, match="100 times its size"):
        read_pickle("bomb.pkl.gz")
    assert peak() < 3 * SIZE


def test_an_array_is_held_once():
    """Of Python 2, as the tutorial's data are, and of the latest protocol."""
    array = numpy.full((1000, 1000), 65, "u1")
    by_python_2 = py2_array(array, protocol=2) + b"."
    for data in (pickle.dumps(array, 5), by_python_2):
        stream = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data, 1)))
        with peak_memory() as peak:
            pickles.load(stream)
        assert peak() < 1.4 * array.size

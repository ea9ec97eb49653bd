"""The arrays of a pickle of any model: of Theano, Lasagne or pylearn2, of Python 2, from a GPU.

Nothing that the file names is imported or run. An object of it is a name with its parts here, and
so are dicts and sets: to hash what a file holds may take forever.
"""

import os
import re
import zlib
from collections import Counter, defaultdict, deque

import numpy

from logreg.datasets import pickles
from logreg.datasets.formats import open_bytes
from logreg.errors import DatasetError, ModelFileError, cut
from logreg.files import explaining

MAX_PATH = 1000  # characters, the last ones: what is nested deep would have far longer ones
# What else models were kept in, by what such files begin with.
OTHERS = {
    rb"BZh": "bzip2 compressed it: unpack it with bunzip2, and export what comes out",
    rb"\xfd7zXZ": "xz compressed it: unpack it with unxz, and export what comes out",
    rb"x[\x01\x5e\x9c\xda]|.*joblib\.numpy_pickle": "joblib wrote it: joblib.load reads it",
    rb".{257}ustar": "it is a tar archive, as of Blocks: unpack it; _parameters in it is an npz",
    rb"PK": "it is a zip archive, as of theano.misc.pkl_utils: unzip it; arrays are npy files",
    rb"\x89HDF": "it is HDF5, as of Keras: h5py reads it",
}
OPCODES = f"""{pickles.OPCODES}
    LONG4 FLOAT BINFLOAT INST OBJ NEWOBJ DUP POP POP_MARK
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET
"""


class _Object(pickles.Placeholder):
    """An object of any class, a dict or a set: pairs of a part's name and the part."""

    def __new__(cls, *args):
        self = super().__new__(cls, *args)
        self.parts = [*enumerate(args)]
        return self

    def __call__(self, *args):  # what was made by a call may be a function
        return _Object(self, *args)

    def __setstate__(self, state):
        self.parts.append((None, state))

    def append(self, item):
        self.parts.append((len(self.parts), item))

    add = append

    def __setitem__(self, key, value):
        # A key that is no name stays with its value: it may be an object with arrays, too.
        is_name = isinstance(key, (str, bytes)) or (type(key) is int and 0 <= key < 1 << 63)
        self.parts.append((key, value) if is_name else (len(self.parts), (key, value)))


class _Dtype(pickles.PickledDtype):
    """A pickled dtype, which may have fields, or be of small arrays."""

    def dtype(self):
        _, _, of_arrays, names, fields, size, *others = self.state
        if len(others) > 2:
            raise ValueError("dates have a unit, which is not read")
        if of_arrays:
            return numpy.dtype((of_arrays[0].dtype(), of_arrays[1]))
        if not names:
            return super().dtype()
        fields = dict(fields.parts)
        dtypes, offsets = zip(*(fields[name][:2] for name in names))
        layout = {"names": [*map(_text, names)], "formats": [each.dtype() for each in dtypes]}
        return numpy.dtype({**layout, "offsets": offsets, "itemsize": size})


def _scalar(dtype, data=b""):
    return pickles.PickledArray(data, dtype, (), "C")


class _Masked(_Object):
    """A masked array: its data, and which of them are masked."""

    def __setstate__(self, state):
        _, shape, dtype, by_columns, data, mask, _ = state
        for name, of, values in (("data", dtype, data), ("mask", MASK, mask)):
            part = pickles.PickledArray(values, of, shape, "F" if by_columns else "C")
            self.parts.append((name, part))


MASK = pickles.PickledDtype("b1")
MASK.__setstate__((3, "|"))
CLASSES = {
    **pickles.CLASSES,
    "numpy.dtype": _Dtype,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.ma.core._mareconstruct": _Masked,
}


def _make(unpickler):
    unpickler.append(_Object())


def _make_of_items(unpickler):
    items = unpickler.pop_mark()  # which changes what append is
    unpickler.append(_Object(*items))


LOADERS = {"EMPTY_DICT": _make, "EMPTY_SET": _make}
LOADERS.update(DICT=_make_of_items, FROZENSET=_make_of_items)  # pickles of Python fill dicts later


def is_one(path):
    """Whether a file is there that logreg did not write, damaged or not."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"logreg.saving" not in file.read(100)


def read(path):
    """Read the arrays of all pickles in a file, which may be gzipped.

    Returned are a dict of them by their paths, and a list of the paths of what is an array, too,
    and cannot be read.

    Raises
    ------
    ModelFileError
        If the file is no pickle, is damaged, or holds no arrays.
    """
    faults = OSError, EOFError, ValueError, MemoryError, zlib.error
    with explaining(path, "cannot be read", "", of=faults), open_bytes(path) as stream:
        for begins, kind in OTHERS.items():
            if re.match(begins, stream.peek(512), re.DOTALL):
                raise ModelFileError(kind)
        roots, size = [], os.path.getsize(path)
        while not roots or stream.peek(1):
            roots.append(load(stream, file_size=size, is_last=False))
        arrays, left_out = arrays_of(roots if len(roots) > 1 else roots[0])
        if sum(array.nbytes for array in arrays.values()) > pickles.unpacked_size(size):
            raise ModelFileError(pickles.TOO_LARGE)  # its arrays share their bytes
        if not arrays:
            raise ModelFileError("it is a pickle, but holds no arrays of numbers or text")
    return arrays, left_out


def load(stream, **options):
    """Read a pickle; the options are those of :func:`logreg.datasets.pickles.load`."""
    classes = defaultdict(lambda: _Object, CLASSES)
    return pickles.load(stream, classes, OPCODES, LOADERS, **options)


def arrays_of(root):
    """Find the arrays that what :func:`load` returns leads to; see :func:`read` for the result.

    A path has the names of attributes, the keys of dicts and the indices of lists that lead to an
    array, the shortest if there are many: ``params/0/container/storage/0``. What has the path of
    another gets a number behind it.
    """
    found, left_out, seen, left, n_of = {}, [], set(), deque([(root, "")]), Counter()
    while left:
        value, path = left.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        parts = value.parts if isinstance(value, _Object) else ()
        if isinstance(value, (list, tuple)):
            parts = enumerate(value)
        elif isinstance(value, pickles.PickledArray):
            name = path
            while name in found:
                n_of[path] += 1
                name = f"{path}_{n_of[path]}"
            try:
                found[name] = value.array()
            except DatasetError:  # it is of objects
                parts = enumerate(value.state or value.args)
            except Exception:  # whatever its shape and its bytes may provoke
                left_out.append(path)
        left.extend((part, _joined(path, name)) for name, part in parts)
    return found, left_out


def _joined(path, name):
    if name is None:
        return path
    return f"{path}/{cut(_text(name), MAX_PATH)}"[-MAX_PATH:].lstrip("/")


def _text(name):
    return name.decode("latin1") if isinstance(name, bytes) else name

"""The arrays of a pickle of any model: of Theano, Lasagne or pylearn2, of Python 2, from a GPU.

Nothing that the file names is imported or run. Every object is read as one that has parts with
names. So are dicts and sets, since to hash what a file holds may take forever.
"""

import math
import os
import re
import zlib
from collections import Counter, deque
from typing import NamedTuple, Optional

from logreg.datasets import pickles
from logreg.datasets.formats import open_bytes
from logreg.errors import ModelFileError, cut
from logreg.files import explaining

MAX_PATH = 1000  # characters of a path, its last ones: what is nested deep has a far longer one
# What to do with other files of models, by patterns of their first bytes.
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
    """An object of any class, a dict or a set."""

    __slots__ = ("_added",)

    def __call__(self, *args):  # a call may have made a function
        return _Object(self, *args)

    def __setstate__(self, state):
        self._add(None, state)

    def append(self, item):
        self._add(len(self.args) + len(getattr(self, "_added", ())), item)

    add = append

    def __setitem__(self, key, value):
        is_name = isinstance(key, (str, bytes)) or (type(key) is int and 0 <= key < 1 << 63)
        if is_name:
            self._add(key, value)
        else:  # the key may be an object with arrays, too
            self.append((key, value))

    def _add(self, name, part):
        if not hasattr(self, "_added"):
            self._added = []
        self._added.append((name, part))

    @property
    def parts(self):
        """Pairs of a part's name and the part."""
        yield from enumerate(self.args)
        yield from getattr(self, "_added", ())


def _scalar(dtype, data=b""):
    return pickles.PickledArray(data, dtype, (), "C")


class _Classes(dict):
    def __missing__(self, name):
        return _Object


CLASSES = _Classes(pickles.CLASSES)
CLASSES["numpy.core.multiarray.scalar"] = _scalar


def _load_empty(unpickler):
    unpickler.append(_Object())


def _load_items(unpickler):
    items = unpickler.pop_mark()  # which changes what append is
    made = _Object()
    for item in items:
        made.append(item)
    unpickler.append(made)


LOADERS = {"EMPTY_DICT": _load_empty, "EMPTY_SET": _load_empty}
LOADERS.update(DICT=_load_items, FROZENSET=_load_items)  # pickles of Python fill dicts later

HOLDERS = (pickles.Placeholder, list, tuple)  # what may hold arrays


def is_foreign(path):
    """Whether a file is there that logreg did not write, damaged or not."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"logreg.saving" not in file.read(100)


def read_arrays(path):
    """Read the arrays of all pickles in a file, which may be gzipped.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
        By their paths.
    left_out : list of str
        The paths of arrays that cannot be read.

    Raises
    ------
    ModelFileError
        If the file is no pickle, is damaged, or holds no arrays.
    """
    faults = OSError, EOFError, ValueError, MemoryError, zlib.error
    with explaining(path, "cannot be read", "", of=faults), open_bytes(path) as stream:
        for pattern, advice in OTHERS.items():
            if re.match(pattern, stream.peek(512), re.DOTALL):
                raise ModelFileError(advice)
        size = os.path.getsize(path)
        roots = [*pickles.load_all(stream, CLASSES, OPCODES, LOADERS, size)]
        root = roots if len(roots) > 1 else roots[0]
        arrays, left_out = arrays_of(root, pickles.unpacked_size(size))
        if not arrays:
            raise ModelFileError("it is a pickle, but holds no arrays of numbers or text")
    return arrays, left_out


def load(stream):
    """Read the only pickle of a stream."""
    return pickles.load(stream, CLASSES, OPCODES, LOADERS)


class _Place(NamedTuple):
    """Where a part of a pickle is: the name that it has in another part."""

    parent: Optional["_Place"]
    name: object


def arrays_of(root, max_bytes=math.inf):
    """Find the arrays in what :func:`load` returns; see :func:`read_arrays` for the result.

    A path has the names of attributes, the keys of dicts and the indices of lists that lead to an
    array, as ``params/0/container/storage/0``. If there are several, it is the shortest. If two
    arrays have the same path, a number is put behind one. A ModelFileError says that the arrays
    have more than `max_bytes` together: in the file, they may share their bytes.
    """
    found = {}
    left_out = []
    n_bytes = 0
    n_of_path = Counter()
    for value, place in _walk(root):
        if not isinstance(value, pickles.PickledArray):
            continue
        path = _path(place)
        try:
            array = value.array()
        except pickles.ObjectsError:  # which may be arrays
            continue
        except Exception:  # of another dtype, or whatever its shape and its bytes may provoke
            left_out.append(path)
            continue
        n_bytes += array.nbytes
        if n_bytes > max_bytes:
            raise ModelFileError(pickles.TOO_LARGE)
        name = path
        while name in found:
            n_of_path[path] += 1
            name = f"{path}_{n_of_path[path]}"
        found[name] = array
    return found, left_out


def _walk(root):
    """Yield what may hold arrays, each object once and with its place, level by level."""
    seen = {id(root)}
    left = deque([(root, None)])
    while left:
        value, place = left.popleft()
        yield value, place
        for name, part in _parts_of(value):
            # A list may have millions of numbers: nothing is kept of these.
            if isinstance(part, HOLDERS) and id(part) not in seen:
                seen.add(id(part))
                # The state of an object has the place of the object.
                left.append((part, place if name is None else _Place(place, name)))


def _parts_of(value):
    """Pairs of a part's name and the part, of what may hold arrays."""
    if isinstance(value, _Object):
        return value.parts
    if isinstance(value, pickles.PickledArray):  # if it is of objects, these are in a list
        return enumerate(value.state or value.args)
    return enumerate(value) if isinstance(value, (list, tuple)) else ()


def _path(place):
    """The path of a place: the last MAX_PATH characters."""
    names = []
    n_characters = 0
    while place is not None and n_characters <= MAX_PATH:
        name = cut(_text(place.name), MAX_PATH)
        names.append(name)
        n_characters += 1 + len(name)
        place = place.parent
    return "/".join(reversed(names))[-MAX_PATH:].lstrip("/")


def _text(name):
    return name.decode("latin1") if isinstance(name, bytes) else name

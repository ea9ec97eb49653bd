"""The arrays of a pickle of any model: of Theano, Lasagne or pylearn2, of Python 2, from a GPU.

Nothing that the file names is imported or run. Each object of a file becomes an object here that
only keeps its parts and their names. So does each dict and each set, because hashing what a file
holds may take forever.
"""

import os
import zlib
from collections import deque

from logreg.basics.errors import ModelFileError, cut
from logreg.basics.files import explaining
from logreg.datasets import pickles
from logreg.datasets.formats import open_bytes

MAX_PATH = 1000  # characters of an array's path inside a pickle; of a longer one, the last are kept
UNNAMED = ""  # the name of the outermost object, and of an object's state
ADVICE = "a pickle is needed, as it is or gzipped"


class _Object(pickles.Placeholder):
    """An object of any class, a dict or a set; `parts` are pairs of a part's name and the part."""

    __slots__ = ("parts",)

    def __new__(cls, *args):
        self = super().__new__(cls, *args)  # which limits the number of arguments
        self.parts = [*enumerate(args)]
        return self

    def __call__(self, *args):  # a file may call what an earlier call returned
        return _Object(self, *args)

    def __setstate__(self, state):
        self.parts.append((UNNAMED, state))

    def append(self, item):
        self.parts.append((len(self.parts), item))

    add = append

    def __setitem__(self, key, value):
        # A number that is far too long to print is no name.
        if isinstance(key, (str, bytes)) or (type(key) is int and 0 <= key < 1 << 63):
            self.parts.append((key, value))
        else:  # the key may be an object with arrays, too
            self.append((key, value))


def _scalar(dtype, data=b""):
    return pickles.PickledArray(data, dtype, (), "C")


class _Classes(dict):
    def __missing__(self, name):
        return _Object


CLASSES = _Classes(pickles.CLASSES)
CLASSES["numpy.core.multiarray.scalar"] = _scalar


def _load_items(unpickler):
    """Put an object on the stack, in place of the items above the last mark: they are its parts."""
    collection = _Object()
    collection.parts.extend(enumerate(unpickler.pop_mark()))
    unpickler.append(collection)


def _load_empty(unpickler):
    unpickler.append(_Object())


# The named opcodes have Python's loaders; for the others, there are functions above.
OTHER_LOADERS = pickles.opcode_loaders(
    "LONG4 FLOAT BINFLOAT INST OBJ NEWOBJ DUP POP POP_MARK SETITEM SETITEMS ADDITEMS",
    EMPTY_DICT=_load_empty,
    EMPTY_SET=_load_empty,
    FROZENSET=_load_items,
    DICT=_load_items,  # Python gives it no items, and adds them by SETITEM; others may give some
)
LOADERS = {**pickles.LOADERS, **OTHER_LOADERS}

# What may hold arrays. An array is a placeholder, too.
HOLDERS = (pickles.Placeholder, list, tuple)


def is_foreign(path):
    """Whether a file is there that logreg did not write, damaged or not."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"logreg.saving" not in file.read(100)


def read_arrays(path):
    """Read the arrays of all pickles in a file, which may be gzipped: see :func:`arrays_of`.

    A ModelFileError says that the file is no pickle, is damaged, or holds no arrays.
    """
    faults = OSError, EOFError, ValueError, MemoryError, zlib.error
    with explaining(path, "cannot be read", ADVICE, catch=faults), open_bytes(path) as stream:
        arrays, left_out = arrays_of(stream, os.path.getsize(path))
        if not arrays:
            # A ModelFileError is a ValueError, so `explaining` puts the path before this, too.
            raise ModelFileError("it holds no arrays of numbers or text")
    return arrays, left_out


def arrays_of(stream, file_size):
    """Read the arrays of all pickles in a stream, of a file of this size.

    A path has the names of attributes, the keys of dicts and the indices of lists that lead to an
    array, as ``params/0/container/storage/0``. If there are several, it is the shortest. If two
    arrays have the same path, a number is put behind one.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
        By their paths.
    left_out : list of str
        The paths of arrays that cannot be read, such as dates.

    Raises
    ------
    ValueError
        If the stream is damaged, or its arrays are far larger than the file. They can be, as
        arrays may share their bytes, and files may be compressed.
    """
    roots = [*pickles.load_all(stream, file_size, CLASSES, LOADERS)]
    arrays = {}
    left_out = []
    n_bytes = 0
    for value, path in _walk(roots if len(roots) > 1 else roots[0]):
        if not isinstance(value, pickles.PickledArray):
            continue
        try:
            array = value.array()
        except pickles.ObjectsError:  # an array of objects: _walk yields each of these, too
            continue
        except Exception:  # of another dtype, or whatever its shape and its bytes may provoke
            left_out.append(path)
            continue
        n_bytes += array.nbytes
        if n_bytes > pickles.max_unpacked_size(file_size):
            raise pickles.PickleError(pickles.TOO_LARGE)
        while path in arrays:
            path += f"_{len(arrays)}"
        arrays[path] = array
    return arrays, left_out


def _walk(root):
    """Yield what may hold arrays, each object once and with its path, level by level."""
    seen = {id(root)}
    waiting = deque([(root, UNNAMED, UNNAMED)])
    while waiting:
        value, path, name = waiting.popleft()
        if isinstance(name, bytes):
            name = name.decode("latin1")
        # The state of an object has no name, and so the path of the object.
        path = f"{path}/{cut(name, MAX_PATH)}"[-MAX_PATH:].strip("/")
        yield value, path
        for name, part in _parts_of(value):
            # A list may have millions of numbers: nothing is kept of these.
            if isinstance(part, HOLDERS) and id(part) not in seen:
                seen.add(id(part))
                waiting.append((part, path, name))


def _parts_of(value):
    """Pairs of a part's name and the part, of what may hold arrays."""
    if isinstance(value, _Object):
        return value.parts
    if isinstance(value, pickles.PickledArray):
        # An array of objects has them in a list, in its state or among its arguments.
        return enumerate(value.state or value.args)
    return enumerate(value) if isinstance(value, (list, tuple)) else ()

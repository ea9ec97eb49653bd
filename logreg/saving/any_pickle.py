"""The arrays of a pickle of any model: of Theano, Lasagne or pylearn2, of Python 2, from a GPU.

Nothing that the file names is imported or run. An object of it is a name with its parts here, and
so are dicts and sets: to hash what a file holds may take forever.
"""

import os
import zlib
from collections import defaultdict, deque

from logreg.datasets import pickled_arrays, pickles
from logreg.datasets.formats import open_bytes
from logreg.errors import DatasetError, ModelFileError, cut
from logreg.files import explaining

MAX_PATH = 1000  # characters, the last ones: what is nested deep would have far longer ones
OPCODES = f"""{pickled_arrays.OPCODES}
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


def _make(unpickler):
    unpickler.append(_Object())


def _make_dict(unpickler):
    items, made = unpickler.pop_mark(), _Object()
    for key, value in zip(items[::2], items[1::2]):
        made[key] = value
    unpickler.append(made)


def _make_set(unpickler):
    items = unpickler.pop_mark()  # which changes what append is
    unpickler.append(_Object(*items))


LOADERS = {"EMPTY_DICT": _make, "EMPTY_SET": _make, "DICT": _make_dict, "FROZENSET": _make_set}


def is_one(path):
    """Whether a file is there that logreg did not write, damaged or not."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"logreg.saving" not in file.read(100)


def read(path):
    """Read the arrays of all pickles in a file, which may be gzipped: a dict by their paths.

    Raises
    ------
    ModelFileError
        If the file is no pickle, is damaged, or holds no arrays.
    """
    faults = OSError, EOFError, ValueError, MemoryError, zlib.error
    with explaining(path, "cannot be read", "", of=faults), open_bytes(path) as stream:
        roots, size = [], os.path.getsize(path)
        while not roots or stream.peek(1):
            roots.append(load(stream, file_size=size, is_last=False))
        arrays = arrays_of(roots if len(roots) > 1 else roots[0])
        if sum(array.nbytes for array in arrays.values()) > pickles.unpacked_size(size):
            raise ModelFileError(pickles.TOO_LARGE)  # its arrays share their bytes
        if not arrays:
            raise ModelFileError("it is a pickle, but holds no arrays of numbers or text")
    return arrays


def load(stream, **options):
    """Read a pickle; the options are those of :func:`logreg.datasets.pickles.load`."""
    classes = defaultdict(lambda: _Object, pickled_arrays.CLASSES)
    return pickles.load(stream, classes, OPCODES, "bytes", LOADERS, **options)


def arrays_of(root):
    """Find the arrays that what :func:`load` returns leads to: a dict by their paths.

    A path has the names of attributes, the keys of dicts and the indices of lists that lead to an
    array, the shortest if there are many: ``params/0/container/storage/0``.
    """
    found, seen, left = {}, set(), deque([(root, "")])
    while left:
        value, path = left.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        parts = value.parts if isinstance(value, _Object) else ()
        if isinstance(value, (list, tuple)):
            parts = enumerate(value)
        elif isinstance(value, pickled_arrays.PickledArray):
            try:
                array = value.array()
            except DatasetError:  # it is of objects, or of records
                parts = enumerate(value.state or value.args)
            except Exception as error:  # whatever its shape and its bytes may provoke
                raise ModelFileError(f"an array in it is damaged ({cut(error)})") from error
            else:
                found[path + "_" * (path in found)] = array
        left.extend((part, _joined(path, name)) for name, part in parts)
    return found


def _joined(path, name):
    if name is None:
        return path
    name = cut(name.decode("latin1") if isinstance(name, bytes) else name)
    return f"{path}/{name}"[-MAX_PATH:].lstrip("/")

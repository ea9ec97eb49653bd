"""What the tutorial's own program pickled: a whole graph, of which W and b are taken.

Only the same Theano can load such a file, and it runs whatever that says. Here nothing that the
file names is imported or run: placeholders stand for it.
"""

import io

from logreg.errors import ModelFileError
from logreg.files import pickled_arrays, pickles

OPCODES = (
    pickled_arrays.OPCODES + "POP NEWOBJ INST OBJ FLOAT BINFLOAT EMPTY_DICT DICT SETITEM SETITEMS"
)


def is_one(data):
    """Whether bytes begin as a pickle of a LogisticRegression does, and not as a file of ours."""
    return b"LogisticRegression" in data[:1000] and b"logreg.saving" not in data[:100]


def loads(data):
    """Take the model out of a pickle: a header and arrays, as a model file has them."""
    try:
        classes = _Classes(pickled_arrays.CLASSES)
        root = pickles.load(io.BytesIO(data), classes, OPCODES, "bytes", LOADERS)
        ((W,), (b,)) = (root[name]["container"]["storage"] for name in "Wb")
        W, b = W.array(), b.array()
        fit = W.ndim == 2 and (b.shape, b.dtype) == (W.shape[1:], W.dtype)
        if not fit or W.dtype.name not in ("float32", "float64"):
            raise ValueError("its W and b are no matrix and vector of floats")
    except Exception as error:  # whatever a pickle of unknown origin may provoke
        raise ModelFileError(
            "it is no pickle of a LogisticRegression as the tutorial's own program writes it, or "
            "it is cut short or damaged"
        ) from error
    metadata = {"pixel_scale": 1 / 256, "source": "the tutorial's own program"}
    metadata["x_range"] = [0, 255 / 256]
    if len(W) == 28 * 28:
        metadata["image_shape"] = [28, 28]
    arrays = {"W": W.astype(W.dtype.name), "b": b.astype(b.dtype.name)}
    return {"format": "logreg model", "version": 1, "metadata": metadata}, arrays


class _Object(pickles.Placeholder):
    """An object of the graph."""

    def append(self, item):
        """Pass over what a list of a class of its own holds."""

    def __getitem__(self, name):
        state = self.state
        return state[name] if name in state else state[name.encode()]  # bytes in Python 2

    def array(self):
        """The array in a GPU's memory that this is: it is pickled as a call with an array."""
        return self.args[0].array()


class _Classes(dict):
    """Those of arrays, and a placeholder for whatever else a pickle asks for."""

    def __missing__(self, name):
        return _Object


# Dicts take texts alone as keys: the hash of something else may be made to take forever.
def _fill(unpickler, items):
    there, pairs = unpickler.stack[-1], zip(items[::2], items[1::2])
    if isinstance(there, dict):
        there.update((key, value) for key, value in pairs if isinstance(key, (str, bytes)))


def _dict(unpickler):
    items = unpickler.pop_mark()
    unpickler.append({})
    _fill(unpickler, items)


def _setitem(unpickler):
    value, key = unpickler.stack.pop(), unpickler.stack.pop()
    _fill(unpickler, [key, value])


def _setitems(unpickler):
    items = unpickler.pop_mark()
    _fill(unpickler, items)


LOADERS = {"DICT": _dict, "SETITEM": _setitem, "SETITEMS": _setitems}

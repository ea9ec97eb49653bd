"""Models that the tutorial's own program pickled.

It pickles a whole graph. Only the same Theano can load that, and it runs what the graph says. Here
nothing that the file names is imported or run: W and b are taken from what stands for the objects.
"""

import io

from logreg.datasets import pickles
from logreg.errors import ModelFileError, cut

OPCODES = f"""{pickles.OPCODES}
    LONG4 FLOAT BINFLOAT INST OBJ NEWOBJ DUP POP POP_MARK
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET
"""


class _Object(pickles.Placeholder):
    """An object of any class, a dict or a set; `items` has what a dict holds by names."""

    __slots__ = ("items",)

    def __new__(cls, *args):
        self = super().__new__(cls, *args)
        self.items = {}
        return self

    def __call__(self, *args):  # a call may have made a function
        return _Object(self, *args)

    def __setitem__(self, key, value):
        if isinstance(key, bytes):  # of Python 2
            key = key.decode("latin1")
        if isinstance(key, str):  # to hash what else a file may hold may take forever
            self.items[key] = value

    def append(self, item):
        """Leave out what a set holds."""

    add = append


class _Classes(dict):
    def __missing__(self, name):
        return _Object


def _load_empty(unpickler):
    unpickler.append(_Object())


def _load_items(unpickler):
    unpickler.pop_mark()  # pickles of Python fill dicts later
    unpickler.append(_Object())


CLASSES = _Classes(pickles.CLASSES)
LOADERS = {"EMPTY_DICT": _load_empty, "EMPTY_SET": _load_empty}
LOADERS.update(DICT=_load_items, FROZENSET=_load_items)


def loads(data):
    """Read a model of the tutorial's own program: a header and arrays, as a model file has them.

    A ModelFileError says that the bytes are damaged.
    """
    try:
        model = pickles.load(io.BytesIO(data), len(data), CLASSES, OPCODES, LOADERS)
        arrays = {name: _value(model.state.items[name]) for name in "Wb"}
        metadata = {"source": "the tutorial's own program"}
        if len(arrays["W"]) == 28 * 28:
            metadata.update(pixel_scale=1 / 256, x_range=[0, 255 / 256], image_shape=[28, 28])
    except Exception as error:  # whatever bytes of unknown origin may provoke
        raise ModelFileError(
            f"it is damaged, or not as the tutorial's own program writes a model: {cut(error)}"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, arrays


def _value(variable):
    """The array of a shared variable."""
    container = variable.state.items["container"]
    (value,) = container.state.items["storage"]
    if not isinstance(value, pickles.PickledArray):  # what was on a GPU is a call with an array
        value = value.args[0]
    array = value.array()
    return array.astype(array.dtype.name)

"""Models that the tutorial's own program pickled, with Python 2 or 3.

It pickles a whole graph. Only the same Theano can load that, and it runs what the graph says. Here,
nothing that the file names is imported or run: of its objects, only the attributes are kept, and
those that lead to W and b are followed.
"""

import io
from collections import defaultdict

from logreg.basics.errors import ModelFileError, cut
from logreg.parts import pickles


class _Object(pickles.Placeholder):
    """An object of any class, or a dict; only values whose key is a text are kept."""

    __slots__ = ("contents",)

    def __new__(cls, *args):
        self = super().__new__(cls, *args)
        self.contents = {}
        return self

    def __setitem__(self, key, value):
        if isinstance(key, bytes):  # of Python 2
            key = key.decode("latin1")
        if isinstance(key, str):  # hashing any other key may take forever
            self.contents[key] = value

    def attribute(self, name):
        """The attribute of an object, whose state is the dict of all its attributes."""
        return self.state.contents[name]


def _load_dict(unpickler):
    """Put an empty dict on the stack, in place of the last mark; items are added later."""
    unpickler.pop_mark()
    unpickler.append(_Object())


def _load_empty_dict(unpickler):
    unpickler.append(_Object())


# The named opcodes have Python's loaders; for the others, there are functions above.
OTHER_LOADERS = pickles.opcode_loaders(
    "FLOAT BINFLOAT INST NEWOBJ SETITEM SETITEMS",
    DICT=_load_dict,
    EMPTY_DICT=_load_empty_dict,
)
LOADERS = {**pickles.LOADERS, **OTHER_LOADERS}


def loads(data):
    """Read a model of the tutorial's own program: a header and arrays, as a model file has them.

    A ModelFileError says that the bytes are damaged.
    """
    classes = defaultdict(lambda: _Object, pickles.CLASSES)
    try:
        classifier = pickles.load(io.BytesIO(data), len(data), classes, LOADERS)
        arrays = {name: _array_of(classifier.attribute(name)) for name in "Wb"}
        metadata = {"source": "the tutorial's own program"}
        if len(arrays["W"]) == 28 * 28:
            metadata.update(pixel_scale=256, x_range=[0, 255 / 256], image_shape=[28, 28])
    except Exception as error:  # whatever bytes of unknown origin may provoke
        raise ModelFileError(
            f"it is damaged, or not as the tutorial's own program writes a model: {cut(error)}"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, arrays


def _array_of(shared_variable):
    """The array of a pickled shared variable."""
    (value,) = shared_variable.attribute("container").attribute("storage")
    if isinstance(value, _Object):  # in a GPU's memory: a call makes it, of an array
        value = value.args[0]
    array = value.array()
    # A dtype's name has no byte order, so this converts to that of this machine.
    return array.astype(array.dtype.name)

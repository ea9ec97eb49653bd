"""Make a model file of a ``best_model.pkl`` of the tutorial's: ``python -m logreg.import_model``.

That is a pickle of a whole graph, which only the same Theano can load, and which runs whatever it
says. Nothing that it names is imported or run here: placeholders stand for that, and W and b are
picked out of these.
"""

import argparse
import io
import os
import sys

import numpy

from logreg import __version__
from logreg.datasets.formats import PICKLE_CLASSES, PICKLE_OPCODES
from logreg.errors import ModelFileError
from logreg.shell import pickles
from logreg.shell.console import command, starting_engine
from logreg.shell.files import explaining, read_whole

MNIST_N_IN = 28 * 28
MAX_BYTES = 1 << 30
OPCODES = PICKLE_OPCODES + "POP NEWOBJ INST OBJ FLOAT BINFLOAT "
# A dict hashes its keys, which may be made so that it takes forever. Here it becomes a list of
# tuples (name, value, name, value, ...), by other opcodes; without frames, as lengths change.
DICT_OPCODES = {"EMPTY_DICT": b"]", "DICT": b"l", "SETITEM": b"\x86a", "SETITEMS": b"ta"}
DICT_OPCODES["FRAME"] = b""


class _Object(pickles.Placeholder):
    """An object of the graph."""

    def append(self, item):
        """Pass over what a list or a dict of a class of its own holds."""

    def __getitem__(self, name):
        for items in self.state:
            for key, value in zip(items[::2], items[1::2]):
                if key in (name, name.encode()):  # bytes in Python 2
                    return value
        raise KeyError(name)

    def array(self):
        """The array in a GPU's memory that this is: it is pickled as a call with an array."""
        return self.args[0].array()


class _Classes(dict):
    """Those of arrays, and a placeholder for whatever else a pickle asks for."""

    def __missing__(self, name):
        return _Object


def read_parameters(data):
    """Take W and b, of shapes (n_in, n_out) and (n_out,), out of a pickled LogisticRegression.

    A ModelFileError says that the bytes `data` are no such pickle.
    """
    try:
        opcodes = pickles.scan(io.BytesIO(data), f"{OPCODES} {' '.join(DICT_OPCODES)}")
        parts = [DICT_OPCODES.get(name, data[start:end]) for name, start, end in opcodes]
        classes = _Classes(PICKLE_CLASSES)
        root = pickles.load(io.BytesIO(b"".join(parts)), classes, OPCODES, encoding="bytes")
        ((W,), (b,)) = (root[name]["container"]["storage"] for name in "Wb")
        return W.array(), b.array()
    except Exception as error:  # whatever a pickle of unknown origin may provoke
        raise ModelFileError(
            "it is no pickle of a LogisticRegression as the tutorial's own program writes it, or "
            "it is cut short or damaged"
        ) from error


def parser():
    """The options of the import."""
    parser = argparse.ArgumentParser(
        prog="logreg-import-model",
        description="Make a model file of a model that the tutorial's own program has pickled. "
        "Nothing that the pickle names is imported or run.",
    )
    parser.add_argument("old", metavar="OLD", help="the tutorial's pickle")
    parser.add_argument("new", metavar="NEW", help="where the model file goes")
    parser.add_argument("--version", action="version", version=f"logreg {__version__}")
    return parser


@command
def main(argv=None):
    """Import as the options say; see :mod:`logreg.shell.console` for the exit code."""
    args = parser().parse_args(argv)
    with starting_engine():
        from logreg.saving import dumps, save
        from logreg.saving.metadata import complete_metadata
    with explaining(args.old, "cannot be imported", advice="", of=(OSError, ModelFileError)):
        W, b = read_parameters(read_whole(args.old, MAX_BYTES))
        is_model = W.ndim == 2 and b.shape == W.shape[1:] and W.dtype == b.dtype
        if not is_model or W.dtype.name not in ("float32", "float64"):
            raise ModelFileError(
                f"its W is {W.dtype} {W.shape} and its b is {b.dtype} {b.shape}, but a model has a "
                "matrix and a vector of floats"
            )
        if not (numpy.isfinite(W).all() and numpy.isfinite(b).all()):
            raise ModelFileError("some of its parameters are no numbers, or are infinite")
        n_in, n_out = W.shape
        told = {
            "image_shape": [28, 28] if n_in == MNIST_N_IN else None,
            "pixel_scale": 1 / 256,
            "source": f"the tutorial's pickle {os.path.basename(args.old)}",
        }
        model = dumps("model", {"W": W, "b": b}, metadata=complete_metadata(told, W))
    save(args.new, model)
    print(f"{args.new}: a model of {n_in} features and {n_out} classes")


if __name__ == "__main__":
    sys.exit(main())

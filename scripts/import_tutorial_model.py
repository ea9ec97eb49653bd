"""Make a model file of a tutorial's own ``best_model.pkl``.

``python scripts/import_tutorial_model.py OLD NEW``: OLD is a pickle of the whole graph, which
only the same Theano can load, and which runs whatever it says. Nothing of it is imported or
run here: what it names becomes a stand-in, and W and b are picked out of these.
"""

import argparse
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy

from logreg import pickles
from logreg.console import command
from logreg.datasets.formats import PICKLE_CLASSES, PICKLE_OPCODES
from logreg.errors import ModelFileError
from logreg.files import read_whole

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


class _OnGpu(_Object):
    """An array in a GPU's memory: it is pickled as a call with a NumPy array."""


class _Classes(dict):
    """Those of arrays, and a placeholder for whatever else a pickle asks for."""

    def __missing__(self, name):
        return _Object


CLASSES = _Classes(PICKLE_CLASSES)
for _module in ("gpuarray.type.GpuArray", "sandbox.gpuarray.type.GpuArray"):
    CLASSES[f"theano.{_module}_unpickler"] = _OnGpu
CLASSES["theano.sandbox.cuda.type.CudaNdarray_unpickler"] = _OnGpu


def read_parameters(path):
    """Take W and b, of shapes (n_in, n_out) and (n_out,), out of a pickled LogisticRegression."""
    try:
        data = read_whole(path, MAX_BYTES)
        opcodes = pickles.scan(io.BytesIO(data), f"{OPCODES} {' '.join(DICT_OPCODES)}")
        parts = [DICT_OPCODES.get(name, data[start:end]) for name, start, end in opcodes]
        root = pickles.load(io.BytesIO(b"".join(parts)), CLASSES, OPCODES, encoding="bytes")
        W, b = (_value(root[name]) for name in "Wb")
    except Exception as error:  # whatever a pickle of unknown origin may provoke
        reason = (
            "it is no pickle of a LogisticRegression as the tutorial's own program writes it, "
            "or it is cut short or damaged"
        )
        if isinstance(error, OSError):
            reason = error.strerror or error
        raise ModelFileError(f"{path} cannot be imported: {reason}") from error
    _check(path, W, b)
    return W, b


def _value(variable):
    """The value of a shared variable."""
    (value,) = variable["container"]["storage"]
    value = value.args[0] if isinstance(value, _OnGpu) else value
    return value.array()


def _check(path, W, b):
    fit = W.ndim == 2 and W.size > 0 and b.shape == W.shape[1:]
    if not fit or W.dtype != b.dtype or W.dtype.name not in ("float32", "float64"):
        raise ModelFileError(
            f"{path} cannot be imported: its W is {W.dtype} {W.shape} and its b is {b.dtype} "
            f"{b.shape}, but a model has a matrix and a vector of floats that fit"
        )
    if not (numpy.isfinite(W).all() and numpy.isfinite(b).all()):
        raise ModelFileError(f"{path} cannot be imported: some of its parameters are no numbers")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        description="Make a model file of a model that the tutorial's own program has pickled. "
        "Nothing that the pickle names is imported or run."
    )
    parser.add_argument("old", metavar="OLD", help="the tutorial's pickle")
    parser.add_argument("new", metavar="NEW", help="where the model file goes")
    args = parser.parse_args(argv)
    W, b = read_parameters(args.old)
    n_in, n_out = W.shape

    from logreg import engine
    from logreg.model import LogisticRegression
    from logreg.saving import save_model

    with engine.floatx(W.dtype.name):
        classifier = LogisticRegression(engine.T.matrix("x"), n_in, n_out)
    for param, value in zip(classifier.params, (W, b)):
        param.set_value(numpy.ascontiguousarray(value, dtype=W.dtype.name))
    save_model(
        classifier,
        args.new,
        class_labels=list(range(n_out)),
        image_shape=[28, 28] if n_in == MNIST_N_IN else None,
        pixel_scale=1 / 256,
        source=f"the tutorial's pickle {Path(args.old).name}",
    )
    print(f"{args.new}: a model of {n_in} features and {n_out} classes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

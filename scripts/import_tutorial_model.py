"""Make a model file of a tutorial's own ``best_model.pkl``.

``python scripts/import_tutorial_model.py OLD NEW``: OLD is a pickle of the whole graph, which
only the same Theano can load, and which runs whatever it says. Nothing of it is imported or
run here: what it names becomes a stand-in, and W and b are picked out of these.
"""

import argparse
import io
import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy

from logreg.console import command
from logreg.datasets.formats import expect_end
from logreg.datasets.pickled import STAND_INS, ArrayUnpickler, Inert, array_from
from logreg.errors import ModelFileError
from logreg.files import read_whole

MNIST_N_IN = 28 * 28
MAX_BYTES = 1 << 30
MAX_NAME = 100


class _OnGpu(Inert):
    """An array in a GPU's memory: it is pickled as a call with a NumPy array."""


GPU_CALLS = {
    "theano.gpuarray.type.GpuArray_unpickler",
    "theano.sandbox.gpuarray.type.GpuArray_unpickler",
    "theano.sandbox.cuda.type.CudaNdarray_unpickler",
}


class _GraphUnpickler(ArrayUnpickler):
    """The unpickler of arrays, with stand-ins for all else that a pickled graph has."""

    dispatch = ArrayUnpickler.dispatch.copy()
    for _opcode in (pickle.NEWOBJ, pickle.INST, pickle.OBJ, pickle.FLOAT, pickle.BINFLOAT):
        dispatch[_opcode[0]] = pickle._Unpickler.dispatch[_opcode[0]]

    def find_class(self, module, name):
        name = f"{module}.{name}"
        return _OnGpu if name in GPU_CALLS else STAND_INS.get(name, Inert)

    def _new_dict(self, items=()):
        self.append({})
        self._set_items(items)

    def _set_items(self, items):
        for name, value in zip(items[::2], items[1::2]):
            # Other keys than names are of no use here, and to hash some takes forever.
            if isinstance(name, (str, bytes, bytearray)) and len(name) <= MAX_NAME:
                name = name if isinstance(name, str) else name.decode("latin1")
                self.stack[-1][name] = value

    dispatch[pickle.EMPTY_DICT[0]] = _new_dict
    dispatch[pickle.DICT[0]] = lambda self: self._new_dict(self.pop_mark())
    dispatch[pickle.SETITEM[0]] = lambda self: self._set_items(
        [self.stack.pop(), self.stack.pop()][::-1]
    )
    dispatch[pickle.SETITEMS[0]] = lambda self: self._set_items(self.pop_mark())


def read_parameters(path):
    """Take W and b out of a pickled LogisticRegression of the tutorial.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    W : numpy.ndarray, shape (n_in, n_out)
    b : numpy.ndarray, shape (n_out,)

    Raises
    ------
    ModelFileError
        If they are not in it.
    """
    try:
        stream = io.BytesIO(read_whole(path, MAX_BYTES))
        root = _GraphUnpickler(stream).load()
        expect_end(stream)
        W, b = (_value(root.state[name]) for name in "Wb")
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
    (value,) = variable.state["container"].state["storage"]
    return array_from(value.args[0] if isinstance(value, _OnGpu) else value)


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

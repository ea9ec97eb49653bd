"""What the tutorial's own program pickled: a whole graph, of which W and b are taken.

Only the same Theano can load such a file, and it runs whatever that says. Here nothing that the
file names is imported or run: see :mod:`logreg.models.any_pickle`.
"""

import io
import re

from logreg.errors import ModelFileError
from logreg.files import pickles
from logreg.models import any_pickle


def is_one(data):
    """Whether bytes begin as a pickle of a LogisticRegression does, and not as a file of ours."""
    return b"LogisticRegression" in data[:1000] and b"logreg.saving" not in data[:100]


def loads(data):
    """Take the model out of a pickle: a header and arrays, as a model file has them."""
    try:
        root = any_pickle.load(io.BytesIO(data), pickles.MAX_OPCODES)
        arrays = any_pickle.arrays_of(root)
        # What was in a GPU's memory is pickled as a call with an array.
        found = (re.fullmatch("([Wb])/container/storage/0(/0)?", path) for path in arrays)
        given = {match.group(1): arrays[match.group()] for match in found if match}
        W, b = given["W"], given["b"]
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

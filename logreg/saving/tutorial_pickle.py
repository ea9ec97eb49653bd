"""What the tutorial's own program pickled: a whole graph, of which W and b are taken.

Only the same Theano can load such a file, and it runs whatever that says. Here nothing that the
file names is imported or run: see :mod:`logreg.saving.any_pickle`.
"""

import io
import re

from logreg.errors import ModelFileError
from logreg.saving import any_pickle


def is_one(data):
    """Whether bytes begin as a pickle of a LogisticRegression does, and not as a file of ours."""
    return b"LogisticRegression" in data[:1000] and b"logreg.saving" not in data[:100]


def loads(data):
    """Take the model out of a pickle: a header and arrays, as a model file has them."""
    try:
        arrays, _ = any_pickle.arrays_of(any_pickle.load(io.BytesIO(data)))
        # What was in a GPU's memory is pickled as a call with an array.
        matches = (re.fullmatch("([Wb])/container/storage/0(/0)?", path) for path in arrays)
        params = {match[1]: arrays[match[0]] for match in matches if match}
        metadata = {"pixel_scale": 1 / 256, "source": "the tutorial's own program"}
        metadata["x_range"] = [0, 255 / 256]
        if len(params["W"]) == 28 * 28:
            metadata["image_shape"] = [28, 28]
        params = {name: param.astype(param.dtype.name) for name, param in params.items()}
    except Exception as error:  # whatever a pickle of unknown origin may provoke
        raise ModelFileError(
            "it is no pickle of a LogisticRegression as the tutorial's own program writes it, or "
            "it is cut short or damaged"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, params

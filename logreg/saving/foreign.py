"""Models that the tutorial's own program pickled.

It pickles a whole graph. Only the same Theano can load that, and it runs what the graph says; here
W and b are taken, and nothing is run: see :mod:`logreg.saving.any_pickle`.
"""

import io
import re

from logreg.basics.errors import ModelFileError, cut
from logreg.saving import any_pickle


def loads(data):
    """Read a model of the tutorial's own program: a header and arrays, as a model file has them.

    A ModelFileError says that the bytes are damaged.
    """
    try:
        found, _ = any_pickle.arrays_of(io.BufferedReader(io.BytesIO(data)), len(data))
        arrays = {}
        for path, array in found.items():
            # An array in a GPU's memory is pickled as the argument of a call: hence another /0.
            match = re.fullmatch("([Wb])/container/storage/0(/0)?", path)
            if match:
                # A dtype's name has no byte order, so this converts to that of this machine.
                arrays[match[1]] = array.astype(array.dtype.name)
        metadata = {"source": "the tutorial's own program"}
        if len(arrays["W"]) == 28 * 28:
            metadata.update(pixel_scale=256, x_range=[0, 255 / 256], image_shape=[28, 28])
    except Exception as error:  # whatever bytes of unknown origin may provoke
        raise ModelFileError(
            f"it is damaged, or not as the tutorial's own program writes a model: {cut(error)}"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, arrays

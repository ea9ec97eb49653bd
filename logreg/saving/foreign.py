"""Models that other programs wrote, and those of :mod:`logreg.export`.

The tutorial's own program pickles a whole graph. Only the same Theano can load it, and it runs what
that says; here W and b are taken, and nothing is run: see :mod:`logreg.saving.any_pickle`. npz,
JSON and safetensors are read without a library.
"""

import io
import json
import re

import numpy

from logreg.datasets import pickles
from logreg.datasets.formats import ZIP, npz_arrays
from logreg.errors import ModelFileError, cut
from logreg.saving import any_pickle


def loads(data):
    """Read a model: a header and arrays, as a model file has them.

    Returns None if the bytes do not begin as those of these programs do. A ModelFileError says that
    they are damaged.
    """
    read = _reader_of(data)
    if read is None:
        return None
    try:
        metadata, arrays = read(data)
    except Exception as error:  # whatever bytes of unknown origin may provoke
        raise ModelFileError(
            "it is damaged, or not as the tutorial's own program or logreg.export writes a model: "
            f"{cut(error)}"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, arrays


def _reader_of(data):
    if data.startswith(ZIP):
        return _of_npz
    if data[6:9] == b"\0\0{":
        return _of_safetensors
    if data.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"{"):  # behind an editor's mark
        return _of_json
    is_tutorials = b"LogisticRegression" in data[:1000] and b"logreg.saving" not in data[:100]
    return _of_tutorial if is_tutorials else None


def _of_tutorial(data):
    root = any_pickle.load(io.BytesIO(data))
    found, _ = any_pickle.arrays_of(root, pickles.unpacked_size(len(data)))
    # What was in a GPU's memory is pickled as a call with an array.
    matches = (re.fullmatch("([Wb])/container/storage/0(/0)?", path) for path in found)
    arrays = {match[1]: found[match[0]] for match in matches if match}
    metadata = {"source": "the tutorial's own program"}
    if len(arrays["W"]) == 28 * 28:
        metadata.update(pixel_scale=1 / 256, x_range=[0, 255 / 256], image_shape=[28, 28])
    return metadata, {name: array.astype(array.dtype.name) for name, array in arrays.items()}


def _of_npz(data):
    arrays = npz_arrays(io.BytesIO(data), len(data), lambda names: ("W", "b", "metadata"))
    return json.loads(str(arrays.pop("metadata"))), arrays


def _of_json(data):
    content = json.loads(data)
    metadata = content["metadata"]
    return metadata, {name: numpy.array(content[name], metadata["dtype"]) for name in "Wb"}


def _of_safetensors(data):
    start = 8 + int.from_bytes(data[:8], "little")
    content, arrays = json.loads(data[8:start]), {}
    metadata = json.loads(content["__metadata__"]["logreg"])
    for name in "Wb":
        first, last = content[name]["data_offsets"]
        flat = numpy.frombuffer(data[start + first : start + last], metadata["dtype"])
        arrays[name] = flat.reshape(content[name]["shape"])
    return metadata, arrays

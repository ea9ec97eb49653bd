"""Models as :mod:`logreg.export` wrote them: npz, JSON and safetensors, which need no library."""

import io
import json

import numpy

from logreg.datasets.formats import npz_arrays
from logreg.errors import ModelFileError, cut

NAMES = ("W", "b", "metadata")


def is_one(data):
    """Whether bytes begin as one of these formats does."""
    return data.startswith((b"PK\3\4", b"{")) or data[8:9] == b"{"


def loads(data):
    """Read a model: a header and arrays, as a model file has them."""
    try:
        if data.startswith(b"PK"):
            arrays = npz_arrays(io.BytesIO(data), len(data), lambda names: NAMES)
            metadata = json.loads(str(arrays.pop("metadata")))
        elif data.startswith(b"{"):
            content = json.loads(data)
            metadata = content["metadata"]
            arrays = {name: numpy.array(content[name], metadata["dtype"]) for name in "Wb"}
        else:
            start = 8 + int.from_bytes(data[:8], "little")
            content, arrays = json.loads(data[8:start]), {}
            metadata = json.loads(content["__metadata__"]["logreg"])
            for name in "Wb":
                first, last = content[name]["data_offsets"]
                flat = numpy.frombuffer(data[start + first : start + last], metadata["dtype"])
                arrays[name] = flat.reshape(content[name]["shape"])
    except Exception as error:
        raise ModelFileError(
            f"it is damaged, or no npz, JSON or safetensors file that export wrote: {cut(error)}"
        ) from error
    return {"format": "logreg model", "metadata": metadata}, arrays

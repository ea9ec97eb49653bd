"""What a file tells: where and when it was made, and of a model what its readers need."""

import math
import platform
from datetime import datetime, timezone

import numpy

from logreg import __version__
from logreg.errors import ModelFileError


def provenance():
    """Where and when a file is made: versions and the date (UTC), as a dict."""
    from logreg import engine

    return {
        "engine": f"{engine.NAME} {engine.VERSION}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "logreg": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def complete_metadata(metadata, W):
    """Add what every model file tells to the metadata of a model with these weights.

    A ModelFileError says what of `metadata` does not fit `W`, of shape (n_in, n_out).
    """
    n_in, n_out = W.shape
    metadata = {
        "class_labels": list(range(n_out)),
        "image_shape": None,
        "pixel_scale": 1,
        **metadata,
        "n_in": n_in,
        "n_out": n_out,
        "dtype": W.dtype.name,
    }
    labels, shape, names = map(metadata.get, ("class_labels", "image_shape", "feature_names"))
    for name, value, n_values, n in (
        ("class_labels", labels, len(labels), n_out),
        ("image_shape", shape, math.prod(shape or [n_in]), n_in),
        ("feature_names", names, len(names or []) or n_in, n_in),
    ):
        if n_values != n:
            raise ModelFileError(
                f"{name} is {str(value)[:80]}, which does not fit a model of {n_in} features and "
                f"{n_out} classes"
            )
    return metadata

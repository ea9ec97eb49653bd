"""What is learnt from the training rows before training: the facts that preprocessing needs."""

import hashlib
from dataclasses import replace

import numpy

from logreg.basics.console import note
from logreg.parts.arrays import narrower
from logreg.parts.pixels import N_IMAGES, are_centred, median_of
from logreg.parts.preprocessing import (
    FLOAT32_MAX,
    Moments,
    blocks,
    check_values,
    ends_of,
    scale_of,
    standard_scales,
)


def learn(parts, sets, facts, dtype, standardize, weights):
    """Check the values of three sets, and return the facts with all that the training rows tell.

    The `parts` are the sets as they were read, before any split. A message names the row of a bad
    value there. Folds have no parts: their values were checked before.
    The `weights` are a dict of an array for each set; None if rows have no weights.
    """
    x, y = sets["train"]
    moments = Moments() if standardize or facts.options.missing else None
    raw_range, digest = read_through(parts, sets, facts, dtype, moments, standardize)
    facts = replace(facts, raw_range=raw_range)
    # Whether the rows of a table are images goes by `raw_range`, which the facts have now.
    image_shape = facts.image_layout.shape
    scale = scale_of(x, facts.pixel_scale)
    if parts and scale == 1 and raw_range == [0, 255] and not standardize:
        note(
            f"note: {facts.dataset}: x goes from 0 to 255 and is not taken for pixels; if it is, "
            "give `pixel_scale=256`, or save them as uint8, to have them divided by 256"
        )
    factor = 1 / scale
    x_range = [end * factor for end in raw_range]
    means = scales = None
    if moments is not None:
        means = moments.means * factor
    if standardize:
        means[facts.table.one_hot_features] = 0  # of arrays, there are none
        scales = standard_scales(moments, factor, facts.table.one_hot_features)
        ends = (numpy.stack([moments.low, moments.high]) * factor - means) / scales
        x_range = [*ends_of(ends, ignore_nan=True)]
    facts = replace(facts, pixel_scale=scale, feature_means=means, feature_scales=scales)
    is_centred = facts.centred  # None: nobody has said it
    if is_centred is None and image_shape is not None:
        images = numpy.nan_to_num(x[:: 1 + len(x) // N_IMAGES])
        is_centred = are_centred(images.reshape(-1, *image_shape))
    weights = weights or dict.fromkeys(sets)  # None for each set
    counts = numpy.bincount(y, weights["train"], facts.n_out)
    is_wrong = sets["test"][1] != counts.argmax()  # if the guess is always the largest class
    return replace(
        facts,
        dataset_sha256=digest,
        class_counts=counts.tolist(),
        rows=[len(y) for _, y in sets.values()],
        baseline_error=float(numpy.average(is_wrong, weights=weights["test"])),
        x_range=x_range,
        centred=is_centred,
        x_median=median_of(x, facts.preprocessing, image_shape),
    )


def read_through(parts, sets, facts, dtype=None, moments=None, standardize=False):
    """Check the values of features, and digest the data set, in one pass over the arrays.

    Parameters
    ----------
    parts : dict of Part
        The sets as they were read. A message names the row of a bad value there.
    sets : dict of pairs
        The first are the training rows.
    facts : Facts
    dtype : dtype, optional
        Features of a wider type are cast to it for the digest. So the digest is the same, whichever
        type they were read as.
    moments : Moments, optional
        The training rows are added to it.
    standardize : bool
        Whether features will be standardized, which changes the digest.

    Returns
    -------
    raw_range : list
        The smallest and the largest feature of the first set.
    digest : str
        The SHA-256 of the dtypes, shapes and bytes of all arrays, in hexadecimal.
    """
    digest = hashlib.sha256()
    ranges = []
    for split, (x, y) in sets.items():
        ends = []
        x_dtype = narrower(x.dtype, dtype)
        digest.update(_describe(x_dtype, x.shape))
        for block in blocks(x.reshape(len(x), -1)):
            digest.update(numpy.ascontiguousarray(block, x_dtype).data.cast("B"))
            low, high = ends_of(block, ignore_nan=facts.is_table)  # an empty cell is NaN
            ends += [low, high]
            # By `not`, NaN is bad, too. The cells of a table were checked when they were read.
            is_bad = not max(-low, high) <= FLOAT32_MAX
            if is_bad and not facts.is_table:
                # Find the bad value in the sets as they were read, and raise an error.
                for part in parts.values():
                    check_values(part.x, part.where)
            if moments is not None and split == "train":
                moments.add(block)
        digest.update(_describe(y.dtype, y.shape) + y.tobytes())
        ranges.append([*ends_of(ends, ignore_nan=True)])
    if standardize:
        digest.update(b"standardized")
    for part in parts.values():
        if part.weights is not None:
            digest.update(part.weights.tobytes())
    return ranges[0], digest.hexdigest()


def _describe(dtype, shape):
    """The bytes that come before those of an array in a digest."""
    return f"{dtype.str} {shape}\n".encode()

"""What one pass over a data set tells: its digest, and what is done to features before training."""

import hashlib
from typing import NamedTuple

import numpy

from logreg.datasets.checks import narrower
from logreg.datasets.parts import SPLITS
from logreg.datasets.preprocessing import (
    FLOAT32_MAX,
    Moments,
    Preprocessing,
    blocks,
    check_values,
    scale_of,
)
from logreg.errors import DatasetError, quoted
from logreg.terminal.notes import note, warning

SAMPLE_VALUES = 1 << 19  # about as many values as a median is taken of


class Learnt(NamedTuple):
    """What is known of a data set after one pass."""

    n_in: int  # how many features it has
    sizes: tuple  # and rows, in its three sets
    preprocessing: Preprocessing  # what is done to x before training
    # The smallest and the largest training feature, as the data have it and as a model takes it.
    raw_range: tuple
    x_range: tuple
    x_median: float  # of some training rows: of most images it is the background
    class_counts: list  # how many training rows each class has
    # The label that most training rows have, and the test error of always guessing it.
    most_frequent_class: tuple
    sha256: str  # see :func:`read_through`


def learn(parts, sets, about, class_labels, dtype=None, standardize=False):
    """Learn from the training rows of three sets, and check the values of all.

    The `parts` are those that the sets were split off, by whose rows a bad value is named. The sets
    may be standardized: then `standardize` is True, or None, which is True for tables without
    pixels.
    """
    _check_classes(about.name, sets, class_labels)
    if standardize is None:
        standardize = about.is_table and about.pixel_scale is None
    (x, y), missing = sets["train"], about.options.missing
    moments = Moments() if standardize or missing else None
    raw_range, digest = read_through(parts, sets, about, dtype, moments, standardize)
    scale = scale_of(x, about.pixel_scale)
    if scale == 1 and raw_range == (0, 255):
        note(
            f"note: {about.name}: x goes from 0 to 255 and is not taken for pixels; if it is, give "
            "`pixel_scale`, or save them as uint8, to have them scaled by 1/256"
        )
    scales_all = bool(about.pixel_scale)
    preprocessing = Preprocessing.fit(moments, scale, scales_all, missing, standardize)
    x_range = tuple(end * scale for end in raw_range)
    some = x[:: 1 + x.size // SAMPLE_VALUES]
    counts = numpy.bincount(y, minlength=len(class_labels))
    most = int(counts.argmax())
    return Learnt(
        x.shape[1],
        tuple(len(y) for _, y in sets.values()),
        preprocessing,
        raw_range,
        preprocessing.range_of(moments) if standardize else x_range,
        float(numpy.median(preprocessing.apply(some, "float64"))),
        counts.tolist(),  # model files hold no NumPy integers
        (class_labels[most], float((sets["test"][1] != most).mean())),
        digest,
    )


def read_through(parts, sets, about, dtype=None, moments=None, standardize=False):
    """Check the values of features, and digest the data set, in one pass over the arrays.

    The training rows are added to `moments`, if it is not None. Returned are the smallest and the
    largest feature of the first set; and the SHA-256 of the dtypes, shapes and bytes of all arrays,
    in hexadecimal. Features wider than `dtype` are digested as such, however they were read, and
    `standardize` counts, too.
    """
    ranges, digest = [], hashlib.sha256()
    # In a table, NaN is an empty cell.
    least, most = (numpy.fmin, numpy.fmax) if about.is_table else (numpy.minimum, numpy.maximum)

    def digested(array):
        kind = narrower(array.dtype, dtype)
        digest.update(f"{kind.str} {array.shape}\n".encode())
        for block in blocks(array.reshape(len(array), -1)):
            digest.update(numpy.ascontiguousarray(block, kind).data.cast("B"))
            yield block

    for split, (x, y) in sets.items():
        ends = []
        for block in digested(x):
            ends += float(least.reduce(block, None)), float(most.reduce(block, None))
            if not (about.is_table or max(map(abs, ends[-2:])) <= FLOAT32_MAX):
                for part in parts.values():
                    check_values(part.x, part.where)
            if moments is not None and split == "train":
                moments.add(block)
        ranges.append((float(numpy.nanmin(ends)), float(numpy.nanmax(ends))))
        for _ in digested(y):
            pass
    if standardize:
        digest.update(b"standardized")
    return ranges[0], digest.hexdigest()


def _check_classes(name, sets, class_labels):
    """Refuse too many classes; warn of sets on which nothing can be told of what was learnt."""

    def names(classes):
        return ", ".join(quoted(class_labels[i]) for i in classes[:10])

    n_rows, n_out = sum(len(y) for _, y in sets.values()), len(class_labels)
    if n_out > max(10, n_rows / 2):
        raise DatasetError(
            f"{name}: there are {n_out} classes in {n_rows} rows, {names([0, 1])}, ...: that is no "
            "label; `label_column` names another column"
        )
    for split in ("valid", "test"):
        present, doubt = numpy.unique(sets[split][1]), None
        lacking = numpy.setdiff1d(present, sets["train"][1])
        if len(lacking):
            doubt = f"{len(lacking)} of the {n_out} classes in the {SPLITS[split]} set are in "
            doubt += f"no training row ({names(lacking)})"
        elif len(present) == 1:
            doubt = f"every row of the {SPLITS[split]} set has the label {names(present)}"
        if doubt:
            warning(
                f"{doubt}: the result is likely to be useless; if the rows are sorted by class, "
                "shuffle them: `shuffle=True`"
            )

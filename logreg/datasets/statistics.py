"""What one pass over a data set tells: its digest, and what is done to features before training."""

import hashlib
import math
import re
from collections import defaultdict
from dataclasses import replace

import numpy

from logreg import rules
from logreg.console import note, warning
from logreg.datasets.arrays import narrower
from logreg.datasets.pixels import N_IMAGES, are_centred, edges_of
from logreg.datasets.preprocessing import (
    FLOAT32_MAX,
    Moments,
    Preprocessing,
    blocks,
    check_values,
    scale_of,
)
from logreg.datasets.splits import SPLITS
from logreg.errors import DatasetError, listed, quoted

MANY_NUMBERS = 30  # of more, a label may be a quantity, as of fewer with less than 5 rows each
SAMPLE_VALUES = 1 << 19  # about as many values as a median is taken of


def learn(parts, sets, facts, dtype=None, standardize=False):
    """Learn from the training rows of three sets, and check the values of all: the facts, whole.

    The `parts` are those that the sets were split off, by whose rows a bad value is named.
    """
    _check_classes(facts, sets)
    for line in _look_at(sets, facts.class_labels) if facts.is_table and parts else ():
        note(f"note: {facts.dataset}: {line}")
    (x, y), missing = sets["train"], facts.options.missing
    moments = Moments() if standardize or missing else None
    raw_range, digest = read_through(parts, sets, facts, dtype, moments, standardize)
    facts = replace(facts, raw_range=raw_range)  # which tells whether rows are images
    scale = scale_of(x, facts.pixel_scale)
    if scale == 1 and raw_range == [0, 255]:
        note(
            f"note: {facts.dataset}: x goes from 0 to 255 and is not taken for pixels; if it is, "
            "give `pixel_scale`, or save them as uint8, to have them scaled by 1/256"
        )
    categories = ()
    if rules.current() >= rules.ONE_HOT_SCALES:
        categories = facts.table.one_hot_features
    preprocessing = Preprocessing.fit(
        moments, scale, facts.scale_all, missing, standardize, categories
    )
    x_range = [end * scale for end in raw_range]
    some, centred = preprocessing.apply(x[:: 1 + x.size // SAMPLE_VALUES], "float64"), facts.centred
    if facts.pixels.shape:
        some = edges_of(some.reshape(-1, *facts.pixels.shape))
        if centred is None:
            images = numpy.nan_to_num(x[:: 1 + len(x) // N_IMAGES])
            centred = are_centred(images.reshape(-1, *facts.pixels.shape))
    counts = numpy.bincount(y, minlength=facts.n_out)
    return replace(
        facts,
        dataset_sha256=digest,
        class_counts=counts.tolist(),
        rows=[len(y) for _, y in sets.values()],
        baseline_error=float((sets["test"][1] != counts.argmax()).mean()),
        x_range=preprocessing.range_of(moments) if standardize else x_range,
        centred=centred,
        x_median=float(numpy.median(some)),
        pixel_scale=preprocessing.pixel_scale,
        feature_means=preprocessing.means,
        feature_scales=preprocessing.scales,
    )


def read_through(parts, sets, facts, dtype=None, moments=None, standardize=False):
    """Check the values of features, and digest the data set, in one pass over the arrays.

    The training rows are added to `moments`, if it is not None. Returned are the smallest and the
    largest feature of the first set; and the SHA-256 of the dtypes, shapes and bytes of all arrays,
    in hexadecimal. Features wider than `dtype` are digested as such, however they were read, and
    `standardize` counts, too.
    """
    ranges, digest = [], hashlib.sha256()
    # In a table, NaN is an empty cell.
    least, most = (numpy.fmin, numpy.fmax) if facts.is_table else (numpy.minimum, numpy.maximum)

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
            if not (facts.is_table or max(map(abs, ends[-2:])) <= FLOAT32_MAX):
                for part in parts.values():
                    check_values(part.x, part.where)
            if moments is not None and split == "train":
                moments.add(block)
        ranges.append([float(numpy.nanmin(ends)), float(numpy.nanmax(ends))])
        for _ in digested(y):
            pass
    if standardize:
        digest.update(b"standardized")
    return ranges[0], digest.hexdigest()


def _check_classes(facts, sets):
    """Refuse one class, or too many; warn of sets that tell nothing of what was learnt."""

    def names(classes):
        return ", ".join(quoted(facts.class_labels[i]) for i in classes[:10])

    n_rows, n_out = sum(len(y) for _, y in sets.values()), facts.n_out
    if n_out < 2 and facts.is_table:
        raise DatasetError(
            f"{facts.dataset}: every row has the label {names([0])}: give two at least"
        )
    is_number = not isinstance(facts.class_labels[0], str)
    if facts.is_table and is_number and n_out > min(MANY_NUMBERS, n_rows / 5):
        warning(
            f"{facts.dataset}: {n_rows} rows have {n_out} different numbers as labels: is that a "
            "quantity? Each number is a class of its own: make a few classes"
        )
    if n_out > max(10, n_rows / 2):
        raise DatasetError(
            f"{facts.dataset}: there are {n_out} classes in {n_rows} rows, {names([0, 1])}, ...: "
            "that is no label; `label_column` names another column"
        )
    advice = "; if the rows are sorted by class, shuffle them: `shuffle=True`"
    advice = advice if facts.split_seed is None else ""
    for split in ("valid", "test"):
        present, where = numpy.unique(sets[split][1]), f"the {SPLITS[split]} set"
        lacking = numpy.setdiff1d(present, sets["train"][1])
        doubt = f"every row of {where} has the label {names(present)}"
        if len(lacking):
            doubt = f"{len(lacking)} of the {n_out} classes in {where} are in no training row "
            doubt += f"({names(lacking)})"
        if len(lacking) or len(present) == 1:
            warning(f"{doubt}: the result is likely to be useless{advice}")


def _look_at(sets, class_labels):
    """Yield what is to be known of a table: its classes, and rows that stand in several sets."""
    counts = sum(numpy.bincount(y, minlength=len(class_labels)) for _, y in sets.values())
    order = numpy.argsort(-counts, kind="stable")
    shown = [f"{quoted(class_labels[k])} {counts[k]:,}" for k in order[:10]]
    more = f", and {len(order) - 10} more" * (len(order) > 10)
    yield f"rows of each class: {', '.join(shown)}{more}"
    alike = defaultdict(list)
    for label in filter(lambda label: isinstance(label, str), class_labels):
        alike[re.sub(r"\s", "", label.casefold())].append(quoted(label))
    same = [" and ".join(labels) for labels in alike.values() if len(labels) > 1]
    if same:
        yield f"labels that differ in case or blanks only: {listed(same)}: are they one class?"
    hashes = {split: _hashes(*rows) for split, rows in sets.items()}
    n = sum(int(numpy.isin(hashes[s], hashes["train"]).sum()) for s in ("valid", "test"))
    if n:
        n_held_out = len(hashes["valid"]) + len(hashes["test"])
        yield (
            f"{n} of the {n_held_out} rows for validation and test are the same as training rows: "
            "of new rows, the error may be larger"
        )


def _hashes(x, y):
    """A number for each row and its label."""
    rows = (row.tobytes() for block in blocks(x) for row in numpy.ascontiguousarray(block))
    return numpy.array([hash((row, label)) for row, label in zip(rows, y.tolist())])


def wilson_interval(n_wrong, n):
    """The 95 % interval of an error rate of which `n` rows showed `n_wrong` (Wilson, 1927).

    Examples
    --------
    >>> ["%.3f" % edge for edge in wilson_interval(0, 18)]
    ['0.000', '0.176']
    """
    z, p = 1.959964, n_wrong / n
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def with_interval(n_wrong, n):
    """An error rate in words, with its 95 % interval.

    Examples
    --------
    >>> with_interval(10, 50)
    '10 of 50 rows, 20.00 % (95 % interval: 11.24 to 33.04 %)'
    """
    low, high = (100 * end for end in wilson_interval(n_wrong, n))
    share = f"{100 * n_wrong / n:.2f} % (95 % interval: {low:.2f} to {high:.2f} %)"
    return f"{n_wrong} of {n} rows, {share}"

"""A look at a table before training: what a person would want to know of its rows and columns."""

import re
from collections import defaultdict

import numpy

from logreg.datasets.columns import NUMBER
from logreg.datasets.preprocessing import blocks
from logreg.errors import listed, quoted

ROWS_OF_A_VALUE = 5  # on average at least, in a column that may tell the label
N_SAMPLED = 1000


def look_at_columns(x, codes, columns):
    """Yield what is odd about the columns of x, of shape (n, d), where `codes` has the labels."""
    step = 1 + len(x) // N_SAMPLED
    for is_odd, said in (
        (_numbers_rows, "numbers the rows: `drop` leaves it out"),
        (
            _tells,
            "tells the label by itself: is it known before the label is? `drop` leaves it out",
        ),
    ):
        found = [
            column.title
            for j, column in enumerate(columns)
            if is_odd(x[::step, j], codes[::step], column, 1)
            and is_odd(x[:, j], codes, column, ROWS_OF_A_VALUE)
        ]
        if found:
            yield f"{listed(found)} {said}"


def _numbers_rows(values, codes, column, n_rows):
    """Whether values are whole numbers, each larger than the one above."""
    is_whole = column.kind == NUMBER and len(values) > 2 and (values == values.round()).all()
    return is_whole and (numpy.diff(values) > 0).all()


def _tells(values, codes, column, n_rows):
    """Whether each value has one class, and so many rows on average, or each class one range."""
    values = numpy.unique(values, return_inverse=True)[1]
    n_values, n_classes = values.max() + 1, codes.max() + 1
    n_pairs = len(numpy.unique(values.astype("int64") * n_classes + codes))
    n_changes = numpy.count_nonzero(numpy.diff(codes[numpy.argsort(values)]))
    is_often = n_rows * n_values <= len(values) or n_changes == n_classes - 1
    return n_classes > 1 and n_pairs == n_values and is_often


def look_at_sets(sets, class_labels):
    """Yield what is to be known of three sets: their classes, and rows that stand in several."""
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

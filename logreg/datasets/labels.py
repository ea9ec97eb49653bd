"""The labels of a data set: checked, and numbered as classes 0, 1, ..."""

import re

import numpy

from logreg.datasets.arrays import as_array
from logreg.datasets.header import Table
from logreg.errors import DatasetError

MAX_LABELS = 1 << 15  # different ones
LABELS_AT_A_TIME = 1 << 16  # are sorted, which takes several times their memory


class LabelIndex(dict):
    """The number of each label, in the order in which they come; too many are a DatasetError."""

    def __init__(self, source, mend):
        self.source, self.mend, self.first_rows = source, mend, []

    def numbers(self, labels, rows):
        """Take in the labels that a chunk has, and the first row of each; return their numbers."""
        for label, row in zip(labels, rows):
            if self.setdefault(label, len(self)) == len(self.first_rows):
                self.first_rows.append(int(row))
        if len(self) > MAX_LABELS:
            raise DatasetError(
                f"{self.source} has more than {MAX_LABELS} different labels by row "
                f"{sorted(self.first_rows)[MAX_LABELS]}: that is too many; {self.mend}"
            )
        return numpy.array([self.get(label, -1) for label in labels], "int32")


def check_labels(y, n_rows, source):
    """Check the labels of a set: integers, booleans, whole floats or text, or those of a Table.

    Returned are the labels that occur, a list of int or of str, and for each row the index of its
    label in that list. A label may be listed twice, as where a table has ``1`` and ``1.0``.
    """
    if isinstance(y, Table):
        found = list(map(_number, y.labels))
        found = y.labels if None in found else found
        return _classes(found, y.first_rows, f"{source} label column", "--label-column"), y.codes
    source += " y"
    y, fault = as_array(y, source), None
    y = y.reshape(-1) if y.shape[1:] == (1,) else y
    if y.ndim == 2:
        fault = f"has shape {y.shape} (one-hot?): one integer a row is needed"
        fault += ", e.g. numpy.argmax(y, axis=1)"
    elif y.ndim != 1:
        fault = f"has shape {y.shape}: one integer a row is needed"
    elif len(y) != n_rows:
        fault = f"has {len(y)} labels, x has {n_rows} rows: each row needs one label"
    elif y.dtype.kind not in "biufSU":
        fault = f"has dtype {y.dtype}: classes are integers, e.g. y.astype('int64'), or text"
    if fault:
        raise DatasetError(f"{source} {fault}")
    index, codes = LabelIndex(source, "give one of a few classes per row"), []
    try:
        for start in range(0, len(y), LABELS_AT_A_TIME):
            chunk = y[start : start + LABELS_AT_A_TIME]
            found, first, places = numpy.unique(chunk, return_index=True, return_inverse=True)
            codes.append(index.numbers(found.tolist(), start + first)[places.reshape(-1)])
        found = list(index)
        if y.dtype.kind == "S":
            found = [label.decode("utf-8", "backslashreplace") for label in found]
        if y.dtype.kind in "SU":
            "".join(found).encode()
    except DatasetError:
        raise
    except (ValueError, SystemError) as error:  # as of code points that do not exist
        raise DatasetError(f"{source} holds text that makes no sense: {error}") from None
    return _classes(found, index.first_rows, source), numpy.concatenate(codes)


def _number(text):
    """The number that a label is; None if it is none, as names such as 1_2 and 007 are not.

    Nor is an integer of more than 18 digits, which 64 bits may not hold.
    """
    try:
        if re.match(r".*_|[+-]?0\d|[+-]?\d{19}", text):
            return None
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def _classes(labels, first_rows, source, option=None):
    """Check each of the labels that occur; whole floats become integers."""
    classes = []
    for label, row in zip(labels, first_rows):
        fault, mend = None, "fill it in or leave out the row"
        if isinstance(label, str):
            if label.strip().lower() in ("", "nan"):
                fault = "NaN" if label.strip() else "empty"
                mend += " (--missing drop does, in training)" if option else ""
        elif not abs(label) < numpy.inf:
            fault = "NaN or infinite"
        elif label != int(label):
            fault, mend = "fractional", "give one class per row as an integer"
        if fault:
            where = f"row {row}" if option else f"row {row} (counted from 0)"
            other = f"; {option} names another column" if option else ""
            raise DatasetError(
                f"{source} holds the label {ascii(label)[:60]} in {where}: labels must not be "
                f"{fault}; {mend}{other}"
            )
        classes.append(label if isinstance(label, str) else int(label))
    return classes


def number_classes(sets):
    """Number the classes of a data set, whose sets are as :func:`check_labels` gives them, from 0.

    Returned are the labels, sorted, and for each of the sets the indices of its labels in them.
    """
    class_labels = set().union(*(labels for labels, _ in sets))
    if len(set(map(type, class_labels))) > 1:
        some = ", ".join(sorted(ascii(label)[:40] for label in class_labels)[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    indices = [numpy.array([index[label] for label in labels], "int32") for labels, _ in sets]
    return class_labels, [found[codes] for found, (_, codes) in zip(indices, sets)]

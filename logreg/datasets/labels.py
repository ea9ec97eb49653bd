"""The labels of a data set, and how they are numbered as classes 0, 1, ..."""

import re

import numpy

from logreg.errors import DatasetError


def number_of(text):
    """The number that a label is; None if it is none, as names such as 1_2 and 007 are not.

    Nor is an integer of more than 18 digits, which 64 bits may not hold.
    """
    try:
        if re.match(r".*_|[+-]?0\d|[+-]?\d{19}", text):
            return None
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def classes_of(labels, first_rows, source, option=None):
    """Check each of the labels that occur; whole floats become integers."""
    for label, row in zip(labels, first_rows):
        if label.strip().lower() in ("", "nan") if isinstance(label, str) else label != label // 1:
            where, mend = f"row {row} (counted from 0)", "fill it in, or leave out the row"
            if option:
                where, mend = f"row {row}", f"{mend}; {option} names another column"
            raise DatasetError(
                f"{source} holds the label {repr(label)[:60]} in {where}: labels are whole "
                f"numbers, or text, neither empty nor NaN; {mend}"
            )
    return [label if isinstance(label, str) else int(label) for label in labels]


def number_classes(sets):
    """Number the classes of a data set from 0, whose sets are as :func:`.check_labels` gives them.

    Returned are the labels, sorted, and for each of the sets the indices of its labels in them.
    """
    class_labels = set().union(*(labels for labels, _ in sets))
    if len(set(map(type, class_labels))) > 1:
        some = ", ".join(sorted(repr(label)[:40] for label in class_labels)[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    indices = [numpy.array([index[label] for label in labels], "int32") for labels, _ in sets]
    return class_labels, [found[codes] for found, (_, codes) in zip(indices, sets)]

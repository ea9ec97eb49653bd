"""The labels of a data set, and how they are numbered as classes 0, 1, ..."""

import re

import numpy

from logreg.errors import DatasetError, quoted

# Below these, NumPy and a model file keep each whole number as it is.
MOST_OF = {bool: 2, int: 2**63, float: 2.0**53}


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
        mend = "fill it in, or leave out the row"
        if isinstance(label, str):
            is_label = label.strip().lower() not in ("", "nan")
        elif label == label // 1 and abs(label) >= MOST_OF[type(label)]:
            is_label, mend = False, "it is too large to be kept as it is: give them as text"
        else:
            is_label = label == label // 1
        if not is_label:
            where = f"row {row} (counted from 0)"
            if option:
                where, mend = f"row {row}", f"{mend}; {option} names another column"
            raise DatasetError(
                f"{source} holds the label {quoted(label)} in {where}: labels are whole numbers, "
                f"or text, neither empty nor NaN; {mend}"
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

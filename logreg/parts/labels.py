"""The labels of a data set, and how they are numbered as classes 0, 1, ..."""

import re

import numpy

from logreg.basics.errors import DatasetError, quoted

MAX_DIGITS = 15  # of a whole number: floats and JSON keep all of these
# A label of a table that is a number. 1e3 and 007 are texts.
NUMBER_LABEL = re.compile(rf"[+-]?(0|[1-9][0-9]{{,{MAX_DIGITS - 1}}})(\.[0-9]*)?")


def number_classes(parts, is_table=False):
    """Number the classes of a data set from 0.

    Parameters
    ----------
    parts : dict of Part
        By their splits. The labels of a table are texts; if those of all sets are numbers, they
        count as such, so ``1`` and ``1.0`` are one.

    Returns
    -------
    class_labels : list of int or of str
        All labels, sorted.
    ys : dict of numpy.ndarray
        By split, for each row the index of its label in `class_labels`, int32.
    """
    labels = {split: part.labels for split, part in parts.items()}
    if is_table:
        labels = _comparable(labels)
    for split, part in parts.items():
        labels[split] = _checked(labels[split], part, is_table)
    different = set().union(*labels.values())
    if len(set(map(type, different))) > 1:
        some = ", ".join(sorted(map(quoted, different))[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(different)
    index = {label: k for k, label in enumerate(class_labels)}
    ys = {}
    for split, part in parts.items():
        classes = numpy.array([index[label] for label in labels[split]], "int32")
        ys[split] = classes[part.codes]
    return class_labels, ys


def _comparable(texts):
    """Make the labels of a table's sets comparable: numbers, if all of them are, or texts."""
    if all(map(NUMBER_LABEL.fullmatch, set().union(*texts.values()))):
        read = float
    elif len(texts) == 1:  # one set agrees with itself
        return texts
    else:
        read = without_zero_fraction  # one file may have 1, and another 1.0
    return {split: [*map(read, set_labels)] for split, set_labels in texts.items()}


def without_zero_fraction(text):
    """Return a text without the fraction that frames add to a whole number: 7 for 7.0.

    Examples
    --------
    >>> [without_zero_fraction(text) for text in ("-7.0", "7.05", "07.00", "v7.0")]
    ['-7', '7.05', '07', 'v7.0']
    """
    return re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)


def _checked(labels, part, is_table):
    """The labels of a set, if all of them can be classes; whole numbers become integers."""
    column = "label column" if is_table else "y"
    base = "" if is_table else " (counted from 0)"
    for code, label in enumerate(labels):
        if not _is_label(label):
            row = part.rows[(part.codes == code).argmax()]
            raise DatasetError(
                f"{part.where} {column} holds the label {quoted(label)} in row {row}{base}: labels "
                f"are text, neither empty nor NaN, or whole numbers of up to {MAX_DIGITS} digits. "
                "A number with a fraction is a quantity: make classes of it, as 'low' and 'high'; "
                "if numbers are larger: give labels as text, as 'n1'; leave out rows without a "
                "label, or name another `label_column` of a table"
            )
    return [label if isinstance(label, str) else int(label) for label in labels]


def _is_label(label):
    if isinstance(label, str):
        return label.strip().lower() not in ("", "nan")
    return label % 1 == 0 and abs(label) < 10**MAX_DIGITS

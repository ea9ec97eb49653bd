"""The labels of a data set, and how they are numbered as classes 0, 1, ..."""

import itertools
import re

import numpy

from logreg.errors import DatasetError, quoted

MAX_DIGITS = 15  # of a whole number, which then is as it was in NumPy and in a model file


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
    if is_table:
        numbers = {split: [*map(_number_of, part.labels)] for split, part in parts.items()}
        if None not in itertools.chain(*numbers.values()):
            parts = {split: part._replace(labels=numbers[split]) for split, part in parts.items()}
        elif len(parts) > 1:  # in one, 1 may be written as 1.0
            parts = {
                s: part._replace(labels=[*map(without_zero_fraction, part.labels)])
                for s, part in parts.items()
            }
    by_split = {split: _labels_of(part, is_table) for split, part in parts.items()}
    class_labels = set().union(*by_split.values())
    if len(set(map(type, class_labels))) > 1:
        some = ", ".join(sorted(map(quoted, class_labels))[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    return class_labels, {
        split: numpy.array([index[label] for label in labels], "int32")[parts[split].codes]
        for split, labels in by_split.items()
    }


def without_zero_fraction(text):
    """A text, but that of a whole number without the fraction that frames add: 7 for 7.0.

    Examples
    --------
    >>> [without_zero_fraction(text) for text in ("-7.0", "7.05", "07.00", "v7.0")]
    ['-7', '7.05', '07', 'v7.0']
    """
    return re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)


def _labels_of(part, is_table):
    """The labels that occur in a set: checked, and integers if they are whole numbers."""
    labels, source, counted, more = part.labels, f"{part.where} y", " (counted from 0)", ""
    if is_table:
        source, counted = f"{part.where} label column", ""
        more = ", or name another `label_column`"
    for label, row in zip(labels, part.first_rows):
        if not _is_label(label):
            raise DatasetError(
                f"{source} holds the label {quoted(label)} in row {row}{counted}: labels are text, "
                f"neither empty nor NaN, or whole numbers of up to {MAX_DIGITS} digits. A number "
                "with a fraction is a quantity: make classes of it, as 'low' and 'high'; if "
                "numbers are larger: give labels as text, as 'n1'; leave out rows without a label"
                f"{more}"
            )
    return [label if isinstance(label, str) else int(label) for label in labels]


def _number_of(text):
    """The number that a label is; None if it is none, as names such as 1e3 and 007 are not."""
    is_number = re.fullmatch(rf"[+-]?(0|[1-9][0-9]{{,{MAX_DIGITS - 1}}})(\.[0-9]*)?", text)
    return float(text) if is_number else None


def _is_label(label):
    if isinstance(label, str):
        return label.strip().lower() not in ("", "nan")
    return label == label // 1 and abs(label) < 10**MAX_DIGITS

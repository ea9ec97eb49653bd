"""What makes a training useless or doubtful: its classes, and rows that stand in several sets."""

from collections import Counter

import numpy

from logreg.basics.console import note, warning
from logreg.basics.errors import DatasetError, listed, quoted
from logreg.parts.splits import SPLITS

# Labels that are numbers may be a quantity. There is a warning in either of these cases:
MANY_NUMBERS = 30  # there are more different numbers than this
ROWS_PER_NUMBER = 5  # there are fewer rows than this for each different number


def check_classes(facts, sets, split_off):
    """Refuse a table of one class, and too many classes; warn of labels that may be a quantity.

    `split_off` has the names of the sets that were split off the training rows.
    """
    n_rows = sum(len(y) for _, y in sets.values())
    n_out = facts.n_out
    y_train = sets["train"][1]
    if facts.is_table and y_train.min() == y_train.max():
        raise DatasetError(
            f"{facts.dataset}: every training row ({len(y_train)} of {n_rows} rows) has the label "
            f"{_names(facts, y_train[:1])}: two labels are needed{_advice(facts, split_off)}"
        )
    has_numbers = facts.is_table and not isinstance(facts.class_labels[0], str)
    if has_numbers and n_out > min(MANY_NUMBERS, n_rows / ROWS_PER_NUMBER):
        warning(
            f"{facts.dataset}: {n_rows} rows have {n_out} different numbers as labels: is that a "
            "quantity? Each number is a class of its own: make a few classes"
        )
    if n_out > max(10, n_rows / 2):
        raise DatasetError(
            f"{facts.dataset}: there are {n_out} classes in {n_rows} rows, "
            f"{_names(facts, [0, 1])}, ...: that is no label; `label_column` names another column"
        )


def check_weights(facts, weights):
    """Refuse weights of a set that are all 0."""
    for split, weights_of_rows in weights.items():
        if not weights_of_rows.any():
            raise DatasetError(
                f"{facts.dataset}: all weights of the {SPLITS[split]} rows are 0: some must be "
                "above 0"
            )


def _warn_of_classes(data, split):
    """Warn if a set has a single class, or one that training does not see."""
    facts = data.facts
    y = getattr(data, split)[1]
    y_train = data.train[1]
    name = f"the {SPLITS[split]} set"
    unseen = numpy.setdiff1d(y, y_train)
    if len(unseen):
        doubt = (
            f"{len(unseen)} of the {facts.n_out} classes in {name} are in no training row "
            f"({_names(facts, unseen)})"
        )
    elif y.min() == y.max():
        doubt = f"every row of {name} has the label {_names(facts, y[:1])}"
    else:
        return
    warning(f"{doubt}: the result is likely to be useless{_advice(facts, split in data.split_off)}")


def _advice(facts, is_split_off):
    """Advise to shuffle rows that were split in their order."""
    if facts.split_seed is not None or not is_split_off:
        return ""
    return "; if the rows are sorted by class, shuffle them: `shuffle=True`"


def _names(facts, classes):
    return ", ".join(quoted(facts.class_labels[k]) for k in classes[:10])


def describe_labels(facts, sets):
    """Note how many rows each class of a table has; warn of labels that are similar."""
    _warn_of_similar_labels(facts)
    counts = sum(numpy.bincount(y, minlength=facts.n_out) for _, y in sets.values())
    by_size = numpy.argsort(-counts, kind="stable")
    sizes = listed([f"{quoted(facts.class_labels[k])} {counts[k]:,}" for k in by_size])
    note(f"note: {facts.dataset}: rows of each class: {sizes}")


def warn_of_doubtful_sets(data):
    """Warn if rows that are held out from the training of a DataSet cannot tell its error.

    They are the same as training rows, or have a single class, or one that no training row has.
    Folds mix the classes, so only the first is asked of them.
    """
    facts = data.facts
    if facts.is_table:
        _note_same_rows(data)
    if not data.folds:
        for split in ("valid", "test"):
            _warn_of_classes(data, split)


def _note_same_rows(data):
    """Note how many rows for validation and test are the same as training rows."""
    if data.folds:
        pairs = [(fold.train, fold.test) for fold in data.folds]
    else:
        pairs = [(data.train, data.valid), (data.train, data.test)]
    is_known = numpy.concatenate(
        [numpy.isin(_row_hashes(*held_out), _row_hashes(*training)) for training, held_out in pairs]
    )
    if is_known.any():
        note(
            f"note: {data.facts.dataset}: {is_known.sum()} of the {len(is_known)} rows for "
            "validation and test are the same as training rows: of new rows, the error may be "
            "larger"
        )


def _warn_of_similar_labels(facts):
    """Warn of labels that differ in case or blanks only."""
    labels = {label: "".join(str(label).casefold().split()) for label in facts.class_labels}
    n_spellings = Counter(labels.values())
    similar = [quoted(label) for label, letters in labels.items() if n_spellings[letters] > 1]
    if similar:
        warning(
            f"{facts.dataset}: labels differ in case or blanks only, {listed(similar)}: each is a "
            "class of its own; if they mean the same, write them alike"
        )


def _row_hashes(x, y):
    """A number for each row and its label; the same rows have the same number."""
    numbers = (hash((row.tobytes(), label)) for row, label in zip(x, y.tolist()))
    return numpy.fromiter(numbers, "int64", len(y))

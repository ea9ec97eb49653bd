"""Tables: CSV and its kin through pandas, Parquet through pyarrow, in chunks of rows.

So memory holds numbers, and of text what differs. Rows and columns are counted from 1, and a header
is row 1. Blank lines do not count.
"""

from typing import NamedTuple

import numpy

from logreg.console import note
from logreg.datasets.arrays import Part
from logreg.datasets.features import Features, Texts, rows_in, scratch_file
from logreg.datasets.frames import name_of, open_table
from logreg.datasets.look import look_at_columns
from logreg.datasets.options import NO_OPTIONS
from logreg.errors import DatasetError


def read_table(path, options=NO_OPTIONS, dtype="float64", known=None, scratch=None, where=None):
    """Read a table with a label in each row: Parquet, or CSV, gzipped or not.

    The rules of delimiter, header and label stand in :mod:`logreg.datasets.frames` and
    :mod:`logreg.datasets.header`, and what a column is in :mod:`logreg.datasets.columns`. A column
    with a name, whose cells are all alike, is left out, but if the rows are pictures.

    Parameters
    ----------
    path : str, path-like or pandas.DataFrame
    options : TableOptions
    dtype : str
        What the features become.
    known : Columns, optional
        Those of the training data. Features and label are then the same, found by their names
        if there is a header.
    scratch : path-like, optional
        A folder. Features are mapped from a file in it, and may be larger than memory.
    where : str, optional
        How messages call the set.

    Returns
    -------
    Part
        Its x is of shape (n, n_in), finite, or NaN where a cell is empty; its labels are texts, in
        the order in which they occur.
    Columns
    """
    source = name_of(path)
    with open_table(path, options, known) as (frames, head), scratch_file(scratch) as file:
        label = head.find_label()
        features, labels, groups = Features(head, head.features(label)), Texts(head), Texts(head)
        for frame in frames({label, head.group, *features.raw} - {None}):
            frame = frame[labels.add(frame[label]) >= 0]
            file.write(features.add(frame).astype(dtype, copy=False))
            if head.group is not None:
                groups.add(frame[head.group])
        of_all = labels.codes()
        codes = _labelled(head, label, of_all)
        x = rows_in(file, dtype, len(codes))
        features.fill(x)
        constant = features.constant(x) if known is None else ()
        features.check_empty(x, constant)
    n_left_out, looks = len(of_all) - len(codes), ()
    rules = [f"{n_left_out} rows without a label are left out"] * (n_left_out > 0)
    if known is None:
        rules += [*head.rules(label), *features.rules(constant)]
        looks = look_at_columns(x, codes, features.titles, features.kinds)
    for said in (rules, *([line] for line in looks)):
        _say(source, said)
    features.warn_of_new(source)
    first_rows = features.numbers_of(numpy.unique(codes, return_index=True)[1])
    rows = range(head.first_row, head.first_row + len(x))
    part = Part(
        features.encoded(x, constant, scratch),
        [*labels.numbers],
        codes,
        first_rows,
        f"{source}:" if where is None else where,
        features.numbers_of(slice(None)) if n_left_out else rows,
        None if head.group is None else groups.codes(),
    )
    return part, features.described(label, constant)


def _labelled(head, label, codes):
    """The numbers of those labels that are not empty; refuse others if empty cells are an error."""
    lacking = numpy.flatnonzero(codes < 0)
    if len(lacking) and (head.options.missing is None or len(lacking) == len(codes)):
        raise DatasetError(
            f"{len(lacking)} of {len(codes)} rows have no label, row {lacking[0] + head.first_row} "
            f"first, but NA, ? or the like in {head.title(label)}: `missing='mean'` leaves them out"
        )
    return codes[codes >= 0]


class Rows(NamedTuple):
    """Some rows of a table that a model is to predict."""

    x: numpy.ndarray  # of shape (n, n_in), float64
    numbers: list  # of the n rows, as messages number them
    kept: list  # of the columns that are kept: pairs of a name and the texts of the n cells


def table_batches(path, options, batch_size, known, keep=()):
    """Read the rows of a table that a model is to predict; yield :class:`Rows`.

    The path ``'-'`` is standard input, and n at most `batch_size`. `known` are the
    :class:`Columns` of the training data. With a header, a model that knows their names takes
    the columns by these and leaves the others out; a first row of just these names is a header.
    In other tables, the columns are the features; of one more, the label is left out, which is
    told as for training, but without a header is where it was then. Empty cells are NaN if the
    model fills them, else an error. The columns `keep`, names or numbers, or all by ``['all']``,
    are kept as they stand in the file.
    """
    source, new = name_of(path), {}
    with open_table(path, options, known) as (frames, head):
        label, width = None, len(head.cells)
        if not (head.names and known.names):
            n = len(known.categories)
            if width not in (n, n + 1 + len(head.dropped)):
                raise DatasetError(f"the model expects {n} features, got {width} columns")
            label = None if width == n else head.find_label()
        is_sure = known.names and any(map(head.is_text, known.names))
        if label is not None or (head.names and not is_sure):
            _say(source, head.rules(label, "is left out as the label"))
        order, kept = head.features(label), head.kept(keep)
        names = [head.names[i] if head.names else f"column {i + 1}" for i in kept]
        raw = {*Features(head, order).raw, *kept}
        try:
            for frame in frames(raw, batch_size):
                features = Features(head, order, new)
                x = features.add(frame)
                features.fill(x)
                features.check_empty(x)
                texts = frame[kept].astype(object).where(frame[kept].notna(), "").astype(str)
                cells = [(name, texts[i].tolist()) for name, i in zip(names, kept)]
                yield Rows(features.encoded(x), (frame.index + head.first_row).tolist(), cells)
        finally:
            Features(head, order, new).warn_of_new(source)


def _say(source, rules):
    """Say what rules chose."""
    said = ", ".join(rules)
    if said:
        note(f"note: {source}: {said}")

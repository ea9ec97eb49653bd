"""Tables: CSV and its kin through pandas, Parquet through pyarrow, in chunks of rows.

So memory holds numbers, and of text what differs. Rows and columns are counted from 1, and a header
is row 1. Blank lines do not count.
"""

from typing import NamedTuple

import numpy

from logreg.console import note, warning
from logreg.datasets.arrays import Part
from logreg.datasets.options import NO_OPTIONS
from logreg.errors import DatasetError
from logreg.tables.chunks import name_of, open_table
from logreg.tables.columns import Texts
from logreg.tables.features import Features, oddities, rows_in, scratch_file


def read_table(path, options=NO_OPTIONS, dtype="float64", known=None, scratch=None, where=None):
    """Read a table with a label in each row: Parquet, or CSV, gzipped or not.

    The rules of delimiter, header and label stand in :mod:`logreg.tables.chunks` and
    :mod:`logreg.tables.header`, and what a column is in :mod:`logreg.tables.columns`. A column
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
        features = Features(head, head.features(label))
        labels, groups = Texts(head), Texts(head)
        for frame in frames({label, head.group, *features.raw} - {None}):
            frame = frame[labels.add(frame[label]) >= 0]
            file.write(features.add(frame).astype(dtype, copy=False))
            if head.group is not None:
                groups.add(frame[head.group])
        codes = labels.codes()
        n_lacking = int((codes < 0).sum())
        if n_lacking and (not options.missing or n_lacking == len(codes)):
            raise DatasetError(
                f"{n_lacking} of {len(codes)} rows have no label, row {labels.rows('')[0]} first, "
                f"but NA, ? or the like in {head.title(label)}: `missing='mean'` leaves them out"
            )
        codes = codes[codes >= 0]
        of_groups = None if head.group is None else _group_codes(groups, known is None)
        x = rows_in(file, dtype, len(codes))
        new = features.fill(x)
        if known is None:
            features.leave_out_constant(x)
        features.check_empty(x)
    said = [f"{n_lacking} rows without a label are left out"] * (n_lacking > 0)
    if known is None:
        said += [*head.rules(label), *features.rules()]
    _say(source, said)
    for line in oddities(x, codes, features.columns) if known is None else ():
        _say(source, [line])
    _warn(source, new)
    rows = features.rows()
    part = Part(
        features.encoded(x, scratch),
        [*labels.numbers],
        codes,
        rows[numpy.unique(codes, return_index=True)[1]].tolist(),
        f"{source}:" if where is None else where,
        rows.tolist() if rows[-1] - rows[0] >= len(rows) else range(rows[0], rows[-1] + 1),
        of_groups,
        [*groups.numbers],
    )
    return part, features.described(label)


def _group_codes(groups, is_training):
    """The number of each row's group; in training, rows without one are refused, or alone."""
    codes, head = groups.codes(), groups.head
    alone = numpy.flatnonzero(codes < 0)
    if len(alone) and is_training and not head.options.missing:
        raise DatasetError(
            f"{len(alone)} of {len(codes)} rows have no group, row {groups.rows('')[0]} first, but "
            f"NA, ? or the like in {head.title(head.group)}: `missing='mean'` makes each of them a "
            "group of its own"
        )
    if is_training or head.options.missing:
        codes[alone] = -1 - alone
    return codes


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
    source = name_of(path)
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
        order, kept, told = head.features(label), [*dict.fromkeys(head.kept(keep))], set()
        names = [c if head.counts[c] == 1 else head.title(i) for i, c in enumerate(head.cells)]
        for frame in frames({*Features(head, order).raw, *kept}, batch_size):
            features = Features(head, order)
            x = features.add(frame)
            new = features.fill(x)
            features.check_empty(x)
            _warn(source, {title: held for title, held in new.items() if title not in told})
            told.update(new)
            texts = frame[kept].astype(object).where(frame[kept].notna(), "").astype(str)
            cells = [(names[i], texts[i].tolist()) for i in kept]
            yield Rows(features.encoded(x), features.rows().tolist(), cells)


def _warn(source, new):
    """Warn of categories that the model does not know: see :meth:`.Features.fill`."""
    for held in new.values():
        warning(f"{source}: {held}, no category that the model knows")


def _say(source, rules):
    """Say what rules chose."""
    said = ", ".join(rules)
    if said:
        note(f"note: {source}: {said}")

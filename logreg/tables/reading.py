"""Tables: CSV and its kin through pandas, Parquet through pyarrow, in chunks of rows.

Memory holds the numbers and each different text once. Messages count rows and columns from 1. A
header is row 1, and blank lines do not count.
"""

from collections import Counter
from dataclasses import replace

import numpy

from logreg.console import note, warning
from logreg.datasets.arrays import Part
from logreg.datasets.facts import Facts, table_facts
from logreg.datasets.frames import is_frame
from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.options import NO_OPTIONS, NUMBER
from logreg.datasets.splits import set_name
from logreg.errors import DatasetError, listed, quoted
from logreg.tables.chunks import name_of, open_table
from logreg.tables.columns import Column
from logreg.tables.features import Features, oddities, rows_in, scratch_file
from logreg.tables.texts import Texts


def read_tables(name, sets, options, model_columns, **table_storage):
    """Read the table of each split; what holds for the training table holds for the others."""
    parts = {}
    columns = model_columns
    for split, file in sets.items():
        where = set_name(name, split, len(sets) == 1)
        parts[split], found = read_table(
            file, options, model_columns=columns, where=where, **table_storage
        )
        if len(parts) == 1:
            facts = Facts(name, **table_facts(found))
        if columns is None:
            columns = found
            options = replace(
                options,
                group=found.options.group,
                weight_column=found.options.weight_column,
                label_column=None,
                header=bool(found.names),
                drop=None if found.names else options.drop,  # columns are found by their names
            )
    if model_columns is None:
        _check_groups(name, parts)
    files = () if is_frame(sets["train"]) else tuple(sets.values())
    return parts, facts, files


def _check_groups(name, parts):
    """Refuse a group that stands in several sets."""
    n_sets = Counter()
    for part in parts.values():
        n_sets.update([*dict.fromkeys(map(without_zero_fraction, part.group_names))])
    shared = [quoted(group) for group, n in n_sets.items() if n > 1]
    if shared:
        raise DatasetError(
            f"{name}: of {len(n_sets)} groups, {len(shared)} stand in several sets "
            f"({listed(shared)}): move the rows of each into one set, or give no `group`"
        )


def read_table(
    path, options=NO_OPTIONS, dtype="float64", model_columns=None, scratch=None, where=None
):
    """Read a table with a label in each row: Parquet, or CSV, gzipped or not.

    :mod:`logreg.tables.chunks` has the rules of delimiter and encoding, :mod:`logreg.tables.header`
    those of header and label, and :mod:`logreg.tables.columns` those of the kind of a column. In
    training, a named column whose cells are all alike is left out, unless the rows are pictures.

    Parameters
    ----------
    path : str, path-like or pandas.DataFrame
    options : TableOptions
    dtype : str
        What the features become.
    model_columns : Columns, optional
        The columns of the training data. Features and label are then the same, found by their names
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
    table = open_table(path, options, model_columns)
    with table as (frames, header), scratch_file(scratch) as file:
        label = header.find_label()
        features = Features(header, header.find_features(label))
        labels = Texts(header)
        groups = Texts(header)
        weight = None if header.weight is None else Column(header, header.weight, NUMBER)
        raw_columns = {label, header.group, header.weight, *features.raw_columns()} - {None}
        for frame in frames(raw_columns):
            frame = frame[labels.add(frame[label]) >= 0]  # without rows that have no label
            if weight:
                weight.add(frame[header.weight])
            file.write(features.add(frame).astype(dtype, copy=False))
            if header.group is not None:
                groups.add(frame[header.group])
        codes = labels.codes()
        n_unlabelled = _check_labels(labels, codes, header.title(label))
        codes = codes[codes >= 0]
        group_codes = None if header.group is None else _find_groups(groups)
        weights = _read_weights(weight) if weight else None
        x = rows_in(file, dtype, len(codes))
        unknown = features.fill(x)
        if header.is_training:
            features.leave_out_constant(x)
        features.check_empty(x)
    if n_unlabelled:
        _note(source, [f"{n_unlabelled} rows without a label are left out"])
    if header.is_training:
        _note(source, [*header.notes(label), *features.notes()])
        for line in oddities(x, codes, features.columns):
            _note(source, [line])
    _warn(source, unknown.values())
    rows = features.rows()
    first_rows = rows[numpy.unique(codes, return_index=True)[1]]
    # Row numbers without gaps are a range, which takes no memory.
    has_gaps = rows[-1] - rows[0] >= len(rows)
    part = Part(
        features.encode(x, scratch),
        [*labels.text_codes],
        codes,
        first_rows.tolist(),
        f"{source}:" if where is None else where,
        rows.tolist() if has_gaps else range(rows[0], rows[-1] + 1),
        group_codes,
        [*groups.text_codes],
        weights,
    )
    return part, features.describe(label)


def _check_labels(labels, codes, title):
    """Count the rows without a label; refuse them, unless `missing` leaves them out."""
    n_unlabelled = int((codes < 0).sum())
    if n_unlabelled and (not labels.header.options.missing or n_unlabelled == len(codes)):
        raise DatasetError(
            f"{n_unlabelled} of {len(codes)} rows have no label, row {labels.rows('')[0]} first, "
            f"but NA, ? or the like in {title}: `missing='mean'` leaves them out"
        )
    return n_unlabelled


def _find_groups(groups):
    """Find the code of each row's group.

    In training, rows without a group are refused; with `missing`, each is a group of its own.
    """
    codes = groups.codes()
    header = groups.header
    lacking = numpy.flatnonzero(codes < 0)
    if len(lacking) and header.is_training and not header.options.missing:
        raise DatasetError(
            f"{len(lacking)} of {len(codes)} rows have no group, row {groups.rows('')[0]} first, "
            f"but NA, ? or the like in {header.title(header.group)}: `missing='mean'` makes each "
            "of them a group of its own"
        )
    if header.is_training or header.options.missing:
        codes[lacking] = -1 - lacking  # a different code for each of these rows
    return codes


def _read_weights(column):
    """Read how much each row counts, as an array of shape (n,), float64."""
    values = column.read(0)  # its kind is set, for which the number of rows does not matter
    weights = values[column.codes()]
    is_wrong = ~((weights >= 0) & numpy.isfinite(weights))
    if not weights.any():
        raise DatasetError(f"all weights in {column.title} are 0: some must be above 0")
    if is_wrong.any():
        raise DatasetError(
            f"{is_wrong.sum()} of {len(weights)} rows have no weight in {column.title}: each needs "
            "a number from 0"
        )
    return weights


def table_batches(path, options, batch_size, model_columns):
    """Read the rows of a table that a model is to predict, a batch at a time.

    Each batch is a pair: the features, a float64 array of shape (n, n_in), and a list of the
    numbers that messages give its n rows. It has `batch_size` rows at most. The path ``'-'`` is
    standard input. `model_columns` are the :class:`Columns` of the training data.

    If the table has a header and the model knows the names of its columns, these are found by name,
    and other columns are left out. A first row of just these names is a header. In other tables,
    the columns are the features, in order. One column more is the label, and is left out. It is
    found by the rules of training; without a header, it is where it was in training.

    Empty cells are NaN if the model fills them, else an error.
    """
    source = name_of(path)
    with open_table(path, options, model_columns) as (frames, header):
        label = None
        if not (header.names and model_columns.names):
            n = len(model_columns.categories)
            width = len(header.cells)
            if width not in (n, n + 1 + len(header.dropped)):
                raise DatasetError(f"the model expects {n} features, got {width} columns")
            label = None if width == n else header.find_label()
        # Names of the model that are words make a header certain: that needs no note.
        names = model_columns.names
        has_sure_header = names and any(map(header.is_text, names))
        if label is not None or (header.names and not has_sure_header):
            _note(source, header.notes(label, "is left out as the label"))
        indices = header.find_features(label)
        warned = set()
        for frame in frames(Features(header, indices).raw_columns(), batch_size):
            features = Features(header, indices)
            x = features.add(frame)
            unknown = features.fill(x)
            features.check_empty(x)
            _warn(source, [text for title, text in unknown.items() if title not in warned])
            warned.update(unknown)
            yield features.encode(x), features.rows().tolist()


def _warn(source, messages):
    """Warn of categories that the model does not know: see :meth:`.Features.fill`."""
    for message in messages:
        warning(f"{source}: {message}, no category that the model knows")


def _note(source, notes):
    """Print notes of a table on one line, if there are any."""
    line = ", ".join(notes)
    if line:
        note(f"note: {source}: {line}")

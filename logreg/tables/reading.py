"""Tables of all kinds that :mod:`logreg.tables.chunks` opens, read in chunks of rows.

Memory holds the numbers and each different text once. Messages count rows and columns from 1. A
header counts as a row, and so does a comment above it. Blank lines do not count.
"""

from collections import Counter

import numpy

from logreg.basics.console import note, warning
from logreg.basics.errors import DatasetError, listed, quoted
from logreg.parts.arrays import Part
from logreg.parts.facts import Facts
from logreg.parts.frames import is_frame
from logreg.parts.labels import without_zero_fraction
from logreg.parts.options import NO_OPTIONS, NUMBER, TableOptions
from logreg.parts.splits import set_name
from logreg.tables.chunks import open_table
from logreg.tables.columns import Column
from logreg.tables.features import Features, oddities, rows_in, scratch_file
from logreg.tables.texts import Texts


def read_tables(name, sets, options, model_columns, **storage):
    """Read the table of each split; what holds for the training table holds for the others.

    The `storage` is for :func:`read_table`: its `dtype` and `scratch`.
    """
    part, found = read_table(sets["train"], options, model_columns, **storage)
    parts = {"train": part._replace(where=set_name(name, "train", is_alone=len(sets) == 1))}
    facts = Facts(name, n_in=part.x.shape[1], **found)
    is_training = model_columns is None
    if is_training:
        model_columns = facts.table
        has_header = bool(model_columns.names)
        given = TableOptions(header=has_header, decimal=options.decimal, encoding=options.encoding)
        # What was found in the training table; `given`, which knows of its header, overrides it.
        options = facts.table_options(given)
    for split in [*sets][1:]:
        part, _ = read_table(sets[split], options, model_columns, **storage)
        parts[split] = part._replace(where=set_name(name, split))
    if is_training:
        _check_groups(name, parts)
    files = () if is_frame(sets["train"]) else tuple(sets.values())
    return parts, facts, files


def _check_groups(name, parts):
    """Refuse a group that stands in several sets."""
    n_sets = Counter()
    for part in parts.values():
        n_sets.update({*map(without_zero_fraction, part.group_names)})
    shared = sorted(quoted(group) for group, n in n_sets.items() if n > 1)
    if shared:
        raise DatasetError(
            f"{name}: of {len(n_sets)} groups, {len(shared)} stand in several sets "
            f"({listed(shared)}): move the rows of each into one set, or give no `group`"
        )


def read_table(path, options=NO_OPTIONS, model_columns=None, dtype="float64", scratch=None):
    """Read a table with a label in each row, of any kind that :func:`.open_table` opens.

    :mod:`logreg.tables.chunks` has the rules of delimiter and encoding, :mod:`logreg.tables.header`
    those of header and label, and :mod:`logreg.tables.columns` those of the kind of a column. In
    training, a named column whose cells are all alike is left out, unless the rows are pictures.

    Parameters
    ----------
    path : str, path-like or pandas.DataFrame
    options : TableOptions
    model_columns : Columns, optional
        The columns of the training data. Features and label are then the same, found by their names
        if there is a header.
    dtype : str
        What the features become.
    scratch : path-like, optional
        A folder. Features are mapped from a file in it, and may be larger than memory.

    Returns
    -------
    Part
        Its x is of shape (n, n_in), finite, or NaN where a cell is empty; its labels are texts, in
        the order in which they occur.
    dict
        The :class:`.TableFacts`.
    """
    opened = open_table(path, options, model_columns)
    with opened as (frames, header), scratch_file(scratch) as file:
        label = header.find_label()
        features = Features(header, header.find_features(label))
        labels = Texts(header, label)
        groups = None if header.group is None else Texts(header, header.group)
        weights = None if header.weight is None else Column(header, header.weight, NUMBER)
        others = [column for column in (groups, weights) if column]
        raw_columns = {label, *(column.index for column in others), *features.raw_columns()}
        for frame in frames(raw_columns):
            label_codes = labels.add(frame)
            frame = frame[label_codes >= 0]
            for column in others:
                column.add(frame)
            file.write(features.read(frame).astype(dtype, copy=False))
        if not labels.text_codes:
            raise DatasetError(f"no row has a label in {labels.title}")
        x = rows_in(file, dtype, features.n_rows)
        features.finish(x)
        row_weights = None if weights is None else _read_weights(weights)
    _warn_of_empty(labels, "label", "they are left out")
    if groups is not None and header.is_training:
        _warn_of_empty(groups, "group", "each of them is a group of its own")
    codes = labels.codes()
    codes = codes[codes >= 0]
    if header.is_training:
        _note(header, [*header.notes(label), *features.notes()])
        for line in oddities(x, codes, features.columns):
            _note(header, [line])
    part = Part(
        x=features.encode(x, scratch),
        labels=[*labels.text_codes],
        codes=codes,
        rows=features.rows(),
        groups=None if groups is None else _find_groups(groups),
        group_names=() if groups is None else [*groups.text_codes],
        weights=row_weights,
    )
    return part, features.describe(label)


def _warn_of_empty(texts, what, consequence):
    """Warn of rows without a label or a group, if there are some."""
    rows = texts.rows("")
    if len(rows):
        warning(
            f"{texts.header.source}: {len(rows)} of {len(texts.codes())} rows have no {what}, row "
            f"{rows[0]} first (an empty cell, NA, None, ? or the like stands in {texts.title}): "
            f"{consequence}"
        )


def _find_groups(groups):
    """Find the code of each row's group. A row without a group is a group of its own."""
    codes = groups.codes()
    lacking = numpy.flatnonzero(codes < 0)
    codes[lacking] = -1 - lacking  # a different code for each of these rows
    return codes


def _read_weights(column):
    """Read how much each row counts, as an array of shape (n,), float64."""
    weights = column.read_texts()[column.codes()]
    n_wrong = (~((weights >= 0) & numpy.isfinite(weights))).sum()
    doubt = ""
    if n_wrong:
        doubt = f"{n_wrong} of {len(weights)} rows have no weight"
    elif not weights.any():
        doubt = f"all {len(weights)} rows have the weight 0"
    if doubt:
        raise DatasetError(
            f"{doubt} in {column.title}: each needs a number from 0, and some a number above 0"
        )
    return weights


def table_batches(path, options, batch_size, model_columns, keep=()):
    """Read the rows of a table that a model is to predict; yield a tuple for each batch of them.

    The tuple has the features, of shape (n, n_in), float64; the numbers of the n rows; and a dict
    with the n cells of each column that is kept. A batch has `batch_size` rows at most. The path
    ``'-'`` is standard input. `model_columns` are the :class:`Columns` of the training data. The
    columns `keep`, by names or numbers or all by ``['all']``, are kept as they stand in the file.

    If the table has a header and the model knows the names of its columns, these are found by name,
    and other columns are left out. A first row of just these names is a header. In other tables,
    the columns are the features, in order. One column more is the label, and is left out. It is
    found by the rules of training; without a header, it is where it was in training.

    Empty cells are NaN if the model fills them, else an error.
    """
    with open_table(path, options, model_columns) as (frames, header):
        label = None
        are_found_by_name = header.names and model_columns.names
        if not are_found_by_name and not header.has_features_alone:
            label = header.find_label()
        if label is not None or header.names:
            _note(header, header.notes(label, "is left out as the label"))
        indices = header.find_features(label)
        kept = {}
        for i in header.find_kept(keep):
            name = header.cells[i]
            # The title stands in place of a name that several columns have, or none has.
            kept[name if header.counts[name] == 1 else header.title(i)] = i
        features = Features(header, indices)  # of no batch: it only tells the raw columns
        raw_columns = {*features.raw_columns(), *kept.values()}
        for frame in frames(raw_columns, batch_size):
            features = Features(header, indices)  # which gathers the cells of this batch alone
            x = features.read(frame)
            features.finish(x)
            cells = {name: frame[i].fillna("").astype(str).tolist() for name, i in kept.items()}
            yield features.encode(x), features.rows().tolist(), cells


def _note(header, notes):
    """Print notes of a table on one line, if there are any."""
    line = ", ".join(notes)
    if line:
        note(f"note: {header.source}: {line}")

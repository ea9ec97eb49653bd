"""Write a table, and read it."""

from types import SimpleNamespace

import numpy
from builders import write

from logreg.datasets.facts import Facts
from logreg.datasets.options import NO_OPTIONS, Columns, TableOptions
from logreg.tables.reading import read_table, table_batches


def put(text, name="t.csv"):
    return write(name, text if isinstance(text, bytes) else text.encode())


def read(source, options=NO_OPTIONS, **given):
    """The rows of a table, and what is known of its columns."""
    part, facts = read_table(source, options, **given)
    columns = Facts(n_in=part.x.shape[1], **facts).table
    return SimpleNamespace(columns=columns, **part._asdict())


def table(text, **options):
    return read(put(text), TableOptions(**options))


def labels_of(found):
    return [found.labels[code] for code in found.codes]


def batches(text, n_in, size=1000, feature_names=None, label_name=None, label=None, **options):
    categories = options.pop("categories", [None] * n_in)
    kinds = options.pop("kinds", ["number" if texts is None else "text" for texts in categories])
    known = Columns(label, label_name, feature_names, categories, kinds)
    found = [x for x, *_ in table_batches(put(text), TableOptions(**options), size, known)]
    assert all(0 < len(x) <= size and x.dtype == float for x in found)
    return numpy.concatenate(found).tolist()


DAY = 19753  # 2024-01-31, since 1970-01-01

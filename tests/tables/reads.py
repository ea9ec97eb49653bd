"""Write a table, and read it."""

from types import SimpleNamespace

import numpy
from builders import write

from logreg.parts.facts import Facts
from logreg.parts.options import NA, NO_OPTIONS, Columns, TableOptions
from logreg.tables.numerals import SWAPPED
from logreg.tables.reading import read_table, table_batches


def put(text, name="t.csv"):
    return write(name, text)


def read(source, options=NO_OPTIONS, **given):
    """The rows of a table, and what is known of its columns."""
    part, facts = read_table(source, options, **given)
    columns = Facts(n_in=part.x.shape[1], **facts).table
    return SimpleNamespace(columns=columns, **part._asdict())


def table(text, **options):
    return read(put(text), TableOptions(**options))


def read_to_predict(name, n_in, known, **options):
    """The rows of a table for a model of `n_in` features that knows this of its own table."""
    facts = Facts(n_in=n_in, **known)
    options = facts.table_options(TableOptions(**options))
    ((x, *_),) = table_batches(name, options, 10**6, facts.table)
    return x


def labels_of(found):
    return [found.labels[code] for code in found.codes]


def batches(
    text,
    n_in,
    size=1000,
    feature_names=None,
    label_name=None,
    categories=None,
    kinds=None,
    **options,
):
    """The rows of a table, as a model of columns of these kinds takes them."""
    categories = categories or [None] * n_in
    kinds = kinds or ["number" if texts is None else "text" for texts in categories]
    known = Columns(None, label_name, feature_names, categories, kinds)
    found = [x for x, *_ in table_batches(put(text), TableOptions(**options), size, known)]
    assert all(0 < len(x) <= size and x.dtype == float for x in found)
    return numpy.concatenate(found).tolist()


DAY = 19753  # 2024-01-31, since 1970-01-01
# Of each kind of column, the cell of a number k, and what it means.
MEANINGS = {
    "number": lambda k: (str(k / 8), k / 8),
    "number $": lambda k: (f"-${k + 1},000.5", -1000 * k - 1000.5),
    "date ISO8601": lambda k: (f"2024-01-{k + 1:02} 12:00", DAY - 29.5 + k),
    "date %d/%m/%Y": lambda k: (f"{k + 1:02}/01/2024", DAY - 30 + k),
    "text": lambda k: (["none", "Bär", "a sea; |cow"][k % 3],) * 2,
    "code": lambda k: (f"0{k % 5}",) * 2,  # which an option calls categorical
    "yes or no": lambda k: (["TRUE", "False"][k % 2], 1 - k % 2),
    "alike": lambda k: ("7", 7),
    **dict.fromkeys(("label", "drop"), lambda k: (str(k % 4),) * 2),
}


def draw_column(kind, n_rows, random, n_empty, has_commas, empty=NA):
    """The cells of some rows, and what they mean; some of them are empty."""
    cells, values = map(list, zip(*map(MEANINGS[kind], random.randint(31, size=n_rows))))
    if has_commas and kind.startswith("number"):
        cells = [cell.translate(SWAPPED) for cell in cells]
    for k in random.randint(1, n_rows, n_empty):
        cells[k] = random.choice(empty)
        values[k] = "" if isinstance(values[k], str) else numpy.nan
    return cells, values

"""Whole tables: what was written is read, in training and in prediction; what is wrong is said."""

import csv
import gzip
import json
import re
from collections import Counter

import numpy
import pandas
import pytest
from conftest import peak_memory
from numpy.testing import assert_array_equal, assert_equal
from reads import MEANINGS, draw_column, labels_of, put, read, table

from logreg.basics.errors import DatasetError
from logreg.datasets import preprocessing
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import NA, TableOptions
from logreg.saving.facts import ModelFacts, as_json
from logreg.tables import chunks
from logreg.tables.reading import read_table, table_batches


@pytest.mark.parametrize("seed", range(40))
def test_a_table_is_what_was_written_in_training_and_in_prediction(seed, monkeypatch, stderr):
    """Columns of any kinds in any order, empty cells, options beside each other."""
    monkeypatch.setattr(chunks, "CHUNK_CELLS", 1)  # 32 rows, then 8
    monkeypatch.setattr(preprocessing, "BLOCK", 50)
    random = numpy.random.RandomState(seed)
    n = 40
    has_names, has_gaps, by_number, is_last, has_commas = (random.rand(5) < 0.5).tolist()
    kinds = ["number", *random.choice([*MEANINGS][:-3], 3), "drop", "group"]
    kinds.insert(6 if is_last else random.randint(6), "label")
    encoding = random.choice([None, "cp1252", "utf-16", "utf-16-le"])
    columns, called, meant = {}, [], []
    empty = [*NA, "-", "-99" if has_commas else "-99.0"]
    for i, kind in enumerate(kinds, 1):
        n_empty = random.choice([0, 5]) * has_gaps
        cells, values = draw_column(kind, n, random, n_empty, has_commas, empty)
        name = f"{kind} {i}" if has_names else f"column {i}"
        columns[name] = cells
        called.append(name if has_names and not by_number else i)
        meant.append(values)

    def write_table(names, has_names=has_names):
        newline = random.choice(["\n", "\r\n", "\n\n", "\r"])
        with open("t.csv", "w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=random.choice([*",;\t|"]), lineterminator=newline)
            writer.writerows([names] * has_names + [*zip(*map(columns.get, names))])

    write_table([*columns])
    label, drop, group = (called[kinds.index(kind)] for kind in ("label", "drop", "group"))
    label = None if is_last else label - 8 if by_number else label
    codes = [name for name, kind in zip(called, kinds) if kind == "code"]
    options = TableOptions(
        label,
        header=None if has_names else False,
        encoding=encoding,
        drop=drop,
        group=group,
        categorical=codes,
        missing="mean" if has_gaps else None,
        na=["-", "-99"],
    )
    found = trained = read("t.csv", options)
    wanted = []
    names = []
    for name, kind, values in zip(columns, kinds, meant):
        if kind in ("text", "code"):
            names += [f"{name}={text}" for text in sorted({*values})]
            wanted += [[value == text for value in values] for text in sorted({*values})]
        elif kind not in ("label", "drop", "group") and not (has_names and kind == "alike"):
            names.append(name)
            wanted.append(values)
    labels, groups = (numpy.array(meant[kinds.index(kind)]) for kind in ("label", "group"))
    wanted = numpy.array(wanted, float).T
    (rows,) = labels.nonzero()
    assert_array_equal(found.x, wanted[rows])
    said = f"note: t.csv: {n - len(rows)} rows without a label are left out"
    assert (said in stderr()) == (len(rows) < n)
    assert labels_of(found) == labels[rows].tolist()
    assert [*found.rows] == (rows + 1 + has_names).tolist()
    is_same = (groups == groups[:, None]) & (groups != "") | numpy.eye(n, dtype=bool)
    assert (found.groups == found.groups[:, None]).tolist() == is_same[rows][:, rows].tolist()
    kept = ModelFacts.from_metadata(
        json.loads(as_json(read_dataset("t.csv", options).facts.as_dict()))
    )
    assert [*kept.feature_titles] == names and kept.class_labels == [0, 1, 2, 3]
    assert kept.table.options.decimal == ("," if has_commas else ".")
    for names, header in (
        ([*columns][:: -1 if has_names else 1], has_names),
        (kept.column_titles, False),
    ):
        write_table(names, header)
        again = kept.table_options(TableOptions(header=header))
        found, numbers, cells = zip(*table_batches("t.csv", again, 15, kept.table, ["all"]))
        assert_array_equal(numpy.concatenate(found), wanted)
        assert (numpy.concatenate(numbers) == numpy.arange(n) + 1 + header).all()
        for i, name in enumerate(names):
            title = name if header else f"column {i + 1}"
            assert [cell for batch in cells for cell in batch[title]] == columns[name]
    pandas.DataFrame(columns).to_excel("t.xlsx", header=has_names, index=False)
    sheet = {**vars(read("t.xlsx", options)), "where": trained.where}
    assert_equal(sheet, vars(trained))


def test_memory_is_at_most_twice_the_data():
    put(("0.5," * 500 + "x\n") * 12000)
    with peak_memory() as peak:
        x = read_table("t.csv", dtype="float32")[0].x
    assert x.dtype == "float32" and x.shape == (12000, 500) and (x == 0.5).all()
    assert peak() < 2 * x.nbytes


@pytest.mark.parametrize(
    "text, options, said",
    [
        (f"1,2\n\x1b[31m{'é' * 5000},3\n", {}, r"column 1 holds '\\x1b\[31mé{35,55}':.{,350}$"),
        ("a,b,k\n4,5,6\n4,-1e39,5\n", {}, r"row 3, column 2 \(b\) holds '-1e\+39': .*below 3e38"),
        (
            "# t\n\n1,,3\n4,5,6,7\n7,8,9,0\n",
            {},
            r"row 2 \(1,,3\) fills columns: 3, and row 3: 4; le",
        ),
        ("Q 1,,\na,b,kind\n1,2,x\n", {}, r"row 1 \(Q 1,,\) fills columns: 1, and row 2: 3"),
        ('1,2\n3,"4\n5,6\n', {}, "EOF inside string starting at row 1.* each opening quote needs"),
        ("1\n2\n", {}, "has 0 columns beside the label: 1 are needed"),
        (f"a,k\n{'x' * 200_000},y\n", {}, "field larger than .*: every row needs as many cells as"),
        ("\n\n", {}, "is empty: it has no row"),
        ("label,f\n  \n", {}, "row 1 is taken for a header, and no row is below it .`header=F"),
        ("a,k\n1,Müller\n".encode("cp1252"), {}, "is not UTF-8.*`encoding='cp1252'`$"),
        (
            "a,t,k\n,p,x\n?,,k\n3,q,k\n",
            {},
            r"2 in column 1 \(a\) \(row 2\), 1 in .*3\); .*`missing='",
        ),
        ("a,kind\n1,\n2,NA\n", {"missing": "mean"}, "2 of 2 rows have no label, row 2 first"),
        ("a,kind\n1,x\n2,NA\n", {}, r"1 of 2 rows .* row 3 .* \(kind\): `missing='mean'` leaves"),
        ("g,a,k\n,2,x\n?,3,x\np,4,x\n", {"group": "g"}, r"2 of 3 rows have no group, row 2.* \(g"),
        (
            "a,k\n1,x\n",
            {"drop": 2, "label_column": "k"},
            r"column 2 \(k\) is the label: `drop`, `group` and `weight_column` need other columns",
        ),
        ("Aircon,b,kind\n1,1,x\n", {"group": "AIRCO"}, "or several; did you mean Aircon. its col"),
        (
            "a,a,b,kind\n1,2,3,x\n",
            {"drop": "a"},
            "no column a to drop, or several; its columns are 1 ",
        ),
        ("a,b,kind\n1,2,x\n", {"drop": ["a, b"]}, "no column a, b to drop, or several; its"),
        (
            "a,a,kind\n4x,1,x\n1,2,x\n",
            {"drop": "2"},
            "`categorical='1'` makes .* `drop='1'` leaves",
        ),
        ("b,a,a,kind\n1,2,3,x\n", {}, "called 'a': .*; if row 1 is data, give `header=False`"),
        (gzip.compress(b"1,2,x\n3,4,y\n" * 999)[:-30], {}, "cannot be read: cut off or damaged"),
        # All doubtful columns at once.
        (
            "a,b,k\n4x,`,x\n1,2,x\n",
            {},
            r"row 2.*'4x', row 2.*'`': .*, `na='4x'` and `na='`'` l.*'a,b'.*'a,b'",
        ),
        # Several columns are called so.
        ("label,a,target\n1,2,3\n", {}, r"which .*\? its columns are 1 \(label\), 2 \(a\)"),
    ],
)
def test_what_is_wrong_is_said(text, options, said):
    with pytest.raises(DatasetError, match=r"^t\.csv: (?s:.*)" + said):
        table(text, **options)


@pytest.mark.parametrize(
    "n, label, said",
    [
        (90, lambda i: "x", "every row has the label 'x': give two at least"),
        (
            90,
            lambda i: f"k{i * 46 // 90}",
            "there are 46 classes in 90 rows, 'k0', 'k1', ...: that is no",
        ),
        (
            12,
            lambda i: min(i, 10),
            "there are 11 classes in 12 rows, 0, 1, ...: that is no label; `label",
        ),
        (90, lambda i: i // 4 / 8, "label column holds the label 0.125 in row 6: l"),
    ],
)
def test_what_makes_no_label(n, label, said):
    put_labels(n, label)
    with pytest.raises(DatasetError, match=re.escape(f"t.csv: {said}")):
        read_dataset("t.csv")


def put_labels(n, label):
    put("a,label\n" + "".join(f"{i * i % 7},{label(i)}\n" for i in range(n)))


# How many different numbers are too many to be classes, or None.
@pytest.mark.parametrize(
    "n, label, n_numbers",
    [
        (90, lambda i: i // 4, 23),
        (90, lambda i: i // 5, None),  # 18 numbers
        (240, lambda i: i % 31, 31),
        (90, lambda i: f"k{i * 45 // 90:02}", None),
        (12, lambda i: min(i, 9), 10),
    ],
)
def test_classes_are_counted_and_many_numbers_may_be_a_quantity(n, label, n_numbers, stderr):
    put_labels(n, label)
    read_dataset("t.csv")
    told = stderr()
    said = f"warning: t.csv: {n} rows have {n_numbers} different numbers as labels: is that a quan"
    assert (said in told) == ("quantity" in told) == bool(n_numbers)
    ((largest, count), *_) = Counter(map(label, range(n))).most_common()
    assert f"rows of each class: {largest!r} {count}, " in told

"""Whole tables: what was written is read, in training and in prediction; what is wrong is said."""

import csv
import gzip
import json
import re

import numpy
import pandas
import pytest
from builders import refused
from conftest import peak_memory
from numpy.testing import assert_array_equal, assert_equal
from reads import MEANINGS, draw_column, labels_of, put, read, table

from logreg.datasets.dataset import read_dataset
from logreg.parts import preprocessing
from logreg.parts.options import NA, TableOptions
from logreg.saving.facts import ModelFacts, as_json
from logreg.tables import chunks
from logreg.tables.reading import read_table, table_batches


class DrawnTable:
    """A table of columns of any kinds in any order, what it means, and options that read it."""

    def __init__(self, seed):
        self.random = random = numpy.random.RandomState(seed)
        self.n = 40
        self.has_names, has_gaps, by_number, is_last, has_commas = (random.rand(5) < 0.5).tolist()
        kinds = ["number", *random.choice([*MEANINGS][:-2], 4), "drop"]
        kinds.insert(6 if is_last else random.randint(6), "label")
        self.kinds = kinds
        self.decimal = "," if has_commas else "."
        self.columns = {}
        self.meant = {}
        empty = [*NA, "-", "-99" if has_commas else "-99.0"]
        for i, kind in enumerate(kinds, 1):
            n_empty = random.choice([0, 5]) * has_gaps
            cells, values = draw_column(kind, self.n, random, n_empty, has_commas, empty)
            name = f"{kind} {i}" if self.has_names else f"column {i}"
            self.columns[name] = cells
            self.meant[name] = values
        called = [*self.columns]
        if by_number or not self.has_names:
            called = [*range(1, 8)]
        label, drop = (called[kinds.index(kind)] for kind in ("label", "drop"))
        if is_last:
            label = None
        elif by_number:
            label -= 8
        self.options = TableOptions(
            label,
            header=None if self.has_names else False,
            encoding=random.choice([None, "cp1252", "utf-16", "utf-16-le"]),
            drop=drop,
            categorical=[name for name, kind in zip(called, kinds) if kind == "code"],
            missing="mean" if has_gaps else None,
            na=["-", "-99"],
        )

    def write(self, names, has_header):
        """Write the columns that have these names."""
        newline = self.random.choice(["\n", "\r\n", "\n\n", "\r"])
        with open("t.csv", "w", encoding=self.options.encoding, newline="") as file:
            delimiter = self.random.choice([*",;\t|"])
            writer = csv.writer(file, delimiter=delimiter, lineterminator=newline)
            if has_header:
                writer.writerow(names)
            writer.writerows(zip(*map(self.columns.get, names)))

    def features(self):
        """The features of all rows by their names."""
        found = {}
        for name, kind in zip(self.columns, self.kinds):
            values = self.meant[name]
            if kind in ("text", "code"):
                for text in sorted({*values}):
                    found[f"{name}={text}"] = [value == text for value in values]
            elif kind not in ("label", "drop") and not (self.has_names and kind == "alike"):
                found[name] = values
        return pandas.DataFrame(found, dtype=float)


@pytest.fixture
def in_small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_CELLS", 1)  # 32 rows, then 8
    monkeypatch.setattr(preprocessing, "BLOCK", 50)


each_seed = pytest.mark.parametrize("seed", range(40))


@each_seed
def test_training_reads_what_was_written(seed, in_small_chunks):
    drawn = DrawnTable(seed)
    drawn.write([*drawn.columns], drawn.has_names)
    found = read("t.csv", drawn.options)
    labels = numpy.array([*drawn.meant.values()][drawn.kinds.index("label")])
    (rows,) = labels.nonzero()
    assert_array_equal(found.x, drawn.features().iloc[rows])
    assert labels_of(found) == labels[rows].tolist()
    assert [*found.rows] == (rows + 1 + drawn.has_names).tolist()
    pandas.DataFrame(drawn.columns).to_excel("t.xlsx", header=drawn.has_names, index=False)
    sheet = {**vars(read("t.xlsx", drawn.options)), "where": found.where}
    assert_equal(sheet, vars(found))


@each_seed
def test_a_model_reads_what_was_written(seed, in_small_chunks):
    drawn = DrawnTable(seed)
    drawn.write([*drawn.columns], drawn.has_names)
    facts = read_dataset("t.csv", drawn.options).facts
    kept = ModelFacts.from_metadata(json.loads(as_json(facts.as_dict())))
    assert [*kept.feature_titles] == [*drawn.features()] and kept.class_labels == [0, 1, 2, 3]
    assert kept.table.options.decimal == drawn.decimal
    all_names = [*drawn.columns]
    if drawn.has_names:
        all_names.reverse()
    for names, header in ((all_names, drawn.has_names), (kept.column_titles, False)):
        drawn.write(names, header)
        again = kept.table_options(TableOptions(header=header))
        found, numbers, cells = zip(*table_batches("t.csv", again, 15, kept.table, ["all"]))
        assert_array_equal(numpy.concatenate(found), drawn.features())
        assert (numpy.concatenate(numbers) == numpy.arange(drawn.n) + 1 + header).all()
        for i, name in enumerate(names):
            title = name if header else f"column {i + 1}"
            assert [cell for batch in cells for cell in batch[title]] == drawn.columns[name]


def test_memory_is_at_most_twice_the_data():
    put(("0.5," * 500 + "x\n") * 12000)
    with peak_memory() as peak:
        x = read_table("t.csv", dtype="float32")[0].x
    assert x.dtype == "float32" and x.shape == (12000, 500) and (x == 0.5).all()
    assert peak() < 2 * x.nbytes


@pytest.mark.parametrize(
    "text, options, said",
    [
        (f"1,2\n\x1b[31m{'é' * 5000},3\n", {}, r"column 1 holds '\\x1b\[31mé{35,55}' a.{,400}$"),
        ("a,b,k\n4,5,6\n4,-1e39,5\n", {}, r"row 3, column 2 \(b\) holds '-1e\+39' .*below 3e38"),
        ("a,b,k\n4,5%,6\n4,1e9999999%,5\n", {}, r"holds '1e9999999%' .*below 3e38"),
        (
            "# t\n\n1,,3\n4,5,6,7\n7,8,9,0\n",
            {},
            r"row 2 \(1,,3\) fills columns: 3, and row 3: 4; le",
        ),
        ("Q 1,,\na,b,kind\n1,2,x\n", {}, r"row 1 \(Q 1\) fills one column of 3, and the row b"),
        ('1,2\n3,"4\n5,6\n', {}, "EOF inside string starting at row 1.* each opening quote needs"),
        (
            "a kind\n2 x\n",
            {},
            "has 0 columns beside the label: 1 are needed; cells are separated b",
        ),
        (f"a,k\n{'x' * 200_000},y\n", {}, "field larger than .*: every row needs as many cells as"),
        ("\n\n", {}, "is empty: it has no row"),
        ("label,f\n  \n", {}, "row 1 is taken for a header, and no row is below it .`header=F"),
        ("# of 2024\nlabel,f\n", {}, "row 2 is taken for a header, and no row is below it"),
        ("a,k\n1,Müller\n".encode("cp1252"), {}, "is not UTF-8.*`encoding='cp1252'`$"),
        (
            "a,t,k\n,p,x\n?,,k\n3,q,k\n",
            {},
            r"2 in column 1 \(a\) \(row 2\), 1 in .*3\); .*`missing='",
        ),
        ("a,kind\n1,\n2,NA\n", {}, r"no row has a label in column 2 \(kind\)"),
        ("\n<!DOCTYPE html>\n<html><p>A, b</p></html>\n", {}, "is an HTML page, not a table: down"),
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
            "`drop='1'` leaves .* `categorical='1'` makes",
        ),
        ("b,a,a,kind\n1,2,3,x\n", {}, "called 'a': .*; if the header is data, give `header=False`"),
        (gzip.compress(b"1,2,x\n3,4,y\n" * 999)[:-30], {}, "cannot be read: cut off or damaged"),
        # All doubtful columns at once.
        (
            "a,b,k\n4x,`,x\n1,2,x\n",
            {},
            r"row 2.*'4x' a.*; row 2.*'`' a.*, `na='4x'` and `na='`'` m.*'a,b'.*'a,b'",
        ),
        # Several columns are called so.
        ("label,a,target\n1,2,3\n", {}, r"which .*\? its columns are 1 \(label\), 2 \(a\)"),
    ],
)
def test_what_is_wrong_is_said(text, options, said):
    with refused(r"^t\.csv: (?s:.*)" + said):
        table(text, **options)


def test_rows_without_a_label_are_left_out_and_those_without_a_group_are_groups(stderr):
    found = table("g,a,k\n,2,x\n?,3,\n0,4,y\nNA,5,x\n00,6,x\n0,7,x\n", group="g")
    first, zero, third, zeros, same = found.groups
    assert labels_of(found) == [*"xyxxx"] and same == zero
    assert len({first, zero, third, zeros}) == 4
    place = "first (an empty cell, NA, None, ? or the like stands in column"
    assert stderr().split("\n")[:2] == [
        f"warning: t.csv: 1 of 6 rows have no label, row 3 {place} 3 (k)): they are left out",
        f"warning: t.csv: 2 of 5 rows have no group, row 2 {place} 1 (g)): each of them is a group "
        "of its own",
    ]


@pytest.mark.parametrize(
    "n, label, said",
    [
        (90, lambda i: "x", "every training row (60 of 90 rows) has the label 'x': two labels are"),
        (3, "xyx".__getitem__, "every training row (1 of 3 rows) has the label "),
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
    with refused(re.escape(f"t.csv: {said}")):
        read_dataset("t.csv")


def put_labels(n, label):
    put("a,label\n" + "".join(f"{i * i % 7},{label(i)}\n" for i in range(n)))


# How many different numbers are too many to be classes, or None; and the largest class.
@pytest.mark.parametrize(
    "n, label, n_numbers, largest",
    [
        (90, lambda i: i // 4, 23, "0 4"),
        (90, lambda i: i // 5, None, "0 5"),  # 18 numbers
        (240, lambda i: i % 31, 31, "0 8"),
        (90, lambda i: f"k{i * 45 // 90:02}", None, "'k00' 2"),
        (12, lambda i: min(i, 9), 10, "9 3"),
    ],
)
def test_classes_are_counted_and_many_numbers_may_be_a_quantity(
    n, label, n_numbers, largest, stderr
):
    put_labels(n, label)
    read_dataset("t.csv")
    told = stderr()
    said = f"warning: t.csv: {n} rows have {n_numbers} different numbers as labels: is that a quan"
    assert (said in told) == ("quantity" in told) == bool(n_numbers)
    assert f"rows of each class: {largest}, " in told

"""Tables: the rules of headers, labels and columns; what is read, and what is refused how."""

import csv
import gzip
import json
import os
import re
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy
import pandas
import pytest
from builders import csv_text, save, write
from conftest import peak_memory

from logreg import Predictor, load_data
from logreg.datasets import features, frames, preprocessing
from logreg.datasets.columns import SWAPPED
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.formats import mapping, sniff
from logreg.datasets.header import Columns
from logreg.datasets.options import NA, NO_OPTIONS, Preparation, TableOptions
from logreg.datasets.tables import read_table, table_batches
from logreg.errors import DatasetError, SettingError
from logreg.saving.facts import ModelFacts, as_json


def put(text, name="t.csv"):
    return write(name, text if isinstance(text, bytes) else text.encode())


def read(source, options=NO_OPTIONS, **given):
    """The rows of a table, and what is known of its columns."""
    part, columns = read_table(source, options, **given)
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


HEADER = "row 1 ({}) is taken for a header (`header=False`: it is data)"
DATA = "row 1 ({}) is taken for data (`header=True`: it is a header)"
RULES = [
    # A text cell over a number; all cells are text; a cell called label, class or target.
    ("a,7,kind\n1,2,x\n4,3,x\n,3,y\n", True, 2, ("a", "7")),
    ("1,CLASS\n0.5,dog\n", True, 1, ("1",)),
    (",a,kind\n0,x,dog\n", True, 2, ("a",)),
    ("Unnamed: 0,a,,kind\n0,5,1,x\n", True, 3, ("a", "")),
    # The columns are counted from 0, as by pandas.
    ("0,1,2\n5,6,7\n", True, 2, ("0", "1")),
    (",0,1,2\n7,5,6,7\n", True, 3, ("0", "1")),
    # Otherwise it is data.
    ("0,5;1,5;ant\n0,7;2,5;bee\n", False, 2, None),  # no text, but with a decimal comma
    ("species,7157,672\na,1,2\n", False, 2, None),
    ("1,,2\n1,2,5\n", False, 2, None),
    ("0,1\n3,4\n", False, 1, None),
    ("a,2\n,3\n", False, 1, None),
    # A cell called y may be an answer.
    ("1,y\n2,n\n", False, 1, None),
    # The label: the column called label, class, target or y, else the last that has a name.
    ("a,Y,b\nx,1,2\n", True, 1, ("a", "b")),
    ("a,kind,\n1,dog\n", True, 1, ("a",)),
    ("a,kind,\n1,dog,x\n", True, 2, ("a", "kind")),  # it has a cell
    ("a,\n1,dog\n", True, 1, ("a",)),
]


@pytest.mark.parametrize("text, header, label, names", RULES)
def test_the_rules(text, header, label, names, capsys):
    found = table(text, missing="mean")
    cells = text.splitlines()[0].split(";" if ";" in text else ",")
    title = f"column {label + 1}" + f" ({cells[label]})" * header
    told = capsys.readouterr().err.splitlines()[0]
    said = (HEADER if header else DATA).format(", ".join(cells))
    assert told.startswith(f"note: t.csv: {said}, ")
    assert f", {title} is the label (`label_column` names another)" in told
    assert told.endswith("the decimal mark is a comma (`decimal='.'`: it is none)") == (";" in text)
    assert (found.columns.label, found.columns.names) == (label, names)
    assert len(found.codes) == text.count("\n") - header
    assert found.first_rows[0] == 1 + header


def test_an_option_overrules_the_rules(capsys):
    assert table("7;8,5;label\n5;6,5;cat\n", header=False, decimal=",").labels == ["label", "cat"]
    assert table("k,1\n2,3\n4,5\n", header=True, label_column="1").labels == ["3", "5"]
    found = table(",a,b\nx,5,1\nz,2,2\n", label_column="1")
    assert found.columns[:3] == (0, "", ("a", "b"))
    assert read("t.csv", known=found.columns).labels == ["x", "z"]  # as its model knows
    assert not re.search("left out|decimal mark", capsys.readouterr().err)
    found = table("a,kind\n7,x\n7.0,y\n", categorical="a")  # as a frame with gaps has it
    assert found.columns.categories == (["7"],)


LINES = ["0;a;2", "0\ta, b; c|d\t2", "0|2|a, b", '0, "a,b",2', '0,"a;b|c\td",2', "0, 1,a b"]


@pytest.mark.parametrize("line", LINES)
def test_the_delimiter_is_that_of_most_rows(line):
    found = table(f"{line}\n{line}\n")
    assert len(found.columns.kinds) == 2 and found.x[0, 0] == 0
    assert table("-1,7;0,8;-1,3\n" * 2 + "0,4;1,8;2,0\n", decimal=",").x[0].tolist() == [-1.7, 0.8]
    assert table('"0,4","a;b",x\n"0,5","b;c",y\n', decimal=",").x[:, 0].tolist() == [0.4, 0.5]
    assert table('"0,4",a;b,x\n"0,5",c,y\n"0,6",c,y\n', decimal=",").x[2, 0] == 0.6  # one of ;
    # Where both marks could make numbers, and where the table itself names the delimiter.
    assert table("a;kind\n1,234;x\n12,345;y\n").x.tolist() == [[1.234], [12.345]]
    assert table("sep=|\n1,222,333,444|5|x\n").x.tolist() == [[1222333444, 5]]
    for name in ("price|net", "a;b", "a\tb"):
        found = table(f"{name},kind\n1,x\n2,y\n3,x\n")
        assert (found.columns.names, found.labels) == ((name,), ["x", "y"])


ABOVE = [("sep=;\r\n", 1), ("# of; all; of; 1970\n# b\n", 2), ("\n\n# \n", 1), ("", 0)]


@pytest.mark.parametrize("above, n", ABOVE)
def test_what_stands_above_a_table_is_left_out(above, n):
    found = table(above + "#;a;kind\n1;2;x\n3;4;y\n")
    assert (found.columns.names, found.labels) == (("#", "a"), ["x", "y"])
    assert (found.x.tolist(), found.first_rows) == ([[1, 2], [3, 4]], [n + 2, n + 3])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("is_given, is_gzipped", [(True, False), (False, True)])
def test_encodings(encoding, is_given, is_gzipped):
    mark = "\ufeff" * (encoding == "utf-16-be")  # Python writes none
    data = (mark + "größe;kind\n" + "1;süß\n2;é\n" * 20_000).encode(encoding)
    given = encoding if is_given or encoding == "latin-1" else None
    found = table(gzip.compress(data, 1) if is_gzipped else data, encoding=given)
    assert (found.columns.names, found.labels) == (("größe",), ["süß", "é"])
    assert found.x.ravel().tolist() == [1, 2] * 20_000 and sniff("t.csv") == "table"


SENSELESS = [
    *(("encoding", value, "one that Python knows") for value in ("klingon", "hex", "a\0", 8)),
    *(("header", 0, "True or False"), ("missing", "median", "'mean'")),
    *(("label_column", True, "a name, or a number"), ("decimal", ";", "'.' or ','")),
    *(("size", 9, "a whole number from 10"), ("pixel_scale", 0, "a number above 0")),
    *(("split_seed", n, r"a whole .* 0 to 2\*\*32-1") for n in (1.5, "1", -1, 2**32, None)),
]


@pytest.mark.parametrize("name, value, needed", SENSELESS)
def test_senseless_options_are_refused_by_name(name, value, needed):
    with pytest.raises(SettingError, match=f"^`{name}` is .*: it must be {needed}"):
        load_data("t.csv", **{name: value})


WRONG = [
    (f"1,2\n\x1b[31m{'é' * 5000},3\n", {}, r"column 1 holds '\\x1b\[31mé{35,55}':.{,350}$"),
    ("a,b,k\n4,5,6\n4,-1e39,5\n", {}, r"row 3, column 2 \(b\) holds -1e\+39: .* than float32 can"),
    ("# t\n\n1,2,3\n4,5,6,7\n7,8,9,0\n", {}, r"row 2 \(1,2,3\) fills columns: 3, and row 3: 4; le"),
    ("Q 1,,\na,b,kind\n1,2,x\n", {}, r"row 1 \(Q 1,,\) fills columns: 1, and row 2: 3"),
    ("1,2\n\n" * 2000 + "1,2,3\n", {}, r"row 1 \(1,2\) fills columns: 2, and row 2001: 3;"),
    ('1,2\n3,"4\n5,6\n', {}, "EOF inside string starting at row 1.* each quote its end"),
    ("1\n2\n", {}, "has 0 columns beside the label: 1 are needed"),
    (f"a,k\n{'x' * 200_000},y\n", {}, "field larger than .*: every row needs as many cells as"),
    ("\n\n", {}, "is empty: it has no row"),
    ("label,f\n  \n", {}, "no row is below row 1, a header .`header=False`"),
    ("a,k\n1,Müller\n".encode("cp1252"), {}, "is not UTF-8.*`encoding='cp1252'`$"),
    ("a,k\n1,Müller\n", {"encoding": "ascii"}, "is not ascii text"),
    ("a,t,k\n,p,x\n?,,k\n3,q,k\n", {}, r"2 in column 1 \(a\) \(row 2\), 1 in .*3\); .*`missing='"),
    ("a,kind\n1,\n2,NA\n", {"missing": "mean"}, "2 of 2 rows have no label, row 2 first"),
    ("a,kind\n1,x\n2,NA\n", {}, r"1 of 2 rows .* row 3 .* \(kind\): `missing='mean'` leaves"),
    ("g,a,k\n,2,x\n?,3,x\np,4,x\n", {"group": "g"}, r"2 of 3 rows have no group, row 2.* \(g"),
    ("a,k\n1,x\n", {"drop": 2, "label_column": "k"}, r"column 2 \(k\) is the label: let `drop`"),
    ("Aircon,b,kind\n1,1,x\n", {"group": "AIRCO"}, "or several; did you mean Aircon. its col"),
    ("a,a,b,kind\n1,2,3,x\n", {"drop": "a"}, "no column a to drop, or several; its columns are 1 "),
    ("a,a,kind\n4x,1,x\n1,2,x\n", {"drop": "2"}, "`categorical='1'` makes .* `drop='1'` leaves"),
    ("b,a,a,kind\n1,2,3,x\n", {}, "called 'a': .*; if row 1 is data, give `header=False`"),
    (gzip.compress(b"1,2,x\n3,4,y\n" * 999)[:-30], {}, "cannot be read: cut off or damaged"),
    # All doubtful columns at once.
    ("a,b,k\n4x,`,x\n1,2,x\n", {}, r"row 2, .*'4x', row 2, .*'`': .*, `na='4x'` l.*'a,b'.*'a,b'"),
    # Several columns are called so.
    ("label,a,target\n1,2,3\n", {}, r"which .*\? its columns are 1 \(label\), 2 \(a\)"),
    ("a,kind\n1,x\n", {"drop": "1,2"}, r"which column is the label\? .*: give `label_column`$"),
]


@pytest.mark.parametrize("text, options, said", WRONG)
def test_what_is_wrong_is_said(text, options, said):
    with pytest.raises(DatasetError, match=r"^t\.csv: (?s:.*)" + said):
        table(text, **options)


DOUBTFUL = [
    ("1.5 0,5", ["0,5"]),
    ("$5 €6 $4e38", ["€6", "$4e38"]),
    ("soon 2024-01-31 2024-02-01", ["soon"]),
    ("31/01/2024 01/02/2024 1st", ["1st"]),
    ("03/04/2024 03/05/2024", ["03/04/2024", "03/05/2024"]),
    # Of so many texts, one for each two rows, or not.
    *((" ".join(f"t{i % n}" for i in range(2 * n - 1)), ["t0", "t1", "t2"]) for n in (11, 12, 101)),
    *((" ".join(f"t{i % n}" for i in range(2 * n)), []) for n in (11, 12, 100)),
    (" ".join(f"t{i}" for i in range(10)), []),
]


@pytest.mark.parametrize("column, doubtful", DOUBTFUL)
def test_cells_that_make_a_column_doubtful_are_named_with_all_ways_out(column, doubtful):
    cells = column.split()
    text = "n\ta\tkind\n" + "".join(f"{i}\t{cell}\tx\n" for i, cell in enumerate(cells))
    if doubtful:
        held = f"row {2 + cells.index(doubtful[0])}, column 2 (a) holds {str(doubtful)[1:-1]}: "
        na = " and ".join(f"`na='{text}'`" for text in doubtful)
        said = f"{re.escape(held)}.*{re.escape(na)} lets .*`categorical='a'` makes .*`drop='a'` l"
        with pytest.raises(DatasetError, match=said):
            table(text)
    assert table(text, categorical="a").columns.categories == (None, sorted({*cells}))


# What a column is


DAY = 19753  # 2024-01-31, since 1970-01-01


COLUMNS = [
    (["45.2%", "0 %", ""], "number %", [45.2, 0, numpy.nan]),
    (["1.000", "7.888,57", "0,5"], "number", [1000, 7888.57, 0.5]),
    (["1 234", "1'234.5", "1’234"], "number", [1234, 1234.5, 1234]),
    (["007", "12"], "number", [7, 12]),
    (["01.02.2024", "02.02.2024"], "date %d.%m.%Y", [DAY + 1, DAY + 2]),
    (["2024/01/05", "2024/02/01"], "date %Y/%m/%d", [DAY - 26, DAY + 1]),
    (["01/31/2024", "02/01/2024"], "date %m/%d/%Y", [DAY, DAY + 1]),
    (["Jan 31, 2024", "Feb 1, 2024"], "date %b %d, %Y", [DAY, DAY + 1]),
    (["18-24", "25-34"], "text", None),
    (["1990-1999", "2000-2009"], "text", None),
]


@pytest.mark.parametrize("column, kind, values", COLUMNS)
def test_what_cells_mean_is_found_and_noted(column, kind, values, capsys):
    text = "a\tn\tkind\n" + "".join(f"{cell}\t{i}\tx\n" for i, cell in enumerate(column))
    found = table(text, missing="mean")
    assert found.columns.kinds == (kind, "number")
    told = capsys.readouterr().err
    if values is not None:
        numpy.testing.assert_allclose(found.x[:, 0], values)
        assert f"column 1 (a), '{column[0]}' as {values[0]:.9g}" in told


# Of each kind of column, the cell of a number k, and what it means.
MEANINGS = {
    "number": lambda k: (str(k / 8), k / 8),
    "number $": lambda k: (f"-${k + 1},000.5", -1000 * k - 1000.5),
    "date ISO8601": lambda k: (f"2024-01-{k + 1:02} 12:00", DAY - 29.5 + k),
    "date %d/%m/%Y": lambda k: (f"{k + 1:02}/01/2024", DAY - 30 + k),
    "text": lambda k: (["n/a", "Bär", "a sea; |cow"][k % 3],) * 2,
    "code": lambda k: (f"0{k % 5}",) * 2,  # which an option calls categorical
    "yes or no": lambda k: (["TRUE", "False"][k % 2], 1 - k % 2),
    "alike": lambda k: ("7", 7),
    "group": lambda k: (f"{k % 2:0{1 + k % 3}}",) * 2,  # 0, 00, ...
    **dict.fromkeys(("label", "drop"), lambda k: (str(k % 4),) * 2),
}


@pytest.mark.parametrize("seed", range(40))
def test_a_table_is_what_was_written_in_training_and_in_prediction(seed, monkeypatch, capsys):
    """Columns of any kinds in any order, empty cells, options beside each other."""
    monkeypatch.setattr(frames, "CHUNK_CELLS", 1)  # 32 rows, then 8
    monkeypatch.setattr(preprocessing, "BLOCK", 50)
    random, n = numpy.random.RandomState(seed), 40
    has_names, has_gaps, by_number, is_last, has_commas = (random.rand(5) < 0.5).tolist()
    kinds = ["number", *random.choice([*MEANINGS][:-3], 3), "drop", "group"]
    kinds.insert(6 if is_last else random.randint(6), "label")
    encoding = random.choice([None, "cp1252", "utf-16", "utf-16-le"])
    columns, called, meant = {}, [], []
    for i, kind in enumerate(kinds, 1):
        cells, values = map(list, zip(*map(MEANINGS[kind], random.randint(31, size=n))))
        if has_commas and kind.startswith("number"):
            cells = [cell.translate(SWAPPED) for cell in cells]
        for k in random.randint(1, n, random.choice([0, 5]) * has_gaps):
            cells[k] = random.choice([*NA, "-", "-99" if has_commas else "-99.0"])
            values[k] = "" if isinstance(values[k], str) else numpy.nan
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
    how = {"encoding": encoding, "drop": drop, "group": group, "categorical": codes}
    how.update(missing="mean" if has_gaps else None, na=["-", "-99"])
    options = TableOptions(label, None if has_names else False, **how)
    found = trained = read("t.csv", options)
    wanted, names = [], []
    for name, kind, values in zip(columns, kinds, meant):
        if kind in ("text", "code"):
            names += [f"{name}={text}" for text in sorted({*values})]
            wanted += [[value == text for value in values] for text in sorted({*values})]
        elif kind not in ("label", "drop", "group") and not (has_names and kind == "alike"):
            names.append(name)
            wanted.append(values)
    labels, groups = (numpy.array(meant[kinds.index(kind)]) for kind in ("label", "group"))
    wanted, (rows,) = numpy.array(wanted, float).T, labels.nonzero()
    numpy.testing.assert_array_equal(found.x, wanted[rows])
    narrow = read("t.csv", options, dtype="float32", scratch=".").x
    numpy.testing.assert_array_equal(narrow, wanted[rows].astype("float32"))
    assert mapping(narrow) is not None and os.listdir() == ["t.csv"]
    said = f"note: t.csv: {n - len(rows)} rows without a label are left out"
    assert (said in capsys.readouterr().err) == (len(rows) < n)
    assert labels_of(found) == labels[rows].tolist()
    assert [*found.rows] == (rows + 1 + has_names).tolist()
    assert found.first_rows == [found.rows[labels_of(found).index(text)] for text in found.labels]
    is_same = (groups == groups[:, None]) & (groups != "") | numpy.eye(n, dtype=bool)
    assert (found.groups == found.groups[:, None]).tolist() == is_same[rows][:, rows].tolist()
    kept = ModelFacts.of(json.loads(as_json(read_dataset("t.csv", options).facts.as_dict())))
    assert [*kept.names] == names and kept.class_labels == [0, 1, 2, 3]
    assert kept.table_options().decimal == ("," if has_commas else ".")
    assert kept.table_options(TableOptions(decimal=",")).decimal == ","
    for names, header in (([*columns][:: -1 if has_names else 1], has_names), (kept.titles, False)):
        write_table(names, header)
        again = kept.table_options(TableOptions(header=header))
        if names != kept.titles:  # there is a label, to test on
            tested = vars(read("t.csv", again, known=kept.table))
            numpy.testing.assert_equal({**tested, "columns": trained.columns}, vars(trained))
        keep = [*range(1, len(names) + 1), 1]
        found = [*table_batches("t.csv", again, 15, kept.table, keep)]
        numpy.testing.assert_array_equal(numpy.concatenate([batch.x for batch in found]), wanted)
        assert [k for batch in found for k in batch.numbers] == [k + 1 + header for k in range(n)]
        for i, name in enumerate(names):
            assert found[0].kept[i][0] == (name if header else f"column {i + 1}")
            assert [cell for batch in found for cell in batch.kept[i][1]] == columns[name]
    pytest.importorskip("openpyxl")
    pandas.DataFrame(columns).to_excel("t.xlsx", header=has_names, index=False)
    sheet = {**vars(read("t.xlsx", options)), "where": trained.where}
    numpy.testing.assert_equal(sheet, vars(trained))


def test_a_frame_declares_columns_of_text():
    frame = pandas.DataFrame({"code": [f"101{i % 5}" for i in range(40)], "kind": ["x", "y"] * 20})
    frame["kept"] = pandas.Categorical([str(i % 3) for i in range(40)])
    frame["price"] = [f"${i + 1},000" for i in range(40)]
    frame["day"] = pandas.to_datetime(["2024-01-31", "2024-02-01"] * 20)
    frame.to_parquet("t.parquet")
    frame.index.name = "code"  # as a column is called
    for source in (frame, "t.parquet"):
        found = read(source, TableOptions("kind"))
        assert found.columns.kinds == ("text", "text", "number $", "date ISO8601")
        assert found.columns.categories[:2] == ([f"101{i}" for i in range(5)], [*"012"])
        assert found.x[1, -2:].tolist() == [2000, DAY + 1]
    frame = pandas.DataFrame({"a": [1.234, 2, "7,5"], "kind": [*"xyx"]})  # a number has no comma
    assert read(frame, TableOptions("kind")).x[:, 0].tolist() == [1.234, 2, 7.5]


def test_a_number_that_stands_for_empty_is_compared_as_a_number():
    x = numpy.where(numpy.arange(60) % 7, numpy.arange(60.0), -999)
    frame = pandas.DataFrame({"a": x, "n": x.astype(int), "kind": ["x", "y"] * 30})
    found = read(frame, TableOptions("kind", na="-999", missing="mean"))
    wanted = numpy.where(x == -999, numpy.nan, x)
    numpy.testing.assert_array_equal(found.x, numpy.c_[wanted, wanted])
    text = "a;kind\n$9,5;x\n-99,90;y\n-1000;x\n"
    for na, row in ("-99,9", 1), ("-99.9", 1), ("-1.000", 2):  # which is what stands there
        (rows,) = numpy.isnan(table(text, na=na, missing="mean").x[:, 0]).nonzero()
        assert rows.tolist() == [row]
    found = table("a,n,kind\nTrue,0,x\nFalse,1,y\nTrue,2,y\n", na="0", missing="mean")
    numpy.testing.assert_array_equal(found.x, [[1, numpy.nan], [0, 1], [1, 2]])
    text = "a,b,n,kind\nTRUE,99 %,0,x\nFALSE,5 %,1,y\n2,7 %,99,x\n"  # no numbers stand for empty
    found = table(text, na=["FALSE", "99 %"], missing="mean")
    wanted = [[1, numpy.nan, 0], [numpy.nan, 5, 1], [2, 7, 99]]
    numpy.testing.assert_array_equal(found.x, wanted)


def test_a_table_in_many_chunks(monkeypatch):
    """What a column is shows in the last of them."""
    monkeypatch.setattr(frames, "CHUNK_CELLS", 300)
    monkeypatch.setattr(frames, "FIRST_CHARACTERS", 1)
    monkeypatch.setattr(preprocessing, "BLOCK", 300)
    rows = [f"{'a' * (i < 498)},{i % 90},{i // 100}" for i in range(999)]
    text = "\n".join(["t,n,kind", *rows, 'b,"1,000",9\n'])
    found = table(text, label_column="kind", missing="mean")
    wanted = numpy.c_[numpy.eye(3)[[1] * 498 + [0] * 501 + [2]], [*numpy.arange(999) % 90, 1000]]
    assert (found.x == wanted).all()
    with pytest.raises(DatasetError, match=r"cells: 501 in column 1 \(t\) \(row 500\); in"):
        table(text, label_column="kind")
    with pytest.raises(DatasetError, match=r"row 902, column 1 \(a\) holds 'w'"):
        table("a,kind\n" + "1,k\n" * 900 + "w,k\n")  # among numbers of other chunks


def test_memory_is_at_most_twice_the_data():
    put(("0.5," * 500 + "x\n") * 12000)
    with peak_memory() as peak:
        x = read_table("t.csv", dtype="float32")[0].x
    assert x.dtype == "float32" and x.shape == (12000, 500) and (x == 0.5).all()
    assert peak() < 2 * x.nbytes


# Rows that are to be predicted


TAKEN = [
    ("y,target,q\n1,2,3\n", 3, {}, [[1, 2, 3]]),  # as many columns as features
    ("p,p,label,r\n1,2,cat,3\n", 3, {}, [[1, 2, 3]]),
    ("k,a,y\n1,2,3\n", 2, {"label_name": "k"}, [[2, 3]]),
    # A date may stand as 2024-01-31, whatever the format of training.
    ("31.01.2024\n2024-01-31\n", 1, {"kinds": ["date %d.%m.%Y"], "header": False}, [[DAY]] * 2),
    ("a\n7.0\n8\n", 1, {"categories": [["7", "8"]]}, [[1, 0], [0, 1]]),
]


@pytest.mark.parametrize("text, n_in, options, rows", TAKEN)
def test_which_columns_are_taken(text, n_in, options, rows):
    assert batches(text, n_in, **options) == rows


A_B = {"feature_names": ["a", "b"]}


NOT_TAKEN = [
    ("1,2,3,4\n", 2, {}, "the model expects 2 features, got 4 columns"),
    ("a,b,a\n1,2,3\n", 2, A_B, "has no column a, or several, which the training data have; its c"),
    ("b,a\n7,$2\n", 2, A_B, r"row 2, column 2 \(a\) holds '\$2'"),
    ("45322\n", 1, {"kinds": ["date ISO8601"]}, "row 1, column 1 holds '45322'"),  # of Excel
    # An empty cell of one column is no blank line.
    ('v\n1.0\n\n""\n', 1, {"size": 1}, r"empty .* 1 in column 1 \(v\) \(row 3\).*`missing='mean'`"),
]


@pytest.mark.parametrize("text, n_in, options, said", NOT_TAKEN)
def test_columns_that_a_model_does_not_take(text, n_in, options, said):
    with pytest.raises(DatasetError, match=said):
        batches(text, n_in, **options)


NAMELESS = "column 1 (), which has no name of its own, is left out"
LABEL = "{} is left out as the label (`label_column` names another)"
TOLD = [
    ("1,2,3\n", {}, [DATA.format("1, 2, 3"), LABEL.format("column 3")]),
    ("1,2,3\n", {"header": False, "label_column": 1}, []),
    ("1,2\n", {}, []),
    ("a,b,y\n1,2,3\n", {}, [HEADER.format("a, b, y"), LABEL.format("column 3 (y)")]),
    ("a,b,y\n1,2,3\n", {"header": True}, [LABEL.format("column 3 (y)")]),
    ("a,b\n1,2\n", {}, [HEADER.format("a, b")]),
    ("a,b\n1,2\n", {"feature_names": ["a", "b"]}, []),
    ("0,1\n3,4\n", {"feature_names": ["0", "1"]}, [HEADER.format("0, 1")]),
    (",a,b,y\n7,1,2,3\n", {"label_column": "b"}, [HEADER.format(", a, b, y"), NAMELESS]),
    ("Unnamed: 0,a,b\n7,1,2\n", {"label_column": "-3"}, [HEADER.format("Unnamed: 0, a, b")]),
]


@pytest.mark.parametrize("text, options, said", TOLD)
def test_what_the_rules_tell_is_said(text, options, said, capsys):
    batches(text, 2, **options)
    assert capsys.readouterr().err == f"note: t.csv: {', '.join(said)}\n" * bool(said)


def test_what_is_new_to_a_model_is_told_once_with_its_column(cli, capsys):
    told = {"columns": ["island", "mass"], "categories": [["Biscoe", "Dream"], None]}
    told.update(feature_names=["island=Biscoe", "island=Dream", "mass"], x_range=[0, 60])
    save("m.pkl", numpy.eye(3, 2), numpy.zeros(2), **told)
    put("mass,island\n1,Dream\n2,Biscoe\n3,Torgersen\n4,Dream \n5,Bute\n6,Bute\n9000,Dream\n")
    done = cli("predict", "--model", "m.pkl", "t.csv")
    of_category, of_value = sorted(done.err.splitlines())
    new = "row 4, column 2 (island) holds 'Torgersen', no category that the model knows"
    assert of_category.endswith(new) and "in mass, as 9000 in row 8" in of_value
    known = Predictor("m.pkl").facts.table
    found = [x.tolist() for x, *_ in table_batches("t.csv", NO_OPTIONS, 1, known)]
    assert found[:4] == [[[0, 1, 1]], [[1, 0, 2]], [[0, 0, 3]], [[0, 1, 4]]]
    read("t.csv", TableOptions("mass"), known=known)  # as of rows to test on
    assert capsys.readouterr().err == f"warning: t.csv: {new}\n" * 2


# A look before training


def test_a_look_before_training(capsys, monkeypatch):
    monkeypatch.setattr(features, "N_SAMPLED", 10)  # of 120 rows
    n = 120
    frame = pandas.DataFrame({"same": [5] * n, "empty": [""] * n, "id": range(100, 100 + 3 * n, 3)})
    frame["code"], frame["a"] = ["J", "j", "n"] * (n // 3), [i % 8 for i in range(n)]
    frame["far"] = [i % 3 + i / n - 1 / n for i in range(n)]
    frame["kind"] = ["Ja", "j a", "nein"] * (n // 3)
    more = {"day": pandas.date_range("2024-01-31", periods=n), "rising": frame["id"] + 0.25}
    more = frame.assign(half=frame["id"] // 7, **more)  # none of which numbers the rows
    names = ("id", "code", "a", "far", "half", "day", "rising")
    assert read_dataset(more, TableOptions("kind")).facts.columns == names
    tells = "{} tells the label by itself: is it known before the label is? `drop` leaves it out"
    of_number = "column 3 (id) numbers the rows: `drop` leaves it out"
    told = capsys.readouterr().err[:-1].replace("note: the data frame: ", "").split("\n")
    assert told[1:3] == [of_number, tells.format("column 4 (code), column 6 (far)")]
    data = read_dataset(frame.drop(columns=["id", "far"]))
    told = capsys.readouterr().err[:-1].replace("note: the data frame: ", "").split("\n")
    train, *others = (x.tolist() for x, _ in data)
    n_seen = sum(row in train for rows in others for row in rows)
    assert told == [
        "column 5 (kind) is the label (`label_column` names another), one-hot encoded: column 3 "
        "(code) of 3 texts, left out, as all cells are alike: column 1 (same), column 2 (empty)",
        tells.format("column 3 (code)"),
        "rows of each class: 'Ja' 40, 'j a' 40, 'nein' 40",
        "labels that differ in case or blanks only: 'Ja' and 'j a': are they one class?",
        f"{n_seen} of the 40 rows for validation and test are the same as training rows: of new "
        "rows, the error may be larger",
    ]


def test_pictures_keep_columns_that_are_alike():
    rows = numpy.random.RandomState(0).randint(9, size=(30, 65))
    rows[:, :60] = 0
    for factor, first, n in ((1, 0, 64), (100, 0, 4), (1, "x", 4)):  # no picture has 800, or text
        text = csv_text(factor * rows, [*map("p{}".format, range(64)), "label"])
        assert table(text.replace("\n0,", f"\n{first},")).x.shape == (30, n)


QUANTITY = "{} rows have {} different numbers as labels: is that a quantity? Each number is a "
NO_LABEL = "there are {} classes in {} rows, {}, ...: that is no label; `label_column` names"
LABELS = [
    (90, lambda i: "x", "every row has the label 'x': give two at least"),
    (90, lambda i: i // 4, QUANTITY.format(90, 23)),
    (90, lambda i: i // 5, None),  # 18 numbers
    (240, lambda i: i % 31, QUANTITY.format(240, 31)),
    (3000, lambda i: f"k{min(i % 90, 31):02}", None),
    (90, lambda i: f"k{i * 46 // 90}", NO_LABEL.format(46, 90, "'k0', 'k1'")),
    (90, lambda i: f"k{i * 45 // 90:02}", None),
    (90, lambda i: i / 8, "label column holds the label 0.125 in row 3: l ... `label_column`"),
    (12, lambda i: min(i, 9), QUANTITY.format(12, 10)),
    (12, lambda i: min(i, 10), NO_LABEL.format(11, 12, "0, 1")),
]


@pytest.mark.parametrize("n, label, said", LABELS)
def test_what_makes_no_label(n, label, said, capsys):
    put("a,label\n" + "".join(f"{i * i % 7},{label(i)}\n" for i in range(n)))
    try:
        read_dataset("t.csv")
    except DatasetError as error:
        begin, _, end = said.partition(" ... ")
        assert str(error).startswith(f"t.csv: {begin}") and str(error).endswith(end)
    else:
        told = capsys.readouterr().err
        assert f"warning: t.csv: {said}" in told if said else "quantity" not in told
        shown = [f"{k!r} {count:,}" for k, count in Counter(map(label, range(n))).most_common()]
        shown[10:] = [f"and {len(shown) - 10} more"] * (len(shown) > 10)
        assert f"rows of each class: {', '.join(shown)}\n" in told


# Groups


def test_rows_of_a_group_stay_in_one_set(cli):
    random = numpy.random.RandomState(0)
    patients = random.randint(40, size=600)
    ill = patients % 3 == 0
    columns = {"p": patients, "a": ill + random.randn(600), "b": patients + 0.25, "ill": ill}
    pandas.DataFrame(columns).to_csv("t.csv", index=False)
    options = TableOptions("ill", group="p")
    for shuffle in (None, False):
        data = read_dataset("t.csv", options, Preparation(shuffle=shuffle))
        for sets in (data, *make_folds(data, 5)):
            groups = [{*x[:, 1]} for x, _ in sets]  # b tells the patient
            assert sum(map(len, groups)) == len(set.union(*groups)) == 40
            assert sum(sets.facts.rows) == 600 and min(map(len, groups)) > 3
            shares = [y.mean() for _, y in sets]
            assert shuffle is False or 0.15 < min(shares) < max(shares) < 0.6
            is_mixed = numpy.mean(numpy.diff(sets.train[0][:, 1]) != 0) > 0.9
            assert is_mixed == (shuffle is None)  # as minibatches should be
        in_order = [*dict.fromkeys(numpy.concatenate([x[:, 1] for x, _ in data]))]
        of_first_rows = [*dict.fromkeys(patients + 0.25)]
        assert (in_order == of_first_rows) == (shuffle is False)
    ends = numpy.cumsum([(patients + 0.25 == name).sum() for name in in_order])
    nearest = [ends[abs(ends - n).argmin()] for n in (400, 500)]  # a sixth validates, so many test
    assert numpy.cumsum(data.facts.rows[:2]).tolist() == nearest
    done = cli("train", "t.csv", "--label-column", "ill", "--group", "p", "--n-epochs", 9)
    error = re.search(r"test error: (\d+ of \d+ rows)", done.out)[1]
    assert error in cli("predict", "--evaluate").out  # of the rows that were held out
    assert cli("predict", put("a,b,more\n1,2,3\n", "new.csv")).code == 0
    with pytest.raises(DatasetError, match=r"^t\.csv: 2 groups cannot be split into 3 sets: "):
        load_data(put("a,g,k\n" + "1,x,u\n2,y,v\n" * 9), group="g")


def test_a_group_that_is_in_two_files(cli):
    put("g,a,y\n7,1,0\n8,1,1\n8.0,2,1\n", "train.csv")
    put("a,y,g\n1,0,7.0\n1,1,\n", "test.csv")  # as of whole numbers beside a gap
    done = cli("train", ".", "--group", 1, "--missing", "mean")
    said = "error: .: of 2 groups, 1 stand in several sets ('7'): move the rows of each into "
    assert (done.code, done.err.splitlines()[-1]) == (1, said + "one set, or give no --group")


# Files of other kinds


def test_a_sheet_has_numbers_among_its_texts():
    """Of fractions, one is kept as text; the texts of another column have decimal commas."""
    pytest.importorskip("openpyxl")
    fractions, commas = [1.234, 1.111, "5"] * 4, ["2,5", "3,5", "4,5"] * 4
    columns = {"a": fractions, "b": commas, "c": [1.125, "p", "q"] * 4, "kind": [*"xyz"] * 4}
    pandas.DataFrame(columns).to_excel("t.xlsx", index=False)
    found = read("t.xlsx", TableOptions("kind", decimal=",", categorical="c"))
    assert found.x[:3, :2].tolist() == [[1.234, 2.5], [1.111, 3.5], [5, 4.5]]
    assert found.columns.categories == (None, None, ["1.125", "p", "q"])


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_whole_numbers_beside_empty_cells_stay_whole(name, cli, working_folder):
    ids, rows = [None, *range(10**14, 10**14 + 59)], [*range(1, 61)]
    columns = {"a": [f"{i % 7}.5" for i in rows], "all": ids, "kind": [*"xy"] * 30}
    if name == "t.xlsx":
        pytest.importorskip("openpyxl")
        blank = {key: [*cells[:30], None, *cells[30:]] for key, cells in columns.items()}
        pandas.DataFrame(blank, dtype=object).to_excel(name, index=False)
        rows = [*range(2, 32), *range(33, 63)]  # what is blank does not count
    else:  # as others than pandas write it
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pytest.importorskip("pyarrow").table(columns), name)
    assert [*read(name, TableOptions(group="all", missing="mean")).rows] == rows
    assert cli("train", name, "--group", "all", "--missing", "mean", "--n-epochs", 1).code == 0
    piped = cli("predict", "-", "--keep", "all", stdin=(working_folder / name).read_bytes())
    kept = [line.split(",")[1:3] for line in piped.out.splitlines()]
    assert kept[1:] == [[str(row), str(id or "")] for row, id in zip(rows, ids)]


def test_a_data_frame_and_parquet_are_read_as_csv_is(capsys):
    """An index that has a name is a column, too."""
    columns = {"island": pandas.Categorical(["Dream", "Biscoe", None, "Biscoe"])}
    columns.update(mass=[1.5, None, 4.5, 2.5], n=pandas.array([1, 2, None, 4], "Int64"))
    columns.update(ok=[True, False, True, False], maybe=[True, None, False, True])
    columns.update(nothing=[None] * 4, kind=[0, 1, 0, 1])
    frame = pandas.DataFrame(columns, index=[[4, 5, 7, 9], [1, 2, 1, 3]])
    frame.index.names = ["id", "visit"]
    options = TableOptions("kind", missing="mean")
    frame.to_csv("t.csv")
    frame.to_parquet("t.parquet")
    wanted = read("t.csv", options)
    assert wanted.columns.names == ("id", "visit", "island", "mass", "n", "ok", "maybe")
    assert "taken for a header" in capsys.readouterr().err
    for source, name in (("t.parquet", "t.parquet"), (frame, "the data frame")):
        found = read(source, replace(options, header=False))  # theirs is no row
        assert "taken for" not in capsys.readouterr().err  # it has no header that could be data
        numpy.testing.assert_array_equal(found.x, wanted.x)
        assert (labels_of(found), found.columns[:5]) == ([*"0101"], wanted.columns[:5])
        assert (found.first_rows, wanted.first_rows) == ([1, 2], [2, 3])
        xs = [x for x, *_ in table_batches(source, options, 3, found.columns)]
        assert [*map(len, xs)] == [3, 1]
        numpy.testing.assert_array_equal(numpy.concatenate(xs), found.x)
        with pytest.raises(DatasetError, match=f"^{name}: empty or missing cells: 1 in column 3"):
            read_table(source, TableOptions("kind"))
    with pytest.raises(DatasetError, match="the data frame: is empty"):
        read_table(frame[:0])

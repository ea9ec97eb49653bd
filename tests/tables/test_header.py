"""Header, label and features of a table: the rules, and what overrules them."""

import re

import pytest
from builders import refused, write
from reads import DAY, batches, read, table

from logreg.parts.options import TableOptions

HEADER = "row 1 ({}) is taken for a header (`header=False`: it is data)"
DATA = "row 2 ({}) is taken for data (`header=True`: it is a header)"


# Whether row 1 is a header, or clearly one, which is not said.
CLEARLY = "clearly"


@pytest.mark.parametrize(
    "text, header, label, names",
    [
        # A text cell over a number; all cells are text; a cell called label, class or target.
        ("a,7,kind\n1,2,x\n4,3,x\n,3,y\n", True, 2, ("a", "7")),
        ("1,CLASS\n0.5,dog\n", True, 1, ("1",)),
        (",a,kind\n0,x,dog\n", True, 2, ("a",)),
        ("Unnamed: 0,a,,kind\n0,5,1,x\n", True, 3, ("a", "")),
        # The columns are counted from 0, as by pandas.
        ("0,1,2\n5,6,7\n", True, 2, ("0", "1")),
        ("0,1,2,species\n5,6,7,a\n5,6,7,b\n", True, 3, ("0", "1", "2")),
        (",0,1,species\n7,5,6,a\n", True, 3, ("0", "1")),
        ("rownames,a,kind\n1,2,x\n", CLEARLY, 2, ("a",)),  # of R
        # Otherwise it is data.
        ("0,5;1,5;ant\n0,7;2,5;bee\n", False, 2, None),  # no text, but with a decimal comma
        ("species,7157,672\na,1,2\n", False, 2, None),
        ("1,,2\n1,2,5\n", False, 2, None),
        ("0,1,2,b\n5,6,7,a\n5,6,7,b\n", False, 3, None),  # b is an answer
        ("0,b\n1,a\n", False, 1, None),
        ("a,2\n,3\n", False, 1, None),
        # A cell called y may be an answer.
        ("1,y\n2,n\n", False, 1, None),
        # The label: the column called label, class, target or y, else the last that has a name.
        ("a,Y,b\nx,1,2\n", CLEARLY, 1, ("a", "b")),
        ("a,kind,\n1,dog\n", True, 1, ("a",)),
        ("a,kind,\n1,dog,x\n", True, 2, ("a", "kind")),  # it has a cell
    ],
)
def test_the_rules(text, header, label, names, stderr):
    found = table(text, missing="mean")
    told = stderr()
    said = {True: ["a header"], False: ["data"], CLEARLY: []}
    assert re.findall("is taken for (a header|data)", told) == said[header]
    assert ("the decimal mark is a comma (`decimal='.'`: a point)" in told) == (";" in text)
    assert (found.columns.label, found.columns.names) == (label, names)
    assert len(found.codes) == text.count("\n") - bool(header)


def test_a_label_column_that_row_1_names_makes_it_a_header():
    found = table("5,7,kind,3\n1,2,x,9\n3,4,y,9\n", label_column="kind")
    assert (found.columns.names, found.labels) == (("5", "7"), ["x", "y"])
    assert table("1,2,3\n3,4,1\n", label_column="2").labels == ["2", "4"]  # that is a number
    with refused(r"no column species.*; row 1 is taken for data: `header"):
        table("1,2,3\n3,4,1\n", label_column="species")


def test_a_model_takes_no_other_column_for_its_label_unless_an_option_names_it():
    known = table("a,sort,n\n1,x,2\n3,y,4\n", label_column="sort", drop="n").columns
    write("t.csv", "a,n,kind\n1,2,x\n")
    hint = r"which column is the label\? its columns are .*, .*\(kind\): give `label_column`"
    with refused(hint):
        read("t.csv", model_columns=known)
    renamed = TableOptions(label_column="kind")
    assert read("t.csv", renamed, model_columns=known).labels == ["x"]


def test_an_option_overrules_the_rules(stderr):
    assert table("7;8,5;label\n5;6,5;cat\n", header=False, decimal=",").labels == ["label", "cat"]
    assert table("k,1\n2,3\n4,5\n", header=True, label_column="1").labels == ["3", "5"]
    found = table(",a,b\nx,5,1\nz,2,2\n", label_column="1")
    assert found.columns[:3] == (0, "", ("a", "b"))
    assert read("t.csv", model_columns=found.columns).labels == ["x", "z"]  # as its model knows
    assert not re.search("left out|decimal mark", stderr())
    found = table("a,kind\n7,x\n7.0,y\n", categorical="a")  # as a frame with gaps has it
    assert found.columns.categories == (["7"],)


@pytest.mark.parametrize(
    "text, n_in, options, rows",
    [
        ("y,target,q\n1,2,3\n", 3, {}, [[1, 2, 3]]),  # as many columns as features
        ("p,p,label,r\n1,2,cat,3\n", 3, {}, [[1, 2, 3]]),
        ("k,a,y\n1,2,3\n", 2, {"label_name": "k"}, [[2, 3]]),
        # A column that is no feature may be lacking, also if it is given by its number.
        ("1,2\n", 2, {"group": "1"}, [[1, 2]]),
        ("a,b,c\n1,2,3\n", 2, {"feature_names": ("a", "b"), "group": "g"}, [[1, 2]]),
        # A date may stand as 2024-01-31, whatever the format of training.
        ("31.01.2024\n2024-01-31\n", 1, {"kinds": ["date %d.%m.%Y"], "header": False}, [[DAY]] * 2),
        ("a\n7.0\n8\n", 1, {"categories": [["7", "8"]]}, [[1, 0], [0, 1]]),
    ],
)
def test_which_columns_are_taken(text, n_in, options, rows):
    assert batches(text, n_in, **options) == rows


A_B = {"feature_names": ("a", "b")}


@pytest.mark.parametrize(
    "text, n_in, options, said",
    [
        ("1,2,3,4\n", 2, {}, "has 3 columns beside the label: 2 are needed"),
        ("a,b,a\n1,2,3\n", 2, A_B, "has no column a of the training data, or several; its c"),
        ("b,a\n7,$2\n", 2, A_B, r"row 2, column 2 \(a\) holds '\$2'"),
        ("45322\n", 1, {"kinds": ["date ISO8601"]}, "row 1, column 1 holds '45322'"),  # of Excel
        # An empty cell of one column is no blank line.
        (
            'v\n1.0\n\n""\n',
            1,
            {"size": 1},
            r"empty .* 1 in column 1 \(v\) \(row 3\).*`missing='mean'`",
        ),
    ],
)
def test_columns_that_a_model_does_not_take(text, n_in, options, said):
    with refused(said):
        batches(text, n_in, **options)


NAMELESS = "column 1 (), which has no name of its own, is left out"
LABEL = "{} is left out as the label (`label_column` names another)"


@pytest.mark.parametrize(
    "text, options, said",
    [
        ("# of a comment\n1,2,3\n", {}, [DATA.format("1, 2, 3"), LABEL.format("column 3")]),
        ("1,2,3\n", {"header": False, "label_column": 1}, []),
        ("1,2\n", {}, []),
        ("a,b\np,q\n", {"categories": [["p"], ["q"]]}, [HEADER.format("a, b")]),
        ("a,b\np,q\n", {"categories": [["p"], ["q"]], "feature_names": ("a", "b")}, []),
        ("0,1\n3,4\n", {"feature_names": ("0", "1")}, [HEADER.format("0, 1")]),
        (",a,b,y\n7,1,2,3\n", {"label_column": "b"}, [HEADER.format(", a, b, y"), NAMELESS]),
    ],
)
def test_what_the_rules_tell_is_said(text, options, said, stderr):
    batches(text, 2, **options)
    assert stderr() == (f"note: t.csv: {', '.join(said)}\n" if said else "")

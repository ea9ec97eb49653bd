"""The features of a table: what is left out, and what is odd."""

import numpy
import pandas
from builders import csv_text
from reads import put, read, table

from logreg import fit_table
from logreg.datasets.dataset import read_dataset
from logreg.datasets.doubts import warn_of_doubtful_sets
from logreg.datasets.folds import divide_into_folds
from logreg.hyperparameters import choose_hyperparameters
from logreg.parts.facts import Facts
from logreg.parts.options import TEXT, Columns, TableOptions
from logreg.tables import features
from logreg.tables.reading import table_batches


def test_a_look_before_training(stderr, monkeypatch):
    monkeypatch.setattr(features, "N_SAMPLED", 10)  # of 120 rows
    numbers = numpy.arange(120)
    columns = {
        "same": "s",
        "empty": "",
        "id": 100 + 3 * numbers,
        "code": ["J", "j", "n"] * 40,
        "a": numbers % 8,
        "far": numbers % 3 + numbers / 120,
        "kind": ["Ja", "j a", "nein"] * 40,
    }
    frame = pandas.DataFrame(columns)
    more = {"day": pandas.date_range("2024-01-31", periods=120), "rising": frame["id"] + 0.25}
    more = frame.assign(half=frame["id"] // 7, **more)  # none of which numbers the rows
    read_dataset(more, TableOptions("kind"))
    tells = "{} tells the label by itself: is it known before the label is? `drop` leaves it out"
    of_number = "column 3 (id) numbers the rows: `drop` leaves it out"
    told = f"{of_number}\n{tells.format('column 4 (code), column 6 (far)')}"
    assert told in stderr().replace("note: the data frame: ", "")
    data = read_dataset(frame.drop(columns=["id", "far"]))
    told = stderr()[:-1].replace("note: the data frame: ", "").split("\n")
    assert told == [
        "column 5 (kind) is the label (`label_column` names another), one-hot encoded: column 3 "
        "(code) of 3 texts, the same in all rows (to 15 digits), so left out: column 1 "
        "(same), column 2 (empty)",
        tells.format("column 3 (code)"),
        "warning: the data frame: labels differ in case or blanks only, 'Ja', 'j a': each is a "
        "class of its own; if they mean the same, write them alike",
        "rows of each class: 'Ja' 40, 'j a' 40, 'nein' 40",
    ]
    train, *others = (x.tolist() for x, _ in data)
    n_seen = sum(row in train for rows in others for row in rows)
    warn_of_doubtful_sets(data)
    assert f"{n_seen} of the 40 rows for validation and test are the same as training" in stderr()
    warn_of_doubtful_sets(divide_into_folds(data, 60))  # each row is there five times
    assert "120 of the 120 rows for validation and test are the same as training" in stderr()


def test_numbers_that_may_be_no_numbers_are_named(stderr, random):
    columns = {
        "id": random.permutation(90) + 100,
        "rank": [*range(89), 70],  # 70 stands twice
        "a": [-999.0, 3, 4] * 30,
        "b": [-99, -999, 999] * 30,
        "c": [-999.5, 3, 4] * 30,
        "even": 2 * random.permutation(90),
    }
    read(pandas.DataFrame({**columns, "kind": random.choice(["x", "y"], 90)}))
    told = stderr()
    assert "frame: column 1 (id) numbers the rows: `drop` leaves it out\n" in told
    nines = "the -999 in column 3 (a), the -999 in column 4 (b) may stand for an empty cell: if so"
    assert f"the data frame: {nines}, give it as `na`\n" in told


def test_the_rate_of_a_table_that_is_not_standardized_is_the_tutorials():
    facts = Facts(label_number=1, n_in=100, rows=[40, 5, 5])
    assert choose_hyperparameters(facts).learning_rate == 0.13


def test_standardized_features_are_the_same_whatever_they_were_divided_by(random):
    grey = pandas.DataFrame(random.randint(256, size=(240, 2)), columns=["c0", "c1"])
    grey = grey.assign(job=["fixed", "free", "none"] * 80, kind=random.choice(["x", "y"], 240))
    usual, scaled = (
        fit_table(grey, "kind", n_epochs=1, standardize=True, pixel_scale=scale)
        for scale in (None, 255)
    )
    numpy.testing.assert_allclose(scaled.predict_proba(grey), usual.predict_proba(grey), rtol=1e-4)


def test_pictures_keep_columns_that_are_alike(random):
    rows = random.randint(9, size=(30, 65))
    rows[:, :60] = 0
    for factor, first, n in ((1, 0, 64), (100, 0, 4), (1, "x", 4)):  # no picture has 800, or text
        text = csv_text(factor * rows, [*map("p{}".format, range(64)), "label"])
        assert table(text.replace("\n0,", f"\n{first},")).x.shape == (30, n)


def test_a_category_that_is_new_to_a_model_is_told_of_rows_to_test_on(stderr):
    put("mass,island\n1,Dream\n2,Biscoe\n3,Torgersen\n4,Dream\n5,Bute\n")
    known = Columns(None, None, ("island",), (["Biscoe", "Dream"],), (TEXT,))
    read("t.csv", TableOptions("mass"), model_columns=known)
    new = "row 4, column 2 (island) holds 'Torgersen', no category that the model knows"
    assert stderr() == f"warning: t.csv: {new}\n"
    assert len([*table_batches("t.csv", TableOptions(), 2, known)]) == 3
    assert stderr() == f"warning: t.csv: {new}\n"  # and not again of the third batch

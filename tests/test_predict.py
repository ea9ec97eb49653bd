"""The command line of prediction, where it can be computed otherwise."""

import io
import json
import re
from pathlib import Path

import numpy
import pytest
from builders import (
    classes_of,
    csv_text,
    sample,
    save,
    save_digits_model,
    save_table,
    write,
)

from logreg import Predictor
from logreg.prediction.writers import WRITERS, Answer


def test_a_model_of_pixels_in_a_table(cli):
    x = sample()["x_test"][:300].reshape(300, 784)
    y = sample()["y_test"][:300]
    write("t.csv", csv_text(numpy.c_[x, y]))
    write("x.csv", csv_text(x[:9]))
    numpy.save("x.npy", x[:9])
    trained = cli("train t.csv --batch-size 20 --n-epochs 50 --pixel-scale 255")
    (error,) = re.findall(r"test error: (\d+ of \d+ rows)", trained.out)
    assert cli("predict --info --output i.json") == (0, "", "")
    told = json.loads(Path("i.json").read_text("utf-8"))
    whole = Predictor("best_model.pkl").metadata
    long = "784 values: logreg export --to json has them"
    shown = {k: long if isinstance(v, list) and len(v) == 784 else v for k, v in whole.items()}
    assert told == shown
    done = cli("predict --evaluate")
    assert f"% ({error}), 95 % interval: " in done.out
    done = cli("predict x.csv x.npy")
    assert done.out.split()[1::2] == 2 * [str(k) for k in y[:9]] and "warning" not in done.err


def test_a_pipe_and_an_encoding(run):
    save("best_model.pkl", numpy.eye(3), class_labels=["ä", "b", "c"])
    env = {"PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": "error::ResourceWarning"}
    done = run("-m", "logreg.predict", "-", env=env, input=csv_text(numpy.eye(3)))
    assert done.stdout == "-[1]: \\xe4\n-[2]: b\n-[3]: c\n", done.stderr
    closed = "import sys; sys.stdin = None; from logreg.predict import main; main(['-'])"
    assert run("-c", closed).stderr == "error: standard input: is closed: pipe a table into it\n"


def test_batches_before_the_one_with_a_bad_row_are_written(cli):
    save_digits_model()
    nan = numpy.tile(sample()["x_test"][:12], (90, 1, 1)).astype(float)  # 1000 are read at a time
    nan[1009, 1, 2] = numpy.nan
    numpy.save("nan.npy", nan)
    done = cli("predict nan.npy", code=1)
    classes = classes_of(nan[:1005])
    expected = [f"nan.npy[{i}]: {k}" for i, k in enumerate(classes[:1000])]
    assert done.out.splitlines() == expected
    assert "row 1009, column 30 (from 0) holds nan: every" in done.err
    numpy.savez("d.npz", x=nan[:1005], y=numpy.zeros(1005, int))
    done = cli("predict --dataset d.npz -n 2000 --format csv")
    assert done.out.split()[1:] == [f"d.npz,{i},{k}" for i, k in enumerate(classes)]
    assert "..." not in cli("predict --dataset d.npz -n 2000").out


@pytest.mark.parametrize("lacking", [[], ["logreg.kernel._kernel"]])
def test_what_reads_a_model_starts_no_engine(run, lacking):
    save_digits_model(dataset="mnist_sample")
    numpy.save("x.npy", sample()["x_test"][:3])
    code = f"""if True:
        import sys
        sys.modules.update(dict.fromkeys({lacking}))  # their import fails
        from logreg import Predictor, predict
        from logreg.report.__main__ import main as report
        assert predict.main(["x.npy"]) == predict.main(["--evaluate"]) == predict.main([]) == 0
        assert predict.main(["--info"]) == report([]) == 0
        print({{"theano", "pytensor", "logreg.engine", "pandas"}} & set(sys.modules))
    """
    done = run("-c", code)
    assert done.stderr.endswith("the page is best_model.html\n")
    k = classes_of(sample()["x_test"][:10])
    lines = done.stdout.splitlines()
    assert lines[-1] == "set()" and f"[{' '.join(map(str, k))}]" in lines


def test_a_model_is_tested_on_its_own_data(cli):
    _, labels = save_table(60)
    write("t.csv", Path("t.csv").read_bytes().split(b"\n", 1)[1])
    options = "--no-header --drop 2 --split-seed 5 --batch-size 8 --learning-rate 0.001"
    trained = cli(f"train t.csv --folds 0 {options}")
    found = cli("predict --evaluate --format json").json
    assert f"test error: {found['errors']} of 10 rows, " in trained.out
    predicted = cli("predict t.csv --format json").json
    assert len(found["wrong_rows"]) == found["errors"] > 0
    assert all(predicted[n - 1]["prediction"] != labels[n - 1] for n in found["wrong_rows"])
    held_out = cli("predict --format json").json  # numbered as in the file
    assert all(predicted[entry["row"] - 1] == entry for entry in held_out) and len(held_out) == 10


@pytest.fixture
def model_of_a():
    """A model file whose one feature is called a."""
    save("best_model.pkl", numpy.eye(1, 2), feature_names=["a"])


@pytest.mark.parametrize(
    "text, names, kept",
    [  # a table, the columns to keep, and what is kept of its last row
        (
            'name,a,id\nNA,6,0010\n"Ava,\xa0\x1bB.",01.50,NA\n',
            "all",
            {"name": "Ava,\xa0\x1bB.", "a": "01.50", "id": "NA"},
        ),
        ("id,a,id\nx,6,y\n", "1, a", {"column 1 (id)": "x", "a": "6"}),
        ("id,all,a\nx,y,6\n", "all", {"all": "y"}),  # a column called so
    ],
)
def test_predictions_stand_beside_ones_own_cells(text, names, kept, cli, model_of_a):
    """Whatever a kept column is: a number as it was written, an id that looks empty, a feature."""
    write("t.csv", text)
    assert cli("predict t.csv --format json --keep", names).json[-1]["kept"] == kept


def test_an_empty_cell_that_is_kept_stays_empty(cli, model_of_a):
    write("t.json", '[{"a": 6, "id": null}]')
    assert cli("predict t.json --format json --keep id").json[0]["kept"] == {"id": ""}


def test_a_table_whose_kept_columns_are_others_is_refused(cli, model_of_a):
    write("one.csv", b"a,id\n-6,007\n")
    write("other.csv", b"id,a\n1,6\n")
    done = cli("predict one.csv other.csv --keep all --output o.csv", code=1)
    assert Path("o.csv").read_text("utf-8") == ("input,row,a,id,prediction\none.csv,2,-6,007,1\n")
    assert "error: other.csv: has the columns id, a, and what comes before it has" in done.err


FORMATS = {
    "": "text",
    "--format text --output o.csv": "text",
    "--output o.CSV": "csv",
    "--format csv": "csv",
    "--format json": "json",
    "--output o.json": "json",
}


@pytest.mark.parametrize("how", ["", "--proba", "--top 2"])
@pytest.mark.parametrize("least", [0, 0.6])
def test_options_beside_each_other(how, least, cli):
    """Of a table, and of a data set's test set; the docstrings of the writers show the formats."""
    x = numpy.random.RandomState(7).rand(12, 3).round(2)
    labels = ["ä", "b", 'c"']
    save("best_model.pkl", 3 * numpy.eye(3), class_labels=labels)
    write("t.csv", csv_text(x))
    y = [*12 * "b"]
    numpy.savez("d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    expected = []
    for p in Predictor("best_model.pkl").predict_proba(x):
        shares = [(label, str(share)) for label, share in zip(labels, p)]
        ranked = sorted(shares, key=lambda pair: -float(pair[1]))
        beside = {"": (), "--proba": shares, "--top 2": ranked[:2]}[how]
        label = ranked[0][0] if p.max() >= least else None
        expected.append((False, label, beside, how == "--top 2"))
    for source, first, n in (("t.csv", 1, 12), ("--dataset d.npz", 0, 10)):
        name = source.split()[-1]
        rows = [Answer(name, row, *rest) for row, rest in enumerate(expected[:n], first)]
        for options, form in FORMATS.items():
            done = cli(f"predict {source} {how} {options} --min-proba {least}")
            assert done.err == ""
            written = io.StringIO()
            WRITERS[form](written, rows)
            wanted = written.getvalue()
            if source != "t.csv" and not (options or how or least):
                found = " ".join(f"'{row.label}'" for row in rows)
                wanted = f"Predicted values for the first 10 examples in test set:\n[{found}]\n"
            text = Path(options.split()[-1]).read_text("utf-8") if "output" in options else done.out
            assert text == wanted

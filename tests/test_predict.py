"""Prediction from the shell: what goes in, what comes out in each format, what is refused."""

import csv
import gzip
import io
import json
import re

import numpy
import pytest
from builders import (
    SAMPLE,
    classes_of,
    csv_text,
    idx_bytes,
    probabilities,
    read,
    sample,
    save,
    save_digits_model,
    stdin_of,
    weights,
    write,
)
from PIL import Image

from logreg import predict
from logreg.errors import DatasetError, ModelFileError, SettingError
from logreg.predict import main
from logreg.prediction.inputs import Wanted
from logreg.prediction.predictor import Predictor, Watch

DIGITS = Wanted(784, (28, 28))


@pytest.fixture
def digits():
    return sample()["x_test"][:12]


@pytest.fixture
def small():
    """A model of three features and the classes a, b, c, and W and b."""
    W = numpy.array([[2.0, -1, 0], [0, 1.5, -2], [-1, 0.25, 1]], numpy.float32)
    b = numpy.array([0.5, 0, -0.5], numpy.float32)
    save("small.pkl", W, b, class_labels=["a", "b", "c"])
    return W, b


# The tutorial's lines


def test_the_tutorials_lines(capsys):
    save_digits_model()
    expected = "[%s]" % " ".join(map(str, classes_of(sample()["x_test"][:10])))
    assert main(["--dataset", "mnist_sample"]) == 0
    lines = ["Predicted values for the first 10 examples in test set:", expected]
    assert capsys.readouterr().out.splitlines() == lines
    predict.predict(dataset="mnist_sample")
    assert capsys.readouterr().out.splitlines() == lines


def test_as_many_examples_as_wanted(capsys):
    save_digits_model()
    assert main(["--dataset", "mnist_sample", "-n", "3"]) == 0
    assert "the first 3 examples" in capsys.readouterr().out
    with numpy.printoptions(threshold=100):
        predict.predict(dataset="mnist_sample", n=5000)  # there are 1000
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert "the first 1000 examples" in first
    assert re.findall(r"\d", rest) == [str(k) for k in classes_of(sample()["x_test"])]
    for n in (0, -1):
        with pytest.raises(SettingError, match="it must be 1 or more"):
            predict.predict(n=n)


def test_the_test_set_in_other_formats(capsys):
    save_digits_model()
    assert main(["--dataset", "mnist_sample", "--format", "csv", "-n", "4"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(row["prediction"]) for row in rows] == list(classes_of(sample()["x_test"][:4]))
    assert main(["--dataset", "mnist_sample", "--proba"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == predict.N_EXAMPLES


def test_a_test_set_of_another_width_is_refused(small, capsys):
    assert main(["--model", "small.pkl", "--dataset", "mnist_sample"]) == 1
    assert "the model expects 3 features, got (1000, 784)" in capsys.readouterr().err


# What comes out


def test_text(digits, capsys):
    save_digits_model()
    numpy.save("new.npy", digits[:3])
    Image.fromarray(digits[4]).save("digit.png")
    assert main(["digit.png", "new.npy"]) == 0
    said = capsys.readouterr()
    k = classes_of(digits)
    assert said.out.splitlines() == [
        f"digit.png: {k[4]}",
        f"new.npy[0]: {k[0]}",
        f"new.npy[1]: {k[1]}",
        f"new.npy[2]: {k[2]}",
    ]
    assert said.err == ""


def oracle(W, b, x):
    p = probabilities(numpy.asarray(x, numpy.float32), W, b)
    return [["a", "b", "c"][i] for i in p.argmax(axis=1)], p


def test_stdin_in_every_format(small, monkeypatch, capsys):
    x = numpy.random.RandomState(1).randn(7, 3)
    labels, p = oracle(*small, x)
    assert set(labels) == {"a", "b", "c"}

    def output(*options):
        stdin_of(monkeypatch, csv_text(x))
        assert main(["-", "--model", "small.pkl", *options]) == 0
        return capsys.readouterr().out

    lines = output().splitlines()
    assert lines == [f"-[{i}]: {label}" for i, label in enumerate(labels)]
    for line, row in zip(output("--proba").splitlines(), p):
        values = dict(pair.split("=") for pair in line.split("  ")[1:])
        assert list(values) == ["a", "b", "c"]
        assert [float(v) for v in values.values()] == pytest.approx(row.tolist(), abs=6e-5)
    for line, row, label in zip(output("--top", "2").splitlines(), p, labels):
        pairs = [pair.split("=") for pair in line.split("  ")[1:]]
        assert [float(v) for _, v in pairs] == pytest.approx(sorted(row)[:0:-1], abs=6e-5)
        assert pairs[0][0] == label

    rows = list(csv.reader(io.StringIO(output("--format", "csv"))))
    assert rows[0] == ["input", "row", "prediction"]
    assert rows[1:] == [["-", str(i), label] for i, label in enumerate(labels)]
    rows = list(csv.DictReader(io.StringIO(output("--format", "csv", "--proba"))))
    for row, expected in zip(rows, p):
        found = [float(row[f"probability_{k}"]) for k in "abc"]
        assert found == pytest.approx(expected.tolist(), rel=1e-5)
    rows = list(csv.DictReader(io.StringIO(output("--format", "csv", "--top", "9"))))
    assert list(rows[0])[3:] == [f"top_{i}{end}" for i in (1, 2, 3) for end in ("", "_probability")]
    assert [row["top_1"] for row in rows] == labels

    entries = json.loads(output("--format", "json", "--proba"))
    assert [entry["prediction"] for entry in entries] == labels
    assert [entry["row"] for entry in entries] == list(range(7))
    for entry, expected in zip(entries, p):
        values = entry["probabilities"]
        assert [values[k] for k in "abc"] == pytest.approx(expected.tolist(), rel=1e-5)
    entries = json.loads(output("--format", "json", "--top", "1"))
    assert [[one["label"] for one in entry["top"]] for entry in entries] == [[k] for k in labels]


def test_the_predicted_class_comes_first_of_equals(capsys):
    save("even.pkl", numpy.zeros((2, 3)), numpy.zeros(3), class_labels=[7, 5, 3])
    write("x.csv", b"1,2\n")
    assert main(["x.csv", "--model", "even.pkl", "--top", "3"]) == 0
    assert capsys.readouterr().out == "x.csv[0]: 7  7=0.3333  5=0.3333  3=0.3333\n"


def test_rows_are_counted_over_batches_and_cut_at_n(digits, capsys):
    save_digits_model()
    numpy.save("a.npy", digits)
    write("b.idx.gz", gzip.compress(idx_bytes(digits)))
    expected = [f"{name}[{i}]" for name in ("a.npy", "b.idx.gz") for i in range(7)]
    for size in ("1", "3", "7", "100"):
        assert main(["a.npy", "b.idx.gz", "-n", "7", "--batch-size", size]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in lines] == expected
        assert [int(line[-1]) for line in lines] == 2 * list(classes_of(digits[:7]))


def test_output_arrives_whole_or_not_at_all(small, capsys, working_folder):
    write("x.csv", b"1,0,0\n0,0,1\n")
    write("bad.csv", b"1,0\n")
    command = ["--model", "small.pkl", "--output", "out.json", "--format", "json"]
    assert main(["bad.csv", *command]) == 1
    said = capsys.readouterr()
    assert "nothing could be predicted, so out.json is not written" in said.err
    assert not (working_folder / "out.json").exists()
    assert main(["bad.csv", "x.csv", *command]) == 1
    assert [entry["prediction"] for entry in json.loads(read("out.json"))] == ["a", "c"]
    before = read("out.json")
    assert main(["bad.csv", *command]) == 1
    assert read("out.json") == before
    assert capsys.readouterr().out == ""
    assert main(["x.csv", "--model", "small.pkl", "--output", "no/such/folder"]) == 1
    assert "error: no/such/folder cannot be written: No such file" in capsys.readouterr().err
    assert sorted(p.name for p in working_folder.iterdir()) == sorted(
        ["bad.csv", "out.json", "small.pkl", "x.csv"]
    )


def test_one_bad_input_does_not_lose_the_others(digits, capsys):
    save_digits_model()
    numpy.save("good.npy", digits[:2])
    Image.fromarray(digits[4]).save("digit.png")
    write("broken.png", read("digit.png")[:60])
    nan = digits.astype(float)
    nan[9, 1, 2] = numpy.nan
    numpy.save("nan.npy", nan)
    names = ["broken.png", "good.npy", "missing.csv", "nan.npy", "digit.png", "good.npy"]
    assert main([*names, "--batch-size", "4", "--format", "json"]) == 1
    said = capsys.readouterr()
    entries = json.loads(said.out)
    counts = [(name, sum(e["input"] == name for e in entries)) for name in sorted(set(names))]
    # Of nan.npy those before the batch with the row that is bad; good.npy was given twice.
    assert counts == [
        ("broken.png", 0),
        ("digit.png", 1),
        ("good.npy", 4),
        ("missing.csv", 0),
        ("nan.npy", 8),
    ]
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert [re.match(r"error: ([^:]+)", line).group(1) for line in errors] == [
        "broken.png",
        "missing.csv",
        "nan.npy",
    ]
    assert "row 9, column 30 holds nan (counted from 0)" in errors[2]


def test_names_that_are_no_text(small, capsys):
    save("names.pkl", *small, class_labels=["new\nline", "Füße", '"q",'])
    write("odd\nname.csv", b"1,0,0\n0,1,0\n0,0,1\n")
    for form in ("text", "csv", "json"):
        assert main(["odd\nname.csv", "--model", "names.pkl", "--format", form]) == 0
        out = capsys.readouterr().out
        assert "odd\\" in out
        if form == "text":
            assert out.splitlines()[1] == "odd\\nname.csv[1]: Füße"
        elif form == "csv":
            assert [row[2] for row in csv.reader(io.StringIO(out))][3] == '"q",'
        else:
            assert json.loads(out)[0]["prediction"] == "new\nline"


def test_an_encoding_that_lacks_characters(small, run):
    save("names.pkl", *small, class_labels=["ä", "b", "c"])
    write("x.csv", b"1,0,0\n")
    env = {"PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": "error::ResourceWarning"}
    done = run("-m", "logreg.predict", "x.csv", "--model", "names.pkl", env=env)
    assert (done.returncode, done.stdout) == (0, "x.csv[0]: \\xe4\n"), done.stderr

    write("x.csv", b"b,0,0,0\n" * 6)
    done = run("-m", "logreg.predict", "--dataset", "x.csv", "--model", "names.pkl", env=env)
    assert (done.returncode, done.stdout.splitlines()[1]) == (
        0,
        "['\\xe4' '\\xe4' '\\xe4' '\\xe4' '\\xe4' '\\xe4']",
    ), done.stderr


# What is said of values


def watch_of(tmp_path, **metadata):
    path = save_digits_model(tmp_path / "model.pkl", **metadata)
    return Watch(Predictor(path), "new.npy")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return Predictor(save_digits_model(tmp_path_factory.mktemp("model") / "model.pkl"))


def test_values_that_the_model_was_not_trained_on_are_warned_of(digits, predictor, capsys):
    x = digits.reshape(12, 784)
    for values, said in (
        (x, ""),
        (x / 256, ""),
        (x.astype(float), "new.npy: values from 0 to 255, and the model was trained on 0 to 1"),
        (x.astype(int), "divide pixels by 256, or save them as uint8"),
        (x / 100, "values from 0 to 2.55"),
        (255 - x, "new.npy: looks inverted (mean brightness 0.8"),
        (1 - x / 256, "new.npy: looks inverted (mean brightness 0.8"),
        ((x > 99).astype("u1"), "uint8 of 0 and 1 are scaled as pixels"),
        ((x > 99), ""),
    ):
        watch = Watch(predictor, "new.npy")
        watch.predict(values)
        first = capsys.readouterr().err
        assert said in first and bool(said) == bool(first)
        watch.predict(values)
        assert capsys.readouterr().err == ""  # once is enough
    watch = Watch(predictor, "new.npy", is_right=True)
    watch.predict(255 - x)
    assert capsys.readouterr().err == ""
    watch = Watch(predictor, "new.npy")
    watch.predict(x)
    watch.predict(numpy.concatenate([x[:3], numpy.full((3, 784), 7, "u1")]))
    said = "new.npy: row 15 is blank: all its values are equal, as are 2 more"
    assert said in capsys.readouterr().err


def test_pixels_are_scaled_as_the_model_needs(digits, predictor, tmp_path, capsys):
    x = digits.reshape(12, 784)
    expected = probabilities(x / numpy.float32(256), *weights())
    for values in (x, x / 256, (x / 256).astype(">f2")):
        prediction = Watch(predictor, "new.npy").predict(values)
        assert prediction.probabilities == pytest.approx(expected, rel=1e-3)
        assert prediction.classes.tolist() == expected.argmax(axis=1).tolist()
    # Trained on floats: their range tells, and without it what training would do.
    for x_range, scale, note in (([0, 1], 1, False), (None, 1, True), ([0, 255], 256, False)):
        W, b = weights()
        told = {"image_shape": [28, 28], "pixel_scale": 1, "x_range": x_range}
        path = save(tmp_path / "floats.pkl", W / scale, b, **told)
        prediction = Watch(Predictor(path), "new.npy").predict(x)
        assert prediction.probabilities == pytest.approx(expected, rel=1e-3)
        assert ("pixels are scaled by 1/256" in capsys.readouterr().err) == note


@pytest.mark.parametrize(
    "x_range, values, said",
    [
        ((0, 16), numpy.uint8(200), "values from 0 to 200, and the model was trained on 0 to 16"),
        ((0, 16), 20.0, ""),
        ((-0.5, 3), numpy.uint8(200), "trained on -0.5 to 3: make them like the training data"),
        ((-1, 1), numpy.uint8(200), "values from 0 to 0.78125, and the model was trained on -1"),
        ((-1, 1), 0.7, ""),
        ((0, 255), 0.7, "values from 0 to 0.7, and the model was trained on 0 to 255"),
        ((0, 255), 255.0, ""),
        ((0, 1), -40.0, "values from -40 to 0, and the model was trained on 0 to 1"),
        ((0, 2), -40.0, "values from -40 to 0, and the model was trained on 0 to 2"),
    ],
)
def test_other_ranges_than_the_models_are_warned_of(tmp_path, capsys, x_range, values, said):
    W, b = weights()
    told = {"pixel_scale": 1, "x_range": x_range, "image_shape": None}
    predictor = Predictor(save(tmp_path / "model.pkl", W, b, **told))
    x = numpy.zeros((2, 784), numpy.asarray(values).dtype)
    x[0, 300] = values
    Watch(predictor, "new.npy").predict(x)
    err = capsys.readouterr().err
    assert said in err and bool(said) == bool(err)


def test_a_blank_row_hides_no_inversion(digits, predictor, capsys):
    x = numpy.concatenate([255 - digits.reshape(12, 784), numpy.full((1, 784), 7, "u1")])
    Watch(predictor, "new.npy").predict(x)
    said = capsys.readouterr().err
    assert "row 12 is blank" in said and "looks inverted" in said


def test_blank_pictures_are_warned_of_though_the_model_knows_no_images(capsys):
    save_digits_model(image_shape=None)
    Image.new("L", (50, 50), 255).save("blank.png")
    numpy.save("zeros.npy", numpy.zeros((1, 784), numpy.uint8))
    assert main(["blank.png", "zeros.npy"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "warning: blank.png: is blank, or too faint: no ink was found on it"
    ]


def test_inversion_is_for_pictures(digits, capsys):
    save_digits_model()
    numpy.save("x.npy", digits)
    assert main(["x.npy", "--invert"]) == 0
    said = capsys.readouterr()
    assert "warning: x.npy: --invert is for pictures: rows of numbers stay" in said.err
    assert said.out.split()[1::2] == [str(k) for k in classes_of(digits)]


@pytest.mark.parametrize("bad", [numpy.nan, numpy.inf, -numpy.inf, 1e300, 1e38])
def test_values_that_cannot_be_computed_with_are_refused(bad, tmp_path, digits):
    W, b = weights()
    predictor = Predictor(save(tmp_path / "model.pkl", numpy.sign(W) * 9, b))
    watch = Watch(predictor, "new.npy")
    x = digits.reshape(12, 784) / 256
    watch.predict(x)
    x[3, 400:500] = bad
    with pytest.raises(DatasetError, match=r"new.npy: row 15, .* \(counted from 0\)"):
        watch.predict(x)


# Usage and model files


@pytest.mark.parametrize(
    "options",
    [
        ["x.csv", "--evaluate"],
        ["--info", "--evaluate"],
        ["x.csv", "--info"],
        ["--evaluate", "-n", "3"],
        ["--invert", "--no-invert"],
        ["--format", "xml"],
        ["--top", "many"],
    ],
)
def test_wrong_usage(options, capsys):
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert "usage: logreg-predict" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-n", "--top", "--batch-size"])
def test_numbers_out_of_range(option, capsys):
    assert main([option, "0", "x.csv"]) == 1
    assert f"error: {option} is 0: it must be 1 or more" in capsys.readouterr().err


def test_without_a_model_and_without_a_device(capsys):
    assert main(["x.csv", "--model", "nowhere.pkl"]) == 1
    assert "error: nowhere.pkl cannot be loaded" in capsys.readouterr().err
    save_digits_model()
    assert main(["x.csv", "--device", "nonsense"]) == 1
    assert "error: device 'nonsense' is not known" in capsys.readouterr().err
    with pytest.raises(ModelFileError):
        predict.predict("nowhere.pkl")


def test_info(capsys):
    save_digits_model(test_error=0.0748958, dataset="mnist.pkl.gz")
    assert main(["--info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "class_labels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "dataset: mnist.pkl.gz",
        "image_shape: 28 x 28",
        "n_in: 784",
        "pixel_scale: 0.00390625",
        "test_error: 7.489580 %",
    ):
        assert line in lines
    assert lines == sorted(lines)
    assert main(["--info", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["image_shape"] == [28, 28]
    assert main(["--info", "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["name", "value"] and ["n_out", "10"] in rows


def test_nothing_is_imported_that_is_not_needed(small, run):
    write("x.csv", b"1,0,0\n")
    code = (
        "import sys; from logreg.predict import main; "
        "code = main(['x.csv', '--model', 'small.pkl']); "
        "sys.exit(code or bool({'PIL', 'logreg.prediction.evaluation', 'logreg.sgd', 'logreg.tutorial'} "
        "& set(sys.modules)))"
    )
    done = run("-c", code)
    assert (done.returncode, done.stdout) == (0, "x.csv[0]: a\n"), done.stderr


def test_a_pipe_from_and_to_other_programs(small, run):
    text = csv_text(numpy.eye(3))
    done = run("-m", "logreg.predict", "-", "--model", "small.pkl", input=text)
    assert (done.returncode, done.stdout) == (0, "-[0]: a\n-[1]: b\n-[2]: c\n")


@pytest.mark.parametrize("how", [["--evaluate"], [], ["x.csv"]])
def test_what_is_read_is_not_overwritten(working_folder, capsys, how):
    save_digits_model("m.pkl")
    (working_folder / "mnist_sample.npz").write_bytes(SAMPLE.read_bytes())
    (working_folder / "x.csv").write_text(",".join(["0"] * 784) + "\n")
    for output in ["m.pkl", how[0] if how == ["x.csv"] else "mnist_sample.npz"]:
        before = (working_folder / output).read_bytes()
        command = [*how, "--model", "m.pkl", "--output", f"./{output}"]
        if how != ["x.csv"]:
            command += ["--dataset", "mnist_sample.npz"]
        assert main(command) == 1
        assert re.search(r"error: .*would (be )?overwrit", capsys.readouterr().err)
        assert (working_folder / output).read_bytes() == before


def test_a_data_set_beside_inputs_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["x.csv", "--dataset", "mnist_sample"])
    assert ended.value.code == 2
    assert "--dataset is for --evaluate and" in capsys.readouterr().err


@pytest.mark.parametrize("share, ground", [(0.0, "dark"), (1.0, "light"), (0.5, None)])
@pytest.mark.parametrize("x_range", [[0.0, 1.0], [-1.0, 1.0], [0.0, 255.0]])
def test_the_ground_that_the_model_knows(digits, tmp_path, capsys, share, ground, x_range):
    median = x_range[0] + share * (x_range[1] - x_range[0])
    metadata = {"x_range": x_range, "x_median": median, "pixel_scale": 1}
    pixels = {"dark": digits.reshape(-1, 784), "light": 255 - digits.reshape(-1, 784)}
    for drawn, x in pixels.items():
        watch = watch_of(tmp_path, **metadata)
        watch.predict(x if x_range[1] == 255 else x / numpy.float32(255))
        said = capsys.readouterr().err
        assert ("looks inverted" in said) == (ground is not None and drawn != ground)
        if said:
            assert f"ink on a {ground} ground" in said
    save_digits_model(**metadata)
    for drawn, was in (("dark", "light on dark"), ("light", "dark on light")):
        Image.fromarray(pixels[drawn][0].reshape(28, 28)).save("digit.png")
        assert main(["digit.png"]) == 0
        is_inverted = ground is not None and drawn != ground
        assert (f"{was}, so inverted" in capsys.readouterr().err) == is_inverted


def test_rows_before_a_bad_one_are_kept(small, capsys, working_folder):
    x = numpy.arange(30.0).reshape(10, 3)
    path = "small.pkl"
    (working_folder / "x.csv").write_text(csv_text(x) + "a,b,c\n")
    assert main(["--model", path, "x.csv", "--output", "o.txt"]) == 1
    assert "error: x.csv: row" in capsys.readouterr().err
    assert len((working_folder / "o.txt").read_text().splitlines()) == len(x)
    assert main(["--model", path, "x.csv", "-n", str(len(x))]) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and len(captured.out.splitlines()) == len(x)


@pytest.mark.parametrize("transposed", [True, False])
def test_pictures_are_turned_as_emnist_is(digits, capsys, transposed):
    W, b = weights()
    if transposed:
        W = W.reshape(28, 28, 10).swapaxes(0, 1).reshape(784, 10)
    told = {"image_shape": [28, 28], "pixel_scale": 1 / 256, "transposed": transposed}
    save("best_model.pkl", W, b, **told)
    for i, digit in enumerate(digits):
        Image.fromarray(digit).save(f"{i}.png")
        numpy.save(f"{i}.npy", digit.T if transposed else digit)
    names = [f"{i}.{form}" for form in ("png", "npy") for i in range(len(digits))]
    assert main(names) == 0
    found = [int(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert found == 2 * classes_of(digits).tolist()

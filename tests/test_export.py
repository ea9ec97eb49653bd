"""Exported models say the same as the model file, by ONNX Runtime and by a softmax in NumPy."""

import json
from pathlib import Path

import numpy
import pytest
from builders import probabilities, save

from logreg.prediction.predictor import Predictor

RANDOM = numpy.random.RandomState(3)
W, B = RANDOM.randn(4, 3), RANDOM.randn(3)
MEANS, SCALES = [1e6, 2.0, -3.0, 0.5], [1e3, 1.0, 0.25, 2.0]
X = RANDOM.randn(20, 4) * SCALES + MEANS
TABLE = {"feature_means": MEANS, "feature_scales": SCALES}
MODELS = {
    "plain": {},
    "text": {"class_labels": ["no", "yes", "tüv"]},
    "pixels": {"pixel_scale": 1 / 255},
    "standardized": TABLE,
    "filled": {"feature_means": MEANS, "missing": "mean"},
    "all": {**TABLE, "missing": "mean", "pixel_scale": 1 / 256, "class_labels": ["a", "b", "c"]},
}


@pytest.fixture(params=MODELS)
def told(request):
    """What the file model.pkl tells of its model."""
    save("model.pkl", W, B, **MODELS[request.param])
    return MODELS[request.param]


def rows(told):
    """Rows that a model takes, some values empty where it fills them."""
    x = RANDOM.randint(256, size=(20, 4)).astype(float) if "pixel_scale" in told else X.copy()
    if "missing" in told:
        x[::3, 1] = numpy.nan
    return x


def expected(told, x):
    """Probabilities, by the steps that the script's help gives."""
    x = x * told.get("pixel_scale", 1)
    if "missing" in told:
        x = numpy.where(numpy.isnan(x), told["feature_means"], x)
    if "feature_scales" in told:
        x = (x - told["feature_means"]) / told["feature_scales"]
    return probabilities(x, W.astype("f4"), B.astype("f4"))


def test_onnx(told, cli):
    pytest.importorskip("onnx", reason="there is no onnx for this Python")
    runtime = pytest.importorskip("onnxruntime", reason="there is no onnxruntime for this Python")
    x = rows(told)
    done = cli("export", "model.pkl", "--to", "onnx")
    assert done.out == "model.onnx: a model of 4 features and 3 classes\n"
    session = runtime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    kind = "float64" if "feature_means" in told else "float32"
    label, p = session.run(["label", "probabilities"], {"x": x.astype(kind)})
    assert p.dtype == "float32" and p == pytest.approx(expected(told, x), rel=1e-4, abs=1e-6)
    assert label.tolist() == [told.get("class_labels", [0, 1, 2])[k] for k in p.argmax(axis=1)]
    x[0] = numpy.nan
    (p,) = session.run(["probabilities"], {"x": x.astype(kind)})
    assert numpy.isnan(p[0]).all() == ("missing" not in told)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["logreg"]) == Predictor("model.pkl").metadata
    assert metadata["x"].startswith("pixels" if "pixel_scale" in told else "features as the data")


def test_npz_and_json(told, cli):
    x = rows(told)
    for form in ("npz", "json"):
        cli("export", "model.pkl", "--to", form)
    with numpy.load("model.npz", allow_pickle=False) as arrays:
        arrays = dict(arrays)
    lists = json.loads(Path("model.json").read_text())
    assert set(arrays) == set(lists) == {"W", "b", "class_labels", "pixel_scale", "metadata", *told}
    assert lists.pop("metadata") == json.loads(str(arrays.pop("metadata")))
    assert arrays["W"].dtype == "float32" and (arrays["W"] == W.astype("f4")).all()
    assert {k: v.tolist() for k, v in arrays.items()} == lists
    assert lists["class_labels"] == told.get("class_labels", [0, 1, 2])
    read = {k: v for k, v in lists.items() if k in told}
    assert (expected(read, x) == expected(told, x)).all()


@pytest.mark.parametrize("form", ["npz", "json", "safetensors"])
def test_what_export_wrote_is_a_model_for_predict(form, told, cli):
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="it is not installed")
    cli("export", "model.pkl", "--to", form)
    ours, exported = Predictor("model.pkl"), Predictor(f"model.{form}")
    assert exported.metadata == ours.metadata
    numpy.save("x.npy", rows(told))
    expected = cli("predict", "x.npy", "--model", "model.pkl", "--proba")
    assert cli("predict", "x.npy", "--model", f"model.{form}", "--proba") == expected
    whole = Path(f"model.{form}").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:90] + b"?" + whole[95:]):
        Path("damaged").write_bytes(damaged)
        done = cli("predict", "x.npy", "--model", "damaged")
        assert done.code == 1 and "error: damaged cannot be loaded: it is damaged, or" in done.err


@pytest.mark.parametrize("form", ["npz", "json", "safetensors"])
def test_a_model_of_float64_comes_back_to_the_last_bit(form, cli):
    pytest.importorskip("safetensors", reason="it is not installed")
    save("model.pkl", W, B, "float64")
    cli("export", "model.pkl", "--to", form)
    found = Predictor(f"model.{form}")
    assert found.W.dtype == "float64" and (found.W == W).all() and (found.b == B).all()


def test_safetensors(told, cli):
    safetensors = pytest.importorskip("safetensors", reason="it is not installed")
    cli("export", "model.pkl", "--to", "safetensors")
    with safetensors.safe_open("model.safetensors", "numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        assert json.loads(file.metadata()["logreg"]) == Predictor("model.pkl").metadata
    assert arrays["W"].dtype == "float32" and (arrays["W"] == W.astype("f4")).all()
    read = {**told, **{key: arrays[key] for key in arrays if key in told}}
    x = rows(told)
    assert (expected(read, x) == expected(told, x)).all()
    assert ("class_labels" in arrays) != ("class_labels" in told)  # texts are in the metadata alone

"""Exported models say the same as the model file, by ONNX Runtime and by a softmax in NumPy."""

import json
from pathlib import Path

import numpy
import pytest
from builders import probabilities, save

from logreg.prediction.predictor import Predictor

RANDOM = numpy.random.RandomState(3)
W = RANDOM.randn(4, 3)
B = RANDOM.randn(3)
MEANS = [1e6, 2.0, -3.0, 0.5]
SCALES = [1e3, 1.0, 0.25, 2.0]
X = RANDOM.randn(20, 4) * SCALES + MEANS
TABLE = {"feature_means": MEANS, "feature_scales": SCALES}
MODELS = {
    "plain": {},
    "float64": {"dtype": "float64", "class_labels": [30, -7, 5]},
    "standardized": TABLE,
    "filled": {"feature_means": MEANS, "missing": "mean"},
    "all": {
        **TABLE,
        "missing": "mean",
        "pixel_scale": 256,
        "class_labels": ["LogisticRegression", "yes", "tüv"],
    },
}


@pytest.fixture(params=MODELS)
def told(request):
    """What the file model.pkl tells of its model."""
    save("model.pkl", W, B, **MODELS[request.param])
    return MODELS[request.param]


def rows(told):
    """Rows that a model takes, some values empty where it fills them."""
    x = X.copy()
    if "missing" in told:
        x[::3, 1] = numpy.nan
    return x


def expected(told, x):
    """Probabilities, by the steps that the command's help gives."""
    x = x / told.get("pixel_scale", 1)
    dtype = told.get("dtype", "float32")
    if "missing" in told:
        x = numpy.where(numpy.isnan(x), told["feature_means"], x)
    if "feature_scales" in told:
        x = (x - told["feature_means"]) / told["feature_scales"]
    return probabilities(x, W.astype(dtype), B.astype(dtype))


def test_onnx(told, cli):
    pytest.importorskip("onnx", reason="there is no onnx for this Python")
    runtime = pytest.importorskip("onnxruntime", reason="there is no onnxruntime for this Python")
    x = rows(told)
    cli("export model.pkl --to onnx")
    session = runtime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    dtype = told.get("dtype", "float32")
    kind = "float64" if "feature_means" in told else dtype
    label, p = session.run(["label", "probabilities"], {"x": x.astype(kind)})
    assert p.dtype == dtype and p == pytest.approx(expected(told, x), rel=1e-4, abs=1e-6)
    assert label.tolist() == [told.get("class_labels", [0, 1, 2])[k] for k in p.argmax(axis=1)]
    x[0] = numpy.nan
    (p,) = session.run(["probabilities"], {"x": x.astype(kind)})
    assert numpy.isnan(p[0]).all() == ("missing" not in told)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["logreg"]) == Predictor("model.pkl").metadata
    scaled = f"bytes of 0 to 255; they are divided by {told.get('pixel_scale')} here"
    assert metadata["x"].endswith(scaled if "pixel_scale" in told else "as the data have them")


def test_what_was_exported_is_read_by_others(told, cli):
    """By NumPy, and by any reader of JSON, without a line of ours."""
    x = rows(told)
    dtype = told.get("dtype", "float32")
    for form in ("npz", "json"):
        cli("export model.pkl --to", form)
    with numpy.load("model.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    lists = json.loads(Path("model.json").read_text())
    metadata = Predictor("model.pkl").metadata
    assert metadata == lists.pop("metadata") == json.loads(str(arrays.pop("metadata")))
    assert lists == {name: array.tolist() for name, array in arrays.items()}
    assert {*arrays} == {"W", "b", "class_labels", "pixel_scale", *told} - {"dtype"}
    assert arrays["W"].dtype == dtype and (arrays["W"] == W.astype(dtype)).all()
    assert [*arrays["class_labels"]] == told.get("class_labels", [0, 1, 2])
    assert (expected({**told, **arrays}, x) == expected(told, x)).all()

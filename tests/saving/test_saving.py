"""The files of models and parameters: what is written is read, by any engine, and nothing else."""

import json
import os
import pickle
import platform
import re
from datetime import datetime, timezone
from pathlib import Path

import numpy
import pytest
from builders import model_header, sealed, write

from logreg import engine
from logreg.basics.errors import ModelFileError
from logreg.basics.version import __version__
from logreg.engine import T, theano
from logreg.model import LogisticRegression
from logreg.saving import model_file
from logreg.saving.variables import load_model, load_params, save_model, save_params

# Values that rounding, text or the sign of zero would lose.
W = [[0.1, -1 / 3], [1e-40, 3e38], [-0.0, numpy.pi]]
B = [2 / 3, -1e-9]


def make(dtype="float32"):
    with engine.floatx(dtype):
        return LogisticRegression(T.matrix("x"), 3, 2, W, B)


def bits(params):
    """The dtype, the shape and the bytes of shared variables, or of arrays."""
    values = [param.get_value() if hasattr(param, "get_value") else param for param in params]
    return [(value.dtype.name, value.shape, value.tobytes()) for value in values]


TOLD = {"n_in": 3, "n_out": 2, "dtype": "float32", "class_labels": ["no", "yes"]}
HEADER = model_header(TOLD)
DATA = numpy.array([*numpy.ravel(W), *B], "<f4").tobytes()
WHOLE = sealed(json.dumps(HEADER), DATA)


# ---- what is written is read


def test_a_file_put_together_by_hand_is_the_same_format():
    save_model(make(), "model.pkl")
    written = Path("model.pkl").read_bytes()
    header = written[written.index(b"{") : written.index(b"q\x00C")].decode()
    assert sealed(header, DATA) == written
    with engine.floatx("float32"):
        found = load_model(write("model.pkl", WHOLE))
    assert found.input.owner is None and bits(found.params) == bits(make().params)


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_of_either_dtype_is_read_in_a_program_of_either_floatx(dtype, floatx, stderr):
    header = json.dumps(HEADER).replace("float32", dtype)
    data = numpy.array([*numpy.ravel(W), *B], dtype).tobytes()
    path = Path(write("model.pkl", sealed(header, data)))
    with engine.floatx(floatx):
        save_model(load_model(path), "again.pkl")
        loaded = pickle.loads(path.read_bytes()), load_model("again.pkl")
    said = "warning: the model is of float64, and floatX is float32: its parameters are rounded"
    assert stderr().count(said) == 3 * ((dtype, floatx) == ("float64", "float32"))
    expected = bits([numpy.array(value, dtype).astype(floatx) for value in (W, B)])
    told = {**TOLD, "dtype": dtype}
    for classifier in loaded:
        assert classifier.p_y_given_x.dtype == floatx and bits(classifier.params) == expected
        assert classifier.metadata.items() >= told.items()
    # What was not changed is saved with every bit of its file.
    assert bits(model_file.read("again.pkl")[1].values()) == bits(make(dtype).params)


def test_a_loaded_model_is_saved_as_it_was_until_it_is_changed():
    save_model(make(), "model.pkl", date="2024-02-29T12:00:00+00:00")
    with engine.floatx("float32"):
        loaded = load_model("model.pkl")
        assert loaded.metadata["date"] == "2024-02-29T12:00:00+00:00"
        save_model(loaded, "again.pkl")
        assert Path("again.pkl").read_bytes() == Path("model.pkl").read_bytes()
        engine.set_value(loaded.b, [5, 7])
        save_model(loaded, "again.pkl", dataset="other")
        assert engine.value(load_model("again.pkl").b).tolist() == [5, 7]


def test_parameters_of_two_dtypes_are_saved_in_the_wider():
    classifier = make("float32")
    classifier.b = theano.shared(numpy.array(B, "float64"))
    save_model(classifier, "model.pkl")
    saved = model_file.read("model.pkl")[1].values()
    assert bits(saved) == bits([numpy.array(W, "float32").astype("float64"), numpy.array(B)])


# ---- what a file tells


def test_what_a_file_tells():
    name = os.fsdecode(b"LogisticRegression/caf\xe9.csv")  # as of the tutorial's own pickle
    told = {"class_labels": numpy.array([3, 7]), "image_shape": (numpy.int64(3), 1), "best": None}
    save_model(make("float64"), "model.pkl", pixel_scale=numpy.float32(0.5), dataset=name, **told)
    found = load_model("model.pkl").metadata
    age = datetime.now(timezone.utc) - datetime.fromisoformat(found["date"])
    assert age.days == 0
    assert found == {
        "class_labels": [3, 7],
        "image_shape": [3, 1],
        "best": None,
        "pixel_scale": 0.5,
        "dataset": name,
        "dtype": "float64",
        "n_in": 3,
        "n_out": 2,
        "date": found["date"],
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "device": "cpu",
        "engine": f"{engine.NAME} {engine.VERSION}",
        "logreg": __version__,
    }
    # A model that was loaded is saved with all that its file tells.
    others = {"l2": 0.2, "pixel_scale": 0.25}
    save_model(load_model("model.pkl"), "same.pkl", **others, n_in=None)
    assert load_model("same.pkl").metadata == {**found, **others}


def test_a_file_may_be_so_large_and_no_larger(monkeypatch):
    monkeypatch.setattr(model_file, "MAX_BYTES", 5000)
    save_params([theano.shared(numpy.zeros(3000, "uint8"))], "small.pkl")
    with pytest.raises(ModelFileError, match="more than 5000 bytes, too many for a file"):
        save_params([theano.shared(numpy.zeros(4000, "uint8"))], "large.pkl")
    with pytest.raises(ModelFileError, match=r"cannot be loaded: .*5000 bytes, which is too"):
        model_file.read(write("large.pkl", bytes(5001)))


def test_what_could_not_be_loaded_again_is_not_saved():
    save_model(make(), "model.pkl")
    before = Path("model.pkl").read_bytes()
    net = LogisticRegression(T.tanh(T.matrix("x")), 3, 2)
    for given, metadata, message in (
        (make(), {"best": numpy.nan}, r"^its best is no JSON: Out of range"),
        (make(), {"file": Path("x")}, r"^its file is no JSON: \w+ is neither text nor a number$"),
        (net, {}, r"layer below.*save_params"),
        (net.params, {}, "holds a LogisticRegression, and this is a list"),
    ):
        with pytest.raises(ModelFileError, match=message):
            save_model(given, "model.pkl", **metadata)
    with pytest.raises(ModelFileError, match="float16"):
        save_params([theano.shared(numpy.zeros(3, "float16"))], "model.pkl")
    assert Path("model.pkl").read_bytes() == before


# ---- the parameters of a net

SHAPES = [(5, 4), (4,), (4, 3), (3,)]


def net(shapes=SHAPES, seed=0, dtype="float64"):
    """Shared variables with any values."""
    rng = numpy.random.RandomState(seed)
    values = [numpy.asarray(rng.normal(size=shape), dtype) for shape in shapes]
    return [theano.shared(value, name="Wb"[i % 2]) for i, value in enumerate(values)]


@pytest.mark.parametrize("dtype, floatx", [("float32", "float64"), ("float64", "float32")])
def test_every_bit_of_a_net_comes_back_whatever_floatx_is(dtype, floatx):
    """The order is that of the list: names may repeat or lack, and the tenth is after the ninth."""
    shapes = [(5, 4), (2,), (), (1, 2, 3, 4), (0, 3)] + [(2, 2)] * 9
    saved = net(shapes, seed=1, dtype=dtype)
    odd = [numpy.nan, numpy.inf, -0.0, numpy.finfo(dtype).tiny / 8, 1 / 3]
    saved[0].set_value(numpy.array([odd] * 4, dtype).T)
    saved[4].name = None
    save_params(saved, "net.pkl")
    with engine.floatx(floatx):
        loaded = net(shapes, seed=2, dtype=dtype)
        load_params(loaded, "net.pkl")
    assert bits(loaded) == bits(saved)
    header, arrays = pickle.loads(Path("net.pkl").read_bytes()).values()
    assert header["logreg"] == __version__ and bits(arrays.values()) == bits(saved)


@pytest.mark.parametrize(
    "shapes, dtype",
    [(SHAPES[:3], "float64"), (SHAPES, "float32"), ([(5, 6), (6,), (6, 3), (3,)], "float64")],
)
def test_a_file_of_another_net_changes_nothing(shapes, dtype):
    params = net()
    save_params(net(shapes, seed=1, dtype=dtype), "net.pkl")
    there = f"its parameters are [('{dtype}', {shapes[0]}), "
    with pytest.raises(ModelFileError, match=f"^net.pkl is of another net: {re.escape(there)}"):
        load_params(params, "net.pkl")
    assert bits(params) == bits(net())


# ---- files that are none of ours


@pytest.mark.parametrize(
    "data, kind, said",
    [
        (
            model_file.dumps("checkpoint", {}),
            "model",
            "checkpoint file, not a model file; BestM.* one",
        ),
        (WHOLE, "parameters", "it is a model file, not a parameters file"),
        (
            sealed(json.dumps({**HEADER, "version": 2}), DATA),
            "model",
            "of version 2, and 1 is known",
        ),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(data, kind, said):
    advice = "No such file or directory; train a model first: python -m logreg.train$"
    with pytest.raises(ModelFileError, match=f"^model.pkl cannot be loaded: {advice}"):
        load_model("model.pkl")
    with pytest.raises(ModelFileError, match=f"^model.pkl cannot be loaded: .*{said}$"):
        model_file.read(write("model.pkl", data), kind)


def same_or_refused(data):
    """What is loaded is what was saved, wherever the file was damaged."""
    try:
        header, arrays = model_file.loads(data)
    except ModelFileError:
        return False
    assert header == HEADER
    assert b"".join(arrays[name].tobytes() for name in "Wb") == DATA
    return True


def test_every_bit_and_byte_counts():
    n_same = 0
    for i in range(len(WHOLE)):
        for bit in range(8):
            n_same += same_or_refused(WHOLE[:i] + bytes([WHOLE[i] ^ 1 << bit]) + WHOLE[i + 1 :])
        assert not same_or_refused(WHOLE[:i])
        same_or_refused(WHOLE[:i] + b"q" + WHOLE[i:])
    assert not same_or_refused(WHOLE + b".")
    # Nothing but the places in the memo and the protocol, neither of which is of use to us.
    assert n_same <= 8 * 7

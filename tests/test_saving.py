"""The model file: what is written is read, by any engine, and nothing else is."""

import base64
import contextlib
import copy
import errno
import functools
import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import pytest
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logreg import engine
from logreg.engine import T, theano
from logreg.errors import ModelFileError
from logreg.model import LogisticRegression
from logreg.saving import dump, dump_model, load, load_model, loads, save_model

ROOT = Path(__file__).resolve().parent.parent

bounded = functools.partial(
    settings,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Values that rounding, text or the sign of zero would lose.
W = [[0.1, -1 / 3], [1e-40, 3e38], [-0.0, numpy.pi]]
B = [2 / 3, -1e-9]


def make(dtype="float32", n_in=3, n_out=2):
    with engine.floatx(dtype):
        classifier = LogisticRegression(T.matrix("x"), n_in, n_out)
    if (n_in, n_out) == (3, 2):
        classifier.W.set_value(numpy.array(W, dtype))
        classifier.b.set_value(numpy.array(B, dtype))
    return classifier


def assert_golden(classifier, dtype):
    assert type(classifier) is LogisticRegression
    for param, expected in zip(classifier.params, (W, B)):
        value = param.get_value()
        assert value.dtype == dtype
        assert value.tobytes() == numpy.array(expected, dtype).tobytes()


def sealed(header, data):
    """A file of the format, put together by hand, its checksum right."""
    header = header.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(header + data).hexdigest().encode()
    start = b"B" + struct.pack("<I", len(data)) if len(data) > 255 else b"C%c" % len(data)
    return (
        b"\x80\x03clogreg.saving\nrestore\nq\x00"
        + b"X%sq\x01" % (struct.pack("<I", len(header)) + header)
        + b"%sq\x02" % (start + data)
        + b"X%sq\x03" % (struct.pack("<I", len(digest)) + digest)
        + b"\x87q\x04Rq\x05."
    )


HEADER = {
    "format": "logreg model",
    "version": 1,
    "arrays": [["W", "float32", [3, 2]], ["b", "float32", [2]]],
    "metadata": {
        "n_in": 3,
        "n_out": 2,
        "dtype": "float32",
        "class_labels": ["no", "yes"],
        "image_shape": None,
        "pixel_scale": 0.5,
    },
}
DATA = numpy.array([*numpy.ravel(W), *B], "<f4").tobytes()


# ---- what is written is read


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_parameters_come_back_to_the_last_bit_whatever_floatx_is(dtype, floatx):
    save_model(make(dtype), "model.pkl")
    with engine.floatx(floatx):
        classifier = load_model("model.pkl")
        assert engine.theano.config.floatX == floatx
    assert_golden(classifier, dtype)
    assert classifier.input.dtype == dtype and classifier.input.owner is None


def test_pickle_load_gives_a_model_as_in_the_tutorial():
    save_model(make(), "model.pkl")
    with open("model.pkl", "rb") as file:
        classifier = pickle.load(file)
    assert_golden(classifier, "float32")
    predict = theano.function([classifier.input], classifier.y_pred)
    x = numpy.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]], "float32")
    z = x.astype("float64") @ numpy.array(W) + B
    assert predict(x).tolist() == z.argmax(axis=1).tolist() == [0, 1, 0]


def test_a_file_put_together_by_hand_is_the_same_format():
    assert_golden(loads(sealed(json.dumps(HEADER), DATA)), "float32")
    written = dump_model(make())
    start = written.index(b"{")
    header = written[start : written.index(b"q\x01C")].decode()
    assert sealed(header, DATA) == written


THEANO_FILE = """
gANjbG9ncmVnLnNhdmluZwpyZXN0b3JlCnEAWGYBAAB7ImFycmF5cyI6IFtbIlciLCAiZmxvYXQz
MiIsIFszLCAyXV0sIFsiYiIsICJmbG9hdDMyIiwgWzJdXV0sICJmb3JtYXQiOiAibG9ncmVnIG1v
ZGVsIiwgIm1ldGFkYXRhIjogeyJjbGFzc19sYWJlbHMiOiBbIm5vIiwgInllcyJdLCAiZGF0ZSI6
ICIyMDI2LTExLTI1VDAwOjE0OjA2KzAwOjAwIiwgImR0eXBlIjogImZsb2F0MzIiLCAiZW5naW5l
IjogInRoZWFubyAxLjAuNSIsICJpbWFnZV9zaGFwZSI6IG51bGwsICJsb2dyZWciOiAiMS4wLjAi
LCAibl9pbiI6IDMsICJuX291dCI6IDIsICJudW1weSI6ICIxLjIzLjUiLCAicGl4ZWxfc2NhbGUi
OiAwLjAwMzkwNjI1LCAicHl0aG9uIjogIjMuMTEuNyJ9LCAidmVyc2lvbiI6IDF9cQFDIM3MzD2r
qqq+whYBAOaxYX8AAACA2w9JQKuqKj9fcImwcQJYQAAAADZlYmE1MmRjY2U4YzViNjg0MDIxNzYz
MWRjOThiODc3NmE5MDViMzY1NjFjYzVmNDgwZDA1NDQ2ZGZkZGJlYWJxA4dxBFJxBS4=
"""
PYTENSOR_FILE = """
gANjbG9ncmVnLnNhdmluZwpyZXN0b3JlCnEAWGcBAAB7ImFycmF5cyI6IFtbIlciLCAiZmxvYXQ2
NCIsIFszLCAyXV0sIFsiYiIsICJmbG9hdDY0IiwgWzJdXV0sICJmb3JtYXQiOiAibG9ncmVnIG1v
ZGVsIiwgIm1ldGFkYXRhIjogeyJjbGFzc19sYWJlbHMiOiBbIm5vIiwgInllcyJdLCAiZGF0ZSI6
ICIyMDI2LTExLTI1VDAwOjE0OjA2KzAwOjAwIiwgImR0eXBlIjogImZsb2F0NjQiLCAiZW5naW5l
IjogInB5dGVuc29yIDMuMy44IiwgImltYWdlX3NoYXBlIjogbnVsbCwgImxvZ3JlZyI6ICIxLjAu
MCIsICJuX2luIjogMywgIm5fb3V0IjogMiwgIm51bXB5IjogIjIuNS41IiwgInBpeGVsX3NjYWxl
IjogMC4wMDM5MDYyNSwgInB5dGhvbiI6ICIzLjEzLjAifSwgInZlcnNpb24iOiAxfXEBQ0CamZmZ
mZm5P1VVVVVVVdW/nFd3JyZsoTeK8iG/PDbsRwAAAAAAAACAGC1EVPshCUBVVVVVVVXlP5XWJugL
LhG+cQJYQAAAADdhODcxNTc5YTNjNjYwNzNkNjdmNzhkMGE0YWYzOTg0ZGYxZjY0MTYzZTcwMzUz
ZDY2MWE5NjBjYWVhYTRhZjlxA4dxBFJxBS4=
"""


@pytest.mark.parametrize(
    "text, dtype, writer",
    [
        (THEANO_FILE, "float32", ("theano 1.0.5", "3.11.7", "1.23.5")),
        (PYTENSOR_FILE, "float64", ("pytensor 3.3.8", "3.13.0", "2.5.5")),
    ],
)
def test_files_of_either_engine_are_read_by_both(text, dtype, writer):
    data = base64.b64decode(text)
    Path("model.pkl").write_bytes(data)
    for classifier in (load_model("model.pkl"), pickle.loads(data)):
        assert_golden(classifier, dtype)
        metadata = classifier.metadata
        assert (metadata["engine"], metadata["python"], metadata["numpy"]) == writer
        assert metadata["class_labels"] == ["no", "yes"] and metadata["pixel_scale"] == 1 / 256


OTHERS = os.environ.get("LOGREG_OTHER_PYTHONS", "").split(os.pathsep)


@pytest.mark.skipif(OTHERS == [""], reason="LOGREG_OTHER_PYTHONS names no other interpreters")
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_another_interpreter_reads_and_writes_the_same(other, dtype):
    script = (
        "import sys; from logreg.saving import load_model, save_model\n"
        "model = load_model('here.pkl'); print(model.metadata.pop('engine'))\n"
        "sys.stdout.flush(); save_model(model, 'there.pkl', came='back')"
    )
    save_model(make(dtype), "here.pkl")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("LOGREG_ENGINE", None)
    written_by = subprocess.check_output([other, "-c", script], env=env, universal_newlines=True)
    assert written_by == f"{engine.NAME} {engine.VERSION}\n"
    classifier = load_model("there.pkl")
    assert_golden(classifier, dtype)
    assert classifier.metadata["came"] == "back"


# ---- what a file tells


def test_what_a_file_tells_by_itself():
    metadata = loads(dump_model(make("float64"))).metadata
    assert metadata.pop("date")[:2] == "20"
    assert metadata.pop("python") == sys.version.split()[0]
    assert metadata.pop("engine") == f"{engine.NAME} {engine.VERSION}"
    assert metadata.pop("numpy") == numpy.__version__
    del metadata["logreg"]
    assert metadata == {
        "n_in": 3,
        "n_out": 2,
        "dtype": "float64",
        "class_labels": [0, 1],
        "image_shape": None,
        "pixel_scale": 1,
    }


def test_numpys_numbers_and_tuples_become_plain_and_all_text_can_be_printed():
    metadata = loads(
        dump_model(
            make(n_in=12),
            image_shape=(numpy.int64(3), 4),
            class_labels=numpy.array([3, 7]),
            pixel_scale=numpy.float32(0.5),
            dataset=os.fsdecode(b"caf\xe9.csv"),
            epoch=numpy.int32(4),
            best=None,
        )
    ).metadata
    assert metadata["image_shape"] == [3, 4] and metadata["class_labels"] == [3, 7]
    assert (metadata["pixel_scale"], metadata["epoch"], metadata["best"]) == (0.5, 4, None)
    metadata["dataset"].encode()
    assert metadata["dataset"].startswith("caf")


@pytest.mark.parametrize(
    "metadata",
    [
        {"class_labels": [0]},
        {"class_labels": [0, "1"]},
        {"class_labels": [0, True]},
        {"class_labels": "no"},
        {"image_shape": [2, 2]},
        {"image_shape": [3]},
        {"image_shape": 3},
        {"image_shape": [-1, -3]},
        {"pixel_scale": 0},
        {"pixel_scale": -1},
        {"pixel_scale": "1/256"},
        {"pixel_scale": float("inf")},
        {"pixel_scale": None},
        {"test_error": float("nan")},
        {"nested": [[1]]},
        {"nested": {"a": 1}},
        {"file": Path("model.pkl")},
        {"text": "x" * (1 << 24)},
    ],
    ids=lambda metadata: ascii(metadata)[:40],
)
def test_what_could_not_be_loaded_again_is_not_saved(metadata):
    save_model(make(), "model.pkl")
    before = Path("model.pkl").read_bytes()
    with pytest.raises(ModelFileError, match=r"metadata|JSON|header"):
        save_model(make(), "model.pkl", **metadata)
    assert Path("model.pkl").read_bytes() == before


def test_parameters_that_the_format_does_not_know_are_not_saved():
    with pytest.raises(ModelFileError, match="float16"):
        dump("model", {"W": numpy.zeros((3, 2), "float16")})


# ---- layers below


def make_net():
    """A classifier on a hidden layer, and the shared variable below."""
    with engine.floatx("float64"):
        V = theano.shared(numpy.eye(4, 3), name="V")
        hidden = T.tanh(T.dot(T.matrix("x"), V))
        classifier = LogisticRegression(hidden, 3, 2)
    classifier.W.set_value(numpy.array(W))
    return classifier, V


def test_a_classifier_on_a_layer_below_is_not_saved_without_it():
    save_model(make(), "model.pkl")
    with pytest.raises(ModelFileError, match=r"layer below.*save_params"):
        save_model(make_net()[0], "model.pkl")
    assert_golden(load_model("model.pkl"), "float32")


def test_pickling_a_classifier_on_a_layer_below_keeps_the_graph():
    classifier, V = make_net()
    copied, copied_V = pickle.loads(pickle.dumps((classifier, V), protocol=2))
    assert copied.params[0] is copied.W and copied.W is not classifier.W
    x = copied.input.owner.inputs[0].owner.inputs[0]
    predict = theano.function([x], copied.p_y_given_x)
    value = numpy.arange(8.0).reshape(2, 4)
    for V_value in (numpy.eye(4, 3), numpy.ones((4, 3))):
        copied_V.set_value(V_value)  # seen by the classifier above: one graph, not two
        z = numpy.tanh(value @ V_value) @ numpy.array(W)
        expected = numpy.exp(z - z.max(1, keepdims=True))
        expected /= expected.sum(1, keepdims=True)
        numpy.testing.assert_allclose(predict(value), expected, rtol=1e-6)


# ---- files that are no model files


class Hostile:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def run_this():
    """The call of a hostile pickle; that it was run can be seen."""
    return Hostile(os.system, "echo run > run")


@pytest.fixture
def nothing_is_run(working_folder):
    yield
    assert not (working_folder / "run").exists()


PREFIX = sealed("", b"")[:29]
FOREIGN = {
    "empty": (b"", "empty"),
    "text": (b"epoch,iteration\n", "not a model file"),
    "zeros": (bytes(5000), "not a model file"),
    "prefix": (PREFIX, "cut short"),
    "half a prefix": (PREFIX[:9], "cut short"),
    "protocol 0": (pickle.dumps(run_this(), 0), "asks for .*system"),
    "protocol 3": (pickle.dumps(run_this(), 3), "asks for .*system"),
    "protocol 4": (pickle.dumps(run_this(), 4), "asks for .*system"),
    "eval": (pickle.dumps(Hostile(eval, "open('run', 'w')"), 2), "asks for .*eval"),
    "INST": (b"(S'echo run > run'\nios\nsystem\n.", "asks for os.system"),
    "after the prefix": (PREFIX + pickle.dumps(run_this(), 3), "damaged"),
    "a call more": (
        sealed(json.dumps(HEADER), DATA)[:-1] + b"cos\nsystem\nX\x0e\0\0\0echo run > run\x85R.",
        "damaged",
    ),
    "a list": (pickle.dumps([1, 2]), "not a model file"),
    "nested lists": (b"\x80\x03" + b"]" * 100000 + b"a" * 99999 + b".", "not a model file"),
    "nested tuples": (PREFIX + b")" + b"\x85" * 100000 + b".", "damaged"),
    "LONG_BINPUT": (b"\x80\x03]r\xff\xff\xff\x7f.", "not a model file"),
    "LONG_BINPUT after the prefix": (PREFIX + b"r\xff\xff\xff\x7f.", "damaged"),
    "BYTEARRAY8": (b"\x80\x05\x96" + b"\xff" * 7 + b"\x00.", "not a model file"),
    "a long text": (PREFIX + b"X\xff\xff\xff\xff", "cut short"),
    "long bytes": (PREFIX + b"X\0\0\0\0q\1B\xff\xff\xff\xff", "cut short"),
    "a long integer": (b"I" + b"9" * 1000000 + b"\n.", "not a model file"),
    "of the tutorial": (
        b"ccopy_reg\n_reconstructor\np1\n(c__main__\nLogisticRegression\np2\n",
        "scripts/import_tutorial_model.py",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_model_file_is_refused_with_the_reason(name, nothing_is_run):
    data, reason = FOREIGN[name]
    Path("model.pkl").write_bytes(data)
    said = r"^model\.pkl cannot be loaded: .*" + reason
    with peak_memory() as peak, pytest.raises(ModelFileError, match=said):
        load_model("model.pkl")
    assert peak() < 10 * len(data) + 1e6


def test_what_can_not_be_read_is_refused_with_the_reason(working_folder):
    cases = {"nothing": "No such file", ".": "not a regular file", "a\0b": "null"}
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        cases["pipe"] = "not a regular file"
    if os.path.exists("/dev/zero"):
        cases["/dev/zero"] = "not a regular file"
    with open("huge", "wb") as file:
        file.truncate((1 << 30) + 1)
    cases["huge"] = "more than 1073741824 bytes"
    for path, reason in cases.items():
        with pytest.raises(ModelFileError, match="cannot be loaded: .*" + reason):
            load_model(path)


def test_a_checkpoint_is_no_model():
    Path("run.state").write_bytes(dump("checkpoint", {}, run={}))
    assert set(load("run.state")) == {"header", "arrays"}
    with pytest.raises(ModelFileError, match="it is a checkpoint"):
        load_model("run.state")


def test_every_bit_counts():
    data = sealed(json.dumps(HEADER), DATA)
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            with pytest.raises(ModelFileError):
                loads(bytes(flipped))


def test_every_byte_counts():
    data = sealed(json.dumps(HEADER), DATA)
    for position in range(len(data)):
        for changed in (data[:position], data[:position] + b"q" + data[position:]):
            with pytest.raises(ModelFileError):
                loads(changed)
    with pytest.raises(ModelFileError):
        loads(data + b".")


FILES = [sealed(json.dumps(HEADER), DATA), dump_model(make("float64")), dump("checkpoint", {})]
FILES += [data for data, _ in FOREIGN.values() if len(data) < 5000]


@bounded(max_examples=400)
@given(
    st.sampled_from(FILES),
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 40),
            st.one_of(
                st.binary(max_size=12),
                st.sampled_from(
                    [b".", b"R", b"q\x00", b"cos\nsystem\n", b"X\x02\0\0\0ls", b"\x85R"]
                ),
                st.tuples(st.sampled_from(FILES), st.floats(0, 1)).map(
                    lambda splice: splice[0][int(splice[1] * len(splice[0])) :]
                ),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_mutated_files_load_as_they_were_or_not_at_all(nothing_is_run, data, edits):
    for where, cut, inserted in edits:
        start = int(where * len(data))
        data = data[:start] + inserted + data[start + cut :]
    try:
        loads(data)
    except ModelFileError:
        return
    assert data in FILES


# ---- files of the format, forged: their checksum is right


def forged(change, data=DATA):
    header = copy.deepcopy(HEADER)
    change(header)
    return sealed(json.dumps(header), data)


FORGED = {
    "version": (lambda h: h.update(version=2), "of version 2, .* install a newer logreg"),
    "no version": (lambda h: h.pop("version"), "version"),
    "format": (lambda h: h.update(format="logreg forest"), "logreg forest"),
    "format list": (lambda h: h.update(format=["logreg model"]), "logreg model"),
    "no arrays": (lambda h: h.pop("arrays"), "arrays"),
    "arrays": (lambda h: h.update(arrays=7), "arrays"),
    "array": (lambda h: h.update(arrays=[7]), "arrays"),
    "name": (lambda h: h["arrays"][0].__setitem__(0, ["W"]), "arrays"),
    "twice": (lambda h: h["arrays"].append(["b", "float32", [0]]), "arrays"),
    "one more": (lambda h: h["arrays"].append(["V", "float32", [0]]), "W and b"),
    "object": (lambda h: h["arrays"][0].__setitem__(1, "object"), "one is of type"),
    "void": (lambda h: h["arrays"][0].__setitem__(1, "V1000000000"), "one is of type"),
    "uint8": (lambda h: h.update(arrays=[["W", "uint8", [7, 4]], ["b", "uint8", [4]]]), "its W is"),
    "mixed": (
        lambda h: h.update(arrays=[["W", "float32", [2, 2]], ["b", "float64", [2]]]),
        "its W is",
    ),
    "large": (lambda h: h["arrays"][0].__setitem__(2, [1 << 30, 1 << 30]), "cut short"),
    "negative": (lambda h: h["arrays"][0].__setitem__(2, [-3, -2]), "one is of type"),
    "float": (lambda h: h["arrays"][0].__setitem__(2, [3.0, 2]), "one is of type"),
    "true": (lambda h: h["arrays"][0].__setitem__(2, [True, 6]), "one is of type"),
    "axes": (lambda h: h["arrays"][0].__setitem__(2, [1] * 70), "one is of type"),
    "short": (lambda h: h["arrays"][1].__setitem__(2, [1]), "bytes too many"),
    "long": (lambda h: h["arrays"][1].__setitem__(2, [3]), "cut short"),
    "vector": (lambda h: h["arrays"][0].__setitem__(2, [6]), "do not fit"),
    "cube": (
        lambda h: h.update(arrays=[["W", "float32", [3, 1, 2]], ["b", "float32", [1, 2]]]),
        "its W is",
    ),
    "transposed": (lambda h: h["arrays"][0].__setitem__(2, [2, 3]), "do not fit"),
    "nothing in": (
        lambda h: h.update(arrays=[["W", "float32", [0, 8]], ["b", "float32", [8]]]),
        "its W is",
    ),
    "nothing out": (lambda h: h.update(arrays=[["W", "float32", [8, 0]]]), "arrays"),
    "no metadata": (lambda h: h.pop("metadata"), "no metadata"),
    "metadata": (lambda h: h.update(metadata=[]), "no metadata"),
    "n_in": (lambda h: h["metadata"].update(n_in=784), "'n_in' is 784"),
    "no n_out": (lambda h: h["metadata"].pop("n_out"), "n_out"),
    "dtype": (lambda h: h["metadata"].update(dtype="float64"), "dtype"),
    "no labels": (lambda h: h["metadata"].pop("class_labels"), "class_labels"),
    "labels": (lambda h: h["metadata"].update(class_labels=[0, 1, 2]), "class_labels"),
    "label": (lambda h: h["metadata"].update(class_labels=[[], {}]), "class_labels"),
    "kinds": (lambda h: h["metadata"].update(class_labels=[0, "1"]), "class_labels"),
    "truth": (lambda h: h["metadata"].update(class_labels=[False, True]), "class_labels"),
    "unprintable": (
        lambda h: h["metadata"].update(class_labels=["\ud800", "yes"]),
        "class_labels",
    ),
    "image": (lambda h: h["metadata"].update(image_shape=[28, 28]), "image_shape"),
    "small image": (lambda h: h["metadata"].update(image_shape=[1, 2]), "image_shape"),
    "scale": (lambda h: h["metadata"].update(pixel_scale=10**400), "pixel_scale"),
    "deep": (lambda h: h["metadata"].update(epoch=[[[]]]), "epoch"),
    "key": (lambda h: h["metadata"].update({"\udce9": 1}), "metadata"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_headers_are_refused(name):
    change, reason = FORGED[name]
    with pytest.raises(ModelFileError, match=reason):
        loads(forged(change))


@pytest.mark.parametrize(
    "header",
    ["", "{", "[]", "null", '"logreg model"', "[" * 100000, '{"a":' * 100000, "\ud800", "NaN"]
    + ['{"version": 1%s}' % ("0" * 10000000), " " * (1 << 24) + "{}"],
    ids=lambda header: ascii(header)[:20],
)
def test_headers_that_are_none_are_refused(header):
    with pytest.raises(ModelFileError, match="header"):
        loads(sealed(header, DATA))


def test_plain_unpickling_checks_as_well():
    from logreg.saving import restore

    with pytest.raises(ModelFileError, match="checksum"):
        restore(json.dumps(HEADER), DATA, "0" * 64)
    with pytest.raises(ModelFileError, match="types"):
        restore(json.dumps(HEADER), 7, None)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2, 3, 6, -1, 1 << 30, 10**400])
    | st.floats()
    | st.sampled_from(["W", "b", "float32", "float64", "uint8", "object", "x"])
    | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@bounded(max_examples=400)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(places(HEADER))[1:]), json_values), min_size=1, max_size=3
    ),
    st.one_of(st.just(DATA), st.binary(max_size=40)),
)
def test_forged_values_are_refused_or_harmless(replacements, data):
    header = copy.deepcopy(HEADER)
    for path, value in replacements:
        *outer, last = path
        with contextlib.suppress(TypeError, LookupError):  # replaced already, and gone
            functools.reduce(lambda holder, key: holder[key], outer, header)[last] = value
    try:
        model = loads(sealed(json.dumps(header), data))
    except ModelFileError:
        return
    if isinstance(model, dict):  # it has become a checkpoint
        return
    n_in, n_out = model.W.get_value().shape
    assert model.b.get_value().shape == (n_out,) and n_in > 0 and n_out > 0
    metadata = model.metadata
    assert (metadata["n_in"], metadata["n_out"]) == (n_in, n_out)
    assert numpy.asarray(metadata["class_labels"]).shape == (n_out,)
    assert metadata["image_shape"] is None or numpy.prod(metadata["image_shape"]) == n_in
    assert numpy.isfinite(numpy.float32(metadata["pixel_scale"]))
    "".join(f"{name} {value}" for name, value in metadata.items()).encode()


# ---- files that cannot be written


def assert_the_old_model_is_there():
    assert os.listdir(".") == ["model.pkl"]
    assert_golden(load_model("model.pkl"), "float32")


def test_on_a_full_disk_the_old_model_stays(monkeypatch):
    save_model(make(), "model.pkl")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            ModelFileError, match=r"model\.pkl .*No space left.*what was there before is unchanged"
        ):
            save_model(make("float64"), "model.pkl")
    assert_the_old_model_is_there()


LIMITED = """
import numpy, resource
from logreg.model import LogisticRegression
from logreg.engine import T
from logreg.errors import ModelFileError
from logreg.saving import save_model
model = LogisticRegression(T.matrix("x"), 1000, 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
try:
    save_model(model, "model.pkl")
except ModelFileError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="the size of files cannot be limited here")
def test_when_the_system_takes_no_more_bytes_the_old_model_stays(run, working_folder):
    save_model(make(), "model.pkl")
    done = run("-c", LIMITED, cwd=str(working_folder))
    assert "File too large; what was there before is unchanged" in done.stdout, done.stderr
    assert_the_old_model_is_there()


FORBIDDEN = """
import os, sys
from logreg.errors import ModelFileError
from logreg.saving import check_writable, load_model, save_model
model = load_model("model.pkl")
if os.geteuid() == 0:
    os.seteuid(65534)
for function in (lambda: check_writable("model.pkl"), lambda: save_model(model, "model.pkl")):
    try:
        function()
    except ModelFileError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders have no permissions here")
def test_in_a_folder_without_write_permission_the_old_model_stays(run, monkeypatch):
    # Not in pytest's folder, which another user, as root becomes one here, may not even enter.
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.chdir(folder)
        save_model(make(), "model.pkl")
        os.chmod(folder, 0o555)
        try:
            done = run("-c", FORBIDDEN, cwd=folder)
        finally:
            os.chmod(folder, 0o755)
        before, after = done.stdout.splitlines()
        assert "Permission denied; make its folder or give access" in before
        assert "Permission denied; what was there before is unchanged" in after
        assert_the_old_model_is_there()


def test_a_device_or_a_pipe_is_not_written_to(working_folder):
    paths = [path for path in ("/dev/null", "/dev/full") if os.path.exists(path)]
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        paths.append("pipe")
    for path in (*paths, "."):
        with pytest.raises(ModelFileError, match="not a regular file"):
            save_model(make(), path)

"""Models that the tutorial's own program pickled: W and b are taken, nothing is run."""

import pickle

import numpy
import pytest
from builders import py2_array, py2_string, write

from logreg import Predictor
from logreg.basics.errors import ModelFileError
from logreg.saving.variables import load_model, save_model

W = numpy.array([[0.1, -1 / 3], [1e-40, 3e38], [-0.0, numpy.pi]], "float32")
B = numpy.array([2 / 3, -1e-9], "float32")


# ---- pickles as Python 2 writes them in protocol 0, by hand


def py2_object(name, state):
    module, _, cls = name.rpartition(".")
    made = f"ccopy_reg\n_reconstructor\n(c{module}\n{cls}\nc__builtin__\nobject\nNtR".encode()
    return made + py2_dict(state) + b"b"


def py2_dict(items):
    return b"(d" + b"".join(py2_string(k.encode()) + v + b"s" for k, v in items.items())


def py2_shared(name, array):
    # A scratchpad is of a class without bases in old versions of Theano.
    tag = b"(itheano.gof.utils\nscratchpad\n" + py2_dict({"trace": b"(lp1\n"}) + b"b"
    container = py2_object(
        "theano.gof.link.Container",
        {"storage": b"(lp2\n" + array + b"a", "readonly": b"I00\n", "x": b"F0.5\n"},
    )
    kind = "theano.tensor.sharedvar.TensorSharedVariable"
    return py2_object(kind, {"name": py2_string(name.encode()), "tag": tag, "container": container})


def py2_model(W, b):
    state = {"params": b"(lp3\ng3\na", "b": b, "W": W, "input": b"N"}
    return py2_object("__main__.LogisticRegression", state) + b"."


def py2(W=W, b=B, storage=b"%s"):
    shared = (py2_shared(k, storage % py2_array(array)) for k, array in (("W", W), ("b", b)))
    return py2_model(*shared)


# ---- pickles as Python 3 writes them


class Part:
    """An object of any class of a graph."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class LogisticRegression(Part):
    pass


def py3_model(protocol):
    def shared(array):
        container = Part(storage=[array], readonly=0.5, type=Part(sizes={1: 2}))
        return Part(container=container, owner=None, tag=Part(trace=[[("sgd.py", 3, "W = 0")]]))

    model = LogisticRegression(W=shared(W), b=shared(B), input=None)
    model.params = [model.W, model.b]
    model.p_y_given_x = Part(owner=Part(inputs=[*model.params], outputs=[]), index=0)
    model.p_y_given_x.owner.outputs.append(model.p_y_given_x)
    return pickle.dumps(model, protocol)


# ---- what is read


ON_A_GPU = b"ctheano.gpuarray.type\nGpuArray_unpickler\n(%sNtR"  # a call, of an array


MODELS = {"python 2": py2(), "on a GPU": py2(storage=ON_A_GPU)}
MODELS.update((f"protocol {n}", py3_model(n)) for n in range(pickle.HIGHEST_PROTOCOL + 1))


@pytest.mark.parametrize("name", MODELS)
def test_what_was_read_is_saved_as_a_model_file(name, stderr):
    save_model(load_model(write("old.pkl", MODELS[name])), "new.pkl")
    again = load_model("new.pkl")
    for param, expected in zip(again.params, (W, B)):
        assert param.get_value().tobytes() == expected.astype("float64").tobytes()
    told = {"source": "the tutorial's own program", "pixel_scale": 1, "class_labels": [0, 1]}
    assert {**again.metadata, **told, "image_shape": None} == again.metadata
    digits = load_model(write("old.pkl", py2(numpy.zeros((784, 2), "float32")))).metadata
    assert (digits["image_shape"], digits["pixel_scale"]) == ([28, 28], 256)
    Predictor("old.pkl").predict(numpy.full((1, 784), 255.0))  # pixels that nobody scaled
    assert "the model was trained on 0 to 0.996094" in stderr()


# ---- what is not

# Of attacks, tests/datasets/test_formats.py has more.
REFUSED = {
    "two in storage": py2().replace(b"(lp2\n", b"(lp2\nNa"),
    "no W": py2().replace(b"x57", b"x56"),
    "transposed": py2(W.T),
    "mixed": py2(W, B.astype("float64")),
    "integers": py2(numpy.ones((3, 2), "int32"), numpy.ones(2, "int32")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_model_ends_in_our_error(name):
    with pytest.raises(ModelFileError, match=r"^old.pkl cannot be loaded: "):
        load_model(write("old.pkl", REFUSED[name]))

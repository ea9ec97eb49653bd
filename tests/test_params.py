"""The file of a net's parameters: the same bits again, or an error and nothing changed."""

import pickle

import numpy
import pytest

from logreg import LogisticRegression, engine, load_params, save_model, save_params
from logreg.engine import T, theano
from logreg.errors import ModelFileError
from logreg.params import dump_params
from logreg.saving import dump, load_model
from logreg.updates import adam

SHAPES = [(5, 4), (4,), (4, 3), (3,)]


def net(shapes=SHAPES, seed=0, dtype="float64"):
    """Shared variables with any values."""
    rng = numpy.random.RandomState(seed)
    return [
        theano.shared(numpy.asarray(rng.normal(size=shape), dtype), name="Wb"[i % 2])
        for i, shape in enumerate(shapes)
    ]


def bits(params):
    return [
        (value.dtype.name, value.shape, value.tobytes())
        for value in (param.get_value() for param in params)
    ]


def assert_refused(path, params, match):
    before = bits(params)
    with pytest.raises(ModelFileError, match=match) as raised:
        load_params(params, path)
    assert str(path) in str(raised.value)
    assert bits(params) == before


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_bit_comes_back_whatever_floatx_is(dtype, floatx):
    saved = net(seed=1, dtype=dtype)
    odd = [numpy.nan, numpy.inf, -0.0, numpy.finfo(dtype).tiny / 8, 1 / 3]
    saved[0].set_value(numpy.array([odd] * 4, dtype).T)
    save_params(saved, "net.pkl")
    with engine.floatx(floatx):
        loaded = net(seed=2, dtype=dtype)
        load_params(loaded, "net.pkl")
    assert bits(loaded) == bits(saved) != bits(net(seed=2, dtype=dtype))


def test_the_order_is_that_of_the_list_for_any_number_and_shape():
    """Names may repeat or lack, and the tenth comes after the ninth."""
    shapes = [(2,), (), (1, 2, 3, 4), (0, 3)] + [(2, 2)] * 9
    saved, loaded = net(shapes, seed=1), net(shapes, seed=2)
    saved[4].name = loaded[4].name = None
    save_params(saved, "net.pkl")
    load_params(loaded, "net.pkl")
    assert bits(loaded) == bits(saved)
    load_params(saved[:1], _written(dump_params(loaded[:1])))


def _written(data, path="other.pkl"):
    with open(path, "wb") as file:
        file.write(data)
    return path


def test_what_was_loaded_is_the_nets_own():
    """The net trains on from there, and neither its file nor another net is changed by that."""
    x, y = T.matrix("x"), T.ivector("y")
    top = LogisticRegression(x, 5, 3)
    memory = [variable for variable, _ in adam(top.negative_log_likelihood(y), top.params)]
    save_params(memory, "net.pkl")
    other = LogisticRegression(x, 5, 3)
    cost = other.negative_log_likelihood(y)
    pairs = adam(cost, other.params)
    variables = [variable for variable, _ in pairs]
    load_params(variables, "net.pkl")
    step = theano.function([x, y], cost, updates=pairs)
    rows = numpy.ones((2, 5), theano.config.floatX), numpy.array([0, 2], "int32")
    assert step(*rows) > step(*rows)
    assert variables[0].get_value() == 2
    load_params(variables, "net.pkl")
    assert bits(variables) == bits(memory)
    assert step(*rows) == pytest.approx(numpy.log(3))


def test_an_array_by_columns_stays_so():
    """The order of the memory decides how sums are rounded."""
    saved, loaded = net(seed=1), net(seed=2)
    for params in (saved, loaded):
        params[0].set_value(numpy.asfortranarray(params[0].get_value()), borrow=True)
    save_params(saved, "net.pkl")
    load_params(loaded, "net.pkl")
    assert bits(loaded) == bits(saved)
    flags = [p.get_value(borrow=True).flags.f_contiguous for p in loaded]
    assert flags == [True, True, False, True]


@pytest.mark.parametrize(
    "shapes, dtype",
    [
        (SHAPES[:3], "float64"),
        ([*SHAPES, (3,)], "float64"),
        ([(4, 5), *SHAPES[1:]], "float64"),
        ([(20,), *SHAPES[1:]], "float64"),
        (SHAPES[::-1], "float64"),
        (SHAPES, "float32"),
        ([], "float64"),
    ],
    ids=["fewer", "more", "transposed", "flat", "another order", "float32", "none"],
)
def test_another_net_is_refused(shapes, dtype):
    save_params(net(seed=1), "net.pkl")
    assert_refused("net.pkl", net(shapes, seed=2, dtype=dtype), "of another net")


def test_other_files_of_ours_are_refused():
    classifier = LogisticRegression(T.matrix("x"), 5, 3)
    save_model(classifier, "model.pkl")
    assert_refused("model.pkl", classifier.params, "it is a model, not parameters of a net")
    arrays = dict(zip("Wb", (param.get_value() for param in classifier.params)))
    _written(dump("checkpoint", arrays), "state.pkl")
    assert_refused("state.pkl", classifier.params, "it is a checkpoint, not parameters of a net")


def test_parameters_are_refused_as_a_model():
    save_params(net(), "net.pkl")
    with pytest.raises(ModelFileError, match="not a model"):
        load_model("net.pkl")


class Bomb:
    def __reduce__(self):
        return open, ("bomb went off", "w")


def test_other_files_are_refused_and_nothing_in_them_is_run(working_folder):
    params = net()
    _written(pickle.dumps(Bomb(), protocol=3))
    assert_refused("other.pkl", params, "cannot be loaded: it is a pickle that asks for")
    assert not (working_folder / "bomb went off").exists()
    assert_refused(_written(pickle.dumps([1, 2])), params, "cannot be loaded")
    assert_refused(_written(b""), params, "it is empty")
    assert_refused("missing.pkl", params, "No such file")
    assert_refused(working_folder, params, "cannot be loaded")


def test_a_damaged_file_is_refused():
    params = net()
    whole = dump_params(net(seed=1))
    for i in sorted({*range(0, len(whole), 7), len(whole) - 1}):
        damaged = bytearray(whole)
        damaged[i] ^= 1
        assert_refused(_written(damaged), params, "cannot be loaded")
        assert_refused(_written(whole[:i]), params, "cannot be loaded")
    assert_refused(_written(whole + b"."), params, "cannot be loaded")
    load_params(params, _written(whole))
    assert bits(params) == bits(net(seed=1))


@pytest.mark.parametrize("dtype", ["int64", "float16"])
def test_parameters_that_could_not_be_read_again_are_not_written(dtype, working_folder):
    save_params(net(), "net.pkl")
    before = (working_folder / "net.pkl").read_bytes()
    with pytest.raises(ModelFileError, match=dtype):
        save_params([theano.shared(numpy.zeros(3, dtype))], "net.pkl")
    assert (working_folder / "net.pkl").read_bytes() == before


def test_a_file_that_cannot_be_written(working_folder):
    with pytest.raises(ModelFileError, match=r"no/folder/net\.pkl cannot be written"):
        save_params(net(), "no/folder/net.pkl")
    assert not list(working_folder.iterdir())


def test_pickle_reads_the_arrays_by_number_and_name():
    saved = net()
    save_params(saved, "net.pkl")
    with open("net.pkl", "rb") as file:
        content = pickle.load(file)
    assert list(content["arrays"]) == ["0 W", "1 b", "2 W", "3 b"]
    for param, value in zip(saved, content["arrays"].values()):
        numpy.testing.assert_array_equal(value, param.get_value())
    assert content["header"]["engine"].startswith(engine.NAME)

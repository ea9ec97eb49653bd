"""Arrays of pickles that no machine opens any more: all are found."""

import collections
import gzip
import operator
import pickle

import numpy
import pytest
from builders import py2_array, py2_string, write

from logreg.saving import any_pickle

W = numpy.array([[0.1, -1 / 3], [1e-40, 3e38]], "float32")
B = numpy.arange(3.0)


class Layer:
    """Any class of a module that is none of ours."""

    def __init__(self, **parts):
        vars(self).update(parts)


def arrays_of(data):
    arrays, left_out = any_pickle.read_arrays(write("old.pkl", data))
    assert left_out == []
    return arrays


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and (found[name] == value).all()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_dicts_lists_and_sets(protocol):
    shared = Layer(container=Layer(storage=[W], name="W"))
    objects = numpy.empty(2, object)
    objects[:] = [B, [B + 1]]
    inner = Layer(W=shared, bias=collections.OrderedDict(b=B * 2), of={"x": W.T, 3: B * 3})
    root = {"layers": [inner, shared], "set": frozenset([1.5]), "kinds": {"x", "y"}, "file": B * 6}
    root.update(objects=(objects, Layer, numpy.float64(1), 1 << 100), again=root, loop=([B * 4],))
    root["loop"][0].append(root["loop"])
    root["made"] = operator.methodcaller("of", B * 5, key=1)  # what is called was made by a call
    expected = {"layers/1/container/storage/0": W, "layers/0/bias/b": B * 2, "layers/0/of/x": W.T}
    expected.update({"layers/0/of/3": B * 3, "objects/0/4/0": B, "objects/0/4/1/0": B + 1})
    expected.update({"objects/2": numpy.float64(1), "loop/0/0": B * 4, "made/1": B * 5})
    same(arrays_of(pickle.dumps(root, protocol)), {**expected, "file": B * 6})


def test_arrays_of_a_gpu_in_python_2():
    on_gpu = b"ctheano.gpuarray.type\nGpuArray_unpickler\n(%sNtR" % py2_array(W)
    items = b"(d" + py2_string(b"w\xe9") + on_gpu + b"s" + py2_string(b"old")
    data = items + b"(cold\nStyle\n" + py2_array(B * 2) + b"os." + pickle.dumps(B, 2)
    same(arrays_of(gzip.compress(data)), {"1": B, "0/wé/0": W, "0/old/0": B * 2})


def test_each_array_has_a_name_of_its_own():
    """Two have one path, which a third has by its name; of a very long one, the end is the name."""
    a, b, c, d, e, f = arrays = [*map(numpy.ones, range(6))]
    root = {("key", 1): [a], 1 << 5000: [b], "/x/y_2": c, "x": {"y": d}, "x/y": e}
    root["k" * 1100] = [[f]]
    names = ["0/1/0", "1/1/0", "x/y_2", "x/y_2_2", "x/y", 996 * "k" + "/0/0"]
    same(arrays_of(pickle.dumps(root, 2)), dict(zip(names, arrays)))


def test_the_command_writes_them_and_names_what_is_no_number_or_text(cli):
    root = {"file": W, "\x1b": {"x/y": B}, "dates": numpy.array(["2016-05-01"], "M8[D]")}
    root["records"] = numpy.array([(1, 2.5)], [("n", "<i8"), ("x", "f4")])
    done = cli("export", write("old.pkl", pickle.dumps(root)), "--to", "npz")
    assert done.err == "note: left out, as they cannot be written: dates, records\n"
    assert done.out.endswith(" a pickle that logreg did not write: file, \\x1b/x/y\n")
    with numpy.load("old.npz", allow_pickle=False) as stored:
        same(dict(stored), {"file": W, "\\x1b/x/y": B})


@pytest.mark.parametrize(
    "data, said",
    [
        (pickle.dumps({"a": [1, "x"]}), "it holds no arrays of numbers or text"),
        (b"", "it is cut short"),
        (gzip.compress(pickle.dumps(W))[:-9], "Compressed file ended"),
        (gzip.compress(b"")[:10] + 40 * b"\xff", "it is damaged (error: Error -3 while"),
    ],
)
def test_what_is_no_pickle_of_arrays_is_told(data, said, cli):
    done = cli("export", write("old.pkl", data), "--to", "npz", code=1)
    assert f"error: old.pkl cannot be read: {said}" in done.err
    assert done.err.endswith("; a pickle is needed, as it is or gzipped\n")


@pytest.mark.parametrize("form, begin", [("json", b""), ("npz", b"\x80\3clogreg.saving\n")])
def test_other_formats_and_damaged_files_of_ours_are_of_models(form, begin, cli):
    done = cli("export", write("old.pkl", begin + pickle.dumps(W)), "--to", form, code=1)
    assert "cannot be loaded: it is not a model file, or it is" in done.err

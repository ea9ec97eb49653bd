"""What tests are made of: small files of every format, data sets, a model that NumPy trained."""

import functools
import gzip
import hashlib
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, settings
from scipy.special import log_softmax

from logreg.basics.errors import DatasetError
from logreg.basics.files import write_whole
from logreg.saving import model_file
from logreg.saving.facts import ModelFacts

SPLITS = ("train", "valid", "test")
DATA = Path(__file__).resolve().parent.parent / "data"
SAMPLE = DATA / "mnist_sample.npz"
PENGUINS = DATA / "penguins.csv"
# Of tests that draw examples. One that fails is shown as small as it can be, with a line that
# repeats it.
with_examples = settings(
    max_examples=int(os.environ.get("LOGREG_EXAMPLES", 40)),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@functools.lru_cache(maxsize=None)
def sample():
    """The arrays of the sample."""
    with numpy.load(SAMPLE) as arrays:
        return {name: arrays[name] for name in arrays}


@functools.lru_cache(maxsize=None)
def weights():
    """W and b of a softmax classifier of the sample, in float32."""
    x = sample()["x_train"].reshape(-1, 784) / numpy.float32(256)
    y = sample()["y_train"]
    W = numpy.zeros((784, 10), numpy.float32)
    b = numpy.zeros(10, numpy.float32)
    for _ in range(12):
        for start in range(0, len(x), 100):
            rows = slice(start, start + 100)
            _, dW, db = cost_and_gradients(x[rows], y[rows], W, b)
            W -= 0.3 * dW
            b -= 0.3 * db
    return W, b


def probabilities(x, W, b):
    """Softmax regression as the textbook has it."""
    z = x @ W + b
    e = numpy.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cost_and_gradients(x, y, W, b, row_weights=None):
    """The mean cost of softmax regression, and its gradients by W and by b, in the same way."""
    rows = numpy.arange(len(y))
    p = probabilities(x, W, b)
    if row_weights is None:
        row_weights = numpy.ones(len(y), p.dtype)
    cost = -(row_weights * log_softmax(x @ W + b, axis=1)[rows, y]).mean()
    p[rows, y] -= 1
    p *= row_weights[:, None] / len(y)
    return cost, x.T @ p, p.sum(axis=0)


def classes_of(pixels):
    """What the model of :func:`weights` says of uint8 digits."""
    x = numpy.asarray(pixels).reshape(-1, 784) / numpy.float32(256)
    return probabilities(x, *weights()).argmax(axis=1)


def save(path, W, b=0, dtype="float32", **metadata):
    """Write a model file, without an engine; `b` may be one number for all classes."""
    arrays = {"W": W.astype(dtype), "b": numpy.full(W.shape[1], b, dtype)}
    known = ModelFacts.from_metadata(metadata, arrays["W"]).metadata()
    write_whole(path, model_file.dumps("model", arrays, metadata=known))
    return str(path)


def save_digits_model(path="best_model.pkl", **metadata):
    """Write the model of :func:`weights`, with what training would tell of it."""
    told = {"image_shape": [28, 28], "pixel_scale": 256, "batch_size": 300, **metadata}
    return save(path, *weights(), **told)


class GivenModel:
    """What stands for a Predictor, in tests: `predict` gives classes and probabilities of rows."""

    def __init__(self, labels, n_in, predict):
        self.labels, self.facts, self.predict = labels, ModelFacts(n_in=n_in), predict

    def predict_batches(self, batches):
        for batch in batches:
            yield batch, self.predict(batch.x)


CENTRED = "{behavior: 'instant', block: 'center'}"  # in the window
# Scroll a node into the middle, and wait until it stays there: what is above it may be drawn anew.
AT_REST = f"""const [node, done] = arguments; let last;
(function look() {{
  node.scrollIntoView({CENTRED});
  const {{ left, top, height }} = node.getBoundingClientRect(), place = `${{left}} ${{top}}`;
  const middle = top + height / 2, isSeen = middle > 0 && middle < innerHeight;
  if (isSeen && place === last) return done();
  last = place;
  requestAnimationFrame(() => requestAnimationFrame(look));
}})();"""
# The controls of a page, or of a part of it, whose middle a hand cannot press: it is another's.
OUT_OF_REACH = """const [part] = arguments, found = [];
const controls = "a, button, [tabindex], input, label, select, summary";
for (const node of (part || document).querySelectorAll(controls)) {
  if (!node.checkVisibility({ visibilityProperty: true })) continue;
  if (node.matches(".skip, #contents summary")) continue;
  node.scrollIntoView({ block: "center", behavior: "instant" });
  const { left, top, width, height } = node.getClientRects()[0];
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  const label = there && there.closest("label");
  if (!node.contains(there) && !(label && label.control === node)) found.push(node.outerHTML);
}
return found;"""


def pointer(browser, by="mouse"):
    """A mouse, or a finger, and its actions so far: `perform()` carries them out."""
    from selenium.webdriver.common.action_chains import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    return ActionBuilder(browser, mouse=PointerInput(by, by), duration=0)


def press(node, by="mouse", x=0):
    """Press what lies where a node of a page is seen: at its middle, or x pixels right of it."""
    browser = node.parent
    browser.execute_async_script(AT_REST, node)
    builder = pointer(browser, by)
    builder.pointer_action.move_to(node, x).click()
    builder.perform()


def draw(browser, pad, strokes, by="mouse"):
    """Draw strokes on the 280 x 280 pixels of a page's pad."""
    place = f"""const [pad] = arguments; pad.scrollIntoView({CENTRED});
    const box = pad.getBoundingClientRect(); return [box.left, box.top, box.width / 280];"""
    left, top, scale = browser.execute_script(place, pad)
    builder = pointer(browser, by)
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            builder.pointer_action.move_to_location(int(left + scale * x), int(top + scale * y))
            if i == 0:
                builder.pointer_action.pointer_down()
        builder.pointer_action.pointer_up()
    builder.perform()


def is_red_for_and_blue_against(picture, values):
    """Whether a picture shows the signs of numbers, but of those that are nearly 0."""
    red, _, blue, *_ = numpy.moveaxis(picture.astype(int), -1, 0)
    is_large = abs(values) > abs(values).max() / 20
    return (((red > blue).ravel() == (values > 0))[is_large]).all()


def refused(said):
    """Data are refused with a message that has this, a regular expression."""
    return pytest.raises(DatasetError, match=said)


def write(path, content):
    """Write a file of bytes, or of text in UTF-8; return its path."""
    if isinstance(content, str):
        content = content.encode()
    with open(path, "wb") as file:
        file.write(content)
    return path


def idx_bytes(array, code=8):
    """An array as an IDX file has it."""
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.tobytes()


def _bytes_by(save, *args, **arrays):
    stream = io.BytesIO()
    save(stream, *args, **arrays)
    return stream.getvalue()


npy_bytes = functools.partial(_bytes_by, numpy.save)  # of an array
npz_bytes = functools.partial(_bytes_by, numpy.savez)  # of arrays by name


def zip_bytes(files, compression=zipfile.ZIP_STORED):
    """A zip archive of files, a dict of name to content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def make_pairs(n_rows=(60, 20, 20), n_in=4, n_out=3, seed=0, dtype="float32"):
    """Three pairs (x, y) that a linear classifier can learn: training, validation, test."""
    random = numpy.random.RandomState(seed)
    centres = random.randn(n_out, n_in)
    pairs = []
    for n in n_rows:
        y = random.randint(n_out, size=n)
        x = (centres[y] + 0.5 * random.randn(n, n_in)).astype(dtype)
        pairs.append((x, y.astype("int64")))
    return pairs


def new_run(data=None, variables=(), params=(), settings=None, **state):
    """A Run that nobody trains, of 3 minibatches an epoch unless other data or settings are given.

    `data` are what is read, `settings` hyperparameters, and `state` fields of the Run.
    """
    from logreg.datasets.dataset import DataSet, read_dataset
    from logreg.datasets.training_data import share_dataset
    from logreg.hyperparameters import Hyperparameters
    from logreg.run import Run

    if not isinstance(data, DataSet):
        data = read_dataset(data or make_pairs())
    data = share_dataset(data)
    hyperparameters = Hyperparameters(**{"batch_size": 20, **(settings or {})})
    return Run(data, hyperparameters, [*variables], [*params], **state)


def arguments(classifier=None, rule=None, **changed):
    """Those of `fit` for a classifier, by default of 4 features and 3 classes, on small pairs.

    `rule` makes updates of a cost and parameters; `changed` take the place of arguments.
    """
    from logreg import Hyperparameters, LogisticRegression, adam
    from logreg.engine import T

    classifier = classifier or LogisticRegression(T.matrix("x"), 4, 3)
    y = T.ivector("y")
    cost = classifier.negative_log_likelihood(y)
    return {
        "x": classifier.input,
        "y": y,
        "cost": cost,
        "errors": classifier.errors(y),
        "updates": (rule or functools.partial(adam, learning_rate=0.1))(cost, classifier.params),
        "datasets": make_pairs(dtype="float64"),
        "hyperparameters": Hyperparameters(batch_size=10, n_epochs=3),
        **changed,
    }


def outcome(folder):
    """What a run has kept in model.pkl and run.csv, but times, which nothing can repeat."""
    from logreg import engine, load_model

    model = load_model(Path(folder, "model.pkl"))
    rows = [row.rpartition(",") for row in Path(folder, "run.csv").read_text().splitlines()]
    seconds = [float(last) for _, _, last in rows[1:]]
    assert seconds == sorted(seconds)
    metadata = {**model.metadata, "date": None, "n_epochs": None}
    history = [row for row, _, _ in rows]
    return [engine.value(param).tobytes() for param in model.params], history, metadata


def save_pairs(path, pairs):
    """Write three pairs as an npz file of six arrays; return its path."""
    names = [f"{letter}_{split}" for split in SPLITS for letter in "xy"]
    numpy.savez(path, **dict(zip(names, (array for pair in pairs for array in pair))))
    return path


def save_folder(pairs, folder="data", splits=SPLITS):
    """Write a folder of npy files, two for each pair; return its name."""
    Path(folder).mkdir()
    for split, (x, y) in zip(splits, pairs):
        numpy.save(f"{folder}/x_{split}.npy", x)
        numpy.save(f"{folder}/y_{split}.npy", y)
    return folder


def csv_text(x, header=None):
    """Rows as a CSV file has them."""
    rows = ([header] if header else []) + numpy.asarray(x).tolist()
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def save_table(n):
    """Write t.csv, n rows of 4 features with their class in the last column; return x and y."""
    x, y = make_pairs((n,))[0]
    write("t.csv", csv_text(numpy.c_[x, y.astype(object)], [*"abcd", "class"]))
    return x, y


def table_bytes(n):
    """A CSV file of the numbers i and their squares, and ants and bees in the column `kind`."""
    lines = [f"{i},{'ant' if i % 2 else 'bee'},{i * i}" for i in range(n)]
    return "\n".join(["a,kind,b", *lines, ""]).encode()


def model_header(metadata):
    """The header of a file of a model of 3 features and 2 classes."""
    arrays = [["W", "float32", [3, 2]], ["b", "float32", [2]]]
    return {"format": "logreg model", "version": 1, "arrays": arrays, "metadata": metadata}


def sealed(header, data):
    """A model file of a header as JSON and of the arrays' bytes, by hand, its checksum right."""
    header = header.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(header + data).hexdigest().encode()
    start = b"B" + struct.pack("<I", len(data)) if len(data) > 255 else b"C%c" % len(data)
    return (
        b"\x80\x03clogreg.saving\nrestore\n"
        + b"X%sq\x00" % (struct.pack("<I", len(header)) + header)
        + b"%sq\x01" % (start + data)
        + b"X%sq\x02" % (struct.pack("<I", len(digest)) + digest)
        + b"\x87q\x03R."
    )


def py2_string(data, protocol=0):
    """Bytes as Python 2 pickles its strings."""
    if protocol == 0:
        return b"S'" + b"".join(b"\\x%02x" % byte for byte in data) + b"'\n"
    return (b"U%c" % len(data) if len(data) < 256 else b"T" + struct.pack("<i", len(data))) + data


def py2_array(array, protocol=0):
    """An array as Python 2 and the NumPy of its day pickle it, in protocols 0 to 2."""

    def integer(n):
        return b"I%d\n" % n if protocol == 0 else b"J" + struct.pack("<i", n)

    string = functools.partial(py2_string, protocol=protocol)
    order = array.dtype.str[:1].encode()
    code = array.dtype.str[1:].encode()
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + integer(0) + b"t"
    shape = b"(" + b"".join(map(integer, array.shape)) + b"t"
    dtype = b"cnumpy\ndtype\n(" + string(code) + integer(0) + integer(1) + b"tR("
    dtype += integer(3) + string(order) + b"NNN" + integer(-1) * 2 + integer(0) + b"tb"
    by_columns = integer(not array.flags.c_contiguous)
    data = string(array.tobytes("A"))
    return made + string(b"b") + b"tR(" + integer(1) + shape + dtype + by_columns + data + b"tb"


def tutorial_log():
    """The lines of the tutorial's own run, but the one that tells its speed."""
    from logreg.callbacks.reference import read_reference

    yield from ("... loading data", "... building the model", "... training the model")
    for epoch, (valid, test) in read_reference().items():
        yield f"epoch {epoch}, minibatch 83/83, validation error {valid} %"
        if test:
            yield f"     epoch {epoch}, minibatch 83/83, test error of best model {test} %"
            best = f"validation score of {valid} %, with test performance {test} %"
    yield f"Optimization complete with best {best}"


def idx_folder(folder, n=24, zipped=False, arrays=None):
    """Write a folder of IDX files under MNIST's names; return the images and the labels.

    `arrays` are these, for the training and for the test set.
    """
    folder.mkdir(exist_ok=True)
    images = (numpy.arange(n * 12).reshape(n, 3, 4) % 251).astype("u1")
    images, labels = arrays or (images, (numpy.arange(n) % 3).astype("u1"))
    for role in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{role}-{kind}-ubyte"
            if zipped:
                write(f"{path}.gz", gzip.compress(idx_bytes(array)))
            else:
                write(path, idx_bytes(array))
    return images, labels

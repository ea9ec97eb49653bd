"""The data that the toys of the page are given: a model, digits, points and recorded runs."""

import base64
import gzip
import io
from pathlib import Path

import numpy

from logreg.callbacks.reference import LAST_EPOCH, as_logged, read_reference
from logreg.datasets.dataset import read_dataset
from logreg.datasets.mnist import FILES
from logreg.hyperparameters import Hyperparameters
from logreg.report.rows import base64_of
from logreg.sgd import train_softmax

HERE = Path(__file__).parent
N_DIGITS = 1000  # the first training rows of MNIST
N_TRAIN = 800  # of these; the others validate
CENTRES = ((-1, -0.6), (1, -0.6), (0, 1))  # of the points on the plane
SPREAD = 0.6


def script_data(data, run):
    """Collect what the toys need: the model, a thousand digits, points, the recorded runs.

    Examples
    --------
    Pixels may be fractions, as in the tutorial's pickle.

    >>> from dataclasses import replace
    >>> data = read_dataset("mnist_sample")
    >>> run = train_softmax(data, Hyperparameters(batch_size=600, n_epochs=2), output=None)
    >>> fractions = replace(data, train=(data.train[0] / numpy.float32(256), data.train[1]))
    >>> script_data(fractions, run)["digits"] == script_data(data, run)["digits"]
    True
    """
    from PIL import Image

    x = pixels_of(data.train[0][:N_DIGITS])
    y = data.train[1][:N_DIGITS]
    # The toy of the plane trains on sixty points, and tests on the next sixty.
    points, labels = plane()
    test_points, test_labels = plane(seed=4)
    digits = io.BytesIO()
    Image.fromarray(x).save(digits, "png", optimize=True)  # a digit in each row of pixels
    return {
        **{name: base64_of(array) for name, array in zip("Wb", run.best_values)},
        "digits": "data:image/png;base64," + base64.b64encode(digits.getvalue()).decode(),
        "labels": y.tolist(),
        "plane": {
            "x": numpy.concatenate([points, test_points]).ravel().tolist(),
            "y": numpy.concatenate([labels, test_labels]).tolist(),
        },
        "validations": validations(),
        "logs": {"mnist": [*read_reference().values()], "own": log_of(x, y)},
        "mnist": {file.sha256: file.name for file in FILES.values()},
    }


def pixels_of(x):
    """Images as bytes; the tutorial's pickle has them as fractions."""
    return (x if x.dtype == numpy.uint8 else numpy.rint(256 * x)).astype("uint8")


def log_of(x, y):
    """Train on the page's digits; return a list [validation error] for each validation.

    The errors are as the log prints them. The tutorial's own log has test errors, too.
    """
    train = x[:N_TRAIN], y[:N_TRAIN]
    valid = x[N_TRAIN:], y[N_TRAIN:]
    settings = Hyperparameters(batch_size=100, n_epochs=LAST_EPOCH)
    # The third pair only fills the place of a test set: nobody looks at the test error.
    run = train_softmax(read_dataset([train, valid, valid]), settings, output=None)
    return [[as_logged(validation.error)] for validation in run.validations]


def idx_files(data):
    """MNIST's four files, gzipped, in Base64.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> pair = numpy.arange(784).astype("uint8")[None] / 256, numpy.array([7])
    >>> images, *_ = idx_files(SimpleNamespace(train=pair, valid=pair, test=pair))
    >>> [*gzip.decompress(base64.b64decode(images))[:20]]
    [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28, 0, 1, 2, 3]
    """
    files = []
    # The training files have the validation rows, too: they are the last.
    for pairs in ((data.train, data.valid), (data.test,)):
        x, y = map(numpy.concatenate, zip(*pairs))
        for array in (pixels_of(x).reshape(-1, 28, 28), y.astype("uint8")):
            # 0x8 in the third byte stands for unsigned bytes; the fourth is the number of axes.
            header = numpy.array([0x800 + array.ndim, *array.shape], ">i4")
            files.append(gzip.compress(header.tobytes() + array.tobytes(), 6))
    return [base64.b64encode(file).decode() for file in files]


def plane(seed=3):
    """Draw sixty points of three overlapping classes: x of shape (60, 2), y of shape (60,).

    Examples
    --------
    The classes take turns, so that a minibatch of six has two points of each.

    >>> x, y = plane()
    >>> y[:6].tolist(), [x[y == k].mean(axis=0).round(1).tolist() for k in range(3)]
    ([0, 1, 2, 0, 1, 2], [[-1.0, -0.8], [0.9, -0.5], [-0.1, 1.0]])
    """
    labels = numpy.tile([0, 1, 2], 20)
    noise = numpy.random.RandomState(seed).randn(3, 20, 2)  # for the twenty points of each class
    points = numpy.array(CENTRES)[labels] + SPREAD * noise.swapaxes(0, 1).reshape(60, 2)
    return points, labels


def validations():
    """Read the recorded validation errors of 250 epochs of MNIST without patience.

    Each is a number of wrong rows among 9,600.

    Examples
    --------
    The run begins as the tutorial's own run, whose log has errors in percent.

    >>> log = [round(96 * float(error)) for error, _ in read_reference().values()]
    >>> len(log), log == validations()[:73], len(validations())
    (73, True, 250)
    """
    rows = numpy.loadtxt(HERE / "validations.csv", int, delimiter=",", skiprows=1)
    return rows[:, 1].tolist()

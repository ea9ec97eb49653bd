"""What is to be predicted: rows from files of every kind, a batch at a time."""

import math
import os
from typing import NamedTuple, Optional

import numpy

from logreg.datasets.checks import as_array
from logreg.datasets.formats import ARRAY_NAMES, read_arrays, sniff
from logreg.datasets.frames import is_frame
from logreg.datasets.header import Columns
from logreg.datasets.options import NO_OPTIONS, TableOptions
from logreg.datasets.pictures import SUFFIXES, UNREADABLE, read_picture
from logreg.datasets.tables import table_batches
from logreg.errors import DatasetError, cut
from logreg.hyperparameters import DATASET
from logreg.models.test_set import read_test_set
from logreg.terminal.notes import warning

STDIN = "-"
BATCH_SIZE = 1000
MIN_SIDE = 10  # pixels; in smaller grey images, digits are not laid out as MNIST's are


class InputSpec(NamedTuple):
    """What a model takes, and how files are to be read."""

    n_in: int  # features of a row
    image_shape: Optional[tuple] = None  # (height, width) of a row
    batch_size: int = BATCH_SIZE  # the largest number of rows in a batch
    options: TableOptions = NO_OPTIONS
    invert: Optional[bool] = None  # light and dark of pictures; None: if the background differs
    background: str = "dark"  # or "light": that of the training images
    takes_pictures: bool = False  # whether its images are grey, and large enough
    takes_bytes: bool = True  # whether it is known how uint8 is scaled
    # What black and white of pictures become; None: they stay uint8.
    pixel_range: Optional[tuple] = None
    columns: Columns = Columns()  # of the table that the model was trained on; or unnamed ones

    @classmethod
    def of(cls, facts):
        """What the model of some :class:`.Facts` takes."""
        low, high = facts.x_range or (0, 1)
        is_light = facts.x_range and facts.x_median is not None and 2 * facts.x_median >= low + high
        is_scaled, shape = facts.pixel_scale != 1, facts.image
        pixel_range = None if is_scaled and not facts.scale_all else facts.raw_range
        is_large = shape is not None and min(shape) >= MIN_SIDE
        return cls(
            facts.n_in,
            shape,
            options=facts.table_options(),
            background="light" if is_light else "dark",
            takes_pictures=is_large and (is_scaled or pixel_range is not None),
            takes_bytes=is_scaled or low < 0 or high > 1,
            pixel_range=pixel_range,
            columns=facts.table,
        )

    def __str__(self):
        shape = f" ({' x '.join(map(str, self.image_shape))})" if self.image_shape else ""
        return f"{self.n_in} features{shape}"


class Batch(NamedTuple):
    """Consecutive rows of an input."""

    x: numpy.ndarray  # of shape (n, n_in), in the dtype in which it is stored
    is_single: bool = False  # whether the input is one example and not a list of examples


def with_folders(paths):
    """List the inputs: in place of a folder the pictures in it, if any, by their names."""
    inputs = []
    for path in paths:
        names = sorted(os.listdir(path)) if os.path.isdir(path) else []
        pictures = [name for name in names if name.lower().endswith(SUFFIXES)]
        inputs += [os.path.join(path, name) for name in pictures] or [path]
    return inputs


def batches(path, spec):
    """Read an input, and yield each :class:`Batch`; ``'-'`` is CSV on stdin.

    A file is a picture if its bytes are neither an array's nor text, or if they may be text and
    its name ends as a picture's does. A DatasetError says what cannot be read, or what the model
    does not take, once the reading comes to it.
    """
    kind = "table" if path == STDIN else "folder" if os.path.isdir(path) else sniff(path)
    if kind in ("folder", "pickle"):
        raise DatasetError(
            f"{path}: is a pickle, or a folder without pictures: rows to predict come as npy, npz, "
            "CSV, IDX or pictures; `dataset` is for data sets, `model` for models"
        )
    if kind is None or (kind == "table" and path.lower().endswith(SUFFIXES + UNREADABLE)):
        yield _picture(path, spec)
    elif kind == "table":
        for x in table_batches(path, spec.options, spec.batch_size, spec.columns):
            yield Batch(x)
    else:
        (array,) = read_arrays(path, _choose).values()
        yield from array_batches(path, array, spec)


def array_batches(source, array, spec):
    """Cut an array into batches; `source` is how messages call it.

    It is one example, of shape (n_in,) or the model's image shape, or a list of examples, of
    shape (n, ...) with n_in values in each.
    """
    if array.dtype.kind not in "buif":
        raise DatasetError(f"{source}: has dtype {cut(array.dtype)}: numbers are needed")
    shape = array.shape
    squeezed = tuple(n for n in shape if n != 1)
    is_list = len(shape) > 1 and math.prod(shape[1:]) == spec.n_in
    is_single = shape == (spec.n_in,) or (spec.image_shape and squeezed == spec.image_shape)
    if array.size == 0 or not (is_list or is_single):
        raise DatasetError(f"{source}: the model expects {spec}, got {shape}")
    if array.dtype == numpy.uint8 and not spec.takes_bytes:
        raise DatasetError(
            f"{source}: is uint8, and the model was trained on numbers from 0 to 1, or of a range "
            "that its file does not tell: divide by what the training data were divided by"
        )
    if not is_list:
        array = array[None]
    for start in range(0, len(array), spec.batch_size):
        rows = array[start : start + spec.batch_size]
        yield Batch(rows.reshape(len(rows), spec.n_in), not is_list)


def rows_of(X, spec):
    """What is given from Python as an array: of a DataFrame, the columns that the model knows."""
    if not is_frame(X):
        return as_array(X, "X")
    kinds = {getattr(dtype, "str", "|O")[1] for dtype in X.dtypes}  # pandas' own have no str
    if spec.columns.names is None and kinds <= set("biuf"):
        return as_array(X.to_numpy(), "X")
    return numpy.concatenate([*table_batches(X, spec.options, len(X), spec.columns)])


def read_test(predictor, dataset, options):
    """Read a data set whose test set has the features that the model takes.

    If `dataset` is None, it is the one that the model was trained on.
    """
    own = predictor.facts.dataset or DATASET
    try:
        data = read_test_set(dataset or own, predictor.facts, options)
    except DatasetError as error:
        if dataset is not None or own == DATASET:
            raise
        raise DatasetError(
            f"{error}. The model was trained on {own!a}; `dataset` names other data"
        ) from None
    if data.n_in != predictor.spec.n_in:
        raise DatasetError(
            f"{data.name}: the model expects {predictor.spec}, got {data.test[0].shape}; "
            "give as `dataset` data like those that it was trained on"
        )
    return data


def _choose(names):
    """Of the arrays of an npz file, the one called x or the like, or so with _test, or the only."""
    wanted = [form.format(x) for form in ("{}", "{}_test", "test_{}") for x, _ in ARRAY_NAMES]
    called = [name for name in wanted if name in names]
    if called or len(names) == 1:
        return called[:1] or names
    found = ", ".join(map(cut, names[:8])) or "none"
    raise DatasetError(f"has the arrays {found}: which is it? Call one of them x, or save it alone")


def _picture(path, spec):
    if not spec.takes_pictures:
        raise DatasetError(
            f"{path}: is no npy, npz, CSV or IDX file; the model expects {spec}, and no picture: "
            f"it was not trained on grey images of at least {MIN_SIDE} x {MIN_SIDE} pixels, or its "
            "file does not tell their range"
        )
    pixels = read_picture(path, spec.image_shape, spec.invert, spec.background).reshape(1, -1)
    if pixels.min() == pixels.max():
        warning(f"{path}: is blank, or too faint: no ink was found on it")
    if spec.pixel_range:
        pixels = numpy.interp(pixels, (0, 255), spec.pixel_range)
    return Batch(pixels, is_single=True)


class InputChecker:
    """Predicts an input as it is read, and warns once of values out of the training range.

    It warns where values lie outside by more than the width of the range. `name` is how messages
    call the input; `n_rows` counts the rows that were predicted.
    """

    def __init__(self, predictor, name):
        self.predictor, self.name = predictor, name
        self.n_rows, self.has_warned = 0, False

    def predict(self, x):
        """The Prediction of the next rows, an array of shape (n, n_in) as it is stored.

        A DatasetError names a value that is not finite, or a row whose values are too large.
        """
        ready = self.predictor.ready(x)
        prediction = self.predictor(ready)
        bad = numpy.flatnonzero(~numpy.isfinite(prediction.probabilities).all(axis=1))
        if len(bad):
            row, found = bad[0], "the values are too large"
            columns = numpy.flatnonzero(~numpy.isfinite(ready[row]))
            if len(columns):
                found = f"column {columns[0]} holds {x[row, columns[0]]}"
            raise DatasetError(
                f"{self.name}: row {self.n_rows + row}, {found} (counted from 0): every value must "
                f"be finite, and small enough to compute with in {self.predictor.dtype}"
            )
        self.n_rows += len(x)
        if self.predictor.facts.x_range and not self.has_warned:
            self._check_range(float(ready.min()), float(ready.max()))
        return prediction

    def _check_range(self, low, high):
        least, most = self.predictor.facts.x_range
        if low < 2 * least - most or high > 2 * most - least:
            self.has_warned = True
            standardized = "standardized " * bool(self.predictor.facts.feature_scales)
            warning(
                f"{self.name}: {standardized}values from {low:g} to {high:g}, and the model was "
                f"trained on {least:g} to {most:g}: scale them as the training data were; pixels "
                "that are saved as uint8 are scaled as the model needs"
            )

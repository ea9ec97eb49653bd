"""What a model file keeps beside W and b: one class, with one door in and one door out."""

import json
import math
from dataclasses import dataclass, field, fields
from typing import Callable, NamedTuple

import numpy

from logreg.datasets.checks import image_shape
from logreg.datasets.header import Columns
from logreg.datasets.options import NA, NO_OPTIONS, TableOptions, is_encoding
from logreg.datasets.preprocessing import Preprocessing
from logreg.errors import ModelFileError, SettingError, cut
from logreg.hyperparameters import Hyperparameters

SETTINGS = tuple(setting.name for setting in fields(Hyperparameters))


def _is_number(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) < 1e300


def _is_scale(value):
    return _is_number(value) and 1e-99 < value < 1e99


def _is_whole(value, least=1, end=1 << 62):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < end


def _is_text(value):
    """Whether it is text that UTF-8 can hold, and no half of a character."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _all(check, n=None):
    return lambda value: (
        isinstance(value, list) and len(value) == (n or len(value)) and all(map(check, value))
    )


def _each_once(*checks):
    """A check of a list that is not empty, in which all fit one of the checks, and none repeats."""
    return lambda value: (
        any(_all(check)(value) for check in checks) and 0 < len({*value}) == len(value)
    )


def _is_validation(value):
    """Whether it is a row as of :attr:`logreg.run.Run.curve`."""
    is_row = _all(lambda item: item is None or _is_number(item))(value) and len(value) >= 4
    return is_row and _is_whole(value[0], 0) and _is_number(value[2])


class Kind(NamedTuple):
    """What a value must be, in words and as a check."""

    needed: str
    fits: Callable


TEXT = Kind("text", _is_text)
PATH = Kind("text", lambda value: isinstance(value, str))  # which may be no UTF-8
COUNT = Kind("a whole number from 1 up", _is_whole)
SEED = Kind("a whole number from 0 to 2**32-1", lambda value: _is_whole(value, 0, 1 << 32))
NUMBER = Kind("a number", _is_number)
SCALE = Kind("a number above 0", _is_scale)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
MEAN = Kind("'mean'", lambda value: value == "mean")
MARK = Kind("'.' or ','", lambda value: value in (".", ","))
ENCODING = Kind("an encoding that Python knows", is_encoding)
COLUMN = Kind(
    "a column's name or number", lambda value: _is_text(value) or _is_whole(value, -(10**9))
)
TEXTS = Kind("a list of texts", _all(_is_text))
NAMES = Kind("a list of texts, each once", _each_once(_is_text))
LABELS = Kind(
    "a list of whole numbers or of texts, each once",
    _each_once(lambda label: _is_whole(label, -(2**63), 2**63), _is_text),
)
SHAPE = Kind("a list of whole numbers from 1 up", _all(_is_whole))
SIZES = Kind("three whole numbers from 1 up", _all(_is_whole, 3))
RANGE = Kind(
    "two numbers, the smaller one first",
    lambda value: _all(_is_number, 2)(value) and value[0] <= value[1],
)
NUMBERS = Kind("a list of numbers", _all(_is_number))
SCALES = Kind("a list of numbers above 0", _all(_is_scale))
CATEGORIES = Kind(
    "a list of lists of texts, or of null",
    _all(lambda texts: texts is None or _all(_is_text)(texts)),
)
CURVE = Kind("a list of rows [iteration, cost, error, test error]", _all(_is_validation))


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a model; None is what is not known.

    The fields have the names of the keys in a model file, and the values that JSON has. What a user
    keeps beside these is in :meth:`metadata`.
    """

    n_in: COUNT = None
    n_out: COUNT = None
    dtype: TEXT = None
    class_labels: LABELS = None
    # Of the training data
    dataset: PATH = None
    dataset_sha256: TEXT = None
    image_shape: SHAPE = None  # of a row
    raw_range: RANGE = None  # of the features, as the data have them
    x_range: RANGE = None  # of the features, as the model takes them
    x_median: NUMBER = None  # of some rows: of most images it is the background
    shuffle: SEED = None
    split: SIZES = None
    split_seed: SEED = None
    # Of their preprocessing
    pixel_scale: SCALE = None
    scale_all: FLAG = None
    missing: MEAN = None
    feature_means: NUMBERS = None
    feature_scales: SCALES = None
    # Of a table
    label_column: COLUMN = None
    header: FLAG = None
    decimal: MARK = None
    dropped: TEXTS = None
    na: TEXTS = None
    encoding: ENCODING = None
    label_name: TEXT = None
    label_number: COUNT = None  # counted from 1
    columns: NAMES = None
    categories: CATEGORIES = None
    feature_names: TEXTS = None
    # Of the run
    settings: dict = field(default_factory=dict)  # those hyperparameters that are known
    epoch: COUNT = None
    n_train_batches: COUNT = None
    curve: CURVE = None
    reason: TEXT = None
    refit: FLAG = None  # whether it was trained anew on training and validation rows
    n_refit_rows: COUNT = None
    validation_error: NUMBER = None
    test_error: NUMBER = None
    test_error_all_rows: NUMBER = None
    # Of where it was made
    engine: TEXT = None
    python: TEXT = None
    logreg: TEXT = None
    date: TEXT = None
    _metadata: dict = field(default_factory=dict)

    @classmethod
    def of(cls, metadata, W=None):
        """Check the metadata of a model, and complete it by what W tells, if that is known.

        Parameters
        ----------
        metadata : dict
            Of what JSON can hold, and of NumPy's arrays and numbers.
        W : numpy.ndarray, optional
            Of shape (n_in, n_out).

        Raises
        ------
        ModelFileError
            If a value does not fit: it names the key, and what is needed.
        """
        if not isinstance(metadata, dict):
            raise ModelFileError(f"its metadata is {cut(metadata)}: a dict is needed")
        metadata = {k: json.loads(as_json(v, f"its {k} is no")) for k, v in metadata.items()}
        if W is not None:
            of_W = {"n_in": W.shape[0], "n_out": W.shape[1], "dtype": W.dtype.name}
            defaults = {"class_labels": list(range(W.shape[1])), "pixel_scale": 1, **of_W}
            metadata = {"image_shape": None, **metadata}
            metadata.update((k, v) for k, v in defaults.items() if metadata.get(k) is None)
            for name, value in of_W.items():
                _require(metadata[name] == value, metadata, name, f"{value}, as of its W,")
        kinds = {known.name: known.type for known in fields(cls) if isinstance(known.type, Kind)}
        values = {name: metadata[name] for name in kinds if metadata.get(name) is not None}
        for name, value in values.items():
            _require(kinds[name].fits(value), metadata, name, kinds[name].needed)
        settings = {name: metadata[name] for name in SETTINGS if metadata.get(name) is not None}
        try:
            Hyperparameters(**settings)
        except (SettingError, TypeError) as error:
            raise ModelFileError(f"its metadata do not fit: {error}") from None
        facts = cls(**values, settings=settings, _metadata=metadata)
        facts._check_together()
        return facts

    def _check_together(self):
        n_in, n_out = self.n_in, self.n_out
        of_columns = self.categories or [None] * (n_in or 0)
        n_encoded = sum(1 if texts is None else len(texts) for texts in of_columns)
        n_items = 5 if self.settings.get("criterion") == "loss" else 4
        each = f"one for each of {n_in} features"
        for name, fits, needed in (
            ("class_labels", lambda value: len(value) == n_out, f"one for each of {n_out} classes"),
            ("image_shape", lambda value: math.prod(value) == n_in, f"a shape of {n_in} features"),
            ("feature_names", lambda value: len(value) == n_in, each),
            ("feature_means", lambda value: len(value) == n_in, each),
            ("feature_scales", lambda value: len(value) == n_in and self.feature_means, each),
            ("missing", lambda value: self.feature_means, "feature_means beside it"),
            ("categories", lambda value: n_encoded == n_in, f"what makes {n_in} features"),
            ("columns", lambda value: len(value) == len(of_columns), "one for each of categories"),
            ("curve", lambda value: {*map(len, value)} <= {n_items}, f"{n_items} a row"),
        ):
            value = getattr(self, name)
            if value is not None and (n_in or name == "curve"):
                _require(fits(value), self._metadata, name, needed)

    def metadata(self):
        """All that is known, as files and users have it: a dict."""
        return {**self._metadata}

    @property
    def image(self):
        """The (height, width) of the image that a row is; None if it is none."""
        # Rows of a CSV file have no shape; a square number of columns may be an image.
        return image_shape(tuple(self.image_shape or [self.n_in]), guess=not self.categories)

    @property
    def names(self):
        """A name for each feature."""
        return self.feature_names or [f"column {i + 1}" for i in range(self.n_in)]

    @property
    def preprocessing(self):
        """What is done to features, a :class:`Preprocessing`."""
        means, scales = (
            None if values is None else numpy.array(values, "float64")
            for values in (self.feature_means, self.feature_scales)
        )
        return Preprocessing(self.pixel_scale, bool(self.scale_all), self.missing, means, scales)

    @property
    def table(self):
        """The :class:`Columns` of the table that it was trained on, or unnamed ones."""
        categories = self.categories or [None] * self.n_in
        names = self.columns or self.feature_names or ()
        return Columns(
            None if self.label_number is None else self.label_number - 1,
            self.label_name,
            tuple(names) if names and len(names) == len(categories) else None,
            tuple(texts and tuple(texts) for texts in categories),
        )

    def table_options(self, given=NO_OPTIONS):
        """How tables are read: as `given` and, where nothing is, as in training."""
        names = self.label_column, self.dropped and tuple(self.dropped)
        if self.columns:  # they are found in any order
            names = None, None
        how = self.missing, tuple(self.na or NA), self.encoding
        of_training = TableOptions(names[0], self.header, self.decimal, names[1], *how)
        chosen = {k: v for k, v in given._asdict().items() if v != getattr(NO_OPTIONS, k)}
        return of_training._replace(**chosen)


def facts_of_sets(datasets, n_in, n_out):
    """What a model of so many features and classes keeps of the sets that it is trained on.

    Only those of :func:`logreg.load_data` tell; of others, and of other models, it is nothing.
    """
    data = getattr(datasets, "data", None)
    if not data or (data.n_in, data.n_out) != (n_in, n_out):
        return {}
    which = {"dataset": data.name, "dataset_sha256": data.learnt.sha256}
    return {**which, **facts_of_data(data)}


def facts_of_data(data):
    """What a model file keeps of a :class:`~logreg.datasets.DataSet`, as a dict."""
    about, learnt, columns = data.about, data.learnt, data.about.columns or Columns()
    preprocessing = learnt.preprocessing
    return {
        "image_shape": about.image_shape,
        "raw_range": learnt.raw_range,
        "x_range": learnt.x_range,
        "x_median": learnt.x_median,
        "class_labels": data.class_labels,
        "class_counts": learnt.class_counts,
        "n_train_rows": sum(learnt.class_counts),
        "split": data.split.sizes,
        "split_seed": data.split.seed,
        **about.options._asdict(),
        "na": about.options.na if data.is_table else None,
        "label_name": columns.label_name,
        "label_number": None if columns.label is None else columns.label + 1,
        "columns": columns.names,
        "categories": columns.categories if any(columns.categories) else None,
        "feature_names": features_of(columns),
        "pixel_scale": preprocessing.pixel_scale,
        "scale_all": preprocessing.scale_all,
        "feature_means": preprocessing.means,
        "feature_scales": preprocessing.scales,
    }


def features_of(columns):
    """The names of a table's features: a category is one of its own."""
    return columns.names and tuple(
        name if text is None else f"{name}={text}"
        for name, texts in zip(columns.names, columns.categories)
        for text in texts or [None]
    )


def as_json(content, fault="what is to be saved is no"):
    """JSON of what may have arrays and numbers of NumPy's."""
    try:
        return json.dumps(
            content, default=_plain, sort_keys=True, allow_nan=False, ensure_ascii=False
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{fault} JSON: {error}") from error


def _plain(value):
    if isinstance(value, (numpy.generic, numpy.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither text nor a number")


def _require(fits, metadata, name, needed):
    if not fits:
        raise ModelFileError(f"its {name} is {cut(metadata[name], 80)}: {needed} is needed")

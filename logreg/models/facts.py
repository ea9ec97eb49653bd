"""What a model file keeps beside W and b: one class, with one door in and one door out."""

import json
import math
from dataclasses import dataclass, field, fields

import numpy

from logreg.datasets.checks import image_shape
from logreg.datasets.header import Columns
from logreg.datasets.options import NA, NO_OPTIONS, TableOptions
from logreg.datasets.preprocessing import Preprocessing
from logreg.errors import ModelFileError, SettingError, cut
from logreg.hyperparameters import Hyperparameters
from logreg.models import kinds

MIN_SIDE = 10  # pixels; in smaller grey images, digits are not laid out as MNIST's are
SETTINGS = tuple(setting.name for setting in fields(Hyperparameters))


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a model; None is what is not known.

    The fields have the names of the keys in a model file, and the values that JSON has. What a user
    keeps beside these is in :meth:`metadata`.
    """

    n_in: kinds.COUNT = None
    n_out: kinds.COUNT = None
    dtype: kinds.TEXT = None
    class_labels: kinds.LABELS = None
    # Of the training data
    dataset: kinds.PATH = None
    dataset_sha256: kinds.TEXT = None
    image_shape: kinds.SHAPE = None  # of a row
    raw_range: kinds.RANGE = None  # of the features, as the data have them
    x_range: kinds.RANGE = None  # of the features, as the model takes them
    x_median: kinds.NUMBER = None  # of some rows: of most images it is the background
    split: kinds.SIZES = None
    split_seed: kinds.SEED = None
    # Of their preprocessing
    pixel_scale: kinds.SCALE = None
    scale_all: kinds.FLAG = None
    missing: kinds.MEAN = None
    feature_means: kinds.NUMBERS = None
    feature_scales: kinds.SCALES = None
    # Of a table
    label_column: kinds.COLUMN = None
    header: kinds.FLAG = None
    decimal: kinds.MARK = None
    dropped: kinds.TEXTS = None
    na: kinds.TEXTS = None
    encoding: kinds.ENCODING = None
    label_name: kinds.TEXT = None
    label_number: kinds.COUNT = None  # counted from 1
    columns: kinds.NAMES = None
    categories: kinds.CATEGORIES = None
    feature_names: kinds.TEXTS = None
    # Of the run
    settings: dict = field(default_factory=dict)  # those hyperparameters that are known
    epoch: kinds.COUNT = None
    n_train_batches: kinds.COUNT = None
    curve: kinds.CURVE = None
    reason: kinds.TEXT = None
    refit: kinds.FLAG = None  # whether it was trained anew on training and validation rows
    n_refit_rows: kinds.COUNT = None
    validation_error: kinds.NUMBER = None
    test_error: kinds.NUMBER = None
    test_error_all_rows: kinds.NUMBER = None
    # Of where it was made
    engine: kinds.TEXT = None
    python: kinds.TEXT = None
    logreg: kinds.TEXT = None
    date: kinds.TEXT = None
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
        checked = {f.name: f.type for f in fields(cls) if isinstance(f.type, kinds.Kind)}
        values = {name: metadata[name] for name in checked if metadata.get(name) is not None}
        for name, value in values.items():
            _require(checked[name].fits(value), metadata, name, checked[name].needed)
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
    def expected(self):
        """What a row of the model must have, in words."""
        shape = f" ({' x '.join(map(str, self.image))})" if self.image else ""
        return f"{self.n_in} features{shape}"

    @property
    def names(self):
        """A name for each feature."""
        return self.feature_names or [f"column {i + 1}" for i in range(self.n_in)]

    @property
    def takes_pictures(self):
        """Whether its images are grey, and large enough to be laid out as MNIST's are."""
        is_large = self.image is not None and min(self.image) >= MIN_SIDE
        return is_large and (self.pixel_scale != 1 or self.raw_range is not None)

    @property
    def takes_bytes(self):
        """Whether it is known how uint8 is scaled."""
        low, high = self.x_range or (0, 1)
        return self.pixel_scale != 1 or low < 0 or high > 1

    @property
    def pixel_range(self):
        """What black and white of pictures become; None if they stay uint8."""
        return None if self.pixel_scale != 1 and not self.scale_all else self.raw_range

    @property
    def background(self):
        """That of the training images, 'dark' or 'light'."""
        is_known = self.x_range and self.x_median is not None
        return "light" if is_known and 2 * self.x_median >= sum(self.x_range) else "dark"

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

"""What a model file keeps beside W and b: what is known of its data and of its training."""

import json
import math
import os
import re
import typing
from dataclasses import dataclass, field, fields
from typing import List, Optional

import numpy

from logreg.basics.errors import ModelFileError, SettingError, cut
from logreg.basics.files import refuse_overwriting
from logreg.datasets.facts import Facts
from logreg.datasets.options import TableOptions
from logreg.early_stopping import POINT_FIELDS, REPEATABLE, Point
from logreg.hyperparameters import DEFAULTS, Hyperparameters

LARGEST = 1e300  # JSON may have numbers that are too large for a float


@dataclass(frozen=True, eq=False)
class ModelFacts(Facts):
    """What is known of a model: of its data, and how it was trained; None is what is not known.

    The fields have the names of the keys in a model file, and the values that JSON has. The method
    :meth:`metadata` returns a dict of all keys of the file: these, and any that a user has added.

    Attributes
    ----------
    dtype : {'float32', 'float64'}
        The type of the parameters.
    settings : dict
        The hyperparameters that are known.
    epoch : int
        The epoch of the best model, from 1.
    n_train_batches : int
        The number of minibatches in an epoch.
    curve : list of list
        See :attr:`logreg.run.Run.curve`.
    reason : str
        Why the run ended: see :class:`logreg.run.Run`.
    n_ranks : int
        The number of processes that trained the model together.
    rule : int
        The version of the arithmetic that the parameters were computed by, see
        :mod:`logreg.kernel.rules`; None stands for version 1.
    refit : bool
        Whether the model was trained anew on training and validation rows, in number
        `n_refit_rows`.
    validation_error, test_error : float
        The errors over the whole minibatches of a set; with `_all_rows`, over all rows.
    engine, device, python, logreg, date : str
        Where, when and with which versions the file was made. Without a device it is the CPU.
    """

    dtype: Optional[str] = None
    settings: dict = field(default_factory=dict)
    epoch: Optional[int] = None
    n_train_batches: Optional[int] = None
    curve: Optional[List[List[Optional[float]]]] = None
    reason: Optional[str] = None
    n_ranks: Optional[int] = None
    rule: Optional[int] = None
    refit: Optional[bool] = None
    n_refit_rows: Optional[int] = None
    validation_error: Optional[float] = None
    validation_error_all_rows: Optional[float] = None
    test_error: Optional[float] = None
    test_error_all_rows: Optional[float] = None
    engine: Optional[str] = None
    device: Optional[str] = None
    python: Optional[str] = None
    logreg: Optional[str] = None
    date: Optional[str] = None
    _metadata: dict = field(default_factory=dict)

    @classmethod
    def from_metadata(cls, metadata, W=None):
        """Make facts of the metadata of a model: check them, and complete them by what W tells.

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
        metadata = {k: json.loads(as_json(v, f"its {k}")) for k, v in metadata.items()}
        if W is not None:
            metadata = _completed(metadata, W)
        stated = {key: value for key, value in metadata.items() if value is not None}
        values = {}
        # `options` and `settings` are no keys: each option and each setting is a key of its own.
        for name, kind in typing.get_type_hints(cls).items():
            if name in stated and name not in ("options", "settings"):
                _require(metadata, name, _has_type(stated[name], kind), _in_words(kind))
                values[name] = stated[name]
        try:
            values["options"] = TableOptions(**_members(TableOptions, stated))
            values["settings"] = _members(Hyperparameters, stated)
            Hyperparameters(**values["settings"])
        except (SettingError, TypeError) as error:
            reason = str(error).replace("`", "")  # a key of a file is no option here
            raise ModelFileError(f"its metadata do not fit: {reason}") from error
        facts = cls(**values, _metadata=metadata)
        if facts.n_in:
            facts._check_lengths()
            facts._check_values()
        return facts

    def _check_lengths(self):
        """Check that there is one of everything for each class, feature or column."""
        # Without categories, each column is one feature.
        n_columns = len(self.categories or range(self.n_in))
        for n, what, names in (
            (self.n_out, "classes", ("class_labels",)),
            (self.n_in, "features", ("feature_names", "feature_means", "feature_scales")),
            (n_columns, "columns", ("columns", "kinds", "column_numbers")),
        ):
            for name in names:
                value = getattr(self, name)
                fits = value is None or len(value) == n
                _require(self._metadata, name, fits, f"one for each of {n} {what}")

    def _check_values(self):
        """Check what the values are, once their lengths are right."""
        n_in = self.n_in
        n_out = self.n_out
        n_encoded = sum(1 if texts is None else len(texts) for texts in self.categories or ())
        n_items = len(POINT_FIELDS[self.criterion])
        needed_curve = f"a list of rows [iteration, cost, error, test error], {n_items} a row,"
        for name, fits, needed in (
            ("class_labels", _are_labels, "a list of whole numbers or of texts, each once"),
            # The last classes may have no training row, and so no count.
            ("class_counts", lambda value: len(value) <= n_out, f"at most {n_out} numbers"),
            ("image_shape", lambda value: math.prod(value) == n_in, f"a shape of {n_in} features"),
            ("feature_scales", lambda value: min(value) > 0, "a list of numbers above 0"),
            ("pixel_scale", lambda value: 1e-99 < value < 1e99, "a number above 0"),
            ("raw_range", _is_range, "two numbers, the smaller one first"),
            ("x_range", _is_range, "two numbers, the smaller one first"),
            ("split", lambda value: len(value) == 3 and min(value) > 0, "three numbers of rows"),
            ("split_seed", lambda value: 0 <= value < 2**32, "a number from 0 to 2**32-1"),
            ("categories", lambda value: n_encoded == n_in, f"what makes {n_in} features"),
            ("columns", lambda value: len({*value}) == len(value), "a list of texts, each once"),
            ("curve", lambda value: _is_curve(value, n_items), needed_curve),
        ):
            value = getattr(self, name)
            if value is not None:
                _require(self._metadata, name, fits(value), needed)
        for name, value in (  # with missing="mean", the means fill empty cells
            ("missing", self.options.missing),
            ("feature_scales", self.feature_scales),
        ):
            if value and not self.feature_means:
                raise ModelFileError(f"its {name} is {cut(value)}: feature_means are needed")

    @property
    def criterion(self):
        """The criterion by which the best model was chosen; older models name none."""
        return self.settings.get("criterion", "error")

    @property
    def batch_size(self):
        """The batch size of the training; where the file has none, it is the tutorial's."""
        return self.settings.get("batch_size", DEFAULTS.batch_size)

    @property
    def is_repeatable(self):
        """Whether a training with the same data and settings ends in the same way."""
        return self.reason in REPEATABLE

    def check_outputs(self, *paths):
        """Check that no output would overwrite the training data; a SettingError names one.

        The outputs are paths of files, or None.

        Examples
        --------
        >>> facts = ModelFacts(dataset="~")  # as people may have written it
        >>> facts.check_outputs("predictions.csv", None)
        >>> facts.check_outputs(os.path.expanduser("~"))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        logreg.basics.errors.SettingError: ... would overwrite what is read, or written ...
        """
        dataset = os.path.expanduser(self.dataset or "")
        refuse_overwriting(paths, filter(os.path.exists, [dataset]))

    def metadata(self):
        """Return all that is known, as it is in the file: a dict."""
        return {**self._metadata}


def _completed(metadata, W):
    """Add the keys that follow from W; refuse metadata that contradict it."""
    n_in, n_out = W.shape
    shape_and_dtype = {"n_in": n_in, "n_out": n_out, "dtype": W.dtype.name}
    defaults = {
        "image_shape": None,
        "class_labels": list(range(n_out)),
        "pixel_scale": 1,
        **shape_and_dtype,
    }
    stated = {name: value for name, value in metadata.items() if value is not None}
    completed = {**metadata, **defaults, **stated}
    for name, value in shape_and_dtype.items():
        _require(completed, name, completed[name] == value, f"{value}, as of its W,")
    return completed


def _members(group, metadata):
    """Collect the fields of a dataclass that are keys of a file's metadata."""
    return {f.name: metadata[f.name] for f in fields(group) if f.name in metadata}


def _has_type(value, kind):
    """Whether a value of JSON has a type, such as ``Optional[List[int]]``."""
    members = typing.get_args(kind)
    if typing.get_origin(kind) is list:
        return isinstance(value, list) and all(_has_type(item, members[0]) for item in value)
    if members:
        return any(_has_type(value, member) for member in members)
    if kind in (int, float):
        is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
        return is_number and abs(value) < LARGEST
    return isinstance(value, kind)


def _in_words(kind):
    """Name the type of a field, without the None that each field may be."""
    kinds = [re.sub(r"typing\.|<class '|'>", "", str(one)) for one in kind.__args__]
    return " or ".join(name for name in kinds if name != "NoneType")


def _are_labels(labels):
    kinds = {*map(type, labels)}
    is_whole = kinds == {int} and max(map(abs, labels)) <= 2**63
    return (is_whole or kinds == {str}) and len({*labels}) == len(labels)


def _is_range(ends):
    return len(ends) == 2 and ends[0] <= ends[1]


def _is_curve(rows, n_items):
    for row in rows:
        if len(row) != n_items:
            return False
        point = Point(*row)
        if type(point.iter) is not int or point.iter < 0 or point.error is None:
            return False
    return True


def as_json(content, name="what is to be saved"):
    """Make JSON of content that may hold arrays and numbers of NumPy; errors begin with `name`."""
    try:
        return json.dumps(
            content, default=_plain, sort_keys=True, allow_nan=False, ensure_ascii=False
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} is no JSON: {error}") from error


def _plain(value):
    if isinstance(value, (numpy.generic, numpy.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither text nor a number")


def _require(metadata, name, is_fit, needed):
    if not is_fit:
        raise ModelFileError(f"its {name} is {cut(metadata[name], 80)}: {needed} is needed")

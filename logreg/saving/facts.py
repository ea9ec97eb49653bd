"""What a model file keeps beside W and b: what is known of its data and of its training."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import dataclass, field, fields
from typing import Dict, List, Optional

import numpy

from logreg.basics.errors import ModelFileError, SettingError, cut
from logreg.early_stopping import REASON_TEXTS, REPEATABLE_REASONS, Validation, replay_validations
from logreg.hyperparameters import DEFAULTS, Hyperparameters
from logreg.parts.facts import Facts
from logreg.parts.options import TableOptions

# Fields that are no keys of a file: there, each option and each setting is a key of its own.
NO_KEYS = ("options", "settings", "tested_probabilities", "_metadata")


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
    curve : list of dict
        See :attr:`logreg.run.Run.curve`.
    reason : str
        Why the run ended: see :class:`logreg.run.Run`.
    n_ranks : int
        The number of processes that trained the model together.
    arithmetic : int
        The version of the arithmetic: see :mod:`logreg.basics.version`.
    refit : bool
        Whether the model was trained anew on training and validation rows.
    n_refit_rows : int
        The number of these rows.
    tested_probabilities : numpy.ndarray
        See :class:`logreg.run.Run`. It is an array of the file, as W and b are, and no key.
    validation_error, test_error : float
        The errors over the whole minibatches of a set; with `_all_rows`, over all rows.
    engine, device, python, logreg, date : str
        Where, when and with which versions the file was made.
    """

    dtype: Optional[str] = None
    settings: dict = field(default_factory=dict)
    epoch: Optional[int] = None
    n_train_batches: Optional[int] = None
    curve: Optional[List[Dict[str, float]]] = None
    reason: Optional[str] = None
    n_ranks: Optional[int] = None
    arithmetic: Optional[int] = None
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
    tested_probabilities: Optional[numpy.ndarray] = None
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
        _require("metadata", metadata, isinstance(metadata, dict), "a dict")
        tested_probabilities = metadata.get("tested_probabilities")
        # From here on, NumPy's arrays and numbers are the lists and numbers of JSON.
        metadata = {
            name: json.loads(as_json(value, f"its {name}"))
            for name, value in metadata.items()
            if name != "tested_probabilities"
        }
        if W is not None:
            metadata = _completed(metadata, W)
        stated = {name: value for name, value in metadata.items() if value is not None}
        values = {}
        kinds = typing.get_type_hints(cls)
        for each in fields(cls):
            name = each.name
            if name in stated and name not in NO_KEYS:
                values[name] = stated[name]
                # By an import from __future__, the type of a field is the text of its annotation.
                _require(name, values[name], _has_type(values[name], kinds[name]), each.type)
        try:
            values["options"] = TableOptions(**_members(TableOptions, stated))
            values["settings"] = _members(Hyperparameters, stated)
            Hyperparameters(**values["settings"])
        except (SettingError, TypeError) as error:
            reason = str(error).replace("`", "")  # an option has these marks, a key has none
            raise ModelFileError(f"its metadata do not fit: {reason}") from error
        facts = cls(**values, tested_probabilities=tested_probabilities, _metadata=metadata)
        if facts.n_in:  # else there is no W, and perhaps no metadata
            facts._check_lengths()
        if tested_probabilities is not None:
            facts._check_tested_probabilities()
        return facts

    def _check_lengths(self):
        """Check that there is one of everything for each class, feature, column, end or set."""
        for n, what, names in (
            (self.n_out, "classes", ("class_labels",)),
            (self.n_in, "features", ("feature_names", "feature_means", "feature_scales")),
            (self.table.n_columns, "columns", ("columns", "kinds", "column_numbers")),
            (2, "ends", ("raw_range", "x_range")),
            (3, "sets", ("split",)),
        ):
            for name in names:
                value = getattr(self, name)
                if value is not None:
                    _require(name, value, len(value) == n, f"one for each of {n} {what}")
        if self.class_counts is not None:  # the data may have fewer classes than the model
            fits = len(self.class_counts) <= self.n_out
            _require("class_counts", self.class_counts, fits, f"at most {self.n_out} numbers")
        n_features = sum(self.table.feature_counts)  # of arrays, each of n_in columns has one
        fits = n_features == self.n_in
        _require("categories", self.categories, fits, f"what makes {self.n_in} features")
        if self.image_shape is not None:
            fits = math.prod(self.image_shape) == self.n_in
            _require("image_shape", self.image_shape, fits, f"a shape of {self.n_in} features")
        is_divisor = bool(self.pixel_scale)  # neither 0 nor None
        _require("pixel_scale", self.pixel_scale, is_divisor, "a divisor")
        needed = {"iter", "error", "error_all_rows"}  # of the numbers of a Validation
        for point in self.curve or []:
            fits = needed <= point.keys() <= {*Validation._fields}
            _require("curve", point, fits, f"{', '.join(sorted(needed))} a point")
        if self.feature_scales or self.options.missing:
            fits = self.feature_means is not None
            _require("feature_means", None, fits, "a list beside feature_scales or missing")

    def _check_tested_probabilities(self):
        """Check that there is a probability of each class for each row of the data."""
        p = self.tested_probabilities
        shape = (sum(self.split or ()), self.n_out)
        fits = isinstance(p, numpy.ndarray) and p.shape == shape and shape[0] > 0
        fits = fits and p.min() >= 0 and p.max() <= 1  # which NaN is not
        _require("tested_probabilities", p, fits, f"an array of probabilities, of shape {shape},")

    @property
    def criterion(self):
        """The criterion of the best model; where the file has none, it is the tutorial's."""
        return self.settings.get("criterion", DEFAULTS.criterion)

    @property
    def validations(self):
        """The validations of the training, each a :class:`.Validation`."""
        return [Validation.from_dict(point) for point in self.curve or []]

    @property
    def stopping(self):
        """The :class:`.EarlyStopping` after these validations."""
        return replay_validations(self.validations, self.settings)

    @property
    def batch_size(self):
        """The batch size of the training; where the file has none, it is the tutorial's."""
        return self.settings.get("batch_size", DEFAULTS.batch_size)

    @property
    def reason_text(self):
        """Why the training ended, in words."""
        return REASON_TEXTS.get(self.reason, self.reason)

    @property
    def is_repeatable(self):
        """Whether a training with the same data and settings ends in the same way."""
        return self.reason in REPEATABLE_REASONS

    def metadata(self):
        """Return all that is known, as it is in the file: a dict."""
        return {**self._metadata}


def _completed(metadata, W):
    """Add the keys that follow from W; refuse metadata that contradict it."""
    n_in, n_out = W.shape
    facts_of_W = {"n_in": n_in, "n_out": n_out, "dtype": W.dtype.name}
    defaults = {"image_shape": None, "class_labels": list(range(n_out)), "pixel_scale": 1}
    completed = {**metadata}
    for name, default in {**defaults, **facts_of_W}.items():
        if completed.get(name) is None:
            completed[name] = default
        elif name in facts_of_W:
            fits = completed[name] == default
            _require(name, completed[name], fits, f"{default}, as of its W,")
    return completed


def _members(group, metadata):
    """Collect the fields of a dataclass that are keys of a file's metadata."""
    return {f.name: metadata[f.name] for f in fields(group) if f.name in metadata}


def _has_type(value, kind):
    """Whether a value of JSON has a type, such as ``Optional[List[int]]``."""
    members = typing.get_args(kind)
    if typing.get_origin(kind) is list:
        return isinstance(value, list) and all(_has_type(item, members[0]) for item in value)
    if typing.get_origin(kind) is dict:
        is_dict = isinstance(value, dict)
        return is_dict and all(_has_type(item, members[1]) for item in value.values())
    if members:
        return any(_has_type(value, member) for member in members)
    if kind in (int, float):  # a whole number is a float, too, and a bool is no number
        return type(value) in (int, kind)
    return isinstance(value, kind)


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


def _require(name, value, fits, needed):
    if not fits:
        raise ModelFileError(f"its {name} is {cut(value, 80)}: {needed} is needed")

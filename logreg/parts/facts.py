"""The facts about a data set: one frozen object, which goes into the model file.

Its fields stand in groups here. They are called like the keys in a model file, and their values can
be written as JSON. In every group, None stands for what is unknown or what the data do not have.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import List, Optional, Union

import numpy

from logreg.parts.options import NO_OPTIONS, NUMBER, Columns, TableOptions
from logreg.parts.pixels import ImageLayout
from logreg.parts.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class DataSetFacts:
    """What every data set has.

    Attributes
    ----------
    dataset : str
        Its name, or where it was found.
    dataset_sha256 : str
        See :func:`logreg.datasets.learning.read_through`.
    n_in, n_out : int
        The numbers of features and of classes.
    class_labels : list of int or of str
        As the data give them.
    class_counts : list of float
        The number of training rows of each class, or the sum of their weights.
    rows : list of int
        The numbers of rows of the training, the validation and the test set.
    baseline_error : float
        The test error of always guessing the largest class.
    split : list of int
        The numbers of rows of the three sets into which one table or array was split; None if the
        data have a test set. With folds, their rows stand in the order of these three sets.
    split_seed : int
        The seed of the random order before the split; None if the rows kept their order.
    n_folds : int
        The number of folds into which all rows were divided in place of the split. All `rows` are
        then for training, validation and test: see :func:`.divide_into_folds`.
    """

    dataset: Optional[str] = None
    dataset_sha256: Optional[str] = None
    n_in: Optional[int] = None
    n_out: Optional[int] = None
    class_labels: Optional[Union[List[int], List[str]]] = None
    class_counts: Optional[List[float]] = None
    rows: Optional[List[int]] = None
    baseline_error: Optional[float] = None
    split: Optional[List[int]] = None
    split_seed: Optional[int] = None
    n_folds: Optional[int] = None


@dataclass(frozen=True, eq=False)
class FeatureFacts:
    """The range of features, whether they are pixels, and what is done to them before training.

    Attributes
    ----------
    image_shape : list of int
        The (height, width) of a row, if it has one.
    raw_range, x_range : list of float
        The smallest and the largest training feature: as the data have it, and as a model takes it.
    x_median : float
        The median of the features of some training rows. Of images, only the edges count.
    centred : bool
        Whether images are laid out as MNIST's are. If that is unknown, they count as centred.
    background : str
        'dark' or 'light', if the images were made of picture files.
    pixel_scale, has_given_scale, feature_means, feature_scales
        See :class:`logreg.parts.preprocessing.Preprocessing`.
    """

    image_shape: Optional[List[int]] = None
    raw_range: Optional[List[float]] = None
    x_range: Optional[List[float]] = None
    x_median: Optional[float] = None
    centred: Optional[bool] = None
    background: Optional[str] = None
    pixel_scale: Optional[float] = None
    has_given_scale: Optional[bool] = None
    feature_means: Optional[List[float]] = None
    feature_scales: Optional[List[float]] = None


@dataclass(frozen=True, eq=False)
class TableFacts:
    """The columns of a table.

    Attributes
    ----------
    label_name : str
        The name of the column of labels.
    label_number : int
        The number of this column, from 1; None if the data are no table.
    columns : list of str
        The names of the features' columns.
    column_numbers : list of int
        The numbers of these columns in the file, from 1.
    categories : list of list of str
        The texts of each of these columns; None for a column of numbers.
    kinds : list of str
        The kind of each of these columns: see :mod:`logreg.tables.columns`.
    feature_names : list of str
        A name for each feature.
    options : TableOptions
        How the table was read. In a model file, each option is a key of its own.
    """

    label_name: Optional[str] = None
    label_number: Optional[int] = None
    columns: Optional[List[str]] = None
    column_numbers: Optional[List[int]] = None
    categories: Optional[List[Optional[List[str]]]] = None
    kinds: Optional[List[str]] = None
    feature_names: Optional[List[str]] = None
    options: TableOptions = NO_OPTIONS


@dataclass(frozen=True, eq=False)
class Facts(TableFacts, FeatureFacts, DataSetFacts):
    """The facts about the data that a model is trained on; see the groups for its fields."""

    def as_dict(self):
        """The facts as a model file has them."""
        facts = {f.name: getattr(self, f.name) for f in fields(Facts) if f.name != "options"}
        if self.is_table:
            facts.update(vars(self.options))
        return facts

    @property
    def is_table(self):
        return self.label_number is not None

    @property
    def summary(self):
        """The name and the sizes of the data, in words."""
        return f"{self.dataset!r}, {self.rows} rows, {self.n_in} features"

    def names_sha256(self):
        """Compute the SHA-256 of the names in a table: labels, titles and categories."""
        names = [self.class_labels, self.label_name, self.columns, self.categories]
        return hashlib.sha256(json.dumps(names).encode()).hexdigest()

    @property
    def preprocessing(self):
        """What is done to features, in training as in prediction."""
        return Preprocessing(
            1 if self.pixel_scale is None else self.pixel_scale,
            bool(self.has_given_scale),
            self.options.missing,
            _as_vector(self.feature_means),
            _as_vector(self.feature_scales),
        )

    @property
    def image_layout(self):
        """The :class:`ImageLayout`: whether features are an image, and of what kind."""
        return ImageLayout.of(self)

    @property
    def expected(self):
        """What a row must have, in words."""
        shape = self.image_layout.shape
        if shape is None:
            return f"{self.n_in} features"
        return f"{self.n_in} features ({shape[0]} x {shape[1]})"

    @property
    def feature_titles(self):
        """What messages and pages call each feature: its name, or one made of column titles."""
        return self.feature_names or name_features(self.column_titles, self.table.categories)

    @property
    def column_titles(self):
        """What messages and pages call each column: its name, or its number if it has no name.

        The features of arrays are columns, too.
        """
        numbers = self.column_numbers or range(1, self.table.n_columns + 1)
        return self.table.names or [f"column {i}" for i in numbers]

    @property
    def table(self):
        """The :class:`Columns` of the table, or unnamed ones."""
        categories = self.categories or [None] * self.n_in
        label = None if self.label_number is None else self.label_number - 1
        # Feature names serve as names of columns only if each column is one feature.
        names = tuple(self.columns or self.feature_names or ())
        if len(names) != len(categories):
            names = None
        kinds = self.kinds or [NUMBER] * len(categories)
        return Columns(label, self.label_name, names, tuple(categories), tuple(kinds), self.options)

    def table_options(self, options=NO_OPTIONS):
        """The options by which tables to predict are read: `options`, else those of training.

        The encoding and the decimal mark of training are left out. Each table shows its own, and
        those of training only decide in doubt (see :mod:`logreg.tables.chunks`).
        """
        left_out = ["encoding", "decimal"]
        if self.columns:  # the columns are found by their names, wherever they stand
            left_out += ["label_column", "drop"]
        values = self.options.given()
        for name in left_out:
            values.pop(name, None)
        values.update(options.given())
        return TableOptions(**values)


def _as_vector(values):
    return None if values is None else numpy.asarray(values, "float64")


def name_features(columns, categories):
    """A name for each feature: that of its column, or of one of its categories.

    Examples
    --------
    >>> name_features(["mass", "sex"], [None, ["f", "m"]])
    ('mass', 'sex=f', 'sex=m')
    """
    names = []
    for name, texts in zip(columns, categories):
        if texts is None:
            names.append(name)
        else:
            names += [f"{name}={text}" for text in texts]
    return tuple(names)

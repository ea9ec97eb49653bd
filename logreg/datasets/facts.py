"""What is known of data: one frozen object, which travels with them into the model file."""

from dataclasses import dataclass, fields
from typing import List, Optional

import numpy

from logreg.datasets.arrays import image_shape, may_be_pixels
from logreg.datasets.options import NO_OPTIONS, Columns, TableOptions
from logreg.datasets.pictures import Layout
from logreg.datasets.preprocessing import Preprocessing

MIN_SIDE = 10  # pixels; in smaller grey images, digits are not laid out as MNIST's are


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of the data that a model is trained on; None is what is not known.

    The fields but `options` have the names of the keys in a model file, and values that JSON has.
    """

    dataset: Optional[str] = None  # its name, or where it was found
    dataset_sha256: Optional[str] = None  # see :func:`logreg.datasets.statistics.read_through`
    n_in: Optional[int] = None
    n_out: Optional[int] = None
    class_labels: Optional[list] = None  # as the data give them
    class_counts: Optional[List[int]] = None  # how many training rows each class has
    rows: Optional[List[int]] = None  # of the training, the validation and the test set
    baseline_error: Optional[float] = None  # test error of always guessing the largest class
    image_shape: Optional[List[int]] = None  # of a row, if it has (height, width)
    # The smallest and the largest training feature, as the data have it and as a model takes it.
    raw_range: Optional[List[float]] = None
    x_range: Optional[List[float]] = None
    x_median: Optional[float] = None  # of some training rows; of images, at their edges
    centred: Optional[bool] = None  # whether images are laid out as MNIST's; None: as if they were
    background: Optional[str] = None  # dark, if they were read from pictures; None: see layout
    split: Optional[List[int]] = None  # the rows of all sets, if the test set was taken from one
    split_seed: Optional[int] = None  # of the order before; None: that of the file
    # Preprocessing
    pixel_scale: Optional[float] = None
    scale_all: Optional[bool] = None
    feature_means: Optional[List[float]] = None
    feature_scales: Optional[List[float]] = None
    # A table's columns
    label_name: Optional[str] = None
    label_number: Optional[int] = None  # counted from 1
    columns: Optional[List[str]] = None
    column_numbers: Optional[List[int]] = None  # counted from 1, in the file
    categories: Optional[List[Optional[List[str]]]] = None
    kinds: Optional[List[str]] = None  # of columns, see :mod:`logreg.tables.columns`
    feature_names: Optional[List[str]] = None
    options: TableOptions = NO_OPTIONS  # by which it was read

    def as_dict(self):
        """What is known of the data, as a model file has it."""
        known = {f.name: getattr(self, f.name) for f in fields(Facts) if f.name != "options"}
        return {**known, **(vars(self.options) if self.is_table else {})}

    @property
    def is_table(self):
        return self.label_number is not None

    @property
    def preprocessing(self):
        """What is done to features, in training as in prediction."""
        means, scales = (
            None if values is None else numpy.asarray(values, "float64")
            for values in (self.feature_means, self.feature_scales)
        )
        scale = 1 if self.pixel_scale is None else self.pixel_scale
        return Preprocessing(scale, bool(self.scale_all), self.options.missing, means, scales)

    @property
    def image(self):
        """The (height, width) of the image that a row is; None if it is none."""
        # Rows of a CSV file have no shape; a square number of columns may be an image.
        are_pixels = not self.is_table or may_be_pixels(*self.raw_range or (0, 255))
        guess = are_pixels and not self.categories
        return image_shape(tuple(self.image_shape or [self.n_in]), guess)

    @property
    def expected(self):
        """What a row must have, in words."""
        shape = f" ({' x '.join(map(str, self.image))})" if self.image else ""
        return f"{self.n_in} features{shape}"

    @property
    def names(self):
        """A name for each feature."""
        texts = self.categories or [None] * self.n_in
        return self.feature_names or named(self.titles, texts)

    @property
    def titles(self):
        """A name for each column of a table; where it has none, its number."""
        names, n = self.table.names, len(self.categories or [None] * self.n_in)
        return names or [f"column {i}" for i in self.column_numbers or range(1, n + 1)]

    @property
    def takes_pictures(self):
        """Whether its images are grey, and large enough to be laid out as MNIST's are."""
        is_large = self.image is not None and min(self.image) >= MIN_SIDE
        return is_large and (self.pixel_scale != 1 or self.raw_range is not None)

    @property
    def takes_bytes(self):
        """Whether it is known how uint8 is scaled."""
        low, high = self.raw_range or self.x_range or (0, 1)
        return self.pixel_scale != 1 or low < 0 or high > 1

    @property
    def layout(self):
        """How its images are laid out, and pictures made like them."""
        are_bytes = self.background or (self.pixel_scale != 1 and not self.scale_all)
        is_known, ends = self.x_range and self.x_median is not None, self.x_range
        if are_bytes and self.centred is False and not self.feature_scales:  # as of pictures
            ends = [0, 255 * (self.pixel_scale or 0)]
        background = "light" if is_known and 2 * self.x_median >= sum(ends) else "dark"
        ends = None if are_bytes else self.raw_range
        return Layout(self.image, self.centred is not False, self.background or background, ends)

    @property
    def table(self):
        """The :class:`Columns` of the table, or unnamed ones."""
        categories = self.categories or [None] * self.n_in
        names = self.columns or self.feature_names or ()
        return Columns(
            None if self.label_number is None else self.label_number - 1,
            self.label_name,
            tuple(names) if names and len(names) == len(categories) else None,
            tuple(texts and tuple(texts) for texts in categories),
            tuple(self.kinds or ["number" if texts is None else "text" for texts in categories]),
            self.options,
        )

    def table_options(self, given=NO_OPTIONS):
        """How tables are read: as `given` and, where nothing is, as in training.

        A table shows its encoding and its decimal mark: see :mod:`logreg.tables.chunks`.
        """
        known = self.options.given()
        known.pop("encoding", None)
        known.pop("decimal", None)
        if self.columns:  # they are found in any order
            known = {k: v for k, v in known.items() if k not in ("label_column", "drop")}
        return TableOptions(**{**known, **given.given()})


def named(columns, categories):
    """A name for each feature: that of its column, or of one of its categories.

    Examples
    --------
    >>> named(["mass", "sex"], [None, ["f", "m"]])
    ('mass', 'sex=f', 'sex=m')
    """
    return tuple(
        name if text is None else f"{name}={text}"
        for name, texts in zip(columns, categories)
        for text in texts or [None]
    )


def of_columns(columns):
    """What a table's :class:`Columns` tell, as fields of :class:`Facts`."""
    return {
        "label_name": columns.label_name,
        "label_number": columns.label + 1,
        "columns": columns.names,
        "column_numbers": columns.numbers,
        "categories": columns.categories if any(columns.categories) else None,
        "kinds": columns.kinds,
        "feature_names": columns.names and named(columns.names, columns.categories),
        "options": columns.options,
    }

"""What happens to features before a model takes them: scaled, filled, standardized, cast.

Text is one-hot encoded before that, as :mod:`logreg.tables.reading` reads it.
"""

from dataclasses import dataclass
from typing import Optional

import numpy

from logreg.basics.errors import DatasetError

FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)
PIXEL_SCALE = 256  # the tutorial's divisor of pixels, and not 255
BLOCK = 1 << 18  # values of a block, in float64 2 MB


def blocks(x):
    """Yield the rows of an array in order, in views of about 262,144 values.

    Examples
    --------
    >>> [len(block) for block in blocks(numpy.zeros((800, 784)))]
    [334, 334, 132]
    """
    n_rows = max(1, BLOCK // x.shape[1])
    for start in range(0, len(x), n_rows):
        yield x[start : start + n_rows]


def check_values(x, where):
    """Check that the values of a set's features are finite, and that float32 can hold them."""
    first_row = 0
    for block in blocks(x.reshape(len(x), -1)):
        low, high = ends_of(block)
        if not max(-low, high) <= FLOAT32_MAX:  # by `not`, NaN is refused, too
            with numpy.errstate(invalid="ignore"):
                is_good = abs(block.astype("float64")) <= FLOAT32_MAX
            row, column = numpy.argwhere(~is_good)[0]
            raise DatasetError(
                f"{where} x holds {block[row, column]} in row {first_row + row}, column {column} "
                "(counted from 0): every value must be finite, and no larger than float32 can "
                "hold; replace it, e.g. with numpy.nan_to_num, or leave out the row"
            )
        first_row += len(block)


def ends_of(values, ignore_nan=False):
    """The smallest and the largest value. Both are NaN if one is NaN, unless this is ignored."""
    smallest, largest = numpy.minimum, numpy.maximum
    if ignore_nan:
        smallest, largest = numpy.fmin, numpy.fmax
    return float(smallest.reduce(values, axis=None)), float(largest.reduce(values, axis=None))


class Moments:
    """The mean, the deviation and the range of each column, of one pass over the rows.

    They are computed in float64. NaN counts as the mean. The means and the sums of squared
    deviations of blocks of rows are merged as by Chan, Golub and LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances", Stanford, STAN-CS-79-773, 1979.

    Attributes
    ----------
    means, low, high : numpy.ndarray
        Of shape (d,): the mean, the smallest and the largest value. They are 0, NaN and NaN in a
        column of NaN.

    Examples
    --------
    >>> moments = Moments()
    >>> moments.add(numpy.array([[1.0, 0.1], [2, 0.1], [3, 0.1]]))
    >>> moments.add(numpy.array([[6.0, 0.1]]))
    >>> moments.means.round(9).tolist(), (moments.deviations() ** 2).tolist()
    ([3.0, 0.1], [3.5, 0.0])
    >>> empty = Moments()
    >>> empty.add(numpy.array([[numpy.nan], [numpy.nan]]))
    >>> empty.means, empty.deviations(), empty.low
    (array([0.]), array([0.]), array([nan]))
    """

    def __init__(self):
        self._n_rows = self._counts = self.means = self._squares = 0
        self.low = self.high = numpy.nan

    def add(self, x):
        """Take in the rows of one of the :func:`blocks`."""
        x = x.astype("float64", order="C")
        self.low = numpy.fmin(self.low, numpy.fmin.reduce(x, axis=0))
        self.high = numpy.fmax(self.high, numpy.fmax.reduce(x, axis=0))
        is_empty = numpy.isnan(x)
        counts = len(x) - is_empty.sum(axis=0)
        x[is_empty] = 0
        means = x.sum(axis=0) / numpy.maximum(counts, 1)
        x -= means
        x[is_empty] = 0
        x *= x
        total = self._counts + counts
        share = counts / numpy.maximum(total, 1)
        change = means - self.means
        self._squares = self._squares + (x.sum(axis=0) + change**2 * self._counts * share)
        self.means = self.means + change * share
        self._n_rows += len(x)
        self._counts = total

    def deviations(self):
        """The standard deviation of each column: of a constant one exactly 0.

        It is that of all rows: NaN counts as the mean.
        """
        deviations = numpy.sqrt(self._squares / self._n_rows)
        return numpy.where(self.low < self.high, deviations, 0.0)


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What is done to features first, in training as in prediction.

    First, x is divided by the `pixel_scale`. Then a row becomes ``(x - means) / scales``, computed
    in float64, as by the SimpleImputer and the StandardScaler of scikit-learn.

    Attributes
    ----------
    pixel_scale : float
        Features of dtype uint8 are divided by it.
    has_given_scale : bool
        Whether features of every other type are, too.
    missing : {None, 'mean'}
        With 'mean', NaN becomes the feature's mean.
    means : numpy.ndarray or None
        Of the training rows, float64, of shape (n_in,), if NaN is filled or x standardized.
    scales : numpy.ndarray or None
        Standard deviations of the training rows, after the division by `pixel_scale`; float64, of
        shape (n_in,). They are those of :func:`standard_scales`, which keeps categories as they
        are. None if x is not standardized.

    Examples
    --------
    >>> x = numpy.array([[1.0, 7], [numpy.nan, 7], [3, 7]])
    >>> means = numpy.array([2.0, 7])
    >>> Preprocessing(missing="mean", means=means).apply(x, "float32").tolist()
    [[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]]
    >>> Preprocessing(means=means, scales=numpy.ones(2)).apply(x[::2], "float32").tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    pixel_scale: float = 1.0
    has_given_scale: bool = False
    missing: Optional[str] = None
    means: Optional[numpy.ndarray] = None
    scales: Optional[numpy.ndarray] = None

    @property
    def factor(self):
        """What pixels are multiplied by, as a product is faster than a quotient."""
        return 1 / self.pixel_scale

    def apply(self, x, dtype):
        """Turn features of shape (n, n_in) into what a model takes: floats of `dtype`, C-ordered.

        Features that need no change are not copied. Values that are not finite stay so, and cause
        no warning.
        """
        factor = 1
        if x.dtype == numpy.uint8 or self.has_given_scale:
            factor = self.factor
        with numpy.errstate(all="ignore"):
            if self.means is not None:
                ready = numpy.empty(x.shape, dtype)
                for block, ready_block in zip(blocks(x), blocks(ready)):
                    ready_block[:] = self._fill_and_standardize(block.astype("float64") * factor)
                return ready
            if factor != 1:
                # By 1/256, a power of two, the product is exact in any float type.
                return numpy.multiply(x, numpy.asarray(factor, dtype), dtype=dtype, order="C")
            return numpy.ascontiguousarray(x, dtype=dtype)

    def _fill_and_standardize(self, x):
        if self.missing == "mean":
            x = numpy.where(numpy.isnan(x), self.means, x)
        if self.scales is None:
            return x
        return (x - self.means) / self.scales


def standard_scales(moments, factor, categories):
    """What standardizing divides each feature by: its deviation, or 1 if the feature is constant.

    A category is not divided, and its mean is taken as 0, so it stays 0 or 1.

    The `moments` are of features before they are multiplied by `factor`; `categories` are the
    numbers of the one-hot features.
    """
    deviations = moments.deviations() * factor
    scales = numpy.where(deviations > 0, deviations, 1.0)
    # Divided by its deviation, a rare category would be so large that few rows decide its weight.
    # `apply` multiplies by the factor first: divided by it, a category is 0 or 1 again.
    scales[categories] = factor
    return scales


def scale_of(x, pixel_scale=None):
    """What features are divided by: `pixel_scale` if given, else 256 if uint8, else 1."""
    if pixel_scale:
        return pixel_scale
    return PIXEL_SCALE if x.dtype == numpy.uint8 else 1

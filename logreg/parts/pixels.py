"""Whether features are the pixels of images, and of what kind: decided here, once."""

import math
from typing import NamedTuple, Optional

import numpy

MIN_IMAGE_SIDE = 8  # pixels; a smaller square number of features says nothing of an image
MIN_PICTURE_SIDE = 10  # pixels; pictures are not scaled to a smaller image than this
FAINT = 0.2  # of the largest difference from the background; less, as in a blur, is no ink
# Shares of the sides of an image. MNIST's images are scaled into a box of 20/28; scaled again, they
# may be a little larger, and a little off the centre.
MAX_EXTENT = 22 / 28
MAX_OFF_CENTRE = 1.5 / 28
SHARE_CENTRED = 0.9  # if more of the images are centred, all of them count as centred
N_IMAGES = 1000  # about as many are looked at, to see whether they are centred
N_MEDIAN_VALUES = 1 << 19  # a median is taken of about so many values


class ImageLayout(NamedTuple):
    """Which image the features of a model are, if they are one.

    Attributes
    ----------
    shape : tuple or None
        The (height, width) of the image that a row is; None if it is none.
    takes_bytes : bool
        Whether rows of uint8 can be predicted: whether it is known how they are scaled.
    takes_pictures : bool
        Whether pictures can be made like the images: only if the images are grey, not too small,
        and of a known range.
    is_centred : bool or None
        Whether the images are laid out as MNIST's are: see :func:`are_centred`.
    background : str
        'dark' or 'light'.
    ends : list of float or None
        The values of black and white in the model's images; None if these are uint8.
    """

    shape: Optional[tuple]
    takes_bytes: bool = True
    takes_pictures: bool = True
    is_centred: Optional[bool] = False
    background: str = "dark"
    ends: Optional[list] = None

    @classmethod
    def of(cls, facts):
        """Decide by all that the :class:`.Facts` tell."""
        shape = _shape_of(facts)
        # Of features that were not scaled, the scale is 1. None is not known: it counts as scaled.
        is_scaled = facts.pixel_scale != 1
        # Pictures, which have a background, are uint8. So are arrays that were scaled without an
        # option.
        are_bytes = facts.background is not None or (is_scaled and not facts.has_given_scale)
        background = facts.background
        if background is None:
            background = "light" if _is_light(facts, are_bytes) else "dark"
        # Features from 0 to 1 may be bytes that somebody divided, by 255 or by 256. Then it is not
        # known how to scale new bytes. With any other range, bytes are taken as they are.
        low, high = facts.raw_range or facts.x_range or (0, 1)
        is_other_range = low < 0 or high > 1
        is_large = shape is not None and min(shape) >= MIN_PICTURE_SIDE
        return cls(
            shape,
            takes_bytes=is_scaled or facts.has_given_scale is True or is_other_range,
            takes_pictures=is_large and (is_scaled or facts.raw_range is not None),
            is_centred=facts.centred is not False,
            background=background,
            ends=None if are_bytes else facts.raw_range,
        )


def _shape_of(facts):
    low, high = facts.raw_range or (0, 255)
    has_pixels = not facts.is_table or may_be_pixels(low, high)
    may_be_image = has_pixels and not facts.categories
    return image_shape(facts.image_shape or [facts.n_in], guess=may_be_image)


def _is_light(facts, are_bytes):
    """Whether the edges of the images are nearer to the largest feature than to the smallest."""
    if not facts.x_range or facts.x_median is None:
        return False
    low, high = facts.x_range
    is_scaled_alone = facts.pixel_scale is not None and facts.feature_scales is None
    if are_bytes and is_scaled_alone and facts.centred is False:
        # What is not centred is a photograph, whose pixels may reach neither black nor white.
        low, high = 0, 255 / facts.pixel_scale
    return 2 * facts.x_median >= low + high


def may_be_pixels(low, high):
    """Whether the columns of a table between these numbers may be an image's pixels.

    Examples
    --------
    >>> [may_be_pixels(*ends) for ends in ((0, 255), (-1, 1), (0, 256), (-2, 1))]
    [True, True, False, False]
    """
    return -1 <= low <= high <= 255


def image_shape(row_shape, guess=False):
    """The shape of the image that a row of `row_shape` is, None if it is none.

    With `guess`, a square number of features is taken for a square image.

    Examples
    --------
    >>> image_shape((28, 28, 1)), image_shape((64,)), image_shape((32, 32, 3))
    ((28, 28), None, None)
    >>> [image_shape((n,), guess=True) for n in (49, 64, 65)]
    [None, (8, 8), None]
    """
    shape = tuple(n for n in row_shape if n != 1)
    if len(shape) == 2:
        return shape
    if guess and len(shape) == 1:
        side = math.isqrt(shape[0])
        if side >= MIN_IMAGE_SIDE and side**2 == shape[0]:
            return side, side
    return None


def edges_of(images):
    """The pixels at the edges of images of shape (n, height, width): (n, 2, height + width)."""
    columns = images[:, :, [0, -1]].swapaxes(1, 2)
    return numpy.concatenate([images[:, [0, -1]], columns], axis=2)


def median_of(x, preprocessing, image_shape):
    """The median of some prepared values, few enough to be sorted quickly; of images, of the edges.

    `image_shape` is None if rows are no images.
    """
    rows = preprocessing.apply(x[:: 1 + x.size // N_MEDIAN_VALUES], "float64")
    if image_shape is not None:
        rows = edges_of(rows.reshape(-1, *image_shape))
    return float(numpy.median(rows))


def are_centred(images):
    """Whether nearly all of some images, of shape (n, height, width), are laid out as MNIST's.

    What differs from the background is within a box, and its centre of mass is in the middle. In
    MNIST, the box has 20/28 of the sides; a little more is allowed.
    """
    is_centred = True
    ink = abs(images - numpy.median(edges_of(images)))
    ink[ink < FAINT * ink.max()] = 0
    for mass in (ink.sum(axis=2), ink.sum(axis=1)):
        n = mass.shape[1]
        is_inked = mass > 0
        extent = n - is_inked.argmax(axis=1) - is_inked[:, ::-1].argmax(axis=1)
        with numpy.errstate(invalid="ignore"):  # of a blank image
            centre = (mass * numpy.arange(0.5, n)).sum(axis=1) / mass.sum(axis=1)
        is_centred &= extent <= MAX_EXTENT * n
        is_centred &= abs(centre - n / 2) <= MAX_OFF_CENTRE * n
    return bool(is_centred.mean() > SHARE_CENTRED)

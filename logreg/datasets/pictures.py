"""Pictures of digits, as people draw them, made like the images that a model was trained on.

The steps are those of the makers of MNIST: the ink is cropped, scaled with its aspect kept into
a box of 20 x 20 pixels, and placed by its centre of mass in a field of 28 x 28. A field of
another size is filled in the same proportions.
"""

import contextlib
import warnings
from typing import NamedTuple

import numpy

from logreg.errors import DatasetError

# Not all that Pillow knows: for some formats (EPS) it runs another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
SUFFIXES += (".pbm", ".pgm", ".ppm", ".pnm")
SUFFIXES += (".svg", ".pdf", ".eps", ".heic")  # to be told that they cannot be read

BOX = 20 / 28  # sides of the box for the ink, as a share of the field's
SIDE = 1000  # pixels; a larger picture is reduced first
CONTRAST = 20  # grey levels: what differs less from the paper is no ink
NOISE = 6  # standard deviations of the paper's noise: the same
TO_DEVIATION = 1.48  # from the median of absolute differences, if they are normal
TIGHT = 60  # grey levels of standard deviation; plain paper has less
SPECK = 0.02  # share of the largest blot's ink: a smaller blot is dirt
STROKE = 0.08  # share of the ink's size; a thinner stroke would fade, so it is widened to this


class Picture(NamedTuple):
    """A picture, ready for a model.

    Attributes
    ----------
    pixels : numpy.ndarray
        uint8, of the model's image shape.
    inverted : bool
        Whether dark and light were exchanged.
    is_blank : bool
        Whether no ink was found.
    """

    pixels: numpy.ndarray
    inverted: bool = False
    is_blank: bool = False


def read_picture(path, shape, invert=None, background="dark"):
    """Read a picture and make it like those that a model was trained on.

    A picture on another background than the model's is inverted; `invert` says otherwise.

    Parameters
    ----------
    path : str or path-like
        PNG, JPEG, GIF, BMP, WebP, TIFF or PPM.
    shape : tuple of int
        The model's image shape: (height, width), or (height, width, 3) for RGB.
    invert : bool, optional
        Whether dark becomes light and light dark. An RGB image is inverted only if this is True.
    background : {'dark', 'light'}
        Of the images that the model was trained on.

    Returns
    -------
    Picture
        A grey picture of exactly the model's size keeps its pixels, but for the inversion.
        A picture for an RGB model is resized and no more.

    Raises
    ------
    DatasetError
        If the file cannot be read, Pillow is not installed, or the model has other channels.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DatasetError(
            f"{path}: pictures need Pillow ({error}): pip install '.[images]'"
        ) from None
    if len(shape) == 3 and shape[2] != 3:
        raise DatasetError(
            f"{path}: the model's images have {shape[2]} channels, and pictures are read for "
            "grey or RGB images only: give the pixels as an npy file"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _decode(path)
    except MemoryError:
        reason = "it needs more memory than there is"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        reason = "it has too many pixels: scale it down"
    except Image.UnidentifiedImageError:
        reason = f"it is none of {', '.join(FORMATS)}: save it as PNG"
    except Exception as error:  # a decoder may raise anything on damaged bytes
        reason = f"it is cut off or damaged ({ascii(str(error))[1:-1][:200]})"
    else:
        if len(shape) == 3:
            return _resize(image, shape, bool(invert))
        return _prepare(image, shape, invert, background)
    raise DatasetError(f"{path}: cannot be read as a picture: {reason}")


def _decode(path):
    """Read a picture upright, at most SIDE pixels wide and high, in mode L, RGB or RGBA."""
    from PIL import Image, ImageOps

    with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
        image.load()
        with contextlib.suppress(Exception):  # senseless metadata turn nothing
            image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode.startswith("I"):
            values = numpy.asarray(image, dtype=numpy.float32)
            values = numpy.nan_to_num(values).clip(0)
            # Scanners store 10, 12 or 16 bits, other tools 0 to 1: the largest value is white.
            image = Image.fromarray((values / (values.max() or 1) * 255).astype(numpy.uint8))
        elif image.has_transparency_data:
            image = image.convert("RGBA")
        else:
            image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    image.thumbnail((SIDE, SIDE))
    return image


def _on_paper(image, colour):
    """Show `colour` through what is transparent; float32 of shape (height, width, 1 or 3)."""
    from PIL import Image

    if image.mode == "RGBA":
        paper = Image.new("RGBA", image.size, colour)
        image = Image.alpha_composite(paper, image).convert("RGB")
    pixels = numpy.asarray(image, dtype=numpy.float32)
    return pixels.reshape(pixels.shape[:2] + (-1,))


def _resize(image, shape, invert):
    from PIL import Image

    image = Image.fromarray(_on_paper(image.convert("RGBA"), "white").astype(numpy.uint8))
    pixels = numpy.asarray(image.resize(shape[1::-1], Image.BICUBIC))
    is_blank = bool(pixels.min() == pixels.max())
    return Picture(255 - pixels if invert else pixels, invert, is_blank)


def _prepare(image, shape, invert, background):
    pixels = _on_paper(image, "white")
    wants_light = background == "light"
    is_grey = image.mode != "RGBA" and (pixels == pixels[:, :, :1]).all()
    if is_grey and pixels.shape[:2] == tuple(shape):
        field = pixels[:, :, 0].astype(numpy.uint8)
        is_blank = bool(field.min() == field.max())
        if invert is None:
            is_light = numpy.median(_frame(field)) > 127
            invert = not is_blank and is_light != wants_light
        return Picture(255 - field if invert else field, bool(invert), is_blank)
    ink, is_dark = _find_ink(pixels)
    if ink is None and image.mode == "RGBA":  # light ink on nothing
        pixels = _on_paper(image, "black")
        ink, is_dark = _find_ink(pixels)
    if ink is None and pixels.mean(axis=2).std() > TIGHT:
        # The border is ink too: the paper is light, unless the user says otherwise.
        is_dark = invert is None or invert != wants_light
        paper = numpy.percentile(pixels, 98 if is_dark else 2, axis=(0, 1))
        ink, is_dark = _find_ink(pixels, (paper, 0))
    if ink is None:
        return Picture(numpy.full(shape, 255 * wants_light, numpy.uint8), is_blank=True)
    field = _place(ink, shape)
    if invert is None:
        invert = is_dark != wants_light
    # The ink is light in the field, whatever it was on the picture.
    return Picture(255 - field if invert != is_dark else field, bool(invert))


def _frame(pixels, width=1):
    """The pixels within `width` of the border, one row each."""
    is_border = numpy.ones(pixels.shape[:2], bool)
    is_border[width:-width, width:-width] = False
    return pixels[is_border]


def _fit_paper(pixels):
    """Fit planes to the border's colours, since paper is never lit evenly.

    Returns
    -------
    paper : numpy.ndarray
        The planes, of the shape of `pixels`.
    noise : float
        Standard deviation of the border around them.
    """
    height, width = pixels.shape[:2]
    y, x = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(numpy.float32)
    plane = numpy.stack([numpy.ones_like(x), x, y], axis=2)
    frame = max(1, min(height, width) // 50)
    known, where = _frame(pixels, frame), _frame(plane, frame)
    rest = abs(known - numpy.median(known, axis=0)).max(axis=1)
    for _ in range(4):
        # Ink may run over the border, so what lies far from most is left out.
        near = rest <= max(4 * TO_DEVIATION * numpy.median(rest), 2)
        fit = numpy.linalg.lstsq(where[near], known[near], rcond=None)[0]
        rest = abs(known - where @ fit).max(axis=1)
    return plane @ fit, TO_DEVIATION * numpy.median(rest)


def _find_ink(pixels, paper=None):
    """Tell the ink from the paper.

    Returns
    -------
    ink : numpy.ndarray or None
        uint8 of shape (height, width), 0 for paper, 255 for full ink; None if there is none.
    is_dark : bool
        Whether the ink is darker than the paper.
    """
    from scipy import ndimage

    paper, noise = paper or _fit_paper(pixels)
    difference = pixels - paper
    # The largest channel's: yellow ink differs from white paper in the blue only.
    distance = abs(difference).max(axis=2)
    is_ink = distance > max(CONTRAST, NOISE * noise)
    if not is_ink.any():
        return None, False
    full = numpy.percentile(distance[is_ink], 90)
    ink = numpy.where(is_ink, distance * (255 / full), 0).clip(0, 255)
    blots, n_blots = ndimage.label(is_ink, numpy.ones((3, 3)))
    amount = ndimage.sum_labels(ink, blots, range(n_blots + 1))
    ink[(amount < SPECK * amount.max())[blots]] = 0
    is_dark = (difference.mean(axis=2) * ink).sum() < 0
    return ink.round().astype(numpy.uint8), bool(is_dark)


def _crop(ink):
    from PIL import Image

    image = Image.fromarray(ink)
    return image.crop(image.getbbox())


def _widen(ink):
    """Widen strokes that are so thin that scaling would make them fade."""
    from scipy import ndimage

    is_full = ink > 127
    edge = is_full & ~ndimage.binary_erosion(is_full)
    # A stroke has two edges along its length.
    thickness = 2 * is_full.sum() / max(1, edge.sum())
    missing = round(STROKE * max(ink.shape) - thickness)
    if missing <= 0:
        return ink
    return ndimage.maximum_filter(numpy.pad(ink, missing), missing + 1)


def _place(ink, shape):
    """Scale the ink into the box and place its centre of mass in the field's centre."""
    from PIL import Image
    from scipy import ndimage

    image = _crop(_widen(numpy.asarray(_crop(ink))))
    scale = min(BOX * shape[0] / image.height, BOX * shape[1] / image.width)
    size = [max(1, round(n * scale)) for n in image.size]
    small = numpy.asarray(image.resize(size, Image.HAMMING))
    top, left = (
        int(numpy.clip(round(side / 2 - centre), 0, side - n))
        for side, n, centre in zip(shape, small.shape, ndimage.center_of_mass(small))
    )
    field = numpy.zeros(shape, numpy.uint8)
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field

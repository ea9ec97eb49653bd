"""Pictures as people draw and take them, made like the images that a model was trained on.

A picture is scaled and keeps its proportions. If the model's images are laid out as MNIST's are,
the steps are those of the makers of MNIST: the ink is cropped, scaled into a box of 20 x 20 pixels,
and placed with its centre of mass in the centre of a field of 28 x 28. A field of another size is
filled in the same proportions.
"""

import contextlib
import warnings

import numpy

from logreg.basics.errors import DatasetError, cut, needing

# Not all that Pillow knows: for some formats (EPS) it runs another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")

BOX = 20 / 28  # sides of the box for the ink, as a share of the sides of the field
SIDE = 1000  # pixels; a larger picture is reduced first
# Ink differs from the paper by more than this many grey levels, ...
CONTRAST = 20
# ... and by more than this many standard deviations of the paper's noise.
NOISE = 6
TO_DEVIATION = 1.48  # standard deviation / median absolute deviation, for normal noise
SPECK = 0.02  # share of the largest blot's ink; a blot with less is dirt
STROKE = 0.08  # share of the ink's size; thinner strokes would fade, and are widened to this


def read_picture(path, layout, invert=None):
    """Read a picture like the images of a model.

    Parameters
    ----------
    path : str or path-like
    layout : ImageLayout
    invert : bool, optional
        Whether dark and light are exchanged; by default, if the picture has another background
        than the model's images.

    Returns
    -------
    numpy.ndarray
        Of the shape of the layout. All pixels are alike if no ink is found.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    with needing(f"{path}: a picture", "images", "pillow"):
        from PIL import Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            levels = _decode(path)
    except Exception as error:  # a decoder may raise anything on damaged bytes
        reason = cut(error, 200) or type(error).__name__
        raise DatasetError(
            f"{path}: cannot be read as a picture: {reason}; save it whole, as one of "
            f"{', '.join(FORMATS)}, of at most {Image.MAX_IMAGE_PIXELS} pixels"
        ) from None
    pixels = _lay_out(levels, layout, invert)
    return numpy.interp(pixels, (0, 255), layout.ends) if layout.ends else pixels


def _decode(path):
    """Read a picture upright, at most SIDE pixels wide and high, as grey levels, float32."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=FORMATS) as image:
        if image.mode in ("1", "P"):  # they could not be reduced well
            image = image.convert("RGBA")
        elif image.mode.startswith("I;"):
            image = image.convert("I")
        # This comes before any step that computes: a small file may have millions of pixels.
        image.thumbnail((SIDE, SIDE))
        with contextlib.suppress(Exception):  # it stays as it is if its metadata make no sense
            image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F"):  # integers, as of a scanner of 16 bits, or floats
            image = Image.fromarray(_to_bytes(numpy.nan_to_num(image)))
        image = image.convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")  # it shows through what is transparent
    return numpy.asarray(Image.alpha_composite(paper, image).convert("L"), numpy.float32)


def _to_bytes(levels):
    """Grey levels up to 1, to 255 or to 65535, as uint8."""
    if levels.max() <= 1:
        levels = 255 * levels
    elif levels.max() > 255:
        levels = levels / 256
    return levels.clip(0, 255).astype(numpy.uint8)


def _lay_out(levels, layout, invert):
    """Make pixels, uint8, of the shape of a layout; a picture of this shape keeps its pixels."""
    from PIL import Image, ImageOps

    shape = tuple(layout.shape)
    is_light_wanted = layout.background == "light"
    paper, noise = _paper_of(levels)
    is_paper_light = paper > 127
    if levels.shape == shape:
        field = levels.astype(numpy.uint8)
    elif layout.is_centred:
        # Paper of a middle grey is light if its ink is darker.
        ink, is_paper_light = _find_ink(levels - paper, max(CONTRAST, NOISE * noise))
        if ink is None:
            return numpy.full(shape, 255 * is_light_wanted, numpy.uint8)
        field = _place(ink, shape)
        if is_paper_light:  # so far, the ink of `field` is light, and its paper dark
            field = 255 - field
    else:
        image = Image.fromarray(levels.astype(numpy.uint8))
        field = numpy.asarray(ImageOps.pad(image, shape[::-1], Image.HAMMING, int(paper)))
    if invert is None:
        invert = is_paper_light != is_light_wanted
    return 255 - field if invert else field


def _paper_of(pixels):
    """The grey level of the paper and the deviation of its noise, by what is near the border."""
    width = max(1, min(pixels.shape) // 50)
    is_border = numpy.ones(pixels.shape, bool)
    is_border[width:-width, width:-width] = False
    paper = numpy.median(pixels[is_border])
    return paper, TO_DEVIATION * numpy.median(abs(pixels[is_border] - paper))


def _find_ink(difference, least):
    """Find the ink, uint8 of shape (height, width), or None; and whether the paper is lighter.

    Ink differs from the paper by more than `least`.
    """
    from scipy import ndimage

    distance = abs(difference)
    is_ink = distance > least
    if not is_ink.any():
        return None, False
    full_ink = numpy.percentile(distance[is_ink], 90)  # this distance from the paper becomes 255
    ink = numpy.where(is_ink, distance * (255 / full_ink), 0).clip(0, 255)
    blots, n_blots = ndimage.label(is_ink, numpy.ones((3, 3)))
    amount = ndimage.sum_labels(ink, blots, range(n_blots + 1))
    is_speck = amount < SPECK * amount.max()
    ink[is_speck[blots]] = 0
    is_paper_lighter = (difference * ink).sum() < 0
    return ink.round().astype(numpy.uint8), is_paper_lighter


def _place(ink, shape):
    """Scale the ink into the box and place its centre of mass in the field's centre.

    As in MNIST, the centre of 28 pixels is pixel 14, counted from 0.
    """
    from PIL import Image
    from scipy import ndimage

    image = Image.fromarray(ink)
    image = Image.fromarray(_widen(numpy.asarray(image.crop(image.getbbox()))))
    scale = min(BOX * shape[0] / image.height, BOX * shape[1] / image.width)
    size = [max(1, round(n * scale)) for n in image.size]
    small = numpy.asarray(image.resize(size, Image.HAMMING))
    corner = numpy.round(numpy.divide(shape, 2) - ndimage.center_of_mass(small)).astype(int)
    free = numpy.subtract(shape, small.shape)  # rows and columns beside the ink
    before = corner.clip(0, free)
    return numpy.pad(small, [*zip(before, free - before)])


def _widen(ink):
    """Widen strokes that are so thin that scaling would make them fade."""
    from scipy import ndimage

    is_full = ink > 127
    edge = is_full & ~ndimage.binary_erosion(is_full)
    # The edge runs along both sides of a stroke, so it is twice as long as the stroke.
    thickness = 2 * is_full.sum() / max(1, edge.sum())
    n_more = round(STROKE * max(ink.shape) - thickness)
    if n_more <= 0:
        return ink
    margins = n_more // 2, n_more - n_more // 2  # room for strokes at the edges of the array
    return ndimage.maximum_filter(numpy.pad(ink, margins), n_more + 1)

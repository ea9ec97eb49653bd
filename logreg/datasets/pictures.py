"""Pictures as people draw and take them, made like the images that a model was trained on.

They are scaled with their aspect kept. Where a model's images are laid out as MNIST's are, the
steps are those of the makers of MNIST: the ink is cropped, scaled into a box of 20 x 20 pixels, and
placed by its centre of mass in a field of 28 x 28. A field of another size is filled in the same
proportions.
"""

import contextlib
import warnings

import numpy

from logreg.errors import DatasetError, cut, needing

# Not all that Pillow knows: for some formats (EPS) it runs another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")

BOX = 20 / 28  # sides of the box for the ink, as a share of the field's
SIDE = 1000  # pixels; a larger picture is reduced first
CONTRAST = 20  # grey levels: what differs less from the paper is no ink
NOISE = 6  # standard deviations of the paper's noise: the same
TO_DEVIATION = 1.48  # from the median of absolute differences, if they are normal
SPECK = 0.02  # share of the largest blot's ink: a smaller blot is dirt
STROKE = 0.08  # share of the ink's size; a thinner stroke would fade, so it is widened to this


def read_picture(path, layout, invert=None):
    """Make pixels of the :class:`Layout` of a file; raise DatasetError if it cannot be read.

    They are all alike where no ink is found. `invert` says whether dark and light are exchanged. If
    it is None, they are where the picture is on another background than the model's images.
    """
    with needing(f"{path}: a picture", "images", "pillow"):
        from PIL import Image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _decode(path)
    except Exception as error:  # a decoder may raise anything on damaged bytes
        reason = cut(error, 200) or type(error).__name__
        raise DatasetError(
            f"{path}: cannot be read as a picture: {reason}; save it whole, as one of "
            f"{', '.join(FORMATS)}, of at most {Image.MAX_IMAGE_PIXELS} pixels"
        ) from None
    pixels = _prepare(image, layout, invert)
    return numpy.interp(pixels, (0, 255), layout.ends) if layout.ends else pixels


def _decode(path):
    """Read a picture upright, at most SIDE pixels wide and high, as grey levels, float32."""
    from PIL import Image, ImageOps

    with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
        image.load()
        with contextlib.suppress(Exception):  # senseless metadata turn nothing
            image = ImageOps.exif_transpose(image)
        if image.mode[0] in "IF":  # as of a scanner, of 16 bits; or of numbers up to 255, or 1
            levels = numpy.nan_to_num(image)
            scale = 255 if levels.max() <= 1 else 1 if levels.max() <= 255 else 1 / 256
            image = Image.fromarray((levels * scale).clip(0, 255).astype(numpy.uint8))
        image = image.convert("RGBA")
    image.thumbnail((SIDE, SIDE))
    paper = Image.new("RGBA", image.size, "white")  # which shows through what is transparent
    return numpy.asarray(Image.alpha_composite(paper, image).convert("L"), numpy.float32)


def _prepare(pixels, layout, invert):
    from PIL import Image, ImageOps

    shape, wants_light = tuple(layout.shape), layout.background == "light"
    paper, noise = _paper_of(pixels)
    field, is_dark = pixels, paper > 127  # a picture like the model's keeps its pixels
    if pixels.shape != shape and layout.is_centred:
        ink, is_dark = _find_ink(pixels - paper, max(CONTRAST, NOISE * noise))
        if ink is None:
            return numpy.full(shape, 255 * wants_light, numpy.uint8)
        field = _place(ink, shape)
        field = 255 - field if is_dark else field
    elif pixels.shape != shape:
        image = Image.fromarray(pixels.astype(numpy.uint8))
        field = numpy.asarray(ImageOps.pad(image, shape[::-1], Image.HAMMING, int(paper)))
    invert = is_dark != wants_light if invert is None else invert
    field = field.astype(numpy.uint8)
    return 255 - field if invert else field


def _paper_of(pixels):
    """The grey level of the paper, and its noise, by what is near the border."""
    width = max(1, min(pixels.shape) // 50)
    is_border = numpy.ones(pixels.shape, bool)
    is_border[width:-width, width:-width] = False
    paper = numpy.median(pixels[is_border])
    return paper, TO_DEVIATION * numpy.median(abs(pixels[is_border] - paper))


def _find_ink(difference, least):
    """Give the ink, uint8 of shape (height, width), or None; and whether it is dark.

    It is what differs from the paper by more than `least`.
    """
    from scipy import ndimage

    distance = abs(difference)
    is_ink = distance > least
    if not is_ink.any():
        return None, False
    full = numpy.percentile(distance[is_ink], 90)
    ink = numpy.where(is_ink, distance * (255 / full), 0).clip(0, 255)
    blots, n_blots = ndimage.label(is_ink, numpy.ones((3, 3)))
    amount = ndimage.sum_labels(ink, blots, range(n_blots + 1))
    ink[(amount < SPECK * amount.max())[blots]] = 0
    is_dark = (difference * ink).sum() < 0
    return ink.round().astype(numpy.uint8), bool(is_dark)


def _place(ink, shape):
    """Scale the ink into the box and place its centre of mass in the field's centre."""
    from PIL import Image
    from scipy import ndimage

    image = Image.fromarray(ink)
    image = Image.fromarray(_widen(numpy.asarray(image.crop(image.getbbox()))))
    scale = min(BOX * shape[0] / image.height, BOX * shape[1] / image.width)
    size = [max(1, round(n * scale)) for n in image.size]
    small = numpy.asarray(image.resize(size, Image.HAMMING))
    corner = numpy.round(numpy.divide(shape, 2) - ndimage.center_of_mass(small)).astype(int)
    top, left = corner.clip(0, numpy.subtract(shape, small.shape))
    field = numpy.zeros(shape, numpy.uint8)
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field


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
    margins = missing // 2, missing - missing // 2
    return ndimage.maximum_filter(numpy.pad(ink, margins), missing + 1)

"""Pictures of digits, as people write them, made into what a model was trained on.

What is done is what the makers of MNIST did: the ink is cropped, scaled with its aspect kept
into a box of 20 x 20 pixels, and placed by its centre of mass in a field of 28 x 28. For
other sizes of field, in the same proportions.
"""

import contextlib
import functools
import os
import warnings
from typing import NamedTuple

import numpy

from logreg.errors import DatasetError

# Not all that Pillow knows: for some formats (EPS) it runs another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
SUFFIXES += (".pbm", ".pgm", ".ppm", ".pnm")
SUFFIXES += (".svg", ".pdf", ".eps", ".heic")  # to be told that they cannot be read

BOX = 20 / 28  # of the field's sides: where the ink goes
SIDE = 1000  # pixels; a larger picture is reduced before it is worked on
LARGE = 64 << 20  # bytes of pixels
SHRINKAGE = 10000  # so many times smaller than its pixels is no file of a large picture
CONTRAST = 20  # grey levels; what differs less from the ground is no ink
VARIED = 60  # grey levels of standard deviation; paper with nothing on it has less
NOISE = 6  # standard deviations of the ground; the same
FAINT = 0.12  # of full ink; the same
CELLS = 64  # on a side; at this resolution blots are told from specks
SPECK = 0.02  # of the largest blot's ink; a smaller blot is dirt
STROKE = 0.08  # of the ink's size; thinner strokes are widened to this
EXIF_ORIENTATION = 0x0112


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

    Parameters
    ----------
    path : str or path-like
        PNG, JPEG, GIF, BMP, WebP, TIFF or PPM.
    shape : tuple of int
        The model's image shape: (height, width) or (height, width, channels).
    invert : bool, optional
        Whether dark becomes light and light dark. If not given, a picture on another ground
        than `ground` is inverted.
    ground : {'dark', 'light', None}
        Of the pictures that the model was trained on; None if they have neither.

    Returns
    -------
    Picture
        A grey picture of exactly the model's size keeps its pixels, but for the inversion;
        for a model of colours it is resized and no more.

    Raises
    ------
    DatasetError
        If it cannot be read, or Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DatasetError(
            f"{path}: pictures need Pillow ({error}): pip install 'logreg[images]'"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = _decoded(path)
            if len(shape) == 3:
                return _resized(image, shape, invert)
            return _prepared(image, shape, invert, background)
    except MemoryError:
        reason = "it needs more memory than there is"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        reason = "it has too many pixels: scale it down"
    except Image.UnidentifiedImageError:
        reason = f"it is none of {', '.join(FORMATS)}: save it as PNG"
    except Exception as error:  # whatever a decoder may raise on bytes of unknown origin
        reason = f"it is cut off or damaged ({ascii(str(error))[1:-1][:200]})"
    raise DatasetError(f"{path}: cannot be read as a picture: {reason}")


def _decoded(path):
    """Read a picture upright and of moderate size, in mode L, RGB or RGBA."""
    from PIL import Image, ImageOps

    with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
        image.draft(image.mode, (SIDE, SIDE))
        n_bytes = image.width * image.height * len(image.getbands())
        if image.mode == "1":
            n_bytes //= 8
        if n_bytes > max(LARGE, SHRINKAGE * os.path.getsize(path)):
            # Some decoders take the memory for what a header claims, and only then look further.
            raise ValueError(f"so small a file has no {image.width} x {image.height} pixels")
        if image.format == "TIFF":
            boxes = [box for _, box, *_ in image.tile]
            if sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes) < image.width * image.height:
                raise ValueError(f"its strips do not make {image.width} x {image.height} pixels")
        image.load()
        with contextlib.suppress(Exception):  # metadata that make no sense turn nothing
            if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
                image = ImageOps.exif_transpose(image)
        if image.mode == "F" or image.mode[0] == "I":
            image = Image.fromarray(_eight_bits(numpy.asarray(image)))
        elif "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
        else:
            image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    factor = -(-max(image.size) // SIDE)
    return image.reduce(factor) if factor > 1 else image


def _eight_bits(values):
    values = numpy.nan_to_num(values.astype(numpy.float32))
    top = values.max()
    if top > 255:  # of 12 bits, say, in a file of 16
        top = 2 ** int(top).bit_length() - 1
    scale = 255 if top <= 1 else 255 / max(top, 255)
    return numpy.clip(values * scale, 0, 255).astype(numpy.uint8)


def _on_ground(image, ground):
    """Pixels as floats of shape (height, width, 1 or 3), what is transparent showing `ground`."""
    from PIL import Image

    if image.mode == "RGBA":
        paper = Image.new("RGBA", image.size, ground)
        image = Image.alpha_composite(paper, image).convert("RGB")
    pixels = numpy.asarray(image, dtype=numpy.float32)
    return pixels.reshape(pixels.shape[:2] + (-1,))


def _resized(image, shape, invert):
    from PIL import Image

    height, width, channels = shape
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    if channels % 2 and image.mode == "RGBA":
        image = Image.fromarray(_on_ground(image, "white").astype(numpy.uint8))
    pixels = numpy.array(image.convert(mode).resize((width, height), Image.BICUBIC))
    if invert:
        n_colours = channels - (channels % 2 == 0)
        pixels[:, :, :n_colours] = 255 - pixels[:, :, :n_colours]
    opaque = pixels[:, :, : channels - (channels % 2 == 0)]
    return Picture(pixels, bool(invert), opaque.min() == opaque.max())


def _prepared(image, shape, invert, ground):
    pixels = _on_ground(image, "white")
    exact = pixels.shape[:2] == shape and image.mode != "RGBA"
    if exact and (pixels == pixels[:, :, :1]).all():
        grey = pixels[:, :, 0].astype(numpy.uint8)
        if invert is None:
            is_light = numpy.median(_border(grey[:, :, None])) > 127
            invert = ground and grey.min() < grey.max() and is_light != (ground == "light")
        is_blank = grey.min() == grey.max()
        return Picture(255 - grey if invert else grey, bool(invert), is_blank)
    ink, is_dark = _ink(pixels, *_ground(pixels))
    if ink is None and image.mode == "RGBA":  # light ink on nothing
        on_black = _on_ground(image, "black")
        ink, is_dark = _ink(on_black, *_ground(on_black))
    if ink is None and pixels.mean(axis=2).std() > VARIED:
        # Cropped so tightly that the border is ink: on paper, unless the user says otherwise.
        is_dark = invert is not None and invert == (ground == "light")
        paper = numpy.percentile(pixels, 2 if is_dark else 98, axis=(0, 1))
        ink, is_dark = _ink(pixels, paper, 0)
    if ink is None:
        return Picture(numpy.full(shape, 255 * (ground == "light"), numpy.uint8), is_blank=True)
    field = _placed(ink, shape)
    if invert is None:
        invert = ground is not None and is_dark != (ground == "light")
    # The ink is light on the field by now, whatever it was on the picture.
    return Picture(255 - field if invert != is_dark else field, bool(invert))


def _border(pixels, width=1):
    """The pixels of a frame, of shape (n, channels)."""
    inner = pixels[width:-width]
    parts = pixels[:width], pixels[-width:], inner[:, :width], inner[:, -width:]
    return numpy.concatenate([part.reshape(-1, pixels.shape[2]) for part in parts])


def _ink(pixels, ground, noise):
    """Tell the ink from the ground, whose colour and noise are those of :func:`_ground`.

    Returns
    -------
    ink : numpy.ndarray or None
        uint8 of shape (height, width), 0 for the ground, 255 for full ink; None if blank.
    is_dark : bool
        Whether the ink is darker than the ground.
    """
    difference = pixels - ground
    # The largest channel's: yellow ink differs from white paper in the blue only.
    distance = abs(difference).max(axis=2)
    floor = max(CONTRAST, NOISE * noise)
    is_ink = distance > floor
    if not is_ink.any():
        return None, False
    full = numpy.percentile(distance[is_ink], 90)
    floor = max(floor, FAINT * full)
    ink = numpy.where(distance > floor, numpy.clip(distance * (255 / full), 0, 255), 0)
    ink = _without_specks(ink)
    is_dark = (difference.mean(axis=2) * ink).sum() < 0
    return ink.round().astype(numpy.uint8), bool(is_dark)


def _ground(pixels):
    """Fit planes to the border: paper is never lit evenly.

    Returns
    -------
    ground : numpy.ndarray
        As `pixels`.
    noise : float
        Standard deviation of what the planes leave.
    """
    height, width = pixels.shape[:2]
    frame = max(1, min(height, width) // 50)
    if min(height, width) <= 2 * frame:
        return numpy.median(pixels, axis=(0, 1)), 0.0
    y, x = numpy.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(numpy.float32)
    plane = numpy.stack([numpy.ones_like(x), x, y], axis=2)
    known, where = _border(pixels, frame), _border(plane, frame)
    rest = abs(known - numpy.median(known, axis=0)).max(axis=1)
    for _ in range(4):
        # Ink may run over the border, so what lies far from most is left out.
        near = rest <= max(4 * 1.48 * numpy.median(rest), 2)
        fit = numpy.linalg.lstsq(where[near], known[near], rcond=None)[0]
        rest = abs(known - where @ fit).max(axis=1)
    return plane @ fit, 1.48 * float(numpy.median(rest))


def _without_specks(ink):
    """Remove the blots that are small beside the largest."""
    factor = -(-max(ink.shape) // CELLS)
    padded = numpy.pad(ink, [(0, -n % factor) for n in ink.shape])
    rows, columns = (n // factor for n in padded.shape)
    cells = padded.reshape(rows, factor, columns, factor).sum(axis=(1, 3))
    blots, left = [], set(zip(*(axis.tolist() for axis in cells.nonzero())))
    while left:
        blot = [left.pop()]
        for row, column in blot:
            around = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= around
            blot.extend(around)
        blots.append((sum(cells[cell] for cell in blot), blot))
    largest = max(mass for mass, _ in blots)
    for mass, blot in blots:
        if mass < SPECK * largest:
            for row, column in blot:
                padded[row * factor : (row + 1) * factor, column * factor :][:, :factor] = 0
    return padded[: ink.shape[0], : ink.shape[1]]


def _placed(ink, shape):
    """Crop the ink, scale it into the box and place its centre of mass in the field's centre."""
    from PIL import Image

    rows, columns = ink.any(axis=1).nonzero()[0], ink.any(axis=0).nonzero()[0]
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ink = _with_strokes(ink)
    scale = min(side * BOX / n for side, n in zip(shape, ink.shape))
    height, width = (max(1, round(n * scale)) for n in ink.shape)
    small = numpy.asarray(Image.fromarray(ink).resize((width, height), Image.HAMMING))
    field = numpy.zeros(shape, numpy.uint8)
    corner = []
    for axis, (side, n) in enumerate(zip(shape, small.shape)):
        mass = small.sum(axis=1 - axis, dtype=float)
        centre = (mass * numpy.arange(n)).sum() / mass.sum()
        corner.append(int(numpy.clip(round(side / 2 - centre), 0, side - n)))
    field[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = small
    return field


def _with_strokes(ink):
    """Widen strokes that are so thin that scaling would make them fade."""
    is_full = numpy.pad(ink > 127, 1)
    middle = is_full[1:-1, 1:-1]
    inside = middle & is_full[:-2, 1:-1] & is_full[2:, 1:-1]
    inside &= is_full[1:-1, :-2] & is_full[1:-1, 2:]
    # A stroke has two edges along its length.
    thickness = 2 * middle.sum() / max(1, (middle & ~inside).sum())
    grown = round(STROKE * max(ink.shape) - thickness)
    if grown <= 0:
        return ink
    for axis in (0, 1):
        wider = numpy.pad(ink, [(grown, grown) if i == axis else (0, 0) for i in (0, 1)])
        n = ink.shape[axis] + grown
        parts = (wider.take(range(i, i + n), axis) for i in range(grown + 1))
        ink = functools.reduce(numpy.maximum, parts)
    return ink

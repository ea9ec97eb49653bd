"""The files that the commands of commands.txt are given: small, and the same each time."""

import gzip
import io
import os
import pickle
import struct
from pathlib import Path

import numpy

SIDE = 12
TEXTS = numpy.array(["ant", "bee", "cat"])
NAMES = ("length", "width", "height", "mass")


def blots(n, seed, side=SIDE):
    """Bars on a dark ground: lying, standing or diagonal; some faint. uint8 and classes."""
    random = numpy.random.RandomState(seed)
    y = random.randint(3, size=n)
    x = random.randint(0, 150, (n, side, side))
    for image, k in zip(x, y):
        image[bar(k, side)] += random.randint(0, 100)
    return x.astype("uint8"), y.astype("int64")


def bar(k, side):
    """Where the ink is: a mask."""
    i, j = numpy.mgrid[:side, :side] - side // 2
    return (abs(i) < side // 6, abs(j) < side // 6, abs(i - j) < side // 6)[k]


def measures(n, seed):
    """Four numbers with one digit each, and classes."""
    random = numpy.random.RandomState(seed)
    y = random.randint(3, size=n)
    return (random.randint(0, 30, (n, 4)) + 12 * y[:, None]) / 10, y


def csv(path, x, y=None, header=None, sep=",", place=0, point="."):
    """Write a table; the label is at `place`."""
    lines = [sep.join(header)] if header else []
    for i, row in enumerate(x):
        cells = [str(value).replace(".", point) for value in row.tolist()]
        if y is not None:
            cells.insert(place if place >= 0 else len(cells), str(y[i]))
        lines.append(sep.join(cells))
    put(path, "\n".join(lines) + "\n")


def put(path, content):
    """Write bytes or text, and the folder."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)


def packed(path, content):
    """Write bytes gzipped, without a date."""
    put(path, gzip.compress(content, mtime=0))


def idx(array):
    """The bytes of an IDX file of uint8."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype("uint8").tobytes()


def npy(array):
    """The bytes of an npy file."""
    stream = io.BytesIO()
    numpy.save(stream, array)
    return stream.getvalue()


class Hostile:
    """What runs a program when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


def make():
    """Write all fixtures into the working folder."""
    sets = [blots(n, seed) for seed, n in enumerate((125, 45, 45))]
    names = [f"{kind}_{split}" for split in ("train", "valid", "test") for kind in "xy"]
    whole = dict(zip(names, (array for pair in sets for array in pair)))
    data_sets(sets, whole)
    faulty_sets(whole)
    tables()
    inputs(whole["x_test"])
    pictures()


def data_sets(sets, whole):
    """Data sets of images that can be trained on."""

    def npz(path, change):
        numpy.savez(path, **{name: change(name, array) for name, array in whole.items()})

    def of_x(function):
        return lambda name, array: function(array) if name[0] == "x" else array

    npz("digits.npz", lambda name, array: array)
    npz("floats.npz", of_x(lambda x: (x / 255).astype("float32").reshape(len(x), -1)))
    npz("shaped.npz", of_x(lambda x: x / 255))
    npz("wide.npz", of_x(lambda x: x.astype("float64") // 1 + (x == x.max()) * (255.0 - x.max())))
    npz("light.npz", of_x(lambda x: 255 - x))
    npz("colour.npz", of_x(lambda x: numpy.stack([x[:, ::2, ::2]] * 3, axis=3)))
    npz("bits.npz", of_x(lambda x: (x > 90).astype("uint8")))
    npz("bools.npz", of_x(lambda x: x > 90))
    npz("texts.npz", lambda name, array: array if name[0] == "x" else TEXTS[array])
    npz("gaps.npz", lambda name, array: array if name[0] == "x" else 3 * array + 2)
    npz("column.npz", lambda name, array: array if name[0] == "x" else array[:, None] * 1.0)
    few = {name: array for name, array in whole.items() if "valid" not in name}
    numpy.savez("novalid.npz", **few)
    numpy.savez("xval.npz", **few, x_val=sets[1][0], y_val=sets[1][1])
    numpy.savez("xy.npz", x=sets[0][0], y=sets[0][1])
    numpy.savez("one.npz", **{**few, "y_train": few["y_train"] * 0, "y_test": few["y_test"] * 0})
    pairs = tuple(((x / 256).astype("float32").reshape(len(x), -1), y) for x, y in sets)
    for protocol in (0, 2, 4):
        put(f"pairs{protocol}.pkl", pickle.dumps(pairs, protocol))
    put("two.pkl", pickle.dumps(pairs[::2], 2))
    packed("mnist.pkl.gz", pickle.dumps(pairs, 2))
    (x, y), _, (x_test, y_test) = sets
    parts = {"train-images-idx3-ubyte": x, "train-labels-idx1-ubyte": y}
    parts.update({"t10k-images-idx3-ubyte": x_test, "t10k-labels-idx1-ubyte": y_test})
    for name, array in parts.items():
        put(f"idx/{name}", idx(array))
        packed(f"idxgz/{name}.gz", idx(array))
        other = "emnist-letters-" + name.replace("t10k", "test")
        put(f"emnist/{other}", idx(array.swapaxes(-1, 1 - array.ndim)))
        put(f"twosets/{name}", idx(array))
        put(f"twosets/{other}", idx(array))
        put(f"cutidx/{name}", idx(array)[: -10 if "t10k-images" in name else None])
        if "t10k-labels" not in name:
            put(f"three/{name}", idx(array))
    os.mkdir("emptyfolder")
    put("idx.bin", idx(x))


def faulty_sets(whole):
    """Data sets that cannot be trained on."""

    def npz(path, **changes):
        changed = {**whole, **changes}
        numpy.savez(path, **{k: array for k, array in changed.items() if array is not None})

    x, y = whole["x_train"], whole["y_train"]
    npz("onehot.npz", y_train=numpy.eye(3, dtype=int)[y])
    npz("negative.npz", y_train=y - 1)
    npz("fraction.npz", y_train=y + 0.5)
    npz("nanlabel.npz", y_train=numpy.where(y == 1, numpy.nan, y))
    npz("nan.npz", x_train=numpy.where(x == x.max(), numpy.nan, x))
    npz("inf.npz", x_test=numpy.full(whole["x_test"].shape, numpy.inf))
    npz("lengths.npz", y_train=y[:-1])
    npz("dtypes.npz", x_test=whole["x_test"] / 256)
    npz("widths.npz", x_test=whole["x_test"][:, :-1])
    npz("objects.npz", x_train=x.astype(object))
    npz("halfvalid.npz", y_valid=None)
    npz("norows.npz", x_train=x[:0], y_train=y[:0])
    npz("complex.npz", x_train=x * 1j)
    npz("words.npz", x_train=x.astype(str))
    npz("flat.npz", x_train=x[:, 0, 0])
    npz("mixed.npz", y_test=TEXTS[whole["y_test"]])
    numpy.savez("names.npz", a=x, b=y)
    numpy.savez("few.npz", x=x[:2], y=y[:2])
    put("cut.npz", Path("digits.npz").read_bytes()[:3000])
    put("cut.pkl", Path("pairs2.pkl").read_bytes()[:3000])
    put("cut.pkl.gz", Path("mnist.pkl.gz").read_bytes()[:3000])
    put("flipped.npz", flipped(Path("digits.npz").read_bytes()))
    put("hostile.pkl", pickle.dumps([Hostile()] * 3, 2))
    put("hostile0.pkl", pickle.dumps(Hostile(), 0))
    put("objects.pkl", pickle.dumps([(numpy.array([[1], [1, 2]], dtype=object), y)] * 3, 2))
    put("one.pkl", pickle.dumps([(x, y)], 2))
    put("dict.pkl", pickle.dumps({"x": 1}, 2))
    put("unknown.bin", bytes(range(1, 200)))
    put("empty.pkl", b"")


def flipped(data):
    """Bytes with one in the middle changed."""
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 255]) + data[len(data) // 2 + 1 :]


def tables():
    """CSV files, good and bad."""
    x, y = measures(90, 5)
    header = ["label", *NAMES]
    csv("iris.csv", x, y, header)
    packed("iris.csv.gz", Path("iris.csv").read_bytes())
    csv("plain.csv", x, y)
    csv("text.csv", x, TEXTS[y], ["class", *NAMES])
    csv("nohead.csv", x, TEXTS[y])
    csv("last.csv", x, TEXTS[y], [*NAMES, "species"], place=-1)
    csv("semi.csv", x, y, header, ";")
    csv("tab.csv", x, y, header, "\t")
    csv("comma.csv", x, y, header, ";", point=",")
    csv("sorted.csv", x[numpy.argsort(y, kind="stable")], numpy.sort(y), header)
    csv("named.csv", x, TEXTS[y], ["target", "", *NAMES[1:]])
    csv("tables/train.csv", x[:60], y[:60], header)
    csv("tables/test.csv", x[60:], y[60:], header)
    csv("unlike/train.csv", x, y, header)
    csv("unlike/test.csv", x, y, ["label", *NAMES[::-1]])
    csv("bare/train.csv", x, y, header)
    csv("bare/test.csv", x, None, NAMES)
    csv("oneclass.csv", x, y * 0, header)
    csv("fraction.csv", x, y + 0.5, header)
    csv("negative.csv", x, y - 1, header)
    csv("few.csv", x[:2], y[:2], header)
    csv("many.csv", x, numpy.arange(90), header)
    good = Path("iris.csv").read_text()
    lines = good.splitlines(keepends=True)
    put("bom.csv", b"\xef\xbb\xbf" + good.encode())
    put("utf16.csv", good.encode("utf-16"))
    put("latin.csv", good.replace("length", "l\xe4nge").encode("latin-1"))
    put("nul.csv", "".join(lines[:40]) + "0,1\x00,2,3,4\n")
    put("quote.csv", "".join(lines[:40]) + '0,"1,2,3,4\n')
    put("ragged.csv", "".join(lines[:40]) + "0,1,2\n" + "".join(lines[40:]))
    put("cell.csv", "".join(lines[:40]) + "0,1,,3,4\n" + "".join(lines[40:]))
    put("nan.csv", "".join(lines[:40]) + "0,1,nan,3,4\n" + "".join(lines[40:]))
    put("huge.csv", "".join(lines[:40]) + "0,1,1e99,3,4\n")
    put("word.csv", "".join(lines[:40]) + "0,1,two,3,4\n" + "".join(lines[40:]))
    put("nolabel.csv", "".join(lines[:40]) + ",1,2,3,4\n" + "".join(lines[40:]))
    put("header.csv", lines[0])
    put("onecol.csv", "label\n1\n2\n1\n")
    put("empty.csv", "")
    put("blank.csv", "\n\n\n")
    few, _ = measures(7, 6)
    csv("rows.csv", few, None, NAMES)
    csv("rowsplain.csv", few)
    csv("rowslabel.csv", few, [0] * 7, header)
    csv("rowslast.csv", few, [0] * 7, place=-1)
    csv("turned.csv", few[:, ::-1], None, NAMES[::-1])
    csv("othernames.csv", few, None, ["a", "b", "c", "d"])
    csv("three.csv", few[:, :3])
    csv("rowssemi.csv", few, None, NAMES, ";")
    csv("far.csv", few * 1000)
    csv("pixels.csv", blots(4, 9)[0].reshape(4, -1))
    put("badrow.csv", Path("rows.csv").read_text() + "1,2,x,4\n5,6,7,8\n")


def inputs(x):
    """Arrays to predict."""
    x = x[:6]
    flat = (x / 255).astype("float32").reshape(6, -1)
    arrays = {"rows": x, "flat": flat, "image": x[0], "single": flat[0], "wrong": x[:, :-1]}
    arrays.update(fortran=numpy.asfortranarray(flat), doubles=flat.astype("f8"), bits=x > 90)
    arrays.update(ints=x.astype("int64"), inverted=255 - x, blank=x * 0, colours=x.repeat(3, 2))
    arrays.update(texts=TEXTS, norows=x[:0], huge=flat * 0 + 3e38, scalar=numpy.array(1.0))
    arrays["nan"] = numpy.where(numpy.arange(6)[:, None] == 4, numpy.nan, flat)
    for name, array in arrays.items():
        put(f"{name}.npy", npy(array))
    put("cut.npy", npy(x)[:-9])
    put("objects.npy", npy(numpy.array([1, "a", None], dtype=object)))
    packed("rows.npy.gz", npy(x))
    packed("fortran.npy.gz", npy(arrays["fortran"]))
    put("cut.npy.gz", Path("rows.npy.gz").read_bytes()[:-40])
    numpy.savez("rows.npz", x=x, other=x[:2])
    numpy.savez("alone.npz", some=flat)
    numpy.savez("both.npz", first=flat, second=flat)


def pictures():
    """A bar on paper, in many formats and inks."""
    from PIL import Image

    ink = numpy.zeros((60, 80), bool)
    ink[5:53, 20:68] = bar(0, 48)
    grey = numpy.where(ink, 30, 240).astype("uint8")
    image = Image.fromarray(grey)
    for suffix in ("png", "bmp", "gif", "tif", "ppm", "jpg", "webp"):
        image.save(f"dark.{suffix}")
    Image.fromarray(255 - grey).save("light.png")
    Image.fromarray(grey.T.copy()).save("turned.png")
    Image.fromarray(numpy.stack([grey, grey, 255 - grey], 2)).save("colour.png")
    Image.fromarray(numpy.stack([grey * 0, grey * 0, grey * 0, 255 - grey], 2)).save("alpha.png")
    Image.fromarray(grey.astype("uint16") * 200).save("sixteen.png")
    image.convert("1").save("bilevel.png")
    exact = blots(1, 3)[0][0]
    Image.fromarray(exact).save("exact.png")
    Image.fromarray(255 - exact).save("exactlight.png")
    Image.fromarray(grey * 0 + 255).save("blank.png")
    data = Path("dark.png").read_bytes()
    put("cut.png", data[: len(data) // 2])
    put("text.png", "no picture\n")
    put("noise.png", bytes(range(1, 200)))
    put("drawing.svg", "<svg/>\n")


def damage(model):
    """Write damaged copies of a model file."""
    data = Path(model).read_bytes()
    put("cutmodel.pkl", data[: len(data) // 2])
    put("flippedmodel.pkl", flipped(data))
    put("longmodel.pkl", data + b".")
    put("shortest.pkl", data[:5])

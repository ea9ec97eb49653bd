"""Random rows of some shape, beside MNIST's, for ``scripts/benchmark.py``.

    python scripts/shapes.py shape.npz --rows 50000 --features 784 --classes 26 --kind pixels

writes a training set, and the first thousand of its rows as validation and as test set.
"""

import argparse
import sys

import numpy


def rows_of(n, n_features, n_classes, kind):
    """Random features and labels; of pixels, a fifth has ink, where the class may have some."""
    random = numpy.random.RandomState(0)
    y = random.randint(n_classes, size=n)
    if kind == "floats":
        return random.randn(n, n_features).astype("float32"), y
    may_have_ink = random.rand(n_classes, n_features) < 0.4
    x = random.randint(1, 256, size=(n, n_features)).astype("uint8")
    x[(random.rand(n, n_features) < 0.5) | ~may_have_ink[y]] = 0
    return x, y


def main(argv=None):
    """Write the rows that the options ask for."""
    parser = argparse.ArgumentParser(description="Write random rows of some shape.")
    parser.add_argument("path", help="the .npz file to write")
    for name in ("rows", "features", "classes"):
        parser.add_argument(f"--{name}", metavar="N", type=int, required=True)
    parser.add_argument("--kind", choices=["pixels", "floats"], required=True)
    args = parser.parse_args(argv)
    x, y = rows_of(args.rows, args.features, args.classes, args.kind)
    sets = {"train": (x, y), "valid": (x[:1000], y[:1000]), "test": (x[:1000], y[:1000])}
    arrays = {f"{a}_{s}": v for s, pair in sets.items() for a, v in zip("xy", pair)}
    numpy.savez(args.path, **arrays)


if __name__ == "__main__":
    sys.exit(main())

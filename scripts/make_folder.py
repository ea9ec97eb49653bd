"""Write a data set as a folder of arrays, from which logreg trains without reading it into memory.

    python scripts/make_folder.py table.csv folder --shuffle
    python -m logreg.train --dataset folder

The source is a data set as ``logreg.train --dataset`` takes it. The folder gets x_train.npy,
y_train.npy, x_valid.npy, ..., y_test.npy. Rows are copied in blocks, and shuffled on the disk, so
the folder, tables and npy files may be larger than memory, but not an npz file. The order is that
of ``logreg.train --shuffle``.
"""

import argparse
import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy
from numpy.lib import format as npy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from logreg.basics.console import note
from logreg.basics.errors import SettingError
from logreg.cli.command import command
from logreg.cli.options import add_file, add_table_options, read_options
from logreg.datasets.sources import read_parts
from logreg.parts.formats import MAPPED_DTYPES
from logreg.parts.labels import number_classes
from logreg.parts.options import Preparation, TableOptions
from logreg.parts.preprocessing import blocks, check_values
from logreg.parts.splits import SHARE, SPLITS, stratified_order

BUCKET = 1 << 25  # bytes that are shuffled in memory at a time
MAX_BUCKETS = 200  # open files


def reordered(rows, order, n_bytes, scratch):
    """Yield the rows in the order of their numbers in `order`, in blocks.

    Each row goes into one of a few files, which are then put in order in memory one by one.
    """
    n_buckets = min(MAX_BUCKETS, 1 + n_bytes // BUCKET)
    place = numpy.argsort(order)
    bucket = place * n_buckets // len(order)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile(dir=scratch)) for _ in range(n_buckets)]
        first = 0
        for x in rows:
            for i, file in enumerate(files):
                file.write(x[bucket[first : first + len(x)] == i])
            first += len(x)
        for i, file in enumerate(files):
            file.seek(0)
            x = numpy.frombuffer(file.read(), x.dtype).reshape(-1, x.shape[1])
            yield x[numpy.argsort(place[bucket == i])]


def write_features(folder, rows, sizes, row_shape, dtype):
    """Write rows, which come in blocks, into the arrays of one set after the other."""
    x = ()
    for split, size in sizes.items():
        with open(folder / f"x_{split}.npy", "wb") as file:
            header = {"descr": dtype.str, "fortran_order": False, "shape": (size, *row_shape)}
            npy.write_array_header_1_0(file, header)
            while size:
                if not len(x):
                    x = next(rows)
                file.write(x[:size])
                n_left = max(size - len(x), 0)
                x = x[size:]
                size = n_left


def split_sizes(n_rows, lacking):
    """The rows of each set that is split off the training rows, and of what is left of these."""
    sizes = dict.fromkeys(lacking, max(1, n_rows // SHARE))
    sizes = {"train": n_rows - sum(sizes.values()), **sizes}
    if sizes["train"] < 1:
        raise SettingError(f"{n_rows} rows are too few to split: give more rows, or all three sets")
    return sizes


@contextlib.contextmanager
def new_folder(path):
    """Make a folder that gets its name at the end of the block; there is a scratch folder, too."""
    path = Path(os.path.realpath(path))
    if path.exists():
        raise SettingError(f"{path} is there already: give the name of a new folder")
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
            folder = Path(scratch, "folder")
            folder.mkdir()
            yield folder, Path(scratch)
            os.rename(folder, path)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from error


def write(folder, args, scratch):
    """Write the sets; return their sizes."""
    options = read_options(TableOptions, args)
    parts, facts, _ = read_parts(args.source, options, dtype="float32", scratch=scratch)
    all_sizes = {}
    lacking = [split for split in SPLITS if split not in parts]
    class_labels, codes = number_classes(parts, facts.is_table)
    for split, part in parts.items():
        y = numpy.array(class_labels)[codes[split]]
        row_shape = part.x.shape[1:]
        x = part.x.reshape(len(part.x), -1)
        dtype = x.dtype if x.dtype in MAPPED_DTYPES else numpy.dtype("float32")
        check_values(x, part.where)
        rows = map(partial(numpy.ascontiguousarray, dtype=dtype), blocks(x))
        if split == "train" and args.shuffle:
            order = stratified_order(codes[split], args.split_seed)
            rows = reordered(rows, order, x.size * dtype.itemsize, scratch)
            y = y[order]
        sizes = {split: len(y)}
        if split == "train":
            sizes = split_sizes(len(y), lacking)
        write_features(folder, rows, sizes, row_shape, dtype)
        for split, size in sizes.items():
            numpy.save(folder / f"y_{split}.npy", y[:size])
            y = y[size:]
        all_sizes.update(sizes)
    return all_sizes


@command
def main(argv=None):
    """Write a folder as the options say; see :mod:`logreg.cli.command` for the exit code."""
    parser = argparse.ArgumentParser(description="Write a data set as a folder of arrays.")
    add = parser.add_argument
    add_file(parser, "source", metavar="SOURCE", help="a data set, as for logreg.train --dataset")
    add_file(parser, "folder", metavar="FOLDER", help="the folder that is written")
    add("--shuffle", action="store_true", help="shuffle the training rows first")
    add("--split-seed", type=int, default=0, metavar="N", help="its seed (default: %(default)s)")
    add_table_options(parser)
    add("--drop", metavar="NAME[,NAME...]", help="leave columns of tables out")
    args = parser.parse_args(argv)
    Preparation(split_seed=args.split_seed)  # raises an error if it is no seed
    with new_folder(args.folder) as (folder, scratch):
        sizes = write(folder, args, scratch)
    shown = ", ".join(f"{sizes[split]} {SPLITS[split]}" for split in SPLITS)
    note(f"{args.folder}: {shown} rows")


if __name__ == "__main__":
    sys.exit(main())

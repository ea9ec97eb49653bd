"""Write a data set as a folder of arrays, from which logreg trains without reading it into memory.

    python scripts/make_folder.py table.csv folder --shuffle 1
    python -m logreg.train --dataset folder

The sources are data sets as ``logreg.train --dataset`` takes them; of several, the rows follow one
another. The folder gets x_train.npy, y_train.npy, x_valid.npy, ..., y_test.npy. Rows are copied in
blocks, and shuffled on the disk, so neither the sources nor the folder need fit into memory.
"""

import argparse
import contextlib
import os
import shutil
import sys
import uuid
import zipfile
from pathlib import Path
from tempfile import TemporaryFile

import numpy
from numpy.lib import format as npy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from logreg.console import command, note
from logreg.datasets.arrays import MAPPED_DTYPES, blocks, progress
from logreg.datasets.checks import SPLITS, check_features, check_values
from logreg.datasets.formats import reading, sniff
from logreg.datasets.labels import check_labels, number_classes
from logreg.datasets.sources import locate, read, read_folder
from logreg.datasets.splits import is_seed
from logreg.errors import DatasetError, SettingError
from logreg.options import add_table_options, table_options

BUCKET = 1 << 27  # bytes that are shuffled in memory at a time
MAX_BUCKETS = 200  # open files


def read_source(source, options, scratch):
    """Read a data set; the arrays of an npz are unpacked into a scratch folder, and mapped."""
    name, path = locate(source)
    if not (isinstance(path, Path) and path.is_file() and sniff(path) == "npz"):
        return name, read(path, options, "float32")
    folder = scratch / uuid.uuid4().hex
    with reading(path), zipfile.ZipFile(path) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if "/" not in n])
    return name, read_folder(folder)


def gather(sources, options, scratch):
    """Read the sources.

    Returned are two dicts of the split, to a list of pairs of a name and features of shape (n, d),
    and to labels of shape (n,); the shape and the dtype of a row as it is written; and whether rows
    and columns of images are exchanged.
    """
    xs, found, kinds = {}, {}, set()
    for source in sources:
        name, raw = read_source(source, options, scratch)
        for split, (x, y) in raw.splits.items():
            set_name = f"{name}: {SPLITS[split]} x"
            x, row_shape = check_features(x, set_name)
            dtype = x.dtype if x.dtype in MAPPED_DTYPES else numpy.dtype("float32")
            kinds.add((tuple(raw.splits), row_shape, dtype, raw.transposed))
            xs.setdefault(split, []).append((set_name, x))
            found.setdefault(split, []).append(check_labels(y, len(x), f"{name}: {SPLITS[split]}"))
    if len(kinds) > 1:
        shown = "; ".join(
            sorted(f"{dtype} {shape} for {', '.join(splits)}" for splits, shape, dtype, _ in kinds)
        )
        raise DatasetError(f"the sources are not alike ({shown}): all need the same sets and rows")
    class_labels, codes = number_classes([pair for pairs in found.values() for pair in pairs])
    codes = iter(codes)
    ys = {
        split: numpy.array(class_labels)[numpy.concatenate([next(codes) for _ in pairs])]
        for split, pairs in found.items()
    }
    return (xs, ys, *kinds.pop()[1:])


def in_order(parts, row_shape, dtype, transposed, advance):
    """Yield the rows of some features in blocks, checked and as they are written."""
    for source, x in parts:
        first = 0
        for block in blocks(x):
            check_values(block, source, first)
            first += len(block)
            if transposed:
                block = block.reshape(-1, *row_shape).swapaxes(1, 2).reshape(len(block), -1)
            yield numpy.ascontiguousarray(block, dtype)
            advance(block.nbytes)


def shuffled(rows, n_bytes, seed, scratch):
    """Yield blocks of rows in a random order, and the numbers of the rows.

    Each row goes into a random file of a few, which are then shuffled in memory one by one.
    """
    random = numpy.random.RandomState(seed)
    n_buckets = min(MAX_BUCKETS, 1 + n_bytes // BUCKET)
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(TemporaryFile(dir=scratch)) for _ in range(n_buckets)]
        numbers, first = [[] for _ in files], 0
        for x in rows:
            bucket = (
                random.randint(n_buckets, size=len(x)) if n_buckets > 1 else numpy.zeros(len(x))
            )
            for i, file in enumerate(files):
                mine = numpy.flatnonzero(bucket == i)
                file.write(x[mine])
                numbers[i].append(first + mine)
            first += len(x)
        for file, mine in zip(files, map(numpy.concatenate, numbers)):
            order = random.permutation(len(mine))
            file.seek(0)
            if len(mine):
                yield (
                    numpy.frombuffer(file.read(), x.dtype).reshape(len(mine), -1)[order],
                    mine[order],
                )


def numbered(rows):
    """Yield blocks of rows, and the numbers of the rows."""
    first = 0
    for x in rows:
        yield x, numpy.arange(first, first + len(x))
        first += len(x)


def write_sets(folder, rows, y, sizes, row_shape, dtype):
    """Write the rows into the arrays of one set after the other, and their labels."""
    x = ()
    for split, size in sizes.items():
        taken = [numpy.empty(0, "int64")]
        with open(folder / f"x_{split}.npy", "wb") as file:
            header = {"descr": dtype.str, "fortran_order": False, "shape": (size, *row_shape)}
            npy.write_array_header_1_0(file, header)
            while size:
                if not len(x):
                    x, numbers = next(rows)
                file.write(x[:size])
                taken.append(numbers[:size])
                x, numbers, size = x[size:], numbers[size:], size - len(taken[-1])
        numpy.save(folder / f"y_{split}.npy", y[numpy.concatenate(taken)])


def sizes_of(ys, shares):
    """The rows of each set that is split off the training rows, and of what is left of these."""
    lacking = [split for split in SPLITS if split not in ys]
    n_rows = len(ys["train"])
    parts = dict(zip(SPLITS, shares))
    sizes = {split: max(1, int(n_rows * parts[split] / sum(shares))) for split in lacking}
    sizes = {"train": n_rows - sum(sizes.values()), **sizes}
    if sizes["train"] < 1:
        raise SettingError(f"{n_rows} rows are too few to split: give more rows, or all three sets")
    return sizes


@contextlib.contextmanager
def new_folder(path):
    """Make a folder that gets its name at the end of the block, or none if that fails."""
    path = Path(os.path.realpath(path))
    if path.exists():
        raise SettingError(f"{path} is there already: give the name of a new folder")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        temporary.mkdir()
        (temporary / "scratch").mkdir()
        yield temporary
        shutil.rmtree(temporary / "scratch")
        for file in temporary.iterdir():
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
        os.rename(temporary, path)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@command
def main(argv=None):
    """Write a folder as the options say; see :func:`logreg.console.command` for the exit code."""
    parser = argparse.ArgumentParser(description="Write a data set as a folder of arrays.")
    add = parser.add_argument
    add("sources", metavar="SOURCE", nargs="+", help="a data set, as for logreg.train --dataset")
    add("folder", metavar="FOLDER", help="the folder that is written")
    add("--shuffle", type=int, metavar="SEED", help="shuffle the training rows first")
    split = "shares of the sets that the sources do not tell apart (default: 4 1 1)"
    add(
        "--split",
        type=float,
        nargs=3,
        metavar=("TRAIN", "VALID", "TEST"),
        default=(4, 1, 1),
        help=split,
    )
    add_table_options(parser)
    args = parser.parse_args(argv)
    if not (args.shuffle is None or is_seed(args.shuffle)):
        raise SettingError(f"--shuffle is {args.shuffle}: give a seed from 0 to 2**32-1")
    if not all(0 < share < numpy.inf for share in args.split):
        raise SettingError(f"--split is {args.split}: give three numbers above 0, such as 4 1 1")
    with new_folder(args.folder) as folder:
        xs, ys, row_shape, dtype, transposed = gather(
            args.sources, table_options(args), folder / "scratch"
        )
        sizes = sizes_of(ys, args.split)
        with progress(
            sum(x.nbytes for parts in xs.values() for _, x in parts), "writing"
        ) as advance:
            for split, parts in xs.items():
                rows = in_order(parts, row_shape, dtype, transposed, advance)
                n_bytes = sum(x.size for _, x in parts) * dtype.itemsize
                is_shuffled = split == "train" and args.shuffle is not None
                rows = (
                    shuffled(rows, n_bytes, args.shuffle, folder / "scratch")
                    if is_shuffled
                    else numbered(rows)
                )
                of_these = sizes if split == "train" else {split: len(ys[split])}
                write_sets(folder, rows, ys[split], of_these, row_shape, dtype)
    n_rows = {**{split: len(y) for split, y in ys.items()}, **sizes}
    shown = ", ".join(f"{n_rows[split]} {SPLITS[split]}" for split in SPLITS)
    note(f"{args.folder}: {shown} rows of shape {row_shape}, {dtype}")


if __name__ == "__main__":
    sys.exit(main())

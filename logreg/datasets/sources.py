"""Where a data set lies, and which arrays its files hold."""

import os
from pathlib import Path
from typing import NamedTuple, Optional

from logreg.datasets import formats, mnist
from logreg.datasets.checks import SPLITS
from logreg.datasets.frames import is_frame, name_of
from logreg.datasets.options import NO_OPTIONS, TableOptions
from logreg.datasets.tables import read_table
from logreg.errors import DatasetError

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
TABLE_SUFFIXES = (".parquet", ".csv.gz", ".csv")  # of a table twice in a folder, the last is read

NEEDS_IDX = (
    "a data set of IDX files needs four: "
    f"{', '.join(file.name for file in mnist.FILES.values())}, gzipped or not"
)

# How the arrays of a split may be called that are called x, say.
_FORMS = {
    "train": ("{}_train", "train_{}", "{}"),
    "valid": ("{}_valid", "valid_{}", "{}_val", "val_{}"),
    "test": ("{}_test", "test_{}"),
}


class RawDataset(NamedTuple):
    """What the files of a data set hold, unchecked."""

    splits: dict  # 'train' (and 'valid', 'test') to (x, y): arrays, or y the Table of x
    files: tuple = ()  # that were read
    options: TableOptions = NO_OPTIONS  # by which
    pixel_scale: Optional[float] = None  # what any x is multiplied by; None: uint8 alone, by 1/256
    guess_square_images: bool = False  # whether a square number of features is likely an image
    is_idx: bool = False


def locate(dataset):
    """Find the file or folder of a data set; fetch MNIST if it is asked for and nowhere.

    Returned are what messages call it, and its path; that of MNIST as IDX files is the one of the
    training images. What is no path is returned in place of one.
    """
    if not isinstance(dataset, (str, os.PathLike)):
        return name_of(dataset) if is_frame(dataset) else "the given arrays", dataset
    name, folders = str(dataset), _folders(dataset)
    path = _find(name, folders)
    if path:
        return name, path
    if name in MNIST_NAMES:
        return name, mnist.idx_files(mnist.fetch())["train", "images"]
    looked = ", ".join(map(str, [".", *folders]))
    raise DatasetError(
        f"data set {name!a} not found; looked in {looked}: give the path of a .pkl.gz, .npz or "
        ".csv file or of a folder, or take mnist.pkl.gz (fetched if need be) or mnist_sample"
    )


def _folders(dataset):
    is_name = Path(os.path.expanduser(dataset)).name == str(dataset)
    return mnist.search_folders() if is_name else []


def _find(name, folders):
    """The path of a data set that is there; None if it is nowhere."""
    given = Path(os.path.expanduser(name))
    if os.path.exists(given):
        return given
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.npz"):
            if os.path.exists(candidate):
                return candidate
        if name in MNIST_NAMES and mnist.idx_files(folder):
            return mnist.idx_files(folder)["train", "images"]
    return None


def read(source, options=NO_OPTIONS, dtype=None, columns=None, scratch=None):
    """Read what :func:`locate` has found, a path or pairs of arrays, as a :class:`RawDataset`.

    The features of a table become `dtype`, by default float64. `columns` are those that a model
    which is to be tested knows, and `scratch` is a folder, for tables that are larger than memory;
    see :func:`logreg.datasets.tables.read_table`.
    """
    tables = _tables_of(source)
    if tables:
        return _read_tables(tables, options, dtype or "float64", columns, scratch)
    if options._replace(na=NO_OPTIONS.na) != NO_OPTIONS:
        name = source if isinstance(source, Path) else "the given arrays"
        raise DatasetError(
            f"{name}: --label-column, --header, --decimal, --drop and --missing are for tables"
        )
    if not isinstance(source, Path):
        return _of_pairs(source)
    if not os.path.isdir(source):
        return _read_file(source)
    return _read_idx(source) if any(source.glob("*-images?idx3-ubyte*")) else _read_folder(source)


def _tables_of(source):
    """The tables that a source is, by their splits: a data frame, a file, or files of a folder."""
    if not isinstance(source, Path):
        return {"train": source} if is_frame(source) else {}
    if not os.path.isdir(source):
        return {"train": source} if formats.sniff(source) == "table" else {}
    if any(source.glob("*-ubyte*")) or any(source.glob("*.npy")):
        return {}
    files = [(split, source / (split + end)) for split in SPLITS for end in TABLE_SUFFIXES]
    tables = {split: file for split, file in files if os.path.isfile(file)}
    return tables if {"train", "test"} <= set(tables) else {}


def _read_tables(tables, options, dtype, columns, scratch):
    """Read the table of each split; what holds for the training table holds for the others."""
    splits, of_others = {}, options
    for split, file in tables.items():
        table = read_table(file, of_others, dtype, columns, scratch)
        splits[split] = table.x, table
        if columns is None:
            columns, names = table.columns, table.columns.names
            dropped = options.dropped if names is None else None  # these are found by their names
            of_others = options._replace(label_column=None, header=bool(names), dropped=dropped)
    files = () if is_frame(tables["train"]) else tuple(tables.values())
    return RawDataset(splits, files, options)


def _of_pairs(dataset):
    try:
        pairs = [(x, y) for x, y in dataset]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) not in (2, 3):
        raise DatasetError(
            "a data set is a path, or three pairs of arrays ((x, y), (x, y), (x, y)) for training, "
            f"validation and test, or two for training and test; got {type(dataset).__name__}"
        )
    return RawDataset(dict(zip(SPLITS if len(pairs) == 3 else ("train", "test"), pairs)))


def _find_sets(names):
    """Find for each split the names of its two arrays, among the names of all."""
    found = {}
    for split, forms in _FORMS.items():
        pairs = [tuple(map(form.format, pair)) for form in forms for pair in formats.ARRAY_NAMES]
        whole = [pair for pair in pairs if set(pair) <= set(names)]
        half = [pair for pair in pairs if set(pair) & set(names)]
        if whole:
            found[split] = whole[0]
        elif split == "train":
            raise DatasetError(
                f"has the arrays {repr(sorted(names)[:8])[:200]}; a data set needs x_train and "
                "y_train, and may have x_valid, y_valid, x_test, y_test; or x and y. X, y or data, "
                "target or images, labels do as well"
            )
        elif half:
            raise DatasetError(f"has one of {' and '.join(half[0])}: give both or none")
    return found


def _splits_of(arrays):
    """The pairs of arrays of each split, of all arrays by their names."""
    return {split: (arrays[x], arrays[y]) for split, (x, y) in _find_sets(arrays).items()}


def _read_file(path):
    """Read the arrays of an npz or a pickle, which their names tell apart, or of IDX files."""
    kind = formats.sniff(path)
    if kind == "idx":
        return _read_idx(path)
    if kind not in ("npz", "pickle"):
        what = "one array makes no data set" if kind else "an unknown format"
        raise DatasetError(
            f"{path}: {what}; a data set is a .pkl, .pkl.gz, .npz or .csv file or a folder"
        )
    arrays = formats.read_arrays(path, lambda names: sum(_find_sets(names).values(), ()))
    return RawDataset(_splits_of(arrays), (path,), guess_square_images=kind == "pickle")


def _read_folder(folder):
    """Map the arrays of a folder's npy files, whose names tell them apart as those of an npz do."""
    files = {file.stem: file for file in folder.glob("*.npy")}
    if not files:
        raise DatasetError(
            f"{folder}: a folder without a data set: it needs train.csv and test.csv, or "
            f"x_train.npy, y_train.npy, ...; {NEEDS_IDX}"
        )
    with formats.reading(folder):
        names = sum(_find_sets(files).values(), ())
    splits = _splits_of({name: formats.read_npy(files[name])["x"] for name in names})
    return RawDataset(splits, tuple(map(files.get, names)))


def _read_idx(path):
    """Read the four IDX files of a folder, or of that in which one of them lies."""
    files = mnist.idx_files(path if os.path.isdir(path) else path.parent)
    if files is None:
        raise DatasetError(f"{path}: {NEEDS_IDX}")
    arrays = {key: formats.read_idx(file)["x"] for key, file in files.items()}
    splits = {role: (arrays[role, "images"], arrays[role, "labels"]) for role in ("train", "test")}
    return RawDataset(splits, tuple(files.values()), is_idx=True)

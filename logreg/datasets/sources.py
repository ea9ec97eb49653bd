"""Where a data set lies, and which arrays its files hold."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from logreg.datasets import mnist
from logreg.datasets.checks import SPLITS
from logreg.datasets.formats import read_arrays, read_idx, sniff
from logreg.datasets.header import NO_OPTIONS
from logreg.datasets.tables import read_table
from logreg.errors import DatasetError

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
TABLE_SUFFIXES = (".csv", ".csv.gz", ".csv.zip", ".csv.bz2", ".csv.xz")

# MNIST, Fashion-MNIST and KMNIST; with a prefix EMNIST; with a dot, as some archives have it.
_IDX_NAME = re.compile(
    r"(?:emnist-(?P<set>\w+)-)?(?P<role>train|t10k|test)-(?P<kind>images|labels)"
    r"[-.]idx[13]-ubyte(?:\.gz)?\Z"
)


class RawDataset(NamedTuple):
    """What the files of a data set hold, unchecked."""

    splits: dict  # 'train' (and 'valid', 'test') to a pair (x, y) of arrays, or to a Table
    guess_square_images: bool = False  # whether a square number of features is likely an image
    is_idx: bool = False
    transposed: bool = False  # whether rows and columns of images are exchanged, as in EMNIST


def locate(dataset):
    """Find the file or folder of a data set; fetch MNIST if it is asked for and nowhere.

    Parameters
    ----------
    dataset : str or path-like

    Returns
    -------
    pathlib.Path
        Of MNIST as IDX files, the path of the training images.

    Raises
    ------
    DatasetError
        If there is no such file, or MNIST cannot be fetched.
    """
    given = Path(os.path.expanduser(dataset))
    is_mnist = str(dataset) in MNIST_NAMES
    # A folder that happens to be called mnist need not be a data set.
    if os.path.isfile(given) or (os.path.isdir(given) and not (is_mnist and not _mnist(given))):
        return given
    folders = mnist.search_folders() if given.name == str(dataset) else []
    for folder in folders:
        for candidate in (folder / given.name, folder / f"{given.name}.npz"):
            if os.path.exists(candidate):
                return candidate
        if is_mnist and _mnist(folder):
            return _mnist(folder)
    if is_mnist:
        return _mnist(mnist.fetch())
    if os.path.exists(given):
        raise DatasetError(f"data set {str(dataset)!a} is no regular file: save it in one")
    looked = put = ""
    if folders:
        looked = f"; looked in ., {', '.join(map(str, folders))}"
        put = "put it into one of these folders, "
    raise DatasetError(
        f"data set {str(dataset)!a} not found{looked}: give the path of a .pkl.gz, .npz or "
        f".csv file or of a folder of IDX files, {put}or take mnist.pkl.gz (fetched if need be) "
        "or mnist_sample (comes with logreg)"
    )


def _mnist(folder):
    files = mnist.idx_files(folder)
    return files and files["train", "images"]


def of_pairs(dataset):
    """Take a data set that is two or three pairs (x, y) of arrays as a :class:`RawDataset`."""
    try:
        pairs = [tuple(pair) for pair in dataset]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) not in (2, 3) or any(len(pair) != 2 for pair in pairs):
        raise DatasetError(
            "a data set is a path, or three pairs of arrays ((x, y), (x, y), (x, y)) for "
            "training, validation and test, or two for training and test; got "
            f"{type(dataset).__name__}"
        )
    return RawDataset(dict(zip(SPLITS if len(pairs) == 3 else ("train", "test"), pairs)))


def read(path, options=NO_OPTIONS, dtype=None, **known):
    """Read the arrays of a file or folder.

    Parameters
    ----------
    path : pathlib.Path
        As :func:`locate` returns it.
    options : TableOptions
        For tables; other formats take none.
    dtype : {'float32', 'float64'}, optional
        Of the features of a table, by default float64.
    **known
        `feature_names` and `label_name` of :func:`logreg.datasets.tables.read_table`.

    Returns
    -------
    RawDataset

    Raises
    ------
    DatasetError
        If it cannot be read, or makes no data set.
    """
    if os.path.isdir(path) and not _idx_sets(path):
        tables = _tables_of(path)
        if not {"train", "test"} <= set(tables):
            if os.path.isfile(path / MNIST_NAMES[0]):
                return read(path / MNIST_NAMES[0], options)
            raise DatasetError(
                f"{path}: a folder without a data set: it needs the four IDX files "
                "(train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
                "t10k-labels-idx1-ubyte; gzipped or not), or train.csv and test.csv"
            )
    else:
        kind = "idx" if os.path.isdir(path) else sniff(path)
        if kind != "table":
            if options != NO_OPTIONS:
                raise DatasetError(
                    f"{path}: --label-column, --header and --decimal are for CSV files only"
                )
            return _read_idx(path) if kind == "idx" else _read_named(path, kind)
        tables = {"train": path}
    dtype = dtype or "float64"
    return RawDataset(
        {split: read_table(file, options, dtype, **known) for split, file in tables.items()}
    )


def files_of(path):
    """List the files from which a data set is read; some of them need not exist.

    Parameters
    ----------
    path : pathlib.Path
        As :func:`locate` returns it.

    Returns
    -------
    list of pathlib.Path
    """
    match = _IDX_NAME.match(path.name)
    if match:
        return list(_idx_sets(path.parent).get(match["set"] or "", {}).values())
    if not os.path.isdir(path):
        return [path]
    files = [file for files in _idx_sets(path).values() for file in files.values()]
    tables = [path / (split + suffix) for split in SPLITS for suffix in TABLE_SUFFIXES]
    return files or [*tables, path / MNIST_NAMES[0]]


def _tables_of(folder):
    tables = {}
    for split in SPLITS:
        for path in (folder / (split + suffix) for suffix in TABLE_SUFFIXES):
            if os.path.isfile(path):
                tables.setdefault(split, path)
    return tables


def _read_named(path, kind):
    """Read the arrays of an npz or a pickle, which their names tell apart."""
    if kind not in ("npz", "pickle"):
        what = "one array makes no data set" if kind else "an unknown format"
        raise DatasetError(
            f"{path}: {what}; a data set is a .pkl, .pkl.gz, .npz or .csv file or a folder of "
            "IDX files"
        )
    arrays = read_arrays(path)
    parts = {split: (f"x_{split}", f"y_{split}") for split in SPLITS}
    if {"x_val", "y_val"} & set(arrays):
        parts["valid"] = ("x_val", "y_val")
    if set(arrays) == {"x", "y"}:
        parts = {"train": ("x", "y")}
    elif not {*parts["train"], *parts["test"]} <= set(arrays):
        raise DatasetError(
            f"{path}: has the arrays {ascii(sorted(arrays)[:8])[:200]}; a data set needs x_train, "
            "y_train, x_test, y_test, and may have x_valid, y_valid; or x and y alone"
        )
    elif len(set(parts["valid"]) & set(arrays)) == 1:
        raise DatasetError(f"{path}: has one of {' and '.join(parts['valid'])}: give both or none")
    splits = {
        split: (arrays[x], arrays[y]) for split, (x, y) in parts.items() if {x, y} <= set(arrays)
    }
    return RawDataset(splits, guess_square_images=kind == "pickle")


def _idx_sets(folder):
    """List a folder's IDX files: EMNIST's set or '' to (role, kind) to path."""
    sets = {}
    try:
        names = sorted(os.listdir(folder), reverse=True)  # a plain file then replaces its .gz
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror}") from None
    for match in filter(None, map(_IDX_NAME.match, names)):
        role = "train" if match["role"] == "train" else "test"
        sets.setdefault(match["set"] or "", {})[role, match["kind"]] = folder / match.string
    return sets


def _read_idx(path):
    """Read the four IDX files of a folder, or those that lie beside one of them."""
    if os.path.isdir(path):
        folder, sets = path, _idx_sets(path)
        if len(sets) > 1:
            names = ", ".join(sorted(name or "MNIST's names" for name in sets))
            raise DatasetError(
                f"{folder}: holds more than one data set ({names}): give the path of the "
                "training images of one"
            )
        ((name, files),) = sets.items()
    else:
        folder, match = path.parent, _IDX_NAME.match(path.name)
        if match is None:
            raise DatasetError(
                f"{path}: one IDX file makes no data set, and its name does not tell the others: "
                "name them as MNIST's, train-images-idx3-ubyte and so on"
            )
        name = match["set"] or ""
        files = _idx_sets(folder)[name]
    lacking = [" ".join(key) for key in mnist.FILES if key not in files]
    if lacking:
        raise DatasetError(
            f"{folder}: the {' and the '.join(lacking)} file of {name or 'the IDX files'} is "
            "missing: all four are needed"
        )
    arrays = {key: next(iter(read_idx(files[key]).values())) for key in mnist.FILES}
    splits = {role: (arrays[role, "images"], arrays[role, "labels"]) for role in ("train", "test")}
    return RawDataset(splits, is_idx=True, transposed=name != "")

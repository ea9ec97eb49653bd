"""Where a data set lies, and which arrays its files hold."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from logreg.datasets import mnist
from logreg.datasets.formats import npz_names, read_idx, read_npz, sniff
from logreg.datasets.pickled import read_pickle
from logreg.datasets.tables import Table, read_csv
from logreg.errors import DatasetError

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
SPLITS = {"train": "training", "valid": "validation", "test": "test"}

# MNIST, Fashion-MNIST and KMNIST; with a prefix EMNIST; with a dot, as some archives have it.
_IDX_NAME = re.compile(
    r"(?:emnist-(?P<set>\w+)-)?(?P<role>train|t10k|test)-(?P<kind>images|labels)"
    r"[-.]idx[13]-ubyte(?:\.gz)?\Z"
)


class Raw(NamedTuple):
    """What a data set's files hold, unchecked.

    Attributes
    ----------
    splits : dict
        ``'train'``, and ``'valid'`` and ``'test'`` where given, to a pair (x, y) of arrays or
        a :class:`~logreg.datasets.tables.Table`.
    squares : bool
        Whether a square number of features is likely to be a square image.
    is_idx : bool
        Whether it comes from IDX files.
    transposed : bool
        Whether the rows and columns of its images are exchanged, as those of EMNIST are.
    """

    splits: dict
    squares: bool = False
    is_idx: bool = False
    transposed: bool = False


def locate(dataset):
    """Find a data set's file or folder; fetch MNIST if it is asked for and nowhere.

    Parameters
    ----------
    dataset : str or path-like

    Returns
    -------
    pathlib.Path
        For MNIST as IDX files, that of the training images.
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


def of_pairs(dataset, squares=False):
    """Take a data set that is two or three pairs of arrays as a :class:`Raw`."""
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
    return Raw(dict(zip(SPLITS if len(pairs) == 3 else ("train", "test"), pairs)), squares)


def read(path, label_column=None, dtype=None):
    """Read the arrays of a file or folder.

    Parameters
    ----------
    path : pathlib.Path
        As :func:`locate` returns it.
    label_column : str, optional
        The label's column in CSV files.
    dtype : {'float32', 'float64'}, optional
        What the features of CSV, npz and pickles become as they are read, if they are wider.

    Returns
    -------
    Raw
    """
    kind = "folder" if os.path.isdir(path) else sniff(path)
    if kind == "folder":
        raw = _read_folder(path, label_column, dtype)
    elif kind == "table":
        raw = Raw({"train": read_csv(path, label_column, dtype or "float64")})
    elif kind == "npz":
        raw = _read_npz(path, dtype)
    elif kind == "pickle":
        raw = of_pairs(read_pickle(path, dtype), squares=True)
    elif kind == "idx":
        raw = _read_idx_of(path)
    else:
        what = "one array makes no data set" if kind else "an unknown format"
        raise DatasetError(
            f"{path}: {what}; a data set is a .pkl, .pkl.gz, .npz or .csv file or a folder of "
            "IDX files"
        )
    if isinstance(label_column, str) and not isinstance(raw.splits["train"], Table):
        raise DatasetError(f"{path}: a label column can be chosen in CSV files only")
    return raw


def files_of(path):
    """List the files from which a data set at a path is read.

    Parameters
    ----------
    path : pathlib.Path
        As :func:`locate` returns it.

    Returns
    -------
    list of pathlib.Path
        Some of them need not exist.
    """
    match = _IDX_NAME.match(path.name)
    if match:
        return list(_idx_sets(path.parent).get(match["set"] or "", {}).values())
    if not os.path.isdir(path):
        return [path]
    files = [file for files in _idx_sets(path).values() for file in files.values()]
    tables = [path / f"{split}.csv{gz}" for split in SPLITS for gz in ("", ".gz")]
    return files or [*tables, path / MNIST_NAMES[0]]


def _read_npz(path, dtype):
    found = set(npz_names(path))
    parts = {split: (f"x_{split}", f"y_{split}") for split in SPLITS}
    if {"x_val", "y_val"} & found:
        parts["valid"] = ("x_val", "y_val")
    if found == {"x", "y"}:
        parts = {"train": ("x", "y")}
    elif not {*parts["train"], *parts["test"]} <= found:
        raise DatasetError(
            f"{path}: has the arrays {sorted(found)[:8]!a}; a data set needs x_train, "
            "y_train, x_test, y_test, and may have x_valid, y_valid; or x and y alone"
        )
    elif len(found.intersection(parts["valid"])) == 1:
        raise DatasetError(f"{path}: has one of {' and '.join(parts['valid'])}: give both or none")
    names = {split: pair for split, pair in parts.items() if found.issuperset(pair)}
    wanted = [name for pair in names.values() for name in pair]
    arrays = read_npz(path, wanted, {x: dtype for x, _ in names.values()})
    return Raw({split: (arrays[x], arrays[y]) for split, (x, y) in names.items()})


def _read_folder(folder, label_column, dtype):
    sets = _idx_sets(folder)
    if len(sets) > 1:
        names = ", ".join(sorted(name or "MNIST's names" for name in sets))
        raise DatasetError(
            f"{folder}: holds more than one data set ({names}): give the path of the training "
            "images of one"
        )
    for name in sets:
        return _read_idx_files(folder, name, sets[name])
    tables = {}
    for split in SPLITS:
        for path in (folder / f"{split}.csv", folder / f"{split}.csv.gz"):
            if os.path.isfile(path):
                tables.setdefault(split, path)
    if {"train", "test"} <= set(tables):
        dtype = dtype or "float64"
        return Raw({split: read_csv(path, label_column, dtype) for split, path in tables.items()})
    if os.path.isfile(folder / MNIST_NAMES[0]):
        return read(folder / MNIST_NAMES[0], label_column, dtype)
    raise DatasetError(
        f"{folder}: a folder without a data set: it needs the four IDX files "
        "(train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte; gzipped or not), or train.csv and test.csv"
    )


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


def _read_idx_of(path):
    match = _IDX_NAME.match(path.name)
    if match is None:
        raise DatasetError(
            f"{path}: one IDX file makes no data set, and its name does not tell the others: "
            "name them as MNIST's, train-images-idx3-ubyte and so on"
        )
    name = match["set"] or ""
    return _read_idx_files(path.parent, name, _idx_sets(path.parent)[name])


def _read_idx_files(folder, name, files):
    lacking = [" ".join(key) for key in mnist.FILES if key not in files]
    if lacking:
        raise DatasetError(
            f"{folder}: the {' and the '.join(lacking)} file of {name or 'the IDX files'} is "
            "missing: all four are needed"
        )
    images, labels, test_images, test_labels = (read_idx(files[key]) for key in mnist.FILES)
    pairs = {"train": (images, labels), "test": (test_images, test_labels)}
    return Raw(pairs, is_idx=True, transposed=name != "")

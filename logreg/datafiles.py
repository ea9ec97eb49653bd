"""Where a data set lies, and which arrays its files hold."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from logreg import mnist
from logreg.errors import DatasetError
from logreg.readers import npz_names, read_idx, read_npz, sniff
from logreg.tables import Table, read_csv
from logreg.unpickling import read_pickle

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
SPLITS = {"train": "training", "valid": "validation", "test": "test"}
CSV_ENDINGS = (".csv", ".csv.gz")

# MNIST, Fashion-MNIST and KMNIST; with a prefix EMNIST; with a dot, as some archives have it.
_IDX_NAME = re.compile(
    r"(?:emnist-(?P<split>\w+)-)?(?P<role>train|t10k|test)-(?P<kind>images|labels)"
    r"[-.]idx[13]-ubyte(?P<gz>\.gz)?\Z"
)
_IDX_FILES = [(role, kind) for role in ("train", "test") for kind in ("images", "labels")]


class Raw(NamedTuple):
    """What a data set's files hold, unchecked.

    Attributes
    ----------
    splits : dict
        ``'train'``, ``'valid'``, ``'test'``, or ``'all'`` for a table that is not split yet,
        to a pair (x, y) of arrays or a :class:`~logreg.tables.Table`.
    squares : bool
        Whether a square number of features is likely to be a square image.
    is_idx : bool
        Whether it comes from IDX files.
    """

    splits: dict
    squares: bool = False
    is_idx: bool = False


def locate(dataset):
    """Find a data set's file or folder; fetch MNIST if it is asked for and nowhere.

    Parameters
    ----------
    dataset : str or path-like

    Returns
    -------
    pathlib.Path
        For MNIST as IDX files, that of the training images.

    Raises
    ------
    DatasetError
        If it is nowhere; the message lists the places.
    """
    given = Path(os.path.expanduser(dataset))
    is_mnist = str(dataset) in MNIST_NAMES
    # A folder that happens to be called mnist need not be a data set.
    if os.path.isfile(given) or (
        os.path.isdir(given) and not (is_mnist and _idx_path(given) is None)
    ):
        return given
    folders = mnist.search_folders() if given.name == str(dataset) else []
    for folder in folders:
        for candidate in (folder / given.name, folder / (given.name + ".npz")):
            if os.path.exists(candidate):
                return candidate
        found = _idx_path(folder) if is_mnist else None
        if found:
            return found
    if is_mnist:
        return _idx_path(mnist.fetch())
    looked = "; looked in ., %s" % ", ".join(map(str, folders)) if folders else ""
    raise DatasetError(
        "data set %s not found%s: give the path of a .pkl.gz, .npz or .csv file or of a "
        "folder of IDX files, put it into one of these folders, or take mnist.pkl.gz "
        "(fetched if need be) or mnist_sample (comes with logreg)" % (ascii(str(dataset)), looked)
    )


def _idx_path(folder):
    files = mnist.idx_files(folder)
    return files and files["train", "images"]


def of_pairs(dataset, squares=False):
    """Take a data set that is two or three pairs of arrays.

    Returns
    -------
    Raw
    """
    try:
        pairs = [tuple(pair) for pair in dataset]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) not in (2, 3) or any(len(pair) != 2 for pair in pairs):
        raise DatasetError(
            "a data set is a path, or three pairs of arrays ((x, y), (x, y), (x, y)) for "
            "training, validation and test, or two for training and test; got %s"
            % type(dataset).__name__
        )
    splits = SPLITS if len(pairs) == 3 else ("train", "test")
    return Raw(dict(zip(splits, pairs)), squares)


def read(path, label_column=None):
    """Read the arrays of a file or folder.

    Parameters
    ----------
    path : pathlib.Path
        As :func:`locate` returns it.
    label_column : str, optional
        The label's column in CSV files.

    Returns
    -------
    Raw
    """
    if os.path.isdir(path):
        raw = _read_folder(path, label_column)
    else:
        kind = sniff(path)
        if kind == "csv":
            raw = Raw({"all": read_csv(path, label_column)})
        elif kind == "npz":
            raw = _read_npz(path)
        elif kind == "pickle":
            raw = of_pairs(read_pickle(path), squares=True)
        elif kind == "idx":
            raw = _read_idx_files(path.parent, _idx_sets(path.parent), path)
        else:
            raise DatasetError(
                "%s: %s; a data set is a .pkl, .pkl.gz, .npz or .csv file or a folder of IDX "
                "files" % (path, "one array makes no data set" if kind else "an unknown format")
            )
    is_csv = any(isinstance(data, Table) for data in raw.splits.values())
    if label_column is not None and not is_csv:
        raise DatasetError("%s: a label column can be chosen in CSV files only" % path)
    return raw


def _read_npz(path):
    wanted = [letter + split for split in SPLITS for letter in ("x_", "y_")]
    found = npz_names(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= set(found):
        if ("x_valid" in found) != ("y_valid" in found):
            raise DatasetError("%s: has one of x_valid and y_valid: give both or none" % path)
        arrays = read_npz(path, wanted)
        return Raw({s: (arrays["x_" + s], arrays["y_" + s]) for s in SPLITS if "x_" + s in arrays})
    raise DatasetError(
        "%s: has the arrays %s; a data set needs x_train, y_train, x_test, y_test, and may "
        "have x_valid, y_valid" % (path, ascii(sorted(found)[:8]))
    )


def _read_folder(folder, label_column):
    sets = _idx_sets(folder)
    if sets:
        return _read_idx_files(folder, sets)
    tables = {
        split: folder / (split + ending)
        for ending in reversed(CSV_ENDINGS)
        for split in SPLITS
        if os.path.isfile(folder / (split + ending))
    }
    if {"train", "test"} <= set(tables):
        return Raw({split: read_csv(path, label_column) for split, path in tables.items()})
    if os.path.isfile(folder / MNIST_NAMES[0]):
        return read(folder / MNIST_NAMES[0], label_column)
    raise DatasetError(
        "%s: a folder without a data set: it needs the four IDX files "
        "(train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
        "t10k-labels-idx1-ubyte; gzipped or not), or train.csv and test.csv" % folder
    )


def _idx_sets(folder):
    """List a folder's IDX files: EMNIST's split or '' to (role, kind) to path."""
    sets = {}
    try:
        names = sorted(os.listdir(folder), reverse=True)  # a plain file then replaces its .gz
    except OSError as error:
        raise DatasetError("%s: cannot be read: %s" % (folder, error.strerror)) from None
    for name in names:
        match = _IDX_NAME.match(name)
        if match:
            role = "train" if match.group("role") == "train" else "test"
            files = sets.setdefault(match.group("split") or "", {})
            files[role, match.group("kind")] = Path(folder, name)
    return sets


def _read_idx_files(folder, sets, path=None):
    if path is not None:
        match = _IDX_NAME.match(path.name)
        if match is None:
            raise DatasetError(
                "%s: one IDX file makes no data set, and its name does not tell the others: "
                "name them as MNIST's, train-images-idx3-ubyte and so on" % path
            )
        sets = {match.group("split") or "": sets[match.group("split") or ""]}
    if len(sets) > 1:
        raise DatasetError(
            "%s: holds more than one data set (%s): give the path of the training images of "
            "one" % (folder, ", ".join(sorted(split or "MNIST's names" for split in sets)))
        )
    ((split, files),) = sets.items()
    missing = ["%s %s" % key for key in _IDX_FILES if key not in files]
    if missing:
        raise DatasetError(
            "%s: the %s file of %s is missing: all four are needed"
            % (folder, " and the ".join(missing), split or "the IDX files")
        )
    arrays = [read_idx(files[key]) for key in _IDX_FILES]
    return Raw({"train": tuple(arrays[:2]), "test": tuple(arrays[2:])}, is_idx=True)

"""Where a data set lies, and which parts its files hold."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from logreg.datasets import formats, mnist
from logreg.datasets.arrays import array_part
from logreg.datasets.facts import Facts, of_columns
from logreg.datasets.frames import FRAME, is_frame
from logreg.datasets.names import find_sets
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.pictures import N_IMAGES, SUFFIXES, are_centred, read_picture
from logreg.datasets.splits import SPLITS, set_name
from logreg.datasets.tables import read_table
from logreg.errors import DatasetError

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
TABLE_SUFFIXES = (".parquet", ".csv.gz", ".csv")  # of a table twice in a folder, the last is read

NEEDS_IDX = (
    "a data set of IDX files needs four: "
    f"{', '.join(file.name for file in mnist.FILES.values())}, gzipped or not"
)


class Source(NamedTuple):
    """A data set that was located."""

    name: str  # how messages call it
    kind: str  # table, idx, npz, pickle, folder, pictures, pairs; another is of no data set
    data: Any  # the path; of tables and pictures, those by their splits; else what was given


def read(dataset, options=NO_OPTIONS, dtype="float64", known=None, scratch=None, layout=None):
    """Find a data set and read it: see :func:`logreg.datasets.dataset.read_dataset`.

    The features of a table become `dtype`. `known` are the :class:`Columns` of a model that is to
    be tested, and `scratch` is a folder for tables that are larger than memory. Pictures become
    what :func:`read_pictures` makes of them by their `layout`. Returned are a :class:`Part` for
    each set, in a dict, what is known of them all, and the files.
    """
    source = _locate(dataset, options)
    if source.kind == "table":
        parts, columns, files = _read_tables(source, options, dtype, known, scratch)
        return parts, Facts(source.name, **of_columns(columns)), files
    if options.given().keys() - {"na"}:
        given = ", ".join(f"`{name}`" for name in options.given())
        raise DatasetError(f"{source.name}: {given}: that is for tables")
    if source.kind == "pictures":
        if layout is None:
            raise DatasetError(
                f"{source.name}: a folder of pictures, which the model does not take"
            )
        parts, is_centred = _read_pictures(source, layout)
        files = tuple(file for part in parts.values() for file in part.rows)
        return parts, Facts(source.name, centred=is_centred), files
    pairs, files = _READERS.get(source.kind, _refuse)(source)
    parts = {
        split: array_part(x, y, set_name(source.name, split, len(pairs) == 1))
        for split, (x, y) in pairs.items()
    }
    return parts, Facts(source.name), files


def _locate(dataset, options):
    """Find the Source of a data set; fetch MNIST if it is asked for and nowhere."""
    if is_frame(dataset):
        return Source(FRAME, "table", {"train": dataset})
    if not isinstance(dataset, (str, os.PathLike)):
        return Source("the given arrays", "pairs", dataset)
    name = str(dataset)
    given = Path(os.path.expanduser(name))
    folders = mnist.search_folders() if given.name == name else []
    path = _find(given, name, folders)
    if path is None and name in MNIST_NAMES:
        path = mnist.fetch()
    if path is None:
        looked = ", ".join(map(str, [".", *folders]))
        raise DatasetError(
            f"data set {name!a} not found; looked in {looked}: give the path of a .pkl.gz, .npz or "
            ".csv file or of a folder, or take mnist.pkl.gz (fetched if need be) or mnist_sample"
        )
    if not os.path.isdir(path):
        kind = formats.sniff(path) or ("table" if options.encoding else None)
        return Source(name, kind, {"train": path} if kind == "table" else path)
    if any(path.glob("*-images?idx3-ubyte*")):
        return Source(name, "idx", path)
    has_arrays = any(path.glob("*-ubyte*")) or any(path.glob("*.npy"))
    tables = {} if has_arrays else _tables_of(path)
    pictures = {} if has_arrays or tables else _pictures_of(path)
    kind = "table" if tables else "pictures" if pictures else "folder"
    return Source(name, kind, tables or pictures or path)


def _find(given, name, folders):
    """The path of a data set that is there; None if it is nowhere."""
    if os.path.exists(given):
        return given
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.npz"):
            if os.path.exists(candidate):
                return candidate
        if name in MNIST_NAMES and mnist.idx_files(folder):
            return folder
    return None


def _tables_of(folder):
    """The tables of a folder by their splits, if it has those for training and test."""
    files = [(split, folder / (split + end)) for split in SPLITS for end in TABLE_SUFFIXES]
    tables = {split: file for split, file in files if os.path.isfile(file)}
    return tables if {"train", "test"} <= set(tables) else {}


def _pictures_of(folder):
    """The pictures of a folder by their splits, in a random order: pairs of file and class."""
    names = ("train", "train"), ("valid", "valid"), ("valid", "val"), ("test", "test")
    folders = {split: folder / name for split, name in names if os.path.isdir(folder / name)}
    found = {}
    for split, path in (folders if "train" in folders else {"train": folder}).items():
        files = [file for file in sorted(path.glob("*/*")) if file.suffix.lower() in SUFFIXES]
        order = numpy.random.RandomState(0).permutation(len(files))
        found[split] = [(str(files[i]), files[i].parent.name) for i in order]
    return {split: pairs for split, pairs in found.items() if pairs and found["train"]}


def _read_pictures(source, layout):
    """Read pictures; if `layout` does not tell whether they are centred, those of training do."""
    if layout.is_centred is None:
        some = source.data["train"][:: 1 + len(source.data["train"]) // N_IMAGES]
        images = numpy.stack([read_picture(file, layout) for file, _ in some])
        layout = layout._replace(is_centred=are_centred(images))
    parts = {}
    for split, pictures in source.data.items():
        files, labels = zip(*pictures)
        x, where = [read_picture(file, layout) for file in files], set_name(source.name, split)
        parts[split] = array_part(numpy.stack(x), numpy.array(labels), where)._replace(rows=files)
    return parts, layout.is_centred


def _read_tables(source, options, dtype, known, scratch):
    """Read the table of each split; what holds for the training table holds for the others."""
    parts, of_others, columns = {}, options, None
    for split, file in source.data.items():
        where = set_name(source.name, split, len(source.data) == 1)
        parts[split], of_set = read_table(file, of_others, dtype, known, scratch, where)
        columns = columns or of_set
        if known is None:
            known, header = of_set, bool(of_set.names)
            drop = options.drop if not header else None  # found by their names
            of_others = replace(of_set.options, label_column=None, header=header, drop=drop)
    files = () if is_frame(source.data["train"]) else tuple(source.data.values())
    return parts, columns, files


def _read_pairs(source):
    try:
        pairs = [(x, y) for x, y in source.data]
    except (TypeError, ValueError):
        pairs = []
    if len(pairs) not in (2, 3):
        raise DatasetError(
            "a data set is a path, or three pairs of arrays ((x, y), (x, y), (x, y)) for training, "
            f"validation and test, or two for training and test; got {type(source.data).__name__}"
        )
    return dict(zip(SPLITS if len(pairs) == 3 else ("train", "test"), pairs)), ()


def _read_arrays(source):
    """Read the arrays of an npz or a pickle, which their names tell apart."""

    def choose(names):
        return sum(find_sets(names).values(), ())

    arrays = formats.read_arrays(source.data, choose, source.kind)
    pairs = {split: (arrays[x], arrays[y]) for split, (x, y) in find_sets(arrays).items()}
    return pairs, (source.data,)


def _read_folder(source):
    """Map the arrays of a folder's npy files, whose names tell them apart as those of an npz do."""
    files = {file.stem: file for file in source.data.glob("*.npy")}
    if not files:
        raise DatasetError(
            f"{source.data}: a folder without a data set: it needs train.csv and test.csv, or "
            f"x_train.npy, y_train.npy, ..., or a folder of pictures for each class; {NEEDS_IDX}"
        )
    with formats.reading(source.data):
        sets = find_sets(files)
    pairs = {split: [formats.read_npy(files[n])["x"] for n in sets[split]] for split in sets}
    return pairs, tuple(files[n] for names in sets.values() for n in names)


def _read_idx(source):
    """Read the four IDX files of a folder, or of that in which one of them lies."""
    folder = source.data if os.path.isdir(source.data) else source.data.parent
    files = mnist.idx_files(folder)
    if files is None:
        raise DatasetError(f"{source.data}: {NEEDS_IDX}")
    arrays = {key: formats.read_idx(file)["x"] for key, file in files.items()}
    pairs = {role: (arrays[role, "images"], arrays[role, "labels"]) for role in ("train", "test")}
    return pairs, tuple(files.values())


def _refuse(source):
    what = "one array makes no data set" if source.kind == "npy" else "an unknown format"
    raise DatasetError(
        f"{source.data}: {what}; a data set is a .pkl, .pkl.gz, .npz or .csv file or a folder"
    )


_READERS = {
    "pairs": _read_pairs,
    "npz": _read_arrays,
    "pickle": _read_arrays,
    "folder": _read_folder,
    "idx": _read_idx,
}

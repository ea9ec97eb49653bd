"""Where a data set lies, and which parts its files hold."""

import itertools
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy

from logreg.console import warning
from logreg.datasets import mnist
from logreg.datasets.arrays import array_part, pairs_of
from logreg.datasets.facts import Facts, facts_of_table
from logreg.datasets.formats import read_array, read_arrays, reading, sniff
from logreg.datasets.frames import FRAME, is_frame
from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.names import PICTURES, find_sets
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.pixels import are_centred
from logreg.datasets.splits import SPLITS, set_name
from logreg.errors import DatasetError, listed, quoted

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
TABLE_SUFFIXES = (".parquet", ".csv.gz", ".csv")  # of a table twice in a folder, the last is read
N_LOOKED_AT = 100  # pictures, about, that tell whether all are centred


def read(dataset, options=NO_OPTIONS, known=None, layout=None, **of_tables):
    """Find a data set and read it: see :func:`logreg.datasets.dataset.read_dataset`.

    `known` are the :class:`Columns` of a model that is to be tested, and `of_tables` the `dtype`
    and the `scratch` folder of :func:`read_table`. Pictures become what :func:`read_picture`
    makes of them by their `layout`. Returned are a :class:`Part` for each set, in a dict, what is
    known of them all, and the files.
    """
    name, kind, data = _locate(dataset, options)
    if kind == "tables":
        return _read_tables(name, data, options, known, **of_tables)
    if known is None and options.given():  # else they are the model's
        given = ", ".join(f"`{option}`" for option in options.given())
        raise DatasetError(f"{name}: {given}: that is for tables")
    if kind == "pictures":
        return _read_pictures(name, data, layout)
    pairs, files = (pairs_of(data, (2, 3)), ()) if kind == "pairs" else _read_arrays(data)
    is_alone = len(pairs) == 1
    parts = {s: array_part(*pair, set_name(name, s, is_alone)) for s, pair in pairs.items()}
    return parts, Facts(name), files


def _locate(dataset, options):
    """Find a data set; fetch MNIST if it is asked for and nowhere.

    Returned are its name, as messages call it, its kind, and what it consists of: tables and
    pictures by their splits, the files of arrays by the names of these, or one file; or what else
    was given.
    """
    if is_frame(dataset):
        return FRAME, "tables", {"train": dataset}
    if not isinstance(dataset, (str, os.PathLike)):
        return "the given arrays", "pairs", dataset
    name = str(dataset)
    path = _find(name)
    if os.path.isdir(path):
        found = _in_folder(path)
    else:
        found = {
            "table": ("tables", {"train": path}),
            "idx": ("arrays", mnist.idx_files(path.parent, path.name)),
            "npz": ("arrays", path),
            "pickle": ("arrays", path),
        }.get(sniff(path) or (options.encoding and "table"), ("", None))
    if not found[1]:
        idx = ", ".join(file.name for file in mnist.FILES.values())
        raise DatasetError(
            f"{path}: is no data set: give a .pkl, .npz, .csv or .parquet file, gzipped or not, or "
            "a folder of train.csv and test.csv, of x_train.npy, y_train.npy, ..., of a folder of "
            f"pictures for each class, or of four IDX files, {idx}"
        )
    return (name, *found)


def _find(name):
    """The path of a data set that is there, or is MNIST and was fetched."""
    given = Path(os.path.expanduser(name))
    folders = mnist.search_folders() if given.name == name else []
    places = [given]
    for folder in folders:
        places += [folder / name, folder / f"{name}.npz"]
        if name in MNIST_NAMES and mnist.idx_files(folder):
            places.append(folder)
    for path in places:
        if os.path.exists(path):
            return path
    if name in MNIST_NAMES:
        return mnist.fetch()
    looked = ", ".join(map(str, [".", *folders]))
    raise DatasetError(
        f"data set {name!a} not found; looked in {looked}: give the path of a .pkl.gz, .npz or "
        ".csv file or of a folder, or take mnist.pkl.gz (fetched if need be) or mnist_sample"
    )


def _in_folder(folder):
    """The kind and the files of the data set that a folder is; of none, no files."""
    arrays = mnist.idx_files(folder) or {file.stem: file for file in folder.glob("*.npy")}
    if arrays:
        return "arrays", arrays
    files = [(split, folder / (split + end)) for split in SPLITS for end in TABLE_SUFFIXES]
    tables = {split: file for split, file in files if os.path.isfile(file)}
    if {"train", "test"} <= set(tables):
        return "tables", tables
    names = ("train", "train"), ("valid", "valid"), ("valid", "val"), ("test", "test")
    folders = {split: folder / name for split, name in names if os.path.isdir(folder / name)}
    folders = folders if "train" in folders else {"train": folder}
    found = {split: _pictures_of(path) for split, path in folders.items()}
    return "pictures", {split: pairs for split, pairs in found.items() if pairs and found["train"]}


def _pictures_of(folder):
    """The pictures in the folders of a folder, in a random order: pairs of file and class."""
    seen = sorted(folder.glob("[!.]*/[!.]*"))  # not what macOS and Jupyter put beside them
    files = [file for file in seen if file.suffix.lower() in PICTURES]
    order = numpy.random.RandomState(0).permutation(len(files))
    return [(str(files[i]), files[i].parent.name) for i in order]


def _read_pictures(name, sets, layout):
    """Read pictures; if `layout` does not tell whether they are centred, those of training do."""
    from logreg.datasets.pictures import read_picture  # a leaf

    if layout is None:
        raise DatasetError(f"{name}: a folder of pictures, which the model does not take")
    if layout.is_centred is None:
        some = sets["train"][:: 1 + len(sets["train"]) // N_LOOKED_AT]
        images = numpy.stack([read_picture(file, layout) for file, _ in some])
        layout = layout._replace(is_centred=are_centred(images))
    parts = {}
    for split, pictures in sets.items():
        files, labels = zip(*pictures)
        x, where = [read_picture(file, layout) for file in files], set_name(name, split)
        blank = [file for file, image in zip(files, x) if image.min() == image.max()]
        if blank:
            warning(f"{where} {len(blank)} pictures are blank, or too faint, {blank[0]} first")
        parts[split] = array_part(numpy.stack(x), numpy.array(labels), where)._replace(rows=files)
    files = tuple(file for part in parts.values() for file in part.rows)
    return parts, Facts(name, centred=layout.is_centred, background=layout.background), files


def _read_tables(name, sets, options, known, **how):
    """Read the table of each split; what holds for the training table holds for the others."""
    from logreg.tables.reading import read_table  # a leaf

    parts, of_others, columns, is_training = {}, options, None, known is None
    for split, file in sets.items():
        where = set_name(name, split, len(sets) == 1)
        parts[split], of_set = read_table(file, of_others, known=known, where=where, **how)
        columns = columns or of_set
        if known is None:
            known, header = of_set, bool(of_set.names)
            drop = options.drop if not header else None  # found by their names
            of_others = replace(options, group=of_set.options.group, label_column=None)
            of_others = replace(of_others, header=header, drop=drop)
    names = (dict.fromkeys(map(without_zero_fraction, part.group_names)) for part in parts.values())
    counts = Counter(itertools.chain.from_iterable(names))
    shared = [quoted(group) for group, n in counts.items() if n > 1]
    if shared and is_training:
        raise DatasetError(
            f"{name}: of {len(counts)} groups, {len(shared)} stand in several sets "
            f"({listed(shared)}): move the rows of each into one set, or give no `group`"
        )
    files = () if is_frame(sets["train"]) else tuple(sets.values())
    return parts, Facts(name, **facts_of_table(columns)), files


def _read_arrays(data):
    """Read pairs of arrays, which their names tell apart, and the files that they are in.

    They are in one, or in one each, from which they are mapped if they can be.
    """

    def chosen(names):
        return sum(find_sets(names).values(), ())

    if isinstance(data, dict):
        with reading(next(iter(data.values())).parent):
            data = {name: data[name] for name in chosen(data)}
        arrays, files = {name: read_array(file) for name, file in data.items()}, data.values()
    else:
        arrays, files = read_arrays(data, chosen), (data,)
    pairs = {split: (arrays[x], arrays[y]) for split, (x, y) in find_sets(arrays).items()}
    return pairs, tuple(files)

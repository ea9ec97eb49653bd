"""Finds a data set, whatever its files are, and reads its parts."""

import os
from pathlib import Path

import numpy

from logreg.basics.console import warning
from logreg.basics.errors import DatasetError, SettingError
from logreg.basics.files import check_files_differ
from logreg.datasets import mnist
from logreg.parts.arrays import array_part, pairs_of
from logreg.parts.facts import Facts
from logreg.parts.formats import KINDS_OF_WHOLE_SETS, read_array, read_arrays, reading, sniff
from logreg.parts.frames import FRAME, is_frame
from logreg.parts.names import PICTURES, find_sets
from logreg.parts.options import NO_OPTIONS
from logreg.parts.pixels import are_centred
from logreg.parts.splits import SPLITS, set_name

MNIST_NAMES = ("mnist.pkl.gz", "mnist")
TABLE_SUFFIXES = (".parquet", ".csv.gz", ".csv")  # the last one counts if a folder has several
NAMES_IN_FOLDERS = {split + suffix for split in SPLITS for suffix in TABLE_SUFFIXES}
NAMES_IN_FOLDERS.update(file.name + end for file in mnist.FILES.values() for end in ("", ".gz"))
PICTURE_FOLDERS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
N_LOOKED_AT = 100  # about as many pictures tell whether all are centred


def read_parts(dataset, options=NO_OPTIONS, columns=None, layout=None, **table_storage):
    """Find a data set and read it: see :func:`logreg.datasets.dataset.read_dataset`.

    Parameters
    ----------
    dataset : str, path-like, table or sequence of pairs
    options : TableOptions
        How tables are read.
    columns : Columns, optional
        The columns of a model that is to be tested.
    layout : ImageLayout, optional
        How pictures are made like images; None if the model takes none.
    **table_storage
        The `dtype` and the `scratch` folder of :func:`logreg.tables.reading.read_table`.

    Returns
    -------
    parts : dict of Part
        By their splits.
    facts : Facts
        What the files tell of all parts.
    files : tuple of path
    """
    name, kind, data = _locate(dataset, options)
    if kind == "tables":
        from logreg.tables.reading import read_tables  # a leaf: imported only when needed

        return read_tables(name, data, options, columns, **table_storage)
    # If there are `columns`, some options come from the model, and not from the user.
    if columns is None and options.given():
        given = ", ".join(f"`{option}`" for option in options.given())
        raise DatasetError(f"{name}: {given}: that is for tables")
    if kind == "pictures":
        return _read_pictures(name, data, layout)
    if kind == "pairs":
        files = ()
        pairs = pairs_of(data, (2, 3))
    else:
        pairs, files = _read_arrays(data)
    parts = {}
    for split, (x, y) in pairs.items():
        parts[split] = array_part(x, y, set_name(name, split, is_alone=len(pairs) == 1))
    return parts, Facts(name), files


def _locate(dataset, options):
    """Find a data set: its name in messages, its kind, and its data.

    The kinds, and their data, are

    - ``"tables"``: a dict of a path or a data frame for each split,
    - ``"pictures"``: a dict of a list of paths for each split,
    - ``"arrays"``: the path of a file, or a dict of a path for each name of an array,
    - ``"pairs"``: what was given.
    """
    if is_frame(dataset):
        return FRAME, "tables", {"train": dataset}
    if not isinstance(dataset, (str, os.PathLike)):
        return "the given arrays", "pairs", dataset
    name = str(dataset)
    path = _find(name)
    if os.path.isdir(path):
        kind, data = _in_folder(path)
        return name, kind, data
    kind = sniff(path, options.encoding)
    if kind == "table":
        return name, "tables", {"train": path}
    if kind in KINDS_OF_WHOLE_SETS:
        return name, "arrays", path
    raise _no_data_set(path)


def _no_data_set(path):
    idx = ", ".join(file.name for file in mnist.FILES.values())
    return DatasetError(
        f"{path}: is no data set: give a .pkl, .npz, .csv, .xlsx or .parquet file, gzipped or "
        "not, or a folder of train.csv and test.csv, of x_train.npy, y_train.npy, ..., of a "
        f"folder of pictures for each class, or of four IDX files, {idx}"
    )


def find_places(name):
    """List where a data set is looked for, up to where it is; an empty list if it is nowhere.

    Examples
    --------
    >>> [path.name for path in find_places("mnist_sample")][:3]
    ['mnist_sample', 'mnist_sample', 'mnist_sample.npz']
    >>> find_places("no.csv")
    []
    """
    given = Path(os.path.expanduser(name))
    places = [given]
    for folder in _search_folders(name):
        places += [folder / name, folder / f"{name}.npz"]
        if name in MNIST_NAMES and mnist.idx_files(folder):
            places.append(folder)
    for n_places, path in enumerate(places, start=1):
        if os.path.exists(path):
            return places[:n_places]
    return []


def _search_folders(name):
    """The folders in which a data set is looked for, beside the path that its name is."""
    return mnist.search_folders() if Path(name).name == name else []


def _find(name):
    """Find the path of a data set; fetch MNIST if it is nowhere."""
    places = find_places(name)
    if places:
        return places[-1]
    if name in MNIST_NAMES:
        return mnist.fetch()
    looked = ", ".join(map(str, [".", *_search_folders(name)]))
    raise DatasetError(
        f"data set {name!a} not found; looked in {looked}: give the path of a .pkl.gz, .npz or "
        ".csv file or of a folder, or take mnist.pkl.gz (fetched if need be) or mnist_sample"
    )


def refuse_overwriting_data(written, read):
    """Raise a SettingError if a file that is written is read, or would be read the next time.

    The paths `read` are those of files and folders. Of a folder, all files are read whose names may
    be those of data. Entries of `written` that are None are skipped.

    Examples
    --------
    >>> refuse_overwriting_data(["best_model.pkl", "run.csv", None], ["."])
    >>> refuse_overwriting_data(["valid.csv"], ["."])
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: valid.csv would be read as a part of .: give another name
    """
    check_files_differ(written, read)
    for folder in filter(os.path.isdir, read):
        for path in filter(None, written):
            file = Path(os.path.realpath(path))
            is_inside = Path(os.path.realpath(folder)) in file.parents
            if is_inside and _is_name_of_data(file.name.lower()):
                raise SettingError(f"{path} would be read as a part of {folder}: give another name")


def _is_name_of_data(name):
    """Whether `_in_folder`, or `predict` of a folder, may take a file of this name."""
    return name in NAMES_IN_FOLDERS or name.endswith((".npy", *PICTURES))


def _in_folder(folder):
    """Find the data set that a folder is: its kind and its data, as :func:`_locate` tells them."""
    # Each IDX file has a name that tells its set, as an npy file has: train_images, ...
    arrays = mnist.idx_files(folder) or {file.stem: file for file in folder.glob("*.npy")}
    if arrays:
        return "arrays", arrays
    tables = {}
    for split in SPLITS:
        for suffix in TABLE_SUFFIXES:
            path = folder / (split + suffix)
            if os.path.isfile(path):
                tables[split] = path
    if "train" in tables and "test" in tables:
        return "tables", tables
    pictures = {}
    for name, split in PICTURE_FOLDERS.items():
        files = _pictures_in(folder / name)
        if files:
            pictures[split] = files
    if "train" not in pictures:
        pictures = {"train": _pictures_in(folder)}
    if not pictures["train"]:
        raise _no_data_set(folder)
    return "pictures", pictures


def _pictures_in(folder):
    """The pictures in the folders of a folder, in a random order; each folder is a class.

    In the order of their names, the last pictures, which are split off, would be of one class.
    """
    paths = sorted(folder.glob("[!.]*/[!.]*"))  # without what macOS and Jupyter put beside them
    files = [path for path in paths if path.suffix.lower() in PICTURES]
    order = numpy.random.RandomState(0).permutation(len(files))
    return [files[i] for i in order]


def _read_pictures(name, sets, layout):
    """Read pictures; if `layout` does not tell whether they are centred, those of training do."""
    from logreg.datasets.pictures import read_picture  # a leaf: imported only when needed

    if layout is None:
        raise DatasetError(f"{name}: a folder of pictures, which the model does not take")
    if layout.is_centred is None:
        some = sets["train"][:: 1 + len(sets["train"]) // N_LOOKED_AT]
        images = numpy.stack([read_picture(file, layout) for file in some])
        layout = layout._replace(is_centred=are_centred(images))
    parts = {}
    for split, files in sets.items():
        where = set_name(name, split)
        images = [read_picture(file, layout) for file in files]
        blank = [file for file, image in zip(files, images) if image.min() == image.max()]
        if blank:
            warning(f"{where} {len(blank)} pictures are blank, or too faint, {blank[0]} first")
        labels = numpy.array([file.parent.name for file in files])
        part = array_part(numpy.stack(images), labels, where)
        parts[split] = part._replace(rows=[*map(str, files)])
    files = tuple(file for part in parts.values() for file in part.rows)
    return parts, Facts(name, centred=layout.is_centred, background=layout.background), files


def _read_arrays(data):
    """Read the pairs of arrays of a file, or of a folder's files; and the files that were read.

    The names of the arrays tell them apart. A file of one array is mapped if it can be.
    """
    if isinstance(data, dict):
        folder = next(iter(data.values())).parent
        with reading(folder):
            names = _names_of_sets(data)
        arrays = {name: read_array(data[name]) for name in names}
        files = tuple(data[name] for name in names)
    else:
        arrays = read_arrays(data, _names_of_sets)
        files = (data,)
    return {split: (arrays[x], arrays[y]) for split, (x, y) in find_sets(arrays).items()}, files


def _names_of_sets(names):
    return [name for pair in find_sets(names).values() for name in pair]

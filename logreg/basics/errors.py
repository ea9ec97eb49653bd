"""The errors that a user can cause and mend.

Each message says what was given, what is needed and what to do. The command line prints it behind
``error: `` and exits with 1. It does the same with errors of the operating system. Every other
error is a fault of ours and keeps its traceback.
"""

import contextlib
import os


class LogRegError(Exception):
    """The base of all errors that a user can mend; each is one of Python's, too.

    Examples
    --------
    >>> kinds = EngineError, ExtraError, DatasetError, SettingError, ModelFileError
    >>> [kind.__bases__[1].__name__ for kind in kinds]
    ['ImportError', 'ImportError', 'ValueError', 'ValueError', 'ValueError']
    """


class LogRegWarning(UserWarning):
    """Something may not be as the user thinks: a doubt about data, a model or a result.

    Python's filters of warnings hold for it. The commands print it on stderr.

    Examples
    --------
    >>> import warnings
    >>> from logreg import LogRegWarning
    >>> warnings.simplefilter("error", LogRegWarning)  # a doubt ends the program
    >>> _ = warnings.filters.pop(0)  # undoes it
    """


class EngineError(LogRegError, ImportError):
    """No usable engine, or a device that the engine cannot use.

    Examples
    --------
    >>> from logreg.engine import use_device
    >>> use_device("gpu0")
    Traceback (most recent call last):
    logreg.basics.errors.EngineError: device 'gpu0' is not known: give cpu, cuda, or cuda0, cuda1, \
..., or on PyTensor jax:cpu
    """


class ExtraError(LogRegError, ImportError):
    """An optional library that is not installed."""


class DatasetError(LogRegError, ValueError):
    """A data set that cannot be found, read or trained on.

    Examples
    --------
    >>> from logreg import DatasetError, load_data
    >>> try:
    ...     load_data("no.csv")
    ... except DatasetError as error:
    ...     print(str(error).partition(";")[0])
    data set 'no.csv' not found
    """


class DownloadError(DatasetError):
    """MNIST could not be fetched from any of its sources."""


class SettingError(LogRegError, ValueError):
    """An option or a hyperparameter that cannot be used: alone, with others, or for these data.

    Examples
    --------
    >>> from logreg import Hyperparameters
    >>> Hyperparameters(batch_size=0)
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: `batch_size` is 0: it must be a whole number from 1 to 1e9
    """


class ModelFileError(LogRegError, ValueError):
    """A model file that cannot be written, or is not one of ours, or is damaged.

    Examples
    --------
    >>> from logreg import load_model
    >>> load_model("none.pkl")
    Traceback (most recent call last):
    logreg.basics.errors.ModelFileError: none.pkl cannot be loaded: No such file or directory; \
train a model first: python -m logreg.train
    """


def install_command(extra, *packages):
    """Say how to install an extra: by its name in a clone, else by the names of its packages.

    Examples
    --------
    >>> install_command("images", "pillow").split()[:2]
    ['pip', 'install']
    """
    # There is no package of ours on an index: there, `logreg` is another project.
    is_clone = os.path.isfile(os.path.join(os.path.dirname(__file__), "..", "..", "setup.py"))
    return f"pip install '.[{extra}]'" if is_clone else f"pip install {' '.join(packages)}"


@contextlib.contextmanager
def needing(what, extra, *packages):
    """Turn an ImportError in the block into an ExtraError, which names the packages of an extra.

    Examples
    --------
    >>> with needing("a plot", "report", "matplotlib"):
    ...     raise ImportError("not found\\nin 7 folders")
    Traceback (most recent call last):
    logreg.basics.errors.ExtraError: a plot needs matplotlib (not found): pip install '.[report]'
    """
    try:
        yield
    except ImportError as error:
        names = ", ".join(packages)
        reason = str(error).partition("\n")[0]
        advice = install_command(extra, *packages)
        raise ExtraError(f"{what} needs {names} ({reason}): {advice}") from None


def printable(text, allowed=""):
    r"""Make a text from outside fit to be shown: what cannot be printed becomes an escape.

    Examples
    --------
    >>> print(printable("Füße\a\n"))
    Füße\x07\n
    >>> print(printable("a bell\a\n", allowed="\n"))
    a bell\x07
    <BLANKLINE>
    """
    return "".join(c if c.isprintable() or c in allowed else ascii(c)[1:-1] for c in str(text))


def cut(text, n=60):
    """Make a text from outside :func:`printable`, and leave n characters of it.

    Examples
    --------
    >>> cut("petal\\tlength"), len(cut(99 * "x"))
    ('petal\\\\tlength', 60)
    """
    start = str(text)[:n]
    return printable(start)[:n]  # shorter again, as an escape has several characters


def quoted(value):
    """Make a label or a cell fit to be shown: a text gets quotes, a number stays as it is.

    Examples
    --------
    >>> quoted("7"), quoted(7)
    ("'7'", '7')
    """
    return f"'{cut(value)}'" if isinstance(value, str) else cut(value)


def listed(texts):
    """Join texts by commas; of more than eight, the first seven and the last.

    Examples
    --------
    >>> listed("abcdefgh"), listed("abcdefghi")
    ('a, b, c, d, e, f, g, h', 'a, b, c, d, e, f, g, ..., i')
    """
    return ", ".join(texts if len(texts) <= 8 else [*texts[:7], "...", texts[-1]])

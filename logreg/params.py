"""The parameters of a net in a file, as safe and as portable as the model file.

Of a stack of layers only the numbers are kept: the program that builds the net is its
description.
"""

from logreg import engine
from logreg.errors import ModelFileError
from logreg.metadata import provenance
from logreg.saving import dump, kind_of, load, save


def save_params(params, path):
    """Write the parameters of a net, whatever its layers are, in place of what is at `path`.

    Parameters
    ----------
    params : list of shared variables
        Of dtype float32 or float64.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """
    save(path, dump_params(params))


def dump_params(params):
    """The bytes of a file of parameters; see :func:`save_params`."""
    names = [f"{i} {param.name}" for i, param in enumerate(params)]
    return dump("parameters", dict(zip(names, map(engine.value, params))), **provenance())


def load_params(params, path):
    """Give the parameters of a net the values that :func:`save_params` wrote.

    Parameters
    ----------
    params : list of shared variables
        Those of a net that was built like the one that was saved.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If it is not such a file, whole and unchanged, or it is of another net. Then no
        parameter is changed.
    """
    saved = load(path)
    kind = kind_of(saved)
    if kind != "parameters":
        raise ModelFileError(f"{path} cannot be loaded: it is a {kind}, not parameters of a net")
    values = list(saved["arrays"].values())
    there = [(value.dtype.name, value.shape) for value in values]
    here = [(param.dtype, engine.value(param).shape) for param in params]
    if there != here:
        raise ModelFileError(
            f"{path} is of another net: its parameters are {there}, those of this net {here}"
        )
    for param, value in zip(params, values):
        engine.set_value(param, value)

"""A model that proves itself: trained again as its file says, it has the same bits."""

from dataclasses import fields

import numpy

from logreg import engine
from logreg.console import note
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import NO_PREPARATION, Preparation
from logreg.errors import DatasetError, SettingError, listed
from logreg.hyperparameters import Hyperparameters
from logreg.kernel import has_fma, is_wanted
from logreg.saving.model_file import read_model
from logreg.sgd import sgd_optimization

UNPROMISED = "its bits cannot be promised"


def verify(path, dataset=None, callbacks=()):
    """Train a model again as its file says, and compare all parameters, bit by bit.

    The data are found by the name in the file, or are `dataset`; they are told by their SHA-256.
    The bits are the same on either engine, with any number of threads, and on any machine with fma,
    where the native kernel computes them. Nothing is written.

    Parameters
    ----------
    path : str or path-like
        A model file that ``logreg.train`` or :func:`.sgd_optimization` wrote.
    dataset : str or path-like, optional
    callbacks : sequence of Callback
        Of the run.

    Returns
    -------
    run : Run
        With the reason 'interrupted', nothing is said.
    difference : str
        How the parameters differ, in words; '' if they are the same.

    Raises
    ------
    ModelFileError
        If the file is no model file.
    DatasetError
        If the data cannot be found, or are others.
    SettingError
        If the file does not tell all that decides the bits: it names that.
    """
    facts, W, b = read_model(path)
    hyperparameters = _hyperparameters(path, facts)
    with engine.floatx(facts.dtype):
        how = facts.options, _preparation(facts), facts.dtype
        data = read_dataset(dataset or facts.dataset, *how)
        if data.facts.dataset_sha256 != facts.dataset_sha256:
            raise DatasetError(
                f"{data.facts.dataset}: these are other data: their SHA-256 is "
                f"{data.facts.dataset_sha256[:16]}..., and {path} was trained on "
                f"{facts.dataset_sha256[:16]}...; `dataset` names others"
            )
        if not is_wanted():
            note(f"note: without the native kernel, {UNPROMISED}")
        note(f"training as {path} says")
        how = {"output": None, "callbacks": callbacks, "refit": bool(facts.refit)}
        run = sgd_optimization(data, hyperparameters, **how)
    if run.reason == "interrupted":
        return run, ""
    ours = numpy.concatenate([value.ravel() for value in run.best_values])
    theirs = numpy.concatenate([W.ravel(), b])
    bits = [values.view(f"u{values.itemsize}") for values in (ours, theirs)]
    n_others = int((bits[0] != bits[1]).sum())
    if not n_others:
        return run, ""
    largest, most = abs(ours - theirs).max(), abs(theirs).max()
    lacking = "" if not is_wanted() or has_fma() else f"; without fma here, {UNPROMISED}"
    return run, (
        f"{n_others:,} of {ours.size:,} parameters differ, by {largest:.3g} at the most (the "
        f"largest one is {most:.3g}){lacking}"
    )


def _hyperparameters(path, facts):
    """Those of the run; a SettingError says what the file lacks."""
    lacking = [name for name in ("dataset", "dataset_sha256", "reason") if not getattr(facts, name)]
    lacking += [f.name for f in fields(Hyperparameters) if f.name not in facts.metadata()]
    if lacking:
        raise SettingError(
            f"{path} does not tell its {listed(lacking)}: {UNPROMISED}, as of a model whose "
            "cost or data a script made; what `python -m logreg.train` writes tells all"
        )
    if facts.reason not in ("patience", "n_epochs", "diverged"):
        raise SettingError(f"the training of {path} was ended ({facts.reason}): {UNPROMISED}")
    if (facts.n_ranks or 1) > 1:
        raise SettingError(f"{path} was trained by {facts.n_ranks} ranks: {UNPROMISED}")
    return Hyperparameters(**facts.settings)


def _preparation(facts):
    return Preparation(
        standardize=facts.feature_scales is not None,
        shuffle=facts.split_seed is not None,
        split_seed=facts.split_seed or 0,
        size=min(facts.image[0], 1000) if facts.takes_pictures else NO_PREPARATION.size,
        pixel_scale=facts.pixel_scale if facts.scale_all else None,
    )

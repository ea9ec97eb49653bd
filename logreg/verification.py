"""A model that proves itself: trained again as its file says, it has the same bits."""

from dataclasses import fields

import numpy

from logreg import engine
from logreg.console import note, say
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import NO_PREPARATION, Preparation
from logreg.errors import DatasetError, SettingError, listed
from logreg.hyperparameters import Hyperparameters
from logreg.kernel import has_fma, is_wanted
from logreg.saving.model_file import read_model
from logreg.sgd import sgd_optimization

UNPROMISED = "its bits cannot be promised"


def verify(path, dataset=None, callbacks=()):
    """Train a model again as its file says, and say whether all parameters are the same bits.

    The data are found by the name in the file, or are `dataset`; they are told by their SHA-256.
    The bits are the same on either engine, with any number of threads, and on any machine with fma,
    where the native kernel computes them. Nothing is written.

    Parameters
    ----------
    path : str or path-like
        A model file that ``logreg.train`` or :func:`.sgd_optimization` wrote.
    dataset : str or path-like, optional
    callbacks : sequence of Callback
        Of the run; if one interrupts it, nothing is said.

    Returns
    -------
    bool
        Whether parameters differ.

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
        run = sgd_optimization(data, hyperparameters, None, callbacks, bool(facts.refit))
    if run.reason == "interrupted":
        return False
    ours = numpy.concatenate([value.ravel() for value in run.best_values])
    theirs = numpy.concatenate([W.ravel(), b])
    bits = f"u{ours.itemsize}"
    n_others = int((ours.view(bits) != theirs.view(bits)).sum())
    if n_others:
        lacking = "" if not is_wanted() or has_fma() else f"; without fma here, {UNPROMISED}"
        say(
            f"not verified: {n_others:,} of {ours.size:,} parameters differ, by "
            f"{abs(ours - theirs).max():.3g} at the most (the largest one is "
            f"{abs(theirs).max():.3g}){lacking}"
        )
    else:
        say(f"verified: the {ours.size:,} parameters are those of {path}, bit by bit")
    return n_others > 0


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

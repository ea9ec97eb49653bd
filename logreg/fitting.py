"""Whole trainings in one call: of a table to a model file, and of a model that proves itself."""

from typing import Any

import numpy

from logreg import engine, rules
from logreg.callbacks.verdict import doubts
from logreg.console import note, say
from logreg.datasets.dataset import read_dataset
from logreg.datasets.frames import framed
from logreg.datasets.options import NO_PREPARATION, Preparation, TableOptions, divided
from logreg.endings import REPEATABLE, explain
from logreg.errors import DatasetError, SettingError, cut, listed
from logreg.files import AnyPath, check_writable
from logreg.hyperparameters import BEST_MODEL, NAMED_IN_ALL_FILES, Hyperparameters, for_data
from logreg.kernel import has_fma, is_wanted
from logreg.prediction.predictor import Predictor
from logreg.saving.facts import ModelFacts
from logreg.saving.model_file import read_model
from logreg.saving.variables import as_model, save_model
from logreg.sgd import sgd_optimization

UNPROMISED = "its bits cannot be promised"


def fit_table(
    table: Any, label_column: Any = None, path: AnyPath = BEST_MODEL, **options: Any
) -> Predictor:
    """Train the tutorial's model on a table, as the command does, and write a model file.

    What the command prints is not printed; what makes the result doubtful is a LogRegWarning, or a
    note of the logger ``logreg``.

    Parameters
    ----------
    table : DataFrame of pandas or polars, dict of columns, list of dicts, str or path-like
        Or any other data set that :func:`logreg.load_data` takes.
    label_column : str or int, optional
        The column of the labels: its name, or its number from 1.
    path : str or path-like
        Where the model file goes.
    **options
        Those of :func:`logreg.load_data` and of :class:`logreg.Hyperparameters`, and `refit`, which
        is that of :func:`logreg.fit`. Where they are not given, they are the command's.

    Returns
    -------
    Predictor
        Its `metadata` tell of the run, as ``metadata["test_error_all_rows"]``.

    Raises
    ------
    DatasetError, SettingError, ModelFileError
        If the table or an option makes no sense, or the file cannot be written.

    Examples
    --------
    >>> import pandas
    >>> from logreg import fit_table
    >>> frame = pandas.DataFrame({"size": range(90), "kind": ["ant"] * 45 + ["bee"] * 45})
    >>> predictor = fit_table(frame, "kind", "insects.pkl", n_epochs=50)
    >>> predictor.predict({"size": 80}).tolist()
    ['bee']
    """
    check_writable(path)
    kinds, refit = (TableOptions, Preparation, Hyperparameters), options.pop("refit", None)
    of_table, preparation, settings = divided({"label_column": label_column, **options}, *kinds)
    with engine.settings():
        how = TableOptions(**of_table), Preparation(**preparation)
        data = read_dataset(framed(table), *how, dtype=engine.theano.config.floatX)
        data.check_outputs(path)
        run = sgd_optimization(data, for_data(data.facts, **settings), None, refit=refit)
        found = Predictor(run)
        save_model(as_model(found.facts, found.W, found.b), path)
    for doubt in [explain(run)] if run.reason == "diverged" else doubts(run):
        note(doubt)
    return Predictor(path)


def verify(path, dataset=None, callbacks=()):
    """Train a model again as its file says, and say whether that gives what the file tells.

    All parameters are compared bit by bit, and all facts that the training makes anew: of the data,
    the settings, the course of the run and its errors. The data are found by the name in the file,
    or are `dataset`; they are told by their SHA-256. The bits are the same on either engine, with
    any number of threads, and on any machine with fma, where the native kernel computes them.
    Nothing is written.

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
        Whether parameters or facts differ.

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
    _check_promised(path, facts)
    with engine.floatx(facts.dtype), rules.following(facts.rule or 1):
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
        hyperparameters = Hyperparameters(**facts.settings)
        run = sgd_optimization(data, hyperparameters, None, callbacks, bool(facts.refit))
        if run.reason not in REPEATABLE:
            return False
        made = ModelFacts.of(run.facts(), run.best_values[0]).metadata()
    differences = [*_other_parameters(run.best_values, (W, b)), *_other_facts(facts, made)]
    for difference in differences:
        say(f"not verified: {difference}")
    if not differences:
        n = W.size + b.size
        same = f"the {n:,} parameters are those of {path}, bit by bit, and its facts agree"
        say(f"verified: {same}")
    return bool(differences)


def _other_parameters(made, of_file):
    """Yield in words how the parameters that a training made differ from those of a file."""
    made = numpy.concatenate([array.ravel() for array in made])
    of_file = numpy.concatenate([array.ravel() for array in of_file])
    bits = f"u{made.itemsize}"
    n_others = int((made.view(bits) != of_file.view(bits)).sum())
    if n_others:
        lacking = ""
        if is_wanted() and not has_fma():
            lacking = f"; without fma here, {UNPROMISED}"
        yield (
            f"{n_others:,} of {made.size:,} parameters differ, by "
            f"{abs(made - of_file).max():.3g} at the most (the largest one is "
            f"{abs(of_file).max():.3g}){lacking}"
        )


def _other_facts(facts, made):
    """Yield in words which facts of a file differ from those that a training made."""
    of_file = facts.metadata()
    # The data may lie elsewhere now. What an older file does not tell is not compared.
    for name in sorted({*made} & {*of_file} - {"dataset"}):
        if of_file[name] != made[name]:
            yield f"its {name} is {cut(of_file[name])}, and this training gives {cut(made[name])}"


def _check_promised(path, facts):
    """Raise a SettingError if a model file does not tell all that decides the bits."""
    lacking = [name for name in ("dataset", "dataset_sha256", "reason") if not getattr(facts, name)]
    lacking += [name for name in NAMED_IN_ALL_FILES if name not in facts.metadata()]
    if lacking:
        raise SettingError(
            f"{path} does not tell its {listed(lacking)}: {UNPROMISED}, as of a model whose "
            "cost or data a script made; what `python -m logreg.train` writes tells all"
        )
    if facts.reason not in REPEATABLE:
        raise SettingError(f"the training of {path} was ended ({facts.reason}): {UNPROMISED}")
    if (facts.n_ranks or 1) > 1:
        raise SettingError(f"{path} was trained by {facts.n_ranks} ranks: {UNPROMISED}")
    if facts.device not in (None, "cpu"):
        raise SettingError(f"{path} was trained on the device {facts.device}: {UNPROMISED}")
    if (facts.rule or 1) > rules.LATEST:
        raise SettingError(
            f"{path} was trained by rule {facts.rule} of a later logreg: this one has the rules up "
            f"to {rules.LATEST}; a later version can verify it"
        )


def _preparation(facts):
    size = NO_PREPARATION.size
    if facts.pixels.takes_pictures:
        size = min(facts.pixels.shape[0], 1000)
    return Preparation(
        standardize=facts.feature_scales is not None,
        shuffle=facts.split_seed is not None,
        split_seed=facts.split_seed or 0,
        size=size,
        pixel_scale=facts.pixel_scale if facts.scale_all else None,
    )

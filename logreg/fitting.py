"""Whole trainings in one call: one makes a model file of a table, one verifies a model file."""

from typing import Any, Optional

import numpy

from logreg import engine, kernel
from logreg.basics.console import note, say
from logreg.basics.errors import DatasetError, SettingError, cut, listed
from logreg.basics.files import BEST_MODEL, AnyPath, check_writable
from logreg.basics.version import ARITHMETIC_VERSION
from logreg.callbacks.verdict import doubts, explain
from logreg.datasets.dataset import read_dataset
from logreg.datasets.folds import choose_n_folds, divide_into_folds
from logreg.hyperparameters import Hyperparameters, choose_hyperparameters
from logreg.parts.frames import framed
from logreg.parts.options import NO_PREPARATION, Preparation, TableOptions, split_options
from logreg.prediction.predictor import Predictor
from logreg.saving.facts import ModelFacts
from logreg.saving.model_file import read_model
from logreg.saving.variables import as_model, save_model
from logreg.sgd import train_softmax

NOT_REPEATABLE = "the training cannot be repeated bit by bit"


def fit_table(
    table: Any,
    label_column: Any = None,
    path: AnyPath = BEST_MODEL,
    folds: Optional[int] = None,
    **options: Any,
) -> Predictor:
    """Train the tutorial's model on a table, as the command does, and write a model file.

    Nothing is printed. Doubts about the result are LogRegWarnings, or notes of the logger
    ``logreg``.

    Parameters
    ----------
    table : DataFrame of pandas or polars, dict of columns, list of dicts, str or path-like
        Or any other data set that :func:`logreg.load_data` takes.
    label_column : str or int, optional
        The column of the labels: its name, or its number from 1.
    path : str or path-like
        Where the model file goes.
    folds : int, optional
        The number of folds into which all rows are divided. Each is tested by a model of the
        others. These models choose the number of epochs, for which all rows train the model that is
        kept. The default is 5 for a table of fewer than 5,000 rows, else 0: one split into three
        sets.
    **options
        The options of :func:`logreg.load_data`, the fields of :class:`logreg.Hyperparameters`, and
        `refit` as of :func:`logreg.fit`. The defaults are those of the command.

    Returns
    -------
    Predictor
        Its `metadata` describe the run: ``metadata["test_error_all_rows"]`` is one of its errors.

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
    refit = options.pop("refit", None)
    options["label_column"] = label_column
    table_options, preparation, settings = split_options(
        options, TableOptions, Preparation, Hyperparameters
    )
    with engine.settings():
        data = read_dataset(
            framed(table),
            TableOptions(**table_options),
            Preparation(**preparation),
            dtype=engine.theano.config.floatX,
        )
        data.refuse_overwriting_data(path)
        n_folds = choose_n_folds(data, folds)
        if n_folds:
            data = divide_into_folds(data, n_folds)
        run = train_softmax(
            data, choose_hyperparameters(data.facts, **settings), output=None, refit=refit
        )
        best = Predictor(run)  # it finds the best W and b, and makes the facts of a model file
        save_model(as_model(best.facts, best.W, best.b), path)
    if run.reason == "diverged":
        note(explain(run))  # which begins with "warning: ", so it becomes a LogRegWarning
    else:
        for doubt in doubts(run):
            note(doubt)
    return Predictor(path)  # of the file, whose metadata have the date and versions, too


def verify(path, dataset=None, callbacks=()) -> Optional[bool]:
    """Train a model again as its file says, and print whether the result is that of the file.

    All parameters are compared bit by bit. So are all facts that the training gives again: those of
    the data, the settings, the course of the run and its errors. The data are found by the name in
    the file, or are `dataset`; their SHA-256 must be that in the file. The native kernel computes
    the same bits on either engine, with any number of threads, and on any machine with fma. Nothing
    is written.

    Parameters
    ----------
    path : str or path-like
        A model file that ``logreg.train`` or :func:`.train_softmax` wrote.
    dataset : str or path-like, optional
    callbacks : sequence of Callback
        The callbacks of the run. If one ends it, nothing is printed.

    Returns
    -------
    bool or None
        Whether the result is that of the file; None if a callback ended the run.

    Raises
    ------
    ModelFileError
        If the file is no model file.
    DatasetError
        If the data cannot be found, or are others.
    SettingError
        If the file does not hold all that decides the bits.
    """
    facts, W, b = read_model(path)
    _check_repeatable(path, facts)
    with engine.floatx(facts.dtype):
        data = read_dataset(
            dataset or facts.dataset, facts.options, _preparation(facts), facts.dtype
        )
        if data.facts.dataset_sha256 != facts.dataset_sha256:
            raise DatasetError(
                f"{data.facts.dataset}: these are other data: their SHA-256 is "
                f"{data.facts.dataset_sha256[:16]}..., and {path} was trained on "
                f"{facts.dataset_sha256[:16]}...; `dataset` names others"
            )
        if not kernel.is_in_use():
            note(f"note: without the native kernel, {NOT_REPEATABLE}")
        elif not kernel.has_fma():
            note(f"note: without fma here, {NOT_REPEATABLE}")
        note(f"training as {path} says")
        hyperparameters = Hyperparameters(**facts.settings)
        refit = facts.refit
        if facts.n_folds:
            data = divide_into_folds(data, facts.n_folds)
            refit = None  # with folds, all rows train the model at the end anyway
        run = train_softmax(data, hyperparameters, None, callbacks, refit)
        if not run.is_complete and run.reason != "diverged":
            return None
        new_W, new_b = run.best_values
        new_facts = ModelFacts.from_metadata(run.model_facts(), new_W)
    differences = [
        *_different_parameters((W, b), (new_W, new_b)),
        *_different_facts(facts.metadata(), new_facts.metadata()),
    ]
    for difference in differences:
        say(f"not verified: {difference}")
    if differences and facts.arithmetic != ARITHMETIC_VERSION:
        say(
            f"{path} is of version {facts.arithmetic} of the arithmetic, and this logreg has "
            f"version {ARITHMETIC_VERSION}: it may give other bits"
        )
    if not differences:
        n = W.size + b.size
        say(f"verified: the {n:,} parameters are those of {path}, bit by bit, and its facts agree")
    return not differences


def _different_parameters(old, new):
    """Yield in words how the parameters of a file differ from those of a new training."""
    old = numpy.concatenate(old, axis=None)
    new = numpy.concatenate(new, axis=None)
    bits = f"u{new.itemsize}"
    n_different = int((old.view(bits) != new.view(bits)).sum())
    if n_different:
        yield (
            f"{n_different:,} of {new.size:,} parameters differ, by {abs(new - old).max():.3g} at "
            f"the most (the largest one is {abs(old).max():.3g})"
        )


def _different_facts(old, new):
    """Yield in words which facts of a file differ from those of a new training."""
    # The data may lie elsewhere now, and another version of the arithmetic may give the same bits.
    for name in sorted(new.keys() - {"dataset", "arithmetic"}):
        if old.get(name) != new[name]:
            yield f"its {name} is {cut(old.get(name))}, and this training gives {cut(new[name])}"


def _check_repeatable(path, facts):
    """Raise a SettingError if the bits of a model cannot be promised, by what its file says."""
    # The file of another model than the tutorial's has no learning rate: it does not tell how that
    # was trained.
    needed = ("dataset", "dataset_sha256", "reason", "learning_rate", "n_ranks", "device")
    lacking = [name for name in needed if facts.metadata().get(name) is None]
    fault = ""
    if lacking:
        fault = (
            f"its file does not tell {listed(lacking)}; a file that `python -m logreg.train` wrote "
            "does, one of a script's own cost or data does not"
        )
    elif not facts.is_repeatable:
        fault = f"it was ended ({facts.reason})"
    elif facts.n_ranks > 1:
        fault = f"{facts.n_ranks} ranks took part"
    elif facts.device != "cpu":
        fault = f"it was on the device {facts.device}"
    if fault:
        raise SettingError(f"the training of {path} cannot be repeated bit by bit: {fault}")


def _preparation(facts):
    """Find the options by which the data of a model were prepared."""
    layout = facts.image_layout
    size = NO_PREPARATION.size
    if layout.takes_pictures:
        # The option takes 1000 at most. Images of arrays may be larger, but need no size: the limit
        # only keeps the option valid.
        size = min(layout.shape[0], 1000)
    return Preparation(
        standardize=facts.feature_scales is not None,
        shuffle=facts.split_seed is not None,
        split_seed=facts.split_seed or 0,
        size=size,
        pixel_scale=facts.pixel_scale if facts.has_given_scale else None,
    )

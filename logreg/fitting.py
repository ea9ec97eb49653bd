"""One call from a table to a model file."""

from typing import Any

from logreg import engine, sgd
from logreg.callbacks.verdict import doubts
from logreg.console import note
from logreg.datasets.dataset import read_dataset
from logreg.datasets.frames import framed
from logreg.datasets.options import Preparation, TableOptions, divided
from logreg.files import AnyPath, check_writable
from logreg.hyperparameters import BEST_MODEL, Hyperparameters, for_data
from logreg.prediction.predictor import Predictor
from logreg.saving.variables import as_model, save_model


def fit_table(
    table: Any, label_column: Any = None, path: AnyPath = BEST_MODEL, **options: Any
) -> Predictor:
    """Train the tutorial's model on a table, as the command does, and write a model file.

    What the command prints is not printed; what makes the result doubtful is told on stderr.

    Parameters
    ----------
    table : DataFrame of pandas or polars, list of dicts, str or path-like
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
        run = sgd.sgd_optimization(data, for_data(data.facts, **settings), None, refit=refit)
        found = Predictor(run)
        save_model(as_model(found.facts, found.W, found.b), path)
    for doubt in doubts(run):
        note(doubt)
    return Predictor(path)

"""The files of models, of a net's parameters and of checkpoints.

:mod:`logreg.saving.model_file` has the bytes: a header and arrays, without an engine. Here they
become shared variables, and shared variables become files.
"""

import platform
from datetime import datetime, timezone
from typing import Any, List

import numpy

from logreg import engine
from logreg.basics.console import warning
from logreg.basics.errors import ModelFileError, cut
from logreg.basics.files import AnyPath, write_whole
from logreg.basics.version import __version__
from logreg.model import LogisticRegression
from logreg.saving import model_file
from logreg.saving.facts import ModelFacts


def as_model(facts, W, b):
    """Make the LogisticRegression that a model file describes, over a fresh input.

    Its input and its parameters are of floatX, like everything that the program computes. A float64
    holds each float32 exactly. If float64 becomes float32, a warning says that this rounds.
    """
    floatx = engine.theano.config.floatX
    if facts.dtype == "float64" and floatx == "float32":
        warning(
            "the model is of float64, and floatX is float32: its parameters are rounded; set "
            "floatX to float64 to keep them"
        )
    classifier = LogisticRegression(engine.T.matrix("x"), *W.shape, W, b)
    classifier.metadata = facts.metadata()
    if facts.tested_probabilities is not None:
        classifier.metadata["tested_probabilities"] = facts.tested_probabilities
    classifier.loaded_W_and_b = W, b  # as the file has them
    return classifier


def provenance():
    """Collect where and when a file is made: versions, the device and the date (UTC)."""
    return {
        "engine": f"{engine.NAME} {engine.VERSION}",
        "device": engine.device(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "logreg": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def check_stands_alone(classifier):
    """Raise a ModelFileError if this is no LogisticRegression, or its input is made by a layer."""
    if not isinstance(classifier, LogisticRegression):
        raise ModelFileError(
            f"a model file holds a LogisticRegression, and this is a {type(classifier).__name__}: "
            "a SoftmaxClassifier is pickled, as any estimator of scikit-learn; save_params keeps "
            "the parameters of a net"
        )
    if classifier.input.owner is not None:
        raise ModelFileError(
            "the classifier sits on a layer below, and a model file holds W and b of one layer: "
            "save_params keeps the parameters of all layers, as does BestModel(path) in a run"
        )


def dumps_model(classifier, metadata, W_and_b=None):
    """Make the bytes of a model file: the parameters, the metadata, and where it was made.

    The parameters are those of the classifier, if they are not given as `W_and_b`. The metadata of
    a loaded model tell where that was made, and stay as they are.
    """
    W, b = W_and_b or _values(classifier)
    metadata = {**provenance(), **metadata, "dtype": W.dtype.name}
    # The n_out of a run is that of its data, which may have fewer classes than the model.
    metadata["n_out"] = W.shape[1]
    facts = ModelFacts.from_metadata(metadata, W)
    arrays = {"W": W, "b": b}
    if facts.tested_probabilities is not None:
        arrays["tested"] = facts.tested_probabilities
    return model_file.dumps("model", arrays, metadata=facts.metadata())


def _values(classifier):
    """W and b of a classifier that stands alone, both in the wider of their dtypes."""
    check_stands_alone(classifier)
    values = [engine.value(param) for param in (classifier.W, classifier.b)]
    return [value.astype(numpy.result_type(*values), copy=False) for value in values]


def dumps_params(params, statistics=()):
    """Make the bytes of a file of parameters, and of the statistics that belong to them.

    See :func:`save_params`, and :attr:`logreg.run.Run.statistics`.
    """
    variables = [*params, *statistics]
    values = {
        f"{i} {variable.name}": engine.value(variable) for i, variable in enumerate(variables)
    }
    return model_file.dumps("parameters", values, n_statistics=len(statistics), **provenance())


def save_model(classifier: LogisticRegression, path: AnyPath, **metadata: Any) -> None:
    """Write a model file in place of what is at `path`, or leave that as it is.

    Parameters
    ----------
    classifier : LogisticRegression
        Its parameters are written, and not its input, which must be a variable.
    path : str or path-like
    **metadata
        What the file says of the training: numbers, text, lists of these. The fields of
        :class:`logreg.saving.facts.ModelFacts` are checked, as they are read later. The defaults
        are 0 .. n_out - 1 for `class_labels`, None for `image_shape` and 1 for `pixel_scale`. A
        model of :func:`load_model` keeps the metadata of its file, unless it was trained on: then
        give ``**run.model_facts()`` of its :class:`logreg.run.Run`.

    Raises
    ------
    ModelFileError
        If the file cannot be written, the classifier sits on a layer, or the metadata do not fit.
        Or if a model was loaded, its parameters have changed, and no metadata are given.

    Examples
    --------
    >>> from logreg import LogisticRegression, load_model, save_model
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(T.matrix("x"), n_in=4, n_out=2)
    >>> save_model(classifier, "model.pkl", class_labels=["no", "yes"])
    >>> load_model("model.pkl").metadata["class_labels"]
    ['no', 'yes']
    """
    file_metadata = getattr(classifier, "metadata", {})
    loaded = getattr(classifier, "loaded_W_and_b", None)
    if loaded and not _are_unchanged(_values(classifier), loaded):
        if not metadata:
            raise ModelFileError(
                f"{path} would describe another training: the parameters of this model have "
                "changed since it was loaded; give `**run.model_facts()` of the run, or other "
                "metadata"
            )
        file_metadata = {}
        loaded = None
    write_whole(path, dumps_model(classifier, {**file_metadata, **metadata}, loaded))


def _are_unchanged(values, loaded):
    """Whether values are those that were loaded, in the dtype of the values."""
    pairs = zip(values, loaded)
    return all(numpy.array_equal(value, other.astype(value.dtype)) for value, other in pairs)


def load_model(path: AnyPath) -> LogisticRegression:
    """Read a model file, without running anything in it.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    LogisticRegression
        Over a fresh ``T.matrix('x')``. It is of floatX, as are the parameters: float32 becomes
        float64 exactly; float64 is rounded to float32, with a warning. If it is saved unchanged,
        the file has the bits of the one that was read. Its attribute `metadata` is a dict of what
        is known of its training.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is no model file of ours, or damaged.

    Examples
    --------
    >>> from logreg import LogisticRegression, load_model, save_model
    >>> from logreg.engine import T
    >>> save_model(LogisticRegression(T.matrix("x"), n_in=4, n_out=2), "model.pkl")
    >>> load_model("model.pkl").W.get_value().shape
    (4, 2)
    """
    return as_model(*model_file.read_model(path))


def save_params(params: List[Any], path: AnyPath) -> None:
    """Write the parameters of a net in place of what is at `path`.

    Parameters
    ----------
    params : list of shared variables
        Of dtype float32 or float64. Nothing else of the net is kept.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If the file cannot be written.

    Examples
    --------
    >>> from logreg import LogisticRegression, save_params
    >>> from logreg.engine import T
    >>> net = LogisticRegression(T.tanh(T.matrix("x")), n_in=4, n_out=2)
    >>> save_params(net.params, "net.pkl")
    """
    write_whole(path, dumps_params(params))


def load_params(params: List[Any], path: AnyPath) -> None:
    """Give the parameters of a net the values that :func:`save_params` wrote.

    Parameters
    ----------
    params : list of shared variables
        The parameters of a net that was built like the one that was saved. If
        :class:`.BestModel` wrote the file, they may be followed by the net's running statistics.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If it is no such file, or damaged, or of another net. Then no parameter is changed.

    Examples
    --------
    >>> from logreg import LogisticRegression, load_params, save_params
    >>> from logreg.engine import T
    >>> net, same = (LogisticRegression(T.tanh(T.matrix("x")), 4, 2) for _ in range(2))
    >>> save_params(net.params, "net.pkl")
    >>> load_params(same.params, "net.pkl")
    """
    header, arrays = model_file.read(path, "parameters")
    values = [*arrays.values()]
    n_params = len(values) - header.get("n_statistics", 0)
    if len(params) == n_params:  # the statistics are not asked for
        values = values[:n_params]
    there = [(value.dtype.name, value.shape) for value in values]
    here = [(param.dtype, engine.value(param).shape) for param in params]
    if there != here:
        raise ModelFileError(
            f"{path} is of another net: its parameters are {cut(there, 200)}, those of this net "
            f"{cut(here, 200)}"
        )
    engine.set_values(params, values)

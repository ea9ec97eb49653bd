"""Plots of a model, as matplotlib has them on its axes, and in notebooks."""

import warnings

import numpy
import pytest
from builders import new_run, save

from logreg.prediction.predictor import Predictor
from logreg.report import plots
from logreg.run import Validation
from logreg.saving.facts import ModelFacts

matplotlib = pytest.importorskip("matplotlib")
Figure = pytest.importorskip("matplotlib.figure").Figure
FOUND = [[9, None, 0.4, 0.5], [19, 0.9, 0.2, 0.3], [29, 0.8, 0.1999, 0.3], [39, 0.8, 0.0, 0.3]]
CURVE = [
    Validation(iter, cost, error, 0.5, test_error=tested).as_dict()
    for iter, cost, error, tested in FOUND
]
TOLD = {"curve": CURVE, "n_train_batches": 10, "patience": 10, "patience_increase": 1.2}


def axes():
    return Figure().subplots()


def lines_of(ax):
    """The points of each line on the axes of a figure, by its label."""
    lines = [line for each in ax.figure.axes for line in each.get_lines()]
    points = {line.get_label(): numpy.nan_to_num(line.get_xydata()) for line in lines}
    return {label: xy.round(9).tolist() for label, xy in points.items()}


def test_a_curve_marks_the_best_and_the_significant_gains():
    save("m.pkl", numpy.eye(2), numpy.zeros(2), **TOLD)
    ax = plots.plot_curve(Predictor("m.pkl"), axes())
    expected = {
        "validation error": [[1, 40], [2, 20], [3, 19.99], [4, 0]],
        "test error of each new best": [[1, 50], [2, 30], [3, 30], [4, 30]],
        "significant gain": [[1, 40], [2, 20], [4, 0]],
        "best model": [[4, 0]],
        "end of patience": [[4.78, 0], [4.78, 1]],  # (39 * 1.2 + 1) / 10
        "training cost (right)": [[1, 0], [2, 0.9], [3, 0.8], [4, 0.8]],  # 0: not known
    }
    assert lines_of(ax) == expected


def test_a_curve_of_losses_has_the_errors_over_all_rows():
    """As the log of such a run has, and not those over whole minibatches."""
    curve = [
        Validation(9, 0.9, 0.4, 0.41, 0.7, 0.5, 0.51).as_dict(),
        Validation(19, 0.8, 0.2, 0.21, 0.6, 0.3, 0.31).as_dict(),
    ]
    save("m.pkl", numpy.eye(2), **{**TOLD, "curve": curve, "criterion": "loss"})
    lines = lines_of(plots.plot_curve(Predictor("m.pkl"), axes()))
    assert lines["validation error"] == [[1, 41], [2, 21]]
    assert lines["test error of each new best"] == [[1, 51], [2, 31]]
    assert lines["validation loss (right)"] == lines["significant gain"] == [[1, 0.7], [2, 0.6]]


@pytest.mark.parametrize("last, tested", [(4950, None), (4500, 0.5)])
def test_a_long_curve_is_kept_in_500_points_and_stops_as_the_run_did(last, tested):
    """New bests alone may be more than 500 points; and the last of them need not be the last."""
    n_better = numpy.arange(5000).clip(max=last)
    errors = 0.5 * 0.99 ** (n_better // 100) - 1e-9 * n_better
    run = new_run(settings={"improvement_threshold": 0.995, "patience": 9}, iter=4999)
    for i, error in enumerate(errors):
        test_error = tested if i <= last else None
        run.validations.append(Validation(i, 1.0, error, error, None, test_error, test_error))
    run.compute_stopping()
    facts = ModelFacts.from_metadata(run.model_facts())
    points = facts.validations
    stopping = facts.stopping
    assert len(points) <= 500 and (points[0].iter, points[-1].iter) == (0, 4999)
    line, *_ = plots.plot_curve(run, axes()).get_lines()
    assert line.get_ydata().tolist() == [100 * point.error for point in points]
    assert (stopping.best_iter, stopping.patience) == (last, run.stopping.patience)
    if tested is None:
        assert stopping.gain_iters == [*range(0, 5000, 100)]


def test_a_run_without_a_validation_has_no_curve():
    with pytest.raises(ValueError, match="no curve is known: no validation was made"):
        plots.plot_curve(new_run(), axes())


def test_a_confusion_matrix_has_counts_where_there_is_room():
    many = [rf"$\x{k}$大" + 30 * "x" for k in range(100)]  # as text, and not as TeX has it
    evaluation = {"confusion": {"labels": many, "counts": numpy.ones((100, 100)).tolist()}}
    ax = plots.plot_confusion(evaluation, axes())
    assert not ax.texts
    drawn = set()
    for own in ({}, {"image.origin": "lower", "axes.linewidth": 9}):  # a user's matplotlibrc
        with warnings.catch_warnings(), matplotlib.rc_context(own):
            warnings.simplefilter("error")  # of a glyph that no font has
            picture = plots.image(numpy.eye(4)[:2], "", plots.DIVERGING)
            drawn.add(picture + plots.svg(plots.plot_confusion, evaluation, size=(3, 3), alt=""))
            assert own.items() <= matplotlib.rcParams.items()
    assert len(drawn) == 1

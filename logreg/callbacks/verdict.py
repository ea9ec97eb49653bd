"""Sentences about data and runs: the result of a run, and whether its model is of any use."""

import math

import numpy

from logreg.parts.statistics import in_rows, with_interval

FEW_ROWS = 100  # below it, a validation error says little


def has_tutorial_lines(facts):
    """Whether a log has the tutorial's lines; for tables and pictures, it has a result instead."""
    is_of_pictures = facts.background is not None  # only pictures have one
    return not (facts.is_table or is_of_pictures)


def description(data):
    """Tell how large a data set is, and how its rows were split."""
    facts = data.facts
    n_train, n_valid, n_test = facts.rows
    n_folds = facts.n_folds
    order = ""
    if data.split_off:  # of the sets, some were made of the training rows
        order = " (in their order)" if facts.split_seed is None else " (split at random)"
    if n_folds:
        return (
            f"{facts.dataset}: {n_train} rows, {facts.n_in} features, {facts.n_out} classes\n"
            f"{n_folds} folds{order}: each is tested by a model of the others; then all rows train"
        )
    return (
        f"{facts.dataset}: {sum(facts.rows)} rows, {facts.n_in} features, {facts.n_out} classes\n"
        f"{n_train} rows to train on, {n_valid} to validate, {n_test} to test{order}"
    )


def result(run):
    """Tell the result of a run by its errors over all rows."""
    best = run.best_validation
    criterion = run.criterion
    best_value = getattr(best, criterion)
    test_lines = (
        f"test error: {_test_error(run)}\n"
        f"{_always_guessing(run)}: a test error of {100 * run.data.facts.baseline_error:.2f} %"
    )
    best_epoch = f"epoch {run.epoch_of(best.iter)} of {run.epoch}"
    if run.n_folds:
        return (
            f"best of the folds: {best_epoch}, by the validation {criterion} ({best_value:.6g}); "
            f"then all {run.data.facts.rows[0]} rows trained the model for as long\n{test_lines}"
        )
    refit = ""
    if run.n_refit_rows:
        refit = (
            f"trained anew for its {best.iter + 1} minibatches on {run.n_refit_rows} rows, with "
            "those of validation\n"
        )
    n_valid = run.data.facts.rows[1]
    validation_error = in_rows(best.error_all_rows, n_valid, run.data.is_weighted)
    return (
        f"best model: {best_epoch}, by the validation {criterion} ({best_value:.6g})\n"
        f"validation error: {validation_error}\n{refit}{test_lines}"
    )


def _validation_error(run):
    error = run.best_validation.error_all_rows
    return with_interval(error, run.data.facts.rows[1], run.data.is_weighted)


def _test_error(run):
    error = run.best_validation.test_error_all_rows
    return with_interval(error, run.data.facts.rows[2], run.data.is_weighted)


def explain(run):
    """Say why a run ended, and what would have lengthened it."""
    if run.reason == "diverged":
        return (
            f"warning: the run diverged in epoch {run.epoch}: its parameters grew too large; "
            "the best model is from before that. Give a lower learning rate"
        )
    if run.reason == "patience":
        gain = f"the last significant gain was at iteration {run.stopping.gain_iters[-1]}"
        return f"stopped by patience at iteration {run.iter}: {gain}{_outlook(run)}"
    if run.reason == "n_epochs":
        return f"stopped after all {run.epoch} epochs{_outlook(run)}"
    return run.ending


def _outlook(run):
    """Say what would have lengthened a run whose last validation was its best."""
    best = run.best_validation
    if run.validations[-1] is not best:
        return ""
    if best.error_all_rows == 0:
        return "; no validation row is wrong: the weights of separable classes grow without end"
    advice = f"more `{run.reason}`"  # the reason has the name of the setting that ended the run
    is_slow = run.reason == "n_epochs" and run.data.facts.is_table
    if is_slow and not run.hyperparameters.momentum:
        advice += ", or better a `momentum` of 0.9,"
    return f"; the last validation was the best: {advice} may help"


def doubts(run):
    """Yield the reasons for which the result of a run of the tutorial's model is doubtful.

    With the log of the tutorial, the first line is what a guess would achieve. The doubts are few
    validation rows, a training cost that has grown, and a model that is no better than a guess: see
    :func:`_compare_with_guesses`.
    """
    facts = run.data.facts
    if not (run.is_tutorial_model and facts.class_counts):  # a script's own data have no counts
        return
    if has_tutorial_lines(facts):
        yield (
            f"{_always_guessing(run)}, the most frequent class of the training rows, gives a test "
            f"error of {100 * facts.baseline_error:f} %"
        )
    n_valid = facts.rows[1]
    if n_valid < FEW_ROWS and run.n_folds:  # the same rows validate and test
        yield f"note: {n_valid} rows tell little: a test error of {_test_error(run)}"
    elif n_valid < FEW_ROWS:
        yield f"note: {n_valid} validation rows tell little: {_validation_error(run)}"
    cost = run.validations[-1].as_dict().get("cost")  # None if it is not finite
    initial_cost = math.log(facts.n_out)  # that of parameters of 0
    if cost is None or cost > 1.01 * initial_cost:
        ends = f"from {initial_cost:.6g} to {cost or math.nan:.6g}"
        advice = "a lower learning rate or standardized features may help"
        yield f"warning: the training cost has grown {ends}: {advice}"
    # With weights of classes, a model may make more errors than a guess and still do what is asked.
    elif not run.hyperparameters.class_weight:
        yield from _compare_with_guesses(run)


def _compare_with_guesses(run):
    """Compare the best model with two guesses; yield a doubt if it is no better.

    The first guess is the largest class, for every row. The second one is the shares of the classes
    as probabilities; its loss is their entropy.
    """
    best = run.best_validation
    facts = run.data.facts
    is_better = best.test_error_all_rows < facts.baseline_error
    counts = numpy.array(facts.class_counts)
    shares = counts[counts > 0] / counts.sum()
    entropy = (shares * numpy.log(1 / shares)).sum()  # 0 of one class, and not -0
    if best.loss is not None:
        losses = (
            f"its validation loss is {best.loss:.4g}, and that of always predicting the shares of "
            f"the classes {entropy:.4g}"
        )
        if best.loss > entropy:
            yield (
                f"warning: the best model has worse probabilities than a guess: {losses}; a lower "
                "learning rate may help, or the features may say nothing of the label"
            )
            return
        if not is_better and counts.max() > 2 * counts.min():
            yield (
                f"note: the best model is right no more often than {_always_guessing(run)}, and "
                f"yet it has learnt something: {losses}. The classes are uneven; "
                "`class_weight='balanced'` counts them the same, at the price of more errors for "
                "the larger ones"
            )
            return
    if not is_better:
        yield (
            f"warning: the best model is no better than {_always_guessing(run)}: the features may "
            "say nothing of the label"
        )


def _always_guessing(run):
    counts = run.data.facts.class_counts
    label = run.data.facts.class_labels[counts.index(max(counts))]
    return f"always guessing {repr(label)[:60]}"

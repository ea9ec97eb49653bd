"""How a training run ends: the reasons, and what is said of each."""

COMPLETE = ("patience", "n_epochs")
# These endings follow from data and settings: a training with the same ones ends in the same way.
REPEATABLE = (*COMPLETE, "diverged")
IN_WORDS = {"patience": "patience ran out", "n_epochs": "all epochs had been run"}


def explain(run):
    """Say why a run ended, and what would have lengthened it."""
    if run.reason == "diverged":
        return (
            f"warning: the run diverged in epoch {run.epoch}: its parameters grew too large; "
            "the best model is from before that. Give a lower learning rate"
        )
    if run.reason == "patience":
        gain = f"the last significant gain was at iteration {run.stopping.gains[-1]}"
        return f"stopped by patience at iteration {run.iter}: {gain}{_outlook(run)}"
    if run.reason == "n_epochs":
        return f"stopped after {run.epoch} of {run.epoch} epochs{_outlook(run)}"
    return run.ending


def _outlook(run):
    """Say what would have lengthened a run whose last validation was its best."""
    best = run.best_validation
    if not run.validations or run.validations[-1] is not best:
        return ""
    if best.error_all_rows == 0:
        return "; no validation row is wrong: the weights of separable classes grow without end"
    return f"; the last validation was the best: more `{run.reason}` may help"

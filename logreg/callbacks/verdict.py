"""What is said of a run at its end: whether its model is of any use."""

import math

from logreg.callbacks.base import Callback
from logreg.run import is_finite
from logreg.shell.console import note, warning

MAY_HELP = "a lower learning rate or standardized features may help"


class Verdict(Callback):
    """Says at the end of a run what always guessing one class would do, and warns of faults.

    It warns of a best model that is no better on the test rows, of a training cost that was not
    finite, and of one that is larger at the last validation than at the first, or than before
    the training: that of a model of zeros with `n_out` classes is ln(n_out). `label` is that of
    most training rows, and `error` the test error, over all rows, of always guessing it.
    """

    is_for_first = True

    def __init__(self, label, error, n_out):
        self.label = label
        self.error = error
        self.initial_cost = math.log(n_out)

    def on_train_end(self, run):
        if run.reason == "interrupted":
            return
        guess = f"always guessing {repr(self.label)[:60]}"
        source = "the most frequent class of the training rows"
        note("%s, %s, gives a test error of %f %%" % (guess, source, self.error * 100.0))
        if run.best_validation.test_error_all_rows >= self.error:
            mend = "more epochs, " * (run.reason == "n_epochs") + MAY_HELP
            if run.hyperparameters.class_weight:
                mend = "with balanced classes, see precision and recall (predict --evaluate)"
            warning(f"the best model is no better than {guess}: {mend}")
        costs = [v.cost for v in run.validations]
        if not all(map(is_finite, costs)):
            warning(f"the training cost was infinite or not a number: {MAY_HELP}")
        elif costs and costs[-1] > min(self.initial_cost, costs[0]):
            begin = min(self.initial_cost, costs[0])
            warning(f"the training cost has grown from {begin:.6g} to {costs[-1]:.6g}: {MAY_HELP}")

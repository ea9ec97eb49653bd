"""What training minimizes, and by which rule, as the hyperparameters say."""

import numpy

from logreg import updates
from logreg.engine import T
from logreg.model import LogisticRegression


def softmax_regression(n_in, n_out, hyperparameters, weights=None):
    """Build the tutorial's model: a LogisticRegression, and the first five arguments of `fit`.

    `weights` are those of the classes in the cost, if these are to differ.
    """
    x = T.matrix("x")
    y = T.ivector("y")
    classifier = LogisticRegression(input=x, n_in=n_in, n_out=n_out)
    errors = classifier.errors(y)
    cost = classifier.negative_log_likelihood(y, weights)
    if hyperparameters.l1:
        cost += hyperparameters.l1 * abs(classifier.W).sum()
    if hyperparameters.l2:
        cost += hyperparameters.l2 * (classifier.W**2).sum()
    rule, options = updates.sgd, [hyperparameters.learning_rate]
    if hyperparameters.momentum:
        rule, options = updates.momentum, [*options, hyperparameters.momentum]
    return classifier, (x, y, cost, errors, rule(cost, classifier.params, *options))


def balanced_weights(class_counts):
    """Weights for `negative_log_likelihood` by which each class counts as much as any other.

    `class_counts` has the number of training rows of each class, n_k. The weights are
    n / (n_out * n_k), as in scikit-learn, in an array of shape (n_out,), dtype float64.

    Examples
    --------
    >>> balanced_weights([2, 6]).tolist()
    [2.0, 0.6666666666666666]
    """
    counts = numpy.maximum(class_counts, 1)  # a class without rows has a weight for nothing
    return sum(class_counts) / (len(counts) * counts)

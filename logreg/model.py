r"""The model of the tutorial: multi-class logistic regression, as symbolic expressions.

The probability that an input row :math:`x` belongs to class :math:`i` is

.. math::

    P(Y = i \mid x, W, b) = \mathrm{softmax}_i(x W + b)
                          = \frac{e^{(x W + b)_i}}{\sum_j e^{(x W + b)_j}}

and the prediction is the class for which it is largest. See C. M. Bishop, "Pattern
Recognition and Machine Learning", section 4.3.4.
"""

import numbers
from dataclasses import replace
from typing import Any, Dict, NamedTuple

import numpy

from logreg import engine, updates
from logreg.basics.errors import SettingError
from logreg.engine import T, checked_labels, theano


class LogisticRegression:
    """Softmax classifier over a symbolic input. It builds expressions and nothing else.

    Parameters
    ----------
    input : symbolic matrix, shape (n, n_in)
        One row per example: a variable, or the output of a layer below.
    n_in : int
        Number of input units (the columns of `input`).
    n_out : int
        Number of classes.
    W : array, shared variable or symbolic matrix, shape (n_in, n_out), optional
        The weights to begin with, zeros if not given. An array is copied into a shared variable
        of dtype floatX, a shared variable is taken as it is, and an expression, such as
        ``other.W * (1 - p)``, is used as it is.
    b : array, shared variable or symbolic vector, shape (n_out,), optional
        The biases to begin with, like `W`.

    Attributes
    ----------
    W : shared variable or expression, shape (n_in, n_out)
        Weights, a column for each class. The border between classes j and k is perpendicular to
        the difference of their columns.
    b : shared variable or expression, shape (n_out,)
        Biases.
    params : list of shared variables
        ``[W, b]``, or those of the two that are shared variables: what training may change.
    input : symbolic matrix
        As given.
    p_y_given_x : symbolic matrix, shape (n, n_out), dtype floatX
        Class-membership probabilities; each row sums to 1.
    y_pred : symbolic vector, shape (n,), dtype int64
        The most probable class of each row.
    metadata : dict
        What a model file tells of the training; only a model that was loaded has it.

    Raises
    ------
    SettingError
        If `W` or `b` is of another shape, or does not hold numbers; or if there is no class.

    Examples
    --------
    >>> x = T.matrix("x")
    >>> classifier = LogisticRegression(input=x, n_in=784, n_out=10)
    >>> classifier, classifier.params
    (LogisticRegression(n_in=784, n_out=10), [W, b])
    >>> predict = theano.function([x], classifier.y_pred)
    >>> predict(numpy.zeros((2, 784), theano.config.floatX))
    array([0, 0])
    >>> halved = LogisticRegression(x, 784, 10, W=0.5 * classifier.W, b=classifier.b)
    >>> halved.params
    [b]
    """

    metadata: Dict[str, Any]

    def __init__(self, input: Any, n_in: int, n_out: int, W: Any = None, b: Any = None) -> None:
        self.W = _parameter("W", W, (n_in, n_out))
        self.b = _parameter("b", b, (n_out,))
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [param for param in (self.W, self.b) if hasattr(param, "get_value")]
        self.input = input
        self.n_in = n_in
        self.n_out = n_out

    def __repr__(self):
        return f"LogisticRegression(n_in={self.n_in}, n_out={self.n_out})"

    def negative_log_likelihood(self, y: Any, weights: Any = None) -> Any:
        r"""Mean over the minibatch of the negative log-likelihood of the labels.

        .. math::

            -\frac{1}{n} \sum_{i=1}^{n} w_{y_i} \log P(Y = y_i \mid x_i, W, b)

        The mean, not the sum, so that the learning rate does not depend on the batch size.

        Parameters
        ----------
        y : symbolic vector, shape (n,), any integer dtype
            The correct class of each row, 0 <= y < n_out: any other ends in an error when the
            expression is computed.
        weights : array or symbolic vector, shape (n_out,), optional
            The factor :math:`w` of each class, 0 or more; 1 if not given. The sum is still
            divided by n, not by the sum of the weights.

        Returns
        -------
        symbolic scalar, dtype floatX

        Raises
        ------
        SettingError
            If `weights` are not such numbers.
        """
        labels = checked_labels(y, self.b.shape[0])
        log_likelihoods = self._log_likelihoods(labels)
        if weights is not None:
            weights = _checked_weights(weights, self.n_out, self.W.dtype)
            log_likelihoods = weights[labels] * log_likelihoods
        return -T.mean(log_likelihoods)

    def _log_likelihoods(self, labels: Any) -> Any:
        """The logarithm of the probability of each row's label, which must be a class."""
        # Theano and PyTensor rewrite log(softmax) and its gradient to the form that stays finite
        # when a probability underflows to 0.
        return T.log(self.p_y_given_x)[T.arange(labels.shape[0]), labels]

    def errors(self, y: Any) -> Any:
        """Mean over the minibatch of the zero-one loss: the fraction misclassified.

        Parameters
        ----------
        y : symbolic vector, shape (n,), any integer dtype
            The correct class of each row.

        Returns
        -------
        symbolic scalar, dtype float64

        Raises
        ------
        TypeError
            If `y` is not a vector.
        NotImplementedError
            If `y` is not of an integer type.
        """
        if y.ndim != self.y_pred.ndim:
            raise TypeError(
                "y has %d dimensions (%s), but errors() needs a vector of class labels, one "
                "per row; for one-hot rows pass T.argmax(y, axis=1)" % (y.ndim, y.type)
            )
        if not y.dtype.startswith(("int", "uint")):
            raise NotImplementedError(
                f"y is of type {y.dtype}, but errors() needs labels of an integer type; "
                "pass T.cast(y, 'int32')"
            )
        return T.mean(T.neq(self.y_pred, y))


def _parameter(name, given, shape) -> Any:
    """Make a shared variable of an array; check a symbolic value and return it as it is."""
    if not all(isinstance(n, numbers.Integral) and n >= 1 for n in shape):
        raise SettingError(
            f"{name} would have the shape {shape}: n_in and n_out must be whole numbers, 1 or more"
        )
    value = numpy.zeros(shape) if given is None else _value(given)
    is_symbolic = engine.is_symbolic(given)  # a shared variable is, too
    kinds = "f" if is_symbolic else "fiu"  # an array of whole numbers is cast to floats
    if not _has_shape(value, shape) or numpy.dtype(value.dtype).kind not in kinds:
        found = f"{value.dtype} of shape {value.shape}"
        if not isinstance(value, numpy.ndarray):  # an expression, whose shape is not known
            found = value.type
        raise SettingError(
            f"{name} is {found}: floats of shape {shape} are needed, as n_in and n_out say"
        )
    if is_symbolic:
        return given
    array = numpy.array(value, dtype=theano.config.floatX, order="C")
    return theano.shared(array, name=name, borrow=True)


def _checked_weights(given, n_out, dtype):
    """Make an expression of the weights of classes, and check them if their values are known."""
    value = _value(given)
    is_right = _has_shape(value, (n_out,))
    if is_right and isinstance(value, numpy.ndarray):
        value = value.astype(dtype)
        is_right = (numpy.isfinite(value) & (value >= 0)).all()
    if not is_right:
        raise SettingError(
            f"weights is {str(value)[:60]}: a vector of a finite number, 0 or more, for each of "
            f"the {n_out} classes is needed"
        )
    return T.cast(given if engine.is_symbolic(given) else value, dtype)


def _value(given):
    """Get the value of an array or of a shared variable; an expression stays as it is."""
    if hasattr(given, "get_value"):
        return engine.value(given)
    return given if engine.is_symbolic(given) else numpy.asarray(given)


def _has_shape(value, shape):
    """Whether an array has a shape; of an expression, only the number of dimensions is known."""
    if isinstance(value, numpy.ndarray):
        return value.shape == shape
    return value.ndim == len(shape)


class Expressions(NamedTuple):
    """The symbolic expressions over a minibatch that are arguments of `fit`."""

    x: Any
    y: Any
    cost: Any
    errors: Any
    updates: Any
    loss: Any  # the cost without penalties
    # Whether cost and updates are made of the run's Hyperparameters, as those of the tutorial are.
    is_tutorial_model: bool = False


class WeightedRows(NamedTuple):
    """The class and the weights of each row of a data set whose rows count differently.

    In such a data set, a label y is no class but the index of its row; the estimator counts the
    given rows, and a DataSet those of all three sets. The class of a row is ``classes[y]``, and its
    weights are found in the same way.
    """

    classes: numpy.ndarray
    weights: numpy.ndarray  # factors in the cost
    error_weights: numpy.ndarray  # factors in the errors; in each set, their mean is 1
    loss_weights: numpy.ndarray  # factors in the loss: error_weights times weights of the classes


def softmax_regression(n_in, n_out, hyperparameters, weights=None, rows=None):
    """Build the tutorial's model: a LogisticRegression, and the :class:`Expressions` over it.

    `weights` are those of the classes in the cost; without them, all count the same. The loss is
    the cost without penalties. With `rows`, which are :class:`WeightedRows`, y are row numbers, and
    the loss has weights of its own.
    """
    x = T.matrix("x")  # a minibatch, one example a row
    y = T.ivector("y")  # and its labels
    classifier = LogisticRegression(input=x, n_in=n_in, n_out=n_out)
    if rows:
        labels = theano.shared(rows.classes.astype("int32"))[y]
        # The weights of the rows of the minibatch.
        weights, error_weights, loss_weights = (
            theano.shared(values.astype(theano.config.floatX))[y] for values in rows[1:]
        )
        log_likelihoods = classifier._log_likelihoods(labels)
        cost = -T.mean(weights * log_likelihoods)
        loss = -T.mean(loss_weights * log_likelihoods)
        errors = T.mean(error_weights * T.neq(classifier.y_pred, labels))
    else:
        cost = loss = classifier.negative_log_likelihood(y, weights)
        errors = classifier.errors(y)
    # `cost +=` makes a new expression: the loss stays without penalties.
    if hyperparameters.l1:
        cost += hyperparameters.l1 * abs(classifier.W).sum()
    if hyperparameters.l2:
        cost += hyperparameters.l2 * (classifier.W**2).sum()
    learning_rate = hyperparameters.learning_rate
    momentum = hyperparameters.momentum
    if momentum:
        rule = updates.momentum(cost, classifier.params, learning_rate, momentum)
    else:
        rule = updates.sgd(cost, classifier.params, learning_rate)
    return classifier, Expressions(x, y, cost, errors, rule, loss, is_tutorial_model=True)


def balanced_weights(class_counts):
    """Compute weights for `negative_log_likelihood` that give all classes the same influence.

    `class_counts` has the number of training rows of each class, or the sum of their weights: n_k.
    The weights are n / (n_out * n_k), as in scikit-learn, in an array of shape (n_out,), float64.

    Examples
    --------
    >>> balanced_weights([2, 4, 0]).tolist()  # the last class has no row
    [1.0, 0.5, 2.0]
    """
    counts = numpy.array(class_counts)
    counts[counts == 0] = 1  # the weight of a class without rows is not used
    return sum(class_counts) / (len(counts) * counts)


def weight_rows(data, class_weights=None):
    """Make the :class:`WeightedRows` of a DataSet whose rows have weights.

    Returns the DataSet with row numbers as its labels, and the WeightedRows. In the cost, the
    weights of the rows are divided by their mean over the training rows; in errors and in the loss,
    by their mean over the rows of the set. Then, if the classes have weights, those in the cost and
    in the loss are multiplied by the weight of the row's class.
    """
    y = numpy.concatenate([labels for _, labels in data])
    sets = data.weights.values()
    weights = numpy.concatenate([*sets]) / data.weights["train"].mean()
    error_weights = numpy.concatenate([each / each.mean() for each in sets])
    loss_weights = error_weights
    if class_weights is not None:
        weights = weights * class_weights[y]
        loss_weights = error_weights * class_weights[y]
    row_numbers = numpy.arange(len(y), dtype="int32")
    n_train, n_valid, _ = data.facts.rows
    parts = numpy.split(row_numbers, [n_train, n_train + n_valid])
    train, valid, test = ((x, part) for (x, _), part in zip(data, parts))
    data = replace(data, train=train, valid=valid, test=test)
    return data, WeightedRows(y, weights, error_weights, loss_weights)

r"""The model of the Theano tutorial: multi-class logistic regression, as symbolic expressions.

The probability that an input row :math:`x` belongs to class :math:`i` is

.. math::

    P(Y = i \mid x, W, b) = \mathrm{softmax}_i(x W + b)
                          = \frac{e^{(x W + b)_i}}{\sum_j e^{(x W + b)_j}}

and the prediction is the class for which it is largest. See C. M. Bishop, "Pattern
Recognition and Machine Learning", section 4.3.4.
"""

import numbers
from typing import Any, Dict

import numpy

from logreg import engine, updates
from logreg.basics.errors import SettingError
from logreg.engine import Expressions, Minibatch, T, theano


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
        The weights to begin with, zeros if not given. An array is copied into a new shared variable
        of dtype floatX. A shared variable, or an expression such as ``other.W * (1 - p)``, is
        itself the `W` of the model.
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
        If `W` or `b` is of another shape, or an expression of another number of dimensions; if an
        array does not hold real numbers, or what is symbolic does not hold floats; or if `n_in` or
        `n_out` is no whole number from 1.

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
        # A mark tells logreg.engine what an expression is, and of which variables it is made. Then
        # the native kernel (logreg.kernel) can compute it in the place of Theano or PyTensor, only
        # faster. The cost and the errors get marks, too.
        engine.mark(self.p_y_given_x, "probabilities", input, self.W, self.b)
        engine.mark(self.y_pred, "classes", input, self.W, self.b)
        self.params = [param for param in (self.W, self.b) if hasattr(param, "get_value")]
        self.input = input
        self.n_in = n_in
        self.n_out = n_out

    def __repr__(self):
        return f"LogisticRegression(n_in={self.n_in}, n_out={self.n_out})"

    def negative_log_likelihood(self, y: Any, weights: Any = None) -> Any:
        r"""Mean over the minibatch of the negative log-likelihood of the labels.

        .. math::

            -\frac{1}{n} \sum_{i=1}^{n} w_i \log P(Y = y_i \mid x_i, W, b)

        The mean, not the sum, so that the learning rate does not depend on the batch size.

        Parameters
        ----------
        y : symbolic vector, shape (n,), any integer dtype
            The correct class of each row, 0 <= y < n_out: any other ends in an error when the
            expression is computed.
        weights : symbolic vector, shape (n,), dtype floatX, optional
            The factor :math:`w` of each row; 1 if not given. The sum is still divided by n, not by
            the sum of the weights.

        Returns
        -------
        symbolic scalar, dtype floatX
        """
        labels = engine.checked_labels(y, self.n_out)
        # Theano and PyTensor rewrite log(softmax) and its gradient to the form that stays finite
        # when a probability underflows to 0.
        log_likelihoods = T.log(self.p_y_given_x)[T.arange(labels.shape[0]), labels]
        if weights is not None:
            log_likelihoods = weights * log_likelihoods
        cost = -T.mean(log_likelihoods)
        parts = engine.marked_parts(self.p_y_given_x, "probabilities")
        if parts:  # input, W and b; a subclass may have other probabilities, without a mark
            engine.mark(cost, "cost", *parts, y, weights)
        return cost

    def errors(self, y: Any, weights: Any = None) -> Any:
        """Mean over the minibatch of the zero-one loss: the fraction misclassified.

        Parameters
        ----------
        y : symbolic vector, shape (n,), any integer dtype
            The correct class of each row.
        weights : symbolic vector, shape (n,), optional
            The factor of each row; 1 if not given.

        Returns
        -------
        symbolic scalar, dtype float64, or that of the weights

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
        is_wrong = T.neq(self.y_pred, y)
        if weights is not None:
            is_wrong = weights * is_wrong
        errors = T.mean(is_wrong)
        parts = engine.marked_parts(self.y_pred, "classes")
        if parts:  # input, W and b, as above
            engine.mark(errors, "errors", *parts, y, weights)
        return errors


def _parameter(name, given, shape) -> Any:
    """Make a shared variable of an array, or of zeros; check a symbolic value and return it."""
    if not all(isinstance(n, numbers.Integral) and n >= 1 for n in shape):
        raise SettingError(
            f"{name} would have the shape {shape}: n_in and n_out must be whole numbers, 1 or more"
        )
    is_symbolic = engine.is_symbolic(given)  # a shared variable is, too
    if given is None:
        value = numpy.zeros(shape)
    elif hasattr(given, "get_value"):
        value = engine.value(given)
    elif is_symbolic:
        value = given
    else:
        value = numpy.asarray(given)
    if isinstance(value, numpy.ndarray):
        has_shape = value.shape == shape
        found = f"{value.dtype} of shape {value.shape}"
    else:  # an expression: only its number of dimensions is known
        has_shape = value.ndim == len(shape)
        found = value.type
    kinds = "f" if is_symbolic else "fiu"  # an array of whole numbers is cast to floats
    if not has_shape or numpy.dtype(value.dtype).kind not in kinds:
        raise SettingError(
            f"{name} is {found}: floats of shape {shape} are needed, as n_in and n_out say"
        )
    if is_symbolic:
        return given
    array = numpy.array(value, dtype=theano.config.floatX, order="C")
    return theano.shared(array, name=name, borrow=True)


def softmax_regression(facts, hyperparameters, class_weights=None, has_weights=False):
    """Build the tutorial's model: a LogisticRegression, and the :class:`Expressions` over it.

    Parameters
    ----------
    facts : Facts
        What is known of the data, such as the numbers of features and classes.
    hyperparameters : Hyperparameters
    class_weights : numpy.ndarray, shape (n_out,), optional
        A weight for each class, which all rows of the class have in the cost and in the loss, and
        not in the errors.
    has_weights : bool
        Whether the rows have weights, which count in the cost, in the errors and in the loss.

    Returns
    -------
    classifier : LogisticRegression
    expressions : Expressions
        The loss is the cost without penalties.
    """
    x = T.matrix("x")  # a minibatch, one example a row
    y = T.ivector("y")  # and its labels
    weights = T.vector("weights") if has_weights else None
    classifier = LogisticRegression(input=x, n_in=facts.n_in, n_out=facts.n_out)
    cost_weights = weights
    if class_weights is not None:
        cost_weights = T.constant(class_weights.astype(theano.config.floatX))[y]
        if has_weights:
            cost_weights = weights * cost_weights
    cost = classifier.negative_log_likelihood(y, cost_weights)
    loss = cost
    # `cost +=` makes a new expression: the loss stays without penalties. logreg.engine finds the
    # marked cost in the sum.
    if hyperparameters.l1:
        cost += hyperparameters.l1 * abs(classifier.W).sum()
    if hyperparameters.l2:
        cost += hyperparameters.l2 * (classifier.W**2).sum()
    learning_rate = hyperparameters.learning_rate
    momentum = hyperparameters.momentum
    if momentum:
        new_values = updates.momentum(cost, classifier.params, learning_rate, momentum)
    else:
        new_values = updates.sgd(cost, classifier.params, learning_rate)
    errors = classifier.errors(y, weights)
    return classifier, Expressions(Minibatch(x, y, weights), cost, errors, loss, new_values)


def tutorial_model(data, hyperparameters):
    """Call :func:`softmax_regression` for a :class:`.DataSet`, with balanced classes if asked."""
    class_weights = None
    if hyperparameters.class_weight == "balanced":
        class_weights = balanced_weights(data.facts.class_counts)
    has_weights = bool(data.weights)  # a dict from each set's name to the weights of its rows
    return softmax_regression(data.facts, hyperparameters, class_weights, has_weights)


def balanced_weights(class_counts):
    """Compute the weights of classes that give all of them the same influence.

    `class_counts` has the number of training rows of each class, or the sum of their weights: n_k.
    The weights are n / (n_out * n_k), as in scikit-learn, where n is the sum of all n_k. They are
    an array of shape (n_out,), float64.

    Examples
    --------
    >>> balanced_weights([2, 4, 0]).tolist()  # the last class has no row
    [1.0, 0.5, 2.0]
    """
    counts = numpy.array(class_counts)
    counts[counts == 0] = 1  # the weight of a class without rows is not used
    return sum(class_counts) / (len(counts) * counts)

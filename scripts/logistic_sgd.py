"""The tutorial's program in one file: a softmax classifier, trained by minibatch SGD.

    python scripts/logistic_sgd.py               # on the sample that comes with logreg
    python scripts/logistic_sgd.py MNIST         # on the four IDX files in a folder

It reads from top to bottom: the model, the data, the training with early stopping, and the
prediction. It imports nothing of logreg, and prints what logreg prints on the same data. For MNIST
that is the log of the Theano tutorial, to the last digit. The best model goes into best_model.pkl.
(scripts/fetch_mnist.py fetches MNIST.)
"""

import functools
import gzip
import os
import pickle
import sys
import timeit

import numpy

# Both engines compute in float64 unless they are told. Theano also looks for a BLAS through
# numpy.distutils, which fails on NumPy 1.22 and later: an empty flag keeps it from looking. Of two
# values of a flag, the later one holds: so yours stay.
FLAGS = {"THEANO_FLAGS": "floatX=float32,blas.ldflags=", "PYTENSOR_FLAGS": "floatX=float32"}
for name, flags in FLAGS.items():
    os.environ[name] = flags + "," + os.environ.get(name, "")
try:
    import theano
    import theano.tensor as T
    from theano.tensor.nnet import softmax
except ImportError:  # from Python 3.12 on, there is PyTensor, which continues Theano
    import pytensor as theano
    import pytensor.tensor as T

    softmax = functools.partial(T.special.softmax, axis=1)

SAMPLE = os.path.join(os.path.dirname(__file__), "..", "data", "mnist_sample.npz")
BEST_MODEL = "best_model.pkl"


class LogisticRegression:
    """Softmax regression: it computes a score for each class, and turns scores into probabilities.

    The scores of a row x are x W + b. The probability of a class is exp(its score), divided by the
    sum over all classes.

    Parameters
    ----------
    input : symbolic matrix, shape (n, n_in)
        A minibatch of rows.
    n_in, n_out : int
        The number of features and of classes.
    """

    def __init__(self, input, n_in, n_out):
        # The cost is convex: zeros are as good a start as any other.
        self.W = theano.shared(numpy.zeros((n_in, n_out), theano.config.floatX), name="W")
        self.b = theano.shared(numpy.zeros(n_out, theano.config.floatX), name="b")
        self.params = [self.W, self.b]
        self.input = input
        self.p_y_given_x = softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)

    def negative_log_likelihood(self, y):
        """The cost: the mean of -log(probability of the right class) over the minibatch."""
        # The engine replaces the logarithm of a softmax by a formula that stays finite.
        rows = T.arange(y.shape[0])
        return -T.mean(T.log(self.p_y_given_x)[rows, y])

    def errors(self, y):
        """The fraction of the minibatch that is put into a wrong class."""
        if y.ndim != 1:
            raise TypeError(f"y has {y.ndim} dimensions: it must be a vector, a label for each row")
        if not y.dtype.startswith("int"):
            raise NotImplementedError(f"y has the type {y.dtype}: cast the labels to an int type")
        return T.mean(T.neq(self.y_pred, y))


def read_idx(path):
    """Read an IDX file of bytes, gzipped or not: a header, the sizes of the axes, the values."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            data = file.read()
    else:
        with gzip.open(path + ".gz", "rb") as file:
            data = file.read()
    n_axes = data[3]
    shape = numpy.frombuffer(data, ">i4", n_axes, offset=4)
    return numpy.frombuffer(data, "uint8", offset=4 + 4 * n_axes).reshape(shape)


def load_data(folder=None):
    """Load the training, the validation and the test set, as pairs of shared variables.

    Without a folder, they are those of the sample. Of MNIST, the last 10,000 training images are
    the validation set.
    """
    if folder is None:
        with numpy.load(SAMPLE) as sample:
            names = ("train", "valid", "test")
            pairs = [(sample["x_" + name], sample["y_" + name]) for name in names]
    else:
        x = read_idx(os.path.join(folder, "train-images-idx3-ubyte"))
        y = read_idx(os.path.join(folder, "train-labels-idx1-ubyte"))
        x_test = read_idx(os.path.join(folder, "t10k-images-idx3-ubyte"))
        y_test = read_idx(os.path.join(folder, "t10k-labels-idx1-ubyte"))
        pairs = [(x[:-10000], y[:-10000]), (x[-10000:], y[-10000:]), (x_test, y_test)]
    return [shared_dataset(images, labels) for images, labels in pairs]


def shared_dataset(images, labels):
    """Put images, as rows of numbers from 0 to 1, and their labels into shared variables."""
    x = images.reshape(len(images), -1).astype(theano.config.floatX) / 256
    y = labels.astype("int32")
    # Nobody else uses these arrays: borrowing them saves a copy.
    return theano.shared(x, name="x", borrow=True), theano.shared(y, name="y", borrow=True)


def sgd_optimization_mnist(folder=None, learning_rate=0.13, n_epochs=1000, batch_size=600):
    """Train until patience runs out, print the log, and keep the best model in best_model.pkl."""
    print("... loading data")
    datasets = load_data(folder)
    n_rows = [images.get_value(borrow=True).shape[0] for images, _ in datasets]
    n_train_batches, n_valid_batches, n_test_batches = (n // batch_size for n in n_rows)

    print("... building the model")
    index = T.lscalar("index")
    x = T.matrix("x")
    y = T.ivector("y")
    classifier = LogisticRegression(x, n_in=28 * 28, n_out=10)
    cost = classifier.negative_log_likelihood(y)
    gradients = T.grad(cost, classifier.params)
    updates = [(param, param - learning_rate * g) for param, g in zip(classifier.params, gradients)]
    start = index * batch_size

    def minibatch(set_x, set_y):
        return {x: set_x[start : start + batch_size], y: set_y[start : start + batch_size]}

    train_model = theano.function([index], cost, updates=updates, givens=minibatch(*datasets[0]))
    validate_model = theano.function([index], classifier.errors(y), givens=minibatch(*datasets[1]))
    test_model = theano.function([index], classifier.errors(y), givens=minibatch(*datasets[2]))

    print("... training the model")
    patience = 5000  # minibatches that are trained on in any case
    patience_increase = 2  # a significant improvement makes it wait for twice as many
    improvement_threshold = 0.995  # below this share of the best error, it is significant
    validation_frequency = min(n_train_batches, patience // 2)
    best_error = numpy.inf
    test_error = None
    epoch = 0
    is_patient = True
    start_time = timeit.default_timer()
    while is_patient and epoch < n_epochs:
        epoch += 1
        for minibatch_index in range(n_train_batches):
            train_model(minibatch_index)
            iter = n_train_batches * (epoch - 1) + minibatch_index
            if (iter + 1) % validation_frequency == 0:
                error = numpy.mean([validate_model(i) for i in range(n_valid_batches)])
                where = f"epoch {epoch}, minibatch {minibatch_index + 1}/{n_train_batches}"
                print(f"{where}, validation error {100 * error:f} %")
                if error < best_error:
                    if error < best_error * improvement_threshold:
                        patience = max(patience, iter * patience_increase)
                    best_error = error
                    test_error = numpy.mean([test_model(i) for i in range(n_test_batches)])
                    print(f"     {where}, test error of best model {100 * test_error:f} %")
                    with open(BEST_MODEL, "wb") as file:
                        pickle.dump(classifier, file)
            if patience <= iter:
                is_patient = False
                break
    seconds = timeit.default_timer() - start_time

    print(
        f"Optimization complete with best validation score of {100 * best_error:f} %, "
        f"with test performance {100 * test_error:f} %"
    )
    print(f"The code run for {epoch} epochs, with {epoch / seconds:f} epochs/sec")


def predict(folder=None):
    """Load the best model, and print its answers to the first ten test images."""
    with open(BEST_MODEL, "rb") as file:
        classifier = pickle.load(file)  # a pickle can run code: load none that is not yours
    predict_model = theano.function([classifier.input], classifier.y_pred)
    test_x, _ = load_data(folder)[2]
    print("Predicted values for the first 10 examples in test set:")
    print(predict_model(test_x.get_value()[:10]))


if __name__ == "__main__":
    sgd_optimization_mnist(*sys.argv[1:2])
    predict(*sys.argv[1:2])

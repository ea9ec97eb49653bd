"""Draws the pictures of the tutorial, logreg/tutorial/*.svg, from runs on MNIST and its sample."""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy
import scipy.special
from matplotlib import rcParams
from matplotlib.colors import to_rgb

from logreg import Hyperparameters
from logreg.datasets.dataset import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.engine import theano
from logreg.prediction.evaluation import evaluate
from logreg.prediction.predictor import Predictor
from logreg.report import plots
from logreg.sgd import train_softmax
from logreg.tutorial.text import HERE
from logreg.tutorial.toy_data import plane, validations

INK = "#767676"  # legible on white and on black
COLOURS = (plots.BLUE, plots.ORANGE, plots.GREY)
# As on the page: those of classes, of what speaks for an answer, and of what speaks against it.
CLASSES = ("#9a6fd6", "#b9770e", "#16939f")
FOR, AGAINST = "#d6604d", "#4393c3"


def softmax(z):
    """The probabilities of scores, each row of which sums to 1."""
    return scipy.special.softmax(z, axis=1)


def loss(x, y, W, b):
    """The mean of -log p of the right classes."""
    return -numpy.log(softmax(x @ W + b)[numpy.arange(len(y)), y]).mean()


def panels(ax, *shape, **options):
    """Put several axes in place of one, in an array."""
    figure = ax.figure
    ax.remove()
    return figure.subplots(*shape, **options)


def show(ax, digits, top=None, **labels):
    """Draw digits side by side: in grey, or weights from -top, blue, to top, red."""
    # Fewer colours take less room.
    picture = numpy.rint(16 / (top or 1) * numpy.hstack(digits.reshape(-1, 28, 28))) / 16
    ax.imshow(picture, plots.DIVERGING if top else "gray_r", vmin=-bool(top), vmax=1)
    ax.set(xticks=[], yticks=[], **labels)


def draw_weights(predictor, ax):
    """Draw the ten weights."""
    for k, one in enumerate(panels(ax, 2, 5).flat):
        show(one, predictor.W[:, k], plots.colour_limit(predictor.W), title=k)
        one.spines[:].set_visible(False)


def draw_sums(mnist, predictor, ax):
    """Draw a three, its pixels times their weights for the answer 3, and the ten sums."""
    x = mnist.test[0][mnist.test[1] == 3][1] / 256  # the first is a slanted one
    products, sums = x * predictor.W[:, 3], x @ predictor.W + predictor.b
    digit, product, bars = panels(ax, 1, 3, gridspec_kw={"width_ratios": (1, 1, 1.8)})
    show(digit, x, title="a digit")
    show(product, products, abs(products).max(), title=f"times the weights of 3: {sums[3]:.1f}")
    bars.bar(range(10), sums, color=numpy.where(sums > 0, FOR, AGAINST))
    bars.axhline(0, color=plots.GREY, lw=0.8)
    bars.set(title="the ten sums", xticks=range(10))


def draw_pushed(mnist, predictor, ax):
    """Draw a three that is pushed to the right, and what the model says to it."""
    x = mnist.test[0][mnist.test[1] == 3][14].reshape(28, 28) / 256
    for n, one in zip((0, 1, 2, 4), panels(ax, 1, 4)):
        pushed = numpy.roll(x, n, axis=1).reshape(1, 784)
        p = softmax(pushed @ predictor.W + predictor.b)[0]
        show(one, pushed, title=f"{n} pixels: {p.argmax()}, {p.max():.0%}")


def example():
    """The example of chapters 2 to 4: X, labels, W and b."""
    X = numpy.array([[1.0, 2], [3, 1], [0, 0], [2, 2]])
    W = numpy.array([[1.0, 0, -1], [0.0, 1, -1]])
    return X, [1, 0, 0, 1], W, numpy.array([0.0, 0, 2])


def draw_regions(ax, W, b, low, high):
    """Shade where on the plane each class has the largest score."""
    grid = numpy.linspace(low, high, 201)
    regions = (numpy.stack(numpy.meshgrid(grid, grid), axis=-1) @ W + b).argmax(axis=2)
    shades = numpy.array([to_rgb(colour) for colour in CLASSES])[regions]
    ax.imshow(shades, origin="lower", extent=[low, high] * 2, alpha=0.25)


def draw_borders(ax):
    """Draw the rows of the example, and the regions of its three classes."""
    X, _, W, b = example()
    draw_regions(ax, W, b, -1, 4)
    for k, place in enumerate(((3, 0), (0, 3), (-0.5, -0.5))):
        ax.text(*place, f"class {k}", color=CLASSES[k], ha="center", weight="bold")
    for x, y in ((4, 4), (-1, 1.5), (1.5, -1)):
        ax.plot([2 / 3, x], [2 / 3, y], color=plots.GREY)
    ax.plot(*X.T, "o", color=INK)
    for x in X:
        ax.annotate(f"({x[0]:g}, {x[1]:g})", x, (6, 4), textcoords="offset points")
    ax.set(xlabel="x₀", ylabel="x₁", xlim=(-1, 4), ylim=(-1, 4))


def draw_hill(whole):
    """Draw the cost of the example on the way against its gradient, and steps at three rates."""
    X, y, W, b = example()
    gap = (softmax(X @ W + b) - numpy.eye(3)[y]) / 4
    g_W, g_b = X.T @ gap, gap.sum(axis=0)

    def cost(rate):
        return loss(X, y, W - rate * g_W, b - rate * g_b)

    for ax, end, rates in zip(panels(whole, 1, 2), (1.7, 11), ((0, 0.13, 1), (0, 0.13, 1, 10))):
        way = numpy.linspace(-0.2, end, 50)
        ax.plot(way, [cost(rate) for rate in way], color=plots.GREY)
        ax.axline((0, cost(0)), (1e-6, cost(1e-6)), ls="--", color=plots.BLUE, label="the slope")
        for rate, marker in zip(rates, "oDs^"):
            ax.plot(rate, cost(rate), marker, color=plots.ORANGE, label=f"rate {rate:g}")
        ax.set(xlabel="rate", ylabel="cost")
        ax.legend(framealpha=0)


def descend(x, y, rate, n_epochs, size=100, decay=0):
    """Train in NumPy, `size` rows a step; give W, b and A of each epoch.

    Without decay, A is that of chapter 15: W is x.T @ A.
    """
    A = numpy.zeros((len(y), y.max() + 1))
    W, b = x.T @ A, A.sum(axis=0)
    truth = numpy.eye(len(b))[y]
    for _ in range(n_epochs):
        for i in range(0, len(y), size):
            rows = slice(i, i + size)
            gap = (softmax(x[rows] @ W + b) - truth[rows]) / size
            W = W - rate * (x[rows].T @ gap + 2 * decay * W)
            b = b - rate * gap.sum(axis=0)
            A[rows] -= rate * gap
        yield W, b, A


def draw_shares(sample, ax):
    """Draw a five that is read as a six, and the training digits with the largest shares in it."""
    x, five = sample.train[0] / 256, sample.test[0][8] / 256
    *_, (_, _, A) = descend(x, sample.train[1], 0.13, 20)
    shares = (A[:, 6] - A[:, 5]) * (x @ five + 1)
    rows = panels(ax, 2, 6)
    show(rows[0, 0], five, title=f"6 leads 5 by {shares.sum():.1f}")
    rows[1, 0].axis("off")
    most, least = numpy.argsort(-shares)[:5], numpy.argsort(shares)[:5]
    for one, i in zip(rows[:, 1:].flat, [*most, *least]):
        show(one, x[i], title=f"{sample.train[1][i]}: {shares[i]:+.1f}")


def draw_heart(sample, ax):
    """Draw the losses of 200 epochs at rate 1, without and with weight decay."""
    train, valid = ((x / 256, y) for x, y in (sample.train, sample.valid))
    for decay, style in ((0, "-"), (0.0003, "--")):
        models = descend(*train, 1, 200, decay=decay)
        losses = [(loss(*train, W, b), loss(*valid, W, b)) for W, b, _ in models]
        name = f", weight decay {decay}" if decay else ""
        for values, colour, which in zip(zip(*losses), COLOURS, ("training", "validation")):
            ax.plot(range(1, 201), values, style, color=colour, label=f"{which} loss{name}")
    ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 0.7), xlim=(0, 200))
    ax.legend(ncols=2, fontsize="small", framealpha=0)


def draw_calibration(sample, ax):
    """Draw what two models say of their answers, and how often these are right."""
    ax.plot([0.3, 1], [0.3, 1], color=plots.GREY, label="a fair forecast")
    for rate, n_epochs, name in ((0.13, 20, "stopped early"), (1, 200, "learnt by heart")):
        *_, (W, b, _) = descend(sample.train[0] / 256, sample.train[1], rate, n_epochs)
        P = softmax(sample.test[0] / 256 @ W + b)
        said, right = P.max(axis=1), P.argmax(axis=1) == sample.test[1]
        bins = numpy.digitize(said, (0.5, 0.7, 0.9))
        points = [[v[bins == k].mean() for k in range(4)] for v in (said, right)]
        ax.plot(*points, "o-" if rate < 1 else "s--", label=name, color=COLOURS[int(rate == 1)])
    ax.set(xlabel="says", ylabel="is right in", aspect="equal")
    ax.legend(framealpha=0)


def draw_softmax(whole):
    """Draw two rows of scores that have the same probabilities."""
    for ax, scores in zip(panels(whole, 1, 2, sharey=True), ([2.0, 1, 0], [3.0, 2, 1])):
        probabilities = softmax(numpy.array([scores]))[0]
        ax.bar([f"score {score:g}" for score in scores], probabilities, color=CLASSES)
        for i, p in enumerate(probabilities):
            ax.text(i, p + 0.02, f"{p:.3f}", ha="center")
        ax.set(ylim=(0, 1), ylabel="probability")


def draw_plane(ax):
    """Draw the borders between three classes after one step and after forty, and the loss."""
    x, y = plane()
    left, middle, right = panels(ax, 1, 3)
    models = [(W, b) for W, b, _ in descend(x, y, 1, 40, size=60)]
    for ax, (W, b), title in (
        (left, models[0], "after 1 step"),
        (middle, models[-1], "after 40 steps"),
    ):
        draw_regions(ax, W, b, -2.6, 2.6)
        for k, marker in enumerate("os^"):
            ax.plot(*x[y == k].T, marker, color=CLASSES[k], ms=4)
        ax.set(title=title, xticks=[], yticks=[])
    right.plot([numpy.log(3), *(loss(x, y, *model) for model in models)], color=plots.BLUE)
    right.set(title="loss, rate 1", xlabel="step", ylim=(0, None))


def draw_rates(data, ax):
    """Draw the cost of twenty epochs of the sample at each learning rate."""
    for rate, style in zip((0.001, 0.01, 0.13, 1, 10, 100), (":", "--", "-", "-", "--", ":")):
        settings = Hyperparameters(learning_rate=rate, n_epochs=20, batch_size=100)
        costs = [validation.cost for validation in run(data, settings)[0].validations]
        colour = plots.BLUE if rate < 1 else plots.ORANGE
        ax.plot(range(1, 21), costs, style, color=colour, label=f"rate {rate:g}")
    name, ticks = "cost, on a logarithmic scale", [1, 5, 10, 15, 20]
    ax.set(xlabel="epoch", ylabel=name, yscale="log", xticks=ticks)
    ax.legend(ncols=2, fontsize="small", framealpha=0)


def draw_training(data, predictors, ax):
    """Draw the weights after one step, after an epoch, and of the best model."""
    first = next(descend(data.train[0][:600] / 256, data.train[1][:600], 0.13, 1, size=600))
    stages = [first[0], *(predictor.W for predictor in predictors)]
    for name, W, row in zip(("one step", "one epoch", "73 epochs"), stages, panels(ax, 3, 1)):
        show(row, W.T, plots.colour_limit(W), ylabel=name)
        row.spines[:].set_visible(False)


def draw_patience(ax):
    """Draw the validation error of the recorded run, and where patience ends it."""
    errors = [n_wrong / 96 for n_wrong in validations()]
    stopping, bests, gains = EarlyStopping(), [], []
    for epoch, error in enumerate(errors, 1):
        before = stopping.patience
        if not stopping.is_over(83 * epoch - 1) and stopping.update(83 * epoch - 1, error):
            (gains if stopping.patience > before else bests).append(epoch)
    ax.plot(range(1, len(errors) + 1), errors, color=plots.GREY, label="validation error")
    at = {"ls": "", "color": plots.BLUE}
    ax.plot(bests, [errors[i - 1] for i in bests], ".", label="a new best", **at)
    ax.plot(
        gains, [errors[i - 1] for i in gains], "D", label="a new best that extends the limit", **at
    )
    for patience, style, side in ((5000, ":", "right"), (stopping.patience, "-", "left")):
        epoch = patience // 83 + 1
        ax.axvline(epoch, color=plots.ORANGE, ls=style)
        said = f"  patience {patience:,}: epoch {epoch}  "
        ax.text(epoch, 9.4, said, color=plots.ORANGE, ha=side)
    ax.set(xlabel="epoch", ylabel="validation error (%)", ylim=(6.8, 10), xlim=(0, 250))
    ax.legend(framealpha=0)


def run(data, settings):
    """Train the tutorial's model; return the run and a Predictor."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "best_model.pkl")
        return train_softmax(data, settings, output=str(path)), Predictor(path)


def main(argv=None):
    """Draw all pictures."""
    argparse.ArgumentParser(description=__doc__).parse_args(argv)
    theano.config.floatX = "float32"
    rcParams.update({"axes.spines.right": False, "image.interpolation": "none"})
    rcParams["font.sans-serif"] = ["DejaVu Sans"]  # of ten that are named with each word
    mnist, sample = read_dataset("mnist.pkl.gz"), read_dataset("mnist_sample")
    whole, best = run(mnist, Hyperparameters())
    first = run(mnist, Hyperparameters(n_epochs=1))[1]
    for name, size, *arguments in (
        ("weights", (8, 3.6), draw_weights, best),
        ("sums", (8, 2.4), draw_sums, mnist, best),
        ("pushed", (8, 2.4), draw_pushed, mnist, best),
        ("shares", (8, 3.4), draw_shares, sample),
        ("log", (9, 3.8), plots.plot_curve, whole),
        ("borders", (4.6, 4.2), draw_borders),
        ("hill", (7, 3.2), draw_hill),
        ("heart", (8, 3.4), draw_heart, sample),
        ("calibration", (4.6, 4), draw_calibration, sample),
        ("softmax", (8, 2.8), draw_softmax),
        ("plane", (9, 3.1), draw_plane),
        ("rates", (8, 3.6), draw_rates, sample),
        ("training", (9, 3), draw_training, mnist, (first, best)),
        ("patience", (9, 3.8), draw_patience),
        ("confusion", (6, 4.4), plots.plot_confusion, evaluate(best, mnist)),
    ):
        drawn = plots.svg(*arguments, size=size, alt=name).replace("currentColor", INK)
        (HERE / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""Plots of a learning curve, weights and a confusion matrix, by matplotlib.

Each ``plot_...`` function draws on the axes that it is given, or on new ones, and returns them:
``plot_curve(run).figure.savefig("curve.pdf")``. A model's page has the same plots as SVG.
"""

import base64
import html
import io
import re
import warnings

import numpy

from logreg.basics.errors import SettingError, needing, printable
from logreg.saving.facts import ModelFacts

MAX_COUNTS = 20  # classes of a confusion matrix, above which its cells have no room for counts
# The colour-blind can distinguish these.
BLUE = "#1f83c6"
ORANGE = "#d9680f"
GREY = "#8c8c8c"
DIVERGING = "RdBu_r"  # blue to red around zero
INK = "#123456"  # stands for the page's own text colour in a plot


def _axes():
    with needing("a plot", "report", "matplotlib"):  # report is the name of the extra
        from matplotlib import pyplot
    return pyplot.figure(layout="constrained").subplots()


def plot_curve(model, ax=None):
    """Draw the learning curve: errors and the training cost over epochs.

    Marks show the best model and the significant gains. A dotted line shows where patience ends.

    Parameters
    ----------
    model : Run, Predictor or ModelFacts
        What :func:`logreg.fit` returns, a model, or what is known of one.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    SettingError
        If no curve is known.

    Examples
    --------
    >>> curve = [{"iter": 9, "cost": 1.2, "error": 0.25, "error_all_rows": 0.25}]
    >>> curve[0]["test_error"] = 0.3
    >>> for iter, cost in (19, 0.9), (29, 0.8):
    ...     curve.append({**curve[0], "iter": iter, "cost": cost, "error": 0.2, "test_error": 0.24})
    >>> del curve[2]["test_error"]
    >>> ax = plot_curve(ModelFacts(curve=curve, n_train_batches=10))
    >>> for axes in ax.figure.axes:
    ...     axes.get_xlabel(), axes.get_ylabel(), float(axes.get_ylim()[0])
    ('epoch', 'error (%)', 0.0)
    ('', 'training cost', 0.0)
    >>> float(ax.get_ylim()[1])
    34.5
    >>> for line in ax.get_legend().get_lines():
    ...     line.get_label(), line.get_linestyle(), line.get_marker()
    ('validation error', '-', 'None')
    ('test error of each new best', '--', 'None')
    ('significant gain', 'None', 'o')
    ('best model', 'None', '*')
    ('training cost (right)', '-.', 'None')
    """
    facts = _model_facts(model)
    validations = facts.validations
    if not validations:
        raise SettingError("no curve is known: no validation was made")
    stopping = facts.stopping
    by_loss = facts.criterion == "loss"
    epochs, costs, losses, errors, tests = _curve_of(facts)
    n_batches = facts.n_train_batches or 1
    ax = ax or _axes()
    # The criterion is the error, unless it is the loss, whose line is drawn below.
    (criterion_line,) = ax.plot(epochs, errors, clip_on=False, color=BLUE, label="validation error")
    is_tested = numpy.isfinite(tests)
    if is_tested.sum() > 1:
        ax.plot(
            epochs[is_tested],
            tests[is_tested],
            clip_on=False,
            color=ORANGE,
            linestyle="--",
            label="test error of each new best",
        )
    # If patience ends far to the right of the curve, its end would squeeze the curve.
    if stopping.patience <= 1.25 * (validations[-1].iter + 1):
        end = (stopping.patience + 1) / n_batches
        ax.axvline(end, color=GREY, linestyle=":", label="end of patience")
    # Count minibatches if an epoch has only one, or if the file does not say how many it has.
    ax.set(xlabel="epoch" if n_batches > 1 else "minibatch", ylabel="error (%)")
    ax.set_ylim(bottom=0, top=1.15 * numpy.nanmax([errors, tests]) or 1)
    right = ax.twinx()
    right.plot(epochs, costs, color=GREY, linestyle="-.", label="training cost (right)")
    if by_loss:
        (criterion_line,) = right.plot(epochs, losses, color=GREY, label="validation loss (right)")
    iters = numpy.array([each.iter for each in validations])
    _mark_gains(criterion_line, iters, stopping)
    right.set(ylabel="cost" if by_loss else "training cost", ylim=(0, None))
    lines = [*ax.get_lines(), *right.get_lines()]
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)}  # above the plot
    ax.legend(handles=lines, **place, ncols=2, frameon=False, fontsize="small")
    return ax


def _curve_of(facts):
    """Five arrays of a learning curve: epochs, costs, losses, and two errors in percent.

    What is not known is NaN.
    """
    rows = []
    for each in facts.validations:
        epoch = (each.iter + 1) / (facts.n_train_batches or 1)
        error, test_error = each.shown_errors(facts.criterion)
        rows.append([epoch, each.cost, each.loss, error, test_error])
    epochs, costs, losses, errors, tests = numpy.array(rows, float).T
    return epochs, costs, losses, 100 * errors, 100 * tests


def _mark_gains(line, iters, stopping):
    """Mark the significant gains and the best model on the line of the criterion."""
    epochs, values = line.get_data()
    for label, marker, size, is_marked in (
        ("significant gain", "o", 4, numpy.isin(iters, stopping.gain_iters)),
        ("best model", "*", 13, iters == stopping.best_iter),
    ):
        line.axes.plot(
            epochs[is_marked],
            values[is_marked],
            clip_on=False,
            color=line.get_color(),
            linestyle="",
            zorder=3,
            marker=marker,
            markersize=size,
            label=label,
        )


def plot_confusion(evaluation, ax=None):
    """Draw a confusion matrix as a heat map, a row for each label, with counts if there is room.

    A mistake's colour is its share of the label's rows, on a square-root scale up to the largest
    such share. The diagonal, and cells of no row, have no colour.

    Parameters
    ----------
    evaluation : dict
        As :func:`logreg.prediction.evaluation.evaluate` returns it.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> evaluation = {"confusion": {"labels": ["no", "maybe"], "counts": [[5, 3], [0, 6]]}}
    >>> ax = plot_confusion(evaluation)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('predicted', 'label')
    >>> [(label.get_text(), label.get_rotation()) for label in ax.get_xticklabels()]
    [('no', 90.0), ('maybe', 90.0)]
    >>> [(text.get_text(), text.get_color(), *text.get_position()) for text in ax.texts]
    [('5', 'black', 0, 0), ('3', 'white', 1, 0), ('', 'black', 0, 1), ('6', 'black', 1, 1)]
    >>> (ax.images[0].get_array() ** 2).round(3).tolist()  # of each label's rows
    [[None, 0.375], [None, None]]
    >>> most = {"labels": [*range(20)], "counts": 1 + numpy.identity(20, int)}
    >>> ax = plot_confusion({"confusion": most})  # of more classes, there are no counts
    >>> len(ax.texts), len(ax.get_xticks()), ax.get_xticklabels()[0].get_rotation()
    (400, 20, 0.0)
    >>> [round(float(share) ** 2, 3) for share in ax.images[0].get_clim()]
    [0.0, 0.048]
    >>> plot_confusion({"confusion": None})
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: there are more than 50 classes: the evaluation has no matrix
    """
    confusion = evaluation["confusion"]
    if confusion is None:
        raise SettingError("there are more than 50 classes: the evaluation has no matrix")
    labels = confusion["labels"]
    counts = numpy.array(confusion["counts"])
    ax = ax or _axes()
    shares = counts / numpy.maximum(counts.sum(axis=1, keepdims=True), 1)
    has_mistakes = (counts > 0) & ~numpy.identity(len(counts), bool)
    largest = shares[has_mistakes].max(initial=0) or 1.0
    mistakes = numpy.ma.masked_array(numpy.sqrt(shares), ~has_mistakes)
    ax.imshow(mistakes, cmap="YlOrBr", vmin=0, vmax=numpy.sqrt(largest), aspect="auto")
    if len(labels) <= MAX_COUNTS:
        for (i, j), n in numpy.ndenumerate(counts):
            colour = None  # the page's text colour: behind cells without colour is the page
            if has_mistakes[i, j]:
                colour = "white" if shares[i, j] > 0.5 * largest else "black"
            ax.text(j, i, n or "", ha="center", va="center", color=colour, fontsize="small")
    step = 1 + len(labels) // (MAX_COUNTS + 1)  # there is no room for more labels
    names = [short(label) for label in labels[::step]]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(range(0, len(labels), step), names, parse_math=False)
    if max(map(len, map(str, labels))) > 3:
        ax.tick_params(axis="x", rotation=90)
    ax.set(xlabel="predicted", ylabel="label")
    return ax


def _model_facts(model):
    """Get the ModelFacts of a Run or a Predictor, or those that are given."""
    if hasattr(model, "best_values"):  # a Run, which has no facts before its first validation
        return ModelFacts.from_metadata(model.model_facts() if model.best_validation else {})
    return getattr(model, "facts", model)


def short(name, n=24):
    r"""A label or a column's name, short enough for a tick.

    Examples
    --------
    >>> short("new\nline"), short("four", 4), short("short", 4)
    ('new\\nline', 'four', 'sho…')
    """
    text = printable(name)
    return text if len(text) <= n else text[: n - 1] + "…"


def colour_limit(W):
    """The 99.8th percentile of the absolute weights: larger weights have one colour.

    Examples
    --------
    >>> colour_limit(numpy.array([[-500.0, *range(500)]])), colour_limit(numpy.zeros((2, 2)))
    (499.0, 1.0)
    """
    return float(numpy.percentile(abs(W), 99.8)) or 1.0


def svg(plot, *arguments, size, alt):
    """Call ``plot(*arguments, ax)`` and return the figure as SVG, in the colours of a page.

    Examples
    --------
    >>> plot = lambda text, ax: ax.set(title=text, xlabel=text)
    >>> drawn = svg(plot, "Füße", size=(1, 2), alt='"a" < b')
    >>> re.match(r"<svg( [^>]*?) xmlns", drawn)[1]
    ' role="img" aria-label="&quot;a&quot; &lt; b"'
    >>> INK in drawn, "currentColor" in drawn, "<style" in drawn, ">Füße<" in drawn
    (False, True, False, True)
    >>> re.findall("#000|#fff", drawn)  # neither: one of them is the ground of the page
    []
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    changes = {"svg.fonttype": "none", "svg.hashsalt": alt, "axes.spines.top": False}
    changes.update(dict.fromkeys(names, INK))
    stream = io.StringIO()
    # Whatever the user's settings are, the page has matplotlib's own with these changes.
    with style.context(changes, after_reset=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # if a font lacks a glyph, the browser has another font
        figure = Figure(figsize=size, layout="constrained")
        plot(*arguments, figure.subplots())
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    drawn = stream.getvalue().replace(INK, "currentColor")
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.DOTALL)
    # Ids must be unique on a page with many figures. Those that something refers to, as "#id" or
    # (#id), contain a hash of `alt`. The others go.
    used = {*re.findall(r'["(]#([^")]+)', drawn)}
    drawn = re.sub(r' id="([^"]+)"', lambda id: id[0] if id[1] in used else "", drawn)
    return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(alt)}"', 1)


def image(pixels, alt, colours="gray", least=0, most=255):
    """Make an ``<img>`` of a two-dimensional array.

    Examples
    --------
    >>> from matplotlib.image import imread
    >>> tag = image([[1, 1.5], [0, 3]], "grey & white", least=1, most=2)
    >>> start, data = tag.split(",")
    >>> start
    '<img alt="grey &amp; white" src="data:image/png;base64'
    >>> (255 * imread(io.BytesIO(base64.b64decode(data)))[:, :, 0]).round().tolist()
    [[0.0, 128.0], [0.0, 255.0]]
    """
    from matplotlib.image import imsave

    stream = io.BytesIO()
    if colours == "gray":  # 256 exact levels as RGB: the colour map would not give them
        share = (numpy.asarray(pixels, float) - least) / ((most - least) or 1)
        levels = numpy.nan_to_num(255 * share).clip(0, 255).round().astype("uint8")
        pixels = numpy.stack([levels] * 3, axis=-1)
    # Whatever the user's settings are, the first row is at the top.
    imsave(stream, pixels, cmap=colours, vmin=least, vmax=most, format="png", origin="upper")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'

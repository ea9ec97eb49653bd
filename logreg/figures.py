"""Plots in files, and as HTML for the page of a model and for notebooks."""

import base64
import html
import io
import math
import re

from logreg import plots
from logreg.errors import ExtraError, SettingError
from logreg.files import replacing

INK = "#123456"  # stands for the page's own text colour in a plot
SUFFIXES = ("png", "svg", "pdf")


def save(plot, path, *arguments, n_axes=1, size=(6.4, 4.8)):
    """Call ``plot(*arguments, axes)``, and write the figure whole or not at all, by the suffix."""
    try:
        with replacing(path) as file:
            _figure(plot, arguments, n_axes, size).savefig(file, format=suffix(path), dpi=150)
    except OSError as error:
        reason = error.strerror or error
        raise SettingError(f"{path} cannot be written: {reason}; give another name") from error


def suffix(path):
    """The format of a plot's file; a SettingError names those that there are."""
    found = str(path).rpartition(".")[2].lower()
    if found not in SUFFIXES:
        raise SettingError(f"{path}: a plot is written as .{', .'.join(SUFFIXES)}: end it so")
    return found


def _figure(plot, arguments, n_axes, size):
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    n_columns = min(n_axes, 5)
    axes = figure.subplots(math.ceil(n_axes / n_columns), n_columns)
    plot(*arguments, axes)
    return figure


def svg(plot, *arguments, size, alt):
    """Call ``plot(*arguments, ax)``; give the figure for a page, in its colours, as SVG."""
    from matplotlib import rc_context

    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style = {**dict.fromkeys(names, INK), "svg.fonttype": "none", "svg.hashsalt": alt}
    stream = io.StringIO()
    with rc_context({**style, "axes.spines.top": False, "font.family": "sans-serif"}):
        figure = _figure(plot, arguments, 1, size)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue().replace(INK, "currentColor")
    text = re.sub(
        r'<metadata>.*?</metadata>|<style.*?</style>| id="[a-z_]+\d*"', "", text, flags=re.S
    )
    return text[text.index("<svg") :].replace(
        "<svg", f'<svg role="img" aria-label="{html.escape(alt)}"', 1
    )


def image(pixels, alt, colours="gray", least=0, most=255):
    """An ``<img>`` of a two-dimensional array."""
    from matplotlib.image import imsave

    stream = io.BytesIO()
    imsave(stream, pixels, cmap=colours, vmin=least, vmax=most, format="png")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def weights_html(model):
    """The weights of each class as HTML figures, one string a class; None without matplotlib."""
    try:
        plots.require_matplotlib()
    except ExtraError:
        return None
    W, metadata = plots.parameters(model)
    figures = []
    for k, label in enumerate(metadata["class_labels"][: plots.MAX_CLASSES]):
        alt = f"weights of the class {plots.cut(label)}"
        if metadata["image_shape"]:
            top = plots.largest(W)
            drawn = image(plots.picture(W[:, k], metadata), alt, plots.DIVERGING, -top, top)
        else:
            bars = [W[:, k], metadata["feature_names"]]
            drawn = svg(plots.plot_bars, *bars, size=(4, 3), alt=alt)
        figures.append(
            f"<figure>{drawn}<figcaption>{html.escape(plots.cut(label))}</figcaption></figure>"
        )
    return figures


def repr_html(model):
    """What a notebook shows of a model: its weights."""
    figures = weights_html(model)
    style = "style='display:flex;flex-wrap:wrap;gap:8px'"
    return figures and f"<div {style}>{''.join(figures)}</div>".replace("<img", "<img width=84")

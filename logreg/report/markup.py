"""HTML of lists, bars, figures and tables.

`plot_figure` escapes its text, and `table` its head and its cells, but not its title. The other
functions escape nothing.
"""

from html import escape

from logreg.report import plots
from logreg.report.plots import short


def escaped(value, n=60):
    return escape(short(value, n))


def definitions(pairs):
    return "<dl>" + "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in pairs) + "</dl>"


def bars(rows):
    """Terms with their values as bars: positive ones go from the middle to the right."""
    largest = max(abs(value) for _, value in rows) or 1
    terms = ""
    for term, value in rows:
        side = "for" if value > 0 else "against"
        width = 50 * abs(value) / largest
        number = f"{value:+.2f}".replace("-", "−")
        bar = f'<i class="{side}" style="width: {width:.1f}%"></i><b>{number}</b>'
        terms += f'<dt>{term}</dt><dd class="share">{bar}</dd>'
    return f"<dl>{terms}</dl>"


def figures(kind, pairs):
    """Pairs of a drawing and its caption, side by side."""
    each = (f"<figure>{drawn}<figcaption>{text}</figcaption></figure>" for drawn, text in pairs)
    return f'<div class="{kind}">{"".join(each)}</div>'


def plot_figure(plot, subject, size, text):
    """Draw a plot. The text is its caption, and its description for a screen reader."""
    figure = plots.svg(plot, subject, size=size, alt=text)
    caption = f"<figcaption>{escape(text)}</figcaption>"
    return f'<figure class="plot" tabindex="0">{figure}{caption}</figure>'


def table(title, head, rows):
    r"""A table. The first cell of each row is its heading.

    Examples
    --------
    >>> rows = [["a", 1], ["<b>", "<u>"]]
    >>> print(table("Two rows", ["class", "<i>"], rows).replace("<tr>", "\n"))
    <table><caption>Two rows</caption><thead>
    <th scope="col">class</th><th scope="col">&lt;i&gt;</th></tr></thead><tbody>
    <th scope="row">a</th><td>1</td></tr>
    <th scope="row">&lt;b&gt;</th><td>&lt;u&gt;</td></tr></tbody></table>
    """
    head_cells = "".join(f'<th scope="col">{escaped(name, 24)}</th>' for name in head)
    body = ""
    for first, *cells in rows:
        body += f'<tr><th scope="row">{escaped(first, 24)}</th>'
        body += "".join(f"<td>{escaped(cell, 24)}</td>" for cell in cells) + "</tr>"
    return (
        f"<table><caption>{title}</caption><thead><tr>{head_cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )

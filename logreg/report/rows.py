"""What a model's page has of rows: the wrong ones of a test set, and the data of its script."""

import base64

import numpy

from logreg.parts.options import DATE, TIME
from logreg.report import markup, plots
from logreg.report.plots import short

N_CELLS = 8  # shown of a wrong row of a table


def gallery(predictor, data, evaluation):
    r"""Draw the wrong rows of a test set, each with its two most probable classes.

    Examples
    --------
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> from logreg.prediction.evaluation import evaluate
    >>> from logreg.prediction.held_out import read_test_set
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=1, n_out=2)
    >>> metadata = {"columns": ["day"], "kinds": ["date %Y-%m-%d"], "categories": [None]}
    >>> metadata.update(label_name="k", feature_means=[19753.0], missing="mean")
    >>> save_model(classifier, "model.pkl", class_labels=["a", "b"], **metadata)
    >>> with open("t.csv", "w") as file:
    ...     _ = file.write("day,k\n,b\n2024-01-31 18:40,b\n2024-02-01,a\n")
    >>> predictor = Predictor("model.pkl")
    >>> data = read_test_set(predictor.facts, "t.csv")
    >>> drawn = gallery(predictor, data, evaluate(predictor, data))
    >>> print(drawn.replace("<figure>", "\n").replace("<figcaption>", "\n").replace("<br>", ", "))
    <div class="rows">
    <dl><dt>day <b>no value</b></dt><dd class="share"><i class="against" style="width: 0.0%"></i><b>+0.00</b></dd></dl>
    <b>a</b> 50.0 %, <b>b</b> 50.0 %, is in fact <b>b</b>, row 2</figcaption></figure>
    <dl><dt>day <b>2024-01-31 18:40</b></dt><dd class="share"><i class="against" style="width: 0.0%"></i><b>+0.00</b></dd></dl>
    <b>a</b> 50.0 %, <b>b</b> 50.0 %, is in fact <b>b</b>, row 3</figcaption></figure></div>
    >>> gallery(predictor, data, {"worst_rows": []})
    '<p>No row is wrong.</p>'

    A number is shown with the digits that its type holds, at most nine.

    >>> save_model(classifier, "model.pkl", class_labels=["a", "b"])
    >>> predictor = Predictor("model.pkl")
    >>> for name in "float32", "float64":
    ...     numpy.savez("d.npz", x=numpy.array([[100.01]]).astype(name), y=["b"])
    ...     data = read_test_set(predictor.facts, "d.npz")
    ...     print(gallery(predictor, data, evaluate(predictor, data))[30:61])
    <dt>column 1 <b>100.01</b></dt>
    <dt>column 1 <b>100.01</b></dt>
    """  # noqa: E501
    # The same rows in the same order: `worst_rows` are indices in the test set, and `wrong_rows`,
    # which are more, their numbers in messages.
    indices = evaluation["worst_rows"]
    if not indices:
        return "<p>No row is wrong.</p>"
    facts = predictor.facts
    layout = facts.image_layout
    x, y = data.test
    if layout.ends:
        least, most = layout.ends  # what black and white of the drawing pad become
    elif x.dtype == numpy.uint8:
        least, most = 0, 255
    else:
        least, most = numpy.nanmin(x), numpy.nanmax(x)
    # A feature's share in a class is x * W, less the mean of that over all classes: centre W.
    W = predictor.W.astype("float64")
    W -= W.mean(axis=1, keepdims=True)
    ready = facts.preprocessing.apply(x[indices], "float64")
    if data.tested_probabilities is None:
        probabilities = predictor.predict_proba(x[indices])
    else:
        probabilities = data.tested_probabilities[indices]
    figures = []
    for row, number, p, features in zip(indices, evaluation["wrong_rows"], probabilities, ready):
        label = data.facts.class_labels[y[row]]  # y counts the data's labels, and p the model's
        two = numpy.argsort(-p, kind="stable")[:2]
        lines = [
            f"<b>{markup.escaped(predictor.labels[k], 16)}</b> {100 * p[k]:.1f} %" for k in two
        ]
        lines.append(f"is in fact <b>{markup.escaped(label, 16)}</b>")
        if layout.shape:
            alt = f"test row {row}, of class {short(label, 16)}"
            image = plots.image(x[row].reshape(layout.shape), alt, "gray", least, most)
            drawn = (
                f'<button type="button" class="to-pad" title="Put it on the pad">{image}</button>'
            )
        else:
            drawn = markup.bars(_reasons(facts, x[row], features * W[:, two[0]]))
            lines[-1] += f", row {number}"
        figures.append((drawn, "<br>".join(lines)))
    return markup.figures("pictures" if layout.shape else "rows", figures)


def _reasons(facts, x, shares):
    """List the columns that say most for or against a class, each with its cell and its share."""
    found = []
    n_digits = 9 if x.itemsize > 4 else 7
    for name, kind, texts, features in _columns(facts):
        value = x[features][0]
        if texts:
            is_one = x[features] == 1
            cell = texts[is_one.argmax()] if is_one.any() else "none of these"
        elif numpy.isnan(value):
            cell = "no value"
        elif kind.startswith((DATE, TIME)):  # a number of days
            minutes = round(1440 * float(value))
            date, time = str(numpy.datetime64(minutes, "m")).split("T")
            cell = time if kind.startswith(TIME) else f"{date} {time}".replace(" 00:00", "")
        else:
            cell = f"{value:.{n_digits}g}"
        term = f"{markup.escaped(name, 24)} <b>{markup.escaped(cell, 24)}</b>"
        found.append((term, shares[features].sum()))
    return sorted(found, key=lambda reason: -abs(reason[1]))[:N_CELLS]


def _columns(facts):
    """Yield each column's name, its kind, its categories or None, and the slice of its features.

    Where the data are no table, each feature is a column.
    """
    table = facts.table
    columns = zip(facts.column_titles, table.kinds, table.categories, table.feature_counts)
    first = 0
    for name, kind, texts, n_features in columns:
        yield name, kind, texts, slice(first, first + n_features)
        first += n_features


def script_data(predictor, data):
    """What the page's script needs of the model; None if its images cannot be drawn on a pad.

    The means are those of the model file; without them, of data that are no images, those of the
    test rows. If there are test rows, the mean of a category is its share of them.

    Examples
    --------
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=3, n_out=2)
    >>> metadata = {"columns": ["at", "kind"], "categories": [None, ["<b>", "no"]]}
    >>> metadata.update(kinds=["time %H:%M", "text"])
    >>> metadata.update(feature_means=[0.5, 0.25, 0.75], feature_scales=[2.0, 0.5, 0.5])
    >>> save_model(classifier, "model.pkl", pixel_scale=4, class_labels=["a", "b"], **metadata)
    >>> found = script_data(Predictor("model.pkl"), None)
    >>> for name in [*found][4:]:
    ...     print(name, found[name])
    columns ['at', 'kind']
    dates ['time', False]
    categories [None, ['<b>', 'no']]
    means [2.0, 1.0, 3.0]
    factor 0.25
    shifts [0.5, 0.25, 0.75]
    scales [2.0, 0.5, 0.5]
    shape None
    range [0, 255]
    background dark
    isCentred True
    >>> from logreg.prediction.held_out import read_test_set
    >>> save_model(classifier, "model.pkl", class_labels=["a", "b"])
    >>> numpy.savez("d.npz", x=[[1.0, 2, 3], [3, 2, 6], [8, 2, 0]], y=["a", "b", "a"])
    >>> predictor = Predictor("model.pkl")
    >>> script_data(predictor, read_test_set(predictor.facts, "d.npz"))["means"]
    [4.0, 2.0, 3.0]
    """
    facts = predictor.facts
    layout = facts.image_layout
    if layout.shape and not layout.takes_pictures:
        return None
    factor = facts.preprocessing.factor
    x = data.test[0] if data else numpy.zeros((0, facts.n_in))
    means = numpy.zeros(facts.n_in)
    if facts.feature_means:
        means = numpy.array(facts.feature_means) / factor
    elif data and not layout.shape:
        means = x.mean(axis=0, dtype="float64")
    columns = []
    dates = []
    categories = []
    for name, kind, texts, features in _columns(facts):
        if texts and data:
            means[features] = x[:, features].mean(axis=0)  # a standardized text's mean is kept as 0
        columns.append(short(name, 40))
        dates.append(_date_field(kind, x[:, features]))
        categories.append([short(text, 40) for text in texts] if texts else None)
    return {
        "labels": [short(label, 40) for label in predictor.labels],
        "dtype": predictor.dtype,
        "W": base64_of(predictor.W),
        "b": base64_of(predictor.b),
        "columns": columns,
        "dates": dates,
        "categories": categories,
        "means": means.tolist(),  # before the scaling: the form starts with them
        "factor": factor,  # the model takes factor * x, or (factor * x - shifts) / scales
        "shifts": facts.feature_means,
        "scales": facts.feature_scales,
        "shape": layout.shape,
        "range": layout.ends or [0, 255],  # what black and white of the pad become
        "background": layout.background,
        "isCentred": layout.is_centred,
    }


def _date_field(kind, days):
    """The type of the form's field for a column of dates or times; False for any other column."""
    if kind.startswith(TIME):
        return "time"
    if not kind.startswith(DATE):
        return False
    has_times = (days % 1 > 0).any()
    return "datetime-local" if has_times else "date"


def base64_of(array):
    """Encode the bytes of an array in Base64, row by row and little-endian."""
    little_endian = array.astype(array.dtype.newbyteorder("<"))
    return base64.b64encode(little_endian.tobytes()).decode()

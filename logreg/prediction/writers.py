"""Writes predictions row by row: as text for people, as CSV or as JSON."""

import codecs
import contextlib
import csv
import json
import re
import sys
from typing import Mapping, NamedTuple, Sequence, Union

import numpy

from logreg.basics.console import encodable, note
from logreg.basics.errors import DatasetError, LogRegError, SettingError, listed, printable
from logreg.basics.files import explaining, replacing

# Characters that a terminal would obey, or that UTF-8 lacks.
CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@contextlib.contextmanager
def destination(path=None):
    """Open a text stream for results: stdout, or a file.

    After the block, the file is whole. If the block fails, the file is as it was before. A
    SettingError explains why the file cannot be written.
    """
    if path is None:
        yield _Stdout()
        return
    with explaining(path, raises=SettingError), replacing(path) as file:
        yield codecs.getwriter("utf-8")(file)


class _Stdout:
    """stdout; characters that its encoding lacks are written as escapes."""

    def write(self, text):
        sys.stdout.write(encodable(text, sys.stdout))


def align(table):
    """The lines of a table as text, with its columns below each other."""
    texts = [list(map(printable, row)) for row in table]
    widths = [max(map(len, column)) for column in zip(*texts)]
    lines = []
    for row in texts:
        cells = [cell.rjust(width) for cell, width in zip(row, widths)]
        lines.append("  ".join(cells) + "\n")
    return "".join(lines)


class Answer(NamedTuple):
    """The prediction for a row, and what is written beside it."""

    name: str  # of the input
    row: int
    is_single: bool  # whether the input is one example, and no list of them
    label: Union[str, int, None]  # the predicted one; None if its probability is too low
    probabilities: Sequence[tuple] = ()  # pairs of a label and its probability, which is text
    is_ranked: bool = False  # whether these are of the most probable classes, and not all
    kept: Mapping[str, str] = {}  # cells of a table's row, by the names of their columns


def answers(predictor, batches, proba=False, top=None, min_proba=0.0):
    """Predict an input as it is read: yield the :class:`Answer` to each row.

    With `proba`, an answer has the probabilities of all classes. With `top`, it has those of as
    many of the most probable classes. An answer has no label if its probability is below
    `min_proba`.

    Examples
    --------
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> from logreg.prediction.inputs import array_batches
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=1, n_out=3)
    >>> engine.set_value(classifier.W, [[0, 1, -1]])
    >>> save_model(classifier, "model.pkl", class_labels=["a", "b", "c"])
    >>> predictor, x = Predictor("model.pkl"), numpy.array([[1.0], [-1.0]])
    >>> for choices in ({"top": 2}, {"min_proba": 0.7}, {"proba": True}):
    ...     for found in answers(predictor, array_batches("x.npy", x, predictor.facts), **choices):
    ...         found.row, found.label, *(label for label, _ in found.probabilities)
    (0, 'b', 'b', 'a')
    (1, 'c', 'c', 'a')
    (0, None)
    (1, None)
    (0, 'b', 'a', 'b', 'c')
    (1, 'c', 'a', 'b', 'c')
    """
    labels = predictor.labels
    for batch, (classes, probabilities) in predictor.predict_batches(batches):
        # NumPy rounds `min_proba` to the arrays' type: a float32 written as 0.9 reaches 0.9.
        is_sure = probabilities[numpy.arange(len(classes)), classes] >= min_proba
        for i, (row, k, p) in enumerate(zip(batch.numbers, classes, probabilities)):
            order = range(len(labels)) if proba else ()
            if top:
                order = numpy.argsort(-p, kind="stable")[:top]
            # str gives the fewest digits that stand for this number only, in float32, too.
            beside = [(labels[j], str(p[j])) for j in order]
            label = labels[k] if is_sure[i] else None
            kept = {name: texts[i] for name, texts in batch.kept.items()}
            yield Answer(batch.name, row, batch.is_single, label, beside, bool(top), kept)


def answers_to_inputs(predictor, inputs, errors, output, **choices):
    """Yield the :class:`Answer` to each row of several inputs, each given by its batches.

    The choices are those of :func:`answers`. The error of an input is printed and added to
    `errors`, and the other inputs get their answers. If no row has one, a DatasetError keeps the
    file `output` from being written.
    """
    columns = None  # those that the first answer keeps; None as long as there is no answer
    for batches in inputs:
        try:
            for answer in answers(predictor, batches, **choices):
                kept = [*answer.kept]
                if columns is None:
                    columns = kept
                if kept != columns:
                    raise DatasetError(
                        f"{answer.name}: has the columns {listed(kept)}, and what comes before it "
                        f"has {listed(columns)}: `keep` those that all inputs have"
                    )
                yield answer
        except LogRegError as error:
            errors.append(str(error))  # the error's traceback would keep the rows in memory
            note(f"error: {error}")
    if output and columns is None:
        raise DatasetError(f"nothing could be predicted, so {output} is not written")


def write_text(stream, answers):
    r"""Write ``digit.png: 3``, or ``digits.npy[0]: 3`` for each row; probabilities beside it.

    Examples
    --------
    >>> one = Answer("one.png", 0, True, 7, [(7, "0.75"), (8, "0.25")])
    >>> two = Answer("odd\nname.csv", 5, False, None, [("Füße", "0.5"), ("\x1b", "0.4")], True)
    >>> write_text(sys.stdout, [one, two])
    one.png: 7  7=0.7500  8=0.2500
    odd\nname.csv[5]: ?  Füße=0.5000  \x1b=0.4000
    """
    for answer in answers:
        source = printable(answer.name) + ("" if answer.is_single else f"[{answer.row}]")
        beside = "".join(
            f"  {printable(label)}={float(p):.4f}" for label, p in answer.probabilities
        )
        label = "?" if answer.label is None else printable(answer.label)
        stream.write(f"{source}: {label}{beside}\n")


def write_csv(stream, answers):
    r"""Write a header, then ``input,row,prediction`` and what was asked for.

    Texts stay as they are, so a spreadsheet program takes a label such as ``=1+1`` for a formula.

    Examples
    --------
    >>> one = Answer("\udcff.csv", 2, False, "\x1b", [("Füße", "0.75"), ("\x1b", "0.25")])
    >>> one = one._replace(kept={"id": "007", "bell\a": 'a "q", b'})
    >>> write_csv(sys.stdout, [one, one._replace(row=3, label=None)])
    input,row,id,bell\x07,prediction,probability_Füße,probability_\x1b
    \udcff.csv,2,007,"a ""q"", b",\x1b,0.75,0.25
    \udcff.csv,3,007,"a ""q"", b",,0.75,0.25
    >>> write_csv(sys.stdout, [Answer("new\nline", 0, False, 0, [(0, "0.9"), (8, "0.1")], True)])
    input,row,prediction,top_1,top_1_probability,top_2,top_2_probability
    "new
    line",0,0,0,0.9,8,0.1
    >>> write_csv(sys.stdout, [Answer("x.npy", 0, False, "=1+1")])
    input,row,prediction
    x.npy,0,=1+1
    >>> write_csv(sys.stdout, [])  # nothing, as where no row could be read
    """
    writer = csv.writer(stream, lineterminator="\n")
    has_header = False
    for answer in answers:
        titles, cells = zip(*_cells(answer))
        if not has_header:
            writer.writerow(map(_escaped, titles))
            has_header = True
        writer.writerow(map(_escaped, cells))


def _cells(answer):
    """Yield the cells of an answer, each with the title of its column."""
    yield "input", answer.name
    yield "row", answer.row
    yield from answer.kept.items()
    yield "prediction", "" if answer.label is None else answer.label
    for rank, (label, probability) in enumerate(answer.probabilities, start=1):
        if answer.is_ranked:
            yield f"top_{rank}", label
            yield f"top_{rank}_probability", probability
        else:
            yield f"probability_{label}", probability


def _escaped(value):
    """The text of a cell, with escapes for control characters."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(value))


def write_json(stream, answers):
    r"""Write a list of objects, each on a line of its own.

    Examples
    --------
    >>> one = Answer("odd\x1bname.csv", 2, False, 0, [(0, "0.75")], True, {"id": "007"})
    >>> write_json(sys.stdout, [one, Answer("x.npy", 0, False, None, [(7, "0.1")])])
    [
    {"input": "odd\\x1bname.csv", "row": 2, "kept": {"id": "007"}, "prediction": 0, "top": [{"label": 0, "probability": 0.75}]},
    {"input": "x.npy", "row": 0, "prediction": null, "probabilities": {"7": 0.1}}
    ]
    >>> write_json(sys.stdout, [])  # nothing, too
    """  # noqa: E501
    has_entry = False
    for answer in answers:
        name = printable(answer.name)
        entry = {"input": name, "row": answer.row}
        if answer.kept:
            entry["kept"] = answer.kept
        entry["prediction"] = answer.label
        if answer.is_ranked:
            entry["top"] = [{"label": k, "probability": float(p)} for k, p in answer.probabilities]
        elif answer.probabilities:
            entry["probabilities"] = {str(k): float(p) for k, p in answer.probabilities}
        stream.write(",\n" if has_entry else "[\n")
        stream.write(json.dumps(entry))
        has_entry = True
    if has_entry:
        stream.write("\n]\n")


WRITERS = {"text": write_text, "csv": write_csv, "json": write_json}

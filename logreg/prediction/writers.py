"""How predictions are written: as text for people, as CSV or as JSON, row by row."""

import codecs
import contextlib
import csv
import json
import re
import sys

import numpy

from logreg.console import encodable
from logreg.errors import DatasetError, SettingError, listed
from logreg.files import explaining, replacing

CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f]")  # what a terminal would obey


@contextlib.contextmanager
def destination(path=None):
    """Open a text stream for results: stdout, or a file.

    The file is there whole after the block, or as it was if the block fails. A SettingError says
    that it cannot be written.
    """
    if path is None:
        yield _Stdout()
        return
    with explaining(path, kind=SettingError), replacing(path) as file:
        yield codecs.getwriter("utf-8")(file)


class _Stdout:
    """stdout; characters that its encoding lacks are written as escapes."""

    def write(self, text):
        sys.stdout.write(encodable(text, sys.stdout))


def shown(text):
    """A name on one line: if some of it cannot be printed, it has escapes."""
    return text if text.isprintable() else repr(text)[1:-1]


def _escape(found):
    return ascii(found[0])[1:-1]


class Writer:
    """Writes predictions row by row; `n_rows` counts the rows.

    `labels` has the label of each class. With `proba`, the probabilities of all classes are
    written beside the prediction; with `top`, those of the so many most probable classes. There is
    no prediction where its probability is below `min_proba`.

    A format has its `row`, of a :class:`.Batch` the i-th; there, `label` is None where nothing is
    probable enough, and `probabilities` are pairs (label, probability as text).
    """

    def __init__(self, stream, labels, proba=False, top=None, min_proba=0.0):
        self.stream, self.labels, self.min_proba = stream, labels, min_proba
        self.proba, self.top = proba and not top, min(top or 0, len(labels))
        self.n_rows, self.kept = 0, []

    def rows(self, name, batch, prediction):
        """Write the :class:`.Prediction` of a :class:`.Batch` of an input.

        A DatasetError says that other columns are kept than of the rows before.
        """
        kept = [shown(column) for column, _ in batch.kept]
        if not self.n_rows:
            self.kept = kept
            self.begin()
        elif kept != self.kept:
            raise DatasetError(
                f"{name}: has the columns {listed(kept)}, and what comes before it has "
                f"{listed(self.kept)}: `keep` those that all inputs have"
            )
        for i, (k, row) in enumerate(zip(*prediction)):
            order = range(len(self.labels)) if self.proba else []
            if self.top:
                # Of classes that are equally probable, the predicted one comes first.
                order = [k, *(j for j in numpy.argsort(-row, kind="stable") if j != k)][: self.top]
            # str gives the fewest digits that stand for this number only, in float32, too.
            pairs = [(self.labels[j], str(row[j])) for j in order]
            label = self.labels[k] if float(row[k]) >= self.min_proba else None
            self.row(name, batch, i, label, pairs)
            self.n_rows += 1

    def begin(self):
        """Write what comes before the rows."""

    def end(self):
        """Write what comes after the rows."""


class TextWriter(Writer):
    """``digit.png: 3``, or ``digits.npy[0]: 3`` for each row; probabilities beside it."""

    def row(self, name, batch, i, label, probabilities):
        source = shown(name) if batch.is_single else f"{shown(name)}[{batch.rows[i]}]"
        beside = "".join(f"  {shown(str(k))}={float(p):.4f}" for k, p in probabilities)
        label = "?" if label is None else shown(str(label))
        self.stream.write(f"{source}: {label}{beside}\n")


class CsvWriter(Writer):
    """A header, then ``input,row,prediction`` and what was asked for."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.labels = [shown(str(label)) for label in self.labels]
        self.csv = csv.writer(self.stream, lineterminator="\n")

    def begin(self):
        columns = [f"probability_{label}" for label in self.labels] if self.proba else []
        for i in range(1, self.top + 1):
            columns += [f"top_{i}", f"top_{i}_probability"]
        self.csv.writerow(["input", "row", *self.kept, "prediction", *columns])

    def row(self, name, batch, i, label, probabilities):
        cells = []
        for pair in probabilities:
            cells += pair if self.top else pair[1:]
        kept = [CONTROL.sub(_escape, texts[i]) for _, texts in batch.kept]
        self.csv.writerow([shown(name), batch.rows[i], *kept, label, *cells])


class JsonWriter(Writer):
    """A list of objects, each on a line of its own."""

    def begin(self):
        self.stream.write("[\n")

    def row(self, name, batch, i, label, probabilities):
        entry = {"input": shown(name), "row": batch.rows[i]}
        if batch.kept:
            entry["kept"] = {column: texts[i] for column, texts in batch.kept}
        entry["prediction"] = label
        if self.top:
            entry["top"] = [{"label": k, "probability": float(p)} for k, p in probabilities]
        elif self.proba:
            entry["probabilities"] = {str(k): float(p) for k, p in probabilities}
        self.stream.write(",\n" * bool(self.n_rows) + json.dumps(entry))

    def end(self):
        self.stream.write("\n]\n")


WRITERS = {"text": TextWriter, "csv": CsvWriter, "json": JsonWriter}

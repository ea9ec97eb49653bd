"""The page of a run, as a callback writes it."""

import dataclasses

from logreg import plots
from logreg.callbacks import Callback
from logreg.files.writing import check_writable
from logreg.models.predictor import Predictor
from logreg.page.writing import write_page
from logreg.terminal.notes import note


class Report(Callback):
    """Writes the page of a run at its end, after the callback that writes the file of the model.

    `model` and `page` are the paths of these files. Of the DataSet the test set is kept; the rest
    may be released.
    """

    def __init__(self, model, data, page):
        plots.require_matplotlib()
        check_writable(page)
        self.model, self.page = model, page
        self._data = dataclasses.replace(data, train=None, valid=None)

    def on_train_end(self, run):
        if run.best_validation is None:
            return note("note: there is no model to report on")
        write_page(self.page, self.model, Predictor(self.model), self._data)

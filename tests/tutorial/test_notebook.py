"""What a notebook shows of a run, and what it keeps of one that is interrupted."""

import asyncio
import os
import sys

import pytest
from conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

BEGIN = """
import os, signal, threading
from logreg import *
from logreg.callbacks import *
from logreg.engine import T
x, y = T.matrix("x"), T.ivector("y")
classifier = LogisticRegression(x, 784, 10)
cost = classifier.negative_log_likelihood(y)
rule = updates.sgd(cost, classifier.params, 0.13)
arguments = x, y, cost, classifier.errors(y), rule, load_data("mnist_sample")
classifier
"""
TRAIN = """
run = fit(*arguments, Hyperparameters(batch_size=100, n_epochs=2), [PrintLog()])
run
"""
# The kernel is interrupted as a notebook does it, once there is a model.
INTERRUPTED = """
class Interrupt(Callback):
    def on_validation(self, run, validation):
        if run.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

with Interruption() as interruption:
    callbacks = [PrintLog(), interruption, Interrupt()]
    run = fit(*arguments, Hyperparameters(batch_size=100, n_epochs=10**6), callbacks)
"""
IN_A_SHELL = "!{sys} -m logreg.train --dataset mnist_sample --n-epochs 40 --output model.pkl"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The outputs of some cells: (stream or kind, text) of each."""
    folder = tmp_path_factory.mktemp("notebook")
    sources = [BEGIN, TRAIN, INTERRUPTED, "run", IN_A_SHELL.replace("{sys}", sys.executable)]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    where = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(notebook, timeout=600, resources=where)
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT)}))
    return [
        [(o.get("name", "result"), o.get("text") or o["data"]["text/plain"]) for o in cell.outputs]
        for cell in notebook.cells
    ]


def test_notes_do_not_look_like_errors_and_name_no_file_of_the_notebooks(cells):
    names = {name for outputs in cells for name, _ in outputs}
    assert names == {"stdout", "result"}
    text = "".join(text for _, text in cells[1])
    assert "stopped after 2 of 2 epochs" in text and "The code ran for" in text
    assert "ipykernel" not in text
    assert cells[0][-1][1] == "LogisticRegression(n_in=784, n_out=10)"
    assert cells[1][-1][1].startswith("Run(epoch 2, 2 validations, best error 0.")


def test_an_interrupted_cell_keeps_the_run(cells):
    assert cells[3] == [("result", cells[3][0][1])]
    assert "epoch 3, 3 validations" in cells[3][0][1] and "interrupted" in cells[3][0][1]


def test_a_command_in_a_cell_shows_no_progress(cells):
    text = "".join(text for _, text in cells[4])
    assert "epoch 40, minibatch" in text and "epochs/s," not in text

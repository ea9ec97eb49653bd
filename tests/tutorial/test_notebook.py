"""What a notebook shows of a run, and what it keeps of one that is interrupted."""

import asyncio
import os
import sys

import pytest
from conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

TRAIN = """
from logreg import sgd_optimization_mnist
sgd_optimization_mnist(dataset="mnist_sample", n_epochs=2)
"""
# The kernel is interrupted as a notebook does it, once there is a model.
INTERRUPTED = """
import os, signal
from logreg import Hyperparameters, sgd
from logreg.callbacks import Callback, Interruption
from logreg.datasets.dataset import read_dataset

class Interrupt(Callback):
    def on_validation(self, run, validation):
        if run.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

with Interruption() as interruption:
    endless, callbacks = Hyperparameters(n_epochs=10**6), [interruption, Interrupt()]
    run = sgd.sgd_optimization(read_dataset("mnist_sample"), endless, callbacks=callbacks)
"""
IN_A_SHELL = "!{sys} -m logreg.train --dataset mnist_sample --n-epochs 40 --output model.pkl"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The outputs of some cells: the text of each, by its stream, or by 'result'."""
    folder = tmp_path_factory.mktemp("notebook")
    sources = [TRAIN, INTERRUPTED, "run", IN_A_SHELL.replace("{sys}", sys.executable)]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    where = {"metadata": {"path": str(folder)}}
    client = nbclient.NotebookClient(notebook, timeout=600, resources=where)
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT)}))
    texts = [{} for _ in sources]
    for found, cell in zip(texts, notebook.cells):
        for output in cell.outputs:
            name = output.get("name", "result")
            found[name] = found.get(name, "") + (output.get("text") or output["data"]["text/plain"])
    return texts


def test_notes_do_not_look_like_errors_and_name_no_file_of_the_notebooks(cells):
    assert [[*found] for found in cells] == [["stdout"], ["stdout"], ["result"], ["stdout"]]
    text = cells[0]["stdout"]
    assert "stopped after 2 of 2 epochs" in text and "The code ran for" in text
    assert "ipykernel" not in text


def test_an_interrupted_cell_keeps_the_run(cells):
    text = cells[2]["result"]
    assert "epoch 3, 3 validations" in text and "interrupted" in text


def test_a_command_in_a_cell_shows_no_progress(cells):
    text = cells[3]["stdout"]
    assert "epoch 40, minibatch" in text and "epochs/s," not in text

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
IN_A_SHELL = f"!{sys.executable} -m logreg.train --dataset mnist_sample --n-epochs 400"


def test_what_cells_show():
    """Notes that do not look like errors, a run that was interrupted, and no line of progress."""
    sources = [TRAIN, INTERRUPTED, "run", IN_A_SHELL]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600)
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT)}))
    streams = [{output.get("name", "result") for output in cell.outputs} for cell in cells]
    assert streams == [{"stdout"}, {"stdout"}, {"result"}, {"stdout"}]
    trained, _, (result,), in_a_shell = (cell.outputs for cell in cells)
    text = "".join(output.text for output in trained)
    assert "stopped after 2 of 2 epochs" in text and "The code ran for" in text
    assert "ipykernel" not in text  # nor any file of the notebook's
    text = result["data"]["text/plain"]
    assert "epoch 3, 3 validations" in text and "interrupted" in text
    text = "".join(output.text for output in in_a_shell)
    assert "epoch 400, minibatch" in text and "epochs/s," not in text

"""What a notebook shows of a run."""

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
IN_A_SHELL = f"!{sys.executable} -m logreg.train --dataset mnist_sample --n-epochs 400"


def test_what_cells_show():
    """Notes that do not look like errors, and no line of progress."""
    cells = [nbformat.v4.new_code_cell(source) for source in (TRAIN, IN_A_SHELL)]
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=600)
    asyncio.run(client.async_execute(env={**os.environ, "PYTHONPATH": str(ROOT)}))
    streams = [{output.get("name", "result") for output in cell.outputs} for cell in cells]
    assert streams == [{"stdout"}, {"stdout"}]
    trained, in_a_shell = (cell.outputs for cell in cells)
    text = "".join(output.text for output in trained)
    assert "stopped after all 2 epochs" in text and "The code ran for" in text
    assert "ipykernel" not in text  # nor any file of the notebook's
    text = "".join(output.text for output in in_a_shell)
    assert "epoch 400, minibatch" in text and "epochs/s," not in text

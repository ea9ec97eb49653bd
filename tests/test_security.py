"""What .github/SECURITY.md promises: no file runs anything in any command, and nothing is sent."""

import os
import socket

import numpy
import pytest
from attacks import ATTACKS, FILES
from builders import save_digits_model, write
from conftest import peak_memory

from logreg.basics.errors import DatasetError
from logreg.datasets import mnist
from logreg.parts.formats import read_arrays

FILES_BY_NAME = {**{f"{name}.pkl": data for name, data in ATTACKS.items()}, **FILES}
COMMANDS = {
    "train": ("--dataset", "{}", "--output", "new.pkl"),
    "train --resume": ("--dataset", "data.npz", "--checkpoint", "{}", "--resume"),
    "predict": ("--model", "model.pkl", "{}"),
    "predict --model": ("--model", "{}", "x.npy"),
    "predict --dataset": ("--model", "model.pkl", "--dataset", "{}", "--evaluate"),
    "report.__main__": ("{}",),
    "report.__main__ --dataset": ("model.pkl", "--dataset", "{}"),
    "export": ("{}", "--to", "npz"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of each file, of a model and of data for it."""
    folder = tmp_path_factory.mktemp("hostile")
    save_digits_model(folder / "model.pkl")
    x = numpy.zeros((30, 784), "u1")
    numpy.savez(folder / "data.npz", x=x, y=numpy.arange(30) % 10)
    numpy.save(folder / "x.npy", x)
    for name, data in FILES_BY_NAME.items():
        write(folder / name, data)
    return folder


@pytest.mark.once
@pytest.mark.parametrize("name", COMMANDS)
def test_no_file_runs_anything_in_a_command(name, folder, cli, monkeypatch):
    monkeypatch.chdir(folder)
    there = sorted(os.listdir())
    for path in FILES_BY_NAME:
        words = [path if word == "{}" else word for word in COMMANDS[name]]
        done = cli(name.split()[0], *words, code=1)
        assert "error: " in done.err.splitlines()[-1], path
        assert sorted(os.listdir()) == there, path


@pytest.mark.parametrize("name", ["header.npy", "claims.npz", "claims.gz"])
def test_a_file_that_claims_to_be_large_takes_little_memory(name):
    write(name, FILES[name])
    with peak_memory() as peak, pytest.raises(DatasetError, match=name):
        read_arrays(name)
    assert peak() < 2e6


def test_train_and_predict_open_no_connection(cli, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a connection is opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    cli("train mnist_sample --n-epochs 1 --output model.pkl")
    cli("predict --model model.pkl --evaluate")
    with pytest.raises(AssertionError, match="a connection"):
        mnist.fetch("empty", ["http://localhost/"])

"""What every command says of a name that is none, and of a library that is not installed."""

import importlib
import re
import sys

import pytest
from builders import save_digits_model, write

from logreg.basics import errors

MODULES = ("train", "predict", "report.__main__", "export", "tutorial.__main__")


@pytest.mark.parametrize("name", ["", "a\0b"])
@pytest.mark.parametrize("module", MODULES)
def test_what_names_no_file_is_refused_by_every_option(module, name, cli):
    parser = importlib.import_module(f"logreg.{module}").parser()
    for action in parser._actions:
        if action.metavar in {"FILE", "PATH", "MODEL", "INPUT"}:
            done = cli(module, *action.option_strings[:1], name, code=2)
            option = "/".join(action.option_strings) or action.metavar
            assert done.err.endswith(f"argument {option}: {name!r} is no name of a file\n")


@pytest.mark.parametrize("module", MODULES)
def test_two_dashes_are_the_value_of_no_option(module, cli):
    parser = importlib.import_module(f"logreg.{module}").parser()
    for action in parser._actions:
        for option in action.option_strings:
            equals = "=" if option.startswith("--") else ""
            done = cli(module, f"{option}{equals}--", code=2)
            assert done.err.endswith(f"error: {option}{equals}--: -- is no value of an option\n")


@pytest.mark.parametrize(
    "command, library, extra",
    [
        ("train --dataset t.csv", "pandas", "tables"),
        ("train --dataset t.parquet", "pyarrow", "parquet"),
        ("predict digit.png", "PIL", "images"),
        ("report.__main__", "matplotlib", "report"),
        ("export best_model.pkl --to onnx", "onnx", "onnx"),
        ("tutorial.__main__", "markdown_it", "tutorial"),
    ],
)
def test_an_extra_that_is_lacking_is_named(command, library, extra, cli, monkeypatch):
    save_digits_model()
    for name, content in (("t.csv", b"1,2\n"), ("t.parquet", b"PAR1"), ("digit.png", b"\x89PNG")):
        write(name, content)
    monkeypatch.setitem(sys.modules, library, None)  # its import fails
    done = cli(command, code=1)
    assert f"pip install '.[{extra}]'" in done.err.splitlines()[-1]
    # Outside a clone, the name of the extra means nothing.
    monkeypatch.setattr(errors, "__file__", "/elsewhere/site-packages/logreg/basics/errors.py")
    needed = re.search(r" needs (.*) \(.*: pip install (.*)\n$", cli(command, code=1).err)
    assert needed[1].replace(",", "") == needed[2]

"""What needs a library that is not installed names it, and says how to install its extra."""

import re
import sys

import pytest
from builders import save_digits_model, write

from logreg import errors


@pytest.mark.parametrize(
    "command, library, extra",
    [
        ("train --dataset t.csv", "pandas", "tables"),
        ("train --dataset t.parquet", "pyarrow", "parquet"),
        ("predict digit.png", "PIL", "images"),
        ("report", "matplotlib", "report"),
        ("export best_model.pkl --to onnx", "onnx", "onnx"),
        ("export best_model.pkl --to safetensors", "safetensors", "safetensors"),
        ("tutorial.__main__", "markdown_it", "tutorial"),
    ],
)
def test_an_extra_that_is_lacking_is_named(command, library, extra, cli, monkeypatch):
    save_digits_model()
    for name, content in (("t.csv", b"1,2\n"), ("t.parquet", b"PAR1"), ("digit.png", b"\x89PNG")):
        write(name, content)
    monkeypatch.setitem(sys.modules, library, None)  # its import fails
    done = cli(*command.split())
    assert done.code == 1 and f"pip install '.[{extra}]'" in done.err.splitlines()[-1]
    # Outside a clone, the name of the extra means nothing.
    monkeypatch.setattr(errors, "__file__", "/elsewhere/site-packages/logreg/errors.py")
    assert re.search(": pip install '?[a-z]", cli(*command.split()).err.splitlines()[-1])

"""What every command says of a name that is none, and what --help says of defaults."""

import importlib
import re

import pytest
from builders import save_digits_model

from logreg import load_model
from logreg.errors import ModelFileError, SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.saving import save_model

MODULES = ["train", "predict", "report", "export", "tutorial.__main__"]
NAMES_A_FILE = {"FILE", "PATH", "MODEL", "INPUT"}


@pytest.mark.parametrize("name", ["", "a\0b"])
@pytest.mark.parametrize("module", MODULES)
def test_what_names_no_file_is_refused_by_every_option(module, name, cli, working_folder):
    parser = importlib.import_module(f"logreg.{module}").parser()
    actions = [action for action in parser._actions if action.metavar in NAMES_A_FILE]
    assert actions
    for action in actions:
        needed = ["--to", "npz"] * (module == "export")
        done = cli(module, *needed, *action.option_strings[:1], name)
        option = (*action.option_strings, action.metavar)[0]
        said = f"argument {option}: {name!r} is no name of a file\n"
        assert done.code == 2 and done.err.endswith(said)
    assert not list(working_folder.iterdir())


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_so_it_is_from_python(name):
    save_digits_model("model.pkl")
    shown = name or "''"
    with pytest.raises(ModelFileError, match=f"^{shown} cannot be written: .* no name of a file"):
        save_model(load_model("model.pkl"), name)
    with pytest.raises(ModelFileError, match=f"^{shown} cannot be loaded"):
        load_model(name)


@pytest.mark.parametrize("encoding, shown", [("utf-8", "größe"), ("ascii", r"gr\xf6\xdfe")])
def test_text_is_shown_as_it_was_written_where_stderr_can(encoding, shown, run, working_folder):
    pytest.importorskip("pandas")
    (working_folder / "table.csv").write_text("größe,label\n1,a\n2,b\n", encoding="utf-8")
    options = ["--dataset", "table.csv", "--label-column", "a\n\x1b"]
    env = {"PYTHONIOENCODING": encoding}
    done = run("-m", "logreg.train", *options, env=env, encoding=encoding)
    assert done.returncode == 1 and f"1 ({shown}), 2 (label)" in done.stderr
    assert r"has no column a\n\x1b for the label" in done.stderr


@pytest.mark.parametrize("value", [10**18, -(10**18), 10**400])
@pytest.mark.parametrize("name", ["batch_size", "n_epochs", "patience", "learning_rate", "l2"])
def test_a_hyperparameter_of_more_than_18_digits_is_refused(name, value):
    with pytest.raises(SettingError, match=f"^{name} has more than 18 digits"):
        Hyperparameters(**{name: value})


@pytest.mark.parametrize("n", ["abc", "0", "-1", "3000000000"])
def test_a_number_of_threads_that_is_none_is_refused(n, run):
    options = ["--dataset", "mnist_sample", "--n-epochs", "1", "--quiet"]
    done = run("-m", "logreg.train", *options, env={"LOGREG_NUM_THREADS": n})
    said = f"error: LOGREG_NUM_THREADS is {n!r}: set it to a number from 1 to 9999\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("module", MODULES)
def test_a_help_names_a_default_once_and_no_None(module):
    parser = importlib.import_module(f"logreg.{module}").parser()
    assert not re.search(r"default: None|\{\.,,\}", parser.format_help())
    for action in parser._actions:
        assert action.help.count("default:") <= 1
        assert not (action.nargs == "?" and "default" not in action.help)

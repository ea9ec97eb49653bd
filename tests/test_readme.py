"""What the README tells people to type."""

import argparse
import gzip
import importlib
import importlib.util
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys

import numpy
import pytest
from builders import sample
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
SHELL = re.findall(r"^ {4,}(.+)$", PROSE.replace("\\\n", " "), re.M) + re.findall(
    r"^ *(.+)$",
    "".join(re.findall(r"^```(?:sh|shell|bash)\n(.*?)^```$", README, re.M | re.S)),
    re.M,
)
PARTS = ("train", "valid", "test")
QUOTED = re.findall(r"`([^`\n]+)`", PROSE)


def commands():
    """The words of each command line that runs our code, its comment and its pipe cut off."""
    found = []
    for line in SHELL + QUOTED:
        command = re.match(
            r"(?:\w+=\S+ )*(?:python\S* (?:-m logreg|scripts/)|logreg-)[^|>&;]*", line
        )
        if command:
            words = shlex.split(command.group(), comments=True)
            found.append([word for word in words if not re.match(r"[A-Z_]+=", word)])
    return found


def entry_point(words):
    """The module that a command line runs, and its arguments."""
    if words[0].startswith("logreg-"):
        return importlib.import_module(words[0].replace("-", ".")), words[1:]
    if words[1] == "-m":
        is_package = importlib.util.find_spec(words[2]).submodule_search_locations
        return importlib.import_module(words[2] + ".__main__" * bool(is_package)), words[3:]
    path = ROOT / words[1]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, words[2:]


def test_there_is_something_to_check():
    assert PYTHON and len(commands()) >= 3


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.split("\n")[0])
def test_the_python_runs_as_it_stands(code, run, working_folder):
    datasets = re.findall(r"(?:load_data|read_dataset|sgd_optimization_mnist)\(([^),]*)", code)
    assert set(datasets) <= {'"mnist_sample"'}, "MNIST itself is not there without a network"
    (working_folder / "readme.py").write_text(code, encoding="utf-8")
    done = run("readme.py", cwd=str(working_folder))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


class Understood(BaseException):
    """Raised in place of what a command would do."""


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_command_lines_are_understood(words, monkeypatch, capsys):
    parse_args = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, *args, **options):
        parse_args(self, *args, **options)
        raise Understood

    module, arguments = entry_point(words)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    with pytest.raises((Understood, SystemExit)) as raised:
        module.main(arguments)
    # Of --help and --version, argparse itself makes an exit.
    assert getattr(raised.value, "code", 0) == 0


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A fresh clone with the kernel as it is here, to which what stands for MNIST is at hand."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = [name.decode() for name in listed.stdout.split(b"\0") if name]
    for name in [*names, *(path.relative_to(ROOT) for path in ROOT.glob("logreg/kernel/*.so"))]:
        if (ROOT / name).exists():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "clone" / name)
    x, y = (numpy.concatenate([sample()[f"{k}_{part}"] for part in PARTS]) for k in "xy")
    rows = x.reshape(-1, 784) / numpy.float32(256)
    sets = [(rows[:5000], y[:5000]), (rows[5000:6000], y[5000:6000]), (rows[6000:], y[6000:])]
    (tmp_path / "mnist").mkdir()
    with gzip.open(tmp_path / "mnist" / "mnist.pkl.gz", "wb", 1) as file:
        pickle.dump(sets, file, 2)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "python"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "mnist"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path / "clone"


@pytest.mark.skipif(os.name != "posix", reason="lines for a POSIX shell")
def test_the_lines_for_the_shell_run_as_pasted(clone):
    lines = [line for line in SHELL if re.match(r"(head .*)?python -m", line)]
    assert len(lines) >= 12
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], cwd=clone, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout or "--output" in line or ".report" in line, line
    written = "best_model.pkl model.pkl run.state run.csv predicted.csv best_model.html"
    assert {*written.split()} <= {*os.listdir(clone)}


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(SHELL + QUOTED)))
    assert named and named <= targets


def test_the_files_exist():
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = "\n".join([*SHELL, *QUOTED, contributing])
    named = set(re.findall(r"\b(?:scripts|logreg|tests)/[\w./]*\w", text))
    assert not [name for name in named if not os.path.exists(ROOT / name)]

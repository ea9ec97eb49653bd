"""What the README tells people to type."""

import importlib
import os
import re
import shlex
import subprocess
import sys

import pytest
from builders import write
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
SHELL = re.findall(r"^ {4}(.+)$", PROSE, re.M)
QUOTED = re.findall(r"`([^`\n]+)`", PROSE)
MODULES = ("train", "predict", "report.__main__", "export", "tutorial.__main__", "legacy.__main__")


@pytest.mark.parametrize("code", PYTHON, ids=lambda code: code.split("\n")[0])
def test_the_python_runs_as_it_stands(code, run):
    datasets = re.findall(r"(?:load_data|read_dataset|sgd_optimization_mnist)\(([^),]*)", code)
    assert set(datasets) <= {'"mnist_sample"'}, "MNIST itself is not there without a network"
    write("readme.py", code)
    assert "Traceback" not in run("readme.py").stderr


@pytest.mark.once
@pytest.mark.skipif(os.name != "posix", reason="lines for a POSIX shell")
def test_the_lines_for_the_shell_print_what_stands_beside_them(clone, mnist_folder, monkeypatch):
    """In their order; and git ignores what they leave, and what the lines in Python leave."""
    monkeypatch.chdir(clone)
    monkeypatch.setenv("LOGREG_DATA", str(mnist_folder))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    subprocess.run(["git", "init", "--quiet"], check=True)
    there = {*os.listdir()}
    lines = [line for line in SHELL if re.match(r"(head .*)?python -m", line)]
    assert len(lines) >= 12
    printed = []
    n_figures = 0
    for line in lines:
        script = f'python() {{ {shlex.quote(sys.executable)} "$@"; }}\n{line}'
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        printed += done.stdout.splitlines()
        for figure in re.findall(r"[\d.]+ %", line.partition("#")[2]):
            assert figure in done.stdout, line
            n_figures += 1
    assert n_figures == 2
    log = [line for line in SHELL if re.search(r"epoch \d|Optimization", line)]
    assert len(log) == 4 and {*log} <= {*printed}
    written = {*os.listdir()} - there
    expected = "best_model.pkl model.pkl run.state run.csv predicted.csv best_model.html"
    assert {*expected.split()} <= written
    left = [*written, "net.pkl", "quiz.gift"]
    ignored = subprocess.run(["git", "check-ignore", *left], capture_output=True, text=True)
    assert {*ignored.stdout.split()} == {*left}


def test_every_extra_of_users_is_named():
    setup = (ROOT / "setup.py").read_text("utf-8")
    _, _, setup = setup.partition("extras_require={")
    setup, _, _ = setup.partition("entry_points")
    extras = re.findall(r'^ {8}"(\w+)": ', setup, re.M)
    named = ",".join(re.findall(r"'\.\[([\w,]+)\]'", README)).split(",")
    assert {*extras} - {*named} == {"blas", "cuda", "cuda13", "test", "lint", "docs"}
    assert {*named} < {*extras}


def test_commands_options_and_targets_are_there():
    modules = [importlib.import_module(f"logreg.{name}") for name in MODULES]
    parsers = {name.split(".")[0]: module.parser() for name, module in zip(MODULES, modules)}
    quoted = re.findall(r"python -m logreg\.(\w+)(.*)", "\n".join(QUOTED))
    assert len(quoted) >= 3
    for name, words in quoted:
        parsers[name].parse_args(shlex.split(words))
    helps = "".join(parser.format_help() for parser in parsers.values())
    options = {*re.findall(r"(?<!\S)`?(--[a-z][a-z-]+)", README)}
    assert options and options <= {*re.findall(r"(?<!\S)--[a-z-]+", helps)}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"\bmake ([a-z-]+)", "\n".join(SHELL + QUOTED))}
    assert targets and targets <= {*re.findall(r"(?m)^([a-z-]+):", makefile)}

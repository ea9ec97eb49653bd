"""The native kernel is built where it can be; where it cannot, logreg goes without."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest
from conftest import ROOT

KERNEL = Path("logreg/kernel", "_kernel" + (sysconfig.get_config_var("EXT_SUFFIX") or ".so"))


@pytest.fixture(autouse=True)
def go_there(clone, monkeypatch):
    monkeypatch.chdir(clone)
    for path in clone.glob("logreg/kernel/*.so"):
        path.unlink()


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def set_up(run, *words, **options):
    """Run setup.py; return what it printed."""
    pytest.importorskip("setuptools")
    return run("setup.py", "--quiet", *words, **options).stdout


@pytest.mark.once
@pytest.mark.skipif(os.name == "nt", reason="MSVC is found without CC")
def test_without_a_compiler_there_is_one_note_and_no_kernel(clone, run):
    (clone / KERNEL).write_bytes(b"of other sources")
    out = set_up(run, "build_ext", "--inplace", env={"CC": str(clone / "no-compiler")})
    assert out.count("note: without the native kernel") == 1 and "no-compiler" in out
    assert not (clone / KERNEL).exists()


@pytest.mark.once
def test_a_source_distribution_is_the_project(clone, run):
    (clone / "data" / "train-images-idx3-ubyte").write_bytes(b"fetched")
    before = files(clone)
    set_up(run, "sdist", "--formats=gztar")
    (path,) = clone.glob("dist/*.tar.gz")
    with tarfile.open(path) as archive:
        held = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    assert before - held == {Path("data", "train-images-idx3-ubyte"), Path(".gitignore")}


@pytest.mark.once
def test_an_installed_package_holds_all_files_but_those_of_the_kernel(clone, run):
    set_up(run, "build_py", "--build-lib", "built")
    left_out = {path.name for path in files(clone / "logreg") - files(clone / "built" / "logreg")}
    assert {Path(name).suffix for name in left_out - {"README.md"}} == {".c", ".h", ".inc"}


@pytest.mark.once
def test_an_editable_install_serves_the_folder_above_the_clone(clone, run):
    """There, the clone itself looks like a package without an __init__."""
    pytest.importorskip("pip")
    pytest.importorskip("setuptools.command.bdist_wheel", reason="pip has to fetch setuptools")
    # Without --ignore-installed, pip takes away the one that runs this.
    words = "pip install --quiet --ignore-installed --no-deps --no-build-isolation --prefix prefix"
    run("-m", *words.split(), "--editable", ".", env={"CC": "no-compiler"})
    (path,) = clone.glob("prefix/**/site-packages")
    code = f"import site; site.addsitedir(r'{path}'); import logreg; print(logreg.__file__)"
    # Without the packages of this Python (-S): logreg may be one of them.
    done = run("-S", "-c", code, cwd=clone.parent, env={"PYTHONPATH": None})
    assert (done.stdout, done.stderr) == (f"{clone / 'logreg' / '__init__.py'}\n", "")


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_installs_anew_when_a_source_of_the_kernel_changed(clone):
    (clone / "v/bin").mkdir(parents=True)
    (clone / "v/bin/installed").touch()
    command = ["make", "--question", "VENV=v", "v/bin/installed"]
    assert subprocess.call(command) == 0
    for source in [*Path("logreg/kernel").glob("*.[chi]*"), "setup.py"]:
        assert subprocess.call([*command, "--what-if", source]) == 1, source


def test_make_built_the_kernel():
    """It is optional, so nothing else fails if it does not compile."""
    if not Path(sys.prefix, "bin/installed").exists():
        pytest.skip("logreg was not installed by make")
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not shutil.which(os.environ.get("CC", "cc")) or not headers.exists():
        pytest.skip("there is no C compiler for this Python")
    assert (ROOT / KERNEL).exists(), "make clean, and make again, say why with pip install -v"

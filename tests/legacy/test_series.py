"""The nine programs of the tutorial's series and network3 print the same on each engine.

`LOGREG_SERIES` names a folder that has them; else they are fetched.
"""

import gzip
import hashlib
import os
import pickle
import re
from pathlib import Path
from urllib.request import urlopen

import numpy
import pytest
from builders import SPLITS, sample, write
from numpy.testing import assert_allclose

ADDRESS = "https://raw.githubusercontent.com/"
SERIES = "lisa-lab/DeepLearningTutorials/11c465105026cf87573937fc2d35ab7543678698/code"
FOLDERS = {
    "network3": "MichalDanielDobrzanski/DeepLearningPython/2da41b6dd19dafae92db1facbc4ed19738e80551"
}
DIGEST = "c467be04fb9e0509b0f0926aa716348c828a5733956b8e73487f3b30c083e64b"
# What each call printed on Theano 1.0.5: a line `>>> program.function(...)`, then the others.
PRINTED = Path(__file__).with_name("series.txt").read_text().split(">>> ")[1:]
PROGRAMS = sorted({printed.partition(".")[0] for printed in PRINTED} | {"utils"})
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
TIME = r"(ran for|run for|took|Optimizing).*"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder with the programs, and with the sample in the tutorial's own format."""
    folder = tmp_path_factory.mktemp("series")
    given = os.environ.get("LOGREG_SERIES")
    for name in PROGRAMS:
        address = f"{ADDRESS}{FOLDERS.get(name, SERIES)}/{name}.py"
        if given:
            address = Path(given, f"{name}.py").resolve().as_uri()
        (folder / f"{name}.py").write_bytes(urlopen(address, timeout=60).read())
    together = b"".join((folder / f"{name}.py").read_bytes() for name in PROGRAMS)
    assert hashlib.sha256(together).hexdigest() == DIGEST
    pixels = {part: sample()[f"x_{part}"].reshape(-1, 784) / numpy.float32(256) for part in SPLITS}
    sets = [(pixels[part], sample()[f"y_{part}"]) for part in SPLITS]
    (folder / "sample.pkl.gz").write_bytes(gzip.compress(pickle.dumps(sets, 2), 1))
    return folder


def figures(text):
    """The numbers of what a program printed, and the text around them, without times."""
    lines = [" ".join(re.sub(TIME, "", line).split()) for line in text.splitlines()]
    text = "\n".join(line for line in lines if re.search(r"\d", line))
    return re.sub(NUMBER, "#", text), [float(number) for number in re.findall(NUMBER, text)]


@pytest.mark.weekly
@pytest.mark.parametrize("printed", PRINTED, ids=lambda printed: printed.partition(".")[0])
def test_a_program_of_the_series(printed, programs, run, monkeypatch):
    call, _, expected = printed.partition("\n")
    monkeypatch.chdir(programs)
    write("call.py", f"import {call.partition('.')[0]}\n{call}\n")
    done = run("-m", "logreg.legacy", "call.py", cwd=programs)
    text, numbers = figures(done.stdout)
    expected_text, expected_numbers = figures(expected)
    assert text == expected_text
    assert_allclose(numbers, expected_numbers, rtol=1e-6)

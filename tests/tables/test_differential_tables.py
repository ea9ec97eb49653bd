"""What the commands say of rows of tables that are drawn, against scikit-learn's steps."""

import json
from pathlib import Path

import numpy
import pandas
import pytest
from builders import probabilities, with_examples
from hypothesis import given
from hypothesis import strategies as st
from reads import draw_column
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from logreg import kernel

pytestmark = pytest.mark.skipif(
    not kernel.is_in_use(), reason="without the kernel, each example is compiled"
)
N_ROWS = 60
N_NEW = 12
N_TRAIN = 40
TEXTS = ("text", "code")
KINDS = ["number", "number $", "date ISO8601", "date %d/%m/%Y", "yes or no", *TEXTS]


def encode(kind, values, is_standardized):
    """The features that a column gives of the new rows, as those for training say."""
    if kind in TEXTS:
        values = numpy.array(values, object)[:, None]
        known = [sorted({*values[:N_ROWS, 0]})]
        first = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    else:
        values = numpy.array(values, float)[:, None]
        first = SimpleImputer()
    is_standardized = is_standardized and kind not in TEXTS  # which stay 0 or 1
    scaler = StandardScaler(with_mean=is_standardized, with_std=is_standardized)
    steps = make_pipeline(first, scaler).fit(values[:N_TRAIN])
    return steps.transform(values[N_ROWS:])


@with_examples
@given(
    st.lists(st.sampled_from(KINDS), min_size=2, max_size=5),
    st.integers(0, 999),
    st.sampled_from([0, 9]),
    st.booleans(),
    st.booleans(),
)
def test_predictions_are_those_of_scikit_learns_steps(
    cli, tmp_path_factory, kinds, seed, n_empty, has_commas, is_standardized
):
    random = numpy.random.RandomState(seed)
    table = pandas.DataFrame()
    x = []
    for i, kind in enumerate(kinds):
        cells, values = draw_column(kind, N_ROWS + N_NEW, random, n_empty, has_commas)
        if kind in TEXTS:
            cells[-2:] = values[-2:] = ["never seen"] * 2
            cells[-3] += " "  # which counts no more than in training
        table[f"{kind} {i}"] = cells
        x.append(encode(kind, values, is_standardized))
    codes = ",".join(name for name in table if name.startswith("code"))
    new = table[N_ROWS:].iloc[:, ::-1]
    table.insert(seed % len(kinds), "label", random.choice(["ant", "bee", "cow"], len(table)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("example"))
        table[:N_ROWS].to_csv("t.csv", sep=";", index=False)
        new.to_csv("new.csv", sep=";", index=False)
        options = ["--floatx=float64", "--n-epochs=2", "--no-shuffle", f"--categorical={codes}"]
        if not is_standardized:  # numbers are so large that an ordinary rate leaves no doubt
            options += ["--no-standardize", "--learning-rate=1e-9"]
        if n_empty:
            options.append("--missing=mean")
        cli("train t.csv", *options)
        cli("export best_model.pkl --to json")
        model = json.loads(Path("best_model.json").read_text("utf-8"))
        done = cli("predict new.csv --proba --format json")
    found = [[*row["probabilities"].values()] for row in done.json]
    p = probabilities(numpy.hstack(x), numpy.array(model["W"]), numpy.array(model["b"]))
    numpy.testing.assert_allclose(found, p, rtol=1e-10, atol=1e-15)
    assert done.err.count("never seen") == sum(kind in TEXTS for kind in kinds)

"""A type checker knows the public names: it accepts a client, and finds the faults in another."""

import sys

import pytest

CLIENT = """
from logreg import Hyperparameters, LogisticRegression, Predictor, adam, fit, load_data, load_model
from logreg.callbacks import BestModel, Callback, StopTraining
from logreg.engine import T
from logreg.run import Run, Validation

class Stop(Callback):
    def on_validation(self, run: Run, validation: Validation) -> None:
        raise StopTraining(f"enough: {run.epoch} epochs, {validation.error * 100.0} %")

x, y = T.matrix("x"), T.ivector("y")
classifier = LogisticRegression(x, n_in=784, n_out=10)
cost = classifier.negative_log_likelihood(y)
given = x, y, cost, classifier.errors(y), adam(cost, classifier.params, 0.003), load_data("d")
run = fit(*given, Hyperparameters(n_epochs=2), [BestModel("m.pkl", classifier, note="a"), Stop()])
run.load_best()
score: float = Predictor("m.pkl").score("t.csv")
rate: float = run.best_validation.error if run.best_validation else run.epoch
labels_of_file: object = load_model("m.pkl").metadata["class_labels"]
labels = Predictor("model.pkl").predict([[0.0] * 784])
"""
FAULTS = {"LogisticRegression(x, n_in='784', n_out=10)": "arg-type", "Predictor()": "call-arg"}


@pytest.mark.once
@pytest.mark.skipif(sys.version_info < (3, 10), reason="mypy knows no NumPy of this Python")
def test_mypy_accepts_a_client_and_finds_its_faults(working_folder):
    api = pytest.importorskip("mypy.api")
    client = working_folder / "client.py"
    client.write_text(CLIENT + "".join(f"{line}\n" for line in FAULTS))
    options = ["--strict", "--allow-any-generics", "--follow-imports=silent", "--cache-dir=cache"]
    *found, last = api.run([str(client), *options])[0].splitlines()
    assert last.startswith(f"Found {len(FAULTS)} errors in 1 file"), found
    for i, code in enumerate(FAULTS.values(), len(CLIENT.splitlines()) + 1):
        assert any(f":{i}: " in line and code in line for line in found)

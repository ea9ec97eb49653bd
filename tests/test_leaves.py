"""Rooms that nothing else needs: each can be taken away."""

import pytest
from conftest import ROOT

# A leaf: its modules, and the public names that need it.
LEAVES = {
    "tables": ("logreg.tables", []),
    "pictures": ("logreg.datasets.pictures", []),
    "foreign pickles": ("logreg.saving.foreign logreg.export", []),
    "legacy": ("logreg.legacy", []),
    "parallel": ("logreg.basics.mpi logreg.engine.ranks_backend", []),
    "gpu_backend": ("logreg.engine.gpu_backend", []),
    "report": ("logreg.report", []),
    "tutorial": ("logreg.tutorial", []),
    "estimator": ("logreg.estimator", ["SoftmaxClassifier"]),
    "fitting": ("logreg.fitting", ["fit_table"]),
}
# The import of a module fails if it is None in sys.modules.
PROGRAM = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1].split()))
import logreg, logreg.predict, logreg.train
assert logreg.train.main(["mnist_sample", "--n-epochs", "2"]) == 0
assert logreg.predict.main([]) == logreg.predict.main(["--evaluate"]) == 0
for name in set(dir(logreg)) - set(sys.argv[2:]):
    getattr(logreg, name)
model = logreg.load_model("best_model.pkl")
(x, y), *_ = logreg.load_data("mnist_sample")
assert len(logreg.Predictor("best_model.pkl").predict(x.get_value()[:5])) == 5
print("all is well")
"""


@pytest.mark.once
@pytest.mark.parametrize("leaf", LEAVES)
def test_the_tutorials_job_needs_no_leaf(leaf, run):
    modules, names = LEAVES[leaf]
    assert all(list(ROOT.glob(name.replace(".", "/") + "*")) for name in modules.split())
    done = run("-c", PROGRAM, modules, *names)
    assert done.stdout.endswith("all is well\n"), done.stderr

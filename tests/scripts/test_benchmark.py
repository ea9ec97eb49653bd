"""The benchmarks run and say what they found; how fast anything is, no test asks."""

import json
from pathlib import Path

import numpy
import peers
import pytest
from builders import cost_and_gradients, make_pairs, probabilities
from conftest import ROOT


@pytest.mark.weekly
def test_the_benchmark_runs_and_prints_a_table(run):
    done = run(ROOT / "scripts" / "benchmark.py", "--quick", "--json", "r.json")
    assert done.returncode == 0, done.stderr
    result = json.loads(Path("r.json").read_text())
    rows = {row["program"]: row for row in result["training"]}
    assert sum(name.startswith("logreg on ") for name in rows) == 2 and "NumPy by hand" in rows
    for row in rows.values():
        assert row["remark"] == "not installed" or (row["epochs"], row["remark"]) == (2, "")
        assert row["remark"] or (0 < row["seconds"] < row["seconds_in_all"] and row["of_limit"] > 0)
    assert all(f"\n{name} " in done.stdout for name in ("program", *rows))
    assert result["shapes"]


@pytest.mark.parametrize("name", ["numpy", "torch", "jax-scan"])
def test_the_peers_descend_as_the_definition_says(name, tmp_path):
    pytest.importorskip(name.partition("-")[0])
    datasets = [(x, y.astype("int32")) for x, y in make_pairs()]  # 60, 20 and 20 rows
    peer = peers.PEERS[name](datasets, batch_size=20, rate=0.5)
    assert [len(peer.steps(count)) for count in (3, 3, 2)] == [3, 3, 2]
    x, y = datasets[0]
    W, b = numpy.zeros((4, 3)), numpy.zeros(3)
    for start in (0, 20, 40, 0, 20, 40, 0, 20):
        _, dW, db = cost_and_gradients(x[start : start + 20], y[start : start + 20], W, b)
        W, b = W - 0.5 * dW, b - 0.5 * db
    wrong = [(probabilities(x, W, b).argmax(axis=1) != y).sum() for x, y in datasets[1:]]
    assert [peer.n_errors(1), peer.n_errors(2)] == wrong
    peer.save(tmp_path / "parameters")
    with numpy.load(tmp_path / "parameters") as kept:
        numpy.testing.assert_allclose(kept["W"], W, rtol=1e-4, atol=1e-5)

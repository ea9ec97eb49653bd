"""The benchmarks run and say what they found; how fast anything is, no test asks."""

import importlib
import json
from pathlib import Path

import numpy
import pytest
from builders import cost_and_gradients, make_pairs, probabilities, save_pairs
from conftest import ROOT

SCRIPTS = ROOT / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


@pytest.mark.parametrize("device", ["cpu", "jax:cpu"])
def test_the_benchmark_runs_and_prints_a_table(device, run):
    if device != "cpu":
        pytest.importorskip("jax")
        pytest.importorskip("pytensor")
    options = ["--quick", "--json", "r.json", "--device", device]
    done = run(SCRIPTS / "benchmark.py", *options)
    assert done.returncode == 0, done.stderr
    result = json.loads(Path("r.json").read_text())
    rows = {row["program"]: row for row in result["training"]}
    assert sum(name.startswith("logreg on ") for name in rows) == (2 if device == "cpu" else 1)
    assert ("NumPy by hand" in rows) == (device == "cpu")
    for row in rows.values():
        assert row["remark"] == "not installed" or (row["epochs"], row["remark"]) == (2, "")
        assert row["remark"] or (0 < row["seconds"] < row["seconds_in_all"] and row["of_limit"] > 0)
    lines = done.stdout.splitlines()
    assert lines[2].split()[:2] == ["program", "epochs/s"]
    assert all(line.startswith(name) for line, name in zip(lines[4:], rows))
    assert any(line.startswith("the limit: ") for line in lines)
    assert bool(result["shapes"]) == (device == "cpu")
    for row in result["shapes"]:
        assert any(line.startswith(row["shape"] + "  ") for line in lines)
        assert {name for name in rows if not rows[name]["remark"] and "off" not in name} <= set(row)


@pytest.mark.parametrize("dtype, size", [("uint8", 1), ("float32", 4), ("float64", 4)])
def test_an_epoch_reads_the_data_and_multiplies(script, dtype, size, tmp_path):
    splits = [(x.astype(dtype), y) for x, y in make_pairs()]  # 60, 20 and 20 rows, 4 features
    path = save_pairs(str(tmp_path / "data.npz"), splits)
    options = ["--dataset", path, "--batch-size", "20"]
    limit = script("limits").of_machine(script("benchmark").run_parser("").parse_args(options))
    assert limit["mb"] == pytest.approx(100 * 4 * size / 1e6)
    assert limit["gflop"] == pytest.approx(2 * 4 * 3 * (2 * 60 + 40) / 1e9)


def test_a_mistake_is_an_error(script, capsys):
    main = script("benchmark").main
    assert main(["--rounds", "0"]) == 1
    assert capsys.readouterr().err == "error: --rounds is 0: give 1 or more\n"
    assert main(["--python", "nowhere/python"]) == 1
    assert "error: --python nowhere/python cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["numpy", "torch", "jax-scan"])
def test_the_peers_descend_as_the_definition_says(script, name, tmp_path):
    pytest.importorskip(name.partition("-")[0])
    datasets = [(x, y.astype("int32")) for x, y in make_pairs()]  # 60, 20 and 20 rows
    peer = script("peers").PEERS[name](datasets, batch_size=20, rate=0.5)
    assert [len(peer.steps(count)) for count in (3, 3, 2)] == [3, 3, 2]
    x, y = datasets[0]
    W, b = numpy.zeros((4, 3)), numpy.zeros(3)
    for i in (0, 1, 2, 0, 1, 2, 0, 1):
        rows = slice(20 * i, 20 * i + 20)
        _, dW, db = cost_and_gradients(x[rows], y[rows], W, b)
        W, b = W - 0.5 * dW, b - 0.5 * db
    wrong = [(probabilities(x, W, b).argmax(axis=1) != y).sum() for x, y in datasets[1:]]
    assert [peer.n_errors(1), peer.n_errors(2)] == wrong
    peer.save(tmp_path / "parameters")
    with numpy.load(tmp_path / "parameters") as kept:
        numpy.testing.assert_allclose(kept["W"], W, rtol=1e-4, atol=1e-5)
        numpy.testing.assert_allclose(kept["b"], b, rtol=1e-4, atol=1e-5)

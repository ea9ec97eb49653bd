"""The benchmarks run and say what they found; how fast anything is, no test asks."""

import json
import sys
from pathlib import Path

import numpy
import pytest
from builders import cost_and_gradients, make_pairs, probabilities, save_pairs
from conftest import ROOT

SCRIPTS = ROOT / "scripts"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import benchmark

    return benchmark


def test_the_benchmark_runs_and_prints_a_table(run):
    done = run(SCRIPTS / "benchmark.py", "--quick", "--json", "r.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(Path("r.json").read_text())["training"]
    *ours, by_numpy, by_torch, by_jax = rows
    assert [row["program"].endswith(", kernel off") for row in ours] == [False, True]
    assert ours and all(row["program"].startswith("logreg on ") for row in ours)
    for row in (*ours, by_numpy):
        assert row["epochs"] == 2 and row["rounds"] == 1
        assert 0 < row["seconds"] < row["seconds_in_all"]
        assert row["peak_mib"] > 7000 * 784 * 4 / 2**20
        assert row["epochs_per_second"] > 0 and row["of_limit"] > 0
        assert row["remark"] == ""
    for row in (by_torch, by_jax):
        assert row["remark"] == "not installed" or (row["epochs"], row["remark"]) == (2, "")
    lines = done.stdout.splitlines()
    assert lines[2].split()[:2] == ["program", "epochs/s"]
    assert all(line.startswith(row["program"]) for line, row in zip(lines[4:], rows))
    assert any(line.startswith("the limit: ") for line in lines)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PyTensor's JAX device")
def test_the_benchmark_of_a_device_runs(run):
    pytest.importorskip("jax")
    options = ["--quick", "--device", "jax:cpu", "--json", "result.json"]
    done = run(SCRIPTS / "benchmark_gpu.py", *options)
    assert done.returncode == 0, done.stderr
    rows = {
        r["program"]: r["remark"] for r in json.loads(Path("result.json").read_text())["training"]
    }
    assert rows["logreg on pytensor"] == rows["JAX, lax.scan"] == ""
    assert rows["PyTorch, CUDA graph"] == "skipped: only CUDA has graphs"
    assert "the limit: " in done.stdout


LOG = """
print('validation score of 7.5 %, with test performance {} %')
print('run for 2 epochs, with {} epochs/sec')
"""


def test_programs_take_turns_and_what_differs_or_fails_is_told(benchmark, capsys, tmp_path):
    codes = {"ours": (7, 4.0), "same": (7, 2.0), "other": (8, 1.0)}
    codes = {label: LOG.format(*figures) for label, figures in codes.items()}
    codes["broken"] = "raise SystemExit('error: no engine')"
    programs = []
    for label, code in codes.items():
        (tmp_path / label).write_text(code)
        command = [sys.executable, str(tmp_path / label)]
        programs.append(benchmark.Program(label, "1.0", command, is_ours=label == "ours"))
    args = benchmark.benchmark_parser("").parse_args(["--rounds", "2"])
    args.device = "cpu"
    benchmark.measure(programs, args, str(tmp_path))
    of_round = ["ours: 0.50 s", "same: 1.00 s", "other: 2.00 s"]
    turns = [f"round {number}, {line}" for number in (1, 2) for line in of_round]
    assert capsys.readouterr().err.splitlines() == turns
    rows = benchmark.summary(programs, {"epochs_per_second": 100})
    differs = "DIFFERS: 7.500000 / 8.000000 %, not 7.500000 / 7.000000"
    assert [row["remark"] for row in rows] == ["", "", differs, "failed: no engine"]
    assert [row["of_limit"] for row in rows[:3]] == [0.04, 0.02, 0.01]
    assert [row["ours_to_this"] for row in rows[:3]] == [1, 2, 4]


def test_every_engine_is_taken_and_the_newest_of_each_peer(benchmark):
    torch = {"a": "2.9.1", "b": "2.13.0", "c": "2.10"}
    found = {p: {"python": "3.11", "theano": "1.0.5", "torch": v} for p, v in torch.items()}
    ours = benchmark.our_programs(found)
    assert [program.command[0] for program in ours] == ["a", "b", "c"]
    on, off, *_ = benchmark.our_programs(found, kernel_off=True)
    assert (on.label, on.env["LOGREG_KERNEL"]) == ("logreg on theano", "1")
    assert (off.label, off.env["LOGREG_KERNEL"]) == ("logreg on theano, kernel off", "0")
    assert on.is_ours and not off.is_ours  # ours/this is of logreg as it runs by default
    peers = {program.label: program for program in benchmark.peer_programs(found)}
    assert peers["PyTorch"].command[0] == "b"
    assert peers["JAX, lax.scan"].failure == "not installed"


@pytest.mark.parametrize("dtype, size", [("uint8", 1), ("float32", 4), ("float64", 4)])
def test_the_limit_is_the_larger_of_two_times(benchmark, dtype, size, tmp_path):
    import peers

    splits = [(x.astype(dtype), y) for x, y in make_pairs()]  # 60, 20 and 20 rows, 4 features
    path = save_pairs(str(tmp_path / "data.npz"), splits)
    args = benchmark.run_parser("").parse_args(["--dataset", path, "--batch-size", "20"])
    limit = peers.limit(args)
    assert limit["mb"] == pytest.approx(100 * 4 * size / 1e6)
    assert limit["gflop"] == pytest.approx(2 * 4 * 3 * (2 * 60 + 40) / 1e9)
    reading = limit["mb"] / 1000 / limit["gb_per_second"]
    products = limit["gflop"] / limit["gflop_per_second"]
    assert limit["epochs_per_second"] == pytest.approx(1 / max(reading, products))


def test_a_mistake_is_an_error(benchmark, capsys):
    assert benchmark.main(["--rounds", "0"]) == 1
    assert capsys.readouterr().err == "error: --rounds is 0: give 1 or more\n"
    assert benchmark.main(["--python", "nowhere/python"]) == 1
    assert "error: --python nowhere/python cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["numpy", "torch", "jax-scan"])
def test_the_peers_descend_as_the_definition_says(benchmark, name, tmp_path):
    import peers

    pytest.importorskip(name.partition("-")[0])
    datasets = [(x, y.astype("int32")) for x, y in make_pairs()]  # 60, 20 and 20 rows
    peer = peers.PEERS[name](datasets, batch_size=20, rate=0.5)
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

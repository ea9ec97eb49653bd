"""The benchmarks run and say what they found; how fast anything is, no test asks."""

import json
import sys
from pathlib import Path

import numpy
import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
LIMIT = {"seconds": 0.01}


@pytest.fixture
def scripts(monkeypatch):
    """Let the scripts be imported as they import each other."""
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def benchmark(scripts):
    import benchmark

    return benchmark


def report(**different):
    return {
        "epochs": 74,
        "seconds": 2.0,
        "validation_error": 7.5,
        "test_error": 719 / 96,
        "seconds_in_all": 3.0,
        "peak_bytes": 1 << 28,
        **different,
    }


def summary_of(benchmark, *names_and_reports, expected=("7.500000", "7.489583")):
    chosen, runs = [], {}
    for name, *reports in names_and_reports:
        engine = "theano" if name == "logreg" else ""
        chosen.append(benchmark.Program(name, name, "python", "1.0", engine))
        runs[chosen[-1]] = reports
    return benchmark.summary(chosen, runs, {}, LIMIT, expected)


def widths_of(line):
    return [len(dashes) for dashes in line.split()]


def test_the_benchmark_runs_and_prints_a_table(run):
    done = run(SCRIPTS / "benchmark.py", "--quick", "--json", "result.json")
    assert done.returncode == 0, done.stderr
    result = json.loads(Path("result.json").read_text())
    rows = {row["program"]: row for row in result["training"]}
    ours = [row for name, row in rows.items() if name.startswith("logreg on ")]
    assert ours
    for row in (*ours, rows["NumPy by hand"]):
        assert row["epochs"] == 2 and row["seconds"] < row["seconds_in_all"]
        assert row["peak_bytes"] > 7000 * 784 * 4
        assert row["remark"] == ""
    for row in rows.values():
        if row["remark"] == "not installed":
            assert set(row) == {"program", "remark"}
        else:
            assert row["epochs_per_second"] > 0 and row["of_limit"] > 0, row
    (rate,) = {row["rows_per_second"] > 0 for row in result["prediction"]}
    assert rate
    lines = done.stdout.splitlines()
    assert lines[2].split()[:2] == ["program", "epochs/s"]
    assert sum(widths_of(lines[3])) > 80
    names = [line[: widths_of(lines[3])[0]].strip() for line in lines[4 : 4 + len(rows)]]
    assert names == list(rows)
    assert any(line.startswith("the limit: ") for line in lines)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PyTensor's JAX device")
def test_the_benchmark_of_a_device_runs(run):
    pytest.importorskip("jax")
    options = ["--quick", "--device", "jax:cpu", "--json", "result.json"]
    done = run(SCRIPTS / "benchmark_gpu.py", *options)
    assert done.returncode == 0, done.stderr
    rows = json.loads(Path("result.json").read_text())["training"]
    rows = {row["program"]: row for row in rows}
    assert rows["logreg on pytensor"]["remark"] == rows["JAX, lax.scan"]["remark"] == ""
    assert rows["PyTorch, CUDA graph"]["remark"] == "skipped: only CUDA has graphs"
    assert "the floor: " in done.stdout


def test_a_peer_that_computes_something_else_is_flagged(benchmark):
    rows = summary_of(
        benchmark,
        ("logreg", report()),
        ("numpy", report()),
        ("torch", report(), report(test_error=7.5)),
        ("sklearn-sgd", report(validation_error=9.0)),
    )
    remarks = [row["remark"] for row in rows]
    assert remarks[:2] == ["", ""]
    assert remarks[2] == "DIFFERS: reached 7.500000 / 7.500000 %, not 7.500000 / 7.489583"
    assert remarks[3] == "another algorithm: 9.000000 / 7.489583 %"


def test_logreg_itself_is_flagged_where_the_tutorials_errors_are_known(benchmark):
    (row,) = summary_of(benchmark, ("logreg", report(validation_error=7.6)))
    assert row["remark"].startswith("DIFFERS: reached 7.600000 / 7.489583 %")


def test_elsewhere_the_peers_must_reach_what_logreg_reaches(benchmark):
    ours = report(validation_error=10.0, test_error=11.0)
    runs = [("logreg", ours), ("numpy", ours), ("torch", report())]
    remarks = [row["remark"] for row in summary_of(benchmark, *runs, expected=None)]
    assert remarks[:2] == ["", ""] and remarks[2].startswith("DIFFERS")


def test_medians_and_ratios(benchmark):
    ours, numpy_row = summary_of(
        benchmark,
        ("logreg", report(seconds=2.0), report(seconds=9.0), report(seconds=1.0)),
        ("numpy", report(seconds=4.0)),
    )
    assert ours["epochs_per_second"] == 37 and numpy_row["epochs_per_second"] == 18.5
    assert (ours["ours_to_this"], numpy_row["ours_to_this"]) == (1, 2)
    assert ours["of_limit"] == pytest.approx(0.37)


def test_a_program_that_fails_does_not_end_the_benchmark(benchmark, tmp_path):
    script = tmp_path / "no_engine.py"
    script.write_text("raise SystemExit('error: no engine')")
    with pytest.raises(benchmark.Failed, match=r"^no engine$"):
        benchmark.run([sys.executable, str(script)])
    program = benchmark.Program("numpy", "NumPy by hand", "python", "")
    (row,) = benchmark.summary([program], {program: []}, {program: "why"}, LIMIT, None)
    assert row["remark"] == "failed: why"
    assert "failed: why" in benchmark.table("title", benchmark.TRAINING, [row])


def test_the_newest_version_of_a_peer_is_taken(benchmark):
    versions = {"a": "2.9.1", "b": "2.13.0", "c": "2.10"}
    pythons = {
        path: {"version": "3.11", "packages": {"theano": "1.0.5", "torch": version}}
        for path, version in versions.items()
    }
    chosen, missing = benchmark.programs(pythons, benchmark.PEERS)
    (torch,) = (program for program in chosen if program.name == "torch")
    assert torch.python == "b"
    assert len([program for program in chosen if program.engine]) == 3
    assert "JAX, lax.scan" in missing


@pytest.mark.parametrize(
    "options, message",
    [
        (["--rounds", "0"], "--rounds is 0: give 1 or more"),
        (["--python", "nowhere/python"], "--python nowhere/python cannot be used"),
    ],
)
def test_a_mistake_is_an_error(run, options, message):
    done = run(SCRIPTS / "benchmark.py", *options)
    assert done.returncode == 1 and done.stderr.startswith("error: ")
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def datasets():
    """Three small sets of three classes that overlap."""
    rng = numpy.random.RandomState(0)
    sets = []
    for n in (60, 20, 20):
        y = numpy.arange(n) % 3
        x = rng.rand(n, 5) + 0.5 * numpy.eye(3, 5)[y]
        sets.append((x.astype("float32"), y.astype("int32")))
    return sets


def descent(datasets, n_epochs, n_last):
    """Softmax regression in float64, by the definition: W, b, and the errors."""
    (x, y), *others = [(x.astype("float64"), y) for x, y in datasets]
    W, b = numpy.zeros((5, 3)), numpy.zeros(3)
    for i in [0, 1, 2] * n_epochs + [0, 1, 2][:n_last]:
        rows = slice(20 * i, 20 * i + 20)
        p = numpy.exp(x[rows] @ W + b)
        slope = p / p.sum(axis=1)[:, None] - numpy.eye(3)[y[rows]]
        W, b = W - 0.5 * x[rows].T @ slope / 20, b - 0.5 * slope.mean(axis=0)
    return W, b, [int(((x @ W + b).argmax(axis=1) != y).sum()) for x, y in others]


@pytest.mark.parametrize("name", ["numpy", "torch", "jax-step", "jax-scan"])
def test_the_peers_descend_as_the_definition_says(scripts, datasets, name):
    import peers

    pytest.importorskip(peers.PEERS[name].package)
    W, b, errors = descent(datasets, 4, n_last=2)
    peer = peers.PEERS[name](list(datasets), 20, 0.5)
    for _ in range(4):
        assert len(peer.steps(3)) == 3
    assert len(peer.steps(2)) == 2
    assert [peer.n_errors(1), peer.n_errors(2)] == errors
    peer.save("parameters")
    if name == "torch":
        return
    kept = numpy.load("parameters")
    numpy.testing.assert_allclose(kept["W"], W, rtol=1e-4, atol=1e-5)
    numpy.testing.assert_allclose(kept["b"], b, rtol=1e-4, atol=1e-5)

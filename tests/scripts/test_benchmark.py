"""The benchmarks run and say what they found; how fast anything is, no test asks."""

import json
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.mark.weekly
def test_the_benchmark_runs_and_prints_a_table(run):
    done = run(ROOT / "scripts" / "benchmark.py", "--quick", "--json", "r.json")
    result = json.loads(Path("r.json").read_text())
    rows = {row["program"]: row for row in result["training"]}
    assert "NumPy by hand" in rows
    for row in rows.values():
        assert row["remark"] == "not installed" or (row["epochs"], row["remark"]) == (2, "")
    assert all(f"\n{name} " in done.stdout for name in ("program", *rows))
    assert all(row["NumPy by hand"] > 0 and len(row) >= 3 for row in result["nets"])
    assert "Epochs/s of a net" in done.stdout

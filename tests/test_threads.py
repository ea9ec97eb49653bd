"""How many threads BLAS gets beside busy neighbours."""

import multiprocessing
import os
import sys

import pytest

from logreg import threads

LINUX = sys.platform == "linux"


def test_an_idle_machine_keeps_all_cores(monkeypatch):
    monkeypatch.setattr(threads, "n_cores", lambda: 4)
    monkeypatch.setattr(threads, "busy_cores", lambda sample: 0.3)
    environ = {}
    assert threads.leave_busy_cores(environ) is None
    assert environ == {}


@pytest.mark.parametrize(
    "cores, busy, expected", [(2, 1.0, 1), (2, 2.0, 1), (8, 1.2, 7), (8, 3.6, 4)]
)
def test_busy_cores_are_left_alone(monkeypatch, cores, busy, expected):
    monkeypatch.setattr(threads, "n_cores", lambda: cores)
    monkeypatch.setattr(threads, "busy_cores", lambda sample: busy)
    environ = {}
    said = threads.leave_busy_cores(environ)
    assert f"keep {cores - expected} of {cores} cores busy" in said
    assert set(environ.values()) == {str(expected)}
    assert environ["OPENBLAS_NUM_THREADS"] == str(expected)


@pytest.mark.parametrize("name", threads.VARIABLES)
def test_what_the_user_has_set_stands(monkeypatch, name):
    monkeypatch.setattr(threads, "busy_cores", lambda sample: 100)
    environ = {name: "2"}
    assert threads.leave_busy_cores(environ) is None
    assert environ == {name: "2"}


def spin(started):
    started.set()
    while True:
        pass


@pytest.mark.skipif(not LINUX, reason="seen in /proc/stat")
def test_a_busy_neighbour_is_seen():
    context = multiprocessing.get_context("spawn")
    started = [context.Event() for _ in range(os.cpu_count())]
    neighbours = [context.Process(target=spin, args=(e,), daemon=True) for e in started]
    for neighbour in neighbours:
        neighbour.start()
    try:
        assert all(event.wait(60) for event in started)
        # Others may be busy as well: that all cores are busy is all that can be known.
        assert threads.busy_cores(0.5) > 0.5 * os.cpu_count()
    finally:
        for neighbour in neighbours:
            neighbour.kill()


def test_where_nothing_can_be_seen_all_cores_are_used(monkeypatch):
    monkeypatch.setattr(threads, "_ticks", lambda: None)
    assert threads.busy_cores(10) == 0

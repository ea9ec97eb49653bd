"""How many threads BLAS gets beside busy neighbours."""

import io
import multiprocessing
import os
import sys

import numpy
import pytest

from logreg.engine import threads
from logreg.engine.threads import BusyCores, Clocks, OpenBLAS

LINUX = sys.platform == "linux"


@pytest.fixture
def machine(monkeypatch):
    """A machine of some cores whose clocks are set by hand; gives what BLAS was told."""

    def machine(n_cores, *clocks, n_threads=None):
        told = []

        def libraries():
            has = [n_threads or n_cores, *told][-1]
            return [OpenBLAS("libopenblas.so", lambda: has, told.append)]

        monkeypatch.setattr(threads, "n_cores", lambda: n_cores)
        monkeypatch.setattr(threads, "openblas_libraries", libraries)
        left = [clock and Clocks(*clock) for clock in clocks]
        monkeypatch.setattr(threads, "clocks", lambda: left.pop(0))
        return told

    return machine


def test_an_idle_machine_keeps_all_threads(machine):
    told = machine(4, (0, 0, 0), (1, 4.3, 4))
    assert BusyCores({}).leave() is None
    assert told == []


@pytest.mark.parametrize(
    "cores, others, expected", [(2, 1.0, 1), (2, 2.0, 1), (8, 1.2, 7), (8, 3.6, 4)]
)
def test_busy_cores_are_left_alone(machine, cores, others, expected):
    told = machine(cores, (100, 50, 7), (102, 50 + 2 * others + 3, 10))
    said = BusyCores({}).leave()
    assert f"keep {cores - expected} of {cores} cores busy: BLAS gets {expected} thread" in said
    assert told == [expected]


def test_a_neighbour_that_comes_and_goes(machine):
    clocks = [(0, 0, 0), (1, 2, 2), (2, 4, 3), (3, 6, 4), (4, 7, 5)]
    told = machine(2, *clocks)
    cores = BusyCores({})
    said = [cores.leave() for _ in clocks[1:]]
    assert told == [1, 2]
    assert said[0] is None and said[2] is None
    assert "1 of 2 cores busy: BLAS gets 1 thread " in said[1]
    assert "none of 2 cores busy: BLAS gets 2 threads " in said[3]


def test_a_run_gives_back_what_it_took(machine):
    told = machine(4, (0, 0, 0), (1, 3, 1))
    with pytest.raises(KeyError), BusyCores({}) as cores:
        cores.leave()
        assert told == [2]
        raise KeyError
    assert told == [2, 4]
    told = machine(4, (0, 0, 0), (1, 1, 1))
    with BusyCores({}) as cores:
        cores.leave()
    assert told == []


def test_fewer_threads_than_cores_stay_fewer(machine):
    told = machine(8, (0, 0, 0), (1, 4, 2), (2, 6, 4), n_threads=3)
    with BusyCores({}) as cores:
        assert cores.leave() is None  # two others, and six cores left
        assert cores.leave() is None
    assert set(told) <= {3}


def test_what_is_too_short_to_tell_is_added_to_the_next_look(machine):
    told = machine(2, (0, 0, 0), (0.1, 0.1, 0), (0.3, 0.3, 0))
    cores = BusyCores({})
    assert cores.leave() is None and told == []
    assert cores.leave() and told == [1]


@pytest.mark.parametrize("name", threads.VARIABLES)
def test_what_the_user_has_set_stands(machine, name):
    told = machine(2, (0, 0, 0), (1, 2, 0))
    assert BusyCores({name: "2"}).leave() is None
    assert told == []


def test_where_nothing_can_be_seen_all_threads_are_used(machine):
    told = machine(2, None, None)
    assert BusyCores({}).leave() is None
    assert told == []


def spin(started):
    started.set()
    while True:
        pass


@pytest.mark.skipif(not LINUX, reason="seen in /proc/stat")
def test_a_busy_neighbour_is_seen_and_our_own_work_is_not(monkeypatch):
    told = []
    library = OpenBLAS("libopenblas.so", lambda: 100, told.append)
    monkeypatch.setattr(threads, "openblas_libraries", lambda: [library])
    monkeypatch.setattr(threads, "n_cores", lambda: 100)
    # Others may be busy as well, but hardly for less time than nobody.
    context = multiprocessing.get_context("spawn")
    started = [context.Event() for _ in range(os.cpu_count())]
    neighbours = [context.Process(target=spin, args=(e,), daemon=True) for e in started]
    for neighbour in neighbours:
        neighbour.start()
    try:
        assert all(event.wait(60) for event in started)
        cores = BusyCores({})
        work_for(0.5)
        assert "cores busy" in cores.leave()
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.join()
    assert 100 - os.cpu_count() - 1 <= told[0] < 100


def work_for(seconds):
    begin = threads.clocks()
    while threads.clocks().time - begin.time < seconds:
        pass


@pytest.mark.skipif(not LINUX, reason="seen in /proc/stat")
def test_our_own_work_is_counted_as_ours():
    before = threads.clocks()
    work_for(0.5)
    after = threads.clocks()
    ours = after.ours - before.ours
    assert 0 < ours <= after.busy - before.busy + 0.05


@pytest.mark.skipif(not LINUX, reason="found in /proc/self/maps")
def test_numpys_openblas_is_found():
    numpy.dot(numpy.ones((2, 2)), numpy.ones((2, 2)))
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        if "openblas" not in file.read():
            pytest.skip("this NumPy has another BLAS")
    libraries = threads.openblas_libraries()
    assert libraries and len({library.path for library in libraries}) == len(libraries)
    had = [library.get_num_threads() for library in libraries]
    assert all(1 <= n <= os.cpu_count() for n in had)
    for library, n in zip(libraries, had):
        library.set_num_threads(1)
        assert library.get_num_threads() == 1
        library.set_num_threads(n)
    assert [library.get_num_threads() for library in threads.openblas_libraries()] == had


@pytest.mark.skipif(not LINUX, reason="found in /proc/self/maps")
def test_a_path_may_have_blanks_and_a_library_may_be_gone(tmp_path, monkeypatch):
    paths = [str(tmp_path / "my libs" / "libopenblas.so"), "/nowhere/libblas.so (deleted)"]
    loaded = []

    class Library:
        def __init__(self, path):
            if "deleted" in path:
                raise OSError(path)
            loaded.append(path)

        def scipy_openblas_get_num_threads(self):
            return 3

        def scipy_openblas_set_num_threads(self, n):
            pass

    maps = "".join(f"7f00-7f01 r-xp 00000000 fe:00 {i:<20} {p}\n" for i, p in enumerate(paths, 9))
    monkeypatch.setattr(threads, "open", lambda *args, **kw: io.StringIO(maps), raising=False)
    monkeypatch.setattr(threads.ctypes, "CDLL", Library)
    (library,) = threads.openblas_libraries()
    assert loaded == [library.path] == paths[:1]
    assert library.get_num_threads() == 3

"""How many threads BLAS gets: as many as there are cores that nobody else keeps busy.

Its threads wait for each other in every product. If one of two cores is another process's, two
threads are several times slower than one.
"""

import ctypes
import os
import time
from typing import NamedTuple

# By which a user decides it.
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS")
VARIABLES += ("OPENBLAS_DEFAULT_NUM_THREADS",)
# The functions' names in OpenBLAS, and as NumPy's and SciPy's wheels rename them.
NAMES = tuple(f"{a}openblas_%s_num_threads{z}" for a in ("", "scipy_") for z in ("", "64_"))
INTERVAL = 0.2  # seconds between two looks at the least; the kernel counts hundredths


class BusyCores:
    """Keeps OpenBLAS off the cores that other processes keep busy, on Linux.

    What counts as busy is what others did since the last look, so a run has to look now and
    then, as at each validation. After the block of a ``with`` statement, OpenBLAS has as many
    threads as it had.

    Parameters
    ----------
    environ : dict
        Where the user may have set the number of threads; then it stays as it is.
    """

    def __init__(self, environ=os.environ):
        self._is_users = any(name in environ for name in VARIABLES)
        self._n_cores = self._n_threads = n_cores()
        self._before = clocks()
        self._changed = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for library, had in self._changed.values():
            library.set_num_threads(had)

    def leave(self):
        """Give OpenBLAS a thread for each core that is not another process's.

        Returns
        -------
        str or None
            What was changed, in words.
        """
        now, before = clocks(), self._before
        if self._is_users or now is None or now.time - before.time < INTERVAL:
            return None
        self._before = now
        others = (now.busy - before.busy - (now.ours - before.ours)) / (now.time - before.time)
        n_threads = min(max(1, self._n_cores - round(others)), self._n_cores)
        if n_threads == self._n_threads:
            return None
        self._n_threads = n_threads
        is_changed = False
        for library in openblas_libraries():
            has = library.get_num_threads()
            _, had = self._changed.setdefault(library.path, (library, has))
            wanted = min(n_threads, had)  # whoever gave it fewer than there are cores had a reason
            if wanted != has:
                library.set_num_threads(wanted)
                is_changed = True
        if not is_changed:
            return None
        n_busy = self._n_cores - n_threads
        return (
            f"other processes keep {n_busy or 'none'} of {self._n_cores} cores busy: BLAS gets "
            f"{n_threads} thread{'s' * (n_threads > 1)} (set OPENBLAS_NUM_THREADS for another "
            "number that stays)"
        )


class Clocks(NamedTuple):
    """Seconds: on the wall's clock, that our cores were busy, and that they were so for us."""

    time: float
    busy: float
    ours: float


def clocks():
    """Read the clocks; None where the kernel does not tell."""
    try:
        cores = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        with open("/proc/stat", encoding="ascii") as file:
            lines = [words[1:] for words in map(str.split, file) if words[0] in cores]
        # user, nice, system, idle, iowait, irq, softirq, steal
        ticks = [sum(map(int, line[:3] + line[5:8])) for line in lines]
        busy = sum(ticks) / os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):  # not Linux
        return None
    return Clocks(time.monotonic(), busy, sum(os.times()[:4]))


def n_cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class OpenBLAS(NamedTuple):
    """The functions of an OpenBLAS that get and set its number of threads."""

    path: str
    get_num_threads: object
    set_num_threads: object


def openblas_libraries():
    """List each OpenBLAS that is loaded in this process, as :class:`OpenBLAS`."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            # address, permissions, offset, device, inode, path
            paths = {line.rstrip("\n").split(None, 5)[-1] for line in file if "blas" in line}
    except OSError:
        return []
    found = []
    for path in sorted(paths):
        try:
            library = ctypes.CDLL(path)
        except OSError:  # none, or deleted since
            continue
        for name in NAMES:
            functions = [getattr(library, name % verb, None) for verb in ("get", "set")]
            if None not in functions:
                found.append(OpenBLAS(path, *functions))
                break
    return found

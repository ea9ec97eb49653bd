"""How many threads BLAS gets: as many as there are cores that nobody else keeps busy.

Its threads wait for each other in every product. If one of two cores is another process's, two
threads are several times slower than one.
"""

import os
import time

# What OpenBLAS, and what OpenMP and MKL go by.
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
SAMPLE = 0.05  # seconds; five ticks of the clock that the kernel counts by


def leave_busy_cores(environ=os.environ, sample=SAMPLE):
    """Let BLAS, which reads it when it is loaded, leave the cores alone that others keep busy.

    Parameters
    ----------
    environ : dict
        Where the number of threads is set, unless the user has set one.
    sample : float
        Seconds over which it is seen how busy the cores are.

    Returns
    -------
    str or None
        What was decided, in words, if it is not all of the cores.
    """
    if any(name in environ for name in VARIABLES):
        return None
    cores = n_cores()
    threads = max(1, cores - round(busy_cores(sample))) if cores > 1 else 1
    if threads == cores:
        return None
    environ["OPENBLAS_NUM_THREADS"] = environ["OMP_NUM_THREADS"] = str(threads)
    return (
        f"other processes keep {cores - threads} of {cores} cores busy: BLAS gets {threads} "
        f"thread{'s' * (threads > 1)} (OPENBLAS_NUM_THREADS={cores} for all)"
    )


def n_cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def busy_cores(sample):
    """How many cores are busy while this process waits; 0 where that cannot be seen."""
    before = _ticks()
    if before is None:
        return 0.0
    time.sleep(sample)
    busy, total = (now - then for now, then in zip(_ticks(), before))
    return busy / total * n_cores() if total else 0.0


def _ticks():
    """Ticks that our cores were busy, and ticks in all, since the machine was started."""
    try:
        ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        with open("/proc/stat", encoding="ascii") as file:
            cores = [words for words in map(str.split, file) if words[0] in ours]
        # user, nice, system, idle, iowait, irq, softirq, steal
        ticks = [sum(map(int, column)) for column in list(zip(*cores))[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    except (AttributeError, OSError, ValueError, IndexError):  # not Linux
        return None

"""Ranks: the processes that an MPI launcher has started to train one model together.

Each holds its share of the rows of each minibatch; gradients and counts are summed over the ranks,
so that all take the same steps and stop together. Rank 0 alone reads, prints and writes. What the
launcher set in the environment decides: without one there is one rank, and MPI is not imported.
"""

import atexit
import contextlib
import itertools
import os
import sys
import time
import traceback

from logreg.errors import EngineError, LogRegError
from logreg.watcher import watch

# Their size and a process's rank, as MPICH and Intel MPI, Open MPI, and Slurm's srun tell them.
LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
START_SECONDS = 60  # until a rank that waits for the others to start gives up
GRACE = 2.0  # seconds until another rank than 0 says what all may have met
POLL = 0.01  # seconds
SPINS = 50  # looks whether the others are there, before the core is left to them
LOOKS = 500  # ... and before it is seen whether they are alive
MESSAGE = 1 << 26  # bytes

rank, size = 0, 1
local_rank = 0  # among those of this machine
_mpi = _comm = None  # mpi4py's module, and the communicator of all ranks
_watcher = None  # a pipe to the process that watches this one
_neighbours = ()  # the processes of the ranks of this machine
_was_asked = False  # whether this rank was asked to end the run
_was_anyone_asked = False  # whether a rank was, as all know since the last step
_has_agreed = False  # whether all ranks know how they end


class ToldError(LogRegError):
    """What failed on rank 0, which says it; raised on the others."""


def launched():
    """How many processes a launcher has started together, and which of them this is."""
    for name_of_size, name_of_rank in LAUNCHERS:
        if os.environ.get(name_of_size, "").isdigit():
            return int(os.environ[name_of_size]), int(os.environ.get(name_of_rank) or 0)
    return 1, 0


def start():
    """Find the other ranks, if a launcher has started any."""
    global rank, size, _mpi, _comm, _watcher
    n, number = launched()
    if n == 1 or size > 1:
        return
    rank, size = number, n
    if rank:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    _watcher = watch(os.getpid(), number, n, START_SECONDS) if hasattr(os, "fork") else None
    try:
        import mpi4py

        # MPI's end waits for all ranks: one that fails has to end them instead.
        mpi4py.rc.finalize = False
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise EngineError(
            f"{n} processes were started together, and mpi4py does not import "
            f"({str(error).splitlines()[0]}): pip install '.[mpi]', or load the cluster's MPI"
        ) from error
    if MPI.COMM_WORLD.size != n:
        library = MPI.Get_library_version().split("\n")[0].strip("\0 ")
        raise EngineError(
            f"{n} processes were started together, and MPI sees {MPI.COMM_WORLD.size}: the "
            f"launcher is of another MPI than the library that mpi4py loads ({library}). Take "
            f"{os.path.join(os.path.dirname(sys.executable), 'mpiexec')}, or the cluster's own"
        )
    _mpi, _comm, rank = MPI, MPI.COMM_WORLD, MPI.COMM_WORLD.rank
    _tell_watcher(b"s")
    _share_cores()
    sys.excepthook = lambda kind, error, trace: end(1, error)
    atexit.register(finish)


def _share_cores():
    """Let a machine's ranks share its cores; a launcher may have bound each to some."""
    global local_rank, _neighbours
    here = _comm.Split_type(_mpi.COMM_TYPE_SHARED)
    _neighbours = here.allgather(os.getpid())
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        mine = tuple(sorted(os.sched_getaffinity(0)))
        n_like_me = here.allgather(mine).count(mine)
        cores = len(mine)
    else:
        n_like_me = here.size
    local_rank = here.rank
    for name in ("LOGREG_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, cores // n_like_me)))


def alone():
    """Whether this process is the one that does what one process can do; it says so once."""
    n, number = launched()
    for name_of_size, _ in LAUNCHERS:
        os.environ.pop(name_of_size, None)
    if n > 1 and not number:
        print(f"note: {n} processes were started, of which the first does it", file=sys.stderr)
    return not number


# ---- the end


def finish():
    """Part from the other ranks, as all of them do now."""
    global _comm
    if _comm:
        sys.stdout.flush()
        _tell_watcher(b"e")
        _comm = None
        _mpi.Finalize()


def end(code, error=None):
    """End all ranks, which would wait for this one, unless they know it and end as well.

    `error` is the exception that ends it, where that was not said.
    """
    if _has_agreed or not _comm:
        finish()
        _tell_watcher(b"e")
        return
    if isinstance(error, SystemExit):
        said, code = f"it ended with exit code {error.code}", 1
    elif error is not None:
        said = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if error is not None:
        print(_named(said.rstrip()), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    _tell_watcher(b"e")
    time.sleep(0.1)  # the watcher, too, has something to do
    _comm.Abort(code)
    os._exit(code)  # MPICH's Abort returns, and the launcher kills this process a little later


def fault(error):
    """What to say of an error on this rank; None if rank 0 says it."""
    if not rank:
        return f"error: {error}"
    return None if isinstance(error, ToldError) else _named(error)


def _named(error):
    """What to say of an error, with the rank; but if all have met it, rank 0 ends them before."""
    time.sleep(GRACE if rank else 0)
    return f"error: rank {rank} of {size}: {error}"


def _tell_watcher(word):
    if _watcher is not None:
        with contextlib.suppress(OSError):
            os.write(_watcher, word)


# ---- what ranks tell each other


def on_first(function):
    """Call a function on rank 0, and return there what it returns; None on the others.

    A LogRegError, or the SystemExit of a wrong option, ends all; rank 0 says it.
    """
    global _has_agreed
    if size == 1:
        return function()
    value = error = None
    if not rank:
        try:
            value = function()
        except (LogRegError, SystemExit) as raised:
            error = raised
    code = (getattr(error, "code", 1) or 0) if error else None
    code = _comm.bcast(code)
    if code is None:
        return value
    _has_agreed = True
    if error:
        raise error
    raise ToldError() if code == 1 else SystemExit(code)


def from_first(function):
    """As :func:`on_first`, but what is returned is returned on all."""
    return same_on_all(on_first(function))


def same_on_all(value):
    """What rank 0 has, on all ranks."""
    return _comm.bcast(value) if size > 1 else value


def send_rows(array, to):
    """Send an array to a rank, which receives it by :func:`receive_rows`."""
    _comm.send((array.dtype, array.shape), to)
    for message in _messages(array):
        _comm.Send(message, to)


def receive_rows():
    """Receive an array from rank 0."""
    import numpy

    dtype, shape = _comm.recv(source=0)
    array = numpy.empty(shape, dtype)
    for message in _messages(array):
        _comm.Recv(message, 0)
    return array


def _messages(array):
    """The bytes of an array, contiguous, in parts of a size that every MPI takes."""
    data = array.ravel().view("uint8")
    return [data[first : first + MESSAGE] for first in range(0, len(data), MESSAGE)]


def share(n, of=None):
    """The first of `n` that are a rank's, by default this one's, and the one after the last."""
    of = rank if of is None else of
    return n * of // size, n * (of + 1) // size


def rows_of(n_rows, batch_size, of=None):
    """The rows of a validation or test set that a rank, by default this one, classifies.

    They are those of whole minibatches, and for the last rank also what is left over.
    """
    first, last = share(n_rows // batch_size, of)
    is_last = (rank if of is None else of) == size - 1
    return first * batch_size, n_rows if is_last else last * batch_size


def all_true(flag):
    """Whether something is so on all ranks."""
    return _comm.allreduce(bool(flag), _mpi.LAND)


def largest(number):
    """The largest of a number on all ranks."""
    return number if size == 1 else _comm.allreduce(number, _mpi.MAX)


def anyone(asked):
    """Whether a rank was asked to end the run, as all know since the last step.

    `asked` is whether this one was, which the others learn at the next step.
    """
    global _was_asked
    _was_asked = bool(asked)
    return _was_anyone_asked if size > 1 else asked


def sum_counts(array):
    """Sum an array over the ranks, in place."""
    _wait_for(_comm.Iallreduce(_mpi.IN_PLACE, array))


def sum_step(buffer):
    """Sum what a step packs, in place; the last element is left free for who was asked to end."""
    global _was_anyone_asked
    buffer[-1] = _was_asked
    _wait_for(_comm.Iallreduce(_mpi.IN_PLACE, buffer))
    _was_anyone_asked = bool(buffer[-1])


def wait():
    """Wait until all ranks are here."""
    _wait_for(_comm.Ibarrier())


def _wait_for(request, seconds=0.0):
    """Wait for other ranks; one that waits long leaves the core to those that may need it."""
    leave_core = getattr(os, "sched_yield", lambda: time.sleep(0))
    for tries in itertools.count(1):
        if request.Test():
            return
        if tries % LOOKS == 0:
            _look_for_neighbours()
        if seconds:
            time.sleep(seconds)
        elif tries > SPINS:
            leave_core()


def _look_for_neighbours():
    """End all if a rank of this machine has gone, where the launcher does not.

    Not every launcher does: for exit code 0 none, and srun for no other unless it is asked to.
    """
    for pid in _neighbours:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            time.sleep(0.5)  # its watcher says so
            end(1)


@contextlib.contextmanager
def first_first():
    """Let rank 0 do the block before the others: what it compiles, they find compiled."""
    if rank:
        _wait_for(_comm.Ibarrier(), POLL)  # the core is rank 0's
    yield
    if size > 1 and not rank:
        wait()

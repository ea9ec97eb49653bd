"""The ranks of this process's job. There is one, unless an MPI launcher has started several."""

import os

# The variables for the number of ranks and this one, of MPICH and Intel MPI, Open MPI, and Slurm.
LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)


class OneRank:
    """A process that trains alone. Of several, :class:`logreg.basics.mpi.Ranks` is the class.

    Its methods do what those of that class do with one rank.
    """

    rank = 0
    size = 1

    def start(self):
        """Find the other ranks; there are none."""

    def compute_on_first(self, function):
        """Return the value of a function."""
        return function()

    def broadcast(self, value):
        """Return a value: there is no other rank to send it to."""
        return value

    def gather(self, value):
        """List the values of all ranks; there is but one rank."""
        return [value]

    def check_same(self, name, make):
        """Check that a value is the same on all ranks; there is but one rank."""


def find_ranks():
    """Make the object that stands for the ranks, by the environment that a launcher sets."""
    for name_of_size, name_of_rank in LAUNCHERS:
        if os.environ.get(name_of_size, "").isdigit():
            size = int(os.environ[name_of_size])
            if size == 1 or os.environ.get("LOGREG_RANKS") == "0":
                break
            from logreg.basics.mpi import Ranks  # only where it is needed

            return Ranks(size, int(os.environ.get(name_of_rank) or 0))
    return OneRank()


ranks = find_ranks()

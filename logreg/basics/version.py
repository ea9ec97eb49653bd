"""The versions of the package and of its arithmetic; this module imports nothing."""

__version__ = "1.0.0"
# Whoever changes the last bits that a training gives raises this number: `--verify` then says why
# bits differ, and `--resume` refuses the state of a run that began otherwise.
ARITHMETIC_VERSION = 1

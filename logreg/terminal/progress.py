"""How far something slow is, as a line at the bottom of a terminal."""

import contextlib
import os
import sys

from logreg.terminal import notes


@contextlib.contextmanager
def progress(total, what=None, unit="B", **options):
    """Show on a terminal how far a slow block is; what is printed in it goes above the line.

    Yielded is a function to call with how much more is done, and with attributes of the bar that
    change. It does nothing where stderr is no terminal, after ``set_quiet(True)``, without tqdm,
    and on other ranks than the first. `options` are tqdm's.
    """
    in_cell = "JPY_PARENT_PID" in os.environ  # of a notebook, which would keep each state
    is_shown = sys.stderr.isatty() and not (notes._is_quiet or notes._rank or in_cell)
    with contextlib.ExitStack() as stack:
        bar = None
        with contextlib.suppress(ImportError):  # tqdm is the extra `progress`
            if is_shown:
                from tqdm import tqdm
                from tqdm.contrib import DummyTqdmFile

                style = {"unit": unit, "unit_scale": True, "leave": False, "dynamic_ncols": True}
                options = {**style, "desc": what, "delay": notes.SLOW_AFTER, **options}
                bar = stack.enter_context(tqdm(total=total, **options))
                stack.enter_context(contextlib.redirect_stderr(DummyTqdmFile(sys.stderr)))
                if sys.stdout.isatty():
                    stack.enter_context(contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)))

        def advance(n, **changed):
            if bar is not None:
                vars(bar).update(changed)
                bar.update(n)

        yield advance

"""What PyTensor says of old ways is for who writes programs today."""

import functools
import warnings


def quietly(function):
    """Make a function of PyTensor keep to itself that it is on its way out."""

    @functools.wraps(function)
    def quiet(*args, **options):
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            warnings.filterwarnings("ignore", "Numba will use object mode")
            return function(*args, **options)

    return quiet

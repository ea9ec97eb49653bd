"""What the user set in an engine's flags and its rc files."""

import configparser
import os
import shlex


def user_setting(engine, option):
    """Find what the user set for an option of an engine.

    Theano and PyTensor read the same syntax. It is read here as well because some options must
    be set before the import, and because neither engine tells a default from a user's setting.

    Parameters
    ----------
    engine : {'theano', 'pytensor'}
    option : str
        Such as ``'floatX'`` or ``'blas.ldflags'``.

    Returns
    -------
    str or None
        None if the user did not set it.
    """
    flags = shlex.shlex(os.environ.get(engine.upper() + "_FLAGS", ""), posix=True)
    flags.whitespace, flags.whitespace_split = ",", True
    value = None
    for flag in flags:
        name, equals, text = flag.strip().partition("=")
        if equals and name == option:
            value = text  # the last one counts
    if value is not None:
        return value
    rc_files = os.environ.get(engine.upper() + "RC", f"~/.{engine}rc")
    rc = configparser.RawConfigParser()
    try:
        rc.read([os.path.expanduser(path) for path in rc_files.split(os.pathsep)])
    except configparser.Error:
        return None  # the engine itself will say what is wrong with the file
    section, _, name = option.rpartition(".")
    return rc.get(section or "global", name, fallback=None)

"""What the user set for an engine: its flags in the environment, its rc files."""

import configparser
import os
import shlex

from logreg.basics.errors import SettingError


def user_setting(engine, option):
    """Find what the user set for an option in an engine's flags or rc files; None if nothing.

    Theano and PyTensor read the same syntax. It is read here as well because some options must be
    set before the import, and because neither engine tells a default from a user's setting.
    """
    variable = f"{engine.upper()}_FLAGS"
    flags = shlex.shlex(os.environ.get(variable, ""), posix=True)
    flags.whitespace = ","
    flags.whitespace_split = True
    try:
        settings = {}
        for flag in flags:
            name, _, value = flag.strip().partition("=")
            settings[name] = value
    except ValueError as error:
        raise SettingError(
            f"{variable} is {os.environ[variable]!r}: {error}; close the quotes"
        ) from None
    if option in settings:
        return settings[option]
    rc = configparser.RawConfigParser()
    files = os.environ.get(f"{engine.upper()}RC", f"~/.{engine}rc").split(os.pathsep)
    rc.read([os.path.expanduser(file) for file in files])
    section, _, name = option.rpartition(".")
    return rc.get(section or "global", name, fallback=None)

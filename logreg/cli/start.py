"""What a command does first, before it imports other modules."""

import signal


def end_at_ctrl_c():
    """Let Ctrl-C end this process without a traceback, unless it ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

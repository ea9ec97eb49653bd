"""What the two command lines do, command by command: recorded once, compared ever after.

    python behaviour.py --record FILE.json
    python behaviour.py --compare FILE.json
    python behaviour.py --merge THEANO.json PYTENSOR.json TABLE.json

The commands are in commands.txt, the files that they are given in fixtures.py. All run in one
process, in a temporary folder, by the `main` of whatever `logreg` is on PYTHONPATH. Of each are
kept: its arguments, exit code and stdout, the kinds of lines on stderr, what its errors name,
and the files that it wrote.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import os
import re
import shlex
import signal
import sys
import tempfile
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHORT = {"fit": ["--n-epochs", "3", "--batch-size", "10", "--dataset"]}
FLOAT = re.compile(r"(?<![\w.])-?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)(?![\w.])")
MASKED = re.compile(r'^(\s*"?(?:engine|python|numpy|date)"?[:,]).*?(,?)$', re.MULTILINE)
SLOW = re.compile(r"(compiling: |starting the engine: |other processes keep )")
TOLERANCE = 0.0015  # of what is rounded to three digits
TEXT = (".csv", ".json", ".txt")


def commands(text):
    """Yield (name, words, stdin, signal) of each line, after expanding {a,b}.

    A line is a module's last name or an abbreviation, and arguments; ``< FILE`` gives it a stdin
    (``< closed`` none), ``! N`` interrupts it in epoch N. % is what the first {} is.
    """
    seen = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        parts = re.split(r"\{([^{}]*)\}", line)
        choices = [part.split(",") if i % 2 else [part] for i, part in enumerate(parts)]
        for chosen in itertools.product(*choices):
            name = " ".join("".join(chosen).replace("%", "".join(chosen[1:2])).split())
            seen[name] = seen.get(name, 0) + 1
            command, _, stop = name.partition(" ! ")
            command, _, stdin = command.partition(" < ")
            numbered = name if seen[name] == 1 else f"{name} ({seen[name]})"
            yield numbered, shlex.split(command), stdin, stop


class Interrupting(io.StringIO):
    """A stdout that sends SIGINT as soon as an epoch's line is written."""

    def __init__(self, epoch):
        super().__init__()
        self.wanted = epoch and f"epoch {epoch},"

    def write(self, text):
        """Write, and interrupt once."""
        if self.wanted and self.wanted in text:
            self.wanted = ""
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def normalised(text):
    """Text without what differs from run to run, or from machine to machine."""
    if text.startswith("usage:"):
        text = " ".join(text.split()).replace("optional arguments:", "options:")
    text = re.sub(r"with \S+ epochs/sec", "with X epochs/sec", text)
    if text.startswith("epoch,iteration,"):  # a history, the last column of which are seconds
        text = re.sub(r",[^,\n]*$", "", text, flags=re.MULTILINE)
    text = MASKED.sub(r"\1 X\2", text)
    return FLOAT.sub(lambda match: f"{round(float(match[0]), 3) + 0.0:.3f}", text)


def kind_of(line):
    """The kind of a line on stderr; None if it says nothing of what was done."""
    found = re.match(r"(error|warning|note|usage): ?", line)
    if found:
        return found[1]
    if re.match(r"logreg-\w+: error: ", line):
        return "usage"
    return None if not line.strip() or SLOW.match(line) else "other"


def kinds_of(stderr):
    """The kinds of the lines on stderr, sorted; how a usage goes on is no line of its own."""
    lines = stderr.splitlines()
    is_usage = any(line.startswith("usage:") for line in lines)
    return sorted({kind_of(line) for line in lines if not (is_usage and line[:1] == " ")} - {None})


def named(stderr, words):
    """Which arguments, options or files, the errors name, before they say what to do."""
    found = set()
    for line in stderr.splitlines():
        if not re.match(r"(logreg-\w+: )?error: ", line):
            continue
        said = line.split("; ")[0]
        for word in words:
            is_option = re.match("--[a-z]|-[a-z]$", word)
            if not (is_option or re.search(r"[a-z][./]|[./][a-z]", word) or os.path.exists(word)):
                continue
            bare = word[2:].replace("-", "_") if is_option else ""
            is_value = bare and said.startswith(f"error: {bare} is ")
            if is_value or re.search(rf"(?<![\w/-]){re.escape(word)}(?![\w-])", said):
                found.add(word)
    return sorted(found)


def files():
    """What lies in the working folder: path to a stamp that tells if it was written."""
    found = {}
    for folder, _, names in os.walk("."):
        for name in names:
            path = os.path.normpath(os.path.join(folder, name))
            status = os.lstat(path)
            found[path] = status.st_mtime_ns, status.st_size, status.st_ino
    return found


def written(before):
    """What became of the files: the text of those that are text."""
    after, changes = files(), {}
    for path in sorted({*before, *after}):
        if path not in after:
            changes[path] = "removed"
        elif after[path] != before.get(path):
            changes[path] = "written"
            if path.endswith(TEXT):
                changes[path] = normalised(Path(path).read_text("utf-8"))
    return changes


def run(words, stdin, stop):
    """Run a command; return what is kept of it."""
    module, *rest = words
    argv = SHORT.get(module, []) + rest
    main = importlib.import_module("logreg." + {"fit": "train"}.get(module, module)).main
    out, err, before, stdin_before = Interrupting(stop), io.StringIO(), files(), sys.stdin
    with contextlib.ExitStack() as stack:
        sys.stdin = None
        if stdin != "closed":
            stream = stack.enter_context(open(stdin or os.devnull, "rb"))
            sys.stdin = types.SimpleNamespace(buffer=stream)
        stack.callback(setattr, sys, "stdin", stdin_before)
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            code = main(argv)
        except SystemExit as error:
            code = error.code or 0
        except Exception as error:  # a fault of the program's: this is kept as well
            code = type(error).__name__
    return {
        "argv": [module, *argv],
        "code": code,
        "stdout": normalised(out.getvalue()),
        "stderr": kinds_of(err.getvalue()),
        "named": named(err.getvalue(), argv),
        "written": written(before),
    }


def run_all():
    """Run all commands in a new folder; return a dict of name to what is kept."""
    sys.path.insert(0, str(HERE))
    fixtures = importlib.import_module("fixtures")
    os.environ.update(COLUMNS="80", NO_COLOR="1", LOGREG_DATA="")
    kept, back = {}, os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            fixtures.make()
            for name, words, stdin, stop in commands((HERE / "commands.txt").read_text("utf-8")):
                if words[0] == "damage":
                    fixtures.damage(*words[1:])
                    continue
                kept[name] = run(words, stdin, stop)
        finally:
            os.chdir(back)
    return kept


def is_alike(then, now):
    """Whether two values are the same; numbers in texts may be rounded otherwise."""
    if isinstance(then, dict) and isinstance(now, dict):
        return then.keys() == now.keys() and all(is_alike(then[k], now[k]) for k in then)
    if not (isinstance(then, str) and isinstance(now, str)):
        return then == now
    numbers = [list(map(float, FLOAT.findall(text))) for text in (then, now)]
    return FLOAT.sub("0.0", then) == FLOAT.sub("0.0", now) and all(
        abs(a - b) < TOLERANCE for a, b in zip(*numbers)
    )


def differences(then, now, engine):
    """Yield (command, field, then, now) of what differs; of a merged table, the engine's."""
    for name in [*then, *(name for name in now if name not in then)]:
        if name not in then or name not in now:
            yield name, "command", *("there" if name in all_ else None for all_ in (then, now))
            continue
        for field, value in then[name].items():
            if isinstance(value, dict) and set(value) == {"theano", "pytensor"}:
                value = value[engine]
            if not is_alike(value, now[name][field]):
                yield name, field, value, now[name][field]


def merged(theano, pytensor):
    """What two records have alike; where they differ, a dict of both."""
    table = {}
    for name in theano:
        table[name] = {}
        for field, value in theano[name].items():
            other = pytensor[name][field]
            alike = is_alike(value, other)
            table[name][field] = value if alike else {"theano": value, "pytensor": other}
    return table


def main():
    """Do as the options say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--compare", metavar="FILE")
    parser.add_argument("--merge", nargs=3, metavar="FILE")
    args = parser.parse_args()
    if args.merge:
        *paths, table = args.merge
        write(table, merged(*(json.loads(Path(path).read_text("utf-8")) for path in paths)))
        return 0
    then = json.loads(Path(args.compare).read_text("utf-8")) if args.compare else {}
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    now = run_all()
    print(f"{len(now)} commands", file=sys.stderr)
    if args.record:
        write(args.record, now)
    engine = "theano" if "theano" in sys.modules else "pytensor"
    found = list(differences(then, now, engine)) if args.compare else []
    for name, field, old, new in found:
        print(f"{name}\n  {field}\n    then: {old!r}\n    now:  {new!r}")
    return 1 if found else 0


def write(path, content):
    """Write JSON, a command's every field on a line of its own."""
    entries = []
    for name, kept in content.items():
        fields = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in kept.items())
        entries.append(f"{json.dumps(name)}: {{\n" + ",\n".join(fields) + "\n}")
    Path(path).write_text("{\n" + ",\n".join(entries) + "\n}\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

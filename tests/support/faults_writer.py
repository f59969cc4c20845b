"""A process that writes versions of files when asked to, each in a child that may be killed.

Asked by lines on its input: `FOLDER VERSION STEP`. It answers with the number of the child that is
about to write, and with `ended` when the child is gone. A version is a letter that fills every
file. The child kills itself before the call of the system with the number STEP, whose name it
prints, or ends by itself where there are fewer, or STEP is 0.
Arguments: `file` or `report`, and the seconds by which names are given more slowly than they are.
"""

import os
import signal
import sys
import time
from pathlib import Path

from metaeval.core import atomic_write

PAGE = "report.html"
NAMES = ("result.json", "leaderboard.tex", *(f"figures/f{i}.png" for i in range(20)), PAGE)
SIZE = 20_000


def contents(folder, version, kind):
    """Files of a version."""
    names = NAMES if kind == "report" else (PAGE,)
    return {folder / name: version.encode() * SIZE for name in names}


def slower(function, seconds):
    """A function that waits first."""

    def wait(*args, **options):
        time.sleep(seconds)
        return function(*args, **options)

    return wait


CALLS = (
    "open",
    "write",
    "fsync",
    "link",
    "replace",
    "unlink",
    "mkdir",
    "fchmod",
    "fchown",
    "close",
)


def killed_before(step):
    """Calls of the system that count themselves, the last of which kills the process instead."""
    made = 0

    def counted(name, function):
        def call(*args, **options):
            nonlocal made
            made += 1
            if made == step:
                sys.stdout.write(f"{name}\n")
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return call

    for name in CALLS:
        setattr(os, name, counted(name, getattr(os, name)))


def write(kind, folder, version):
    """Write a version as a command does."""
    last = folder / PAGE if kind == "report" else None
    atomic_write.write_all(contents(folder, version, kind), folders=True, last=last)


def serve(kind, seconds):
    """Answer until the input ends."""
    if seconds:
        atomic_write._Part.move = slower(atomic_write._Part.move, seconds)
    for line in sys.stdin:
        folder, version, step = line.split()
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)
            if int(step):
                killed_before(int(step))
            write(kind, Path(folder), version)
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]))

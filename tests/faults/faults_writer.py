"""A process that writes versions of files when asked to, each in a child that may be killed.

Asked by lines on its input: `FOLDER VERSION`. It answers with the number of the child that is about
to write, and with `ended` when the child is gone. A version is a letter that fills every file.
Arguments: `file` or `report`, and the seconds by which names are given more slowly than they are.
"""

import os
import sys
import time
from pathlib import Path

from metaeval import files

PAGE = "report.html"
NAMES = ("result.json", "league.tex", *(f"figures/f{i}.png" for i in range(20)), PAGE)
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


def write(kind, folder, version):
    """Write a version as a command does."""
    last = folder / PAGE if kind == "report" else None
    files.write_all(contents(folder, version, kind), folders=True, last=last)


def serve(kind, seconds):
    """Answer until the input ends."""
    if seconds:
        files._Part.move = slower(files._Part.move, seconds)
    for line in sys.stdin:
        folder, version = line.split()
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)
            write(kind, Path(folder), version)
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]))

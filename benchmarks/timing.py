"""How ours and peers are timed, and the tidy rows that every script prints."""

from __future__ import annotations

import argparse
import ast
import csv
import functools
import importlib.metadata
import importlib.util
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jax  # ours dispatches as it does once JAX is loaded

COLUMNS = (
    *("work", "ours", "peer", "items", "systems", "scorers", "resamples"),
    *("ours_min_s", "ours_median_s", "peer_min_s", "peer_median_s", "ratio", "target"),
    *("extrapolated", "peak_mb", "machine", "python", "numpy", "scipy", "jax", "peer_version"),
)
SLACK = 0.25  # how far the ratio of two times may be from that of the sizes
MOST_RUNS = 20

Row = dict[str, Any]
Work = Callable[[], object]


class Seconds(NamedTuple):
    """Shortest and median time; what was really timed, if it was scaled."""

    least: float
    middle: float
    extrapolated: str = ""


class Clock:
    """Times work: `quick` runs everything once, to see that it works."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick
        self.runs = 1 if quick else 5
        self.enough = 0.0 if quick else 2.2  # at least 2 s the second time, too

    def warm(self, work: Work) -> Seconds:
        """Time after a first run that does not count: five runs, more where they are short."""
        work()
        times: list[float] = []
        while len(times) < self.runs or (sum(times) < self.enough and len(times) < MOST_RUNS):
            times.append(once(work))
        return Seconds(min(times), median(times))

    def scaled(
        self, part: Callable[[int], object], whole: int, now: Callable[[], float] | None = None
    ) -> Seconds:
        """Time of `part(whole)` from `part(n)` and `part(2 n)`, of which the larger takes 2 s.

        Where the two are not in proportion they are timed again, three times at most.
        """
        now = now or time.perf_counter
        part(1)
        n = self._large_enough(part, max(whole // 2, 1), now)
        if 2 * n >= whole and not self.quick:
            return self.warm(lambda: part(whole))
        small, large = [], []
        for _ in range(1 if self.quick else 3):
            small.append(once(lambda: part(n), now))
            large.append(once(lambda: part(2 * n), now))
            if abs(min(large) / min(small) / 2 - 1) <= SLACK:
                break
        linear = abs(min(large) / min(small) / 2 - 1) <= SLACK or self.quick
        said = f"{n} and {2 * n} of {whole}: {min(small):.3g} s and {min(large):.3g} s"
        scale = whole / (2 * n)
        said += "" if linear else " (not linear)"
        return Seconds(min(large) * scale, median(large) * scale, said)

    def _large_enough(
        self, part: Callable[[int], object], most: int, now: Callable[[], float]
    ) -> int:
        """Units of work of which twice as many take long enough."""
        n = 1
        while n < most and 2 * (seconds := once(functools.partial(part, n), now)) < self.enough:
            n = min(most, max(n + 1, int(n * min(20.0, 0.6 * self.enough / max(seconds, 1e-9)))))
        return n


def once(work: Work, now: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that work takes."""
    started = now()
    work()
    return now() - started


def row(
    work: str,
    ours: str,
    time_ours: Seconds,
    peer: str = "",
    time_peer: Seconds | None = None,
    *,
    target: float | str = "",
    package: str = "",
    **more: Any,
) -> Row:
    """One tidy row; `more` are sizes and peak memory, `package` is that of the peer."""
    row = {"work": work, "ours": ours, "peer": peer, "target": target}
    row |= _times("ours", time_ours)
    if time_peer is not None:
        row |= _times("peer", time_peer)
        row["ratio"] = f"{time_peer.least / time_ours.least:.4g}"
        row["extrapolated"] = time_peer.extrapolated
    return row | more | {"peer_version": version(package)} | machine()


def _times(who: str, seconds: Seconds) -> Row:
    return {f"{who}_min_s": f"{seconds.least:.4g}", f"{who}_median_s": f"{seconds.middle:.4g}"}


def version(package: str) -> str:
    """Version of a package, if it says one."""
    try:
        return importlib.metadata.version(package) if package else ""
    except importlib.metadata.PackageNotFoundError:
        return "unversioned copy"


def here(module: str) -> bool:
    """Whether a peer can be imported; else one comment line says that its rows are left out."""
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"# no {module} here: its rows are left out", flush=True)
    return found


def machine() -> Row:
    """The machine and the versions that a row was made with."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    versions = {name: version(name) for name in ("numpy", "scipy")} | {"jax": jax.__version__}
    python = platform.python_version()
    return {"machine": f"{cpu}, {os.cpu_count()} cores", "python": python, **versions}


def peak_mb() -> float:
    """Most memory that this process has held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def apart(script: str, function: str, *arguments: Any) -> Any:
    """What a function of a script returns in a process of its own."""
    code = f"from benchmarks.{script} import {function}; print({function}(*{arguments!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return ast.literal_eval(done.stdout.splitlines()[-1])


def main(rows: Callable[[Clock], Iterable[Row]]) -> None:
    """Print the rows of a script as CSV, each as soon as it is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    quick = parser.parse_args().quick
    out = csv.DictWriter(sys.stdout, COLUMNS, restval="")
    out.writeheader()
    for each in rows(Clock(quick)):
        out.writerow(each)
        sys.stdout.flush()


def read(lines: Iterable[str]) -> Iterator[Row]:
    """Rows that a script printed, comment lines left out."""
    return csv.DictReader(line for line in lines if not line.startswith("#"))

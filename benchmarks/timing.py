"""Timing of our code and of peers, and the tidy rows that every script prints."""

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

import jax  # our kernels are dispatched differently once JAX is loaded

COLUMNS = (
    *("work", "ours", "peer", "items", "systems", "scorers", "resamples"),
    *("ours_min_s", "ours_median_s", "peer_min_s", "peer_median_s", "ratio", "target"),
    *("extrapolated", "peak_mb", "machine", "python", "numpy", "scipy", "jax", "peer_version"),
)
SLACK = 0.25  # tolerated deviation of the ratio of times from the ratio of sizes
MOST_RUNS = 20

Row = dict[str, Any]
Work = Callable[[], object]


class Seconds(NamedTuple):
    """Shortest and median time; if scaled, a description of the measured part."""

    least: float
    middle: float
    extrapolated: str = ""


class Clock:
    """Measures times; `quick` runs everything once, as a smoke test."""

    def __init__(self, quick: bool = False) -> None:
        self.quick = quick
        self.runs = 1 if quick else 5
        self.enough = 0.0 if quick else 2.2  # seconds: at least 2 s in the second measurement, too

    def warm(self, work: Work) -> Seconds:
        """Time after a warm-up run: five runs, more if they are short."""
        work()
        times: list[float] = []
        while len(times) < self.runs or (sum(times) < self.enough and len(times) < MOST_RUNS):
            times.append(once(work))
        return Seconds(min(times), median(times))

    def scaled(
        self, part: Callable[[int], object], whole: int, now: Callable[[], float] | None = None
    ) -> Seconds:
        """Time of `part(whole)`, extrapolated from `part(n)` and `part(2 n)`, which takes 2 s.

        If the two times are not proportional to size, they are measured again, at most three times.
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
        description = f"{n} and {2 * n} of {whole}: {min(small):.3g} s and {min(large):.3g} s"
        scale = whole / (2 * n)
        description += "" if linear else " (not linear)"
        return Seconds(min(large) * scale, median(large) * scale, description)

    def _large_enough(
        self, part: Callable[[int], object], most: int, now: Callable[[], float]
    ) -> int:
        """Number of units of work such that twice as many take long enough."""
        n = 1
        while n < most and 2 * (seconds := once(functools.partial(part, n), now)) < self.enough:
            n = min(most, max(n + 1, int(n * min(20.0, 0.6 * self.enough / max(seconds, 1e-9)))))
        return n


def once(work: Work, now: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one run."""
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
    """One tidy row; `more` are sizes and peak memory, `package` is the package of the peer."""
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
    """Version of a package, if it has one."""
    try:
        return importlib.metadata.version(package) if package else ""
    except importlib.metadata.PackageNotFoundError:
        return "unversioned copy"


def here(module: str) -> bool:
    """Return whether a peer can be imported; if not, print a comment that its rows are omitted."""
    is_installed = importlib.util.find_spec(module) is not None
    if not is_installed:
        print(f"# {module} is not installed: its rows are omitted", flush=True)
    return is_installed


def machine() -> Row:
    """Machine and versions with which a row was measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    versions = {name: version(name) for name in ("numpy", "scipy")} | {"jax": jax.__version__}
    python = platform.python_version()
    return {"machine": f"{cpu}, {os.cpu_count()} cores", "python": python, **versions}


def peak_mb() -> float:
    """Peak memory of this process."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def apart(script: str, function: str, *arguments: Any) -> Any:
    """Run a function of a script in its own process and return its result."""
    code = f"from benchmarks.{script} import {function}; print({function}(*{arguments!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return ast.literal_eval(done.stdout.splitlines()[-1])


def main(rows: Callable[[Clock], Iterable[Row]]) -> None:
    """Print the rows of a script as CSV, each as soon as it is available."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, as a smoke test")
    quick = parser.parse_args().quick
    out = csv.DictWriter(sys.stdout, COLUMNS, restval="")
    out.writeheader()
    for row in rows(Clock(quick)):
        out.writerow(row)
        sys.stdout.flush()


def read(lines: Iterable[str]) -> Iterator[Row]:
    """Rows that a script printed, without comment lines."""
    return csv.DictReader(line for line in lines if not line.startswith("#"))

"""Many executions of one target: by Hypothesis, or by atheris where it is installed."""

import gc
import os
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed as seeded, settings

from .guard import guarded, limits
from .making import seeds
from .targets import Target

BATCH = 500
MANY = 40


@dataclass
class Report:
    """What came of many executions.

    Parameters
    ----------
    name : str
        What was attacked.
    counts : Counter
        Executions by what they came to.
    found : dict
        By place the first case of each fault, what was said, and how often it was seen.
    seconds : float
        How long it took.
    """

    name: str
    counts: Counter = field(default_factory=Counter)
    found: dict[str, list] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, case, outcome) -> None:
        """Count one execution."""
        self.counts[outcome.kind] += 1
        if outcome.kind in ("crash", "hang", "memory"):
            kept = self.found.setdefault(outcome.place, [case, outcome, 0])
            kept[2] += 1
            if len(repr(case)) < len(repr(kept[0])):
                kept[0] = case

    @property
    def executions(self) -> int:
        """How many there were."""
        return self.counts.total()

    def lines(self) -> list[str]:
        """The report as text."""
        c, rate = self.counts, self.executions / max(self.seconds, 1e-9)
        first = (
            f"{self.name}: {self.executions:,} executions, {rate:,.0f} per s, {c['accepted']:,} "
            f"accepted, {c['refused']:,} refused, {c['crash']:,} crashes, {c['hang']:,} hangs, "
            f"{c['memory']:,} over memory, {len(self.found)} distinct"
        )
        return [first] + [
            f"  {outcome.kind} {place} ({n} times): {outcome.message!r:.200}\n    {case!r:.1500}"
            for place, (case, outcome, n) in sorted(self.found.items())
        ]


def attack(
    name: str, target: Target, *, executions: int, seconds: float = float("inf"), seed: int = 0
) -> Report:
    """Run cases that Hypothesis makes until there were enough, or the time is over."""
    report, start, batch = Report(name), time.monotonic(), 0
    gc.freeze()  # collections that a target asks for need not go through what imports made
    with limits():
        while report.executions < executions and time.monotonic() - start < seconds:
            left = executions - report.executions
            left = min(BATCH, -(-left // MANY) if target.many else left)
            _batch(report, target, left, seed + batch, start + seconds)
            batch += 1
    report.seconds = time.monotonic() - start
    return report


def _batch(report: Report, target: Target, n: int, seed: int, end: float) -> None:
    @seeded(seed)
    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(seeds if target.many else target.cases)
    def run(case):
        cases = _many(target, case) if target.many else [case]
        for one in cases if time.monotonic() < end else ():
            report.add(one, guarded(partial(target.run, one), target.size(one)))

    run()


def _many(target: Target, seed: int) -> list:
    rng = random.Random(seed)
    return [target.many(rng) for _ in range(MANY)]


def attack_bytes(
    name: str, target: Target, *, executions: int, seconds: float, seed: int, corpus: Path
) -> Report:
    """Run bytes that atheris makes, guided by coverage, from the corpus; it ends the process."""
    import atheris

    report, start = Report(name), time.monotonic()

    def run(data: bytes) -> None:
        case = target.of_bytes(data)
        report.add(case, guarded(lambda: target.run(case), len(data)))
        if report.executions >= executions or time.monotonic() - start > seconds:
            report.seconds = time.monotonic() - start
            print("\n".join(report.lines()), flush=True)
            os._exit(bool(report.found))  # any exception would be a crash to atheris

    folders = [str(corpus / folder) for folder in target.corpus]
    with limits(), tempfile.TemporaryDirectory() as grown:  # atheris writes into the first
        folders = [grown, *folders]
        options = ["-max_len=20000", f"-seed={seed or 1}", "-verbosity=0", "-timeout=600"]
        atheris.Setup([name, *options, "-rss_limit_mb=0", *folders], run)
        atheris.Fuzz()
    return report

"""Calibration measures with intervals, compared with plain accuracy; memory beyond the input.

Run: python -m benchmarks calibration [--quick]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

import metaeval as me
from benchmarks import timing
from benchmarks.million import held_mb
from benchmarks.timing import Clock, Row, Seconds
from metaeval.core import Floats
from metaeval.statistics import Statistic, pairwise_accuracy
from metaeval.tables import Pairs

N_SCORERS = 20
FULL, TINY = (10_000, 1_000), (100, 100)
MILLION = 1_000_000
NATIVE = "scale=log_odds"
AGAINST_ACCURACY = {
    f"brier({NATIVE})": 1 / 10,
    f"ece({NATIVE})": 1 / 10,
    f"cox_slope({NATIVE})": 1 / 40,
    f"auroc({NATIVE})": 1 / 40,
    f"smooth_ece({NATIVE})": "reported",
}


def made(n_items: int, n_scorers: int = N_SCORERS) -> Pairs:
    """One pair per item, with log odds as margins; some scorers are overconfident."""
    rng = np.random.default_rng(3)
    truth = rng.normal(size=n_items) * 1.5
    label = np.where(rng.random(n_items) < 1 / (1 + np.exp(-truth)), 1.0, -1.0)
    scores = {}
    for k in range(n_scorers):
        scores[f"scorer {k:02d}"] = (truth + rng.normal(size=n_items)) * (0.5 + k / n_scorers)
    rows = pd.DataFrame({"item": np.arange(n_items), "first": "a", "second": "b"})
    return Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": label}))


def found(pairs: Pairs, statistic: Statistic | str, n: int) -> object:
    """Estimates with intervals, on a table without cached values."""
    return me.evaluate(pairs.select(), statistic, n_resamples=n)


def bare_fits(pairs: Pairs, n: int) -> None:
    """SciPy's isotonic regression of labels on absolute margins, n times."""
    size, right = in_order(pairs)
    for k in range(n):
        isotonic_regression(right[k % len(right)], weights=size)


def in_order(pairs: Pairs) -> tuple[Floats, list[Floats]]:
    """Weights, and for each scorer whether the sign was correct, by absolute margin."""
    label = pairs.labels["human"].to_numpy()
    columns = pairs.scores.to_numpy().T
    right = [(np.sign(x) == label).astype(float)[np.argsort(np.abs(x))] for x in columns]
    return np.ones(len(label)), right


def memory(statistic: str, n_items: int, n: int) -> tuple[float, float]:
    """Seconds, and peak megabytes beyond the input."""
    me.evaluate(made(100, 2), statistic, n_resamples=100)
    pairs = made(n_items)
    before = held_mb()
    seconds = timing.once(lambda: me.evaluate(pairs, statistic, n_resamples=n))
    return seconds, timing.peak_mb() - before


def rows(clock: Clock) -> Iterator[Row]:
    n_items, n = TINY if clock.quick else FULL
    pairs = made(n_items)
    sizes = {"items": n_items, "scorers": N_SCORERS, "resamples": n}
    plain = clock.warm(lambda: found(pairs, pairwise_accuracy("half"), n))
    for name, target in AGAINST_ACCURACY.items():
        seconds = clock.warm(lambda name=name: found(pairs, name, n))
        work, peer = "calibration with intervals", "accuracy with intervals, evaluate"
        yield timing.row(work, name, seconds, peer, plain, target=target, **sizes)
    name = f"miscalibration({NATIVE})"
    seconds = clock.warm(lambda: found(pairs, name, n))
    peer = clock.scaled(lambda m: bare_fits(pairs, m), n * N_SCORERS)
    called = "scipy.optimize.isotonic_regression in every replicate"
    work = "decomposition of the Brier score with intervals"
    yield timing.row(work, name, seconds, called, peer, target=0.5, package="scipy", **sizes)
    yield from memories(clock)


def memories(clock: Clock) -> Iterator[Row]:
    """Memory for a million pairs of 20 scorers."""
    n_items, n = (500, 100) if clock.quick else (MILLION, 100)
    for name in (
        *AGAINST_ACCURACY,
        f"miscalibration({NATIVE})",
        "brier",
        f"ece_debiased({NATIVE})",
    ):
        arguments = name, n_items, n
        seconds, extra = (
            memory(*arguments) if clock.quick else timing.apart("calibration", "memory", *arguments)
        )
        yield timing.row(
            "calibration of a million pairs",
            name,
            Seconds(seconds, seconds),
            items=n_items,
            scorers=N_SCORERS,
            resamples=n,
            peak_mb=f"{extra:.0f}",
        )


if __name__ == "__main__":
    timing.main(rows)

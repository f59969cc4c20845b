"""Simulated labels under perfect calibration, and the positive bias of calibration errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from metaeval.core import NEAREST_TO_CERTAIN, Codes, Floats
from metaeval.curves import expit, link_functions, logit
from metaeval.statistics.calibration.forecasts import Cases

# A mean over 200 draws has a Monte Carlo error of 7% of the standard deviation of the measure,
# over 20 draws of 22%; with many cases that standard deviation is small.
_MAX_DRAWS = 200
_MIN_DRAWS = 20
_MAX_LABELS = 2e7  # labels simulated for one scorer, which bounds the time
_LABELS_PER_BLOCK = 2_000_000  # 16 MB


def expected_if_calibrated(
    cases: Cases, value: Callable[[int, Floats], Floats], max_draws: int = _MAX_DRAWS
) -> Floats:
    """Mean of a measure under perfect calibration, by simulation: (scorer,).

    `value` maps a scorer and labels (draw, case) to values (draw,).
    """
    n = n_draws_for(cases, max_draws)
    means = []
    for m in range(len(cases.scorers)):
        values = [value(m, labels) for labels in null_labels(cases, m, n)]
        means.append(np.concatenate(values).mean())
    return np.array(means)


def bias_levels(
    cases: Cases, value: Callable[[int, Floats], Floats], most: float, max_draws: int = _MAX_DRAWS
) -> Mapping[str, Floats]:
    """Mean of a measure under perfect calibration, and bounds of its bias: (scorer,) each.

    The bias is that of labels simulated from a line on the logit scale, fitted to the labels, up to
    `most` times as much: the fit takes some of the noise for miscalibration, so that its bias is
    that of miscalibrated forecasts, and too small for calibrated ones. `value` is as in
    `expected_if_calibrated`, which bounds the bias of both.
    """
    calibrated = expected_if_calibrated(cases, value, max_draws)
    n = n_draws_for(cases, max_draws // 2)  # the same draws for all scorers, so that errors cancel
    means = []
    for m in range(len(cases.scorers)):
        p, y = cases.column(m)
        fitted = recalibrated(p, y, cases.weight, cases.mirrored)
        blocks = labels_around(fitted, cases, m, n)
        noisy = np.concatenate([value(m, labels) for labels in blocks]).mean()
        means.append(noisy - value(m, fitted[None])[0])
    least = np.clip(means, 0.0, calibrated)
    most_bias = np.minimum(most * least, calibrated)
    return {"expected_if_calibrated": calibrated, "least_bias": least, "most_bias": most_bias}


def n_draws_for(cases: Cases, max_draws: int) -> int:
    """Number of simulated sets of labels, fewer with many cases."""
    return int(np.clip(_MAX_LABELS / len(cases.label), _MIN_DRAWS, max_draws))


def null_labels(cases: Cases, m: int, n: int, seed: int = 0) -> Iterator[Floats]:
    """Yield blocks of labels (draw, case) as if forecasts of scorer m were calibrated, `n` draws.

    If every unit has one case with a label of 0 or 1, labels are Bernoulli draws with the forecast
    as probability. Otherwise each is the forecast plus the residual of the case, scaled to the
    variance that the forecast implies, with one random sign for all cases of a unit: they are as
    dependent as the observed labels, but not 0 or 1.
    """
    yield from labels_around(cases.column(m)[0], cases, m, n, seed)


def labels_around(p: Floats, cases: Cases, m: int, n: int, seed: int = 0) -> Iterator[Floats]:
    """Yield the same with `p` (case,) as the true probabilities of the labels of scorer m."""
    y = cases.column(m)[1]
    is_bernoulli = len(np.unique(cases.unit)) == len(cases.unit) and bool(
        np.isin(y, (0, 0.5, 1)).all()
    )
    noise = None if is_bernoulli else standard_residuals(p, y, cases.weight, cases.mirrored)
    rng = np.random.default_rng(seed)
    size = max(1, _LABELS_PER_BLOCK // len(p))
    for start in range(0, n, size):
        shape = (min(size, n - start), len(p))
        if noise is None:
            labels = (rng.random(shape) < p).astype(float)
        else:
            labels = p + signs_of_units(rng, shape[0], cases.unit) * noise * np.sqrt(p * (1 - p))
        yield np.where(p == 0.5, 0.5, labels) if cases.mirrored else labels


def signs_of_units(rng: np.random.Generator, n: int, unit: Codes) -> Floats:
    """Random signs (draw, case), equal for all cases of a unit."""
    signs = rng.integers(0, 2, (n, int(unit.max()) + 1), dtype=np.int8) * 2 - 1
    return np.asarray(signs[:, unit])


def standard_residuals(p: Floats, y: Floats, weight: Floats, mirrored: bool) -> Floats:
    """Standardized residuals of labels from recalibrated forecasts: (case,)."""
    fitted = recalibrated(p, y, weight, mirrored)
    return np.asarray((y - fitted) / np.sqrt(fitted * (1 - fitted)))


def recalibrated(p: Floats, y: Floats, weight: Floats, mirrored: bool) -> Floats:
    """Forecasts recalibrated by a line on the logit scale: (case,).

    It is fitted to labels shrunk as by Platt, so that its slope is finite.
    """
    x = logit(np.clip(p, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN))
    design = x[:, None] if mirrored else np.stack([x, np.ones_like(x)], axis=1)
    theta = link_functions.fit(
        link_functions.line(design.shape[1]),
        design,
        link_functions.platt_targets(y, weight),
        weight[None],
    )
    return np.asarray(expit(design @ theta[0]))

"""Labels as they would be if forecasts were calibrated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from metaeval.core import NEAREST_TO_CERTAIN, Codes, Floats
from metaeval.curves import expit, link_functions, logit
from metaeval.statistics.calibration.forecasts import Cases

_DRAWS = 200
_FEWEST = 20
_NUMBERS = 2e7  # labels of all draws of one scorer
_AT_A_TIME = 2_000_000


def expected_if_calibrated(
    cases: Cases, value: Callable[[int, Floats], Floats], most: int = _DRAWS
) -> Floats:
    """Mean of a measure if the forecasts were calibrated, by simulation: (scorer,).

    `value` maps a scorer and labels (draw, case) to values (draw,).
    """
    n = draws_for(cases, most)
    means = []
    for m in range(len(cases.scorers)):
        found = [value(m, labels) for labels in null_labels(cases, m, n)]
        means.append(np.concatenate(found).mean())
    return np.array(means)


def draws_for(cases: Cases, most: int) -> int:
    """How many draws of labels are made: fewer where there are many cases."""
    return int(np.clip(_NUMBERS / len(cases.label), _FEWEST, most))


def null_labels(cases: Cases, m: int, n: int, seed: int = 0) -> Iterator[Floats]:
    """Labels (draw, case) of calibrated forecasts of scorer m, `n` draws in blocks.

    Where every unit holds one case with a label of 0 or 1 they are drawn with the forecast as the
    probability. Else each is the forecast plus the residual of the case, scaled to the variance
    that the forecast says, with one random sign for all cases of a unit: as dependent as the labels
    themselves. Such labels are no zeros and ones.
    """
    yield from labels_around(cases.column(m)[0], cases, m, n, seed)


def labels_around(p: Floats, cases: Cases, m: int, n: int, seed: int = 0) -> Iterator[Floats]:
    """The same, were `p` (case,) the true chances of the labels of scorer m."""
    y = cases.column(m)[1]
    alone = len(np.unique(cases.unit)) == len(cases.unit) and bool(np.isin(y, (0, 0.5, 1)).all())
    noise = None if alone else standard_residuals(p, y, cases.weight, cases.mirrored)
    rng = np.random.default_rng(seed)
    size = max(1, _AT_A_TIME // len(p))
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
    """Residuals of labels from recalibrated forecasts over their standard deviation: (case,).

    Forecasts are recalibrated by a line on the logit scale; labels are drawn in for that, so that
    it is never vertical.
    """
    x = logit(np.clip(p, NEAREST_TO_CERTAIN, 1 - NEAREST_TO_CERTAIN))
    design = x[:, None] if mirrored else np.stack([x, np.ones_like(x)], axis=1)
    theta = link_functions.fit(
        link_functions.line(design.shape[1]),
        design,
        link_functions.platt_targets(y, weight),
        weight[None],
    )
    fitted = expit(design @ theta[0])
    return np.asarray((y - fitted) / np.sqrt(fitted * (1 - fitted)))

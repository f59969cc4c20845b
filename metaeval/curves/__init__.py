"""Curves of one variable: from scores and margins to probabilities, with bands; no tables.

- `weak_priors`: Weak priors of parameters, as what was seen before there were any data.
- `link_functions`: Curves from scores to probabilities with a few parameters, and how they are
  fitted.
- `logistic_regression`: Logistic regressions on one or two columns, many sets of weights at once.
- `calibrators`: Maps from a score, or a margin of two scores, to the probability of an event:
  fitting them.
- `isotonic`: Isotonic recalibration and the decomposition of a proper score that rests on it.
- `binning`: Bins of forecasts, and sums over cases in them that follow the weights of items.
- `kernel_smoothing`: Smooth calibration error: how far labels stray from forecasts nearby, at its
  own bandwidth.
- `confidence_band`: Confidence bands for a rising curve that hold at every point, with any number
  of cases.
- `selective_risk`: Curves of decisions kept by how sure they are, and ranks of positives among
  negatives.
"""

from __future__ import annotations

from metaeval.curves.binning import BINNINGS, Cells, bins_of, cells_of
from metaeval.curves.calibrators import Curve, scale_of, spline_basis, spline_knots
from metaeval.curves.confidence_band import honest_band
from metaeval.curves.isotonic import (
    decompose,
    expected_score,
    folded,
    isotonic_fit,
    pool_adjacent_violators,
)
from metaeval.curves.kernel_smoothing import (
    N_CELLS,
    cosines,
    error_at,
    influence_of_signs,
    mirrored_cells,
    own_bandwidth,
    residuals_by_cell,
    smooth_errors,
    spread_over_cells,
)
from metaeval.curves.link_functions import Link, expit, logit
from metaeval.curves.logistic_regression import information, near, newton

__all__ = [
    "BINNINGS",
    "N_CELLS",
    "Cells",
    "Curve",
    "Link",
    "bins_of",
    "cells_of",
    "cosines",
    "decompose",
    "error_at",
    "expected_score",
    "expit",
    "folded",
    "honest_band",
    "influence_of_signs",
    "information",
    "isotonic_fit",
    "logit",
    "mirrored_cells",
    "near",
    "newton",
    "own_bandwidth",
    "pool_adjacent_violators",
    "residuals_by_cell",
    "scale_of",
    "smooth_errors",
    "spline_basis",
    "spline_knots",
    "spread_over_cells",
]

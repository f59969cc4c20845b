"""Curves from scores and margins to probabilities, with bands; independent of tables.

- `weak_priors`: Weak priors expressed as pseudo-data.
- `link_functions`: Parametric curves from scores to probabilities, and how they are fitted.
- `logistic_regression`: Logistic regression on one or two columns for many sets of weights.
- `calibrators`: Calibrators: fitted maps from scores or margins to probabilities.
- `isotonic`: Isotonic recalibration, and the score decomposition based on it.
- `binning`: Bins of forecasts, and weighted sums over the cases in each bin.
- `kernel_smoothing`: Smooth calibration error at its fixed-point bandwidth.
- `confidence_band`: Simultaneous confidence bands for increasing curves in finite samples.
- `selective_risk`: Risk-coverage curves and rank statistics.
"""

from __future__ import annotations

from metaeval.curves.binning import BINNINGS, Cells, bins_of, cells_of
from metaeval.curves.calibrators import Calibrator, scale_of, spline_basis, spline_knots
from metaeval.curves.confidence_band import honest_band
from metaeval.curves.isotonic import (
    decompose,
    expected_score,
    fold_to_upper_half,
    isotonic_fit,
    pool_adjacent_violators,
)
from metaeval.curves.kernel_smoothing import (
    N_CELLS,
    cosines,
    error_at,
    fixed_point_bandwidth,
    influence_of_signs,
    residuals_by_cell,
    smooth_errors,
    split_between_cells,
    symmetrize_cells,
)
from metaeval.curves.link_functions import Link, expit, logit
from metaeval.curves.logistic_regression import information, newton, second_order_estimates

__all__ = [
    "BINNINGS",
    "N_CELLS",
    "Calibrator",
    "Cells",
    "Link",
    "bins_of",
    "cells_of",
    "cosines",
    "decompose",
    "error_at",
    "expected_score",
    "expit",
    "fixed_point_bandwidth",
    "fold_to_upper_half",
    "honest_band",
    "influence_of_signs",
    "information",
    "isotonic_fit",
    "logit",
    "newton",
    "pool_adjacent_violators",
    "residuals_by_cell",
    "scale_of",
    "second_order_estimates",
    "smooth_errors",
    "spline_basis",
    "spline_knots",
    "split_between_cells",
    "symmetrize_cells",
]

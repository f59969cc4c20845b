"""Calibrators, calibration tests, reliability curves and agreement gaps.

- `cases`: Cases of every stratum of a table, and results from given rows.
- `fitted_maps`: Calibrators fitted to tables, with cross-fitted probabilities.
- `bootstrap_curves`: Curves refitted to bootstrap replicates of items.
- `_reliability`: Reliability curves with consistency and confidence bands.
- `_risk_coverage`: Accuracy of the most confident decisions, with simultaneous bounds.
- `_largest_coverage`: Largest coverage at which an accuracy is assured, by tests in sequence.
- `_gap_to_agreement`: Score difference needed for a given agreement with human preferences.
- `_threshold_curve`: Accuracy by tie threshold, compared with that at the best threshold.
- `_scale_fragility`: Dependence of statistics on the scale of scores.
- `calibration_tests`: Tests of calibration.
- `scale_heterogeneity`: Heterogeneity of the scale of a scorer between tasks.
- `joint_comparison`: Comparison of two scorers in accuracy and calibration jointly.
"""

from __future__ import annotations

from metaeval.calibration._gap_to_agreement import gap_to_agreement
from metaeval.calibration._largest_coverage import largest_coverage
from metaeval.calibration._reliability import map_band, reliability
from metaeval.calibration._risk_coverage import risk_coverage
from metaeval.calibration._scale_fragility import scale_fragility
from metaeval.calibration._threshold_curve import threshold_curve
from metaeval.calibration.calibration_tests import cumulative, spiegelhalter
from metaeval.calibration.fitted_maps import Map, MapKind
from metaeval.calibration.joint_comparison import accuracy_and_calibration
from metaeval.curves import Calibrator, decompose, honest_band

margin_link = MapKind("margin_link", "logistic in the margin, with a single slope")
lapse_link = MapKind("lapse_link", "logistic in the margin, with random labels at the lapse rate")
isotonic = MapKind("isotonic", "any increasing curve; antisymmetric for margins")
monotone_spline = MapKind("monotone_spline", "smooth increasing curve in the margin, antisymmetric")
platt = MapKind("platt", "logistic in the score, for absolute labels")
beta = MapKind("beta", "logistic in log p and log(1 - p), for scores between 0 and 1")
venn_abers = MapKind(
    "venn_abers",
    "isotonic fits with a new case labeled 0 and 1 in turn, merged into one probability",
)
rao_kupper = MapKind("rao_kupper", "probabilities of win, tie and loss, with a tie threshold")
davidson = MapKind("davidson", "probabilities of win, tie and loss, with a tie propensity")

__all__ = [
    "Calibrator",
    "Map",
    "MapKind",
    "accuracy_and_calibration",
    "beta",
    "cumulative",
    "davidson",
    "decompose",
    "gap_to_agreement",
    "honest_band",
    "isotonic",
    "lapse_link",
    "largest_coverage",
    "map_band",
    "margin_link",
    "monotone_spline",
    "platt",
    "rao_kupper",
    "reliability",
    "risk_coverage",
    "scale_fragility",
    "spiegelhalter",
    "threshold_curve",
    "venn_abers",
]

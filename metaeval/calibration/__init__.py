"""What a score, a margin and a tie are worth: maps to probabilities, tests, bands and gaps.

- `cases`: Cases of every stratum of a table, and results made of rows that no statistic gives.
- `fitted_maps`: Maps fitted to tables: margins or scores in, probabilities out, cross-fitted
  beside.
- `bootstrap_curves`: Curves fitted anew to replicates of items.
- `_reliability`: Reliability curves, and how far chance may move them.
- `_risk_coverage`: Which decisions may be left to a scorer: accuracy among those that it is
  surest of.
- `_gap_to_agreement`: The gap between two scores at which people agree, task by task, and how the
  scale differs.
- `_threshold_curve`: Accuracy at every tie threshold, and which thresholds the data do not tell
  from the best one.
- `_scale_fragility`: What rests on the scale of a scorer's scores, and would be other on another
  scale.
- `calibration_tests`: Tests of whether forecasts are calibrated.
- `scale_heterogeneity`: How much the scale of a scorer differs between tasks.
- `joint_comparison`: Two scorers compared on accuracy and on calibration at once.
"""

from __future__ import annotations

from metaeval.calibration._gap_to_agreement import gap_to_agreement
from metaeval.calibration._reliability import map_band, reliability
from metaeval.calibration._risk_coverage import largest_coverage, risk_coverage
from metaeval.calibration._scale_fragility import scale_fragility
from metaeval.calibration._threshold_curve import threshold_curve
from metaeval.calibration.calibration_tests import cumulative, spiegelhalter
from metaeval.calibration.fitted_maps import Map, MapKind
from metaeval.calibration.joint_comparison import accuracy_and_calibration
from metaeval.curves import Calibrator, decompose, honest_band

margin_link = MapKind("margin_link", "logistic in the margin, one slope")
lapse_link = MapKind("lapse_link", "logistic in the margin, mixed with a coin at the lapse rate")
isotonic = MapKind("isotonic", "any rising curve; antisymmetric for margins")
monotone_spline = MapKind("monotone_spline", "smooth rising curve in the margin, antisymmetric")
platt = MapKind("platt", "logistic in the score, for absolute labels")
beta = MapKind("beta", "logistic in log p and log(1 - p), for scores in 0 to 1")
venn_abers = MapKind("venn_abers", "two isotonic values of a new case, and both merged")
rao_kupper = MapKind("rao_kupper", "win, tie and loss by a threshold")
davidson = MapKind("davidson", "win, tie and loss by a propensity to tie")

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

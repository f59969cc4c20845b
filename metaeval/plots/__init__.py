"""Figures of results: intervals, comparisons, posteriors, calibration and ties.

Every function draws a result, table or posterior on matplotlib axes (`ax=`, or new ones as wide as
the current style), which it returns; with `return_data=True` it returns the data of the figure as a
DataFrame instead. See `metaeval.style` for widths and fonts, and `save` for files.

- `theme`: Styles of venues (widths, fonts, colors) and reproducible image files.
- `figures`: Figures of several panels with shared axes.
- `row_axes`: Figures with one labeled row per scorer, and intervals in these rows.
- `panels`: Several panels inside one pair of axes.
- `legends`: Legends and titles above axes, wrapped to the available width.
- `text_layout`: Literal display of names from data: no markup, no lost characters, wrapped lines.
- `input_checks`: Checks of the tables, posteriors and scorers to draw.
- `result_checks`: Checks of the results to draw, and labels of their axes.
- `intervals`: Intervals of scorers, and intervals for their ranks.
- `posteriors`: Posterior intervals and densities of scorers.
- `group_diagram`: Scorers on a common axis, with a bar over each group without significant
  differences.
- `_significance_matrix`: Pairwise significance of scorers as a matrix.
- `_shrinkage`: Estimates of each task alone and partially pooled over tasks, side by side.
- `simulation_checks`: Checks by simulation: ranks of true values, and coverage of intervals.
- `_reliability`: Reliability diagrams: observed frequency of an event by its forecast.
- `_risk_coverage`: Risk-coverage curves: error rate among the most confident decisions.
- `_tie_curve`: Accuracy by tie threshold.
- `_tie_policies`: Ranks of scorers under every tie policy.
- `_win_tie_loss`: Proportions of win, tie and loss by margin, observed and predicted by a model.
- `_order_bias`: Order bias: preference for the response shown first.
- `_gap_to_agreement`: Agreement with the labels by score difference, and the difference at which
  it reaches a given rate.
"""

from __future__ import annotations

from metaeval.plots._gap_to_agreement import gap_to_agreement
from metaeval.plots._order_bias import order_bias
from metaeval.plots._reliability import reliability
from metaeval.plots._risk_coverage import risk_coverage
from metaeval.plots._shrinkage import shrinkage
from metaeval.plots._significance_matrix import significance_matrix
from metaeval.plots._tie_curve import tie_curve
from metaeval.plots._tie_policies import tie_policies
from metaeval.plots._win_tie_loss import win_tie_loss
from metaeval.plots.group_diagram import cd_diagram
from metaeval.plots.intervals import forest, rank_intervals
from metaeval.plots.posteriors import posterior_intervals
from metaeval.plots.simulation_checks import coverage, sbc_ranks
from metaeval.plots.theme import save

__all__ = [
    "cd_diagram",
    "coverage",
    "forest",
    "gap_to_agreement",
    "order_bias",
    "posterior_intervals",
    "rank_intervals",
    "reliability",
    "risk_coverage",
    "save",
    "sbc_ranks",
    "shrinkage",
    "significance_matrix",
    "tie_curve",
    "tie_policies",
    "win_tie_loss",
]

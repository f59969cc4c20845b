"""Figures of results: intervals, comparisons, posteriors, calibration and ties.

Every function takes what it shows and draws on matplotlib axes (`ax=`, or new ones of the width of
the style in force), which it returns; with `data=True` it draws nothing and returns the frame of
what would be drawn. See `metaeval.style` for widths and fonts, and `save` for files.
"""

from __future__ import annotations

from metaeval.plots._gap_to_agreement import gap_to_agreement
from metaeval.plots._order_bias import order_bias
from metaeval.plots._reliability import reliability
from metaeval.plots._risk_coverage import risk_coverage
from metaeval.plots._significance_matrix import significance_matrix
from metaeval.plots._tie_curve import tie_curve
from metaeval.plots._tie_policies import tie_policies
from metaeval.plots._win_tie_loss import win_tie_loss
from metaeval.plots.group_diagram import clusters
from metaeval.plots.intervals import forest, rank_intervals
from metaeval.plots.posteriors import posterior_intervals
from metaeval.plots.shrinkage import small_multiples
from metaeval.plots.simulation_checks import coverage, sbc_ranks
from metaeval.plots.theme import save

__all__ = [
    "clusters",
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
    "significance_matrix",
    "small_multiples",
    "tie_curve",
    "tie_policies",
    "win_tie_loss",
]

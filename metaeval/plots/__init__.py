"""Figures of results: intervals, comparisons, posteriors, calibration and ties.

Every function takes what it shows and draws on matplotlib axes (`ax=`, or new ones of the width of
the style in force), which it returns; with `data=True` it draws nothing and returns the frame of
what would be drawn. See `metaeval.style` for widths and fonts, and `save` for files.
"""

from __future__ import annotations

from metaeval.plots.calibrated import reliability
from metaeval.plots.gaps import gap_to_agreement
from metaeval.plots.grouping import clusters
from metaeval.plots.intervals import forest, rank_intervals
from metaeval.plots.matrices import significance_matrix
from metaeval.plots.orders import order_bias
from metaeval.plots.policies import tie_policies
from metaeval.plots.posteriors import posterior_intervals
from metaeval.plots.selected import risk_coverage
from metaeval.plots.shares import win_tie_loss
from metaeval.plots.shrinkage import small_multiples
from metaeval.plots.simulated import coverage, sbc_ranks
from metaeval.plots.theme import save
from metaeval.plots.tied import tie_curve

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

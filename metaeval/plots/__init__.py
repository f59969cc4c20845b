"""Figures of results: intervals, comparisons, posteriors, calibration and ties.

Every function takes what it shows and draws on matplotlib axes (`ax=`, or new ones of the width of
the style in force), which it returns; with `data=True` it draws nothing and returns the frame of
what would be drawn. See `metaeval.style` for widths and fonts, and `save` for files.
"""

from __future__ import annotations

from metaeval.plots.grouping import clusters
from metaeval.plots.intervals import forest, rank_intervals
from metaeval.plots.matrices import significance_matrix
from metaeval.plots.posteriors import posterior_intervals
from metaeval.plots.shrinkage import small_multiples
from metaeval.plots.simulated import coverage, sbc_ranks
from metaeval.plots.theme import save

__all__ = [
    "clusters",
    "coverage",
    "forest",
    "posterior_intervals",
    "rank_intervals",
    "save",
    "sbc_ranks",
    "significance_matrix",
    "small_multiples",
]

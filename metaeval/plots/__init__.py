"""Figures of results: intervals, comparisons, posteriors, calibration and ties.

Every function takes what it shows and draws on matplotlib axes (`ax=`, or new ones of the width of
the style in force), which it returns; with `return_data=True` it draws nothing and returns the
frame of what would be drawn. See `metaeval.style` for widths and fonts, and `save` for files.

- `theme`: Styles of venues: widths, fonts, colours; and saving figures the same everywhere.
- `figures`: Figures of several panels that share their axes.
- `row_axes`: What plots share: figures that fit their rows, row labels, and intervals drawn
  whole.
- `panels`: Several panels inside one pair of axes.
- `legends`: Keys and titles above axes, in as many lines as they need.
- `text_layout`: Texts from data as figures show them: nothing is run, nothing is lost, long ones
  go on.
- `input_checks`: What plots hand on to the functions that compute what they draw.
- `result_checks`: What plots ask of results: that they are some, what they compare, and what
  their axes say.
- `intervals`: Values of scorers with intervals, and the ranks that comparisons leave open.
- `posteriors`: Posteriors of scorers: intervals, and how their draws are spread.
- `group_diagram`: Scorers on the axis of their values, and bars over those that do not differ
  significantly.
- `_significance_matrix`: Which scorers differ significantly, pair by pair.
- `_shrinkage`: Tasks side by side: what each says alone, and what a model makes of all of them.
- `simulation_checks`: What simulations say of posteriors and intervals: ranks of true values, and
  coverage.
- `_reliability`: Reliability diagrams: how often the event happens at each forecast.
- `_risk_coverage`: Risk and coverage: errors among the decisions that a scorer is surest of.
- `_tie_curve`: Accuracy by the threshold below which a margin is called a tie.
- `_tie_policies`: Ranks of scorers under every tie policy.
- `_win_tie_loss`: Shares of win, tie and loss by margin, seen and expected by a posterior.
- `_order_bias`: Bias towards the response that was shown first.
- `_gap_to_agreement`: How often people agree with a gap between two scores, and the gap at which
  they mostly do.
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

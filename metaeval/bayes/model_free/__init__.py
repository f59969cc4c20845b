"""Posteriors without a model of scorers: weighted items, paired counts, bounds.

- `weighted_items`: Posterior of any statistic without a model: the Bayesian bootstrap over items
  or clusters.
- `excess_bias`: Excess bias without a model: what calls owe to a covariate beyond the label, by
  least squares.
- `paired_counts`: How probable it is that one scorer is better than another, from counts of
  paired verdicts.
- `bounds`: What the agreement of raters says of the best that a scorer can reach.
"""

"""Posteriors without a model of scorers: weighted items, paired counts, bounds.

- `weighted_items`: The Bayesian bootstrap over items or clusters, for any statistic.
- `excess_bias`: Excess bias: the effect of a covariate on decisions given the label, by least
  squares.
- `paired_counts`: The probability that one scorer is better than another, from paired counts.
- `bounds`: Bounds on the best agreement with one rater, from the agreement of raters.
"""

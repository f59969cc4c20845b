"""Statistics of pairs of responses: accuracies, Kendall's taus, ties, best of n.

- `counts`: Calls on pairs, their credit under a tie policy, counts of the five kinds of pair, and
  chance.
- `pairwise`: Pairwise accuracy and Kendall's tau with their conventions for ties.
- `tie_calibration`: Tie calibration: pairwise accuracy at the threshold below which a margin is
  called a tie.
- `threshold_search`: Choosing a tie threshold: once, or anew in every replicate of the bootstrap,
  exactly.
- `cross_item`: Statistics of pairs formed across items: quadratic forms in the weights of the
  items.
- `cross_item_ties`: Tie calibration for pairs formed across items, with thresholds cross-fitted
  by item.
- `two_way`: Replicates and standard errors that draw both units (clusters or items) and systems.
- `best_candidates`: Best-of-n: how often a right answer comes out on top of the wrong ones.
"""

"""Statistics of pairs of responses: accuracies, Kendall's taus, ties, best of n.

- `counts`: Decisions on pairs, their credit under a tie policy, the five kinds of pair, chance.
- `pairwise`: Pairwise accuracy and Kendall's tau with their conventions for ties.
- `tie_calibration`: Pairwise accuracy at an optimized tie threshold (tie calibration).
- `logistic_threshold`: Tie thresholds from a logistic curve of the ranks of margins, and their
  replicates.
- `threshold_search`: Search for the best tie threshold, exactly, once or in every replicate.
- `cross_item`: Statistics of pairs across items: quadratic forms in the weights of the items.
- `cross_item_ties`: Tie calibration for pairs across items, cross-fitted by item.
- `two_way`: Replicates and standard errors that resample both units and systems.
- `best_candidates`: Best-of-n: how often the top-scored response is correct.
"""

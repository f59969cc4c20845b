"""Resampling of items: weights, sums, sign flips, intervals and corrections; no tables.

- `threefry`: A counter-based generator of random words, identical in NumPy and JAX.
- `random_weights`: Random weights and signs of units, as functions of (seed, resample, unit).
- `exact_sums`: Terms whose sums are exact in floating point, in any order.
- `engine`: Weighted sums over units for many resamples, in blocks and exact in any order.
- `jax_kernels`: Weighted sums and exceedance counts in JAX, loaded only for large problems.
- `sign_flip`: The sign-flip test, with step-down max-T over a family of comparisons.
- `max_t`: Max-T adjustment of p-values and simultaneous intervals, from correlations of draws.
- `multiplicity`: Multiple comparisons: adjusted p-values, letters and ranks.
- `intervals`: Confidence intervals: from bootstrap draws, from a standard error, and from counts.
- `quantiles`: Inputs of interval methods, and quantiles of bootstrap replicates.
- `standard_errors`: Delta-method standard errors of bootstrap replicates.
- `classical_tests`: Tests without resampling: discordant items, dependent correlations, margins.
- `power`: Sample sizes and detectable differences.
"""

from __future__ import annotations

from metaeval.resampling.classical_tests import mcnemar, non_inferior, tost, williams
from metaeval.resampling.engine import (
    MAX_ENUMERATED,
    WEIGHTS,
    block_size,
    enumerated_sums,
    is_large,
    largest_weight,
    rechunk,
    weight_blocks,
    weight_scheme,
    weighted_sums,
)
from metaeval.resampling.exact_sums import ExactTerms, exact_terms, on_grid
from metaeval.resampling.intervals import wilson
from metaeval.resampling.max_t import JointDraws, MaxT, max_t_adjustment
from metaeval.resampling.multiplicity import (
    MAX_GROUPS,
    compact_letter_display,
    holm,
    letter,
    maximal_nonsignificant_groups,
    rank_intervals,
    wmt_rank_clusters,
)
from metaeval.resampling.power import (
    design_effect,
    detectable,
    detectable_at_half_power,
    items_for_mean,
)
from metaeval.resampling.quantiles import (
    IntervalInputs,
    near_boundary,
    normal_cdf,
    normal_quantile,
    on_bounds,
    t_of_normal,
    tails,
)
from metaeval.resampling.random_weights import all_signs, weights
from metaeval.resampling.sign_flip import (
    ALTERNATIVES,
    MAX_FLIPS,
    FlipTest,
    PairedDifferences,
    flip_test,
)
from metaeval.resampling.standard_errors import delta_method_se, gradient_of
from metaeval.resampling.threefry import key_of

__all__ = [
    "ALTERNATIVES",
    "MAX_ENUMERATED",
    "MAX_FLIPS",
    "MAX_GROUPS",
    "WEIGHTS",
    "ExactTerms",
    "FlipTest",
    "IntervalInputs",
    "JointDraws",
    "MaxT",
    "PairedDifferences",
    "all_signs",
    "block_size",
    "compact_letter_display",
    "delta_method_se",
    "design_effect",
    "detectable",
    "detectable_at_half_power",
    "enumerated_sums",
    "exact_terms",
    "flip_test",
    "gradient_of",
    "holm",
    "is_large",
    "items_for_mean",
    "key_of",
    "largest_weight",
    "letter",
    "max_t_adjustment",
    "maximal_nonsignificant_groups",
    "mcnemar",
    "near_boundary",
    "non_inferior",
    "normal_cdf",
    "normal_quantile",
    "on_bounds",
    "on_grid",
    "rank_intervals",
    "rechunk",
    "t_of_normal",
    "tails",
    "tost",
    "weight_blocks",
    "weight_scheme",
    "weighted_sums",
    "weights",
    "williams",
    "wilson",
    "wmt_rank_clusters",
]

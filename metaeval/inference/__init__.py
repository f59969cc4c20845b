"""From a table to a result: settings, design, estimates, intervals, tests and rows.

- `settings`: Settings of the verbs: resampling, intervals and tests, checked once.
- `units`: Units of resampling: items, clusters of items, or tasks.
- `strata`: Strata: rows that are reported together, such as those of a task.
- `label_noise`: What disagreement between raters does to accuracies and their differences.
- `label_selection`: The label of an analysis: one column, or a summary of several raters.
- `design`: The design of an analysis: label, included rows, strata and resampling units.
- `system_level`: The design at the level of systems that answered every common item.
- `default_statistic`: The statistics of a verb: those requested, or the default for the kind of
  labels.
- `estimates`: Estimates of one statistic for all scorers, with the input of intervals and tests.
- `macro_average`: Unweighted mean over strata, of estimates and draws.
- `estimation`: Estimates, contributions and bootstrap draws of one statistic in the strata of a
  design.
- `comparisons`: Differences between pairs of scorers: the input and the output of tests.
- `hypothesis_tests`: Tests of a family of differences: sign flips, bootstrap, McNemar and
  published tests.
- `published_tests`: Published permutation tests that swap scores or verdicts of two scorers.
- `swap_tests`: Null distributions under swaps in closed form, for all pairs of scorers at once.
- `swap_tests_direct`: Null distributions under swaps of other statistics, evaluated swap by swap.
- `confidence_intervals`: Confidence intervals of the values of scorers and of differences between
  them.
- `rows`: Rows of a result: the values of scorers, and the differences between them.
- `skewness`: Skewness of the differences between scorers, which limits t intervals and tests.
- `diagnostics`: Warnings about limitations of the results, one rule for each.
- `analysis`: The analysis of one statistic: estimates, intervals, tests and rows.
- `pairwise_analysis`: The analysis of one statistic on different rows: those scored by each
  scorer, or pair.
- `undefined_scorers`: Analysis without scorers for which the statistic is undefined.
- `notes`: Notes of a result (counts, estimands, tests), and warnings about degenerate ties.
- `provenance`: A result from analyses: rows, policy, provenance, notes and warnings.
- `verbs`: The two verbs: `evaluate` estimates the value of each scorer, `compare` tests
  differences.
"""

from __future__ import annotations

from metaeval.inference.analysis import Analysis, extra_details
from metaeval.inference.comparisons import compare_pairs
from metaeval.inference.confidence_intervals import difference_intervals, scorer_intervals
from metaeval.inference.default_statistic import Statistics, choose_statistics, require_policy
from metaeval.inference.design import Design, DesignOptions, design_from, make_design
from metaeval.inference.estimates import Estimates
from metaeval.inference.estimation import as_rows_for, estimate, estimate_strata
from metaeval.inference.hypothesis_tests import test_family
from metaeval.inference.provenance import assemble_result, statistic_info
from metaeval.inference.rows import reference_levels
from metaeval.inference.settings import (
    POSTERIOR,
    ComparisonSettings,
    Resampling,
    Settings,
    pairs_of_scorers,
)
from metaeval.inference.strata import Stratum
from metaeval.inference.system_level import at_system_level
from metaeval.inference.undefined_scorers import without_undefined
from metaeval.inference.units import resampling_units
from metaeval.inference.verbs import compare, evaluate

__all__ = [
    "POSTERIOR",
    "Analysis",
    "ComparisonSettings",
    "Design",
    "DesignOptions",
    "Estimates",
    "Resampling",
    "Settings",
    "Statistics",
    "Stratum",
    "as_rows_for",
    "assemble_result",
    "at_system_level",
    "choose_statistics",
    "compare",
    "compare_pairs",
    "design_from",
    "difference_intervals",
    "estimate",
    "estimate_strata",
    "evaluate",
    "extra_details",
    "make_design",
    "pairs_of_scorers",
    "reference_levels",
    "require_policy",
    "resampling_units",
    "scorer_intervals",
    "statistic_info",
    "test_family",
    "without_undefined",
]

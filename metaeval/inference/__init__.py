"""One corridor from a table to a result: settings, design, estimates, tests, rows.

- `settings`: Settings of the verbs: resampling, intervals and tests, checked once.
- `units`: Units of resampling: items, clusters of items, or tasks.
- `strata`: Strata: rows that are reported together, such as those of a task.
- `label_selection`: The label of an analysis: one column, or one summary of several raters.
- `design`: From a table to what is compared: one label, the rows that count, strata and units.
- `system_level`: The design at the level of systems: those that answered every common item.
- `default_statistic`: Which statistics a verb uses: those that are named, or the one that goes
  with the labels.
- `estimates`: Estimates of one statistic for all scorers, with what intervals and tests need.
- `macro_average`: The mean over strata, with equal weights in the estimate as in every draw.
- `estimation`: Estimates, contributions and bootstrap draws of one statistic in the strata of a
  design.
- `comparisons`: Differences between pairs of scorers: what a test of them needs, and what it
  returns.
- `hypothesis_tests`: Tests of a family of differences: sign flips, bootstrap, McNemar and
  published tests.
- `published_tests`: Published tests of two scorers that swap their scores or verdicts at random.
- `swap_tests`: The algebra of swapping scores of two scorers at random, all pairs of scorers at
  once.
- `swap_tests_direct`: Swap tests of statistics without a shortcut: every swap is evaluated by
  itself.
- `confidence_intervals`: Confidence intervals of the values of scorers and of differences between
  them.
- `rows`: Rows of a result: the values of scorers, and the differences between them.
- `diagnostics`: Warnings about what the numbers cannot show: one rule for each.
- `analysis`: The analysis of one statistic: estimates, intervals, tests and rows.
- `pairwise_analysis`: The analysis of one statistic on different rows: those that each scorer, or
  pair, has.
- `undefined_scorers`: Scorers for which a statistic is undefined: named, and the others analyzed
  without them.
- `notes`: Notes of a result: counts, estimands, tests; and warnings about degenerate ties.
- `provenance`: A result from analyses: rows, policy, provenance, notes and warnings.
- `verbs`: The two verbs: how good is each scorer (`evaluate`), and do two differ (`compare`).
"""

from __future__ import annotations

from metaeval.inference.analysis import Analysis, extra_details
from metaeval.inference.comparisons import compare_pairs
from metaeval.inference.default_statistic import Statistics, choose_statistics, require_policy
from metaeval.inference.design import Design, DesignOptions, design_from, make_design
from metaeval.inference.estimates import Estimates
from metaeval.inference.estimation import as_rows_for, estimate, estimate_strata
from metaeval.inference.hypothesis_tests import test_family
from metaeval.inference.provenance import assemble_result
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
    "estimate",
    "estimate_strata",
    "evaluate",
    "extra_details",
    "make_design",
    "pairs_of_scorers",
    "reference_levels",
    "require_policy",
    "resampling_units",
    "test_family",
    "without_undefined",
]

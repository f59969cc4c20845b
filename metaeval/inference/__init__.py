"""One corridor from a table to a result: settings, design, estimates, tests, rows.

- `settings`: The arguments of a verb, checked once.
- `design`: From a table to what is compared: one label, the rows that count, strata and units.
- `default_statistic`: Which statistics a verb uses: those that are named, or the one that goes
  with the labels.
- `estimation`: Estimates, contributions and bootstrap draws of one statistic in the strata of a
  design.
- `macro_average`: The mean over strata, with equal weights in the estimate as in every draw.
- `families`: Families of differences: what a test of them needs, and what it returns.
- `hypothesis_tests`: Tests of a family of differences: flips, bootstrap, closed forms and
  replicas.
- `published_tests`: Published tests of two scorers that swap their scores or verdicts at random.
- `swap_tests`: The algebra of swapping scores of two scorers at random, all pairs of scorers at
  once.
- `swap_tests_direct`: Swap tests of statistics without a shortcut: every swap is evaluated by
  itself.
- `rows`: Rows of a result: a scorer's own value, and the difference of two.
- `undefined_scorers`: Scorers for which a statistic is undefined: named, and the others compared
  without them.
- `analysis`: All rows of one statistic: own values, and differences family by family.
- `provenance`: What a result says besides its numbers: policy, provenance, notes and warnings.
- `verbs`: The two verbs: how good is each scorer (`evaluate`), and do two differ (`compare`).
"""

from __future__ import annotations

from metaeval.inference.default_statistic import Statistics, choose_statistics
from metaeval.inference.design import Design, Stratum, prepare, system_level, units_of
from metaeval.inference.estimation import Estimates, Resamples, measure, table_for
from metaeval.inference.macro_average import macro
from metaeval.inference.provenance import Level, assembled, details_of
from metaeval.inference.rows import difference_rows, levels_of
from metaeval.inference.settings import POSTERIOR, Plan
from metaeval.inference.undefined_scorers import without_undefined
from metaeval.inference.verbs import compare, evaluate

__all__ = [
    "POSTERIOR",
    "Design",
    "Estimates",
    "Level",
    "Plan",
    "Resamples",
    "Statistics",
    "Stratum",
    "assembled",
    "choose_statistics",
    "compare",
    "details_of",
    "difference_rows",
    "evaluate",
    "levels_of",
    "macro",
    "measure",
    "prepare",
    "system_level",
    "table_for",
    "units_of",
    "without_undefined",
]

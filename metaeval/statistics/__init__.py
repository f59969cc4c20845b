"""All statistics, and their names on the command line.

- `estimand`: The meaning of a number: what a result reports about it, however it is estimated.
- `base`: The interface of a statistic: an estimand and optional capabilities.
- `kinds`: Three ways to compute replicates: from sums, from weights, or after choosing defaults.
- `bound`: A statistic bound to a table and its resampling units: value, replicates, influence.
- `means`: Means over items of a value computed for each item.
- `custom`: User-defined statistics, from a function of scores, labels and weights.
- `sums`: Sums over items, ratios and means of them.
- `degenerate_groups`: Policies for groups in which a statistic is undefined, and size limits.
- `names`: Functions that make statistics, by name.
- `parsing`: Statistics from text, as on the command line.
- `folds`: Folds for cross-fitting: whole items or clusters, assigned in canonical order.
- `correlation`: Pearson and Spearman correlation within items, within systems, or over all
  responses.
- `pairs`: Statistics of pairs of responses: accuracies, Kendall's taus, ties, best of n.
- `systems`: Statistics of systems: accuracy and correlation of their means, soft pairwise
  accuracy.
- `calibration`: Statistics of forecasts: proper scores, calibration errors, selective risk.
"""

# Names imported `as` themselves are for other subpackages.
from metaeval.statistics.base import PairCredits as PairCredits, Statistic
from metaeval.statistics.bound import (
    Bound as Bound,
    Drawing as Drawing,
    StandardErrors as StandardErrors,
)
from metaeval.statistics.calibration.binned_ece import ece, ece_debiased
from metaeval.statistics.calibration.corp import discrimination, miscalibration, uncertainty
from metaeval.statistics.calibration.cox import calibration_in_the_large, cox_intercept, cox_slope
from metaeval.statistics.calibration.forecast_spec import (
    Average as Average,
    Forecast,
    ForecastRows as ForecastRows,
    Reading as Reading,
    Scale as Scale,
    reading_of as reading_of,
)
from metaeval.statistics.calibration.forecasts import (
    Cases as Cases,
    Scored as Scored,
    cases_of as cases_of,
    scored_of as scored_of,
    tied_cases as tied_cases,
)
from metaeval.statistics.calibration.null_mean import (
    null_labels as null_labels,
    signs_of_units as signs_of_units,
)
from metaeval.statistics.calibration.proper_scores import (
    brier,
    estimand_of as estimand_of,
    format_name as format_name,
    log_loss,
    rps,
    sharpness,
)
from metaeval.statistics.calibration.ranked_sums import by_confidence as by_confidence
from metaeval.statistics.calibration.recalibration import recalibration_gain
from metaeval.statistics.calibration.selective import (
    augrc,
    aurc,
    auroc,
    coverage_at,
    rank_by_margin as rank_by_margin,
)
from metaeval.statistics.calibration.smooth_calibration_error import smooth_ece
from metaeval.statistics.correlation import pearson, spearman, standardized as standardized
from metaeval.statistics.custom import weighted_statistic
from metaeval.statistics.estimand import Estimand
from metaeval.statistics.kinds import SumStatistic, WeightedStatistic
from metaeval.statistics.means import mean_over_items
from metaeval.statistics.names import BY_NAME
from metaeval.statistics.pairs.best_candidates import TIES as TIES, best_of_n
from metaeval.statistics.pairs.counts import (
    check_average as check_average,
    pair_weights as pair_weights,
)
from metaeval.statistics.pairs.pairwise import (
    default_ties as default_ties,
    kendall,
    pairwise_accuracy,
)
from metaeval.statistics.pairs.tie_calibration import (
    Tuning as Tuning,
    credit_at as credit_at,
    thresholds as thresholds,
    tie_calibrated_accuracy,
)
from metaeval.statistics.parsing import (
    parse_statistics as parse_statistics,
    statistic_maker as statistic_maker,
)
from metaeval.statistics.sums import only_label as only_label, sum_by as sum_by
from metaeval.statistics.systems.soft_accuracy import soft_pairwise_accuracy
from metaeval.statistics.systems.system_means import (
    system_accuracy,
    system_pearson,
    systems_of as systems_of,
)

__all__ = [
    "BY_NAME",
    "Estimand",
    "Forecast",
    "Statistic",
    "SumStatistic",
    "WeightedStatistic",
    "augrc",
    "aurc",
    "auroc",
    "best_of_n",
    "brier",
    "calibration_in_the_large",
    "coverage_at",
    "cox_intercept",
    "cox_slope",
    "discrimination",
    "ece",
    "ece_debiased",
    "kendall",
    "log_loss",
    "mean_over_items",
    "miscalibration",
    "pairwise_accuracy",
    "pearson",
    "recalibration_gain",
    "rps",
    "sharpness",
    "smooth_ece",
    "soft_pairwise_accuracy",
    "spearman",
    "system_accuracy",
    "system_pearson",
    "tie_calibrated_accuracy",
    "uncertainty",
    "weighted_statistic",
]

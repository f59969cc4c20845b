"""Functions that make statistics, by name."""

from __future__ import annotations

from collections.abc import Callable

from metaeval.statistics.base import Statistic
from metaeval.statistics.calibration.binned_ece import ece, ece_debiased
from metaeval.statistics.calibration.corp import discrimination, miscalibration, uncertainty
from metaeval.statistics.calibration.cox import calibration_in_the_large, cox_intercept, cox_slope
from metaeval.statistics.calibration.proper_scores import brier, log_loss, rps, sharpness
from metaeval.statistics.calibration.recalibration import recalibration_gain
from metaeval.statistics.calibration.selective import augrc, aurc, auroc, coverage_at
from metaeval.statistics.calibration.smooth_calibration_error import smooth_ece
from metaeval.statistics.correlation import pearson, spearman
from metaeval.statistics.pairs.best_candidates import best_of_n
from metaeval.statistics.pairs.pairwise import kendall, pairwise_accuracy
from metaeval.statistics.pairs.tie_calibration import tie_calibrated_accuracy
from metaeval.statistics.systems.soft_accuracy import soft_pairwise_accuracy
from metaeval.statistics.systems.system_means import system_accuracy, system_pearson

BY_NAME: dict[str, Callable[..., Statistic]] = {
    "augrc": augrc,
    "aurc": aurc,
    "auroc": auroc,
    "best_of_n": best_of_n,
    "brier": brier,
    "calibration_in_the_large": calibration_in_the_large,
    "coverage_at": coverage_at,
    "cox_intercept": cox_intercept,
    "cox_slope": cox_slope,
    "discrimination": discrimination,
    "ece": ece,
    "ece_debiased": ece_debiased,
    "kendall": kendall,
    "log_loss": log_loss,
    "miscalibration": miscalibration,
    "pairwise_accuracy": pairwise_accuracy,
    "pearson": pearson,
    "recalibration_gain": recalibration_gain,
    "rps": rps,
    "sharpness": sharpness,
    "smooth_ece": smooth_ece,
    "soft_pairwise_accuracy": soft_pairwise_accuracy,
    "spearman": spearman,
    "system_accuracy": system_accuracy,
    "system_pearson": system_pearson,
    "tie_calibrated_accuracy": tie_calibrated_accuracy,
    "uncertainty": uncertainty,
    "slope": cox_slope,
}

"""All statistics, and their names for the command line."""

from metaeval.statistics.base import Statistic, mean_over_items
from metaeval.statistics.binned import ece, ece_debiased
from metaeval.statistics.candidates import best_of_n
from metaeval.statistics.corp import discrimination, miscalibration, uncertainty
from metaeval.statistics.correlation import pearson, spearman
from metaeval.statistics.cox import calibration_in_the_large, cox_intercept, cox_slope
from metaeval.statistics.gain import recalibration_gain
from metaeval.statistics.pairwise import kendall, pairwise_accuracy
from metaeval.statistics.proper import brier, log_loss, rps, sharpness
from metaeval.statistics.selective import augrc, aurc, auroc, coverage_at
from metaeval.statistics.smooth import smooth_ece
from metaeval.statistics.soft import soft_pairwise_accuracy
from metaeval.statistics.systems import system_accuracy, system_pearson
from metaeval.statistics.ties import tie_calibrated_accuracy

BY_NAME = {
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

__all__ = [
    "BY_NAME",
    "Statistic",
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
]

"""All statistics, and their names for the command line."""

from metaeval.statistics.base import Statistic, mean_over_items
from metaeval.statistics.candidates import best_of_n
from metaeval.statistics.correlation import pearson, spearman
from metaeval.statistics.pairwise import kendall, pairwise_accuracy
from metaeval.statistics.soft import soft_pairwise_accuracy
from metaeval.statistics.systems import system_accuracy, system_pearson
from metaeval.statistics.ties import tie_calibrated_accuracy

BY_NAME = {
    "best_of_n": best_of_n,
    "kendall": kendall,
    "pairwise_accuracy": pairwise_accuracy,
    "pearson": pearson,
    "soft_pairwise_accuracy": soft_pairwise_accuracy,
    "spearman": spearman,
    "system_accuracy": system_accuracy,
    "system_pearson": system_pearson,
    "tie_calibrated_accuracy": tie_calibrated_accuracy,
}

__all__ = [
    "BY_NAME",
    "Statistic",
    "best_of_n",
    "kendall",
    "mean_over_items",
    "pairwise_accuracy",
    "pearson",
    "soft_pairwise_accuracy",
    "spearman",
    "system_accuracy",
    "system_pearson",
    "tie_calibrated_accuracy",
]

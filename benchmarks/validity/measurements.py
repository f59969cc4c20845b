"""Intervals and p-values of the statistics of one data set, by several methods."""

from __future__ import annotations

import numpy as np

from benchmarks.validity.designs import Population
from metaeval.inference import (
    ComparisonSettings,
    Design,
    Resampling,
    Settings,
    choose_statistics,
    compare_pairs,
    estimate,
    make_design,
    pairs_of_scorers,
    test_family,
)
from metaeval.inference.confidence_intervals import difference_intervals, scorer_intervals
from metaeval.inference.hypothesis_tests import adjusted_jointly
from metaeval.statistics import (
    Statistic,
    kendall,
    pairwise_accuracy,
    pearson,
    system_accuracy,
    tie_calibrated_accuracy,
)
from metaeval.tables import Responses

N_RESAMPLES = 1000
KINDS = ("wilson", "bca", "t", "percentile")
TESTS = ("t", "sign-flip")


def statistics_of(population: Population) -> dict[str, Statistic]:
    """Statistics that a design can be judged by."""
    if population.n_systems == 1:
        return {"pearson": pearson(grouping="none"), "kendall": kendall("b", grouping="none")}
    statistics = {"pairwise_accuracy": pairwise_accuracy("strict")}
    if population.tie_rate:
        statistics["tie_calibrated_accuracy"] = tie_calibrated_accuracy()
    whole = population.n_tasks == 1 and "missing" not in population.feature
    if population.n_systems >= 5 and whole:
        statistics["system_accuracy"] = system_accuracy()
        if population.tie_rate:
            statistics["kendall"] = kendall("b")
    return statistics


def design_of(table: Responses, population: Population) -> Design:
    """The design of a data set, by task if there are several."""
    return make_design(table, by="task" if population.n_tasks > 1 else None)


def measure(design: Design, statistic: Statistic, seed: int) -> dict[str, np.ndarray]:
    """Estimates, intervals and p-values of four scorers and their six differences."""
    statistic = choose_statistics(design.table, statistic)[0][0]
    overall = estimate(design, statistic, Resampling(N_RESAMPLES, seed))[0]
    pairs = compare_pairs(statistic, overall, pairs_of_scorers(design.scorers, None))
    found = {
        "estimate": overall.estimate,
        "difference": pairs.difference,
        "se": pairs.se,
        "influence": _shape_of(overall, pairs),
    }
    for kind in (None, *KINDS):
        if kind == "wilson":
            continue
        settings = Settings(interval=kind)
        found[f"own {kind}"] = scorer_intervals(statistic, overall, settings).ends
        found[f"difference {kind}"] = difference_intervals(statistic, pairs, settings, 1.96).ends
    for test in TESTS:
        if test != "t" and overall.contributions is None:
            continue
        testing = ComparisonSettings(n_resamples=N_RESAMPLES, seed=seed, test=test)
        p, z = adjusted_jointly(
            [pairs], test_family(statistic, [pairs], testing, N_RESAMPLES), testing, 0.95
        )
        found[f"p {test}"], found[f"p_adjusted {test}"] = p[0].p_value, p[0].adjusted
        if test == "t":
            joint = difference_intervals(statistic, pairs, Settings(), z).adjusted
            found["joint"] = joint
    return found


def _shape_of(overall, pairs) -> np.ndarray:
    """What may predict failures of t: skewness, units that differ, and largest squared share."""
    d = overall.influence[:, pairs.first] - overall.influence[:, pairs.second]
    d = d - d.mean(axis=0)
    square = np.maximum((d**2).sum(axis=0), 1e-100)
    raw = (
        d
        if overall.contributions is None
        else (overall.contributions[:, pairs.first] - overall.contributions[:, pairs.second])
    )
    total = np.maximum((raw**2).sum(axis=0), 1e-300)
    n = len(d)
    return np.stack(
        [
            (d**3).sum(axis=0) / square**1.5 * np.sqrt(n),
            np.abs(raw).sum(axis=0) ** 2 / total,
            (d**2).max(axis=0) / square,
        ]
    )

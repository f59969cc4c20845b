"""Why step functions and tuned thresholds have no flips of pseudo-values."""

import numpy as np
import pandas as pd
import scipy.stats

from benchmarks.tuned_thresholds import ARGMAX, DESIGNS, LOGISTIC, rejected
from metaeval import Responses
from metaeval.inference import make_design
from metaeval.resampling import PairedDifferences, flip_test
from metaeval.statistics import system_accuracy, tie_calibrated_accuracy

PAIR = np.array([0]), np.array([1])


def flipped(contributions, seed):
    contrast = PairedDifferences(contributions, *PAIR, 0, len(contributions))
    return flip_test([contrast], n_flips=400, seed=seed)[0].p_value[0]


def pseudo_values(statistic, view):
    """Jackknife pseudo-values of each item over the number of items: they add up about right."""
    n = view.n_items
    weigh = statistic.weigh(view)
    whole = weigh(np.ones((1, n)))
    without = weigh(1.0 - np.eye(n))
    return (n * whole - (n - 1) * without) / n


def equal_scorers(seed, n_items, n_systems, ratings=None):
    """Two scorers that are equally good, with noise of their own."""
    rng = np.random.default_rng(seed)
    shape = (n_items, n_systems)
    quality = np.linspace(-0.25, 0.25, n_systems) + rng.normal(size=shape)
    label = quality if ratings is None else np.round(quality * ratings)
    items, systems = np.indices(shape)
    rows = pd.DataFrame({"item": items.ravel(), "system": systems.ravel()})
    noise = rng.normal(size=(2, *shape))
    scores = pd.DataFrame({k: (quality + e).ravel() for k, e in zip("ab", noise, strict=True)})
    labels = pd.DataFrame({"human": label.ravel()})
    return make_design(Responses(rows, scores, labels, label_kind="rating")).table


def most(n, p):
    """Rejections that a test of level p stays below, in 999 of 1000 runs."""
    return scipy.stats.binom.ppf(0.999, n, p)


def test_pseudo_values_of_system_accuracy_reject_far_too_often():
    p = [
        flipped(pseudo_values(system_accuracy(), equal_scorers(seed, 100, 8)), seed)
        for seed in range(80)
    ]
    assert (np.array(p) <= 0.05).sum() > most(80, 0.3)


def test_pseudo_values_of_tuned_thresholds_reject_too_often_and_fixed_thresholds_do_not():
    statistic, tuned, fixed = tie_calibrated_accuracy(5, threshold="argmax"), [], []
    for seed in range(80):
        pairs = equal_scorers(seed, 60, 4, ratings=1.0).pairs()
        tuned.append(flipped(pseudo_values(statistic, pairs), seed))
        fixed.append(flipped(statistic.contributions(pairs), seed))
    tuned, fixed = ((np.array(p) <= 0.05).sum() for p in (tuned, fixed))
    assert tuned > most(80, 0.2)
    assert fixed <= most(80, 0.05)


def test_unstable_thresholds_are_for_the_bootstrap():
    flips, bootstrap = rejected(ARGMAX, DESIGNS[1], 150)
    assert 150 * flips > most(150, 0.05)  # fixed thresholds know nothing of their own uncertainty
    assert 150 * bootstrap <= most(150, 0.05)


def test_thresholds_by_logistic_regression_keep_the_level():
    flips, bootstrap = rejected(LOGISTIC, DESIGNS[1], 150)
    assert 150 * flips <= most(150, 0.06)
    assert most(150, 0.05) >= 150 * bootstrap >= 1

"""Tests and intervals as what they claim to be: size and coverage under a known truth."""

import os

import numpy as np
import pytest
import scipy.stats

from benchmarks.size_and_coverage import interval_coverage, rejection_rates
from metaeval.cli import demo

N_SETS = 2000
LOW, HIGH = (np.array(scipy.stats.binom.interval(0.999, N_SETS, 0.05)) / N_SETS).tolist()


@pytest.mark.parametrize("accuracy", [0.6, 0.75])
def test_the_sign_flip_test_holds_its_size_where_a_test_of_pairs_does_not(accuracy):
    flips, pairs = rejection_rates(accuracy, 100, N_SETS, seed=0)
    assert LOW <= flips <= HIGH
    assert pairs > 2 * HIGH


def test_near_one_the_sign_flip_test_is_at_most_conservative():
    flips, pairs = rejection_rates(0.9, 100, N_SETS, seed=0)
    assert flips <= HIGH
    assert pairs > HIGH


@pytest.mark.parametrize("accuracy", [0.6, 0.75, 0.9])
def test_item_intervals_cover_where_intervals_over_pairs_do_not(accuracy):
    wilson, bca, pairs = interval_coverage(accuracy, 100, N_SETS, seed=0)
    assert 0.924 <= bca <= 0.976 and 1 - HIGH <= wilson <= 1 - LOW
    assert pairs < 0.924


@pytest.mark.parametrize("accuracy", [0.6, 0.75, 0.9])
def test_default_intervals_of_few_items_cover_where_bca_intervals_do_not(accuracy):
    wilson, bca, _ = interval_coverage(accuracy, 6, N_SETS, seed=0, n_resamples=400)
    assert bca < 1 - HIGH <= wilson


def coverage_of_the_demo(n_seeds, n_resamples):
    inside = {}
    for seed in range(n_seeds):
        result, truth, _ = demo.run(seed, n_items=100, n_resamples=n_resamples)
        rows = demo.coverage(result, truth)
        for row in rows[rows["baseline"].isna()].itertuples():
            inside.setdefault(row.scorer, []).append(row.inside)
    return {scorer: float(np.mean(hits)) for scorer, hits in inside.items()}


def check_coverage(n_seeds, n_resamples):
    slack = 3.3 * np.sqrt(0.95 * 0.05 / n_seeds) + 0.015
    for scorer, share in coverage_of_the_demo(n_seeds, n_resamples).items():
        assert abs(share - 0.95) <= slack, (scorer, share)


def test_the_demo_covers_the_truth_in_some_seeds():
    check_coverage(20, n_resamples=100)


@pytest.mark.slow
def test_the_demo_covers_the_truth():
    check_coverage(int(os.environ.get("METAEVAL_SEEDS", "200")), n_resamples=2_000)

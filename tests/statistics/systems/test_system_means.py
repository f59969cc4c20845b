"""Intervals of the system accuracy: of its expected value at a number of items."""

import numpy as np
import pytest

from metaeval import evaluate, simulate
from metaeval.statistics import system_accuracy


def covered(n_items, n_simulations):
    """Shares of intervals that hold the mean of all sets, and 1: of all, and of those at 1."""
    frames = [
        evaluate(simulate(seed=seed, n_items=n_items).table, system_accuracy(), n_resamples=500)
        for seed in range(n_simulations)
    ]
    estimate, lower, upper = (
        np.array([result.frame[name] for result in frames])
        for name in ("estimate", "lower", "upper")
    )
    expected, at_one = estimate.mean(axis=0), estimate > 1 - 1e-9
    held = (lower <= expected) & (expected <= upper)
    endless = upper > 1 - 1e-9  # in endless items all five scorers order these systems rightly
    return held.mean(axis=0), held[at_one].mean(), endless.mean(axis=0), expected


@pytest.mark.slow
@pytest.mark.parametrize("n_items", [30, 100, 300])
def test_the_interval_holds_the_expected_value_at_this_number_of_items(n_items):
    held, at_one, endless, expected = covered(n_items, 200)
    print(
        f"{n_items} items, mean {expected.min():.3f} to {expected.max():.3f}: held "
        f"{held.min():.3f} to {held.max():.3f}, of estimates of 1 {at_one:.3f}; the value of "
        f"endless items {endless.min():.3f} to {endless.max():.3f}"
    )
    assert held.min() > 0.8 and at_one > 0.95


def test_an_estimate_of_one_has_an_interval_that_holds_the_expected_value():
    held, at_one, _, _ = covered(30, 25)
    assert held.mean() > 0.85 and at_one == 1.0


def test_results_say_at_which_number_of_items():
    table = simulate(seed=1, n_items=30).table
    result = evaluate(table, system_accuracy(), n_resamples=100)
    assert "expected system accuracy at this number of items" in " ".join(result.meta.notes)

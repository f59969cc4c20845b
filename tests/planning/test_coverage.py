"""Coverage by simulation: against known coverage, and what it returns."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import metaeval as me
from metaeval import MetaevalError


def verdicts(n_items, wrong, seed=0):
    """One pair for each item, on which scorers are wrong on the first few items."""
    scores = {name: np.where(np.arange(n_items) < k, -1.0, 1.0) for name, k in wrong.items()}
    rows = pd.DataFrame({"item": np.arange(n_items), "first": "x", "second": "y"})
    return me.Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"human": np.ones(n_items)}))


def exact_coverage_of_wilson(n, p):
    """Probability that Wilson's interval of a binomial proportion contains it."""
    k = np.arange(n + 1)
    covered = [
        low <= p <= high
        for low, high in (stats.binomtest(int(i), n).proportion_ci(method="wilson") for i in k)
    ]
    return stats.binom.pmf(k, n, p)[covered].sum()


def test_coverage_of_wilsons_interval_is_that_of_binomial_proportions():
    found = me.coverage_by_simulation(
        verdicts(40, {"a": 6}), "pairwise_accuracy", n_simulations=1_000, n_resamples=100
    )
    row = found.iloc[0]
    exact = exact_coverage_of_wilson(40, 34 / 40)
    assert abs(row["coverage"] - exact) < 4 * np.sqrt(exact * (1 - exact) / 1_000)
    assert row["truth"] == pytest.approx(34 / 40, abs=0.01)
    assert row["lower"] < row["coverage"] < row["upper"]


def test_percentile_intervals_of_rare_errors_undercover_and_the_default_does_not():
    table, options = verdicts(40, {"a": 2, "b": 4}), {"n_simulations": 300, "n_resamples": 200}
    default = me.coverage_by_simulation(table, "pairwise_accuracy", **options)
    bootstrap = me.coverage_by_simulation(
        table, "pairwise_accuracy", interval="bootstrap-t", **options
    )
    assert default["scorer"].tolist() == ["a", "b", "a"]
    assert default["baseline"].isna().tolist() == [True, True, False]
    assert (default["coverage"][:2] > 0.9).all() and (bootstrap["coverage"][:2] < 0.9).all()
    assert (default["relative_width"][:2] < 1.6).all()


def test_the_same_seed_gives_the_same_numbers():
    table = me.load_example().keep_scorers(["judge", "reward"])
    options = {"n_simulations": 100, "n_resamples": 100}
    first, again = (me.coverage_by_simulation(table, "kendall", **options) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = me.coverage_by_simulation(table, "kendall", seed=1, **options)
    assert not other["mean_width"].equals(first["mean_width"])


def test_systems_and_few_simulations_are_refused():
    table = me.load_example()
    with pytest.raises(MetaevalError, match="n_simulations"):
        me.coverage_by_simulation(table, n_simulations=10)
    with pytest.raises(MetaevalError, match="systems"):
        me.coverage_by_simulation(table, resample=("item", "system"))

"""Skewness of differences by its definition, and when it is announced."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import metaeval as me
from metaeval.inference.skewness import skewness_of_differences

PAIRS = np.triu_indices(4, 1)


def test_skewness_by_its_definition():
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(300, 4)) * [1, 2, 3, 4]
    expected = [stats.skew(x[:, a] - x[:, b]) for a, b in zip(*PAIRS, strict=True)]
    assert_allclose(skewness_of_differences(x, *PAIRS), expected, rtol=1e-9)
    assert_allclose(skewness_of_differences(1e-6 * x + 5, *PAIRS), expected, rtol=1e-6)


def test_copies_have_no_skewness(monkeypatch):
    x = np.random.default_rng(1).exponential(size=(50, 1)) * np.ones((1, 4))
    assert (skewness_of_differences(x, *PAIRS) == 0).all()


def test_blocks_of_rows_change_nothing(monkeypatch):
    x = np.random.default_rng(2).exponential(size=(100, 4))
    whole = skewness_of_differences(x, *PAIRS)
    monkeypatch.setattr("metaeval.inference.skewness._ROWS_AT_A_TIME", 7)
    assert_allclose(skewness_of_differences(x, *PAIRS), whole, rtol=1e-12)


def verdicts(n_items, **wrong):
    """Pairs of one item each; scorers are wrong on the given items and right on the others."""
    scores = {
        name: np.where(np.isin(np.arange(n_items), w), -1.0, 1.0) for name, w in wrong.items()
    }
    rows = pd.DataFrame({"item": np.arange(n_items), "first": "x", "second": "y"})
    labels = pd.DataFrame({"preference": np.ones(n_items)})
    return me.Pairs(rows, pd.DataFrame(scores), labels)


@pytest.mark.parametrize(
    ("n_items", "only_a", "only_b", "announced"),
    [(100, 8, 0, True), (100, 4, 4, False), (400, 30, 30, False), (100, 45, 5, False)],
)
def test_few_units_that_differ_in_one_direction_are_announced(n_items, only_a, only_b, announced):
    table = verdicts(n_items, a=np.arange(only_b), b=50 + np.arange(only_a))
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    text = "1 of 1 differences has a skewed distribution over items (a and b: skewness"
    assert any(line.startswith(text) for line in result.meta.warnings) == announced


def test_scorers_that_differ_on_no_item_are_announced():
    table = verdicts(60, a=[1, 2], b=[1, 2], c=range(30))
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    row = result.row("a", "b")
    assert row["lower"] == row["upper"] == 0
    assert any(w.startswith("a and b do not differ on any item") for w in result.meta.warnings)


def test_few_items_are_announced_whatever_their_values():
    table = verdicts(9, a=[1, 2], b=[3, 4, 5])
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    assert any(w.startswith("only 9 items: intervals and p-values") for w in result.meta.warnings)
    table = verdicts(12, a=[1, 2], b=[3, 4, 5])
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    assert not any("intervals and p-values" in w for w in result.meta.warnings)

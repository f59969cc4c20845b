"""Error rates of labels from the agreement of raters: planted errors, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval.inference.label_noise import label_noise, majority_error


def judged(n_raters, error, n_pairs=40_000, tied=0.0, seed=0):
    """Pairs on which the first is better, with raters who err independently."""
    rng = np.random.default_rng(seed)
    verdicts = np.where(rng.random((n_pairs, n_raters)) < error, -1.0, 1.0)
    verdicts[rng.random((n_pairs, n_raters)) < tied] = 0.0
    labels = pd.DataFrame(verdicts, columns=[f"rater{k}" for k in range(n_raters)])
    rows = pd.DataFrame({"item": np.arange(n_pairs), "first": "x", "second": "y"})
    scores = pd.DataFrame({"good": np.where(rng.random(n_pairs) < 0.1, -1.0, 1.0)})
    scores["poor"] = np.where(rng.random(n_pairs) < 0.3, -1.0, 1.0)
    return me.Pairs(rows, scores, labels, average_raters=True)


@pytest.mark.parametrize("tied", [0.0, 0.2])
@pytest.mark.parametrize("error", [0.0, 0.1, 0.25])
def test_planted_errors_are_recovered(error, tied):
    noise = label_noise(judged(3, error, tied=tied))
    assert noise.agreement == pytest.approx(1 - 2 * error * (1 - error), abs=0.01)
    assert noise.error == pytest.approx(error, abs=0.01)
    if tied:
        assert noise.combined is None
    else:
        assert noise.combined == pytest.approx(majority_error(error, 3), abs=0.01)


@pytest.mark.parametrize("n_raters", [2, 4])
def test_even_splits_are_ties_so_that_only_raters_are_described(n_raters):
    table = judged(n_raters, 0.15)
    assert label_noise(table).combined is None
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    [note] = [line for line in result.meta.notes if line.startswith("two raters agree on")]
    assert "each is wrong in 15" in note and "perfect scorer" not in note


def test_differences_shrink_as_stated():
    table = judged(3, 0.25)
    result = me.compare(table, "pairwise_accuracy", n_resamples=200)
    noise = label_noise(table)
    assert result.row("good", "poor")["estimate"] / 0.2 == pytest.approx(
        1 - 2 * noise.combined, abs=0.03
    )
    [note] = [line for line in result.meta.notes if line.startswith("two raters agree on")]
    assert f"differences appear at {100 * (1 - 2 * noise.combined):.0f}% of their size" in note


def test_one_rater_and_a_chosen_rater_are_not_judged():
    assert label_noise(judged(1, 0.1)) is None
    table = judged(3, 0.1, n_pairs=100)
    chosen = me.compare(table, "pairwise_accuracy", label="rater0", n_resamples=200)
    assert not any("raters agree" in line for line in chosen.meta.notes)

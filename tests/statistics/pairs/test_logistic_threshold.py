"""Thresholds by logistic regression: the rule, what it does not depend on, and its replicates."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from scipy import stats

import metaeval as me
from metaeval.statistics import pairwise_accuracy, tie_calibrated_accuracy
from metaeval.statistics.pairs import logistic_threshold as lt
from metaeval.statistics.pairs.cross_item_ties import _outside


def made(seed, n_items=60, n_systems=4, noise=1.0, tie=0.6):
    """Responses with tied labels and two scorers that share part of their noise."""
    rng = np.random.default_rng(seed)
    shape = (n_items, n_systems)
    quality = rng.normal(size=shape)
    label = np.round((quality + 0.3 * rng.normal(size=shape)) / tie)
    item, system = np.indices(shape)
    rows = pd.DataFrame({"item": item.ravel(), "system": system.ravel()})
    shared = rng.normal(size=shape)
    scores = {
        name: (quality + noise * (shared + rng.normal(size=shape)) / np.sqrt(2)).ravel()
        for name in "ab"
    }
    labels = pd.DataFrame({"human": label.ravel()})
    return me.Responses(rows, pd.DataFrame(scores), labels, label_kind="rating")


def ranked(pairs, column=0):
    weight = np.full(len(pairs), 1 / len(pairs))
    margin, human = pairs.scores.to_numpy()[:, column], pairs.labels.to_numpy()[:, 0]
    return lt.rank_pairs(margin, human, weight, pairs.item_codes, pairs.n_items)


@pytest.mark.parametrize("seed", range(3))
def test_lines_are_the_logistic_regression_of_statsmodels(monkeypatch, seed):
    monkeypatch.setattr(lt, "_PRIOR", np.zeros((2, 2)))
    pairs = made(seed).pairs()
    margin, human = pairs.scores["a"].to_numpy(), pairs.labels.to_numpy()[:, 0]
    cells = lt.margin_cells(margin)
    gains, losses = human == 0, np.sign(margin) == human
    counts = gains | losses
    score = cells.score[cells.cell]
    design = sm.add_constant(score[counts])
    known = sm.Logit(gains[counts].astype(float), design).fit(disp=0).params
    of_items = ranked(pairs)
    assert (of_items.gains.sum(), of_items.losses.sum()) == pytest.approx(
        (gains.sum(), losses.sum())
    )
    sums = (v.sum(axis=0)[None] for v in (of_items.gains, of_items.losses))
    assert_allclose(lt.fit_lines(*sums, cells.score)[0], known, rtol=1e-5)


def test_pairs_are_ties_where_a_tied_label_is_likelier_than_a_correct_decision():
    rank = np.linspace(-0.9, 0.9, 10)
    theta = np.array([[0.35, -1.0], [0.35, 1.0], [0.35, 1.0], [-9.0, -1.0], [9.0, -1.0]])
    surplus = np.array([0.0, 1.0, -1.0, 1.0, -1.0])
    expected = [(rank < 0.35).sum(), 10, 0, 0, 10]
    assert lt.tied_cells(theta, surplus, rank).tolist() == expected


def test_the_margins_of_a_cell_are_adjacent_and_equal_margins_share_one():
    rng = np.random.default_rng(0)
    margin = np.r_[rng.integers(-30, 31, 2_000) / 10, np.nan, rng.normal(size=3_000)]
    cells = lt.margin_cells(margin)
    size = np.abs(margin[cells.used])
    assert (cells.used == (np.abs(margin) > 0)).all()
    order = np.argsort(size)
    assert (np.diff(cells.cell[order]) >= 0).all() and (np.diff(cells.score) > 0).all()
    for at in (0.1, 0.7):
        assert len(set(cells.cell[np.abs(size - at) < 1e-9])) == 1
    assert (cells.size == [size[cells.cell == c].max() for c in range(len(cells.size))]).all()


@pytest.mark.parametrize("grouping", ["item", "none", "system"])
def test_only_ranks_of_margins_matter(grouping):
    """Odd increasing maps of the margins change no value; nor does the order of rows."""
    table = made(1, n_items=30)
    statistic = tie_calibrated_accuracy(5, grouping=grouping)
    value = statistic.value(table.pairs() if grouping == "item" else table)
    if grouping == "item":
        pairs = table.pairs()
        cubed = pairs.map_scores(lambda margin: margin**3 + margin)
        assert_allclose(statistic.value(cubed), value)
    scaled = table.map_scores(lambda score: 8 * score - 3)
    assert_allclose(statistic.value(scaled.pairs() if grouping == "item" else scaled), value)


def test_labels_without_ties_need_no_threshold_and_tied_labels_the_largest():
    pairs = made(2).pairs()
    none = pairs.replace(labels=pairs.labels.replace(0.0, 1.0))
    assert_allclose(tie_calibrated_accuracy().value(none), pairwise_accuracy("acc-eq").value(none))
    tied = pairs.replace(labels=pairs.labels * 0.0)
    assert_allclose(tie_calibrated_accuracy().value(tied), 1.0)


def exact_replicate(pairs, weight, fold, n_folds):
    """Accuracy of repeated items at thresholds of the estimate, and at refitted thresholds."""
    of_items = ranked(pairs)
    fixed = lt.folded_thresholds(of_items, fold, n_folds)[1]
    repeated = of_items._replace(
        gains=of_items.gains * weight[:, None], losses=of_items.losses * weight[:, None]
    )
    refitted = lt.folded_thresholds(repeated, fold, n_folds)[1]
    item, share = np.arange(len(fold)), len(fold) / weight.sum()
    return [
        share * (weight * of_items.credit[item, cells[fold]]).sum() for cells in (fixed, refitted)
    ]


@pytest.mark.parametrize(("n_items", "noise"), [(60, 2.0), (150, 0.7)])
def test_replicates_by_one_step_are_those_of_exact_refits(n_items, noise):
    pairs = made(3, n_items, noise=noise).pairs()
    fold = np.arange(n_items) % 20
    share = np.full(n_items, 1 / n_items)
    values = lt.refitted_accuracy([ranked(pairs)], share, fold, 20)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(n_items, np.full(n_items, 1 / n_items), size=400).astype(float)
    found = values(weights)[:, 0]
    fixed, refitted = np.array([exact_replicate(pairs, w, fold, 20) for w in weights]).T
    expected = (fixed + refitted) / 2
    assert np.corrcoef(found, expected)[0, 1] > 0.995
    assert found.std() / expected.std() == pytest.approx(1, abs=0.02)
    if noise == 2:  # the threshold matters
        assert refitted.std() > found.std() > fixed.std()


def test_weights_of_one_are_the_estimate():
    pairs = made(4).pairs()
    fold = np.arange(60) % 20
    values = lt.refitted_accuracy([ranked(pairs)], np.full(60, 1 / 60), fold, 20)
    fixed, refitted = exact_replicate(pairs, np.ones(60), fold, 20)
    assert fixed == refitted == pytest.approx(tie_calibrated_accuracy().value(pairs)[0])
    assert abs(values(np.ones((1, 60)))[0, 0] - fixed) < 0.005  # one step from the common curve


def test_without_folds_the_threshold_is_that_of_one_curve_of_all_pairs():
    pairs = made(5, noise=2.0, tie=1.2).pairs()
    of_items = ranked(pairs)
    sums = (v.sum(axis=0)[None] for v in (of_items.gains, of_items.losses))
    tied = lt.fitted_cells(*sums, of_items.cells)[0]
    assert tied > 0
    epsilon = of_items.cells.size[tied - 1]
    in_sample = tie_calibrated_accuracy(None, threshold="logistic").value(pairs)
    fixed = pairwise_accuracy("acc-eq", epsilon).value(pairs)
    assert in_sample[0] == pytest.approx(fixed[0])
    values = lt.refitted_accuracy([of_items], np.full(60, 1 / 60), np.zeros(60, int), 1)
    assert values(np.ones((1, 60)))[0, 0] == pytest.approx(in_sample[0])


def test_folds_without_items_have_no_part_in_the_reported_threshold():
    pairs = made(6, n_items=6).pairs()
    statistic = tie_calibrated_accuracy()
    folds = lt.folded_thresholds(ranked(pairs), np.arange(6), 6)[0]
    assert statistic.describe(pairs)["epsilon"][0] == pytest.approx(np.median(folds))


def test_separable_labels_have_a_finite_curve():
    score = np.linspace(0.01, 2, 100)
    gains = np.where(score < 1, 50.0, 0.0)[None]
    theta = lt.fit_lines(gains, 50.0 - gains, score)
    surplus = (2 * gains - 50.0).sum(axis=1)
    assert lt.tied_cells(theta, surplus, score)[0] == (score < 1).sum()


def test_pairs_across_items_are_cross_fitted_without_their_folds():
    rng = np.random.default_rng(0)
    low, high = np.sort(rng.integers(0, 4, size=(2, 50)), axis=0)
    totals = np.zeros((4, 4, 1))
    np.add.at(totals, (low, high, 0), 1.0)
    for f, g in np.ndindex(4, 4):
        others = ~np.isin(low, (f, g)) & ~np.isin(high, (f, g))
        assert _outside(totals)[f, g, 0] == others.sum()


def rejections(test, seeds, n_items, noise):
    """How often two equally good scorers differ significantly."""
    p = [
        me.compare(
            made(seed, n_items, noise=noise),
            tie_calibrated_accuracy(),
            test=test,
            n_resamples=400,
        ).row("a", "b")["p_value"]
        for seed in seeds
    ]
    return np.mean(np.array(p) <= 0.05)


def test_equally_good_scorers_seldom_differ():
    rejected = 60 * rejections("bootstrap", range(60), 60, 2.0)
    assert rejected <= stats.binom.ppf(0.999, 60, 0.05)

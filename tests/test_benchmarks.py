"""Every benchmark runs, and what stands in for a peer gives the same results as ours."""

import importlib
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import (
    __main__ as table,
    bayes_bands,
    bayes_sbc,
    bootstrap,
    kendall,
    peers,
    sign_flip,
    soft_pairwise,
    swaps,
    tie_calibration,
    timing,
    tuned_thresholds,
    workloads,
)
from benchmarks.__main__ import SCRIPTS, shown, with_table
from metaeval.resampling import key_of, weights
from metaeval.statistics import pairwise_accuracy, pearson

FLIPS = 200


def signs_of_ours(n_units, n=FLIPS):
    return weights("sign", key_of(0, "flip"), np.arange(n), n_units)


def drawn(rows):
    """A function that hands out given rows one after another."""
    left = iter(rows)
    return lambda n: np.array([next(left) for _ in range(n)])


def places_of_ours(n_units, n, kind="multinomial"):
    counts = weights(kind, key_of(0, "bootstrap"), np.arange(n), n_units)
    return [np.repeat(np.arange(n_units), some.astype(int)) for some in counts]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_prints_rows(script, monkeypatch):
    monkeypatch.setenv("METAEVAL_CACHE", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other packages
        rows = list(importlib.import_module(f"benchmarks.{script}").rows(timing.Clock(quick=True)))
    assert rows
    for row in rows:
        assert set(row) <= set(timing.COLUMNS)
        assert float(row["ours_min_s"]) > 0
        assert not row["peer"] or float(row["ratio"]) > 0


def check_ranks(name, n_sets):
    """Most 90% intervals of simulated data sets cover the values they were drawn from.

    The quantities of one set are dependent, so that few sets say little about the coverage itself.
    """
    rows = bayes_sbc.ranks_of(name, range(n_sets))
    assert len(rows) > 3 * n_sets
    assert np.mean([covered for *_, covered in rows]) > 0.6


def test_posteriors_of_simulated_data_are_ranked():
    check_ranks("davidson", 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", bayes_sbc.MODELS)
def test_posteriors_of_simulated_data_are_ranked_for_every_model(name):
    check_ranks(name, 6)


@pytest.mark.slow
@pytest.mark.parametrize("form", bayes_bands.FORMS)
def test_bands_of_simulated_data_are_covered(form):
    assert np.mean([bayes_bands.band_coverage(form, seed) for seed in range(3)]) > 0.6


def test_equal_scorers_with_tuned_thresholds_are_seldom_rejected():
    flips, _ = tuned_thresholds.rejected(tuned_thresholds.LOGISTIC, (40, 3, 0.5, 0.5), 60)
    assert flips <= 0.16  # four standard errors above .05


def test_flips_of_peers_count_the_same():
    terms = workloads.outcomes(60, 4)
    pairs = list(zip(*np.triu_indices(4, k=1), strict=True))
    p = (1 + np.array(peers.flips_by_product(terms, FLIPS, drawn(signs_of_ours(60))))) / (1 + FLIPS)
    assert_array_equal(p, sign_flip.ours(terms, FLIPS))
    signs = list(signs_of_ours(60)) * len(pairs)
    by_loop = peers.flips_by_loop(terms, pairs, FLIPS, drawn(signs))
    assert_array_equal((1 + np.array(by_loop)) / (1 + FLIPS), p)


def test_means_of_peers_are_the_same():
    values = workloads.measures(40, 3)
    places = places_of_ours(40, 30)
    assert_allclose(peers.means_by_loop(values, 30, drawn(places)), bootstrap.ours(values, 30))
    by_product = peers.means_by_product(values, 30, drawn(places), rows=7)
    assert_allclose(by_product, bootstrap.ours(values, 30))


@pytest.mark.parametrize(
    ("statistic", "of_peer"),
    [
        (pairwise_accuracy("acc-eq"), peers.accuracy),
        (pairwise_accuracy("acc-eq"), peers.accuracy_by_item),
        (pearson(), peers.correlation),
    ],
)
def test_swaps_of_peers_count_the_same(statistic, of_peer):
    scores, table, _, _ = swaps.data(timing.Clock(quick=True))
    x, tested = swaps.standardized(scores), swaps.ours(table, statistic, 50)
    signs = signs_of_ours(scores.human.size, 50).reshape(-1, *scores.human.shape)
    for pair, (a, b) in enumerate(zip(*np.triu_indices(len(x), k=1), strict=True)):
        null = peers.swapped(x[a], x[b], scores.human, of_peer, signs)
        observed = of_peer(x[a], scores.human) - of_peer(x[b], scores.human)
        count = (np.abs(null) >= abs(observed) - 1e-9).sum()
        assert tested.p_value[pair] == (1 + count) / 51


def test_recalibrated_accuracies_of_peers_are_the_same():
    pairs = workloads.table_of(workloads.wmt_like(30, 5, 1)).pairs()
    places = places_of_ours(30, 40)
    by_sorting = peers.recalibrated_by_sorting(*tie_calibration.margins(pairs), places)
    assert_allclose(by_sorting, tie_calibration.ours(pairs, 40)[:, 0])


def test_soft_accuracies_of_peers_are_the_same():
    scores = workloads.wmt_like(40, 4, 2)
    whole = scores._replace(scorers=np.round(4 * scores.scorers))  # exact in single precision
    half = signs_of_ours(40, FLIPS // 2).astype(np.float32)
    signs = [*half, *-half] * 4  # ours flips in pairs of mirror images
    values = soft_pairwise.columns(whole)
    by_scorer = peers.soft_by_scorer(whole.scorers, whole.human, FLIPS, drawn(signs))
    assert_allclose(by_scorer, soft_pairwise.ours(values, FLIPS, mid_p=False))


def test_taus_of_peers_are_the_same():
    table = kendall.data(60)
    places = places_of_ours(60, 20)
    assert_allclose(kendall.by_scipy(table, places), kendall.ours(table, 20))


def test_a_part_is_scaled_to_the_whole_and_says_so():
    ticks = iter(range(1000))
    seconds = timing.Clock(quick=True).scaled(lambda n: None, 100, lambda: next(ticks))
    assert seconds.least == 50
    assert seconds.extrapolated == "1 and 2 of 100: 1 s and 1 s"


def test_the_table_stands_between_the_markers():
    peer = timing.Seconds(400, 400, "a part")
    row = timing.row("w", "o", timing.Seconds(0.2, 0.3), "p", peer, target="1000")
    row |= {"items": "12000", "systems": "", "scorers": "2", "resamples": "10", "peak_mb": ""}
    cells = "w, 12,000 items, 2 scorers, R = 10 | 0.2 s, o | 400 s\\*, p | 2,000 | 1,000"
    assert shown(row) == f"| {cells} |"
    page = "a\n<!-- benchmarks -->\nold\n<!-- /benchmarks -->\nb\n"
    made = with_table(page, [row])
    assert made.startswith("a\n<!-- benchmarks -->\nShortest of at least five runs on ")
    assert made.endswith("| 1,000 |\n<!-- /benchmarks -->\nb\n")
    assert "old" not in made


def test_rows_of_one_script_take_the_place_of_their_own(tmp_path, monkeypatch):
    kept = tmp_path / "results.csv"
    kept.write_text("work,ours\na,1\nb,2\na,3\n")
    monkeypatch.setattr(table, "RESULTS", kept)
    assert table.others([{"work": "a"}]) == [{"work": "b", "ours": "2"}]


def test_rows_of_two_machines_have_a_table_each():
    seconds = timing.Seconds(0.2, 0.3)
    row = timing.row("w", "o", seconds, "p", timing.Seconds(4, 4), target="10")
    row |= {"items": "12", "systems": "", "scorers": "2", "resamples": "10", "peak_mb": ""}
    page = "<!-- benchmarks -->\n<!-- /benchmarks -->\n"
    made = with_table(page, [row, row | {"machine": "another"}])
    assert made.count("Shortest of at least five runs on ") == 2
    assert made.count("| work | ours |") == 2 and "on another" in made

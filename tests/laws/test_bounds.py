"""Values at 0, 1 and other bounds: no interval claims certainty, whatever the last digit is."""

import numpy as np
import pandas as pd
import pytest
from external import folder
from hypothesis import given, settings, strategies as st

import metaeval as me
from metaeval import Pairs, Responses
from metaeval.core import ROUNDOFF
from metaeval.resampling import IntervalInputs, near_boundary, wilson
from metaeval.resampling.intervals import jeffreys
from metaeval.statistics import (
    Forecast,
    aurc,
    auroc,
    kendall,
    pairwise_accuracy,
    pearson,
    soft_pairwise_accuracy,
    spearman,
    system_accuracy,
    system_pearson,
    tie_calibrated_accuracy,
)

FEW = {"n_resamples": 100}


def ranked(n, seed=0, cluster=0, tasks=1, systems=3):
    """One scorer that is always right, one that is always wrong, one that is noise."""
    rng = np.random.default_rng(seed)
    labels = rng.permuted(np.tile(np.arange(1.0, 2 * systems, 2), (n, 1)), axis=1).ravel()
    item = np.repeat(np.arange(n), systems)
    rows = pd.DataFrame({"item": item, "system": [f"s{i % systems}" for i in range(len(item))]})
    if tasks > 1:
        rows["task"] = [f"t{i % tasks}" for i in item]
    if cluster:
        rows["cluster"] = [f"{i % tasks}/{i // cluster}" for i in item]
    scores = {"right": labels, "wrong": -labels, "noise": rng.normal(size=len(item))}
    return Responses(rows, pd.DataFrame(scores), pd.DataFrame({"h": labels}), label_kind="rating")


def wilson_of(n, confidence=0.95):
    none = np.zeros((1, 1))
    counts = IntervalInputs(none[0], none, none, none[0], n, successes=np.array([n]), trials=n)
    return float(wilson(counts, confidence)[0, 0])


def row_of(table, statistic, scorer="right", **options):
    result = me.evaluate(table, statistic, **FEW | options)
    return result.frame[result.frame["scorer"] == scorer].iloc[0]


def test_the_case():
    case = folder("METAEVAL_CASES") / "perfect-scorer"
    for name, lower in (("sixty_items.csv", 0.940), ("fifty_items.csv", 0.929)):
        row = me.compare(me.read(case / name)).row("rubric_judge")
        assert row["estimate"] == row["upper"] == 1.0
        assert round(row["lower"], 3) == lower
        assert row["interval"] == "wilson"


@pytest.mark.parametrize("n", range(30, 205, 5))
def test_tuned_accuracies_of_one_have_an_interval_at_any_number_of_items(n):
    row = row_of(ranked(n), tie_calibrated_accuracy())
    assert (row["estimate"], row["upper"]) == (1.0, 1.0)
    assert row["lower"] == pytest.approx(wilson_of(n), abs=1e-12)
    assert row["skill"] == pytest.approx(1)


@pytest.mark.parametrize(
    "options", [{"by": "task"}, {"resample": "cluster"}, {"resample": "item"}, {}]
)
@pytest.mark.parametrize("folds", [None, 5])
@given(n=st.integers(12, 60))
@settings(max_examples=8)
def test_by_task_and_by_cluster_and_in_sample(options, folds, n):
    table = ranked(n, cluster=4, tasks=2)
    result = me.evaluate(table, tie_calibrated_accuracy(folds), **options, **FEW)
    own = result.frame[result.frame["scorer"] == "right"]
    assert (own["estimate"] == 1).all() and (own["upper"] == 1).all()
    assert (own["lower"] < 0.97).all() and (own["lower"] > 0.3).all()


@pytest.mark.parametrize(
    ("statistic", "low"),
    [
        (auroc(Forecast(positive_from=3)), 0),
        (auroc(Forecast(positive_from=3), grouping="item"), 0),
        (kendall("b"), -1),
        (kendall("c"), -1),
        (kendall("23", epsilon=0.5), -1),
        (kendall("b", grouping="none"), -1),
        (kendall("b", average="pairs"), -1),
        (pearson(), -1),
        (pearson("item"), -1),
        (spearman(), -1),
        (spearman("system"), -1),
        (pairwise_accuracy("strict"), 0),
        (pairwise_accuracy("half", grouping="none"), 0),
        (tie_calibrated_accuracy(grouping="system"), 0),
        (system_accuracy(), 0),
        (system_pearson(), -1),
    ],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.parametrize("interval", ["bca", "percentile", "basic", "t", "bootstrap-t"])
def test_no_bounded_statistic_is_certain(statistic, low, interval):
    table = ranked(40)
    if statistic.name.startswith("system"):  # systems of clear order
        labels = table.labels + 10 * table.rows["system"].cat.codes.to_numpy()[:, None]
        both = pd.DataFrame({"right": labels["h"], "wrong": -labels["h"]})
        table = table.replace(labels=labels, scores=both)
    tuned = statistic.name.startswith("tie_calibrated")  # calling ties is better than wrong
    for scorer, at in [("right", 1.0), ("wrong", low)][: 1 if tuned else 2]:
        row = row_of(table, statistic, scorer, interval=interval)
        assert row["estimate"] == at
        assert row["lower"] <= at <= row["upper"]
        least = 0.5 * (1 - wilson_of(40)) * (1 - low)
        assert row["upper"] - row["lower"] > least, (scorer, row["interval"])
        assert low <= row["lower"] and row["upper"] <= 1


def test_losses_of_nothing_have_an_interval():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"item": range(60), "first": "a", "second": "b"})
    sign = rng.choice([-1.0, 1.0], 60)
    table = Pairs(rows, pd.DataFrame({"m": 3 * sign}), pd.DataFrame({"h": sign}))
    row = row_of(table, aurc("log_odds"), "m")
    assert row["estimate"] == row["lower"] == 0
    assert row["upper"] == pytest.approx(1 - wilson_of(60))


def test_wilson_of_few_systems_counts_systems():
    labels = np.arange(160) % 4 + 10.0 * (np.arange(160) % 4)
    rows = pd.DataFrame({"item": np.arange(160) // 4, "system": [f"s{i % 4}" for i in range(160)]})
    table = Responses(rows, pd.DataFrame({"m": labels}), pd.DataFrame({"h": labels}))
    row = row_of(table, pairwise_accuracy("strict"), "m", resample=("item", "system"))
    assert row["lower"] == pytest.approx(wilson_of(4))


def test_soft_accuracy_of_a_perfect_scorer():
    row = row_of(ranked(40), soft_pairwise_accuracy(n_flips=200))
    assert row["lower"] <= row["estimate"] <= row["upper"]


@pytest.mark.parametrize("off", [-1.8e-15, 0.0, 4.4e-16])
def test_rounding_moves_nothing_at_a_bound(off):
    none = np.zeros((1, 1))
    sample = IntervalInputs(np.array([1.0 + off]), none, none, np.array([0.0]), 60, bounded=True)
    assert near_boundary(sample).tolist() == [True]
    counts = sample._replace(successes=np.array([60 * (1 + off)]), trials=60.0)
    for interval in (wilson, jeffreys):
        low, high = interval(counts, 0.95)[:, 0]
        assert high == 1 and 0.9 < low < 0.96


def test_skill_without_room_is_missing():
    """All labels tied: the trivial value is 1 up to rounding, and nothing can be gained."""
    for n in range(30, 60):
        table = ranked(n)
        tied = table.replace(labels=0 * table.labels, missing="common")
        row = row_of(tied, pairwise_accuracy("acc-eq"))
        assert np.isnan(row["skill"]) or abs(row["skill"]) <= 1, (n, row["skill"])


@given(seed=st.integers(0, 400), n=st.sampled_from([10, 30]))
@settings(max_examples=15)
def test_estimates_lie_in_their_intervals(seed, n):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {"item": np.arange(3 * n) // 3, "system": [f"s{i % 3}" for i in range(3 * n)]}
    )
    quality = rng.normal(size=3 * n) + np.arange(3 * n) % 3
    scores = pd.DataFrame({"a": quality + rng.normal(size=3 * n), "b": rng.normal(size=3 * n)})
    table = Responses(rows, scores, pd.DataFrame({"h": np.round(quality)}), label_kind="rating")
    for statistic in (system_pearson(), system_accuracy(), pearson()):
        for interval in ("bca", "percentile", "basic"):
            frame = me.compare(table, statistic, interval=interval, **FEW).frame
            assert (frame["lower"] <= frame["estimate"] + ROUNDOFF).all()
            assert (frame["upper"] >= frame["estimate"] - ROUNDOFF).all()


def candidates(n, positives, cluster=1):
    """One response per item, of which the first few are right, and a scorer that knows them."""
    label = (np.arange(n) < positives).astype(float)
    rows = pd.DataFrame({"item": range(n), "system": "s", "cluster": np.arange(n) // cluster})
    scores = pd.DataFrame({"right": label + np.linspace(0, 0.5, n)})
    return Responses(rows, scores, pd.DataFrame({"h": label}), label_kind="rating")


@pytest.mark.parametrize(("positives", "cluster", "trials"), [(2, 1, 2), (58, 1, 2), (6, 3, 2)])
def test_a_perfect_auroc_stands_on_the_rarer_kind(positives, cluster, trials):
    row = row_of(candidates(60, positives, cluster), auroc(Forecast(positive_from=1)))
    assert (row["estimate"], row["upper"]) == (1.0, 1.0)
    assert row["lower"] == pytest.approx(wilson_of(trials))
    assert not set(row.index) & {"trials"}


def test_a_perfect_auroc_within_items_stands_on_items_of_both_kinds():
    table = ranked(40)
    labels = table.labels.where(table.item_codes[:, None] < 7, 1.0)  # no event in the others
    row = row_of(table.replace(labels=labels), auroc(Forecast(positive_from=3), grouping="item"))
    assert row["estimate"] == 1.0
    assert row["lower"] == pytest.approx(wilson_of(7))


def test_intervals_of_perfect_samples_hold_the_true_auroc():
    """Two right of 60 and a weak scorer: Wilson's interval of 60 trials would not hold it."""
    rng = np.random.default_rng(0)
    truth, held, perfect = 0.9, 0, 0  # normal scores, 1.81 apart
    table = candidates(60, 2)
    for _ in range(300):
        scores = table.labels["h"] * 1.8124 + rng.normal(size=60)
        if scores[:2].min() <= scores[2:].max():
            continue
        perfect += 1
        row = row_of(
            table.replace(scores=scores.to_frame("right")), auroc(Forecast(positive_from=1))
        )
        held += row["lower"] <= truth
    assert perfect >= 5 and held == perfect

"""Accuracy at every tie threshold, and which thresholds are not told from the best."""

import numpy as np
import pytest

from metaeval import (
    MetaevalError,
    calibration,
    compare,
    evaluate,
    load_example,
    simulate,
    statistics,
)
from metaeval.statistics import Tuning, credit_at, thresholds


@pytest.fixture(scope="module")
def curve():
    return calibration.threshold_curve(load_example(), points=8, n_resamples=300)


def test_accuracies_are_those_of_fixed_thresholds(curve):
    for row in curve.iloc[[0, 3, len(curve) // 2, -1]].itertuples():
        fixed = statistics.pairwise_accuracy("acc-eq", epsilon=row.epsilon)
        asked = {"scorers": [row.scorer], "n_resamples": 300}
        own = evaluate(load_example(), fixed, **asked).row(row.scorer)
        assert row.accuracy == pytest.approx(own["estimate"], abs=1e-12)
        assert (row.lower, row.upper) == pytest.approx((own["lower"], own["upper"]), abs=1e-12)


def test_the_best_is_what_tie_calibration_chooses_in_sample(curve):
    chosen = evaluate(
        load_example(), statistics.tie_calibrated_accuracy(n_folds=None), n_resamples=100
    )
    best = curve[curve["best"]].set_index("scorer")
    for detail in chosen.meta.details:
        assert best.loc[detail["scorer"], "epsilon"] == detail["epsilon"]
    for scorer, row in best.iterrows():
        assert row["accuracy"] == pytest.approx(chosen.row(scorer)["estimate"], abs=1e-12)
    assert (curve["behind"] >= -1e-12).all()


def test_the_plateau_holds_the_best_and_what_no_comparison_tells_from_it():
    many = simulate(seed=1, n_items=300, n_systems=4).table
    curve = calibration.threshold_curve(many, scorers=["reward"], points=8, n_resamples=300)
    assert curve.loc[curve["best"], "plateau"].all()
    assert ((curve["p_adjusted"] > 0.05) == curve["plateau"]).all()
    assert 0 < curve["plateau"].mean() < 1


def test_two_thresholds_are_compared_as_two_scorers_are():
    table = load_example()
    curve = calibration.threshold_curve(table, scorers=["judge"], points=2, n_resamples=400)
    pairs = table.pairs()
    margin = pairs.scores["judge"]
    names = [f"at {epsilon:g}" for epsilon in curve["epsilon"]]
    calls = {
        n: np.sign(margin).where(margin.abs() > e, 0.0)
        for n, e in zip(names, curve["epsilon"], strict=True)
    }
    for name, column in calls.items():
        pairs = pairs.with_scorer(name, column)
    result = compare(pairs, statistics.pairwise_accuracy("acc-eq"), scorers=names, n_resamples=400)
    other = int(np.flatnonzero(~curve["best"])[0])
    best = int(np.flatnonzero(curve["best"])[0])
    row = result.row(names[best], names[other])
    assert curve["behind"][other] == pytest.approx(row["estimate"])
    assert curve["p_adjusted"][other] == pytest.approx(row["p_adjusted"])


def test_few_pairs_leave_every_threshold_on_the_plateau():
    few = simulate(seed=1, n_items=4, n_systems=4).table
    curve = calibration.threshold_curve(few, scorers=["reward"], points=5, n_resamples=200)
    assert curve["plateau"].all()


def test_every_threshold_has_the_credit_of_its_calls():
    pairs = load_example().pairs().keep_scorers(["lexical"])
    size, credit = credit_at(pairs, "pairs")
    margin, label = pairs.scores["lexical"].to_numpy(), pairs.labels["human"].to_numpy()
    for at in (0, 1, len(size) // 3, len(size) - 1):
        call = np.where(np.abs(margin) <= size[at], 0.0, np.sign(margin))
        assert credit[at] == (call == label).sum()
    tuning = Tuning(n_folds=None, average="pairs", argmax=True)
    assert size[np.argmax(credit)] == thresholds(pairs, tuning)[0, 0]


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(MetaevalError, match="points=1 must be"):
        calibration.threshold_curve(load_example(), points=1)
    constant = load_example().map_scores(lambda column: 0.0 * column)
    with pytest.raises(MetaevalError, match="All margins of 'judge' are 0"):
        calibration.threshold_curve(constant, scorers=["judge"])

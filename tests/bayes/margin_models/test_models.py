"""Models of ties and calibration: bins, dependence, quantities, odd scorers."""

import numpy as np
import pandas as pd
import pytest
from odd_tables import odd_pairs
from scipy import optimize
from scipy.special import expit

from metaeval import MetaevalError, Pairs, Responses, bayes
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.margin_models.binned_counts import bin_counts, bins_for, fold_pairs
from metaeval.bayes.model_comparison import stacked
from metaeval.curves import link_functions


def pairs(d, label, items=None, ordered=False, **more):
    n = len(label)
    rows = pd.DataFrame({"item": np.arange(n) if items is None else items, "first": "a"})
    rows = rows.assign(second="b", order=np.arange(n).astype(str), **more)
    scores = pd.DataFrame({"s": d}) if np.ndim(d) == 1 else pd.DataFrame(d)
    return Pairs(rows, scores, pd.DataFrame({"h": label}), ordered=ordered)


def rao_kupper_labels(rng, u, t):
    x = rng.random(len(u))
    return np.where(x < expit(-u - t), -1.0, np.where(x > 1 - expit(u - t), 1.0, 0.0))


@pytest.mark.parametrize("n", [200, 1_000, 5_000, 20_000])
def test_bins_move_the_mode_by_less_than_a_tenth_of_its_deviation(n):
    rng = np.random.default_rng(n)
    d = rng.normal(size=n) * np.exp(rng.normal(size=n) * 0.7)
    y = rao_kupper_labels(rng, 1.5 * d, 0.6)
    cell = fold_pairs(d, np.zeros((0, n)), y, np.arange(n), True, False)
    data = bin_counts([[cell]], 3, n)
    assert data.margin.shape[-1] <= 256

    def loss(theta, margin, number):
        chance = link_functions.rao_kupper(np.array([theta]), margin).chance[0]
        return -(number * np.log(np.maximum(chance, 1e-300))).sum()

    full = np.zeros((n, 3))
    full[np.arange(n), cell.outcome] = 1
    modes = [
        optimize.minimize(loss, [0.3, -0.5], args=a, method="BFGS").x
        for a in ((cell.margin, full), (data.margin[0, 0], data.counts[0, 0]))
    ]
    at = link_functions.rao_kupper(modes[0][None], cell.margin)
    info = np.einsum("rc,rck,rcl->kl", at.chance[0], at.slope[0], at.slope[0])
    sd = np.sqrt(np.diag(np.linalg.inv(info)))
    assert (np.abs(modes[1] - modes[0]) / sd).max() < 0.1


def test_few_levels_are_kept_exactly():
    rng = np.random.default_rng(0)
    d = rng.integers(-4, 5, 500).astype(float)
    cell = fold_pairs(
        d, np.zeros((0, 500)), np.sign(rng.normal(size=500)), np.arange(500), False, False
    )
    data = bin_counts([[cell]], 2, 500)
    used = data.counts[0, 0].sum(axis=-1) > 0
    assert sorted(data.margin[0, 0][used]) == [0, 1, 2, 3, 4]
    assert data.counts.sum() == 500


def test_bins_grow_with_rows_and_stop():
    found = [bins_for(n) for n in (1, 100, 1_000, 10_000, 10**6)]
    assert found == sorted(found) and found[0] == 32 and found[-1] == 256


def prepared_ties(table):
    return bayes.TieModel().prepare(table, DesignOptions())


def test_turning_pairs_round_changes_nothing():
    rng = np.random.default_rng(1)
    d, y = rng.normal(size=90), rng.integers(-1, 2, 90).astype(float)
    turn = np.where(rng.random(90) < 0.5, -1.0, 1.0)
    one, other = (prepared_ties(pairs(*x)).arrays for x in ((d, y), (turn * d, turn * y)))
    for name in ("margin", "counts"):
        assert one[name] == pytest.approx(other[name])


def test_repeated_rows_of_an_item_count_once():
    rng = np.random.default_rng(2)
    d = rng.normal(size=150)
    y = rao_kupper_labels(rng, d, 0.5)
    once = prepared_ties(pairs(d, y))
    ten = prepared_ties(
        pairs(np.repeat(d, 10), np.repeat(y, 10), items=np.repeat(np.arange(150), 10))
    )
    assert once.constant["design_effect"][1] == 1
    assert ten.constant["design_effect"][1] == pytest.approx(10, rel=0.1)
    assert ten.arrays["counts"].sum() == pytest.approx(150, rel=0.1)


def test_independent_rows_in_items_keep_nearly_all_they_say():
    rng = np.random.default_rng(3)
    d = rng.normal(size=2_000)
    y = rao_kupper_labels(rng, d, 0.5)
    found = prepared_ties(pairs(d, y, items=np.repeat(np.arange(200), 10)))
    assert 1 <= found.constant["design_effect"][1].item() < 1.3


def test_gaps_invert_the_curve_and_thresholds_are_the_closed_form(trees):
    tree = trees["calibration"]
    gap = bayes.summarize(tree, "gap", agreement=0.8)
    at = gap.row("good", task="big")["estimate"]
    curve = bayes.posterior_predictive(tree, [at]).set_index(["scorer", "task", "outcome"])
    assert curve.loc[("good", "big", "agree"), "probability"] == pytest.approx(0.8, abs=0.03)
    tie = trees["ties"]
    latent = bayes.tie_threshold(
        tie["posterior"]["slope"].to_numpy(), tie["posterior"]["threshold"].to_numpy()
    )
    scale = tie["constant_data"]["scale"].to_numpy()[:, None]
    assert tie["posterior"]["epsilon"].to_numpy() == pytest.approx(latent * scale)


def test_gaps_of_the_spline_invert_it_too(table):
    few = {"n_chains": 2, "n_draws": 100, "check": False}
    tree = bayes.fit(bayes.CalibrationModel(form="spline"), table, **few)
    gap = bayes.summarize(tree, "gap", agreement=0.75)
    place = gap.frame.query("scorer == 'good' and task == 'big' and baseline.isna()").index[0]
    draws = gap.draws[:, place]
    from metaeval.bayes.margin_models.posterior_curves import outcome_log_probs

    scorer, task = list(table.scorers).index("good"), 0
    where = np.zeros((5, 3, len(draws)))
    where[scorer, task] = draws
    chance = np.exp(outcome_log_probs(tree, where))[..., 1].reshape(len(draws), 5, 3, len(draws))
    own = chance[np.arange(len(draws)), scorer, task, np.arange(len(draws))]
    assert own[np.isfinite(draws)] == pytest.approx(0.75, abs=5e-3)


def test_odd_scorers_have_finite_posteriors_and_are_named(trees):
    for model, quantity in (("ties", "threshold"), ("calibration", "slope")):
        result = bayes.summarize(trees[model], quantity)
        own = result.frame[result.frame["baseline"].isna()]
        assert np.isfinite(own[["estimate", "lower", "upper"]]).all(axis=None)
        said = " ".join(result.meta.warnings)
        assert (
            "constant is constant" in said
            and "reversed: labels are not positively associated" in said
        )
    slope = trees["calibration"]["posterior"]["log_slope"].sel(scorer="constant", task="big")
    assert slope.std() > 0.7  # the prior's


def test_order_and_covariates_are_coefficients():
    rng = np.random.default_rng(4)
    n = 1_500
    d, length = rng.normal(size=(2, n))
    y = np.where(rng.random(n) < expit(1.5 * d + 0.4 - 0.6 * length), 1.0, -1.0)
    table = pairs(d, y, ordered=True, length_delta=length)
    tree = bayes.fit(
        bayes.CalibrationModel(covariates=["length_delta"]), table, n_draws=500, check=False
    )
    bias = bayes.summarize(tree, "bias").row("s")
    owed = bayes.summarize(tree, "bias", covariate="length_delta").row("s")
    assert bias["lower"] < -0.4 < bias["upper"]  # labels favour the first, margins do not
    assert owed["lower"] < -0.6 < owed["upper"]
    with pytest.raises(MetaevalError, match=r"no difference column 'width_delta'.*length_delta"):
        bayes.fit(bayes.CalibrationModel(covariates=["width_delta"]), table)


def test_what_makes_no_sense_is_refused(table, trees):
    calm = table.keep_rows((table.labels["human"] != 0).to_numpy())
    tied = table.replace(labels=table.labels * 0)
    for model, wrong, said in (
        ("ties", calm, "tie model needs tied labels"),
        ("calibration", tied, "All labels are ties"),
    ):
        with pytest.raises(MetaevalError, match=said):
            bayes.fit(model, wrong)
    with pytest.raises(MetaevalError, match="is not one of"):
        bayes.fit(bayes.TieModel(form="rao_kuper"), table)
    for quantity, said in (("bias", "no bias"), ("miscalibration", "scale='log_odds'")):
        with pytest.raises(MetaevalError, match=said):
            bayes.summarize(trees["calibration"], quantity)
    with pytest.raises(MetaevalError, match=r"in \(0\.5, 1\)"):
        bayes.summarize(trees["calibration"], "gap", agreement=0.4)


def test_miscalibration_of_claimed_log_odds():
    rng = np.random.default_rng(5)
    d = rng.normal(size=2_000) * 2
    table = pairs(np.stack([d, 2 * d], axis=1), np.where(rng.random(2_000) < expit(d), 1.0, -1.0))
    tree = bayes.fit(
        bayes.CalibrationModel(form="temperature", scale="log_odds"), table, check=False
    )
    slope, off = (bayes.summarize(tree, q) for q in ("slope", "miscalibration"))
    assert slope.row("0")["estimate"] == pytest.approx(1, abs=0.1)
    assert slope.row("1")["estimate"] == pytest.approx(0.5, abs=0.05)
    true = np.abs(expit(2 * d) - expit(d)).mean()
    assert off.row("1")["lower"] < true < off.row("1")["upper"]
    assert off.row("0")["estimate"] < 0.02


def test_stacking_finds_the_mixture_and_the_better_model():
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(400, 2))
    found = stacked(logs)

    def loss(w):
        return -np.log(np.exp(logs) @ np.array([w, 1 - w])).sum()

    best = optimize.minimize_scalar(loss, bounds=(0, 1), method="bounded").x
    assert found[0] == pytest.approx(best, abs=1e-3)
    assert stacked(logs - np.array([[0, 5]]))[0] > 0.999


def test_models_of_one_table_are_weighed_and_others_refused(trees, table):
    other = bayes.fit(bayes.TieModel(form="davidson"), table, n_draws=500, check=False)
    found = bayes.compare_models({"rao_kupper": trees["ties"], "davidson": other})
    assert found["weight"].sum() == pytest.approx(1)
    assert found["difference"].iloc[0] == 0 and (found["worst_k"] < 0.7).all()
    with pytest.raises(MetaevalError, match="same rows"):
        bayes.compare_models({"ties": trees["ties"], "calibration": trees["calibration"]})


def absolute(rng, n=1_500, each=1):
    """Probabilities of single responses, and labels by a beta map of them."""
    p = rng.beta(1.5, 1.2, n)
    true = expit(0.6 * np.log(p) - 1.1 * np.log1p(-p) + 0.2)
    rows = pd.DataFrame({"item": np.arange(n) // each, "response": np.arange(n).astype(str)})
    label = (rng.random(n) < true).astype(float)
    return Responses(rows, pd.DataFrame({"s": p}), pd.DataFrame({"h": label})), p, true


def test_beta_calibration_finds_its_map():
    table, p, true = absolute(np.random.default_rng(6))
    tree = bayes.fit(bayes.CalibrationModel(form="beta"), table)
    posterior = tree["posterior"]
    slope, tilt = (posterior[n].to_numpy().reshape(-1) for n in ("slope", "asymmetry"))
    for draws, known in ((slope * np.exp(tilt), 0.6), (slope * np.exp(-tilt), 1.1)):
        assert np.quantile(draws, 0.005) < known < np.quantile(draws, 0.995)
    curve = bayes.posterior_predictive(tree, np.log(p[:20] / (1 - p[:20])))
    found = curve[curve["outcome"] == "agree"]["probability"].to_numpy()
    assert found == pytest.approx(true[:20], abs=0.07)
    off = bayes.summarize(tree, "miscalibration").row("s")
    assert off["lower"] < np.abs(true - p).mean() < off["upper"]
    assert (bayes.posterior_predictive(tree)["quantity"] == "event_rate").all()


def test_beta_calibration_is_for_probabilities_of_single_responses():
    table, *_ = absolute(np.random.default_rng(7), 40)
    rated = table.replace(labels=table.labels * 3 + 1)
    with pytest.raises(MetaevalError, match="positive_from="):
        bayes.fit(bayes.CalibrationModel(form="beta"), rated)
    with pytest.raises(MetaevalError, match="single responses"):
        bayes.fit(bayes.CalibrationModel(form="beta"), odd_pairs())
    with pytest.raises(MetaevalError, match="form='beta'"):
        bayes.fit(bayes.CalibrationModel(positive_from=1), odd_pairs())
    tree = bayes.fit(
        bayes.CalibrationModel(form="beta", positive_from=4), rated, check=False, n_draws=100
    )
    with pytest.raises(MetaevalError, match="has no gap"):
        bayes.summarize(tree, "gap")


def test_labels_at_margins_of_nothing_count_half_for_each_side():
    d, y = np.array([0.0, 0.0, 1.0, -1.0]), np.array([1.0, 1.0, 1.0, 1.0])
    counts = bayes.CalibrationModel().prepare(pairs(d, y), DesignOptions()).arrays["counts"][0, 0]
    assert sorted(counts.sum(axis=-1)[counts.sum(axis=-1) > 0]) == [2, 2]
    assert (counts.min(axis=-1)[counts.sum(axis=-1) > 0] == 1).all()


def test_copies_of_a_scorer_make_none_of_them_surer():
    """All scorers share the labels, whose chance must not count once for each of them."""
    rng = np.random.default_rng(8)
    d = rng.normal(size=400)
    y = np.where(rng.random(400) < expit(1.5 * d), 1.0, -1.0)
    copies = d[:, None] + 0.01 * rng.normal(size=(400, 5))
    spread = [
        bayes.summarize(bayes.fit("calibration", pairs(x, y), n_draws=1000), "slope").row(name)[
            "se"
        ]
        for x, name in ((d, "s"), (copies, "0"))
    ]
    assert spread[1] == pytest.approx(spread[0], rel=0.15)


def test_gaps_beyond_all_margins_are_named_and_chance_stands_beside_miscalibration():
    rng = np.random.default_rng(9)
    d = rng.normal(size=2_000) * 0.3
    table = pairs(d, np.where(rng.random(2_000) < expit(d), 1.0, -1.0))
    tree = bayes.fit(
        bayes.CalibrationModel(form="temperature", scale="log_odds"), table, check=False
    )
    assert "exceed all observed margins" in " ".join(bayes.summarize(tree, "gap").meta.notes)
    off = bayes.summarize(tree, "miscalibration").row("s")
    assert 0.2 < off["estimate"] / off["expected_if_calibrated"] < 3

"""Files of chosen and rejected responses: what naive code claims, and what is found instead."""

import importlib

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import MetaevalError, calibration
from metaeval.curves import decompose, isotonic_fit
from metaeval.statistics import BY_NAME

OVERCONFIDENT = 3.0  # times the log odds that labels follow


def chosen_and_rejected(seed=0, n_items=300, each=1, extreme=OVERCONFIDENT):
    """Pairs whose first response is the preferred one throughout; margins are log odds."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.normal(size=n_items), each) + rng.normal(size=n_items * each)
    turn = np.where(rng.random(len(truth)) < 1 / (1 + np.exp(-truth)), 1, -1)
    rows = pd.DataFrame({"item": np.repeat(np.arange(n_items), each), "first": "chosen"})
    rows["second"] = [f"rejected {k}" for k in range(len(rows))]
    scores = pd.DataFrame({"a": extreme * truth * turn, "b": truth * turn})
    return me.Pairs(rows, scores, pd.DataFrame({"human": np.ones(len(rows))}))


def value(table, statistic, scorer="a"):
    return me.evaluate(table, statistic, n_resamples=200).row(scorer)


# The constant label


def test_plain_isotonic_regression_finds_nothing_wrong_and_ours_does():
    table = chosen_and_rejected()
    p = 1 / (1 + np.exp(-table.scores["a"].to_numpy()))
    plain = decompose(p, np.ones(len(p)))
    assert plain.uncertainty == 0 and (isotonic_fit(p, np.ones(len(p)), p) == 1).all()
    row = value(table, "miscalibration(scale=log_odds)")
    assert row["estimate"] > 2 * row["expected_if_calibrated"] and row["lower"] > 0
    assert value(table, "uncertainty(scale=log_odds)")["estimate"] == 0.25


def test_a_map_fitted_to_the_constant_label_would_be_certain_and_ours_is_not():
    table = chosen_and_rejected()
    for name in ("margin_link", "lapse_link", "isotonic", "monotone_spline", "venn_abers"):
        fit = getattr(calibration, name).fit(table, scorers=["a"])
        right = table.scores["a"].to_numpy() > 0
        assert fit.forecasts["a"].to_numpy()[~right].max() <= 0.5
        assert np.abs(fit(np.array([1.0, 2.0])) + fit(np.array([-1.0, -2.0])) - 1).max() < 1e-9
        assert value(table, f"brier(calibrator={name})")["estimate"] > 0.1


@pytest.mark.parametrize(
    "name", ["smooth_ece", "ece", "ece_debiased", "brier", "log_loss", "recalibration_gain"]
)
def test_no_measure_finds_the_overconfident_scorer_calibrated(name):
    table = chosen_and_rejected()
    worse, ideal = (value(table, f"{name}(scale=log_odds)", scorer) for scorer in "ab")
    perfect = 0.0 if np.isnan(worse["expected_if_calibrated"]) else worse["expected_if_calibrated"]
    assert worse["lower"] > (0.0 if name in ("ece", "smooth_ece") else perfect)
    assert worse["estimate"] > ideal["estimate"]
    if not np.isnan(ideal["expected_if_calibrated"]):
        assert abs(ideal["estimate"] - ideal["expected_if_calibrated"]) < 4 * ideal["se"]


def test_slopes_are_those_of_the_truth():
    table = chosen_and_rejected(1, 4_000)
    assert value(table, "cox_slope(scale=log_odds)", "b")["estimate"] == pytest.approx(1, abs=0.1)
    row = value(table, "cox_slope(scale=log_odds)")
    assert row["estimate"] == pytest.approx(1 / OVERCONFIDENT, abs=0.03)
    for name in ("cox_intercept", "calibration_in_the_large"):
        with pytest.raises(MetaevalError, match="0 by symmetry"):
            me.evaluate(table, f"{name}(scale=log_odds)")


def test_tests_and_curves_see_the_overconfidence():
    table = chosen_and_rejected()
    for test in (calibration.spiegelhalter, calibration.cumulative):
        result = test(table, forecast="log_odds")
        assert result.row("a")["p_value"] < 0.001 < 0.01 < result.row("b")["p_value"]
    curve = calibration.reliability(table, forecast="log_odds", scorers=["a"], n_resamples=100)
    assert (curve["confidence_upper"] < curve["forecast"]).any()
    assert (curve["recalibrated"] < 1).any()


def paired_statistics():
    refused = {"cox_intercept", "calibration_in_the_large"}
    return sorted({f"{n}(scale=log_odds)" for n in FORECASTS if n not in refused})


FORECASTS = (
    *("brier", "log_loss", "miscalibration", "discrimination", "uncertainty", "smooth_ece"),
    *("ece", "ece_debiased", "cox_slope", "sharpness", "recalibration_gain", "auroc", "aurc"),
    *("augrc", "coverage_at", "cox_intercept", "calibration_in_the_large"),
)


@pytest.mark.parametrize("name", paired_statistics())
def test_which_response_is_written_first_changes_nothing(name):
    assert name.split("(")[0] in BY_NAME
    table = chosen_and_rejected(2, 120)
    turn = np.where(np.random.default_rng(0).random(len(table)) < 0.5, -1, 1)
    swapped = table.rows.assign(
        first=np.where(turn > 0, table.rows["first"], table.rows["second"]),
        second=np.where(turn > 0, table.rows["second"], table.rows["first"]),
    )
    turned = me.Pairs(swapped, table.scores.mul(turn, axis=0), table.labels.mul(turn, axis=0))
    before, after = (me.evaluate(t, name, n_resamples=200).frame for t in (table, turned))
    columns = ["estimate", "lower", "upper", "se"]
    assert np.abs(before[columns] - after[columns]).max().max() < 1e-9


@pytest.mark.parametrize("name", [*paired_statistics(), "rps(scale=log_odds)"])
def test_tied_margins_are_ties_whichever_response_is_named_first(name):
    """expit(x) and 1 - expit(-x) differ in the last bit for x = 2, 2.5 and 3."""
    rng = np.random.default_rng(0)
    margin = rng.integers(-6, 7, 300) / 2
    label = np.where(rng.random(300) < 1 / (1 + np.exp(-margin)), 1.0, -1.0)
    tables = []
    for turn in (np.ones(300), np.where(margin < 0, -1.0, 1.0)):
        names = np.where(turn > 0, "a", "z"), np.where(turn > 0, "z", "a")
        rows = pd.DataFrame({"item": np.arange(300), "first": names[0], "second": names[1]})
        renamed = pd.DataFrame({"item": np.arange(300), "first": "a", "second": "z"})
        values = pd.DataFrame({"a": margin}), pd.DataFrame({"h": label})
        tables.append(me.Pairs(rows, *values))
        turned = (frame.mul(turn, axis=0) for frame in values)
        tables.append(me.Pairs(renamed, *turned))
    found = [value(table, name) for table in tables]
    for row in found[1:]:
        assert row[["estimate", "lower", "upper"]].tolist() == pytest.approx(
            found[0][["estimate", "lower", "upper"]].tolist(), abs=1e-12
        )


def test_parts_of_tied_margins_are_those_of_scikit_learn_on_both_orders():
    isotonic = importlib.import_module("sklearn.isotonic")
    rng = np.random.default_rng(0)
    margin = rng.integers(-6, 7, 300) / 2
    y = (rng.random(300) < 1 / (1 + np.exp(-margin))).astype(float)
    rows = pd.DataFrame({"item": np.arange(300), "first": "a", "second": "b"})
    table = me.Pairs(rows, pd.DataFrame({"a": margin}), pd.DataFrame({"h": 2 * y - 1}))
    both, twice = np.r_[margin, -margin], np.r_[y, 1 - y]
    fit = isotonic.IsotonicRegression().fit_transform(both, twice)
    p = 1 / (1 + np.exp(-both))
    worse = np.mean((p - twice) ** 2) - np.mean((fit - twice) ** 2)
    assert value(table, "miscalibration(scale=log_odds)")["estimate"] == pytest.approx(worse)
    curve = calibration.reliability(table, forecast="log_odds", n_resamples=100)
    assert len(curve) == len(np.unique(np.abs(margin)))


def test_rising_maps_leave_discrimination_alone_where_probabilities_round_to_one():
    table = chosen_and_rejected(3)
    for name in ("discrimination(scale=log_odds)", "discrimination(scale=log_odds,score=log)"):
        near, far = (
            value(table.map_scores(lambda x, k=k: k * x), name)["estimate"] for k in (1.0, 100.0)
        )
        assert far == pytest.approx(near, abs=1e-10)


def test_order_effects_are_seen_where_order_is_recorded_and_not_asked_for_elsewhere():
    rng = np.random.default_rng(4)
    margin = rng.logistic(size=4_000)
    label = np.where(rng.random(4_000) < 1 / (1 + np.exp(-margin - 1)), 1.0, -1.0)
    rows = pd.DataFrame({"item": np.arange(4_000), "first": "a", "second": "b"})
    frames = pd.DataFrame({"a": margin}), pd.DataFrame({"h": label})
    shown = me.Pairs(rows, *frames, ordered=True)
    row = value(shown, "cox_intercept(scale=log_odds)")
    assert row["lower"] < 1 < row["upper"] and row["lower"] > 0.5
    assert value(shown, "cox_slope(scale=log_odds)")["estimate"] == pytest.approx(1, abs=0.1)
    paragraph = me.evaluate(shown, "brier(scale=log_odds)").methods_paragraph()
    assert "in presentation order" in paragraph
    test = calibration.cumulative(shown, forecast="log_odds", n_resamples=200)
    assert test.row("a")["p_value"] < 0.01
    with pytest.raises(MetaevalError, match="ordered=True"):
        value(me.Pairs(rows, *frames), "cox_intercept(scale=log_odds)")
    constant = me.Pairs(rows, frames[0], abs(frames[1]), ordered=True)
    with pytest.raises(MetaevalError, match="All 4000 labels are 1"):
        value(constant, "brier(scale=log_odds)")


# Folds and units


@pytest.mark.parametrize("seed", range(3))
def test_folds_are_by_item_and_items_in_two_folds_would_flatter(seed):
    """Responses of an item share label and place: a map that saw some of them knows the others."""
    rng = np.random.default_rng(seed)
    item, system = np.divmod(np.arange(160), 10)
    label, place = (rng.permutation(16)[item] for _ in range(2))
    scores = pd.DataFrame({"a": place + rng.normal(size=160) * 0.01})
    labels = pd.DataFrame({"human": (label % 2).astype(float)})
    found = [
        value(
            me.Responses(rows, scores, labels, label_kind="rating"),
            "brier(calibrator=isotonic,positive_from=1)",
        )
        for rows in (
            pd.DataFrame({"item": item, "system": system}),
            pd.DataFrame({"item": np.arange(160), "system": system}),
        )
    ]
    by_item, by_row = (row["estimate"] for row in found)
    assert (
        by_item > 0.25
    )  # the scorer knows nothing of new items, and no constant forecast does worse
    assert by_row < 0.25  # naive: skill that is none


@pytest.mark.parametrize("name", paired_statistics())
def test_counting_pairs_in_either_order_never_shrinks_a_standard_error(name):
    """The same pairs written twice, once in either order, hold no more than once."""
    table = chosen_and_rejected(4, 100)
    rows = table.rows
    back = rows.assign(first=rows["second"].astype(str) + " again", second="chosen again")
    twice = me.Pairs(
        pd.concat([rows, back], ignore_index=True),
        pd.concat([table.scores, -table.scores], ignore_index=True),
        pd.concat([table.labels, -table.labels], ignore_index=True),
    )
    once, both = (me.evaluate(t, name, n_resamples=200).frame for t in (table, twice))
    # steps of one case are half as long
    tolerance = 1e-3 if name.startswith("aurc") else 1e-9
    assert np.abs(once["estimate"] - both["estimate"]).max() < tolerance
    assert (both["se"] >= once["se"] * (1 - 1e-9)).all()
    if name.startswith("brier"):  # the naive standard error of all rows as if independent
        p = 1 / (1 + np.exp(-table.scores["a"].to_numpy()))
        loss = np.r_[(p - 1) ** 2, (p - 1) ** 2]
        assert loss.std() / np.sqrt(len(loss)) < 0.75 * once["se"].iloc[0]


@pytest.mark.parametrize("name", paired_statistics())
def test_responses_of_one_item_do_not_pass_for_items(name):
    """Ten equal pairs of an item say what one says, and the standard error knows it."""
    table = chosen_and_rejected(5, 60)
    again = np.repeat(np.arange(60), 10)
    rows = table.rows.iloc[again].reset_index(drop=True)
    rows["second"] = [f"rejected {k}" for k in range(600)]
    tenfold = me.Pairs(
        rows,
        table.scores.iloc[again].reset_index(drop=True),
        table.labels.iloc[again].reset_index(drop=True),
    )
    once, many = (me.evaluate(t, name, n_resamples=200).frame for t in (table, tenfold))
    assert np.abs(once["estimate"] - many["estimate"]).max() < 0.02
    assert (many["se"] >= 0.8 * once["se"]).all()


@pytest.mark.parametrize("test", [calibration.spiegelhalter, calibration.cumulative])
def test_repeated_pairs_make_no_test_surer(test):
    rng = np.random.default_rng(6)
    margin = 0.4 * rng.logistic(size=80)
    right = rng.random(80) < 1 / (1 + np.exp(-np.abs(margin) * 0.7))

    def table(times):
        again = np.repeat(np.arange(80), times)
        rows = pd.DataFrame({"item": again, "first": "x"})
        rows["second"] = [f"y{k}" for k in range(len(rows))]
        label = np.where(right, 1.0, -1.0) * np.sign(margin)
        labels = pd.DataFrame({"human": label[again]})
        return me.Pairs(rows, pd.DataFrame({"a": margin[again]}), labels)

    p = [test(table(times), forecast="log_odds").row("a")["p_value"] for times in (1, 10)]
    assert p[0] > 0.01
    assert p[1] > p[0] / 2

"""Curves, gaps, ties, selection, policies and order: what is drawn is what the package computes."""

import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.testing.compare import compare_images

from metaeval import (
    MetaevalError,
    Pairs,
    bayes,
    calibration,
    compare,
    evaluate,
    load_example,
    statistics as st,
)
from metaeval.bayes.datatree import require_posterior
from metaeval.bayes.predictive_checks import outcome_rates
from metaeval.plots import _tie_policies, _win_tie_loss, save
from metaeval.plots._gap_to_agreement import gap_to_agreement
from metaeval.plots._order_bias import order_bias
from metaeval.plots._reliability import reliability
from metaeval.plots._risk_coverage import risk_coverage
from metaeval.plots._tie_curve import tie_curve
from metaeval.plots._tie_policies import tie_policies
from metaeval.plots._win_tie_loss import win_tie_loss
from metaeval.plots.theme import style
from metaeval.statistics import Forecast

BASELINES = Path(__file__).parent / "baseline"
FEW = {"n_resamples": 100}


@pytest.fixture(autouse=True)
def closed():
    with style("acl"):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def example():
    return load_example()


@pytest.fixture(scope="module")
def shown_in_order():
    """Pairs judged in both orders by a judge that favours the first, and by one that does not."""
    rng = np.random.default_rng(1)
    gap = rng.normal(size=150)
    rows = pd.DataFrame({"item": np.r_[range(150), range(150)], "first": "a", "second": "b"})
    rows.loc[150:, ["first", "second"]] = ["b", "a"]
    both = np.r_[gap, -gap]
    scores = {"biased": both + 0.6, "fair": both}
    noisy = pd.DataFrame({k: v + rng.normal(size=300) for k, v in scores.items()})
    side = np.where(rng.random(150) < 1 / (1 + np.exp(-2 * gap)), 1.0, -1.0)
    return Pairs(rows, noisy, pd.DataFrame({"human": np.r_[side, -side]}), ordered=True)


def line(ax, label_or_place):
    """Positions of one line of the axes."""
    return np.asarray(ax.lines[label_or_place].get_xydata())


# What is drawn is what the package computes.
def test_reliability_is_the_curve_of_the_package(example):
    options = {"forecast": "log_odds", "n_resamples": 100, "seed": 3}
    frame = reliability(example, ["judge", "reward"], return_data=True, **options)
    pd.testing.assert_frame_equal(
        frame, calibration.reliability(example, scorers=["judge", "reward"], **options)
    )
    ax = reliability(example, "reward", **options)
    own = frame[frame["scorer"] == "reward"].sort_values("forecast")
    assert np.allclose(line(ax, 1), own[["forecast", "recalibrated"]])
    assert ax.get_xlim()[0] < 0.5 < ax.get_xlim()[1]
    assert ax.get_xlabel().startswith("forecast probability that the higher-scored is")


def test_bars_below_count_all_cases(example):
    frame = reliability(example, "reward", forecast="log_odds", return_data=True, **FEW)
    ax = reliability(example, "reward", forecast="log_odds", **FEW)
    assert frame["n"].sum() == (example.pairs().labels["human"] != 0).sum()
    heights = np.array([bar.get_height() for bar in ax.patches])
    counts = np.histogram(frame["forecast"], np.linspace(0.5, 1, 21), weights=frame["n"])[0]
    assert np.allclose(heights / heights.max(), counts / counts.max())


def test_reliability_of_three_outcomes_has_two_curves(example):
    frame = reliability(
        example, "reward", forecast=Forecast(ties_as_outcome=True), return_data=True, **FEW
    )
    same = calibration.reliability(
        example, forecast=Forecast(ties_as_outcome=True), scorers=["reward"], **FEW
    )
    pd.testing.assert_frame_equal(frame, same)
    texts = [
        t.get_text()
        for t in reliability(example, "reward", forecast=Forecast(ties_as_outcome=True), **FEW)
        .get_legend()
        .get_texts()
    ]
    assert texts[:2] == ["win (or loss)", "tie"]


def test_reliability_of_single_labels_names_the_event(example):
    ax = reliability(example, "judge", forecast=Forecast(positive_from=3), **FEW)
    assert "label is at least 3" in ax.get_xlabel()
    assert ax.get_xlim()[0] < 0


def test_several_scorers_have_a_panel_each(example):
    ax = reliability(example, forecast="log_odds", **FEW)
    assert len(ax.child_axes) == len(example.scorers)
    titles = [panel.texts[0].get_text() for panel in ax.child_axes]
    assert titles == list(example.scorers)


def test_gaps_of_a_table_are_those_of_the_package(example):
    frame = gap_to_agreement(example, ["judge"], agreement=0.8, return_data=True, **FEW)
    result = calibration.gap_to_agreement(example, [0.8], scorers=["judge"], **FEW)
    for row in frame[frame["part"] == "gap"].itertuples():
        same = result.row("judge", task=row.task)
        assert (row.margin, row.lower, row.upper) == tuple(same[["estimate", "lower", "upper"]])
    curve = calibration.map_band(example, "lapse_link", scorers=["judge"], by="task", **FEW)
    own = frame[frame["part"] == "curve"].reset_index(drop=True)
    columns = ["scorer", "task", "margin", "agreement", "lower", "upper"]
    pd.testing.assert_frame_equal(own[columns], curve[columns], check_dtype=False)


def test_gaps_are_marked_where_they_are_and_never_is_said(example):
    frame = gap_to_agreement(example, "reward", agreement=0.9, return_data=True, **FEW)
    ax = gap_to_agreement(example, "reward", agreement=0.9, **FEW)
    gaps = frame[frame["part"] == "gap"].set_index("task")["margin"]
    points = [tuple(map(float, p.get_xdata())) for p in ax.lines if len(p.get_xdata()) == 1]
    assert any(np.isclose(gaps["news"], p[0]) for p in points if p)
    assert np.isinf(gaps["social"])
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts[1].startswith("social: not reached [")


def test_many_tasks_have_a_panel_each(example):
    frame = gap_to_agreement(example, "reward", return_data=True, **FEW)
    from metaeval.plots import _gap_to_agreement

    many = pd.concat([frame.assign(task=frame["task"] + str(i)) for i in range(3)])
    assert len(_gap_to_agreement._draw(many, 0.9, None).child_axes) == 6


def test_gaps_of_a_posterior_are_its_own(trees):
    tree = trees["calibration"]
    frame = gap_to_agreement(tree, ["good", "reversed"], agreement=0.8, return_data=True)
    result = bayes.summarize(tree, "gap", agreement=0.8)
    for row in frame[frame["part"] == "gap"].itertuples():
        same = result.row(row.scorer, task=row.task)
        assert (row.margin, row.lower, row.upper) == tuple(same[["estimate", "lower", "upper"]])
    labels = outcome_rates(tree, 0.95).query("outcome == 'agree' and scorer == 'good'")
    seen = frame.query("part == 'seen' and scorer == 'good'")
    assert np.allclose(seen["agreement"], labels["observed"])
    largest = frame.query("part == 'curve'").groupby(["scorer", "task"])["margin"].max()
    kept = tree["constant_data"]["largest_margin"].to_series()
    assert np.allclose(largest, kept.loc[largest.index])
    assert len(gap_to_agreement(tree, ["good", "reversed"]).child_axes) == 2


def test_thresholds_are_those_of_the_package(example):
    options = {"points": 6, "n_resamples": 200}
    frame = tie_curve(example, ["reward"], return_data=True, **options)
    curve = calibration.threshold_curve(example, scorers=["reward"], **options)
    own = frame[frame["part"] == "curve"].reset_index(drop=True)
    columns = ["epsilon", "accuracy", "lower", "upper", "tie_rate", "plateau"]
    pd.testing.assert_frame_equal(own[columns], curve[columns])
    for folds, part in ((None, "in-sample"), (20, "cross-fitted")):
        asked = {"scorers": ["reward"], "n_resamples": 200}
        result = evaluate(example, st.tie_calibrated_accuracy(n_folds=folds), **asked)
        row = frame[frame["part"] == part].iloc[0]
        assert row["epsilon"] == result.meta.details[0]["epsilon"]
        assert row["accuracy"] == pytest.approx(result.row("reward")["estimate"])
    ax = tie_curve(example, "reward", **options)
    assert np.allclose(line(ax, 0), own[["epsilon", "accuracy"]])


def test_a_posterior_of_ties_is_shown_below_the_curve(table, trees):
    frame = tie_curve(table, ["good"], tree=trees["ties"], points=5, return_data=True, **FEW)
    row = frame[frame["part"] == "posterior"].iloc[0]
    same = bayes.summarize(trees["ties"], "epsilon").row("good")
    assert tuple(row[["epsilon", "lower", "upper"]]) == tuple(same[["estimate", "lower", "upper"]])
    ax = tie_curve(table, "good", tree=trees["ties"], points=5, **FEW)
    assert ax.get_xlim()[1] > same["upper"]
    assert "posterior threshold" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_shares_of_outcomes_are_those_of_the_posterior(trees):
    frame = win_tie_loss(trees["ties"], "good", return_data=True)
    whole = outcome_rates(trees["ties"], 0.95)
    pd.testing.assert_frame_equal(
        frame.drop(columns="task"), whole[whole["scorer"] == "good"].drop(columns="task")
    )
    ax = win_tie_loss(trees["ties"], ["good", "constant"])
    assert len(ax.child_axes) == 6
    big = frame[(frame["task"] == "big") & (frame["outcome"] == "win")].sort_values("margin")
    panel = next(p for p in ax.child_axes if p.texts[0].get_text() == "good, big")
    assert np.allclose(line(panel, 1), big[["margin", "observed"]])


def test_risks_are_one_less_the_accuracies_of_the_package(example):
    frame = risk_coverage(example, ["judge", "reward"], return_data=True)
    whole = calibration.risk_coverage(example, scorers=["judge", "reward"])
    whole = whole[whole["coverage"] >= 0.05]
    judge = whole[whole["scorer"] == "judge"]
    own = frame[frame["scorer"] == "judge"]
    assert np.allclose(own["risk"], judge["risk"])
    assert np.allclose(own["upper"], 1 - judge["lower"])
    rest, reward = (f[f["scorer"] == "reward"] for f in (frame, whole))
    assert len(rest) <= 402 < len(reward)
    assert set(rest["threshold"]) <= set(reward["threshold"])
    assert (rest["coverage"].iloc[0], rest["coverage"].iloc[-1]) == (
        reward["coverage"].iloc[0],
        1.0,
    )
    ax = risk_coverage(example, ["judge", "reward"])
    assert np.allclose(line(ax, 0), own[["coverage", "risk"]])
    assert not ax.child_axes
    assert len(risk_coverage(example).child_axes) == 5


def test_ranks_are_those_of_the_leagues(example):
    frame = tie_policies(example, return_data=True, **FEW)
    names = list(frame["statistic"].unique())
    assert names == [
        *("pairwise_accuracy(ties=acc-eq)", "tie_calibrated_accuracy(n_folds=20)"),
        *("pairwise_accuracy(ties=strict)", "pairwise_accuracy(ties=half)"),
    ]
    result = compare(example, names, **FEW)
    for name in names:
        leaderboard = result.leaderboard(name)
        own = frame[frame["statistic"] == name]
        assert list(own["scorer"]) == list(leaderboard["scorer"])
        assert list(own["rank"]) == [1, 2, 3, 4, 5]
        assert (
            own[["rank_low", "rank_high"]].to_numpy() == leaderboard[["rank_low", "rank_high"]]
        ).all(axis=None)
    ax = tie_policies(example, **FEW)
    first = frame[frame["statistic"] == names[0]]["scorer"].iloc[0]
    ranks = frame[frame["scorer"] == first].set_index("statistic").loc[names, "rank"]
    assert np.allclose(line(ax, 0)[:, 1], ranks)
    assert [t.get_text() for t in ax.get_xticklabels()] == names


def test_policies_follow_the_labels():
    rows = pd.DataFrame({"item": np.repeat(range(8), 3), "response": list("abc") * 8})
    label = np.tile([1, 0, 0], 8)
    scores = pd.DataFrame(np.random.default_rng(0).normal(size=(24, 2)), columns=["x", "y"])
    from metaeval import Responses

    right = Responses(rows, scores, pd.DataFrame({"gold": label}), label_kind="correct")
    names = [s.name for s in _tie_policies._policies(right)]
    assert names[2:] == [f"best_of_n(ties={t})" for t in ("strict", "split", "lenient")]
    assert len(names) == 5
    assert len(_tie_policies._policies(right.pairs())) == 2


def test_a_bias_above_0_favours_what_was_shown_first(shown_in_order):
    frame = order_bias(shown_in_order, scale="log_odds", return_data=True, **FEW)
    result = evaluate(shown_in_order, st.cox_intercept("log_odds"), **FEW)
    for row in frame.itertuples():
        labels = -result.row(row.scorer)[["estimate", "upper", "lower"]]
        assert (row.estimate, row.lower, row.upper) == tuple(labels)
    assert list(frame["scorer"]) == ["biased", "fair"]
    assert frame["lower"][0] > 0 > frame["lower"][1]
    ax = order_bias(shown_in_order, scale="log_odds", **FEW)
    assert np.allclose(sorted(line(ax, 1)[:, 0]), sorted(frame["estimate"]))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["biased", "fair"]


def test_bias_of_a_posterior_is_its_own(trees):
    tree = require_posterior(trees["calibration"]).copy()
    slopes = tree["posterior"]["slope_typical"]  # draws that stand in for those of a bias
    tree["posterior"] = tree["posterior"].to_dataset().assign(bias=slopes)
    frame = order_bias(tree, ["good", "chance"], return_data=True)
    result = bayes.summarize(tree, "bias")
    assert list(frame["scorer"]) == ["good", "chance"]
    for row in frame.itertuples():
        same = result.row(row.scorer)
        assert (row.estimate, row.lower, row.upper) == tuple(same[["estimate", "lower", "upper"]])


# What cannot be drawn is said in one sentence.
@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda t: reliability(3), "reliability expected a .* table, got int; read one"),
        (lambda t: risk_coverage("t"), "risk_coverage expected a .* table, got str"),
        (lambda t: tie_policies(None), "tie_policies expected a .* table, got NoneType"),
        (lambda t: reliability(t, "jugde"), "no scorer 'jugde'.* Did you mean 'judge'"),
        (lambda t: gap_to_agreement(t, agreement=1.2), "agreement=1.2 must be a number between"),
        (lambda t: gap_to_agreement(t, agreement=0.4), "agreement must be between 0.5 and 1, got"),
        (
            lambda t: tie_policies(t, ["judge"]),
            "requires at least two scorers, got 1 \\('judge'\\)",
        ),
        (
            lambda t: tie_policies(t, statistics=["cox_slope"]),
            "higher or lower values are better, got cox_slope",
        ),
        (lambda t: order_bias(t), "requires pairs in the order in which responses were shown"),
        (lambda t: order_bias(t.pairs()), "read them with ordered=True"),
        (lambda t: win_tie_loss(t), "win_tie_loss expected a posterior, got a table; fit one with"),
        (lambda t: win_tie_loss(3), "Expected a posterior from metaeval.bayes.fit, got int"),
        (
            lambda t: reliability(t, "judge", forecast="log_odds", ax=3, **FEW),
            "ax must be matplotlib axes.*got 3",
        ),
    ],
)
def test_errors_are_sentences_that_say_what_to_type(example, draw, message):
    with pytest.raises(MetaevalError, match=message) as caught:
        draw(example)
    assert "\n" not in str(caught.value)


def test_posteriors_of_other_models_are_refused(trees):
    with pytest.raises(MetaevalError, match="of the ties model, got one of the calibration"):
        win_tie_loss(trees["calibration"])
    with pytest.raises(MetaevalError, match="of the calibration model, got one of the ties"):
        gap_to_agreement(trees["ties"])
    with pytest.raises(MetaevalError, match=r"no scorer 'god'.* Did you mean 'good'"):
        win_tie_loss(trees["ties"], "god")
    with pytest.raises(MetaevalError, match="no scorer 'god'"):
        gap_to_agreement(trees["calibration"], "god")
    with pytest.raises(MetaevalError, match="This posterior has no bias"):
        order_bias(trees["ties"])
    with pytest.raises(
        MetaevalError, match="seed=1 applies only to tables, but gap_to_agreement got a posterior"
    ):
        gap_to_agreement(trees["calibration"], seed=1)


# Figures as files.
def made_shares():
    """Shares of outcomes as a posterior might have them."""
    margin = np.linspace(0, 2, 10)
    win, loss = 1 / (1 + np.exp(1 - 2 * margin)), 1 / (1 + np.exp(1 + 2 * margin))
    frames = [
        pd.DataFrame({"scorer": "judge", "task": None, "margin": margin, "outcome": name}).assign(
            observed=p + 0.03 * np.cos(9 * margin), predicted=p, lower=p - 0.08, upper=p + 0.08
        )
        for name, p in (("win", win), ("loss", loss), ("tie", 1 - win - loss))
    ]
    return pd.concat(frames, ignore_index=True)


FIGURES = {
    "reliability": lambda t, o: reliability(t, ["judge", "reward"], forecast="log_odds", **FEW),
    "gap_to_agreement": lambda t, o: gap_to_agreement(t, "reward", agreement=0.8, **FEW),
    "tie_curve": lambda t, o: tie_curve(t, "reward", points=12, **FEW),
    "win_tie_loss": lambda t, o: _win_tie_loss._draw_shares(made_shares(), None, 0.95),
    "risk_coverage": lambda t, o: risk_coverage(t, ["judge", "reward"]),
    "tie_policies": lambda t, o: tie_policies(t, **FEW),
    "order_bias": lambda t, o: order_bias(o, scale="log_odds", **FEW),
}


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or matplotlib.__version_info__ < (3, 11),
    reason="images are compared on Python 3.11 and Matplotlib 3.11 or newer",
)
@pytest.mark.parametrize("name", list(FIGURES))
def test_figures_look_as_they_did(example, shown_in_order, name, tmp_path):
    with matplotlib.rc_context({"savefig.dpi": 100}):
        _, png = save(FIGURES[name](example, shown_in_order), tmp_path / name)
    assert compare_images(str(BASELINES / f"{name}.png"), str(png), tol=2) is None


@pytest.mark.parametrize("name", ["tie_policies", "risk_coverage"])
def test_files_hold_their_fonts_and_no_date(example, shown_in_order, name, tmp_path):
    pdf, _ = save(FIGURES[name](example, shown_in_order), tmp_path / name)
    content = pdf.read_bytes()
    assert b"/Type3" not in content
    assert re.search(rb"/Subtype\s*/(Type0|TrueType)", content)
    assert b"CreationDate" not in content

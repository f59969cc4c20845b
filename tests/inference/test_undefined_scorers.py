"""One scorer that is constant, empty, or scored on other rows does not decide on the others."""

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import MetaevalError, Pairs, Responses, bayes, calibration
from metaeval.cli.terminal import as_text
from metaeval.statistics import (
    Forecast,
    auroc,
    brier,
    cox_slope,
    kendall,
    pairwise_accuracy,
    pearson,
    spearman,
    system_pearson,
)

FEW = {"n_resamples": 200}
TABLE = me.load_example().drop_scorers("reward_v2", "length_biased")


def with_constant(table, value=1.0):
    return table.with_scorer("flat", pd.Series(value, index=table.rows.index))


def others(frame, name):
    found = frame[(frame["scorer"] != name) & (frame["baseline"] != name)]
    return found.reset_index(drop=True)


@pytest.mark.parametrize(
    "statistic",
    [
        pearson(),
        pearson("item"),
        spearman("system"),
        kendall("b"),
        kendall("b", grouping="none"),
        system_pearson(),
        auroc(Forecast(positive_from=3)),
        brier(Forecast(rows="responses", positive_from=3)),
        cox_slope(Forecast(rows="responses", positive_from=3, scale="log_odds")),
    ],
    ids=lambda statistic: statistic.name,
)
@pytest.mark.parametrize("by", [None, "task"])
def test_a_constant_scorer_is_named_and_the_others_are_compared(statistic, by):
    expected = me.compare(TABLE, statistic, by=by, **FEW)
    found = me.compare(with_constant(TABLE), statistic, by=by, **FEW)
    requested = [r.frame[r.frame["statistic"] == statistic.name] for r in (found, expected)]
    pd.testing.assert_frame_equal(others(requested[0], "flat"), requested[1], check_dtype=False)
    first = found.meta.warnings[0]
    assert "is undefined for flat (constant scores: flat): excluded" in first
    own = found.row("flat")
    assert own[["estimate", "lower", "upper"]].isna().all()
    leaderboard = found.leaderboard()
    assert leaderboard["scorer"].iloc[-1] == "flat" and leaderboard["letters"].iloc[-1] == ""
    ranks = ["rank_low", "rank_high", "letters"]
    pd.testing.assert_frame_equal(
        leaderboard[ranks].iloc[:-1], expected.leaderboard()[ranks], check_dtype=False
    )
    assert found.draws.shape[1] == found.frame["baseline"].isna().sum()
    for text in (as_text(found), found.to_markdown(), found.to_latex(), found.to_html()):
        assert "flat" in text and "nan" not in text.lower()
    assert me.Result.from_json(found.to_json()).row("flat")["scorer"] == "flat"


@pytest.mark.parametrize("missing", ["common", "pairwise"])
def test_an_empty_scorer_is_named_and_the_others_are_compared(missing):
    empty = TABLE.with_scorer("silent", pd.Series(np.nan, index=TABLE.rows.index))
    expected = me.compare(TABLE, "pairwise_accuracy", missing=missing, **FEW)
    found = me.compare(empty, "pairwise_accuracy", missing=missing, **FEW)
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert found.meta.warnings[0] == "silent has no score on any row with a label: excluded"


@pytest.mark.parametrize("missing", ["common", "pairwise"])
@pytest.mark.parametrize("unit", ["item", "cluster"])
def test_a_scorer_with_scores_of_one_unit_is_named_and_the_others_compared(unit, missing):
    first = TABLE.rows[unit] == TABLE.rows[unit].iloc[0]
    first &= TABLE.rows["task"] == TABLE.rows["task"].iloc[0]
    table = TABLE.with_scorer("once", TABLE.scores["judge"].where(first))
    options = {"missing": missing, "resample": unit, **FEW}
    expected = me.compare(TABLE, "pairwise_accuracy", **options)
    found = me.compare(table, "pairwise_accuracy", **options)
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert any(
        w.startswith(f"once has scores on only one {unit}: excluded") for w in found.meta.warnings
    )


def test_scorers_that_share_one_item_are_named():
    place = TABLE.item_codes
    scores = TABLE.scores.assign(low=TABLE.scores["judge"].where(place < 3))
    scores["high"] = TABLE.scores["judge"].where(place > 1)
    with pytest.raises(MetaevalError, match=r"at least 2 items, got 1.*exclude (low|high)"):
        me.compare(TABLE.replace(scores=scores), "pairwise_accuracy", resample="item", **FEW)


def test_all_that_are_undefined_are_still_refused():
    table = with_constant(TABLE).keep_scorers(["flat"])
    with pytest.raises(MetaevalError, match="'flat' is constant"):
        me.evaluate(table, pearson(), **FEW)
    both = with_constant(TABLE).keep_scorers(["flat", "judge"])
    alone = me.compare(both, pearson(), **FEW)
    assert alone.row("judge")["estimate"] == me.evaluate(TABLE, pearson()).row("judge")["estimate"]
    with pytest.raises(MetaevalError, match="undefined for the baseline 'flat'"):
        me.compare(with_constant(TABLE), pearson(), baseline="flat", **FEW)
    with pytest.raises(MetaevalError, match="No row with a label has a score from"):
        me.evaluate(TABLE.replace(scores=TABLE.scores * np.nan), **FEW)


def test_the_bayesian_bootstrap_leaves_it_out_too():
    found = bayes.bayesian_bootstrap(with_constant(TABLE), pearson(), n_draws=100)
    expected = bayes.bayesian_bootstrap(TABLE, pearson(), n_draws=100)
    pd.testing.assert_frame_equal(others(found.frame, "flat"), expected.frame, check_dtype=False)


def test_a_judge_that_gave_no_verdict_warns_of_nothing_else():
    rows = pd.DataFrame({"item": range(40), "first": "a", "second": "b"})
    sign = np.random.default_rng(0).choice([-1.0, 1.0], (40, 3))
    scores = pd.DataFrame(sign[:, :2], columns=["j", "k"]).assign(silent=np.nan)
    table = Pairs(rows, scores, pd.DataFrame({"h": sign[:, 2]}))
    result = me.compare(table, **FEW)
    assert "silent has no score" in result.meta.warnings[0]
    tied = table.alignment.scorers.set_index("name")["tied_pairs"]
    assert np.isnan(tied["silent"]) and tied["j"] == 0


# Scores on different rows.
def on_different_rows(n=300):
    """a is a little worse than b, and has no scores on the harder half."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=3 * n)
    hard = np.repeat(np.arange(n) % 2 == 0, 3)
    noise = np.where(hard, 2.0, 0.4)
    b = quality + noise * rng.normal(size=3 * n)
    scores = {"a": np.where(hard, np.nan, b + 0.1 * rng.normal(size=3 * n)), "b": b}
    scores["c"] = b + rng.normal(size=3 * n)
    rows = pd.DataFrame({"item": np.repeat(range(n), 3), "system": list("xyz") * n})
    labels = pd.DataFrame({"h": quality})
    return Responses(rows, pd.DataFrame(scores), labels, label_kind="rating")


def test_values_on_different_rows_do_not_rank():
    table = on_different_rows()
    result = me.compare(table, "pairwise_accuracy", missing="pairwise", **FEW)
    common = me.compare(table, "pairwise_accuracy", missing="common", **FEW)
    assert result.row("a")["estimate"] > result.row("b")["estimate"] + 0.1
    assert result.row("a", "b")["estimate"] == pytest.approx(common.row("a", "b")["estimate"])
    assert result.row("a", "b")["estimate"] < 0
    leaderboard = result.leaderboard()
    assert (
        leaderboard["scorer"].tolist() == common.leaderboard()["scorer"].tolist() == ["b", "a", "c"]
    )
    assert leaderboard["n_rows"].tolist() == [900, 450, 900]
    first = result.meta.warnings[0]
    assert first.startswith(
        "values are computed on different rows (a: 450, b: 900) and cannot be used to rank"
    )
    for text in (as_text(result), result.to_markdown(), result.to_latex(), result.to_html()):
        assert "rows" in text and "450" in text
    assert as_text(result).startswith(first)


def test_order_beside_a_baseline_is_by_differences_from_it():
    table = on_different_rows()
    a, b = table.scores["a"], table.scores["b"]
    noise = np.random.default_rng(1).normal(size=len(table))
    table = table.replace(scores=table.scores.assign(c=(a + 0.3 * noise).fillna(-b)))
    result = me.compare(table, "pairwise_accuracy", baseline="c", missing="pairwise", **FEW)
    gaps = {name: result.row(name, "c")["estimate"] for name in "ab"}
    assert gaps["b"] > gaps["a"] > 0  # a has more right, of the easier half
    assert result.row("a")["estimate"] > result.row("b")["estimate"]
    assert result.leaderboard()["scorer"].tolist() == ["b", "a", "c"]


def test_own_values_alone_say_so_too():
    table = on_different_rows()
    result = me.evaluate(table, "pairwise_accuracy", missing="pairwise", **FEW)
    assert result.meta.warnings[0].endswith("use compare")
    assert "n_rows" in result.leaderboard()
    complete = me.compare(table.drop_scorers("a"), "pairwise_accuracy", missing="pairwise", **FEW)
    assert "n_rows" not in complete.leaderboard()
    assert not any("different rows" in w for w in complete.meta.warnings)


def test_two_scorers_without_common_rows_stop_no_others():
    table = on_different_rows()
    easy = table.scores["a"].notna()
    scores = table.scores.assign(d=table.scores["b"].mask(easy))
    table = table.replace(scores=scores)
    result = me.compare(table, "pairwise_accuracy", missing="pairwise", **FEW)
    assert any("a and d are not compared" in w for w in result.meta.warnings)
    assert np.isfinite(result.row("b", "d")["p_value"])
    with pytest.raises(MetaevalError, match="a and d are not compared"):
        me.compare(table, "pairwise_accuracy", scorers=["a", "d"], missing="pairwise", **FEW)


def test_accuracies_that_are_defined_for_constants_keep_them():
    found = me.evaluate(with_constant(TABLE), pairwise_accuracy("acc-eq"), **FEW)
    assert 0 <= found.row("flat")["estimate"] < 1


@pytest.mark.parametrize(
    "verb",
    [
        lambda t: calibration.reliability(
            t, forecast=Forecast(scale="log_odds", rows="pairs"), **FEW
        ),
        lambda t: calibration.gap_to_agreement(t, [0.7], **FEW).frame,
        lambda t: calibration.threshold_curve(t, points=4, **FEW),
        lambda t: calibration.margin_link.fit(t).parameters,
        lambda t: calibration.risk_coverage(t),
    ],
    ids=["reliability", "gap_to_agreement", "threshold_curve", "margin_link", "risk_coverage"],
)
def test_calibration_leaves_a_constant_scorer_out(verb):
    found, expected = verb(with_constant(TABLE)), verb(TABLE)
    pd.testing.assert_frame_equal(found, expected)
    if "notes" in found.attrs:
        assert (
            "calibration is undefined for constant scorers: flat excluded" in found.attrs["notes"]
        )

"""Calibration as users meet it: names on the command line, refusals, JSON, settled readings."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from single_values import named

import metaeval as me
from metaeval import MetaevalError, calibration
from metaeval.cli import cli
from metaeval.results import tables_of
from metaeval.statistics import BY_NAME, Forecast

FORECASTS = (
    *("brier", "log_loss", "rps", "miscalibration", "discrimination", "uncertainty", "smooth_ece"),
    *("ece", "ece_debiased", "cox_slope", "cox_intercept", "calibration_in_the_large", "auroc"),
    *("sharpness", "recalibration_gain", "aurc", "augrc", "coverage_at"),
)
LONG = ("--labels", "human", "--n-resamples", "100")


def run(*args, code=0):
    result = CliRunner().invoke(cli, [str(a) for a in args])
    assert result.exit_code == code, (result.exit_code, result.output, result.exception)
    return result.output


def written(path, scores, label, each=1):
    """A file of responses, `each` of an item, with one more scorer."""
    n = len(label)
    scores = {"other": np.random.default_rng(9).uniform(0.1, 0.9, n), **scores}
    frame = pd.DataFrame({"item": np.arange(n) // each, "system": np.arange(n) % each})
    frame.assign(**scores, human=label).to_csv(path, index=False)
    return path


def probabilities(n=60, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return p, (rng.random(n) < p).astype(float)


def test_compare_takes_calibration_measures_like_any_other(tmp_path):
    me.load_example().to_frame().to_csv(tmp_path / "scores.csv", index=False)
    text = run("compare", tmp_path / "scores.csv", *LONG, "--statistic", "brier,smooth_ece,slope")
    for name in ("brier", "smooth_ece", "cox_slope"):
        assert name in text
    for scorer in me.load_example().scorers:
        assert scorer in text
    assert "if calibrated" in text


@pytest.mark.parametrize("name", [n for n in FORECASTS if n != "rps"])
def test_every_statistic_by_name_and_back_from_json(name, tmp_path):
    p, y = probabilities()
    path = written(tmp_path / "p.csv", {"m": p, "o": p**2}, y)
    out = tmp_path / "r.json"
    options = ("--statistic", f"{name}(positive_from=1)", "--output-format", "json", "-o", out)
    run("compare", path, *LONG, *options)
    result = me.Result.from_json(out.read_text())
    assert me.Result.from_json(result.to_json()).to_json() == result.to_json()
    assert result.statistics[0].startswith(f"{name}(")
    assert np.isfinite(result.frame["estimate"]).all()


@pytest.mark.parametrize("name", FORECASTS)
def test_every_statistic_says_what_it_is_and_of_what(name):
    given = {"positive_from": 3, "rows": "responses"} if name != "rps" else {}
    made = named(name, **given)
    result = me.evaluate(me.load_example(), made, scorers=["judge"], n_resamples=100)
    said = result.methods_paragraph()
    if name != "rps":
        assert "the label is at least 3" in said
        native = named(name, scale="log_odds", **given)
        both = me.evaluate(me.load_example(), native, scorers=["judge"], n_resamples=100)
        assert "log odds" in both.methods_paragraph()
        ranked = name in ("auroc",)
        assert ("only through their ranks" if ranked else "mapped by platt") in said
    assert result.row("judge")["status"] in ("exact", "approximate")


# One sentence and exit code 2


def told(*args):
    return " ".join(run("compare", *args, *LONG).split())


def refused(*args, command="compare"):
    text = run(command, *args, *LONG, code=2)
    assert "Traceback" not in text and text.count("\n") <= 6
    return " ".join(text.split())


@pytest.mark.parametrize("name", [n for n in FORECASTS if n != "rps"])
def test_native_scores_outside_0_and_1(name, tmp_path):
    p, y = probabilities()
    path = written(tmp_path / "s.csv", {"m": 3 * p}, y)
    text = refused(path, "--statistic", f"{name}(scale=probability)")
    assert "between 0 and 1" in text and "scale='log_odds'" in text


@pytest.mark.parametrize("name", [n for n in FORECASTS if n != "rps"])
def test_one_label_value_on_absolute_labels(name, tmp_path):
    path = written(tmp_path / "s.csv", {"m": probabilities()[0]}, np.ones(60))
    text = refused(path, "--statistic", f"{name}(scale=probability)")
    assert "All 60 labels are 1" in text


@pytest.mark.parametrize("name", [n for n in FORECASTS if n != "rps"])
def test_a_constant_scorer(name, tmp_path):
    path = written(tmp_path / "s.csv", {"m": np.full(60, 0.5)}, probabilities()[1])
    alone = ("--scorers", "m")
    asked = ("--statistic", f"{name}(scale=probability)")
    assert "whose scores are constant" in refused(path, *asked, *alone, command="evaluate")
    assert "undefined for m (constant scores: m): excluded" in told(path, *asked)
    pairs = written(tmp_path / "t.csv", {"m": np.full(60, 0.5)}, probabilities()[1], each=2)
    if name not in ("cox_intercept", "calibration_in_the_large"):
        asked = ("--statistic", f"{name}(rows=pairs)")
        assert "whose margins are all 0" in refused(pairs, *asked, *alone, command="evaluate")
        assert "undefined for m (constant scores: m): excluded" in told(pairs, *asked)


@pytest.mark.parametrize("name", [n for n in FORECASTS if n not in ("rps", "auroc")])
def test_fewer_items_than_folds(name, tmp_path):
    path = written(tmp_path / "s.csv", {"m": probabilities(3)[0]}, np.array([0.0, 1.0, 1.0]))
    assert "folds" in refused(path, "--statistic", f"{name}(positive_from=1)")


@pytest.mark.parametrize(
    ("statistic", "said"),
    [
        ("brier(scale=maybe)", "scale"),
        ("brier(rows=systems)", "rows"),
        ("brier(calibrator=platypus)", "calibrator"),
        ("brier(calibrator=platt,scale=log_odds)", "omit one of the two"),
        ("brier(calibrator=margin_link,positive_from=1)", "calibrator"),
        ("brier(calibrator=rao_kupper)", "calibrator"),
        ("ece(bins=0)", "bins"),
        ("ece(binning=equal)", "binning"),
        ("log_loss(clip=2)", "clip"),
        ("miscalibration(score=spherical)", "score"),
        ("brier(n_folds=1)", "folds"),
        ("brier(ties_as_outcome=4)", "ties_as_outcome"),
        ("auroc(grouping=task)", "grouping"),
        ("auroc(grouping=item,rows=pairs)", "same item, which pairs already do"),
        ("coverage_at(accuracy=1.5)", "accuracy"),
        ("cox_intercept(rows=pairs)", "symmetry"),
        ("brier(scale=probability,rows=pairs)", "difference of two probabilities"),
        ("brier(positive_from=9)", "All"),
        ("brier(positive_from=a)", "positive_from"),
        ("brier(ties_as_outcome=True,rows=responses)", "applies to pairs only"),
        ("brier(scale=1)", "scale"),
        ("brier(scale=log_odds,n_folds=3)", "n_folds=3 needs"),
        ("log_loss(clip=a)", "clip"),
        ("ece(bins=1000000000)", "bins"),
        ("brier(average=pairs,positive_from=1)", "average"),
    ],
)
def test_arguments_that_do_not_fit_are_named(statistic, said, tmp_path):
    p, y = probabilities()
    path = written(tmp_path / "s.csv", {"m": p}, y, each=2)
    text = refused(path, "--statistic", statistic)
    assert any(word in text for word in said.split("|")), text


def test_separated_labels_have_no_slope_and_certain_forecasts_no_log_loss(tmp_path):
    p = np.linspace(0.1, 0.9, 20)
    path = written(tmp_path / "s.csv", {"m": p}, (p > 0.5).astype(float))
    assert "infinite" in refused(path, "--statistic", "cox_slope(scale=probability)")
    wrong = written(tmp_path / "t.csv", {"m": np.r_[0.0, p[1:]]}, np.r_[1.0, np.zeros(19)])
    assert "clip=1e-6" in refused(wrong, "--statistic", "log_loss(scale=probability)")
    assert "exactly 0 or 1" in refused(wrong, "--statistic", "cox_slope(scale=probability)")


@pytest.mark.parametrize(
    "call",
    [
        lambda t: calibration.spiegelhalter(t),
        lambda t: calibration.risk_coverage("table.csv"),
        lambda t: calibration.largest_coverage(t, 1.2),
        lambda t: calibration.gap_to_agreement(t, 0.4),
        lambda t: calibration.gap_to_agreement(t, []),
        lambda t: calibration.map_band(t, "isotonic"),
        lambda t: calibration.reliability(t, n_resamples=3),
        lambda t: calibration.reliability(t, forecast="log_odds", confidence=95),
        lambda t: calibration.margin_link.fit(t, n_folds=1),
        lambda t: calibration.margin_link.fit(t, n_folds=500),
        lambda t: calibration.beta.fit(t, positive_from=3),
        lambda t: calibration.scale_fragility(t.pairs()),
        lambda t: calibration.accuracy_and_calibration(t, "brier", "brier"),
        lambda t: calibration.reliability(t, forecast=Forecast(positive_from="a")),
        lambda t: calibration.reliability(
            t, forecast=Forecast(ties_as_outcome=True, rows="responses")
        ),
        lambda t: calibration.rao_kupper.fit(t, rows="responses"),
        lambda t: calibration.platt.fit(t, positive_from=float("nan")),
        lambda t: calibration.spiegelhalter(t, forecast=Forecast(positive_from=[1])),
        lambda t: calibration.cumulative(t, forecast="log_odds", seed="a"),
        lambda t: calibration.reliability(t, seed=-1),
        lambda t: calibration.risk_coverage(t, seed=1.5),
        lambda t: calibration.largest_coverage(t, starts=None),
        lambda t: calibration.map_band(t, at=["a"]),
        lambda t: calibration.map_band(t, at=[[1, 2]]),
        lambda t: calibration.map_band(t, at=[np.nan]),
        lambda t: calibration.map_band(t, at=[]),
        lambda t: calibration.gap_to_agreement(t, None),
        lambda t: calibration.gap_to_agreement(t, scorers=5),
        lambda t: me.evaluate(t, "brier", scorers=5),
        lambda t: calibration.scale_fragility(5),
        lambda t: calibration.margin_link.fit(t, scorers=["judge"])(["a"]),
        lambda t: calibration.margin_link.fit(t, scorers=["judge"]).interval(1.0),
        lambda t: calibration.decompose(0.5, 1),
        lambda t: calibration.decompose(["a"], [1]),
        lambda t: calibration.honest_band([], []),
        lambda t: calibration.honest_band([0.1, 0.2], [0, 2]),
        lambda t: calibration.honest_band([0.1, np.nan], [0, 1]),
        lambda t: calibration.honest_band([0.1, 0.2], [0, 1], unit=[1]),
        lambda t: calibration.honest_band([0.1, 0.2], [0, 1], confidence=2),
    ],
)
def test_functions_refuse_in_one_sentence(call):
    with pytest.raises(MetaevalError) as error:
        call(me.load_example())
    assert 20 < len(str(error.value)) < 600


# What results say


@pytest.mark.parametrize("name", ["spiegelhalter", "cumulative"])
def test_tests_by_task_have_a_row_of_all_cases_and_every_form(name):
    table, test = me.load_example(), getattr(calibration, name)
    result, whole = test(table, forecast="log_odds", by="task"), test(table, forecast="log_odds")
    tasks = sorted(set(table.rows["task"]))
    assert sorted(result.frame["task"].dropna().unique()) == tasks
    for task in (None, tasks[0]):
        p = result.row("judge", task=task)["p_value"]
        assert f"{p:.3f}".lstrip("0") in result.to_markdown(task=task)
        assert f"{p:.3f}".lstrip("0") in result.to_latex(task=task)
        assert len(result.leaderboard(task=task)) == len(table.scorers)
    assert result.row("judge")["p_value"] == whole.row("judge")["p_value"]
    assert "Holm's method" in result.methods_paragraph()
    assert "interval" not in result.signature and f"test:{name}" in result.signature
    with pytest.raises(MetaevalError, match="by construction"):
        test(table, forecast="score")


def test_signatures_tell_apart_what_changes_a_number():
    table = me.load_example()
    few = {"scorers": ["judge"], "n_resamples": 100}
    signatures = [
        calibration.cumulative(table, forecast="log_odds", **few).signature,
        calibration.cumulative(table, forecast="log_odds", seed=1, **few).signature,
        calibration.cumulative(
            table, forecast=Forecast(scale="log_odds", positive_from=3, rows="responses"), **few
        ).signature,
        calibration.gap_to_agreement(table, 0.8, **few).signature,
        calibration.gap_to_agreement(table, 0.8, calibrator="margin_link", **few).signature,
        calibration.reliability(table, **few).attrs["signature"],
        calibration.reliability(table, forecast="log_odds", **few).attrs["signature"],
        calibration.map_band(table, **few).attrs["signature"],
        calibration.map_band(table, "lapse_link", **few).attrs["signature"],
        calibration.risk_coverage(table, scorers=["judge"]).attrs["signature"],
        calibration.largest_coverage(
            table, forecast=Forecast(positive_from=3), scorers=["judge"]
        ).attrs["signature"],
        calibration.largest_coverage(
            table, 0.8, forecast=Forecast(positive_from=3), scorers=["judge"]
        ).attrs["signature"],
        calibration.reliability(table, forecast=Forecast(ties_as_outcome=True), **few).attrs[
            "signature"
        ],
        calibration.accuracy_and_calibration(table, n_resamples=100).attrs["signature"],
    ]
    assert len(set(signatures)) == len(signatures)


def test_gaps_of_all_rows_are_no_means_over_tasks():
    result = calibration.gap_to_agreement(me.load_example(), 0.8, n_resamples=100)
    assert "means over" not in result.methods_paragraph()
    assert "all rows together" in next(t for t, *_ in tables_of(result))
    assert result.row("judge")["status"] == "approximate"


def test_every_table_says_which_statistic_and_what_if_calibrated():
    result = me.compare(me.load_example(), "brier(scale=log_odds),cox_slope", n_resamples=100)
    for name in ("brier(scale=log_odds)", "cox_slope"):
        assert name.replace("_", r"\_") in result.to_markdown(name)
        assert f"% {name}" in result.to_latex(name)
    assert "Expected if calibrated" in result.to_latex() and "if calibrated" in result.to_markdown()
    assert "rank" in result.to_markdown() and "rank" not in result.to_markdown("cox_slope")


def test_gaps_without_end_are_never_enough_and_other_numbers_are_infinite():
    rng = np.random.default_rng(5)
    margin, task = rng.normal(size=1_800), np.repeat(["x", "y", "z"], 600)
    slope = np.repeat([20.0, 1.0, 0.3], 600)
    label = np.where(rng.random(1_800) < 1 / (1 + np.exp(-slope * margin)), 1.0, -1.0)
    rows = pd.DataFrame({"task": task, "item": np.arange(1_800), "first": "a", "second": "b"})
    scores = pd.DataFrame({"m": margin, "turned": -margin})
    table = me.Pairs(rows, scores, pd.DataFrame({"h": label}))
    result = calibration.gap_to_agreement(table, 0.8, n_resamples=100)
    gaps, ratios = (result.to_markdown(name) for name in result.statistics)
    assert "| not reached |" in gaps and "not reached" not in ratios
    for text in (result.to_html("scale_ratio"), result.to_latex("scale_ratio"), ratios):
        assert "nan" not in text.lower()
    assert np.isinf(result.row("turned")["estimate"])
    assert "score scales are not compared between tasks; 3 tasks without" in " ".join(
        result.meta.notes
    )


def test_curves_say_what_their_forecasts_are():
    table = me.load_example()
    for scale, said in (("score", "mapped by margin_link"), ("log_odds", "log odds")):
        curve = calibration.reliability(table, forecast=scale, scorers=["judge"], n_resamples=100)
        assert any(said in note for note in curve.attrs["notes"])


def test_perfect_forecasts_and_a_kind_of_map_by_itself(tmp_path):
    p, y = probabilities()
    rows = pd.DataFrame({"item": np.arange(60)})
    scores = pd.DataFrame({"perfect": y, "fair": p})
    table = me.Responses(rows, scores, pd.DataFrame({"h": y}), label_kind="rating")
    losses = me.evaluate(table, "log_loss(scale=probability)", n_resamples=100)
    assert losses.row("perfect")["estimate"] == 0 < losses.row("fair")["estimate"]
    by_kind, by_name = (
        BY_NAME["brier"](Forecast(calibrator=m)) for m in (calibration.isotonic, "isotonic")
    )
    assert by_kind.name == by_name.name == "brier(calibrator=isotonic)"


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_the_scale_of_scores_does_not_matter_however_far(factor):
    table = me.load_example().keep_scorers(["judge"])
    far = table.map_scores(lambda x: x * factor)
    for name in (
        "brier",
        "brier(calibrator=lapse_link)",
        "brier(calibrator=monotone_spline)",
        "brier(positive_from=3)",
    ):
        before, after = (me.evaluate(t, name, n_resamples=100).row("judge") for t in (table, far))
        assert after["estimate"] == pytest.approx(before["estimate"], rel=1e-6), name
    gaps = [
        calibration.gap_to_agreement(t, 0.8, n_resamples=100).row("judge")["estimate"]
        for t in (table, far)
    ]
    assert gaps[1] == pytest.approx(gaps[0] * factor, rel=1e-6)


# Readings


def test_which_cases_count_is_settled_by_the_table():
    ratings, p, y = me.load_example(), *probabilities(60)
    rows = pd.DataFrame({"item": np.arange(60)})
    single = me.Responses(rows, pd.DataFrame({"m": p}), pd.DataFrame({"h": y}), label_kind="rating")
    for table, options, over in (
        (ratings, {}, "pairs"),
        (ratings, {"positive_from": 3}, "responses"),
        (single, {}, "responses"),
        (single, {"scale": "probability"}, "responses"),
    ):
        made = BY_NAME["brier"](Forecast(**options)).settled(table)
        assert made.estimand.rows == over, options
    assert BY_NAME["auroc"]().settled(ratings).estimand.rows == "pairs"  # ratings of 1 to 5
    assert BY_NAME["auroc"]().settled(single).estimand.rows == "responses"


def test_a_pair_table_of_probability_margins_is_native():
    rng = np.random.default_rng(1)
    p = rng.random(100)
    rows = pd.DataFrame({"item": np.arange(100), "first": "a", "second": "b"})
    label = np.where(rng.random(100) < p, 1.0, -1.0)
    pairs = me.Pairs(rows, pd.DataFrame({"m": 2 * p - 1}), pd.DataFrame({"h": label}))
    row = me.evaluate(pairs, "brier(scale=probability)", n_resamples=100).row("m")
    assert row["estimate"] == pytest.approx(np.mean((p - (label > 0)) ** 2))
    wide = me.Pairs(rows, pd.DataFrame({"m": 3 * p}), pd.DataFrame({"h": label}))
    with pytest.raises(MetaevalError, match="2p - 1"):
        me.evaluate(wide, "brier(scale=probability)")


def test_shares_of_raters_are_labels_and_their_own_noise_is_counted():
    rng = np.random.default_rng(2)
    p = rng.random(80)
    share = rng.binomial(5, p) / 5
    rows = pd.DataFrame({"item": np.arange(80)})
    table = me.Responses(
        rows, pd.DataFrame({"m": p}), pd.DataFrame({"h": share}), label_kind="rating"
    )
    row = me.evaluate(table, "brier(scale=probability)", n_resamples=100).row("m")
    assert row["estimate"] == pytest.approx(np.mean((p - share) ** 2 + share * (1 - share)))


def test_three_outcomes_of_a_file_without_ties_are_two():
    rng = np.random.default_rng(3)
    margin = rng.logistic(size=90)
    label = np.where(rng.random(90) < 1 / (1 + np.exp(-margin)), 1.0, -1.0)
    rows = pd.DataFrame({"item": np.arange(90), "first": "a", "second": "b"})
    pairs = me.Pairs(rows, pd.DataFrame({"m": margin}), pd.DataFrame({"h": label}))
    two, three, rps = (
        me.evaluate(pairs, name, n_resamples=100).row("m")["estimate"]
        for name in (
            "brier(scale=log_odds)",
            "brier(scale=log_odds,ties_as_outcome=True)",
            "rps(scale=log_odds)",
        )
    )
    assert rps == pytest.approx(two)
    assert three == pytest.approx(2 * two)  # the squared error of the win and that of the loss


def test_the_module_comes_when_it_is_asked_for():
    import subprocess
    import sys

    code = (
        "import sys, metaeval; print('metaeval.calibration' in sys.modules); metaeval.calibration"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

"""The gate: outcomes, exit codes, what it refuses, and what it says of items that do not count."""

import functools

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import metaeval as me
from metaeval import MetaevalError
from metaeval.cli import cli
from metaeval.planning.ci_gate import position_of_interval
from metaeval.resampling import classical_tests
from metaeval.statistics import Forecast, brier, cox_slope, pairwise_accuracy

OPTIONS = {"statistic": pairwise_accuracy("half"), "n_resamples": 500}


def pairs(n, accuracies, seed=0, items=None):
    """Pairs whose first response is the better one, and scorers that see that so often."""
    rng = np.random.default_rng(seed)
    right = rng.random((n, len(accuracies))) < np.array(list(accuracies.values()))
    rows = pd.DataFrame({"item": np.arange(n) if items is None else items, "first": "a"})
    scores = pd.DataFrame(2.0 * right - 1, columns=list(accuracies))
    return me.Pairs(rows.assign(second="b"), scores, pd.DataFrame({"h": np.ones(n)}), ordered=True)


def written(table, path):
    """A table as a wide file."""
    wide = [part.reset_index(drop=True) for part in (table.rows, table.scores, table.labels)]
    pd.concat(wide, axis=1).to_csv(path, index=False)
    return str(path)


TABLE = pairs(400, {"good": 0.85, "fair": 0.80, "poor": 0.60})


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"new": "good", "baseline": "poor"}, 0),
        ({"new": "poor", "baseline": "good"}, 1),
        ({"new": "good", "baseline": "fair"}, 3),
        ({"new": "good", "baseline": "poor", "superiority_margin": 0.1}, 0),
        ({"new": "good", "baseline": "poor", "superiority_margin": 0.5}, 1),
        ({"new": "fair", "baseline": "good", "non_inferiority_margin": 0.15}, 0),
        ({"new": "poor", "baseline": "good", "non_inferiority_margin": 0.05}, 1),
        ({"new": "fair", "baseline": "good", "non_inferiority_margin": 0.02}, 3),
    ],
)
def test_outcomes_of_superiority_and_non_inferiority(asked, code, tmp_path):
    found = me.gate(TABLE, **OPTIONS, **asked)
    assert found.code == code
    assert found.outcome == position_of_interval(found.lower, found.upper, found.bound)
    assert f"Gate {found.outcome}" in found.sentence()
    path = written(TABLE, tmp_path / "scores.csv")
    named = [f"--{k.replace('_', '-')}" + ("" if v is True else f"={v}") for k, v in asked.items()]
    args = ["gate", path, "--labels", "h", "--statistic", "pairwise_accuracy(ties=half)"]
    run = CliRunner().invoke(cli, [*args, "--ordered", "--n-resamples", "500", *named])
    assert run.exit_code == code, run.output
    assert found.sentence() in run.output and found.result.signature in run.output


def test_open_outcomes_say_what_it_takes():
    found = me.gate(TABLE, new="good", baseline="fair", **OPTIONS)
    assert found.detectable == found.result.row("good", "fair")["mde"]
    assert found.needed == np.ceil(400 * (found.detectable / found.gain) ** 2)
    assert f"about {found.needed} items" in found.sentence()
    assert "80% power" in found.sentence()


@pytest.mark.parametrize("margin", [0.0, 0.03])
def test_the_gate_with_t_intervals_is_the_one_sided_test(margin):
    """Against `non_inferior`, which stands beside TOST, at half of 1 - confidence."""
    for seed in range(12):
        table = pairs(120, {"new": 0.8, "old": 0.8}, seed=seed)
        options = OPTIONS | {"interval": "t", "non_inferiority_margin": margin or None}
        found = me.gate(table, new="new", baseline="old", **options)
        row = found.result.row("new", "old")
        p = classical_tests.non_inferior(row["estimate"], row["se"], margin, 119)
        assert (found.outcome == "met") == (p < 0.025)


def won_and_lost(n, won, lost):
    """Pairs on which the new scorer alone is right, or the old one alone, or both are."""
    right = np.ones((n, 2))
    right[:won, 1] = right[won : won + lost, 0] = 0
    rows = pd.DataFrame({"item": np.arange(n), "first": "a", "second": "b"})
    scores = pd.DataFrame(2.0 * right - 1, columns=["new", "old"])
    return me.Pairs(rows, scores, pd.DataFrame({"h": np.ones(n)}), ordered=True)


@pytest.mark.parametrize(
    ("n", "won", "lost", "margin", "outcome"),
    [
        (400, 3, 0, None, "inconclusive"),
        (400, 0, 3, None, "inconclusive"),
        (400, 12, 0, None, "met"),
        (30, 1, 0, 0.001, "inconclusive"),
        (100, 1, 0, 0.01, "inconclusive"),
        (4_000, 1, 4, 0.01, "met"),
        (4_000, 2, 60, 0.01, "not met"),
        (4_000, 2, 45, 0.01, "inconclusive"),
    ],
)
def test_few_differences_bear_out_no_more_than_exact_bounds_do(n, won, lost, margin, outcome):
    options = OPTIONS if margin is None else OPTIONS | {"non_inferiority_margin": margin}
    found = me.gate(won_and_lost(n, won, lost), new="new", baseline="old", **options)
    assert found.outcome == outcome, found.sentence()
    if outcome == "inconclusive" and not found.lower <= found.bound <= found.upper:
        assert (
            "but the scorers differ on too few items for the test to confirm this"
            in found.sentence()
        )


def test_a_loss_as_large_as_the_margin_is_seldom_accepted():
    """Wins of 1 %, losses of 3 %, margin .02: at most .025 of gates are met, and not by much."""
    options = OPTIONS | {"non_inferiority_margin": 0.02, "n_resamples": 200}

    @functools.cache  # many of the samples are alike
    def is_met(won, lost):
        table = won_and_lost(100, won, lost)
        return me.gate(table, new="new", baseline="old", **options).code == 0

    samples = np.random.default_rng(0).multinomial(100, [0.01, 0.03, 0.96], size=120)
    met = sum(is_met(won, lost) for won, lost, _ in samples.tolist() if won + lost)
    assert met <= 7  # probability .02 if it were .025


def test_a_gain_that_is_the_bound_needs_no_number_of_items():
    options = OPTIONS | {"superiority_margin": 0.01, "interval": "t"}
    found = me.gate(won_and_lost(100, 1, 0), new="new", baseline="old", **options)
    assert found.outcome == "inconclusive" and found.needed is None


def test_low_values_are_gains_where_low_is_good():
    rng = np.random.default_rng(0)
    n = 300
    truth = rng.random(n)
    label = (rng.random(n) < truth).astype(float)
    rows = pd.DataFrame({"item": np.arange(n), "system": "s"})
    noisy = np.clip(truth + rng.normal(size=n) * 0.4, 0.01, 0.99)
    scores = pd.DataFrame({"sharp": truth, "noisy": noisy})
    table = me.Responses(rows, scores, pd.DataFrame({"h": label}), label_kind="correct")
    statistic = brier(Forecast(scale="probability", rows="responses"))
    found = me.gate(table, statistic, new="sharp", baseline="noisy", n_resamples=500)
    assert found.result.row("sharp", "noisy")["estimate"] < 0 < found.gain
    assert found.code == 0 and found.lower < found.gain < found.upper


def test_items_of_one_scorer_only_are_named():
    scores = TABLE.scores.copy()
    scores.loc[:6, "good"] = np.nan
    scores.loc[398:, "poor"] = np.nan
    found = me.gate(TABLE.replace(scores=scores), new="good", baseline="poor", **OPTIONS)
    assert "items scored only by poor, excluded: 0, 1, 2, 3, 4 and 2 more" in found.notes
    assert "items scored only by good, excluded: 398, 399" in found.notes
    wrong = me.gate(
        TABLE.replace(scores=scores),
        new="good",
        baseline="poor",
        missing="count_as_wrong",
        **OPTIONS,
    )
    assert "items scored only by good, counted as wrong: 398, 399" in wrong.notes


@pytest.mark.parametrize(
    ("table", "asked", "said"),
    [
        (TABLE.keep_rows(np.arange(400) < 29), {}, "at least 30 items.*share 29 items"),
        (pairs(50, {"good": 1.0, "poor": 1.0}), {}, "is the same for all 50 items"),
        (pairs(50, {"good": 1.0, "poor": 0.0}), {}, "is the same for all 50 items"),
        (TABLE, {"new": "god"}, "no scorer 'god'.*Did you mean 'good'"),
        (TABLE, {"new": "poor"}, "two different scorers"),
        (TABLE, {"non_inferiority_margin": 0}, "must be above 0"),
        (
            TABLE,
            {"superiority_margin": 0.1, "non_inferiority_margin": 0.1},
            r"superiority_margin= .* or non_inferiority_margin= .*not both",
        ),
        (TABLE, {"superiority_margin": -0.1}, "superiority_margin"),
        (TABLE, {"statistic": ["brier", "slope"]}, "one statistic, not a list"),
        (TABLE.replace(ordered=False), {"statistic": cox_slope()}, "neither higher nor lower"),
        (TABLE.rows, {}, "Expected a Responses or Pairs table"),
    ],
)
def test_what_cannot_be_told_is_refused(table, asked, said):
    with pytest.raises(MetaevalError, match=said):
        me.gate(table, **(OPTIONS | {"new": "good", "baseline": "poor"} | asked))


def test_refusals_are_exit_code_2(tmp_path):
    path = written(TABLE.keep_rows(np.arange(400) < 29), tmp_path / "few.csv")
    args = ["gate", path, "--labels", "h", "--ordered", "--new", "good", "--baseline", "poor"]
    run = CliRunner().invoke(cli, args)
    assert run.exit_code == 2 and "at least 30" in run.output
    run = CliRunner().invoke(cli, [*args, "--statistic", "brier,slope"])
    assert run.exit_code == 2 and "one statistic" in run.output

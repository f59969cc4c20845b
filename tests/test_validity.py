"""Simulations of coverage and size: what is drawn, what is counted, and a small grid."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks import skewed_differences
from benchmarks.validity import page, run, summaries
from benchmarks.validity.designs import GRID, Population, draw, noise_for, step_for
from metaeval.statistics import pairwise_accuracy, tie_calibrated_accuracy

SMALL = Population(name="small", n_items=40, accuracy=(0.6, 0.8))


def test_designs_have_distinct_names():
    assert len({population.name for population in GRID}) == len(GRID) > 70


@pytest.mark.parametrize("accuracy", [0.55, 0.75, 0.95])
def test_scorers_are_as_accurate_as_the_design_says(accuracy):
    drawn = draw(Population(name="a", accuracy=(accuracy, 0.6)), 4_000, np.random.default_rng(0))
    values = pairwise_accuracy().settled(drawn).value(drawn.pairs())
    np.testing.assert_allclose(values, [accuracy, accuracy, 0.6, 0.6], atol=0.012)
    assert noise_for(0.75) == pytest.approx(1.0)


@pytest.mark.parametrize("tie_rate", [0.3, 0.6])
def test_labels_are_tied_as_often_as_the_design_says(tie_rate):
    population = Population(name="t", tie_rate=tie_rate, n_systems=4)
    pairs = draw(population, 4_000, np.random.default_rng(0)).pairs()
    assert (pairs.labels == 0).to_numpy().mean() == pytest.approx(tie_rate, abs=0.01)
    assert step_for(0.0) == 0


SEVERAL = [population for population in GRID[::5] if population.n_systems > 1]


@pytest.mark.parametrize("population", SEVERAL, ids=lambda population: population.name)
def test_null_pairs_are_equally_good(population):
    """The first two and the last two scorers have the same accuracy, and the last are better."""
    pairs = draw(population, 1_500, np.random.default_rng(0)).pairs()
    statistic = pairwise_accuracy("half")
    whole = pairs.replace(scores=pairs.scores.fillna(0.0))
    a1, a2, b1, b2 = statistic.value(whole)
    assert abs(a1 - a2) < 0.05 and abs(b1 - b2) < 0.05 and min(b1, b2) > max(a1, a2) - 0.03


def test_a_stopped_run_goes_on_and_gives_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "BLOCK", 3)
    monkeypatch.setattr(run, "GRID", (SMALL,))
    for folder, sets in (("once", ["6"]), ("twice", ["3"]), ("twice", ["6"])):
        monkeypatch.setattr("sys.argv", ["run", str(tmp_path / folder), "--sets", *sets])
        run.main()
    once, twice = (summaries.stored(tmp_path / folder, SMALL) for folder in ("once", "twice"))
    assert once.keys() == {"pairwise_accuracy", "system_accuracy"}
    for statistic, values in once.items():
        for quantity, array in values.items():
            np.testing.assert_array_equal(array, twice[statistic][quantity])


def test_defaults_hold_what_they_say_in_a_small_design(monkeypatch):
    monkeypatch.setattr(run, "BLOCK", 60)
    found = run.simulate(SMALL, 0)
    name = "pairwise_accuracy: "
    values = {k.removeprefix(name): v for k, v in found.items() if k.startswith(name)}
    rows = {(v.quantity, v.method): v for v in summaries.summarize(values)}
    for quantity in ("coverage of values", "coverage of differences", "joint coverage"):
        method = "simultaneous" if quantity == "joint coverage" else "default"
        fewest = stats.binom.ppf(0.001, 60, 0.95) / 60
        assert rows[quantity, method].value >= fewest
    assert rows["size", "t"].value <= stats.binom.ppf(0.999, 60, 0.05) / 60
    assert rows["power", "t"].value > 0.9 * rows["power", "oracle z"].value
    assert rows["interval and p disagree", "default"].value == 0
    assert 0.85 < rows["relative width of differences", "default"].value < 1.25


def test_coverage_is_counted_as_it_is():
    """Half of the intervals cover, and all p-values are below .05."""
    rng = np.random.default_rng(1)
    difference = rng.normal(size=(400, 6))
    covering = np.where(np.arange(400)[:, None] % 2, -9.0, 9.0)
    values = {
        "estimate": np.zeros((400, 4)),
        "difference": difference,
        "difference None": np.stack([np.full((400, 6), -10.0), covering + np.zeros((1, 6))], 1),
        "joint": np.stack([np.full((400, 6), -10.0), covering + np.zeros((1, 6))], 1),
        "p t": np.full((400, 6), 0.01),
        "p_adjusted t": np.full((400, 6), 0.2),
    }
    rows = {(v.quantity, v.method): v.value for v in summaries.summarize(values)}
    assert rows["coverage of differences", "default"] == rows["joint coverage", "simultaneous"]
    assert rows["coverage of differences", "default"] == 0.5
    assert rows["size", "t"] == rows["power", "t"] == 1
    assert rows["family-wise error rate", "t"] == 0
    assert rows["interval and p disagree", "default"] == 0.5
    assert rows["interval and adjusted p disagree", "simultaneous"] == 0.5


def test_p_values_of_skewed_differences_are_those_of_one_sample_tests():
    x = np.random.default_rng(0).exponential(size=(30, 20)) - 0.8
    expected = stats.ttest_1samp(x, 0.0).pvalue
    np.testing.assert_allclose(skewed_differences.t_p_values(x), expected, rtol=1e-9)
    flips = skewed_differences.flip_p_values(x)
    assert np.abs(flips - expected).max() < 0.1


def test_skewed_differences_are_printed(capsys):
    skewed_differences.main(40)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "design,items,sets,t,sign_flip,oracle_z,warned" and len(lines) == 27


def test_tie_calibration_is_measured_where_labels_are_tied():
    tied = Population(name="tied", tie_rate=0.3)
    assert isinstance(
        run.statistics_of(tied)["tie_calibrated_accuracy"], type(tie_calibrated_accuracy())
    )
    assert "tie_calibrated_accuracy" not in run.statistics_of(SMALL)


RESULTS = pd.read_csv(page.RESULTS)


def test_the_page_is_made_from_the_results():
    assert page.PAGE.read_text() == page.page(RESULTS)
    assert set(RESULTS["design"]) <= {population.name for population in GRID}


@pytest.mark.parametrize(
    "name", ["100 items, 10 pairs, 0.75 and 0.8", "100 items, 1 pairs, 0.55 and 0.65"]
)
def test_the_committed_results_are_those_of_the_code(name, monkeypatch):
    """A part of a design, simulated again, agrees within Monte Carlo error."""
    monkeypatch.setattr(run, "BLOCK", 40)
    [population] = [p for p in GRID if p.name == name]
    found = run.simulate(population, 900)
    prefix = "pairwise_accuracy: "
    values = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    stored = RESULTS[(RESULTS["design"] == name) & (RESULTS["statistic"] == "pairwise_accuracy")]
    stored = stored.set_index(["quantity", "method"])
    for value in summaries.summarize(values):
        row = stored.loc[value.quantity, value.method]
        error = row["mc_error"] * np.sqrt(1 + row["sets"] / 40)
        assert abs(value.value - row["value"]) < 4.5 * error + 1 / 40, value


def test_goals_that_are_missed_are_named():
    goal = page.GOALS[0]
    rows = {"design": "100 items", "statistic": "s", "quantity": goal.quantity, "method": "default"}
    results = pd.DataFrame(
        [rows | {"value": v, "mc_error": 0.005, "sets": 2000} for v in (0.9, 0.95)]
    )
    assert page.with_verdict(results, goal)["missed"].tolist() == [True, False]
    [line] = list(page.exceptions(results))
    assert line == "- 95% intervals of values, `s`: .900 (100 items)"
    few = results.assign(design="30 items", value=0.915)
    assert not page.with_verdict(few, goal)["missed"].any()

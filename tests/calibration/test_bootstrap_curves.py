"""Replicates are refits, influences are derivatives, and only ratios of weights matter."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from single_values import settled, value

import metaeval as me
from metaeval.calibration import bootstrap_curves, gap_to_agreement
from metaeval.calibration.cases import cases_by_stratum, prepare_design
from metaeval.curves import (
    cosines,
    fixed_point_bandwidth,
    link_functions,
    residuals_by_cell,
    symmetrize_cells,
)
from metaeval.inference import DesignOptions, Resampling
from metaeval.resampling import key_of, weight_blocks, weight_scheme
from metaeval.statistics import Reading, SumStatistic, cases_of

OVER = ["responses", "pairs"]
REFITTED = {  # nothing is held fixed in their replicates
    **{name: {} for name in ("brier", "log_loss", "sharpness", "cox_slope", "auroc", "augrc")},
    "ece": {"binning": "equal-width", "bins": 8},
    "coverage_at": {"accuracy": 0.7},
    "cox_intercept": {},
    "calibration_in_the_large": {},
}
INFLUENCES = {
    **{name: {} for name in ("cox_slope", "auroc", "aurc", "augrc")},
    "cox_intercept": {},
    "calibration_in_the_large": {},
}
ALL = {
    **REFITTED,
    **{name: {} for name in ("aurc", "smooth_ece", "ece_debiased", "miscalibration")},
    **{name: {} for name in ("discrimination", "uncertainty", "recalibration_gain", "rps")},
}
NO_PAIRS = {"cox_intercept", "calibration_in_the_large"}


def drawn(seed, over, n_items=24, grid=True):
    """Items of unequal size, forecasts on a grid (those of pairs as log odds), two scorers."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), rng.integers(1, 5, n_items))
    truth = rng.normal(size=(len(item), 2)) * 1.5
    odds = np.round(truth * 4) / 4 if grid else truth
    y = (rng.random(len(item)) < 1 / (1 + np.exp(-truth.mean(axis=1)))).astype(float)
    return item, odds + 0.125, y, over


def table_of(item, odds, y, over):
    scores = pd.DataFrame(odds, columns=["a", "b"])
    if over == "pairs":
        rows = pd.DataFrame({"item": item, "first": "a"})
        rows["second"] = [f"b{k}" for k in range(len(item))]
        return me.Pairs(rows, scores, pd.DataFrame({"h": 2 * y - 1}))
    rows = pd.DataFrame({"item": item, "system": np.arange(len(item))})
    return me.Responses(rows, scores, pd.DataFrame({"h": y}), label_kind="rating")


def made(name, table, options, over):
    given = {"rows": over} if name != "rps" else {}
    return settled(name, table, scale="log_odds", **given, **options)


def cases_for(names):
    return [(n, o) for n in sorted(names) for o in OVER if not (o == "pairs" and n in NO_PAIRS)]


@pytest.mark.parametrize(("name", "over"), cases_for(REFITTED))
def test_a_replicate_is_the_value_of_items_repeated_as_often(name, over):
    for seed in range(6):
        item, odds, y, _ = drawn(seed, over)
        table = table_of(item, odds, y, over)
        counts = np.random.default_rng(seed).multinomial(24, np.full(24, 1 / 24), 3).astype(float)
        found = replicates(made(name, table, REFITTED[name], over), table, counts)
        for k, times in enumerate(counts.astype(int)):
            codes = table.item_codes
            rows = [np.flatnonzero(codes == i) for i in range(24) for _ in range(times[i])]
            again = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
            which = np.concatenate(rows)
            data = table.scores.to_numpy()[which], table.labels.iloc[:, 0].to_numpy()[which]
            label = (1 + data[1]) / 2 if over == "pairs" else data[1]
            whole = table_of(again, data[0], label, over)
            given = {"scale": "log_odds", "rows": over, **REFITTED[name]}
            assert_allclose(found[k, 0], value(name, whole, **given), atol=1e-6)


def replicates(statistic, table, weights):
    if isinstance(statistic, SumStatistic):
        return statistic.finish(np.tensordot(weights, statistic.terms(table), axes=1))
    return statistic.weigh(table)(weights)


@pytest.mark.parametrize(("name", "over"), cases_for(INFLUENCES))
def test_influences_are_derivatives_by_the_weight_of_an_item(name, over):
    for seed in range(6):
        table = table_of(*drawn(seed, over))
        statistic = made(name, table, {}, over)
        weigh, found = statistic.weigh(table), statistic.influence(table)
        assert_allclose(found.sum(axis=0), 0, atol=1e-8)
        h = 1e-4
        steps = h * np.eye(table.n_items)
        slopes = (weigh(1 + steps) - weigh(1 - steps)) / (2 * h)
        assert np.abs(slopes - found).max() < 1e-4 * np.abs(found).max() + 1e-6


def bisected(table, over, weights):
    """Smooth errors of replicates (replicate, scorer), each by bisection."""
    cases = cases_of(table, Reading(scale="log_odds", rows=over).settled(table))
    found = np.empty((len(weights), len(cases.scorers)))
    for k, w in enumerate(weights):
        for m in range(len(cases.scorers)):
            p, y = cases.column(m)
            weight = cases.weight * w[cases.items]
            sums = residuals_by_cell(p, (y - p) * weight) / weight.sum()
            found[k, m] = fixed_point_bandwidth(
                cosines(symmetrize_cells(sums) if cases.mirrored else sums)
            )
    return found


@pytest.mark.parametrize("over", OVER)
def test_smooth_errors_of_replicates_and_influences_by_bisection(over):
    for seed in range(3):
        table = table_of(*drawn(seed, over, grid=False))
        statistic = made("smooth_ece", table, {}, over)
        weights = np.random.default_rng(seed).exponential(size=(8, table.n_items))
        quick = statistic.weigh(table)(weights)
        assert_allclose(quick, bisected(table, over, weights), atol=2e-4)
        found, steps = statistic.influence(table), 1e-4 * np.eye(table.n_items)
        ahead, behind = (bisected(table, over, 1 + sign * steps) for sign in (1, -1))
        # kinks, where a smoothed sum changes sign
        assert_allclose((ahead - behind) / 2e-4, found, atol=5e-3 * np.abs(found).max())


@pytest.mark.parametrize(("name", "over"), [*cases_for(set(ALL) - {"rps"}), ("rps", "pairs")])
def test_only_ratios_of_weights_matter(name, over):
    table = table_of(*drawn(1, over))
    statistic = made(name, table, ALL[name], over)
    weights = np.random.default_rng(2).exponential(size=(20, table.n_items))
    for factor in (1e-6, 3.0, 1e6):
        one, other = (replicates(statistic, table, f * weights) for f in (1.0, factor))
        assert_allclose(other, one, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("name", "over"), [*cases_for(set(ALL) - {"rps"}), ("rps", "pairs")])
def test_weights_of_one_are_the_estimate(name, over):
    table = table_of(*drawn(3, over))
    statistic = made(name, table, ALL[name], over)
    at_one = replicates(statistic, table, np.ones((1, table.n_items)))[0]
    estimate = statistic.value(table)
    # continuous coverage against steps of a case; a grid of frequencies against the whole
    tolerance = {"aurc": 0.05, "smooth_ece": 1e-3}.get(name, 1e-10)
    assert_allclose(at_one, estimate, atol=tolerance)


@pytest.mark.parametrize("over", OVER)
def test_the_order_of_rows_does_not_matter(over):
    item, odds, y, _ = drawn(4, over)
    order = np.random.default_rng(0).permutation(len(item))
    for name in ALL:
        if (over == "responses" and name == "rps") or (over == "pairs" and name in NO_PAIRS):
            continue
        frames = [
            me.evaluate(
                table_of(item[o], odds[o], y[o], over),
                made_name(name, over),
                n_resamples=100,
            ).frame
            for o in (np.arange(len(item)), order)
        ]
        columns = ["estimate", "lower", "upper", "se"]
        assert np.nanmax(np.abs(frames[0][columns] - frames[1][columns]).to_numpy()) < 1e-9, name


def made_name(name, over):
    options = ",".join(f"{k}={v}" for k, v in ALL[name].items())
    given = f"scale=log_odds{f',rows={over}' if name != 'rps' else ''}"
    return f"{name}({given}{',' + options if options else ''})"


def test_curves_do_not_depend_on_how_many_are_fitted_at_a_time(monkeypatch):
    def draws():
        found = gap_to_agreement(me.load_example(), scorers=["judge"], n_resamples=100)
        return np.nan_to_num(found.draws, posinf=-1.0)

    once = draws()
    monkeypatch.setattr(bootstrap_curves, "_WEIGHTS_PER_BLOCK", 1)
    assert np.allclose(draws(), once, rtol=1e-6, atol=0)


def refits(link, seed, n_items=150):
    """Replicates of one scorer with lapses and heavy tails, and what they are fitted to."""
    rng = np.random.default_rng(seed)
    margin = rng.standard_t(3, n_items * 4)
    chance = 0.1 + 0.8 * link_functions.expit(1.5 * margin)
    rows = pd.DataFrame({"item": np.repeat(np.arange(n_items), 4), "first": "a"})
    rows["second"] = np.tile([f"b{k}" for k in range(4)], n_items)
    label = pd.DataFrame({"h": np.where(rng.random(len(margin)) < chance, 1.0, -1.0)})
    table = me.Pairs(rows, pd.DataFrame({"m": margin}), label)
    design = prepare_design(table, DesignOptions())
    reading = Reading(scale="log_odds", rows="pairs").settled(design.table)
    [part] = cases_by_stratum(design, reading)
    return part, bootstrap_curves.refit(part, link, lambda x: x[:, None], Resampling(200, seed), 0)


@pytest.mark.parametrize("link", [link_functions.MARGIN, link_functions.LAPSE])
def test_curves_of_a_grid_of_margins_are_those_of_all_margins(monkeypatch, link):
    _, on_grid = refits(link, 0)
    monkeypatch.setattr(bootstrap_curves, "_MOST_DISTINCT", 10**9)
    _, exact = refits(link, 0)
    assert not np.array_equal(on_grid.theta, exact.theta)
    assert np.array_equal(on_grid.increasing, exact.increasing)
    # 1/50 of the standard deviations between replicates at most, and hardly any on average
    deviation = (on_grid.theta - exact.theta) / exact.theta.std(axis=0)
    assert np.abs(deviation).max() < 0.02 and np.sqrt(np.mean(deviation**2)) < 0.004


@pytest.mark.parametrize("outlier", [1e2, 1e4, 1e8])
def test_one_large_margin_changes_no_curve(monkeypatch, outlier):
    def slopes():
        rng = np.random.default_rng(0)
        margin = np.r_[rng.normal(size=599), outlier]
        rows = pd.DataFrame({"item": range(600), "first": "a", "second": "b"})
        y = rng.random(600) < link_functions.expit(1.5 * margin)
        table = me.Pairs(rows, pd.DataFrame({"m": margin}), pd.DataFrame({"h": 2.0 * y - 1}))
        design = prepare_design(table, DesignOptions())
        reading = Reading(scale="log_odds", rows="pairs").settled(design.table)
        [part] = cases_by_stratum(design, reading)
        link, resampling = link_functions.MARGIN, Resampling(100, 0)
        return bootstrap_curves.refit(part, link, lambda x: x[:, None], resampling, 0).theta[:, 0]

    on_grid = slopes()
    monkeypatch.setattr(bootstrap_curves, "_MOST_DISTINCT", 10**9)
    assert_allclose(on_grid, slopes(), atol=1e-3)


def test_every_replicate_is_a_mode(monkeypatch):
    monkeypatch.setattr(bootstrap_curves, "_MOST_DISTINCT", 10**9)
    link = link_functions.LAPSE
    part, found = refits(link, 1)
    kind = weight_scheme(len(part.stratum.units), None)
    key = key_of(1, "bootstrap", part.stratum.stream)
    weights = np.concatenate(list(weight_blocks(kind, key, 200, len(part.stratum.units))))
    pseudo_data = link.prior.observations(200, np.random.default_rng([1, part.stratum.stream]))
    margin, label = bootstrap_curves.margins_of(part, 0), part.cases.label
    by_case = weights[:, part.unit] * part.cases.weight
    by_case *= len(label) / by_case.sum(axis=1, keepdims=True)

    def density(theta):  # (draw, parameter) -> (draw,)
        chance = link.curve(theta, margin[:, None]).chance
        of_labels = np.where(label == 1, np.log(chance), np.log1p(-chance))
        return (by_case * of_labels).sum(axis=1) - link.prior.density(theta, pseudo_data).value

    theta, best = found.theta[1:], density(found.theta[1:])
    for step in (1e-3, -1e-3):
        for shift in ([step, 0], [0, step], [step, step], [step, -step]):
            assert (density(theta + shift) <= best + 1e-9).all()


@pytest.mark.parametrize("name", ["recalibration_gain", "miscalibration", "auroc", "aurc"])
def test_forecasts_that_differ_by_roundoff_are_one(name):
    item, odds, y, _ = drawn(2, "pairs")
    forecast = np.tanh(odds / 2)  # 2p - 1
    noise = 1 + 4e-16 * np.random.default_rng(0).integers(-2, 3, odds.shape)
    assert (forecast * noise != forecast).mean() > 0.5
    rows = [
        me.evaluate(
            table_of(item, margins, y, "pairs"),
            f"{name}(scale=probability)",
            n_resamples=200,
            interval="t",
        ).frame
        for margins in (forecast, forecast * noise)
    ]
    for column in ("estimate", "lower", "upper"):
        assert_allclose(rows[0][column], rows[1][column], rtol=1e-9, atol=1e-12)

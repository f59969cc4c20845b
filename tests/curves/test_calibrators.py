"""Maps: what every one obeys, and what each is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

import metaeval as me
from metaeval import MetaevalError, calibration
from metaeval.curves import calibrators, expit, isotonic_fit
from metaeval.statistics.calibration.forecasts import checked_folds

OF_MARGINS = ["margin_link", "lapse_link", "isotonic", "monotone_spline", "venn_abers"]
OF_SCORES = ["platt", "isotonic", "venn_abers"]
OF_OUTCOMES = ["rao_kupper", "davidson"]


def margins(seed, n=60, grid=None):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) * 2
    x = x if grid is None else np.round(x * grid) / grid
    return x, (rng.random(n) < expit(x)).astype(float), rng.integers(1, 4, n).astype(float)


def fitted(name, seed=0, mirrored=True, grid=None):
    x, y, w = margins(seed, grid=grid)
    return calibrators.BY_NAME[name].curve(x, y, w, mirrored)


@pytest.mark.parametrize("name", [*OF_MARGINS, *OF_OUTCOMES])
@given(st.integers(0, 500), st.sampled_from([None, 2]))
def test_maps_of_margins_rise_and_stay_inside(name, seed, grid):
    curve, x = fitted(name, seed, grid=grid), np.linspace(-9, 9, 61)
    p = curve(x)
    assert (np.diff(p) >= -1e-12).all()
    assert ((p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize("name", OF_MARGINS)
@given(st.integers(0, 500), st.sampled_from([None, 2]))
def test_turning_a_pair_round_turns_its_probability_round(name, seed, grid):
    curve, x = fitted(name, seed, grid=grid), np.linspace(-9, 9, 61)
    assert np.abs(curve(x) + curve(-x) - 1).max() < 1e-12
    assert curve(np.zeros(1)) == 0.5


@pytest.mark.parametrize("name", [*OF_MARGINS, "platt", *OF_OUTCOMES])
@pytest.mark.parametrize("factor", [1e-6, 0.1, 1e5])
def test_units_of_scores_do_not_matter(name, factor):
    x, y, w = margins(3)
    if name in OF_OUTCOMES:
        y = np.where(np.abs(x) < 0.5, 0.5, y)
    at = np.linspace(-4, 4, 9)
    one, other = (calibrators.BY_NAME[name].curve(f * x, y, w, True)(f * at) for f in (1.0, factor))
    assert np.abs(one - other).max() < 1e-7


@pytest.mark.parametrize("name", OF_MARGINS)
def test_orientation_of_the_pairs_that_a_map_saw_does_not_matter(name):
    x, y, w = margins(4)
    turn = np.where(np.arange(len(x)) % 3 == 0, -1.0, 1.0)
    turned = calibrators.BY_NAME[name].curve(x * turn, np.where(turn < 0, 1 - y, y), w, True)
    at = np.linspace(-5, 5, 21)
    assert np.abs(turned(at) - calibrators.BY_NAME[name].curve(x, y, w, True)(at)).max() < 1e-9


@pytest.mark.parametrize("name", OF_MARGINS)
def test_chosen_before_rejected_throughout_learns_no_certainty(name):
    """All labels are 1; a map that is not antisymmetric would say 1 everywhere."""
    x, y, _ = margins(5, 1_000)
    x = np.where(y == 1, x, -x)
    curve = calibrators.BY_NAME[name].curve(x, np.ones(1_000), np.ones(1_000), True)
    assert curve(np.zeros(1)) == 0.5
    assert abs(np.mean(curve(np.abs(x))) - np.mean(x > 0)) < 0.02
    naive = isotonic_fit(x, np.ones(1_000), np.ones(1_000))
    assert (naive == 1).all()


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_isotonic_map_is_the_fit_at_the_scores_and_straight_between(mirrored):
    x, y, w = margins(6, grid=2)
    curve = calibrators.BY_NAME["isotonic"].curve(x, y, w, mirrored)
    if mirrored:
        both = isotonic_fit(np.r_[x, -x], np.r_[y, 1 - y], np.r_[w, w])
        assert np.abs(curve(x) - both[: len(x)]).max() < 1e-10
    else:
        assert np.abs(curve(x) - isotonic_fit(x, y, w)).max() < 1e-12
    low, high = (curve(np.array([v]))[0] for v in (1.0, 1.5))
    assert curve(np.array([1.25]))[0] == pytest.approx((low + high) / 2)


@given(st.integers(0, 1_000))
def test_venn_abers_refits_with_the_new_case_under_either_label(seed):
    x, y, w = margins(seed, 20, grid=1)
    at = np.array([-2.5, -1.0, 0.0, 0.7, 2.0, 9.0])
    low, high = calibrators.venn_abers_ends(x, y, w, at)
    unit = w.mean()
    for k, new in enumerate(at):
        for event, found in ((0.0, low[k]), (1.0, high[k])):
            fit = isotonic_fit(np.r_[x, new], np.r_[y, event], np.r_[w, unit])
            assert abs(fit[-1] - found) < 1e-12
    assert (low <= high).all()


def test_venn_abers_of_pairs_refits_all_pairs_in_either_order():
    x, y, w = margins(11, 30, grid=1)
    curve = calibrators.BY_NAME["venn_abers"].curve(x, y, w, True)
    unit = w[x != 0].mean()
    for new in (-2.0, -0.3, 0.0, 0.7, 2.0):
        found = [float(end) for end in curve.ends(np.array(new))]
        for event, value in ((0.0, found[0]), (1.0, found[1])):
            both = np.r_[x, new], np.r_[y, event], np.r_[w, unit]
            twice = np.r_[both[0], -both[0]], np.r_[both[1], 1 - both[1]], np.r_[both[2], both[2]]
            assert abs(isotonic_fit(*twice)[len(x)] - value) < 1e-12


def test_venn_abers_of_no_pair_knows_nothing():
    curve = calibrators.BY_NAME["venn_abers"].curve(np.zeros(2), np.ones(2), np.ones(2), True)
    assert (curve(np.array([-1.0, 0.0, 3.0])) == 0.5).all()
    assert [float(end) for end in curve.ends(np.array(3.0))] == [0.5, 1.0]


def test_venn_abers_merges_both_values():
    curve = fitted("venn_abers", 7, mirrored=False)
    low, high = curve.ends(np.array([0.3]))
    assert curve(np.array([0.3])) == high / (1 - low + high)


def test_the_spline_basis_has_hats_for_slopes():
    knots = np.array([0.0, 1.0, 3.0, 4.0])
    x = np.linspace(0, 6, 1201)
    basis = calibrators.spline_basis(x, knots)
    slopes = np.gradient(basis, x, axis=0)[1:-1]
    hats = np.stack([np.interp(x, knots, row) for row in np.eye(4)], axis=1)[1:-1]
    assert np.abs(slopes - hats).max() < 5e-3  # half a step of x
    assert np.abs(basis.sum(axis=1) - x).max() < 1e-12  # equal slopes are a line
    assert (np.diff(basis, axis=0) >= 0).all()


def test_few_pairs_give_the_spline_a_straight_line():
    x, y = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 1.0, 1.0])
    curve = calibrators.BY_NAME["monotone_spline"].curve(x, y, np.ones(3), True)
    slopes = np.array(list(curve.parameters.values()))
    assert slopes.max() / slopes.min() < 2


def test_large_samples_return_the_curve_that_made_them():
    rng = np.random.default_rng(8)
    x = 2 * rng.normal(size=40_000)
    lapse = 0.04 + 0.92 * expit(0.7 * x)
    y, at = (rng.random(40_000) < lapse).astype(float), np.linspace(-5, 5, 21)
    truth = 0.04 + 0.92 * expit(0.7 * at)
    for name in ("lapse_link", "monotone_spline", "isotonic", "venn_abers"):
        some = slice(0, 4_000) if name == "venn_abers" else slice(None)
        curve = calibrators.BY_NAME[name].curve(x[some], y[some], np.ones(len(y[some])), True)
        assert np.abs(curve(at) - truth).max() < (0.08 if name == "venn_abers" else 0.03), name
    found = calibrators.BY_NAME["lapse_link"].curve(x, y, np.ones(len(y)), True).parameters
    assert found["slope"] == pytest.approx(0.7, abs=0.05)
    assert found["lapse"] == pytest.approx(0.08, abs=0.02)


def test_beta_returns_its_own_family():
    rng = np.random.default_rng(9)
    p = rng.beta(1, 1, 40_000)
    odds = 1.4 * np.log(p) - 0.6 * np.log1p(-p) + 0.5
    y = (rng.random(40_000) < expit(odds)).astype(float)
    found = calibrators.BY_NAME["beta"].curve(p, y, np.ones(len(y)), False).parameters
    assert [found[k] for k in "abc"] == pytest.approx([1.4, 0.6, 0.5], abs=0.06)


# Tables
def places_of(forecasts, table):
    """Rows of a table that the cases of a map are, by their ids."""
    place = pd.DataFrame({"place": np.arange(len(table))}, index=table.rows.index)
    ids = table.rows[list(forecasts.index.names)].astype(str)
    return place.set_axis(pd.MultiIndex.from_frame(ids)).loc[forecasts.index, "place"].to_numpy()


def test_forecasts_come_from_the_other_folds():
    table = me.load_example()
    fit = calibration.margin_link.fit(table, scorers=["judge"], n_folds=4)
    pairs = table.pairs()
    keep = places_of(fit.forecasts, pairs)
    margin = pairs.scores["judge"].to_numpy()[keep]
    human = pairs.labels.iloc[:, 0].to_numpy()[keep]
    item = pairs.item_codes[keep]
    weight = 1 / np.bincount(item, minlength=pairs.n_items)[item]
    part = checked_folds(pairs, keep, 4)
    assert (np.bincount(item * 4 + part, minlength=pairs.n_items * 4) > 0).sum() == len(set(item))
    for fold in range(4):
        out = part == fold
        curve = calibrators.MARGIN_LINK.curve(
            margin[~out], (1 + human[~out]) / 2, weight[~out], True
        )
        found = fit.forecasts["judge"].to_numpy()[out]
        assert np.abs(found - curve(margin[out])).max() < 1e-9


@pytest.mark.parametrize("over", ["pairs", "responses"])
def test_forecasts_are_scores_of_the_table_they_are_of(over):
    table = me.load_example()
    order = np.random.default_rng(0).permutation(len(table))
    shuffled = me.Responses(
        table.rows.iloc[order], table.scores.iloc[order], table.labels.iloc[order]
    )
    asked = {
        "scorers": ["judge"],
        "rows": over,
        "positive_from": 3 if over == "responses" else None,
    }
    kind = calibration.margin_link if over == "pairs" else calibration.platt
    fit, other = kind.fit(table, **asked), kind.fit(shuffled, **asked)
    pd.testing.assert_frame_equal(fit.forecasts.sort_index(), other.forecasts.sort_index())
    if over == "responses":
        ids = shuffled.rows[["task", "item", "system"]].astype(str).apply(tuple, axis=1)
        assert other.forecasts.index.tolist() == ids.tolist()
    whole = shuffled.pairs() if over == "pairs" else shuffled
    mapped = whole.with_scorer("mapped", fit.forecasts["judge"])
    both = mapped.scores[["judge", "mapped"]].dropna()
    assert both.rank().corr().iloc[0, 1] > 0.9


def test_clusters_keep_their_items_in_one_fold():
    table = me.load_example()
    rows = table.rows.assign(cluster=[f"c{i // 8}" for i in table.item_codes])
    clustered = me.Responses(rows, table.scores, table.labels, label_kind=table.label_kind)
    pairs = clustered.pairs()
    fit = calibration.margin_link.fit(clustered, scorers=["judge"])
    keep = places_of(fit.forecasts, pairs)
    cluster = pairs.rows["cluster"].cat.codes.to_numpy()[keep]
    margin = pairs.scores["judge"].to_numpy()[keep]
    with np.errstate(divide="ignore"):
        odds = np.log(fit.forecasts["judge"] / (1 - fit.forecasts["judge"])).to_numpy()
    some = margin != 0
    slope = (odds[some] / margin[some]).round(6)
    # one slope for each fold: all cases of a cluster share it
    assert len(set(slope)) == 5
    assert all(len(set(slope[cluster[some] == c])) == 1 for c in set(cluster[some]))


def test_several_scorers_need_a_name_and_a_wrong_one_is_told():
    fit = calibration.platt.fit(me.load_example(), positive_from=3, scorers=["judge", "reward"])
    assert repr(fit) == "<Map: platt of 2 scorers>"
    assert 0 < fit(np.array([3.0]), "judge")[0] < 1
    with pytest.raises(
        MetaevalError, match="Set scorer=, since 2 scorers were fitted: judge, reward"
    ):
        fit(np.array([3.0]))
    with pytest.raises(MetaevalError, match="reward"):
        fit(np.array([3.0]), "rewerd")
    assert list(fit.parameters.columns) == ["slope", "intercept"]


@pytest.mark.parametrize("name", sorted(calibrators.BY_NAME))
def test_scores_that_are_missing_or_endless(name):
    table = me.load_example().keep_scorers(["judge"])
    given = {"positive_from": 3} if calibrators.BY_NAME[name].takes == "scores" else {}
    if name == "beta":
        table = table.map_scores(lambda x: (x - x.min()) / (x.max() - x.min()))
    fitted = getattr(calibration, name).fit(table, **given)
    values = fitted(np.array([np.nan, -np.inf, 0.0, np.inf]))
    assert np.isnan(values[0]) and (np.diff(values[1:]) >= 0).all()
    assert values[1] < 0.5 < values[3] and fitted(np.zeros((2, 3))).shape == (2, 3)


def test_intervals_of_venn_abers_hold_their_value():
    fitted = calibration.venn_abers.fit(me.load_example(), scorers=["judge"])
    x = np.linspace(-4, 4, 33)
    low, high = fitted.interval(x)
    assert (low <= fitted(x)).all() and (fitted(x) <= high).all() and (low < high).any()


def test_forecasts_of_pairs_become_margins_as_the_docstring_says():
    pairs = me.load_example().pairs()
    forecasts = calibration.margin_link.fit(pairs).forecasts["judge"]
    more = pairs.with_scorer("mapped", 2 * forecasts - 1).with_scorer("as they are", forecasts)
    found = me.evaluate(more, "pairwise_accuracy", n_resamples=100)
    accuracy = {name: found.row(name)["estimate"] for name in ("judge", "mapped", "as they are")}
    assert accuracy["mapped"] == pytest.approx(accuracy["judge"], abs=1e-12)
    assert accuracy["as they are"] < accuracy["judge"] - 0.1
    said = " ".join((calibration.Map.__doc__ or "").split())
    assert "pairs.with_scorer(name, 2 * forecasts[scorer] - 1)" in said

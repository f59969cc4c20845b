"""Small and crooked tables under every option: a right answer, or one clear sentence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import metaeval as me
from metaeval import MetaevalError, Responses
from metaeval.inference.settings import CORRECTIONS, TESTS
from metaeval.resampling.intervals import BY_NAME as INTERVALS

STATISTICS = (
    *("pairwise_accuracy(ties=half)", "pairwise_accuracy(ties='acc-eq',average=pairs)"),
    *("tie_calibrated_accuracy(n_folds=2)", "kendall(variant=b)", "pearson", "spearman"),
    *("system_accuracy", "soft_pairwise_accuracy", "kendall(variant=b,grouping=none)"),
)
FORECASTS = (
    *(
        "brier(n_folds=2)",
        "log_loss(n_folds=2)",
        "rps(n_folds=2)",
        "miscalibration(score=rps,n_folds=2)",
    ),
    *("discrimination(n_folds=2)", "uncertainty(n_folds=2)", "recalibration_gain(n_folds=2)"),
    *("smooth_ece(n_folds=2)", "ece(bins=3,n_folds=2)", "ece_debiased(bins=3,n_folds=2)"),
    *(
        "cox_slope(scale=log_odds)",
        "cox_slope(scale=log_odds,positive_from=1)",
        "sharpness(scale=log_odds)",
    ),
    *(
        "calibration_in_the_large(scale=log_odds,positive_from=1)",
        "cox_intercept(scale=log_odds,positive_from=1)",
    ),
    *(
        "brier(ties_as_outcome=True,n_folds=2)",
        "log_loss(ties_as_outcome=True,n_folds=2,calibrator=davidson)",
    ),
    *(
        "ece(ties_as_outcome=True,n_folds=2)",
        "smooth_ece(calibrator=isotonic,n_folds=2)",
        "brier(calibrator=venn_abers,n_folds=2)",
    ),
    *("brier(calibrator=lapse_link,n_folds=2)", "brier(calibrator=monotone_spline,n_folds=2)"),
    *(
        "brier(positive_from=1,calibrator=beta,n_folds=2)",
        "miscalibration(positive_from=1,n_folds=2)",
    ),
    *(
        "recalibration_gain(positive_from=1,n_folds=2)",
        "auroc(positive_from=1)",
        "auroc(rows=pairs)",
    ),
    *(
        "auroc(grouping=item,positive_from=1)",
        "aurc",
        "augrc",
        "coverage_at(accuracy=.8,n_folds=2,positive_from=1)",
    ),
)
OPTIONS = {
    "test": TESTS,
    "interval": tuple(INTERVALS),
    "correction": CORRECTIONS,
    "alternative": ("two-sided", "greater", "less"),
    "resample": (None, "item", "cluster", "task", ("item", "system")),
    "missing": ("common", "pairwise", "count_as_wrong"),
    "weights": (None, "multinomial", "poisson", "exponential"),
    "by": (None, "task"),
    "equivalence_margin": (None, 0.05),
    "stop_after_exceedances": (None, None, 5),
}


complete = st.integers(2, 24).flatmap(lambda n: st.integers(2, 5).map(lambda s: [s] * n))


@st.composite
def crooked(draw):
    """Few items of unequal size, some in tasks or clusters of their own, with holes and ties."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=9) | complete)
    item = np.repeat(np.arange(len(sizes)), sizes)
    rows = pd.DataFrame({"item": item})
    rows["system"] = np.concatenate([np.arange(n) for n in sizes])
    g = np.random.default_rng(draw(st.integers(0, 10**6)))
    if draw(st.booleans()):
        rows["task"] = np.where(item == 0, "alone", "rest")
    if draw(st.booleans()):
        rows["cluster"] = item // 2
        if "task" in rows:
            rows["cluster"] = rows["task"] + rows["cluster"].astype(str)
    levels = draw(st.sampled_from([2, 3, 50]))
    scores = g.integers(0, levels, (len(rows), draw(st.integers(2, 3)))) / 7
    if draw(st.booleans()):
        scores[g.random(scores.shape) < 0.15] = np.nan
    scores = pd.DataFrame(scores, columns=list("mno")[: scores.shape[1]])
    labels = pd.DataFrame({"human": g.integers(0, 3, len(rows)) * 1.0})
    return Responses(rows, scores, labels, label_kind="rating")


def one_of_each(draw, table):
    """An option of each kind; most of the time as by default, so that few tables are refused."""
    options = {}
    for name, values in OPTIONS.items():
        known = [v for v in values if v not in ("cluster", "task") or v in table.rows]
        usual = draw(st.integers(0, 2)) > 0
        options[name] = known[0] if usual else draw(st.sampled_from(known))
    return options


@pytest.fixture(scope="module", autouse=True)
def few_flips():
    """A quarter of the usual random flips to a comparison: no assertion depends on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("metaeval.inference.settings.FLIPS_PER_COMPARISON", 50)
        yield


@pytest.mark.parametrize("statistics", [STATISTICS, FORECASTS], ids=["both_orders", "forecasts"])
@settings(max_examples=60, deadline=None)
@given(table=crooked(), data=st.data())
def test_a_right_answer_or_one_clear_sentence(statistics, table, data):
    options = one_of_each(data.draw, table)
    statistic = data.draw(st.sampled_from(statistics))
    try:
        result = me.compare(table, statistic, n_resamples=100, **options)
    except MetaevalError as error:
        assert 20 < len(str(error)) < 600 and str(error).rstrip().endswith((".", "?", ")"))
        return
    check(result, options)


def check(result, options):
    own = result.frame[result.frame["baseline"].isna()]
    gaps = result.frame[result.frame["baseline"].notna()]
    undefined = own.loc[own["estimate"].isna(), "scorer"]
    assert all(any(name in w for w in result.meta.warnings) for name in undefined)
    assert gaps["estimate"].notna().all() and len(undefined) < own["scorer"].nunique()
    for rows in (own, gaps):
        there = rows[rows["lower"].notna()]
        assert (there["lower"] <= there["upper"] + 1e-12).all()
    p = gaps["p_value"].dropna()
    assert ((p > 0) & (p <= 1)).all()
    both = gaps.dropna(subset=["p_value", "p_adjusted"])
    assert (both["p_adjusted"] >= both["p_value"] - 1e-12).all()
    assert (both["p_adjusted"] <= 1).all() and (both["p_holm"] >= both["p_value"] - 1e-12).all()
    equal = gaps["p_equivalent"].dropna()
    assert ((equal >= 0) & (equal <= 1)).all()
    if options["equivalence_margin"] is None:
        assert not len(equal)
    assert me.Result.from_json(result.to_json()).to_json() == result.to_json()
    assert result.methods_paragraph() and result.to_markdown()


@pytest.mark.parametrize("test", [t for t in TESTS if t not in ("pair-swap", "williams")])
def test_a_scorer_against_its_twin_is_never_separated(test):
    g = np.random.default_rng(0)
    rows = pd.DataFrame({"item": np.repeat(range(12), 2), "system": ["a", "b"] * 12})
    scores = pd.DataFrame({"m": g.normal(size=24)})
    table = Responses(
        rows,
        scores.assign(twin=scores["m"]),
        pd.DataFrame({"h": np.tile([0.0, 1.0], 12)}),
        label_kind="rating",
    )
    row = me.compare(table, "pairwise_accuracy", test=test, n_resamples=200).row("m", "twin")
    assert (row["estimate"], row["lower"], row["upper"]) == (0, 0, 0)
    assert row["p_value"] == row["p_adjusted"] == 1

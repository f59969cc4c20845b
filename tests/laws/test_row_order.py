"""The order of rows: what is computed does not depend on it, bit for bit, whatever computes it."""

import json

import numpy as np
import pandas as pd
import pytest

import metaeval as me
from metaeval import Pairs, Responses, bayes, calibration, plots, statistics
from metaeval.planning import power_by_simulation, sample_size
from metaeval.statistics import Forecast

FEW = {"n_resamples": 100}


def responses(kind="rating", raters=1, seed=0, n=11):
    """Items (10 before 2 as text), three systems, tasks, clusters, holes, odd decimals."""
    rng = np.random.default_rng(seed)
    item, system = (x.ravel() for x in np.meshgrid(range(1, n + 1), range(3), indexing="ij"))
    quality = rng.normal(size=3 * n)
    rows = pd.DataFrame({"item": item, "system": [f"s{s}" for s in system]})
    rows["task"], rows["cluster"] = np.where(item % 2, "t2", "t10"), item // 2 * 2 + item % 2
    rows["length"] = rng.integers(10, 99, 3 * n) / 7
    scores = pd.DataFrame({k: (quality + rng.normal(size=3 * n)) / 3 for k in ("a", "b", "c")})
    scores.loc[4, "a"] = np.nan
    labels = {f"h{r}": np.round(quality + rng.normal(size=3 * n) / 2) for r in range(raters)}
    if kind == "correct":
        labels = {"h0": (system == item % 3).astype(float)}
    options = {"label_kind": kind, "average_raters": raters > 1}
    return Responses(rows, scores, pd.DataFrame(labels), **options)


def preferences(raters=1, ordered=True, seed=0, n=36):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"item": np.arange(n) // 2, "first": "b", "second": ["a", "c"] * (n // 2)})
    rows["task"] = np.where(rows["item"] % 2, "t2", "t10")
    rows["length_delta"] = rng.integers(-30, 30, n) / 7
    quality = rng.normal(size=n)
    scores = pd.DataFrame({k: quality + rng.normal(size=n) for k in ("a", "b", "c")})
    labels = {f"h{r}": np.sign(quality + rng.normal(size=n) / 2) for r in range(raters)}
    return Pairs(rows, scores, pd.DataFrame(labels), ordered=ordered, average_raters=raters > 1)


def shuffled(table, seed):
    order = np.random.default_rng(seed).permutation(len(table))
    frames = (f.iloc[order] for f in (table.rows, table.scores, table.labels))
    names = ("rows", "scores", "labels")
    made = table.replace(**dict(zip(names, frames, strict=True)))
    assert made.rows.index.equals(table.rows.index)
    assert not made.rows.equals(table.rows)
    assert made.fingerprint == table.fingerprint
    return made


def plain_dataset(group):
    """A group of a posterior: of a tree in newer versions of ArviZ, a dataset already in older."""
    return group.to_dataset() if hasattr(group, "to_dataset") else group


def plain(value):
    """A result as text that shows every bit."""
    if isinstance(value, me.Result):
        draws = None if value.draws is None else value.draws.tobytes().hex()[:4000]
        return json.dumps([value.frame.to_dict("records"), value.meta, draws], default=repr)
    if isinstance(value, pd.DataFrame):
        return value.to_json(double_precision=15, orient="split") + repr(value.attrs)
    if hasattr(value, "posterior"):
        return plain(plain_dataset(value["posterior"]).to_dataframe().reset_index())
    return repr(value)


GAPS = {"forecast": Forecast(scale="log_odds", rows="pairs")}

OF_RESPONSES = {
    "evaluate": lambda t: me.evaluate(t, **FEW),
    "compare": lambda t: me.compare(t, **FEW),
    "compare by task": lambda t: me.compare(t, by="task", **FEW),
    "compare pairwise": lambda t: me.compare(t, missing="pairwise", **FEW),
    "compare items and systems": lambda t: me.compare(
        t, "pairwise_accuracy", resample=("item", "system"), **FEW
    ),
    "compare swaps": lambda t: me.compare(t, "pairwise_accuracy", test="swap-cells", **FEW),
    "evaluate all": lambda t: me.evaluate(
        t,
        [
            statistics.pearson(),
            statistics.spearman(),
            statistics.kendall("b", grouping="none"),
            statistics.pairwise_accuracy("acc-eq", grouping="system"),
            statistics.system_pearson(),
            statistics.tie_calibrated_accuracy(grouping="none"),
            statistics.brier(Forecast(rows="responses", positive_from=0)),
        ],
        **FEW,
    ),
    "soft_pairwise_accuracy": lambda t: me.evaluate(
        t, statistics.soft_pairwise_accuracy(), scorers=["b", "c"], **FEW
    ),
    "sample_size": lambda t: sample_size(t, "pairwise_accuracy", difference=0.1),
    "power_by_simulation": lambda t: power_by_simulation(
        t,
        "pairwise_accuracy",
        scorer="b",
        baseline="c",
        difference=0.2,
        n_units=20,
        n_simulations=100,
        n_flips=99,
    ),
    "type_i_error_rate": lambda t: me.type_i_error_rate(
        t, "pairwise_accuracy", n_simulations=100, n_resamples=100
    ),
    "reliability": lambda t: calibration.reliability(t, **GAPS, **FEW),
    "map_band": lambda t: calibration.map_band(t, "margin_link", **FEW),
    "threshold_curve": lambda t: calibration.threshold_curve(t, points=4, **FEW),
    "gap_to_agreement": lambda t: calibration.gap_to_agreement(t, [0.7], **FEW),
    "accuracy_and_calibration": lambda t: calibration.accuracy_and_calibration(t, **FEW),
    "risk_coverage": lambda t: calibration.risk_coverage(t),
    "largest_coverage": lambda t: calibration.largest_coverage(t, 0.6),
    "scale_fragility": lambda t: calibration.scale_fragility(t),
    "spiegelhalter": lambda t: calibration.spiegelhalter(t, forecast="log_odds"),
    "cumulative": lambda t: calibration.cumulative(t, forecast="log_odds", **FEW),
    "margin_link": lambda t: calibration.margin_link.fit(t).forecasts.sort_index(),
    "venn_abers": lambda t: calibration.venn_abers.fit(t).parameters,
    "bayesian_bootstrap": lambda t: bayes.bayesian_bootstrap(
        t, "pairwise_accuracy", covariates=["length_delta"], n_draws=100
    ),
    "pairs": lambda t: pd.concat([t.pairs().rows, t.pairs().scores, t.pairs().labels], axis=1),
    "to_xarray": lambda t: t.drop_scorers("a").to_xarray().to_dataframe().reset_index(),
    "alignment": lambda t: t.alignment.to_dict(),
    "tie_curve": lambda t: plots.tie_curve(t, "b", points=4, return_data=True, **FEW),
    "tie_policies": lambda t: plots.tie_policies(t, return_data=True, **FEW),
}

OF_PAIRS = {
    "evaluate": OF_RESPONSES["evaluate"],
    "compare": OF_RESPONSES["compare"],
    "order_bias": lambda t: plots.order_bias(t, scale="log_odds", return_data=True, **FEW),
    "agreement_bounds": lambda t: bayes.agreement_bounds(
        t.replace(labels=t.labels.assign(more=t.labels["h0"])), n_draws=100
    ),
    "bayesian_bootstrap": lambda t: bayes.bayesian_bootstrap(
        t, covariates=["length_delta"], n_draws=100
    ),
    "reliability": OF_RESPONSES["reliability"],
    "margin_link": OF_RESPONSES["margin_link"],
    "threshold_curve": OF_RESPONSES["threshold_curve"],
}


@pytest.mark.parametrize("name", list(OF_RESPONSES))
def test_shuffled_responses_give_the_same(name):
    table = responses()
    expected = plain(OF_RESPONSES[name](table))
    assert plain(OF_RESPONSES[name](shuffled(table, 1))) == expected


@pytest.mark.parametrize("name", list(OF_PAIRS))
def test_shuffled_pairs_give_the_same(name):
    table = preferences()
    expected = plain(OF_PAIRS[name](table))
    for seed in (1, 2):
        assert plain(OF_PAIRS[name](shuffled(table, seed))) == expected


def test_shuffled_items_pass_the_same_gate():
    table = responses(n=40)
    asked = {"statistic": "pairwise_accuracy", "new": "b", "baseline": "c", "resample": "item"}
    expected = me.gate(table, **asked, **FEW)
    assert repr(me.gate(shuffled(table, 1), **asked, **FEW)) == repr(expected)


def test_shuffled_candidates_give_the_same():
    table = responses("correct")
    both = [statistics.best_of_n("split"), statistics.best_of_n()]
    expected = plain(me.compare(table, both, missing="count_as_wrong", **FEW))
    assert plain(me.compare(shuffled(table, 1), both, missing="count_as_wrong", **FEW)) == expected


def test_shuffled_rows_without_ids_give_the_same():
    whole = responses()
    rows = whole.rows.drop(columns=["system", "length"])
    table = Responses(rows, whole.scores, whole.labels, label_kind="rating")
    for scorers in (None, ["b", "c"]):
        expected = plain(me.compare(table, scorers=scorers, **FEW))
        assert plain(me.compare(shuffled(table, 1), scorers=scorers, **FEW)) == expected


@pytest.mark.parametrize(
    ("model", "make"),
    [
        (bayes.AccuracyModel(), responses),
        (bayes.CalibrationModel(covariates="length_delta"), preferences),
        (bayes.RaterModel(covariates="length_delta"), lambda: preferences(3, ordered=False)),
        (bayes.RaterModel(form="ordinal", covariates="length"), lambda: responses(raters=3)),
    ],
)
def test_posteriors_of_shuffled_rows_are_the_same(model, make):
    table = make()
    few = {"n_chains": 1, "n_warmup": 20, "n_draws": 20, "check": False}
    expected = plain(bayes.fit(model, table, **few))
    assert plain(bayes.fit(model, shuffled(table, 1), **few)) == expected


def test_a_result_can_be_checked_against_the_order_of_the_file():
    table = responses()
    turned = shuffled(table, 1)
    copy = turned.with_scorer(
        "copy",
        table.scores["b"].set_axis(
            pd.MultiIndex.from_frame(table.rows[["item", "system"]].astype(str))
        ),
    )
    pd.testing.assert_series_equal(copy.scores["copy"], copy.scores["b"], check_names=False)


def test_ids_are_listed_as_people_count():
    table = responses(n=40)
    there = ~table.rows["item"].astype(int).isin([3, 20, 11])
    table = table.replace(scores=table.scores.assign(b=table.scores["b"].where(there)))
    gate = me.gate(table, "pairwise_accuracy", new="a", baseline="b", resample="item", **FEW)
    assert any("excluded: t2/3, t2/11, t10/20" in note for note in gate.notes), gate.notes

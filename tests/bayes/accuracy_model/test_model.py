"""The model of accuracy: what it takes from a table, and its agreement with other ways."""

import jax
import numpy as np
import pandas as pd
import pytest
from odd_tables import SCORERS

from metaeval import MetaevalError, Pairs, bayes, evaluate, simulate
from metaeval.bayes.accuracy_model import data as accuracy_data
from metaeval.bayes.accuracy_model.covariates import TaskSummary, covariate_cells
from metaeval.bayes.accuracy_model.data import correlations, effective_counts
from metaeval.bayes.accuracy_model.density import accuracy_density
from metaeval.bayes.design import DesignOptions, make_model_design
from metaeval.core import double_precision
from metaeval.statistics import pairwise_accuracy


def seen(value, share=None):
    n = len(value)
    share = np.full(n, 1 / n) if share is None else share
    influence = share[:, None] * (value - share @ value)
    return TaskSummary(
        value=value,
        weight=share,
        covariance=influence.T @ influence,
        units=[str(i) for i in range(n)],
        position=np.arange(n),
    )


def verdict_pairs(right, task=None, items=None):
    """One pair for each row of verdicts (row, scorer) that are right or wrong."""
    n, k = right.shape
    rows = {"item": np.arange(n) if items is None else items, "first": "a", "second": "b"}
    rows |= {"order": np.arange(n).astype(str)} if items is not None else {}
    rows |= {} if task is None else {"task": task}
    scores = pd.DataFrame(2.0 * right - 1, columns=[f"s{j}" for j in range(k)])
    return Pairs(pd.DataFrame(rows), scores, pd.DataFrame({"h": np.ones(n)}), ordered=True)


def correlated(rng, n, accuracy, share=0.5):
    """Verdicts (row, scorer) of given accuracies that go together."""
    from statistics import NormalDist

    z = np.sqrt(share) * rng.normal(size=(n, 1))
    z = z + np.sqrt(1 - share) * rng.normal(size=(n, len(accuracy)))
    return (z < [NormalDist().inv_cdf(a) for a in accuracy]).astype(float)


def test_one_verdict_for_each_unit_counts_as_what_it_is():
    rng = np.random.default_rng(0)
    parts = [seen((rng.random((n, 3)) < 0.7).astype(float)) for n in (40, 7)]
    right, trials = effective_counts(parts)
    assert trials == pytest.approx(np.array([[40, 7]] * 3), rel=1e-6)
    assert right == pytest.approx(np.stack([p.value.sum(axis=0) for p in parts], axis=1))


def test_scorers_that_are_always_right_have_trials_too():
    value = np.ones((10, 2))
    value[:3, 1] = 0
    _, trials = effective_counts([seen(value)])
    assert trials[:, 0] == pytest.approx([10, 10], rel=1e-3)
    assert np.isfinite(effective_counts([seen(np.ones((10, 2)))])[1]).all()


def test_units_that_repeat_one_verdict_are_worth_one_each():
    rng = np.random.default_rng(1)
    value = (rng.random((50, 1)) < 0.6).astype(float)
    fifty = effective_counts([seen(value)])[1]
    assert fifty == pytest.approx(50, rel=1e-6)
    graded = effective_counts([seen(rng.random((50, 1)))])[1]  # means vary less than verdicts
    assert graded > 100


@pytest.mark.parametrize("n", [1, 2, 5, 200])
def test_correlations_of_few_units_are_drawn_in_and_positive(n):
    rng = np.random.default_rng(2)
    value = correlated(rng, n, [0.6, 0.7, 0.8, 0.9, 1 - 1e-9])
    found = correlations([seen(value), seen(correlated(rng, 100, [0.5] * 5))])
    assert (np.linalg.eigvalsh(found) > 1e-3).all()
    assert np.diagonal(found, axis1=1, axis2=2) == pytest.approx(np.ones((2, 5)))


@pytest.mark.parametrize("seed", [0, 1])
def test_without_pooling_differences_are_those_of_the_bayesian_bootstrap(seed):
    rng = np.random.default_rng(seed)
    table = verdict_pairs(correlated(rng, 400, [0.62, 0.66, 0.7, 0.81]))
    tree = bayes.fit(
        bayes.AccuracyModel(statistic="pairwise_accuracy", pool=False), table, n_draws=2000
    )
    model = bayes.summarize(tree, "accuracy").frame
    boot = bayes.bayesian_bootstrap(table, "pairwise_accuracy", n_draws=20_000).frame
    gaps = [f[f["baseline"].notna()] for f in (model, boot)]
    assert gaps[0]["se"].to_numpy() == pytest.approx(gaps[1]["se"].to_numpy(), rel=0.05)
    assert gaps[0]["estimate"].to_numpy() == pytest.approx(
        gaps[1]["estimate"].to_numpy(), abs=0.2 * gaps[1]["se"].mean()
    )


def test_orders_of_scorers_and_rows_change_nothing(table):
    order = np.random.default_rng(0).permutation(len(table))
    frames = [f.iloc[order] for f in (table.rows, table.scores[list(SCORERS[::-1])], table.labels)]
    one, other = (
        bayes.AccuracyModel().prepare(t, DesignOptions()).arrays for t in (table, Pairs(*frames))
    )
    for name in ("right", "trials", "precision"):
        assert one[name] == pytest.approx(other[name], rel=1e-9)


def test_odd_scorers_have_finite_posteriors_and_are_named(trees):
    result = bayes.summarize(trees["accuracy"], "accuracy")
    own = result.frame[result.frame["baseline"].isna()]
    assert np.isfinite(own[["estimate", "lower", "upper", "se"]]).all(axis=None)
    assert result.row("perfect")["upper"] > 0.99 and result.row("reversed")["upper"] < 0.5
    assert any("tiny" in w for w in result.meta.warnings)
    said = " ".join(result.meta.warnings)
    assert "reversed has below-chance accuracy" in said
    assert "constant ties the responses of every pair" in said


def test_small_tasks_are_drawn_towards_the_others(trees, table):
    alone = evaluate(table, "pairwise_accuracy", by="task")
    pooled = bayes.summarize(trees["accuracy"], "accuracy")
    for scorer in ("good", "chance"):
        raw, shrunk, whole = (
            alone.row(scorer, task="tiny")["estimate"],
            pooled.row(scorer, task="tiny")["estimate"],
            pooled.row(scorer, task="big")["estimate"],
        )
        assert abs(shrunk - whole) < abs(raw - whole) + 1e-12
    new = pooled.row("good", task="(new task)")
    assert new["se"] > pooled.row("good")["se"]


def test_the_compiled_sampler_draws_what_numpyro_draws():
    from numpyro.infer import MCMC, NUTS

    table = simulate(seed=3, n_items=120, tasks=("a", "b", "c"), scorers=["judge", "lexical"]).table
    model = bayes.AccuracyModel(statistic="pairwise_accuracy")
    prepared = model.prepare(table, DesignOptions())
    tree = bayes.fit(model, table, n_draws=1000)
    with double_precision():
        chains = MCMC(NUTS(accuracy_density), num_warmup=500, num_samples=2500, progress_bar=False)
        chains.run(jax.random.PRNGKey(9), **prepared.arrays)
        known = np.asarray(chains.get_samples()["accuracy"])
    found = tree["posterior"]["accuracy"].to_numpy().reshape(-1, 2, 3)
    sd = known.std(axis=0)
    assert found.mean(axis=0) == pytest.approx(known.mean(axis=0), abs=0.12 * sd.max())
    assert found.std(axis=0) == pytest.approx(sd, rel=0.12)


@pytest.mark.parametrize("statistic", ["pearson", ["pairwise_accuracy", "kendall"], "brier"])
def test_only_one_accuracy_is_taken(table, statistic):
    with pytest.raises(MetaevalError, match="needs exactly one accuracy"):
        bayes.fit(bayes.AccuracyModel(statistic=statistic), table)


def test_tasks_that_share_items_are_refused():
    rng = np.random.default_rng(3)
    n = 20
    rows = pd.DataFrame({"item": np.tile(np.arange(n), 2), "task": np.repeat(["x", "y"], n)})
    scores = pd.DataFrame({"s": rng.normal(size=2 * n), "r": rng.normal(size=2 * n)})
    labels = pd.DataFrame({"h": np.sign(rng.normal(size=2 * n))})
    table = Pairs(rows.assign(first="a", second="b"), scores, labels, shared_items=True)
    with pytest.raises(MetaevalError, match="share items"):
        bayes.fit("accuracy", table)


def longer_is_better(rng, n, bias, **more):
    """Scorers whose verdicts owe something to how much longer the better response is."""
    length = rng.normal(size=n) + 0.3
    label = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    x = length / np.sqrt(np.mean(length**2))
    p = 1 / (1 + np.exp(-(np.array([0.0, 1.0])[:, None] + np.array(bias)[:, None] * x)))
    right = rng.random((2, n)) < p
    rows = pd.DataFrame({"item": np.arange(n), "first": "a", "second": "b"})
    rows = rows.assign(length_delta=30 * length * label, **more)
    scores = pd.DataFrame((2.0 * right - 1).T * label[:, None], columns=["words", "fair"])
    return Pairs(rows, scores, pd.DataFrame({"h": label})), x, right


def test_excess_bias_is_the_coefficient_of_a_logistic_regression():
    """One verdict for each unit: against maximum likelihood, with the prior as normal data."""
    sm = pytest.importorskip("statsmodels.api")
    table, x, right = longer_is_better(np.random.default_rng(3), 1_200, (0.8, 0.0))
    tree = bayes.fit(bayes.AccuracyModel(covariates="length_delta", pool=False), table, n_draws=500)
    bias = bayes.summarize(tree, "bias")
    own = bayes.summarize(tree, "accuracy")
    for m, name in enumerate(("words", "fair")):
        found = sm.Logit(right[m].astype(float), sm.add_constant(x)).fit(disp=0)
        error, prior = found.bse[1], 0.5
        weight = prior**2 / (prior**2 + error**2)
        row = bias.row(name)
        assert row["estimate"] == pytest.approx(weight * found.params[1], abs=0.2 * error)
        assert row["se"] == pytest.approx(np.sqrt(weight) * error, rel=0.1)
        level = 1 / (1 + np.exp(-found.params[0]))
        assert own.row(name)["estimate"] == pytest.approx(level, abs=0.01)
    assert own.row("words")["lower"] < 0.5 < own.row("words")["upper"]
    assert evaluate(table).row("words")["lower"] > 0.5  # who only counts words seems to be of use
    assert "covariates=length_delta" in tree.attrs["signature"]


def test_cells_of_covariates_are_parts_of_tasks():
    rng = np.random.default_rng(4)
    task = np.repeat(["a", "b"], [90, 10])
    table, _, _ = longer_is_better(rng, 100, (0.5, 0.0), task=task)
    design, _ = make_model_design(table, DesignOptions())
    whole = [
        accuracy_data._task_summary(pairwise_accuracy("half"), design, s) for s in design.strata
    ]
    cells = covariate_cells(design, whole, ["length_delta"])
    assert cells.weight.sum(axis=1) == pytest.approx([1, 1])
    mean = np.stack([part.mean for part in cells.summaries]).T @ cells.weight.T
    assert mean == pytest.approx(np.stack([s.mean for s in whole], axis=1))
    assert sorted(u for part in cells.summaries for u in part.units) == sorted(
        u for s in whole for u in s.units
    )
    assert [int((cells.task == t).sum()) for t in (0, 1)] == [6, 1]
    assert (np.diff(cells.covariates[0, :6]) > 0).all()


def test_covariates_that_are_not_there_or_have_holes_are_refused():
    table, _, _ = longer_is_better(np.random.default_rng(5), 60, (0.5, 0.0))
    rows = table.rows.assign(length_delta=table.rows["length_delta"].where(table.rows.index > 2))
    for wrong, name, said in (
        (table, "width_delta", r"no difference column 'width_delta'.*length_delta"),
        (table.replace(rows=rows), "length_delta", "missing or infinite in 3 pairs"),
    ):
        for model in (bayes.AccuracyModel, bayes.CalibrationModel):
            with pytest.raises(MetaevalError, match=said):
                bayes.fit(model(covariates=name), wrong)
    tree = bayes.fit("accuracy", table, n_draws=50, n_warmup=50, check=False)
    with pytest.raises(MetaevalError, match="no bias"):
        bayes.summarize(tree, "bias")

"""The model of raters: planted truths come back, and two samplers and a grid agree."""

import jax
import numpy as np
import pandas as pd
import pytest
from external import data
from numpyro.infer import MCMC, NUTS, init_to_value
from scipy import stats

from metaeval import MetaevalError, Pairs, Responses, bayes, read, simulate
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.rater_models import gibbs
from metaeval.bayes.rater_models.confusion import confusion_layout, prevalence_layout
from metaeval.bayes.rater_models.density import rater_density
from metaeval.bayes.rater_models.design_effect import confusion_effect
from metaeval.bayes.rater_models.label_patterns import Patterns
from metaeval.bayes.sampling.nuts import Settings
from metaeval.core import double_precision

QUALITY = (0.9, 0.8, 0.75, 0.7, 0.6)


def planted(
    seed, n=400, quality=(0.9, 0.8, 0.7), tie=0.2, scorer=(0.9, 0.65), missing=0.0, per_item=1, sd=0
):
    """Pairs whose truth is drawn, and what raters and scorers of known quality say of them."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(n) < tie, 0, rng.choice([-1, 1], n))
    item = np.arange(n) // per_item

    def wrong():
        other = np.where(rng.random(n) < (0.5 if tie else 0), 0, -truth)
        return np.where(truth == 0, rng.choice([-1, 1], n), other)

    labels = {}
    for r, q in enumerate(quality):
        own = 1 / (1 + np.exp(-np.log(q / (1 - q)) - sd * rng.normal(size=n // per_item)[item]))
        labels[f"rater{r}"] = np.where(rng.random(n) < own, truth, wrong()).astype(float)
    labels = pd.DataFrame(labels).mask(rng.random((n, len(quality))) < missing)
    sides = np.where(truth == 0, rng.choice([-1, 1], n), truth)
    scores = {
        f"scorer{m}": np.where(rng.random(n) < a, sides, -sides) * rng.exponential(size=n)
        for m, a in enumerate(scorer)
    }
    rows = {"item": item, "first": "a", "second": [f"b{i % per_item}" for i in range(n)]}
    return Pairs(pd.DataFrame(rows), pd.DataFrame(scores, index=range(n)), labels)


def prepared_of(table):
    return bayes.RaterModel().prepare(table, DesignOptions())


def sites(table, effect=1.0, **settings):
    prepared = prepared_of(table)
    arrays = dict(prepared.arrays) | {"effect": np.array(effect)}
    run = Settings(**{"n_draws": 2000, **settings})
    return gibbs.sample(arrays, table.ordered, run, lambda drawn: True).sites, arrays, prepared


def mean_sd(tree, name):
    draws = tree["posterior"][name]
    return draws.mean(("chain", "draw")).to_numpy(), draws.std(("chain", "draw")).to_numpy()


@pytest.fixture(scope="module")
def tree():
    return bayes.fit(bayes.RaterModel(), planted(0, n=2000, quality=QUALITY), seed=1)


def test_planted_raters_and_scorers_come_back(tree):
    assert bayes.diagnose(tree)["passed"].all()
    assert set(bayes.diagnose(tree).index) == {"r_hat", "ess_bulk", "ess_tail"}
    for name, truth in (
        ("rater_accuracy", QUALITY),
        ("accuracy", (0.9, 0.65)),
        ("agreement", (0.9 * 0.8, 0.65 * 0.8)),
        ("prevalence", (0.4, 0.2, 0.4)),
    ):
        mean, sd = mean_sd(tree, name)
        assert (np.abs(mean - truth) < 3.5 * sd).all() and (sd < 0.03).all(), name
    raw = tree["observed_data"]["accuracy_observed"].to_numpy()
    assert raw[0] < 0.89  # agreement with the plurality is below what the scorer is worth
    assert float(tree["constant_data"]["design_effect"]) == 1


def test_result_of_raters(tree):
    result = bayes.summarize(tree, "rater_accuracy", baseline="rater4")
    row = result.row("rater0", "rater4")
    assert row["prob_better"] > 0.99 and row["status"] == "exact"
    judged = bayes.summarize(tree, "accuracy").row("scorer0", "scorer1")
    assert judged["prob_better"] > 0.99 and judged["status"] == "approximate"
    assert "scorers and raters err independently" in bayes.summarize(tree, "accuracy").meta.notes[1]
    with pytest.raises(MetaevalError, match="form='ordinal'"):
        bayes.summarize(tree, "severity")


def test_what_was_seen_is_put_beside_what_is_predicted(tree):
    found = bayes.posterior_predictive(tree)  # accuracies that were observed have no prediction
    assert set(found["quantity"]) == {"rater_agreement", "tie_share"}
    assert found["p"].min() > 0.01


def test_groups_of_the_tree(tree):
    assert tree["posterior"]["confusion"].dims == ("chain", "draw", "rater", "truth", "label")
    assert tree["log_likelihood"]["label"].sizes["unit"] == 2000
    truth = tree["constant_data"]["truth_probability"]
    assert truth.dims == ("row", "truth") and np.allclose(truth.sum("truth"), 1)
    for name in ("tie_share", "rater_agreement"):
        seen = tree["observed_data"][name].to_numpy()
        predicted = tree["posterior_predictive"][name].to_numpy().reshape(-1, len(seen))
        assert (np.abs(predicted.mean(axis=0) - seen) < 3.5 * predicted.std(axis=0)).all()


def test_predicted_probability_of_truth_is_calibrated(tree):
    rng = np.random.default_rng(0)  # the truth of `planted`, which draws it first
    truth = np.where(rng.random(2000) < 0.2, 0, rng.choice([-1, 1], 2000))
    kept = tree["constant_data"]["truth_probability"]
    item = [int(row.split("/")[0]) for row in kept["row"].to_numpy()]
    p = kept.to_numpy()
    hit = p[np.arange(2000), truth[item] + 1]
    expected = (p**2).sum(axis=1)
    assert abs(hit.mean() - expected.mean()) < 0.02


def started(n_classes):
    """A place for NUTS to start from, where three raters are mostly right."""
    found = {}
    for name, layout, shape in (
        ("said", confusion_layout(n_classes, False), (3, 1)),
        ("true", prevalence_layout(n_classes, False), (1,)),
    ):
        for g in range(layout.group.max() + 1):
            prior = layout.prior[layout.group == g]
            found[f"{name}_{g}"] = np.tile(prior / prior.sum(), shape)
    return found


@pytest.mark.parametrize(
    ("tie", "effect"), [(0.2, 3.0), pytest.param(0.0, 1.0, marks=pytest.mark.slow)]
)
def test_gibbs_agrees_with_nuts(effect, tie):
    table = planted(3, n=300, tie=tie)
    drawn, arrays, prepared = sites(table, effect, n_draws=4000)
    with double_precision():
        start = init_to_value(values=started(arrays["labels"].shape[-1]))
        kernel = NUTS(rater_density, init_strategy=start)
        peer = MCMC(kernel, num_warmup=200, num_samples=1200, num_chains=1, progress_bar=False)
        peer.run(jax.random.PRNGKey(1), **arrays, **dict(prepared.options))
        found = peer.get_samples()
    for name in ("rater_accuracy", "confusion"):
        ours = drawn[name].reshape(-1, *drawn[name].shape[2:])
        theirs = np.asarray(found[name])
        free = theirs.std(axis=0) > 1e-6
        gap = np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / theirs.std(axis=0).clip(1e-9)
        assert gap[free].max() < 5 / np.sqrt(500)  # at least so many independent draws
        ratio = ours.std(axis=0)[free] / theirs.std(axis=0)[free]
        assert np.abs(ratio - 1).max() < 0.1


def test_gibbs_agrees_with_a_grid():
    labels = np.array([[1, 1, 1], [1, 1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1], [-1, -1, -1]])
    rows = pd.DataFrame({"item": range(6), "first": "a", "second": "b"})
    table = Pairs(rows, pd.DataFrame(index=range(6)), pd.DataFrame(labels * 1.0, columns=[*"xyz"]))
    q = (np.arange(80) + 0.5) / 80
    grid = np.stack(np.meshgrid(q, q, q, indexing="ij"))
    log = 3 * np.log(grid).sum(axis=0)  # Beta(4, 1)
    for row in labels:
        up = np.prod([g if y > 0 else 1 - g for g, y in zip(grid, row, strict=True)], axis=0)
        down = np.prod([1 - g if y > 0 else g for g, y in zip(grid, row, strict=True)], axis=0)
        log = log + np.log((up + down) / 2)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    drawn = sites(table, n_draws=4000)[0]["rater_accuracy"]
    for r in range(3):
        mean = (weight * grid[r]).sum()
        sd = np.sqrt((weight * (grid[r] - mean) ** 2).sum())
        assert abs(drawn[..., r].mean() - mean) < 0.05 * sd
        assert drawn[..., r].std() == pytest.approx(sd, rel=0.05)


def test_gamma_numbers_are_gamma():
    with double_precision():
        shape = np.repeat((1.0, 1.3, 40.0), 50_000)
        drawn = np.asarray(jax.jit(gibbs.draw_gamma)(jax.random.PRNGKey(0), shape)).reshape(3, -1)
    for a, values in zip((1.0, 1.3, 40.0), drawn, strict=True):
        assert stats.kstest(values, stats.gamma(a).cdf).pvalue > 1e-3


def test_many_rows_are_drawn_by_pattern():
    drawn, arrays, _ = sites(planted(4, n=20_000), n_draws=500)
    assert arrays["labels"].shape[0] == 64
    assert np.abs(drawn["rater_accuracy"].mean(axis=(0, 1)) - (0.9, 0.8, 0.7)).max() < 0.012


def test_turning_pairs_changes_nothing():
    table = planted(5, n=120)
    turn = np.random.default_rng(0).random(120) < 0.5
    rows = table.rows.astype(object)
    rows.loc[turn, "first"] = "z"
    sign = np.where(turn, -1, 1)
    turned = Pairs(rows, table.scores, table.labels)
    assert (turned.labels["rater0"] == sign * table.labels["rater0"]).all()
    one, other = (bayes.fit("raters", t, n_draws=100, check=False) for t in (table, turned))
    for name in ("rater_accuracy", "confusion", "accuracy", "agreement"):
        assert np.allclose(one["posterior"][name], other["posterior"][name])
    p, q = (t["constant_data"]["truth_probability"].to_numpy() for t in (one, other))
    assert np.allclose(p[~turn], q[~turn]) and np.allclose(p[turn], q[turn, ::-1])


def test_same_seed_same_draws():
    table = planted(6, n=100)
    draws = [
        bayes.fit("raters", table, n_draws=50, seed=seed, check=False)["posterior"]
        for seed in (1, 1, 2)
    ]
    assert all((draws[0][name] == draws[1][name]).all() for name in draws[0].data_vars)
    assert not np.allclose(draws[0]["accuracy"], draws[2]["accuracy"])


def test_ordered_pairs_have_whole_confusion_matrices():
    table = planted(7, n=1000).replace(ordered=True)
    biased = table.labels.assign(rater2=1.0)  # always the first
    tree = bayes.fit("raters", table.replace(labels=biased), check=False, n_draws=500)
    mean = tree["posterior"]["confusion"].mean(("chain", "draw")).to_numpy()
    assert (mean[2, :, 2] > 0.95).all() and (np.diag(mean[0]) > 0.75).all()
    assert "label_share" in tree["observed_data"]


def test_missing_labels_and_tables_without_scorers():
    table = planted(8, n=1000, missing=0.3)
    bare = table.replace(scores=table.scores.iloc[:, :0])
    tree = bayes.fit("raters", bare, check=False)
    mean, sd = mean_sd(tree, "rater_accuracy")
    assert (np.abs(mean - (0.9, 0.8, 0.7)) < 3.5 * sd).all()
    assert "accuracy" not in tree["posterior"]
    with pytest.raises(MetaevalError, match="fit the model to a table with scorers"):
        bayes.summarize(tree, "accuracy")


def test_all_ties():
    table = planted(9, n=60)
    tree = bayes.fit("raters", table.replace(labels=table.labels * 0.0), check=False, n_draws=200)
    assert mean_sd(tree, "rater_accuracy")[0].min() > 0.8
    assert mean_sd(tree, "prevalence")[0][1] > 0.7


def test_no_ties_make_two_classes():
    tree = bayes.fit("raters", planted(10, tie=0.0, n=800), check=False)
    assert tree["posterior"]["truth"].to_numpy().tolist() == ["second", "first"]
    assert "prevalence" not in tree.attrs["checked"]
    assert "tie_share" not in tree["observed_data"]


def test_rows_of_an_item_are_worth_less_than_rows_of_many():
    alone = planted(11, n=2000, sd=1.5)
    together = planted(11, n=2000, sd=1.5, per_item=10)
    effects = [float(prepared_of(t).arrays["effect"]) for t in (alone, together)]
    assert effects[0] == 1.0 and 1.8 < effects[1] < 3.2
    plain = float(prepared_of(planted(12, n=2000, per_item=10)).arrays["effect"])
    assert plain < 1.2


def test_design_effect_of_copies_is_their_number():
    table = planted(13, n=600)
    patterns = prepared_of(table)
    labels, counts = patterns.arrays["labels"], patterns.arrays["counts"]
    rng = np.random.default_rng(0)
    unit = rng.permutation(np.repeat(np.arange(len(counts)), counts.astype(int)))
    by_unit = 4.0 * np.eye(len(counts))[unit]
    copies = Patterns(labels=labels, counts=4 * counts, of_row=unit, by_unit=by_unit, units=unit)
    assert confusion_effect(copies, False) == pytest.approx(4, rel=0.01)


def intervals_cover(n_simulations, effect):
    truth = [
        np.mean(
            1
            / (1 + np.exp(-np.log(q / (1 - q)) - 1.5 * np.random.default_rng(0).normal(size=10**6)))
        )
        for q in (0.9, 0.8, 0.7)
    ]
    inside = 0.0
    for seed in range(n_simulations):
        table = planted(100 + seed, n=2000, sd=1.5, per_item=10)
        own = effect or float(prepared_of(table).arrays["effect"])
        drawn = sites(table, own, n_draws=600, n_chains=2, n_warmup=100)[0]["rater_accuracy"]
        low, high = np.quantile(drawn, (0.05, 0.95), axis=(0, 1))
        inside += ((low < truth) & (truth < high)).mean() / n_simulations
    return inside


@pytest.mark.slow
def test_intervals_cover_where_rows_depend_on_each_other():
    assert 0.84 < intervals_cover(100, None) < 0.96
    assert intervals_cover(100, 1.0) < 0.8


def ordinal(seed, n=500):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    labels = {}
    for name, severity, sharp in (("x", -0.5, 2.0), ("y", 0.0, 1.2), ("z", 0.5, 3.0)):
        heard = sharp * (quality - severity) + rng.logistic(size=n)
        labels[name] = 1.0 + (heard[:, None] > (-1.0, 1.0)).sum(axis=1)
    rows = pd.DataFrame({"item": range(n), "system": "s"})
    return Responses(rows, pd.DataFrame(index=range(n)), pd.DataFrame(labels))


def test_ordinal_raters_come_back():
    tree = bayes.fit(
        bayes.RaterModel(form="ordinal"),
        ordinal(0),
        n_chains=2,
        n_warmup=300,
        n_draws=300,
        check=False,
    )
    for name, truth in (("severity", (-0.5, 0, 0.5)), ("discrimination", (2, 1.2, 3))):
        mean, sd = mean_sd(tree, name)
        assert (np.abs(mean - truth) < 3.5 * sd).all() and (sd < 0.5).all(), name
    assert bayes.diagnose(tree).loc["divergences", "passed"]
    assert bayes.summarize(tree, "severity").row("z", "x")["estimate"] > 0.7
    with pytest.raises(MetaevalError, match="dawid_skene"):
        bayes.summarize(tree, "rater_accuracy")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label": "rater0"}, "raters="),
        ({"by": "item"}, "select"),
        ({"missing": "count_as_wrong"}, "common"),
        ({"resample": ("item", "system")}, "resample"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(MetaevalError, match=words):
        bayes.fit("raters", planted(14, n=40), **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"raters": ["rater0"]}, "at least two raters, got rater0"),
        ({"raters": ["rater0", "nobody"]}, "nobody"),
        ({"form": "ordinal"}, "ratings of responses"),
        ({"form": "glad"}, "dawid_skene"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(MetaevalError, match=words):
        bayes.fit(bayes.RaterModel(**options), planted(14, n=40))


def test_raters_who_share_no_row_or_said_nothing_are_refused():
    table = planted(15, n=40, quality=(0.9, 0.8))
    half = np.arange(40) < 20
    apart = table.labels.assign(
        rater0=table.labels["rater0"].where(half), rater1=table.labels["rater1"].where(~half)
    )
    with pytest.raises(MetaevalError, match="must label the same rows"):
        bayes.fit("raters", table.replace(labels=apart))
    silent = table.labels.assign(rater1=np.nan)
    with pytest.raises(MetaevalError, match="rater1 has no labels"):
        bayes.fit("raters", table.replace(labels=silent))


def test_pandalm():
    folder = data("pandalm")
    sources = (folder / "judge_pairs.parquet", folder / "human_pairs.parquet")
    table = read(*sources, columns={"cluster": "prompt"}, average_raters=True, refusals="wrong")
    tree = bayes.fit(bayes.RaterModel(), table)
    assert np.allclose(tree["observed_data"]["agreement_observed"], (0.6977, 0.6677), atol=5e-5)
    assert mean_sd(tree, "rater_accuracy")[0].min() > 0.93
    assert np.abs(mean_sd(tree, "prevalence")[0] - (0.445, 0.11, 0.445)).max() < 0.02


def test_responses_become_pairs():
    table = simulate(seed=3, n_items=40, raters=4, scorers=["judge"]).table
    names = ["human1", "human3", "human4"]
    tree = bayes.fit(bayes.RaterModel(raters=names), table, check=False, n_draws=100)
    assert tree["posterior"]["rater"].to_numpy().tolist() == names
    assert tree["log_likelihood"].sizes["unit"] == 40
    assert float(tree["constant_data"]["design_effect"]) > 1
    notes = bayes.summarize(tree, "accuracy").meta.notes
    assert any("design effect" in line for line in notes)

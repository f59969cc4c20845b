"""Raters of pairs by covariates: whose labels follow length, without knowing the truth."""

import numpy as np
import pandas as pd
import pytest
from rater_models import four_times, log_likelihoods

from metaeval import MetaevalError, Pairs, bayes
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.rater_models.confusion import confusion_layout
from metaeval.bayes.rater_models.covariate_bins import ranges_of_pairs
from metaeval.bayes.rater_models.density import dirichlet_from_gammas
from metaeval.bayes.rater_models.design_effect import confusion_effect
from metaeval.bayes.rater_models.label_patterns import Patterns

BIAS, TRULY, UNIT = (1.0, 0.0, -0.6, 0.3), 0.5, 50.0
SIDE = np.array([-0.5, 0.0, 0.5])
RIGHT = np.array([[0.8, 0.12, 0.08], [0.2, 0.6, 0.2], [0.08, 0.12, 0.8]])
OPTIONS = {"n_chains": 2, "n_warmup": 300, "n_draws": 300, "check": False}


def chosen(chance, slope, x, rng):
    """Classes (row,) whose logit of first over second has a slope in x."""
    weight = chance * np.exp(slope * x[:, None] * SIDE)
    weight /= weight.sum(axis=1, keepdims=True)
    return (rng.random((len(x), 1)) > weight.cumsum(axis=1)[:, :-1]).sum(axis=1)


def compared(seed, n=1000, bias=BIAS, truly=TRULY, per_item=1, **fields):
    """Pairs whose raters like length to some degree; the truth is among the scores."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    true = chosen(np.array([0.45, 0.1, 0.45]), truly, x, rng)
    labels = pd.DataFrame(
        {name: chosen(RIGHT[true], b, x, rng) - 1.0 for name, b in zip("abcd", bias, strict=True)}
    )
    rows = pd.DataFrame({"item": np.arange(n) // per_item, "first": range(n)})
    rows = rows.assign(
        second=-1 - rows["first"], length_delta=UNIT * x, words_delta=rng.normal(size=n)
    )
    rows = rows.astype({"first": str, "second": str})
    scores = pd.DataFrame({"judge": chosen(RIGHT[true], 0.0, x, rng) - 1.0, "truth": true - 1.0})
    return Pairs(rows, scores, labels, **fields)


def ready_of(table, covariates="length_delta"):
    return bayes.RaterModel(covariates=covariates).prepare(table, DesignOptions())


def some_sites(seed, n_covariates=1, ordered=False):
    """A draw from about the prior, as a chain of one."""
    rng = np.random.default_rng(seed)
    confusion = RIGHT + rng.uniform(0, 0.3, (4, 3, 3)) if ordered else np.tile(RIGHT, (4, 1, 1))
    prevalence = rng.dirichlet([4, 4, 4]) if ordered else np.array([0.4, 0.2, 0.4])
    one = {
        "confusion": confusion / confusion.sum(axis=-1, keepdims=True),
        "prevalence": prevalence,
        "coefficient": rng.normal(size=(4, n_covariates)),
        "quality_coefficient": rng.normal(size=n_covariates),
    }
    return one, {name: values[None, None] for name, values in one.items()}


def at(chance, slope, x):
    weight = chance * np.exp((slope @ x) * SIDE)
    return weight / weight.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def fitted():
    table = compared(0, n=800)
    return bayes.fit(
        bayes.RaterModel(covariates="length_delta"), table, **OPTIONS | {"n_draws": 500}
    ), table


def test_planted_biases_come_back(fitted):
    posterior = fitted[0]["posterior"]
    for name, truth in (
        ("coefficient", np.array(BIAS)[:, None]),
        ("quality_coefficient", (TRULY,)),
        ("confusion", np.tile(RIGHT, (4, 1, 1))),
    ):
        draws = posterior[name]
        mean, sd = (draws.reduce(f, ("chain", "draw")).to_numpy() for f in (np.mean, np.std))
        assert (np.abs(mean - truth) < 3.5 * sd).all() and (sd < 0.2).all(), name


def test_accuracies_are_those_of_the_rows_at_hand(fitted):
    tree, table = fitted
    truth, result = table.scores["truth"], bayes.summarize(tree, "rater_accuracy")
    for rater, said in table.labels.items():
        row = result.row(rater)
        assert row["estimate"] == pytest.approx((said == truth).mean(), abs=3 * row["se"])
        assert row["status"] == "approximate"
    judge = bayes.summarize(tree, "accuracy").row("judge")
    right = (table.scores["judge"] * truth + 1)[truth != 0] / 2
    assert judge["estimate"] == pytest.approx(right.mean(), abs=3 * judge["se"])


def test_who_likes_length_is_found(fitted):
    tree = fitted[0]
    result = bayes.summarize(tree, "bias")
    assert result.row("a")["lower"] > 0 > result.row("c")["upper"]
    assert result.row("a", "c")["estimate"] == pytest.approx(1.6, abs=0.6)
    note = result.meta.notes[1]
    assert (
        "per root mean square of the difference in length_delta" in note
        and "nonzero even for unbiased raters" in note
    )
    assert "covariates=length_delta" in tree.attrs["signature"]
    assert float(tree["constant_data"]["covariate_sd"][0]) == pytest.approx(UNIT, rel=0.1)
    assert bayes.posterior_predictive(tree)["p"].min() > 0.01


def test_raters_without_bias_are_not_said_to_have_one():
    table = compared(1, bias=(0.0, 0.0, 0.0, 0.0), truly=1.0)
    tree = bayes.fit(bayes.RaterModel(covariates="length_delta"), table, **OPTIONS)
    result = bayes.summarize(tree, "bias", confidence=0.99)
    assert all(result.row(n)["lower"] < 0 < result.row(n)["upper"] for n in "abcd")
    assert float(tree["posterior"]["quality_coefficient"].mean()) == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("covariates", [["length_delta"], ["length_delta", "words_delta"]])
def test_likelihood_is_the_sum_over_truths(covariates, ordered):
    table = compared(2, n=60, ordered=ordered)
    labels = table.labels.where(np.random.default_rng(0).random((60, 4)) < 0.8)
    table = table.replace(labels=labels).canonical
    labels = table.labels
    ready = ready_of(table, covariates)
    one, sites = some_sites(3, len(covariates), ordered)
    found = ready.log_likelihood(sites)[0, 0]
    truths = ready.derived_constants(sites)["truth_probability"][1]
    x = table.rows[covariates].to_numpy()
    turn = np.where((x[:, 0] < 0) & (not ordered), -1, 1)
    ranges = ranges_of_pairs(x.T * turn, covariates)
    assert ranges.sd == pytest.approx(np.sqrt(np.square(x).mean(axis=0)))
    for row in (0, 7, 31, 59):
        given, seen = turn[row] * labels.to_numpy()[row], ranges.values[ranges.of_row[row]]
        chance = at(one["prevalence"], one["quality_coefficient"], seen)
        for rater in np.flatnonzero(~np.isnan(given)):
            said = at(one["confusion"][rater], one["coefficient"][rater], seen)
            chance = chance * said[:, int(given[rater]) + 1]
        assert found[row] == pytest.approx(np.log(chance.sum()), abs=1e-9)
        chance = (chance / chance.sum())[:: turn[row]]
        assert truths[row] == pytest.approx(chance, abs=1e-9)


def test_ranges_are_of_about_equal_numbers():
    table = compared(4, n=160)
    x = table.rows[["length_delta"]].to_numpy().T
    found = ranges_of_pairs(np.abs(x), ["length_delta"])
    rank = pd.Series(np.abs(x[0])).rank().to_numpy() - 1
    assert found.of_row.tolist() == (rank // 16).astype(int).tolist()
    assert (found.mean == 0).all() and (np.diff(found.values[:, 0]) > 0).all()


@pytest.mark.parametrize("ties", [True, False])
def test_turning_pairs_changes_nothing(ties):
    table = compared(5, n=300)
    if not ties:
        table = table.replace(labels=table.labels.where(table.labels != 0, 1.0))
    rows, turn = table.rows, np.random.default_rng(0).choice([1.0, -1.0], 300)
    names = rows[["first", "second"]].astype(str).to_numpy()
    names = np.where(turn[:, None] < 0, names[:, ::-1], names)
    rows = rows.assign(first=names[:, 0], second=names[:, 1])
    rows = rows.assign(length_delta=turn * rows["length_delta"])
    turned = Pairs(rows, table.scores.mul(turn, axis=0), table.labels.mul(turn, axis=0))
    one, other = (ready_of(t).arrays for t in (table, turned))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("ordered", [False, True])
def test_model_and_its_log_likelihood_agree(ordered):
    ready = ready_of(compared(6, n=60, ordered=ordered))
    total, by_unit = log_likelihoods(ready)
    assert total == pytest.approx(by_unit / 2, rel=1e-9)


def test_predictions_without_slopes_are_those_of_the_plain_model():
    table = compared(7, n=2_000)
    _, sites = some_sites(8)
    sites = {n: np.repeat(v * (not n.endswith("coefficient")), 200, 1) for n, v in sites.items()}
    rng = np.random.default_rng(0)
    found = [ready.predict(sites, rng) for ready in (ready_of(table), ready_of(table, ()))]
    for name in ("rater_agreement", "tie_share"):
        one, other = (part[name][1].mean(axis=(0, 1)) for part in found)
        assert one == pytest.approx(other, abs=0.005)


def test_design_effect_of_copies_is_their_number():
    table = compared(9, n=400)
    ready = ready_of(table)
    labels, counts, unit, by_unit = four_times(ready)
    patterns = Patterns(
        labels=labels,
        counts=counts,
        of_row=unit,
        by_unit=by_unit,
        units=unit,
        n_ranges=len(ready.arrays["labels"]),
    )
    found = confusion_effect(patterns, False, ready.arrays["covariates"])
    assert found == pytest.approx(4, rel=0.02)


def test_design_effect_without_slopes_is_about_that_of_the_plain_model():
    table = compared(10, n=1_200, bias=(0.0,) * 4, truly=0.0, per_item=4)
    labels = table.labels.groupby(table.rows["item"].to_numpy()).transform("first")
    table = table.replace(labels=labels)  # the raters see one row of each item four times
    found = [float(ready_of(table, names).arrays["effect"]) for names in ("length_delta", ())]
    assert found[1] == pytest.approx(4, rel=0.05)
    assert found[0] == pytest.approx(4, rel=0.2)  # coefficients have about 1, as x is of the rows


@pytest.mark.parametrize(
    ("covariates", "words"),
    [
        (
            "length",
            "no difference column 'length'.*available: length_delta, words_delta, flat_delta",
        ),
        ("holes_delta", "holes_delta is missing or infinite in 4 pairs"),
        ("endless_delta", "endless_delta is missing or infinite in 1 pairs"),
        ("words_as_text_delta", "no difference column 'words_as_text_delta'"),
        ("flat_delta", "flat_delta is 0 in all labeled pairs"),
    ],
)
def test_covariates_that_make_no_sense_are_refused(covariates, words):
    table = compared(11, n=40)
    holes = table.rows["length_delta"].where(table.rows.index > 3)
    endless = table.rows["length_delta"].where(table.rows.index > 0, np.inf)
    rows = table.rows.assign(flat_delta=0.0, holes_delta=holes, endless_delta=endless)
    table = table.replace(rows=rows.assign(words_as_text_delta="7"))
    with pytest.raises(MetaevalError, match=words):
        bayes.fit(bayes.RaterModel(covariates=covariates), table)


def test_graded_quality_leaves_slopes_in_raters_without_bias():
    """What the docstring warns of: who errs less on longer winners seems to like length."""
    rng = np.random.default_rng(0)
    x, n = rng.normal(size=600), 600
    quality = x + rng.normal(size=n)
    heard = quality[:, None] + 0.7 * rng.normal(size=(n, 4))
    rows = compared(0, n=n).rows.assign(length_delta=x)
    table = Pairs(
        *(rows, pd.DataFrame(index=rows.index)),
        pd.DataFrame(np.sign(heard), index=rows.index).add_prefix("r"),
    )
    tree = bayes.fit(bayes.RaterModel(covariates="length_delta"), table, **OPTIONS)
    assert float(tree["posterior"]["coefficient"].mean()) > 0.3


def test_models_of_raters_are_weighed_at_one_design_effect():
    """Rows of an item share the truth and length, and nothing is owed to it."""
    rng = np.random.default_rng(0)
    table = compared(0, n=400, bias=(0.0,) * 4, truly=0.0, per_item=4)
    x = rng.normal(size=100)[np.arange(400) // 4] + 0.3 * rng.normal(size=400)
    first = 4 * (np.arange(400) // 4)
    labels = {
        name: chosen(RIGHT[table.scores["truth"].to_numpy(int)[first] + 1], 0.0, x, rng) - 1.0
        for name in "abcd"
    }
    labels = pd.DataFrame(labels, index=table.rows.index)
    table = table.replace(rows=table.rows.assign(length_delta=x), labels=labels)
    trees = {
        n: bayes.fit(bayes.RaterModel(covariates=n), table, **OPTIONS) for n in ("length_delta", ())
    }
    effects = [float(tree["constant_data"]["design_effect"]) for tree in trees.values()]
    assert effects[0] > 1.5 * effects[1]
    found = bayes.compare_models({str(name): tree for name, tree in trees.items()})
    assert found.loc["()", "difference"] > -5 and found["difference"].abs().max() < 20


@pytest.mark.parametrize(("largest", "said"), [(50.0, False), (1e6, True), (1e300, True)])
def test_a_covariate_that_few_pairs_have_most_of_is_named(largest, said):
    table = compared(13, n=400)
    x = table.rows["length_delta"].to_numpy().copy()
    x[7] = largest
    ready = ready_of(table.replace(rows=table.rows.assign(length_delta=x)))
    assert np.isfinite(ready.arrays["covariates"]).all()
    words = "length_delta is dominated by about 1 of 400 pairs"
    assert any(words in line for line in ready.warnings) == said


def test_two_raters_are_warned_of():
    table = compared(14, n=60)
    ready = ready_of(table.keep_labels(["a", "b"]))
    assert "with two raters, bias and quality are not separately identified" in ready.warnings


def test_few_rows_have_no_ranges():
    with pytest.raises(MetaevalError, match="needs at least 30 labeled rows, got 29"):
        ready_of(compared(12, n=29))


def test_chains_start_where_raters_are_mostly_right():
    """All parameters at 0 on the scale of the sampler are about the prior's means."""
    for layout, right in ((confusion_layout(3, False), 0.75), (confusion_layout(2, True), 0.85)):
        matrix = np.asarray(dirichlet_from_gammas(np.ones(len(layout.prior)), layout))
        assert matrix.sum(axis=-1) == pytest.approx(1)
        assert np.diag(matrix)[0] > right


@pytest.mark.slow
def test_intervals_cover():
    held = []
    for seed in range(40):
        table = compared(100 + seed, n=500)
        posterior = bayes.fit(bayes.RaterModel(covariates="length_delta"), table, **OPTIONS)[
            "posterior"
        ]
        for name, truth in (("coefficient", np.array(BIAS)[:, None]), ("quality_coefficient", 0.5)):
            low, high = np.quantile(posterior[name], (0.05, 0.95), axis=(0, 1))
            held += ((low < truth) & (truth < high)).ravel().tolist()
    assert 0.8 < np.mean(held) < 0.97

"""Raters by covariates of the responses: who gives more for length than the others do."""

import numpy as np
import pandas as pd
import pytest
from rater_models import four_times, log_likelihoods
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from metaeval import MetaevalError, Responses, bayes
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.rater_models.covariate_bins import ranges_of_responses
from metaeval.bayes.rater_models.design_effect import ordinal_effect
from metaeval.bayes.rater_models.label_patterns import find_patterns

SEVERITY, SHARP, BIAS = (-0.5, 0.0, 0.5), (2.0, 1.2, 3.0), (0.6, -0.2, -0.4)
TRULY, CUTPOINTS = 0.5, (-1.0, 1.0)


def rated(seed, n=500, truly=TRULY, bias=BIAS, missing=None):
    """Ratings of responses, some of which are longer, by raters some of whom like length."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    quality = rng.normal(size=n)
    labels = {}
    for name, b, sharp, more in zip("xyz", SEVERITY, SHARP, bias, strict=True):
        heard = sharp * (quality + (truly + more) * x - b) + rng.logistic(size=n)
        labels[name] = 1.0 + (heard[:, None] > CUTPOINTS).sum(axis=1)
    labels = pd.DataFrame(labels)
    if missing is not None:
        labels["x"] = labels["x"].where(~missing(x))
    rows = pd.DataFrame({"item": range(n), "system": "s", "length": 200 + 50 * x})
    return Responses(rows, pd.DataFrame(index=range(n)), labels)


def prepared(table, covariates="length"):
    model = bayes.RaterModel(form="ordinal", covariates=covariates)
    return model.prepare(table, DesignOptions())


def some_sites(seed, n_covariates=1, n_draws=3):
    """Draws from about the prior, discriminations small enough for the nodes."""
    rng = np.random.default_rng(seed)
    excess = 0.5 * rng.normal(size=(1, n_draws, 3, n_covariates))
    return {
        "severity": rng.normal(size=(1, n_draws, 3)),
        "discrimination": rng.uniform(0.5, 1.5, size=(1, n_draws, 3)),
        "cutpoints": np.sort(rng.normal(size=(1, n_draws, 2)), axis=-1),
        "quality_coefficient": rng.normal(size=(1, n_draws, n_covariates)),
        "coefficient": excess - excess.mean(axis=2, keepdims=True),
    }


def at(sites, draw):
    return {name: values[0, draw] for name, values in sites.items()}


def chances(one, x, theta):
    """Probability of each level: (rater, level)."""
    slope = one["quality_coefficient"] + one["coefficient"]
    z = one["discrimination"] * (theta + slope @ x - one["severity"])
    up_to = expit(one["cutpoints"] - z[:, None])
    return np.diff(up_to, axis=1, prepend=0, append=1)


def fit(table, **options):
    given = {"n_chains": 2, "n_warmup": 300, "n_draws": 300, "check": False} | options
    return bayes.fit(bayes.RaterModel(form="ordinal", covariates=["length"]), table, **given)


@pytest.fixture(scope="module")
def tree():
    return fit(rated(0, n=800), n_draws=500)


def test_planted_biases_come_back(tree):
    posterior = tree["posterior"]
    for name, truth in (
        ("severity", SEVERITY),
        ("discrimination", SHARP),
        ("quality_coefficient", (TRULY,)),
        ("coefficient", np.array(BIAS)[:, None]),
    ):
        draws = posterior[name]
        mean, sd = (draws.reduce(f, ("chain", "draw")).to_numpy() for f in (np.mean, np.std))
        assert (np.abs(mean - truth) < 3.5 * sd).all() and (sd < 0.4).all(), name
    assert np.abs(posterior["coefficient"].sum("rater")).max() < 1e-12
    assert bayes.diagnose(tree).loc["divergences", "passed"]


def test_who_likes_length_is_found(tree):
    result = bayes.summarize(tree, "bias")
    assert result.row("x")["lower"] > 0 > result.row("z")["upper"]
    assert result.row("x", "y")["estimate"] == pytest.approx(0.8, abs=0.3)
    assert result.row("x")["status"] == "approximate"
    note = result.meta.notes[1]
    assert "per standard deviation of length" in note
    assert "shared by all raters is not identified" in note
    named = bayes.summarize(tree, "bias", covariate="length")
    assert named.row("x")["estimate"] == result.row("x")["estimate"]
    assert "at mean covariates" in bayes.summarize(tree, "severity").meta.notes[1]
    with pytest.raises(MetaevalError, match="no covariate 'width'; there is only length"):
        bayes.summarize(tree, "bias", covariate="width")


def test_tree_says_what_was_done(tree):
    constant, length = tree["constant_data"], rated(0, n=800).rows["length"]
    assert float(constant["covariate_mean"][0]) == pytest.approx(length.mean())
    assert float(constant["covariate_sd"][0]) == pytest.approx(length.std(ddof=0))
    assert constant["rows_in_range"].to_numpy().tolist() == [50] * 16
    assert tree["posterior"]["coefficient"].dims == ("chain", "draw", "rater", "covariate")
    assert "covariates=length" in tree.attrs["signature"]
    predicted = bayes.posterior_predictive(tree)
    assert predicted["p"].min() > 0.01


def test_raters_who_give_as_much_are_not_biased():
    """What all give for length is taken for truth."""
    found = fit(rated(1, bias=(0.0, 0.0, 0.0), truly=1.0))
    result = bayes.summarize(found, "bias")
    assert all(result.row(n)["lower"] < 0 < result.row(n)["upper"] for n in "xyz")
    assert float(found["posterior"]["quality_coefficient"].mean()) == pytest.approx(1.0, abs=0.25)


def test_ranges_are_of_about_equal_numbers():
    table = rated(2, n=160)
    words = np.random.default_rng(0).poisson(3, 160)
    table = table.replace(rows=table.rows.assign(words=words))
    one = ranges_of_responses(table, ["length"])
    rank = table.rows["length"].rank().to_numpy() - 1
    assert one.of_row.tolist() == (rank // 16).astype(int).tolist()
    z = (table.rows["length"] - one.mean[0]) / one.sd[0]
    assert one.values[:, 0] == pytest.approx(z.groupby(one.of_row).mean().to_numpy())
    both = ranges_of_responses(table, ["length", "words"])
    assert 10 < len(both.values) <= 40
    assert both.mean == pytest.approx([table.rows["length"].mean(), words.mean()])
    number = np.bincount(both.of_row)
    assert number @ both.values == pytest.approx([0, 0], abs=1e-9)


def test_patterns_in_ranges_are_counted_apart():
    rng = np.random.default_rng(0)
    codes, units, ranges = rng.integers(-1, 2, (90, 2)), np.arange(90) // 3, rng.integers(0, 3, 90)
    found = find_patterns(codes, 2, units, 30, ranges)
    assert found.n_ranges == 3 and found.counts.sum() == 90
    labels = found.labels[found.of_row]
    assert (np.where(labels.any(axis=2), labels.argmax(axis=2), -1) == codes).all()
    assert (found.of_row // (len(found.counts) // 3) == ranges).all()
    assert (found.by_unit.sum(axis=0) == found.counts).all()
    assert (found.by_range(found.counts).sum(axis=1) == np.bincount(ranges)).all()


@pytest.mark.parametrize("covariates", [["length"], ["length", "words"]])
def test_likelihood_is_the_integral_over_quality(covariates):
    table = rated(2, n=60, missing=lambda x: x > 1)
    words = np.random.default_rng(0).poisson(3, 60)
    table = table.replace(rows=table.rows.assign(words=words)).canonical
    ready, ranges = prepared(table, covariates), ranges_of_responses(table, covariates)
    sites = some_sites(3, len(covariates))
    found, said = ready.log_likelihood(sites)[0], table.labels.to_numpy()
    for draw, row in ((0, 0), (1, 7), (2, 31), (0, 59)):
        one, heard = at(sites, draw), np.flatnonzero(~np.isnan(said[row]))
        x, level = ranges.values[ranges.of_row[row]], said[row, heard].astype(int) - 1

        def density(theta, one=one, heard=heard, level=level, x=x):
            return norm.pdf(theta) * chances(one, x, theta)[heard, level].prod()

        assert found[draw, row] == pytest.approx(np.log(quad(density, -9, 9)[0]), abs=1e-5)


def test_model_and_its_log_likelihood_agree():
    ready = prepared(rated(4, n=60))
    total, by_unit = log_likelihoods(ready)
    assert total == pytest.approx(by_unit / 2, rel=1e-9)


def test_predicted_shares_are_of_the_ranges_that_a_rater_saw():
    table = rated(5, n=4_000, missing=lambda x: x > 0)
    ready, ranges = prepared(table), ranges_of_responses(table, ["length"])
    one = {name: values[:, :1] for name, values in some_sites(6).items()}
    many = {name: np.repeat(values, 200, axis=1) for name, values in one.items()}
    predicted = ready.predict(many, np.random.default_rng(0))
    theta = np.random.default_rng(1).normal(size=400)
    x = ranges.values[ranges.of_row]
    each = np.array([[chances(at(one, 0), v, t) for t in theta] for v in ranges.values])
    by_row = each.mean(axis=1)[ranges.of_row]
    saw = table.labels.notna().to_numpy()
    expected = np.stack([by_row[saw[:, r], r].mean(axis=0) for r in range(3)])
    assert predicted["label_share"][1].mean(axis=(0, 1)) == pytest.approx(expected, abs=0.05)
    assert x[saw[:, 0]].max() < 0.2  # the first saw short ones only


def test_design_effect_of_copies_is_their_number():
    ready = prepared(rated(7, n=400))
    labels, counts, _, by_unit = four_times(ready)
    found = ordinal_effect(labels, counts, by_unit, ready.arrays["covariates"])
    assert found == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize(
    ("covariates", "words"),
    [
        ("width", "no numeric column 'width'.*available: length, flat, holes"),
        ("length_delta", "Did you mean 'length'"),
        ("system", "no numeric column 'system'"),
        ("holes", "holes is missing or infinite in 4 rated rows"),
        ("flat", "flat is 1 in all rated rows"),
    ],
)
def test_covariates_that_make_no_sense_are_refused(covariates, words):
    table = rated(8, n=40)
    holes = table.rows["length"].where(table.rows.index > 3)
    table = table.replace(rows=table.rows.assign(flat=1, holes=holes))
    with pytest.raises(MetaevalError, match=words):
        bayes.fit(bayes.RaterModel(form="ordinal", covariates=covariates), table)


def test_few_rows_have_no_ranges():
    with pytest.raises(MetaevalError, match="needs at least 30 labeled rows, got 29"):
        prepared(rated(9, n=29))


def test_without_covariates_there_is_no_bias():
    tree = bayes.fit(
        bayes.RaterModel(form="ordinal"),
        rated(10, n=60),
        n_chains=1,
        n_draws=50,
        n_warmup=50,
        check=False,
    )
    with pytest.raises(MetaevalError, match=r"no bias parameter; fit the model with covariates="):
        bayes.summarize(tree, "bias")


@pytest.mark.slow
def test_intervals_cover():
    held = []
    for seed in range(40):
        posterior = fit(rated(100 + seed))["posterior"]
        for name, truth in (("coefficient", np.array(BIAS)[:, None]), ("quality_coefficient", 0.5)):
            low, high = np.quantile(posterior[name], (0.05, 0.95), axis=(0, 1))
            held += ((low < truth) & (truth < high)).ravel().tolist()
    assert 0.8 < np.mean(held) < 0.97

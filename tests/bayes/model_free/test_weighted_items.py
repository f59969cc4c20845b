"""The Bayesian bootstrap, and tables of paired verdicts: properties, then what is refused."""

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from metaeval import Pairs, compare, evaluate, simulate
from metaeval.bayes import bayesian_bootstrap, prob_better
from metaeval.bayes.model_free import paired_counts
from metaeval.core import MetaevalError
from metaeval.statistics import (
    brier,
    ece,
    ece_debiased,
    kendall,
    pairwise_accuracy,
    system_accuracy,
)

TASKS = simulate(seed=3, n_items=60, tasks=("news", "chat")).table


def verdicts(right, names=None, items=None):
    """Pairs, one row each, on which some scorers (column) are right or wrong."""
    n, k = right.shape
    rows = pd.DataFrame({"item": np.arange(n) if items is None else items, "first": "a"})
    rows["second"] = [f"b{i}" for i in range(n)]
    scores = pd.DataFrame(np.where(right, 1.0, -1.0), columns=names or [f"s{m}" for m in range(k)])
    return Pairs(rows, scores, pd.DataFrame({"human": np.ones(n)}))


def correlated(n, k, seed=0, share=0.6):
    rng = np.random.default_rng(seed)
    z = np.sqrt(share) * rng.normal(size=(n, 1)) + np.sqrt(1 - share) * rng.normal(size=(n, k))
    return z + np.linspace(0.3, 0.8, k) > 0


def lengthy(n, like, seed=0, per_item=1):
    """Pairs of which better responses are longer, and calls that follow label and length."""
    rng = np.random.default_rng(seed)
    x, words = rng.normal(size=(2, n))
    label = np.sign(0.5 * x + rng.normal(size=n)) * (rng.random(n) > 0.1)
    calls = {f"s{b}": np.sign(label + b * x + rng.normal(size=n)) for b in like}
    rows = pd.DataFrame({"item": np.arange(n) // per_item, "first": [f"a{i}" for i in range(n)]})
    rows = rows.assign(second="b", length_delta=30 * x, words_delta=words)
    return Pairs(rows, pd.DataFrame(calls), pd.DataFrame({"human": label}))


# The bootstrap.
def test_draws_of_a_mean_have_the_moments_of_dirichlet_weights():
    right = correlated(400, 3)
    result = bayesian_bootstrap(verdicts(right), pairwise_accuracy(), n_draws=20_000)
    for a, b in itertools.combinations(range(3), 2):
        gap = right[:, a].astype(float) - right[:, b]
        row, exact = result.row(f"s{a}", f"s{b}"), np.sqrt(gap.var() / (len(gap) + 1))
        assert row["se"] == pytest.approx(exact, rel=0.02)
        assert abs(row["estimate"] - gap.mean()) < 4 * exact / np.sqrt(20_000)
        assert row["prob_better"] == pytest.approx(stats.norm.cdf(gap.mean() / exact), abs=0.02)


def test_few_units_follow_the_dirichlet_as_well():
    right = correlated(12, 2, seed=2)
    result = bayesian_bootstrap(verdicts(right), pairwise_accuracy(), n_draws=20_000)
    weights = np.random.default_rng(1).dirichlet(np.ones(12), size=20_000)
    drawn = weights @ (right[:, 0].astype(float) - right[:, 1])
    row = result.row("s0", "s1")
    ends = np.quantile(drawn, [0.025, 0.975])
    assert [row["lower"], row["upper"]] == pytest.approx(ends, abs=0.01)
    assert row["se"] == pytest.approx(drawn.std(), rel=0.03)
    assert (
        "with 12 items, intervals of the Bayesian bootstrap are too narrow"
        in result.meta.warnings[0]
    )


def test_independent_posteriors_would_be_too_wide():
    right = correlated(1000, 2)
    row = bayesian_bootstrap(verdicts(right), pairwise_accuracy()).row("s0", "s1")
    apart = np.sqrt(sum(stats.beta(1 + x.sum(), 1 + (~x).sum()).var() for x in right.T))
    assert apart > 1.2 * row["se"]


def test_it_agrees_with_the_dirichlet_on_the_table_of_two():
    right = correlated(500, 2)
    n10, n01 = (int((right[:, a] & ~right[:, 1 - a]).sum()) for a in (0, 1))
    row = bayesian_bootstrap(verdicts(right), pairwise_accuracy(), n_draws=20_000).row("s0", "s1")
    assert row["prob_better"] == pytest.approx(prob_better([[0, n01], [n10, 0]]), abs=0.01)


@pytest.mark.parametrize("statistic", [pairwise_accuracy(), kendall()])
def test_the_order_of_scorers_changes_nothing(statistic):
    kept = ["reward", "judge", "lexical"]
    one = bayesian_bootstrap(TASKS, statistic, scorers=kept, by="task", rope=0.02, n_draws=200)
    other = bayesian_bootstrap(
        TASKS.replace(scores=TASKS.scores[TASKS.scorers[::-1]]),
        statistic,
        scorers=kept[::-1],
        by="task",
        rope=0.02,
        n_draws=200,
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert one.signature == other.signature


def test_the_seed_and_nothing_else_decides():
    one, same, other = (
        bayesian_bootstrap(TASKS, pairwise_accuracy(), n_draws=200, seed=seed) for seed in (1, 1, 2)
    )
    assert one.to_json() == same.to_json()
    assert (one.draws == same.draws).all()
    assert not np.allclose(one.draws, other.draws)
    assert "seed:2" in other.signature


def test_draws_are_those_of_the_bootstrap_with_exponential_weights():
    result = bayesian_bootstrap(TASKS, pairwise_accuracy(), by="task", n_draws=300, seed=4)
    resampled = evaluate(
        TASKS, pairwise_accuracy(), by="task", n_resamples=300, weights="exponential", seed=4
    )
    own = resampled.frame["statistic"] == resampled.statistics[0]
    assert (result.draws == resampled.draws[:, : own.sum()]).all()
    rows = result.frame[result.frame["baseline"].isna()]
    assert result.draws.mean(axis=0) == pytest.approx(rows["estimate"].to_numpy())
    assert result.draws.std(axis=0, ddof=1) == pytest.approx(rows["se"].to_numpy())


def test_the_macro_row_is_the_mean_of_the_strata():
    result = bayesian_bootstrap(TASKS, pairwise_accuracy(), by="task", n_draws=200)
    k = len(TASKS.scorers)
    assert result.draws[:, :k] == pytest.approx(
        (result.draws[:, k : 2 * k] + result.draws[:, 2 * k :]) / 2
    )
    assert set(result.frame["task"].dropna()) == {"news", "chat"}
    assert result.row("judge", "reward", task="chat")["n_items"] == 60


def test_clusters_are_weighted_whole():
    right = np.repeat(correlated(40, 2), 5, axis=0)
    names = [f"{i // 5:02}-{i % 5}" for i in range(200)]
    table = verdicts(right, items=names)
    table = table.replace(rows=table.rows.assign(cluster=table.rows["item"].astype(str).str[:2]))
    gap = (right[:, 0].astype(float) - right[:, 1])[::5]
    whole = bayesian_bootstrap(table, pairwise_accuracy()).row("s0", "s1")
    single = bayesian_bootstrap(table, pairwise_accuracy(), resample="item").row("s0", "s1")
    assert whole["se"] == pytest.approx(np.sqrt(gap.var() / 41), rel=0.05)
    assert single["se"] == pytest.approx(np.sqrt(gap.var() / 201), rel=0.05)


@pytest.mark.parametrize("statistic", [pairwise_accuracy("half"), brier()])
def test_better_follows_what_is_good(statistic):
    table = simulate(seed=3, n_items=60).table.pairs()
    result = bayesian_bootstrap(table, statistic, rope=0.03, n_draws=500)
    place = {name: m for m, name in enumerate(table.scorers)}
    sign = -1 if statistic.estimand.better == "lower" else 1
    for one, two in itertools.permutations(table.scorers, 2):
        row = result.row(one, two)
        gain = sign * (result.draws[:, place[one]] - result.draws[:, place[two]])
        found = [row["estimate"], row["prob_better"], row["expected_loss"], row["prob_rope"]]
        loss = np.maximum(-gain, 0).mean()
        wanted = [sign * gain.mean(), (gain > 0).mean(), loss, (abs(gain) < 0.03).mean()]
        assert found == pytest.approx(wanted, abs=1e-12)


def test_a_baseline_is_compared_with_all_others():
    result = bayesian_bootstrap(TASKS, pairwise_accuracy(), baseline="reward", n_draws=200)
    assert set(result.frame["baseline"].dropna()) == {"reward"}
    assert result.frame["baseline"].notna().sum() == len(TASKS.scorers) - 1
    assert "baseline:reward" in result.signature


def test_levels_stand_beside_the_values():
    table = simulate(seed=3, n_items=60, scorers=["judge", "lexical"]).table
    posterior = bayesian_bootstrap(table, "tie_calibrated_accuracy", n_draws=200).row("judge")
    resampled = evaluate(table, "tie_calibrated_accuracy", n_resamples=200).row("judge")
    for name in ("chance", "tie_rate", "best_constant"):
        assert posterior[name] == resampled[name]
    gain = posterior["estimate"] - posterior["best_constant"]
    assert posterior["skill"] == pytest.approx(gain / (1 - posterior["best_constant"]))


def test_the_label_picks_the_statistic_and_systems_have_theirs():
    assert (
        "default for ratings: tie_calibrated"
        in bayesian_bootstrap(TASKS, n_draws=100).meta.notes[1]
    )
    rows = bayesian_bootstrap(TASKS, system_accuracy(), by="task", n_draws=100).frame
    assert rows["estimate"].notna().all()


def test_what_draws_cannot_show_is_said():
    right = correlated(50, 2)
    right[:, 0] = True
    said = bayesian_bootstrap(verdicts(right), pairwise_accuracy(), n_draws=100).meta.warnings
    assert any(w.startswith("s0: all items have the same value") for w in said)
    pairs = simulate(seed=3, n_items=40).table.pairs()
    said = bayesian_bootstrap(pairs, ece(), n_draws=100).meta.warnings
    assert any(w.startswith("ece is biased upward by noise") for w in said)
    said = bayesian_bootstrap(pairs, ece_debiased(), n_draws=100).meta.warnings
    assert any("posterior means differ from the sample values" in w for w in said)
    assert not bayesian_bootstrap(pairs, brier(), n_draws=100).meta.warnings


def test_draws_that_are_undefined_are_left_out_and_said():
    half, right = pairwise_accuracy("half"), correlated(60, 2)
    most = right.mean(axis=0).max() + 0.02
    holes = dataclasses.replace(
        half, finish=lambda sums: np.where(half.finish(sums) > most, np.nan, 0.5)
    )
    result = bayesian_bootstrap(verdicts(right), holes, n_draws=400)
    assert any("undefined in" in w for w in result.meta.warnings)
    assert result.frame["estimate"].notna().all()


NONSENSE = {
    "no table": (3, {}, "Expected a Responses or Pairs table"),
    "one item": (
        verdicts(correlated(1, 2)),
        {},
        "There is only one item; the Bayesian bootstrap needs",
    ),
    "systems": (TASKS, {"resample": ("item", "system")}, "not systems; use resample='item'"),
    "pairwise": (TASKS, {"missing": "pairwise"}, "use missing='common'"),
    "wrong": (TASKS, {"statistic": "kendall", "missing": "count_as_wrong"}, "not to kendall"),
    "few draws": (TASKS, {"n_draws": 10}, "n_draws=10 must be"),
    "seed": (TASKS, {"seed": -1}, "seed=-1 must be"),
    "confidence": (TASKS, {"confidence": 95}, "confidence=95 must be"),
    "rope": (TASKS, {"rope": -0.1}, "rope=-0.1 must be"),
    "baseline": (TASKS, {"baseline": "rewrad"}, "Did you mean 'reward'"),
    "too many items": (
        TASKS,
        {"statistic": dataclasses.replace(kendall("b", grouping="none"), most_items=10)},
        "draws are limited to 10 items",
    ),
    "one unit in a task": (
        TASKS.keep_rows((TASKS.rows["task"] == "chat") | (TASKS.item_codes == 119)),
        {"by": "task"},
        "There is only one item in task 'news'",
    ),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_refused_in_one_sentence(case):
    table, options, message = NONSENSE[case]
    options = {"statistic": "pairwise_accuracy"} | options
    with pytest.raises(MetaevalError) as error:
        bayesian_bootstrap(table, **options)
    assert message in str(error.value)


def test_a_posterior_needs_no_jax():
    code = (
        "import sys, metaeval, metaeval.bayes as b; t = metaeval.load_example();"
        "b.bayesian_bootstrap(t, n_draws=100); b.prob_better([[1, 2], [3, 4]]);"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Tables of paired verdicts.
def test_two_scorers_that_win_as_often_are_even():
    for n in (0, 1, 7, 100_000, 0.5):
        assert prob_better([[3, n], [n, 9]]) == 0.5
        assert prob_better([[3, n, 2], [n, 9, 4], [2, 4, 1]], prior=0.3) == 0.5


def test_a_table_of_two_is_a_beta():
    for n10, n01 in itertools.product((0, 1, 5, 30), repeat=2):
        below = stats.beta(1.5 + n10, 1.5 + n01).sf(0.5)
        assert prob_better([[8, n01], [n10, 8]], prior=1.5) == pytest.approx(below, rel=1e-12)


def test_both_tails_of_a_table_of_two_are_kept():
    low, high = prob_better([[0, 1000], [0, 0]]), prob_better([[0, 0], [1000, 0]])
    assert low == pytest.approx(0.5**1001, rel=1e-9)
    assert high == 1.0
    assert 0 < prob_better([[0, 900], [2, 0]]) < 1e-200


def test_cells_where_both_earn_the_same_do_not_matter():
    counts_ = np.array([[4, 3, 6], [2, 9, 1], [5, 4, 7]])
    assert prob_better(counts_) == prob_better(counts_ + 50 * np.eye(3))
    assert prob_better(counts_[:2, :2]) == prob_better(counts_[:2, :2] + 50 * np.eye(2))


def test_turning_the_table_turns_the_probability():
    rng = np.random.default_rng(0)
    for k in (2, 3):
        tables = rng.integers(0, 40, size=(6, 5, k, k))
        there, back = prob_better(tables), prob_better(np.swapaxes(tables, -1, -2))
        assert there.shape == (6, 5)
        assert there + back == pytest.approx(np.ones((6, 5)), abs=1e-12)


def test_without_halves_the_integral_is_the_beta():
    rng = np.random.default_rng(1)
    n = np.concatenate([rng.integers(0, 20, (200, 2)), rng.integers(0, 10**5, (200, 2))])
    for prior in (1e-3, 0.5, 1):
        shapes = np.zeros((len(n), 4))
        shapes[:, [0, 3]] = n + prior
        found = paired_counts._prob_positive(shapes, paired_counts._CREDITS)
        exact = special.betainc(shapes[:, 0], shapes[:, 3], 0.5)
        assert found == pytest.approx(exact, abs=1e-10)


def gil_pelaez(shapes):
    """P(sum of credits * Gamma(shapes) > 0), from the characteristic function."""
    credits = np.array([-1, -0.5, 0.5, 1])

    def integrand(x):
        t = np.exp(x)
        size = np.exp(-(shapes / 2 * np.log1p((credits * t) ** 2)).sum())
        return np.sin((shapes * np.arctan(credits * t)).sum()) * size

    return 0.5 + integrate.quad(integrand, -40, 40, limit=2000, epsabs=1e-12)[0] / np.pi


@pytest.mark.parametrize("prior", [0.1, 1.0])
def test_three_credits_agree_with_the_characteristic_function(prior):
    rng = np.random.default_rng(2)
    for most in (1, 5, 60):
        table = rng.integers(0, most + 1, size=(3, 3))
        n = table + prior
        shapes = np.array([n[0, 2], n[0, 1] + n[1, 2], n[1, 0] + n[2, 1], n[2, 0]])
        assert prob_better(table, prior) == pytest.approx(gil_pelaez(shapes), abs=1e-8)


def test_three_credits_agree_with_draws_of_the_whole_table():
    table = np.array([[3, 1, 2], [4, 6, 0], [3, 2, 8]])
    shares = np.random.default_rng(3).dirichlet(1 + table.ravel(), size=200_000).reshape(-1, 3, 3)
    credits = np.array([0, 0.5, 1])
    gap = np.einsum("dab,a->d", shares, credits) - np.einsum("dab,b->d", shares, credits)
    assert prob_better(table) == pytest.approx((gap > 0).mean(), abs=0.005)


def test_counts_from_none_to_many_and_small_priors_stay_probabilities():
    rng = np.random.default_rng(4)
    for prior, most in itertools.product((1e-6, 1e-2, 1), (1, 30, 10**5)):
        tables = rng.integers(0, most + 1, size=(200, 3, 3)) * rng.integers(0, 2, size=(200, 3, 3))
        found = prob_better(tables, prior)
        assert ((found >= 0) & (found <= 1)).all()
        more = tables.copy()
        more[:, 2, 0] += 1  # one more item on which only A is right
        assert (prob_better(more, prior) >= found - 1e-9).all()


BAD_COUNTS = {
    "negative": ([[1, -1], [0, 2]], "nonnegative"),
    "not a number": ([[1, np.nan], [0, 2]], "replace NaN"),
    "ragged": ([[1, 2], [3]], "rows differ in length"),
    "text": ([["a", "b"], ["c", "d"]], "not numeric"),
    "flat": ([1, 2, 3], "has shape (3,)"),
    "not square": ([[1, 2, 3], [1, 2, 3]], "has shape (2, 3)"),
    "four credits": (np.ones((4, 4)), "has shape (4, 4)"),
}


@pytest.mark.parametrize("case", BAD_COUNTS)
def test_counts_that_are_no_table_are_refused(case):
    bad, message = BAD_COUNTS[case]
    with pytest.raises(MetaevalError) as error:
        prob_better(bad)
    assert message in str(error.value)


@pytest.mark.parametrize("prior", [0, -1, np.nan, np.inf, "1"])
def test_priors_are_above_nothing(prior):
    with pytest.raises(MetaevalError, match="prior="):
        prob_better([[1, 2], [3, 4]], prior)


def test_no_tables_have_no_probabilities():
    assert prob_better(np.zeros((0, 3, 3))).shape == (0,)


def test_a_posterior_says_nothing_of_tests():
    result = bayesian_bootstrap(TASKS, pairwise_accuracy(), n_draws=200)
    columns = ["p_value", "p_adjusted", "p_holm", "p_equivalent", "mde"]
    assert result.frame[columns].isna().all(axis=None)
    assert set(result.frame["interval"]) == {"posterior"}
    assert compare(TASKS, pairwise_accuracy(), n_resamples=200).frame["expected_loss"].isna().all()


# Excess bias.
def test_excess_bias_is_the_slope_of_least_squares():
    table = lengthy(300, (0.0, 0.8), per_item=3)
    names = ["length_delta", "words_delta"]
    result = bayesian_bootstrap(table, covariates=names, n_draws=2_000)
    x = table.rows[names].to_numpy()
    by = np.column_stack([table.labels["human"], x / np.sqrt(np.square(x).mean(axis=0))])
    weights = np.random.default_rng(1).dirichlet(np.ones(100), size=2_000)[:, table.item_codes]
    square = np.einsum("dr,ri,rj->dij", weights, by, by)
    for scorer, calls in table.scores.items():
        right = np.einsum("dr,ri,r->di", weights, by, calls)
        drawn = np.linalg.solve(square, right[..., None])[..., 0] / 2
        for at, name in enumerate(names):
            found = result.frame.query(f"statistic == 'bias(covariate={name})'")
            row = found[(found["scorer"] == scorer) & found["baseline"].isna()].iloc[0]
            assert row["estimate"] == pytest.approx(drawn[:, at + 1].mean(), abs=0.005)
            assert row["se"] == pytest.approx(drawn[:, at + 1].std(), rel=0.08)


def test_who_likes_length_is_found_at_the_same_label():
    result = bayesian_bootstrap(lengthy(800, (0.0, 0.8), seed=1), covariates="length_delta")
    found = result.frame[result.frame["statistic"] == "bias(covariate=length_delta)"]
    own = found[found["baseline"].isna()].set_index("scorer")
    assert own.loc["s0.0", "lower"] < 0 < own.loc["s0.8", "lower"]
    assert found["expected_loss"].isna().all()  # neither high nor low ones are good
    assert any("given the label" in note for note in result.meta.notes)


@pytest.mark.parametrize(
    ("change", "asked", "words"),
    [
        ({}, "width_delta", "no difference column 'width_delta'.*length_delta, words_delta"),
        ({"flat_delta": 0.0}, "flat_delta", "All values of flat_delta are 0; exclude such columns"),
        ({"endless_delta": np.inf}, "endless_delta", "missing or infinite in 60 pairs"),
        ({"text_delta": "a"}, "text_delta", "no difference column 'text_delta'"),
        ({}, None, "must be a name or a list of names"),
        ({"copy_delta": "length_delta"}, ["length_delta", "copy_delta"], "with each other"),
    ],
)
def test_covariates_that_make_no_sense_are_refused(change, asked, words):
    table = lengthy(60, (0.0,))
    columns = {n: table.rows.get(v, v) for n, v in change.items()}
    with pytest.raises(MetaevalError, match=words):
        bayesian_bootstrap(table.replace(rows=table.rows.assign(**columns)), covariates=asked)


def test_excess_bias_does_not_ask_which_response_is_first():
    table = lengthy(200, (0.5,))
    rows = table.rows.rename(columns={"first": "second", "second": "first"})
    rows = rows.assign(length_delta=-rows["length_delta"], words_delta=-rows["words_delta"])
    turned = Pairs(rows, -table.scores, -table.labels)
    one, other = (bayesian_bootstrap(t, covariates="length_delta", seed=1) for t in (table, turned))
    assert one.frame["estimate"].to_numpy() == pytest.approx(other.frame["estimate"].to_numpy())

"""What texts and tables say of posteriors, and never say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from metaeval import Result, compare, simulate
from metaeval.bayes import bayesian_bootstrap
from metaeval.cli.terminal import as_text
from metaeval.core import MetaevalError
from metaeval.results import StatisticInfo, format_probability
from metaeval.statistics import brier, kendall, pairwise_accuracy

TABLE = simulate(seed=3, n_items=60, tasks=("news", "chat")).table
RESULT = bayesian_bootstrap(TABLE, pairwise_accuracy(), by="task", rope=0.02, n_draws=400)
PAIRS = simulate(seed=3, n_items=60).table.pairs()
LOSS = bayesian_bootstrap(PAIRS, brier(), n_draws=400)
NEVER = ("p-values", "p =", "p<", "adjusted p", "separated", "% CI", "Holm", "max-T", "tested")


def result_of(probabilities, *, better="higher", rope=None, status="exact", names="abc"):
    """A posterior with given probabilities that the first of two is the better, three points."""
    rows = [{"scorer": n, "estimate": 0.5 + 0.01 * i} for i, n in enumerate(names)]
    sign = 1 if better == "higher" else -1
    for (one, two), p in probabilities.items():
        rows.append(
            {"scorer": one, "baseline": two, "estimate": sign * (0.031 if p >= 0.5 else -0.031)}
            | {"lower": -0.001, "upper": 0.062, "se": 0.016, "prob_better": p}
            | {"expected_loss": 0.004, "prob_rope": np.nan if rope is None else 0.97}
        )
    frame = pd.DataFrame(rows, columns=RESULT.frame.columns).assign(
        statistic="accuracy", interval="posterior", status=status, n_items=500, n_rows=500
    )
    frame = frame.assign(n_clusters=500, n_dropped=0)
    texts = {c: frame[c].astype(object).where(frame[c].notna(), None) for c in ("task", "baseline")}
    policy = replace(RESULT.meta.policy, by=None, rope=rope)
    info = StatisticInfo(name="accuracy", accuracy=True, better=better, status=status)
    meta = replace(RESULT.meta, policy=policy, statistics=(info,))
    return Result(frame.assign(**texts), None, meta)


# Sentences.
def test_the_sentence_says_how_probable_it_is():
    result = result_of({("a", "b"): 0.973})
    assert result.sentence("a", "b") == (
        "a exceeds b with probability .973 (difference 3.1 points, 95% posterior interval "
        "-0.1 to 6.2; 500 items)."
    )


def test_the_probably_better_one_comes_first_whoever_is_named_first():
    for p in (0.2, 0.9):
        result = result_of({("a", "b"): p})
        assert result.sentence("a", "b") == result.sentence("b", "a")
        first = "a" if p > 0.5 else "b"
        assert result.sentence("a", "b").startswith(f"{first} exceeds ")


def test_where_low_values_are_good_the_lower_one_comes_first():
    said = result_of({("a", "b"): 0.9}, better="lower").sentence("b", "a")
    assert said.startswith("a is lower than b with probability .900 (difference -3.1 points")


def test_a_rope_and_a_failed_check_are_in_the_sentence():
    said = result_of({("a", "b"): 0.6}, rope=0.02, status="failed check").sentence("a", "b")
    assert "within 2.0 points with probability .970" in said
    assert "the posterior failed convergence diagnostics" in said


def test_tasks_are_named():
    assert "60 items in chat)." in RESULT.sentence("judge", "reward", task="chat")


@pytest.mark.parametrize("result", [RESULT, LOSS])
def test_nothing_is_said_of_tests(result):
    texts = [as_text(result), result.to_markdown(), result.to_html(), result.to_latex()]
    texts += [result.sentence("judge", "reward")]
    for text in texts:
        body = text.replace("not a p-value", "").replace("metaeval", "")
        assert not [word for word in NEVER if word in body]


def test_probabilities_at_the_ends():
    assert [format_probability(p) for p in (1.0, 0.9995, 0.9994, 0.5, 0.0004, 0.0)] == [
        *(">.999", ">.999", ".999"),
        *(".500", "<.001", "<.001"),
    ]


# Paragraph, tables and lines.
def test_the_paragraph_states_the_posterior():
    said = RESULT.methods_paragraph()
    assert (
        "Intervals are 95% equal-tailed posterior intervals (400 draws of the Bayesian bootstrap "
        "over items)." in said
    )
    assert "posterior probability that one scorer is better" in said
    assert "Differences within 0.02 are treated as practically equivalent." in said
    assert "tested" not in said
    model = result_of({("a", "b"): 0.9}, status="failed check")
    model = Result(model.frame, None, replace(model.meta, kind="posterior of ties(kind=davidson)"))
    assert "draws from the ties(kind=davidson) model; units: items)." in model.methods_paragraph()
    assert "The posterior failed convergence diagnostics." in model.methods_paragraph()


def test_one_scorer_has_a_paragraph_without_comparisons():
    one = bayesian_bootstrap(TABLE, pairwise_accuracy(), scorers="judge", n_draws=100)
    assert "Comparisons report" not in one.methods_paragraph()
    assert "probably" not in as_text(one)


def test_the_line_names_what_is_probably_better():
    result = result_of({("a", "b"): 0.99, ("a", "c"): 0.02, ("b", "c"): 0.974})
    assert "probably better (probability >= .975): a > b (.990), c > a (.980)\n" in as_text(result)
    result = result_of({("a", "b"): 0.5})
    assert "probably better (probability >= .975): 0 of 1 comparisons" in as_text(result)
    result = result_of({("a", "b"): 0.99}, better="lower")
    assert "probably better (probability >= .975): a < b (.990)" in as_text(result)


def test_more_than_ten_are_counted():
    names = "abcdef"
    result = result_of(
        {(x, y): 0.99 for i, x in enumerate(names) for y in names[i + 1 :]}, names=names
    )
    assert "and 5 more" in as_text(result)


def test_the_line_of_the_rope():
    result = result_of({("a", "b"): 0.6, ("a", "c"): 0.99}, rope=0.05)
    assert "probably within 0.05 (probability >= .95): a and b (.970), a and c (.970)" in as_text(
        result
    )
    assert "probably within" not in as_text(result_of({("a", "b"): 0.6}))


def test_letters_and_ranks_come_from_the_probabilities():
    leaderboard = result_of({("a", "b"): 0.01, ("a", "c"): 0.01, ("b", "c"): 0.6}).leaderboard()
    assert list(leaderboard["scorer"]) == ["c", "b", "a"]
    assert list(leaderboard["letters"]) == ["a", "a", "b"]
    assert list(leaderboard["rank_low"]) == [1, 1, 3]
    assert list(result_of({("a", "b"): 0.01}).leaderboard()["letters"]) == ["", "", ""]
    latex = result_of({("a", "b"): 0.01, ("a", "c"): 0.01, ("b", "c"): 0.6}).to_latex()
    assert r"\textbf{c}" in latex
    assert r"\textbf{a}" not in latex
    assert r"95\% interval" in RESULT.to_latex()


def test_ranks_by_p_values_are_refused():
    with pytest.raises(MetaevalError, match="which a posterior does not have"):
        RESULT.wmt_clusters()


# Rows seen from the other side.
@pytest.mark.parametrize("result", [RESULT, LOSS])
def test_a_turned_row_is_what_the_draws_say(result):
    names = list(result.frame["scorer"][result.frame["baseline"].isna()].unique())
    for i, one in enumerate(names):
        for j, two in enumerate(names):
            if i == j:
                continue
            row, gap = result.row(one, two), result.draws[:, i] - result.draws[:, j]
            gain = gap * result.direction()
            assert row["expected_loss"] == pytest.approx(np.maximum(-gain, 0).mean(), abs=1e-12)
            assert row["prob_better"] == pytest.approx((gain > 0).mean(), abs=1e-12)
            assert row["lower"] == pytest.approx(np.quantile(gap, 0.025))


def test_a_loss_that_does_not_follow_is_not_given():
    frame = RESULT.frame.assign(se=np.nan)
    turned = Result(frame, None, RESULT.meta).row("reward", "judge")
    assert np.isnan(turned["expected_loss"])


def test_json_brings_everything_back():
    again = Result.from_json(RESULT.to_json())
    assert again.is_posterior
    assert as_text(again) == as_text(RESULT)
    assert again.methods_paragraph() == RESULT.methods_paragraph()
    assert again.sentence("judge", "reward") == RESULT.sentence("judge", "reward")


def test_results_of_tests_are_no_posteriors():
    result = compare(TABLE, kendall(), n_resamples=200)
    assert not result.is_posterior
    assert "probab" not in as_text(result) + result.methods_paragraph()

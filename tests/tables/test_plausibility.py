"""Warnings of what is hard to believe, and that ordinary tables have none."""

import numpy as np
import pandas as pd
import pytest

from metaeval import Responses, compare, load_example
from metaeval.tables import implausible
from metaeval.tables.plausibility import agreement_in_errors, probability_below

N = 40
RNG = np.random.default_rng(0)


def table(**scores):
    rows = pd.DataFrame({"item": np.repeat(np.arange(N), 3), "system": ["a", "b", "c"] * N})
    return Responses(rows, pd.DataFrame(scores), pd.DataFrame({"human": QUALITY}))


QUALITY = RNG.normal(size=3 * N)
GOOD = QUALITY + RNG.normal(size=3 * N)
NOISE = RNG.normal(size=3 * N)


def test_ordinary_scorers_are_plausible():
    assert implausible(table(good=GOOD, noise=NOISE)) == []
    assert implausible(load_example()) == []


def test_scorers_below_chance_are_named():
    [warning] = implausible(table(good=GOOD, error=-GOOD, other=-np.exp(GOOD), noise=NOISE))
    assert warning.startswith("error, other are significantly below chance in agreement with human")
    assert warning.endswith("lower_is_better=['error', 'other'] (--lower-is-better error,other)")


def test_where_all_are_below_chance_the_label_is_named():
    cure = (
        "labels are better, use lower_is_better=['human'] (--lower-is-better human); "
        "if lower scores are better, use lower_is_better="
    )
    [warning] = implausible(table(a=-GOOD, b=-QUALITY))
    assert warning.endswith(f"{cure}['a', 'b'] (--lower-is-better a,b)")
    rng = np.random.default_rng(5)
    [warning] = implausible(table(a=-GOOD, weak=rng.normal(size=3 * N) - 0.3 * QUALITY))
    assert warning.startswith("a is significantly below chance") and cure in warning


@pytest.mark.parametrize("name", ["WER", "m_ter", "loss", "nll", "perplexity"])
def test_scorers_that_are_called_as_errors_are_doubted_sooner(name):
    weak = NOISE - 0.4 * QUALITY
    assert probability_below(table(m=weak), weak, QUALITY) > 0.002
    [warning] = implausible(table(good=GOOD, **{name: weak}))
    assert warning.startswith(f"{name} is significantly below chance")
    assert implausible(table(good=GOOD, quarter=weak)) == []


def test_scorers_that_are_numbers_of_items_or_of_systems_are_named():
    items, systems = np.repeat(np.arange(3.0 * N, 2.0 * N, -1), 3), np.tile([3.0, 1, 2], N)
    warnings = implausible(table(good=GOOD, number=items, place=systems))
    assert warnings[0].startswith("number is constant within each item, across all its resp")
    assert warnings[1].startswith("place is constant within each system, across all its item")
    assert len(warnings) == 2


def test_noise_is_seldom_below_chance():
    many = {f"m{k}": RNG.normal(size=3 * N) for k in range(300)}
    frame = table(**many)
    p = [probability_below(frame, frame.scores[m].to_numpy(), QUALITY) for m in many]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert implausible(frame) == []


@pytest.mark.parametrize("transform", [np.exp, lambda x: x**3, lambda x: 1e9 * x, np.tanh])
def test_only_the_order_of_scores_counts(transform):
    one, other = table(m=GOOD), table(m=transform(GOOD))
    assert agreement_in_errors(one, one.scores["m"].to_numpy(), QUALITY) == pytest.approx(
        agreement_in_errors(other, other.scores["m"].to_numpy(), QUALITY)
    )


@pytest.mark.parametrize("n_items", [10, 30])
def test_few_items_are_not_below_chance_more_often(n_items):
    rng = np.random.default_rng(n_items)
    rows = pd.DataFrame(
        {"item": np.repeat(np.arange(n_items), 3), "system": ["a", "b", "c"] * n_items}
    )
    n, p = 3 * n_items, []
    for _ in range(300):
        label = rng.normal(size=n)
        one = Responses(rows, pd.DataFrame({"m": rng.normal(size=n)}), pd.DataFrame({"h": label}))
        p.append(probability_below(one, one.scores["m"].to_numpy(), label))
    assert np.mean(np.array(p) < 0.05) < 0.09
    assert np.mean(np.array(p) < 0.002) < 0.015


def test_lone_responses_and_missing_values():
    rows = pd.DataFrame({"item": np.arange(3 * N)})
    scores = pd.DataFrame({"good": GOOD, "bad": -GOOD})
    scores.loc[::4, "bad"] = np.nan
    lone = Responses(rows, scores, pd.DataFrame({"human": QUALITY}))
    [warning] = implausible(lone)
    assert warning.startswith("bad is significantly below chance")


def test_constant_scorers_are_named_and_few_rows_are_not():
    assert implausible(table(flat=np.ones(3 * N), good=GOOD)) == [
        "flat is constant: 1 in all 120 rows"
    ]
    few = Responses(
        pd.DataFrame({"item": [1, 1], "system": ["a", "b"]}),
        pd.DataFrame({"flat": [1.0, 1.0]}),
        pd.DataFrame({"human": [1.0, 2.0]}),
    )
    assert implausible(few) == []


def test_results_say_it_first():
    frame = table(good=GOOD, error=-GOOD)
    result = compare(frame, "pairwise_accuracy", n_resamples=200)
    assert "error is significantly below chance" in result.meta.warnings[0]
    assert "below chance" in result.to_markdown().splitlines()[0]

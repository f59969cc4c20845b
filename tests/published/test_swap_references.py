"""Swap tests of published tools: what they returned, exact or by Monte Carlo."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from external import reference

from metaeval import Responses
from metaeval.inference import ComparisonSettings, as_rows_for, make_design
from metaeval.inference.comparisons import Comparisons
from metaeval.inference.published_tests import published_tests
from metaeval.statistics import (
    kendall,
    pairwise_accuracy,
    pearson,
    system_pearson,
    tie_calibrated_accuracy,
)

GROUPING = {"none": "none", "item": "item", "sys": "system"}
SWAPS = 4_000


def published_test(statistic, comparisons, testing, n_flips):
    return published_tests(statistic, [comparisons], testing, n_flips)[0]


def table_of(gold, **scorers):
    """Responses from matrices of systems by items; cells without a score or label are left out."""
    gold = np.array(gold, dtype=float)
    systems, items = np.indices(gold.shape)
    scores = pd.DataFrame({k: np.array(v, dtype=float).ravel() for k, v in scorers.items()})
    rows = pd.DataFrame({"item": items.ravel(), "system": systems.ravel()})
    labels = pd.DataFrame({"gold": gold.ravel()})
    return make_design(Responses(rows, scores, labels, label_kind="rating")).table


def run(table, statistic, test, n=SWAPS, alternative="greater"):
    """Difference of the second scorer less the first, and its test."""
    estimates = SimpleNamespace(tables=(table,), stream=0)
    pair = Comparisons(
        estimates=estimates, first=np.array([1]), second=np.array([0]), difference=None, se=None
    )
    values = statistic.value(as_rows_for(statistic, table))
    settings = ComparisonSettings(n_resamples=10_000, seed=0, test=test, alternative=alternative)
    tested = published_test(statistic, pair, settings, n)
    return values[1] - values[0], tested


def within_four_errors(ours, theirs, k, n=SWAPS):
    p = (ours * n + theirs * k) / (n + k)
    assert abs(ours - theirs) <= 4 * math.sqrt(p * (1 - p) * (1 / k + 1 / n)) + 1 / n


def statistic_of(function, grouping):
    return {
        "pearson": lambda: pearson(grouping),
        "acc23": lambda: pairwise_accuracy("acc-eq", grouping=grouping),
        "b": lambda: kendall("b", grouping=grouping),
    }[function]()


def test_exact_p_values_of_cell_swaps():
    n = 0
    for case in reference("metric_comparison_tests")["cases"]:
        table = table_of(case["gold"], m1=case["metric1"], m2=case["metric2"])
        for name, expected in case.get("exact_full_enumeration", {}).get("values", {}).items():
            function, grouping = name.split("/")
            delta, tested = run(table, statistic_of(function, GROUPING[grouping]), "swap-cells")
            assert delta == pytest.approx(expected["delta"], abs=1e-9), (case["id"], name)
            assert tested.enumerated
            assert tested.p_value[0] == expected["p_with_1e-12_tolerance"], (case["id"], name)
            n += 1
    assert n == 10


def calls(function):
    return [
        (case, call)
        for case in reference("metric_comparison_tests")["cases"]
        for call in case.get("calls", [])
        if call["function"] == f"mt_metrics_eval.stats.{function}"
    ]


def test_monte_carlo_cell_swaps():
    found = calls("PermutationSigDiff")  # with metric2 as the first, metric1 as the second scorer
    assert len(found) == 12
    for case, call in found:
        options, expected = call["options"], call["expected"]
        table = table_of(case["gold"], m1=case["metric2"], m2=case["metric1"])
        function = options.get("variant", "pearson")
        statistic = statistic_of(function, GROUPING[options["average_by"]])
        slow = {("b", "sys"): 300, ("pearson", "item"): 1_000}
        n = slow.get((function, options["average_by"]), SWAPS)
        delta, tested = run(table, statistic, "swap-cells", n)
        assert delta == pytest.approx(expected["delta"], abs=1e-9), (case["id"], options)
        within_four_errors(tested.p_value[0], expected["p"], expected["k_used"], n)


def test_pair_swaps():
    found = calls("PairwisePermutationSigDiff")
    assert len(found) == 6
    for case, call in found:
        options, expected = call["options"], call["expected"]
        second = np.array(case["metric1"])
        if options["epsilon1"] == 0.1:  # the second scorer's own threshold is twice as large
            statistic, second = pairwise_accuracy("acc-eq", 0.1), second * 0.1 / options["epsilon2"]
        else:
            statistic = tie_calibrated_accuracy(n_folds=None)
        table = table_of(case["gold"], m1=case["metric2"], m2=second)
        delta, tested = run(table, statistic, "pair-swap")
        assert delta == pytest.approx(expected["delta"], abs=1e-9), (case["id"], options)
        n = 1e9 if tested.enumerated else SWAPS  # a binomial tail where items are of one size
        within_four_errors(tested.p_value[0], expected["p"], expected["k_used"], n)


def test_williams_of_mt_metrics_eval():
    found = calls("WilliamsSigDiff")
    assert len(found) == 2
    for case, call in found:
        p, r1, r2 = call["expected"]
        table = table_of(case["gold"], m1=case["metric1"], m2=case["metric2"])
        delta, tested = run(table, pearson(), "williams", 1, "less" if r1 > r2 else "greater")
        assert delta == pytest.approx(r2 - r1, abs=1e-9)
        assert tested.p_value[0] == pytest.approx(p, abs=1e-9)


def nlpstats_calls(function):
    return [
        (case, call)
        for case in reference("nlpstats")["cases"]
        for call in case["calls"]
        if call["function"] == f"nlpstats.{function}"
    ]


LEVELS = {
    ("system", "pearson"): system_pearson,
    ("global", "pearson"): pearson,
    ("input", "pearson"): lambda: pearson("item"),
}


def test_nlpstats_permutations_of_inputs_and_systems():
    n = 0
    for case, call in nlpstats_calls("permutation_test"):
        options, expected = call["options"], call["expected"]
        level = options["level"], options["coefficient"]
        # Kendall over systems is no statistic here; "both" swaps whole systems, then whole items.
        if level not in LEVELS or options["permutation_method"] == "both":
            continue
        table = table_of(case["Z"], y=case["Y"], x=case["X"])
        test = {"inputs": "swap-items", "systems": "swap-systems"}[options["permutation_method"]]
        swaps = 1_000 if level[0] == "input" else SWAPS
        _, tested = run(table, LEVELS[level](), test, swaps, options["alternative"])
        k = options["n_resamples"]
        within_four_errors(
            tested.p_value[0], expected["pvalue"], k, 1e9 if tested.enumerated else swaps
        )
        n += 1
    assert n == 18


def test_exact_p_value_of_nlpstats():
    cases = [c for c in reference("nlpstats")["cases"] if "exact_full_enumeration" in c]
    assert cases
    for case in cases:
        expected = case["exact_full_enumeration"]
        table = table_of(case["Z"], y=case["Y"], x=case["X"])
        _, tested = run(table, system_pearson(), "swap-systems", alternative="two-sided")
        assert tested.enumerated and tested.p_value[0] == expected["pvalue"]


def test_williams_of_nlpstats():
    n = 0
    for case, call in nlpstats_calls("williams_test"):
        options = call["options"]
        level = options["level"], options["coefficient"]
        # An average over inputs is no correlation of rows.
        if level not in LEVELS or level[0] == "input":
            continue
        table = table_of(case["Z"], y=case["Y"], x=case["X"])
        _, tested = run(table, LEVELS[level](), "williams", 1, options["alternative"])
        assert tested.p_value[0] == pytest.approx(call["expected"], abs=1e-9), (case["id"], options)
        n += 1
    assert n == 6

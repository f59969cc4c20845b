"""Values returned by existing tools: matched where they are right, refused by name where not."""

import numpy as np
import pandas as pd
import pytest
from external import reference

from metaeval import MetaevalError, Responses
from metaeval.inference import as_rows_for, make_design
from metaeval.statistics import (
    kendall,
    pairwise_accuracy,
    pearson,
    spearman,
    sum_by,
    system_accuracy,
    tie_calibrated_accuracy,
)
from metaeval.statistics.pairs.counts import tau_of_counts

GROUPING = {"none": "none", "item": "item", "sys": "system"}

# Every first value of correlations.json that is not matched, with the reason.
REFUSED = {
    "thresholded Kendall-like": (
        "KendallLike keeps pairs tied in the labels at threshold 0 and counts them as discordant, "
        "even where the scorer ties them too; other thresholds drop pairs by the label difference"
    ),
    "PDP": "Pearson of pairwise differences is not built",
    "micro Pearson": "an average of correlations weighted by group size has no population value",
}


def refusal(call):
    function, options = call["function"], call["options"]
    if function.endswith("KendallLike"):
        return "thresholded Kendall-like"
    if options.get("pdp"):
        return "PDP"
    if "pearsonr" in function and options.get("macro") is False:
        return "micro Pearson"
    return None


def statistic_of(call):
    options = call["options"]
    grouping = GROUPING[options["average_by"]]
    function = call["function"].removeprefix("mt_metrics_eval.stats.")
    if function == "Correlation.KendallVariants" and options["variant"] == "acc23":
        return pairwise_accuracy("acc-eq", options["epsilon"], grouping=grouping)
    return {
        "Correlation.Pearson": lambda: pearson(grouping),
        "Correlation.Spearman": lambda: spearman(grouping),
        "Correlation.Kendall": lambda: kendall(options["variant"], grouping=grouping),
        "Correlation.KendallVariants": lambda: kendall(
            options["variant"], options["epsilon"], grouping=grouping
        ),
        "AverageCorrelation(scipy.stats.kendalltau)": lambda: kendall(
            "b", grouping=grouping, degenerate="zero"
        ),
    }[function]()


def table_of(gold, metric, **options):
    gold, metric = np.array(gold, dtype=float), np.array(metric, dtype=float)
    systems, items = np.indices(gold.shape)
    rows = pd.DataFrame({"item": items.ravel(), "system": systems.ravel()})
    scores, labels = pd.DataFrame({"m": metric.ravel()}), pd.DataFrame({"gold": gold.ravel()})
    return Responses(rows, scores, labels, label_kind="rating", **options)


def value(table, statistic):
    design = make_design(table)
    ready = as_rows_for(statistic, design.table)
    return float(statistic.value(ready)[0])


def test_correlations_are_those_of_the_tools_or_are_refused_by_name():
    matched, refused = 0, dict.fromkeys(REFUSED, 0)
    for case in reference("correlations")["cases"]:
        table = table_of(case["gold"], case["metric"])
        for call in case["calls"]:
            reason = refusal(call)
            if reason is not None:
                refused[reason] += 1
                continue
            found = value(table, statistic_of(call))
            assert found == pytest.approx(call["expected"][0], abs=call["tol"]), (case["id"], call)
            matched += 1
    assert matched == 315
    assert refused == {"thresholded Kendall-like": 81, "PDP": 27, "micro Pearson": 18}


def test_taus_from_counts():
    for case in reference("correlations")["pair_count_cases"]:
        c = case["counts"]
        counts = np.array(
            [c["con"], c["dis"], c["ties_human_only"], c["ties_metric_only"], c["ties_both"]], float
        )
        expected = case["derived_from_counts_by_published_formulas"]
        for name, known in expected.items():
            variant = name.split("=")[0].removeprefix("tau_").removeprefix("acc_")
            found = float(tau_of_counts(counts, variant))
            if name.startswith("acc"):
                found = (found + 1) / 2
            if known == "NaN":
                assert np.isnan(found)
            else:
                assert found == pytest.approx(known, abs=1e-9), (case["id"], name)


def test_plain_vectors_agree_with_scipy():
    make = {
        ("pearsonr", None): pearson,
        ("spearmanr", None): spearman,
        ("kendalltau", "b"): lambda: kendall("b", grouping="none"),
        ("kendalltau", "c"): lambda: kendall("c", grouping="none"),
    }
    matched = 0
    for case in reference("correlations")["scipy_vector_cases"]:
        table = table_of([case["y"]], [case["x"]])
        for call in case["calls"]:
            name = call["function"].removeprefix("scipy.stats.")
            if (
                name == "pearsonr.confidence_interval"
            ):  # Fisher's interval: rows are not independent
                continue
            found = value(table, make[name, call["options"].get("variant")]())
            assert found == pytest.approx(call["expected"][0], abs=call["tol"]), (case["id"], name)
            matched += 1
    assert matched >= 24


def test_in_sample_tie_calibration_and_its_plateau():
    for case in reference("tie_calibration")["cases"]:
        table = table_of(case["gold"], case["metric"])
        for call in case["calls"]:
            options, known = call["options"], call["expected"]
            grouping = GROUPING[options["average_by"]]
            best = value(table, tie_calibrated_accuracy(None, grouping=grouping))
            plain = value(table, pairwise_accuracy("acc-eq", grouping=grouping))
            if options["variant"] == "23":
                best, plain = 2 * best - 1, 2 * plain - 1
            assert best == pytest.approx(known["best_value"], abs=call["tol"]), (
                case["id"],
                options,
            )
            assert plain == pytest.approx(known["value_at_eps0"], abs=call["tol"])


def test_the_threshold_lies_on_the_published_plateau():
    from metaeval.statistics import Tuning, thresholds

    for case in reference("tie_calibration")["cases"]:
        pairs = make_design(table_of(case["gold"], case["metric"])).table.pairs()
        for call in case["calls"]:
            if call["options"] == {"average_by": "item", "variant": "acc23", "sample_rate": 1.0}:
                epsilon = float(
                    thresholds(pairs, Tuning(n_folds=None, average="items", argmax=True))[0, 0]
                )
                known = call["expected"]
                assert (
                    known["smallest_such_eps"] - 1e-8 <= epsilon <= known["largest_such_eps"] + 1e-8
                )


def system_table(sets):
    rows, scores, gold = [], [], []
    for k, one in enumerate(sets):
        for s, (m, g) in enumerate(zip(one["metric_sys"], one["gold_sys"], strict=True)):
            rows.append({"task": k, "item": "all", "system": s})
            scores.append(m)
            gold.append(g)
    labels = pd.DataFrame({"gold": np.array(gold, float)})
    return Responses(pd.DataFrame(rows), pd.DataFrame({"m": scores}), labels, label_kind="rating")


def test_system_accuracy_one_set_and_several_pooled():
    for case in reference("system_accuracy")["cases"]:
        table = system_table(case.get("sets", [case]))
        known = case["calls"][0]["expected"]["accuracy"]
        assert value(table, system_accuracy()) == pytest.approx(known, abs=1e-9), case["id"]


def test_constant_groups_dropped_taken_as_zero_or_refused():
    case = next(c for c in reference("correlations")["cases"] if c["id"] == "corr_sconst")
    table = table_of(case["gold"], case["metric"])
    with pytest.raises(MetaevalError, match="degenerate='drop'"):
        value(table, kendall("b", degenerate="error"))
    assert value(table, kendall("b", degenerate="zero")) != value(table, kendall("b"))


def test_sum_by_is_a_group_by():
    codes = np.array([2, 0, 2, 1])
    assert sum_by(np.array([1.0, 2.0, 3.0, 4.0]), codes, 4).tolist() == [2.0, 4.0, 4.0, 0.0]

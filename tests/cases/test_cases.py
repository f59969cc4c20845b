"""Inputs that people met: each is read rightly, refused with the cure, or warned of."""

import numpy as np
import pytest
from external import case
from scipy import stats

from metaeval import compare, evaluate
from metaeval.core import MetaevalError
from metaeval.readers import load_frame, read

HALF = "pairwise_accuracy(ties=half)"


def values(table, statistic=HALF, **options):
    """Value of each scorer in percent."""
    result = evaluate(table, statistic, n_resamples=100, **options)
    frame = result.frame[result.frame["task"].isna()]
    frame = frame[frame["statistic"] == frame["statistic"].iloc[0]]
    return dict(zip(frame["scorer"], np.round(100 * frame["estimate"], 1), strict=True))


def warned(table, *words):
    return any(all(word in warning for word in words) for warning in table.alignment.warnings)


def refused(*sources, message, **options):
    with pytest.raises(MetaevalError, match=message) as caught:
        read(*sources, **options)
    return str(caught.value)


# Codes of verdicts and scales of preferences
INDEX_FILES = ("judges.csv", "human.csv")


def test_indices_of_the_better_completion_are_warned_of_and_read_where_declared():
    files = [case("trl-judge-index") / name for name in INDEX_FILES]
    table = read(*files)
    assert warned(table, "hf-70b", "0 for 93, 1 for 98 and -1 for 9", "--preference-scale index")
    for options in (
        {"preference_scale": "index"},
        {"value_map": {"0": 1, "1": -1, "-1": None}},
        {"preference_scale": {"hf-70b": "index", "openai-mini": "index"}},
    ):
        declared = read(*files, **options)
        assert not declared.alignment.warnings
        assert values(declared) == {"hf-70b": 82.9, "openai-mini": 75.7}


@pytest.mark.parametrize(("name", "length"), [("mixtral_fn.json", 805), ("mixtral_cot.json", 805)])
def test_codes_of_alpacaeval(name, length):
    columns = {"item": "instruction", "first": "generator_1", "second": "generator_2"}
    columns["scorer"] = "annotator"
    table = read(case("alpacaeval-codes") / name, columns=columns)
    assert len(table) == length
    assert set(np.unique(table.scores.to_numpy()[~np.isnan(table.scores)])) <= {-1.0, 0.0, 1.0}


def test_agreement_of_two_annotators_of_alpacaeval():
    columns = {"item": "instruction", "first": "generator_1", "second": "generator_2"}
    columns["scorer"] = "annotator"
    files = [case("alpacaeval-codes") / name for name in ("mixtral_fn.json", "mixtral_cot.json")]
    table = read(*files, columns=columns, labels=["alpaca_eval_gpt4_turbo_fn"])
    assert int((table.labels != 0).sum().iloc[0]) == 804
    assert values(table) == {"alpaca_eval_cot_gpt4_turbo_fn": 89.4}


def test_codes_0_1_2_are_refused_until_declared_and_null_is_missing():
    columns = {"item": "instruction", "first": "generator_1", "second": "generator_2"}
    columns["scorer"] = "annotator"
    path = case("alpacaeval-codes") / "lmcocktail_gpt4.json"
    refused(path, columns=columns, message="contains 0, 1, 2 and no negative number.*'one-two'")
    table = read(path, columns=columns, preference_scale="one-two")
    assert table.scores.isna().sum().tolist() == [2]


def test_weights_from_1_to_2_are_3_less_twice():
    columns = {"item": "instruction", "first": "generator_1", "second": "generator_2"}
    columns["scorer"] = "annotator"
    path = case("alpacaeval-codes") / "fusechat_weighted.json"
    table = read(path, columns=columns)
    raw = load_frame(path).set_index("instruction")
    table_rows = table.rows["item"].astype(str)
    sign = np.where(table.rows["first"].astype(str) == raw["generator_1"].iloc[0], 1, -1)
    wanted = (3 - 2 * raw["preference"].astype(float)).loc[table_rows].to_numpy() * sign
    np.testing.assert_allclose(table.scores.to_numpy().ravel(), wanted, atol=1e-9)


def test_metrics_that_are_errors_are_pointed_out():
    path = case("ter-not-turned") / "scores.csv"
    assert warned(
        read(path), "TER, WER are significantly below chance", "--lower-is-better TER,WER"
    )
    turned = read(path, lower_is_better=["TER", "WER"])
    assert not turned.alignment.warnings
    assert values(turned) == {"BLEU": 75.5, "TER": 76.3, "WER": 66.6, "chrF": 67.5}
    result = compare(read(path), HALF, n_resamples=200)
    assert "TER, WER are significantly below chance" in result.meta.warnings[0]


# Delimited text
def test_quotes_in_a_table_with_tabs_are_characters():
    folder = case("tsv-stray-quotes")
    table = read(folder / "scores.tsv")
    assert len(table) == 180
    assert values(table) == {"chrf": 64.7, "comet": 83.9}
    plain = read(folder / "without_text.tsv")
    np.testing.assert_array_equal(table.scores, plain.scores)
    np.testing.assert_array_equal(table.labels, plain.labels)


@pytest.mark.parametrize("name", ["scores_dot.csv", "scores_excel_de.csv"])
def test_decimal_commas_are_read(name):
    table = read(case("decimal-comma") / name)
    assert values(table) == {"chrf": 84.1, "comet": 86.2, "judge": 81.9, "points": 89.3}


def test_decimal_commas_in_all_columns():
    folder = case("decimal-comma")
    whole = read(folder / "only_decimals_excel_de.csv")
    assert values(whole) == {"chrf": 84.1, "comet": 86.2}
    shifted = read(folder / "labels_too_excel_de.csv")
    np.testing.assert_array_equal(shifted.labels["human"], whole.labels["human"] + 0.5)


# Codes for missing
def test_minus_one_is_remarked_and_can_be_declared():
    folder = case("minus-one")
    table = read(folder / "scores.csv")
    assert warned(table, "gpt4 is -1 in 24 rows, but 1 to 10 in the others", "--missing-codes -1")
    right = read(folder / "same_with_empty_cells.csv")
    for codes in ([-1], "-1", {"gpt4": [-1]}):
        declared = read(folder / "scores.csv", missing_codes=codes)
        assert declared.fingerprint == right.fingerprint
        assert not declared.alignment.warnings
    assert not read(folder / "scores.csv", missing_codes=[]).alignment.warnings
    result = compare(right, HALF, n_resamples=1000)
    own = result.frame[result.frame["baseline"].isna() & (result.frame["statistic"] == HALF)]
    estimates = dict(zip(own["scorer"], own["estimate"], strict=True))
    assert {k: round(100 * v, 1) for k, v in estimates.items()} == {
        "gpt4": 89.1,
        "open_judge": 90.7,
    }
    assert result.frame["p_value"].dropna().iloc[0] > 0.05


def test_words_for_missing_are_the_same_for_verdicts_and_numbers():
    folder = case("missing-ratings")
    one, other = read(folder / "raters_long.csv"), read(folder / "raters_na.csv")
    assert one.fingerprint == other.fingerprint
    assert one.labels.isna().sum().to_dict() == {"r1": 0, "r2": 25, "r3": 39, "r4": 79}


# Hints
def spearman(table, scorer):
    return stats.spearmanr(table.scores[scorer], table.labels.mean(axis=1))[0]


@pytest.mark.parametrize(
    ("name", "hint", "options"),
    [
        (
            "human_worker.csv",
            "--map rater=worker,label=CoherenceRating --average-raters",
            {"columns": {"rater": "worker", "label": "CoherenceRating"}, "average_raters": True},
        ),
        (
            "human_rater.csv",
            "--map rater=rater,label=CoherenceRating --average-raters",
            {"columns": {"rater": "rater", "label": "CoherenceRating"}, "average_raters": True},
        ),
        ("human_no_rater.csv", r"repeats='mean' \(--repeats mean\)", {"repeats": "mean"}),
    ],
)
def test_hints_for_several_raters_lead_to_their_mean(name, hint, options):
    folder = case("three-raters")
    files = folder / "scores.csv", folder / name
    item = {"item": "ArticleID"}
    text = refused(*files, columns=item, message=hint)
    assert "keys" not in text
    labels = {"labels": ["CoherenceRating", "FluencyRating"]} if "repeats" in options else {}
    options = options | {"columns": item | options.get("columns", {})}
    table = read(*files, **labels, **options)
    if labels:
        table = table.keep_labels(["CoherenceRating"])
    assert round(spearman(table, "gpt"), 4) == 0.8372
    assert round(spearman(table, "rouge"), 4) == 0.6199


def test_values_that_stand_for_several_rows_are_warned_of():
    folder = case("three-raters")
    table = read(
        folder / "scores.csv",
        folder / "human_worker.csv",
        columns={"item": "ArticleID"},
        keys="worker",
    )
    assert warned(table, "scores.csv has no worker", "3 rows", "--map rater=worker")


def test_filters_of_a_harness_are_scorers_not_responses():
    folder = case("lm-eval-two-filters")
    labels = folder / "lm_human.csv"
    text = refused(
        folder / "samples_old.jsonl", labels, message="no other column distinguishes these rows"
    )
    assert "response=" not in text
    text = refused(folder / "samples_new.jsonl", labels, message="scorer=filter,score=exact_match")
    assert "response=" not in text
    table = read(
        folder / "samples_new.jsonl", labels, columns={"scorer": "filter", "score": "exact_match"}
    )
    human = table.labels["human"]
    agreed = {name: np.mean(table.scores[name] == human) for name in table.scorers}
    assert agreed == {
        "flexible-extract": pytest.approx(0.9167, abs=5e-5),
        "strict-match": pytest.approx(0.85),
    }


# Row numbers
@pytest.mark.parametrize(
    "names",
    [
        ["scores.csv"],
        ["scores_index_false.csv"],
        ["scores_reset_index.csv"],
        ["two_files_scores.csv", "two_files_human.csv"],
    ],
)
def test_row_numbers_are_not_scorers(names):
    table = read(*(case("nameless-index") / name for name in names))
    assert values(table) == {"bartscore": 81.8, "rouge": 74.3}
    if names != ["scores_index_false.csv"]:
        assert any("excluded: it numbers the rows" in note for note in table.notes)


# Values at a bound
@pytest.mark.parametrize(("name", "low"), [("fifty_items.csv", 92.9), ("sixty_items.csv", 94.0)])
@pytest.mark.parametrize("options", [{}, {"statistic": "tie_calibrated_accuracy(n_folds=None)"}])
def test_a_perfect_scorer_has_an_interval(name, low, options):
    result = evaluate(read(case("perfect-scorer") / name), n_resamples=1000, **options)
    row = result.frame[(result.frame["scorer"] == "rubric_judge")].iloc[0]
    assert row["interval"] == "wilson"
    assert round(100 * row["lower"], 1) == low
    assert row["upper"] == pytest.approx(1.0)


# One verdict against one label
@pytest.mark.parametrize("name", ["passfail.csv", "passfail01.csv", "passfailTF.csv"])
def test_verdicts_on_single_responses_are_read(name):
    table = read(case("passfail-judge") / name)
    human = table.labels["human"].to_numpy()
    agreed = {name: np.mean(table.scores[name] == human) for name in table.scorers}
    assert agreed == {"judge_a": pytest.approx(0.91), "judge_b": pytest.approx(0.92)}
    assert warned(table, "judge_b is constant")


def test_a_judge_that_always_passes_does_not_stop_the_other():
    result = compare(read(case("passfail-judge") / "passfail01.csv"), "pearson", n_resamples=200)
    own = result.frame[result.frame["baseline"].isna()].set_index("scorer")["estimate"]
    assert own["judge_a"] > 0.5
    assert any("judge_b" in warning for warning in result.meta.warnings)


# Files of other tools
def test_rewards_of_chosen_and_rejected_answers():
    folder = case("rm-eval-log")
    for names in (["rm_a.jsonl", "rm_b.jsonl"], ["rm_a_id.jsonl", "rm_b_id.jsonl"]):
        found = values(read(*(folder / name for name in names)), "best_of_n")
        assert sorted(found.values()) == [70.7, 82.0]
    assert any("numbered from 0" in n for n in read(folder / "rm_a.jsonl").notes)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("comet-score-output/sysA.comet.txt", "looks like the output of comet-score"),
        ("comet-score-output/comet.json", "looks like the JSON output of comet-score"),
        ("comet-score-output/sacrebleu_sl.json", "looks like the output of sacrebleu -sl"),
        ("inspect-log/popularity.json", "looks like an Inspect log"),
        ("wmt-human-files/BAQ_dyn.seg.score.gz", "looks like a row of values.*8 columns.*--header"),
        (
            "judgebench-two-orders/raw_like_published.jsonl",
            "1 of 200 pairs have the same first and second response",
        ),
    ],
)
def test_files_of_other_tools_are_named(name, message):
    refused(case(name), message=message)


def test_human_files_of_wmt():
    folder = case("wmt-human-files")
    frame = load_frame(folder / "metrics-ad-seg-scores-km-en.csv")
    assert frame.shape == (1500, 6)
    table = read(folder / "metrics-ad-seg-scores-km-en.csv", labels=["RAW.SCR"], scorers=["Z.SCR"])
    assert table.labels["RAW.SCR"].tolist() == frame["RAW.SCR"].astype(float).tolist()
    mqm = read(folder / "mqm_ted_ende.avg_seg_scores.tsv", labels=["mqm_avg_score"])
    assert (mqm.n_items, len(mqm)) == (606, 8484)
    header = ["metric", "pair", "set", "reference", "system", "doc", "segment", "BAQ"]
    path = folder / "BAQ_dyn.seg.score.gz"
    refused(
        path,
        header=header,
        scorers=["BAQ"],
        message="numbered separately within each doc.*item=doc.segment",
    )
    for ids in ({"item": "doc+segment", "cluster": "doc"}, {"task": "doc"}):
        assert len(read(path, header=header, scorers=["BAQ"], columns=ids)) == 2000


def test_ratings_of_mt_bench():
    folder = case("mtbench-single")
    table = read(folder / "three_models.jsonl")
    assert table.scorers == ["gpt-4"]
    assert table.rows["system"].value_counts().tolist() == [160, 160, 160]
    assert table.rows["cluster"].nunique() == 80
    refused(
        folder / "twice_judged.jsonl",
        message="several values of gpt-4 for each of 10 rows",
    )
    twice = read(folder / "twice_judged.jsonl", repeats="mean")
    assert warned(twice, "is -1 in 4 rows, but 1 to 10 in the others")


def test_reward_models_of_judgebench_in_both_orders():
    folder = case("judgebench-two-orders")
    table = read(folder / "votes.csv", folder / "gold.csv", both_orders="net")
    found = values(table, "pairwise_accuracy(ties=strict)")
    assert [found[name] for name in sorted(found, key=found.get, reverse=True)] == [
        *(65.7, 64.3, 63.4, 62.3, 59.4, 59.4)
    ]


# Right already
def test_correlations_of_xsum():
    path = case("xsum-joint-id") / "eval_scores_xsum_summaries.csv"
    table = read(path, columns={"item": "system_bbcid"}, labels=["Faithful", "Factual"])
    right = {
        "Faithful": {"Entailment": 0.431, "R1": 0.197, "BERTScore": 0.19, "RL": 0.162, "R2": 0.162},
        "Factual": {"Entailment": 0.264, "R1": 0.125, "BERTScore": 0.116, "RL": 0.113, "R2": 0.095},
    }
    for label, wanted in right.items():
        result = evaluate(table, "spearman", label=label, n_resamples=100)
        found = dict(zip(result.frame["scorer"], result.frame["estimate"], strict=True))
        assert {k: round(v, 3) for k, v in found.items()} == wanted


def test_yes_and_no_are_labels():
    path = case("xsum-joint-id") / "factuality_annotations_without_text.csv"
    table = read(path, columns={"item": "bbcid", "rater": "worker_id", "label": "is_factual"})
    assert sorted(table.labels) == ["wid_0", "wid_1", "wid_2"]
    assert set(np.unique(table.labels.to_numpy()[~table.labels.isna()])) == {0.0, 1.0}


def test_clusters_of_items():
    table = read(case("clustered-mcnemar") / "verdicts.csv", labels=["human"])
    result = compare(table, HALF, test="sign-flip", n_resamples=10_000)
    [p] = result.frame["p_value"].dropna()
    assert 0.06 < p < 0.072
    assert compare(table, HALF).frame["p_value"].dropna().item() > 0.05
    with pytest.raises(MetaevalError, match="per independent item"):
        compare(table, HALF, test="mcnemar")


@pytest.mark.parametrize(
    ("name", "p"),
    [("example1.csv", 0.04821245), ("example2.csv", 0.01172964), ("example3.csv", 0.09340200)],
)
def test_williams(name, p):
    result = compare(
        read(case("williams-worked") / name),
        "pearson(grouping=none)",
        test="williams",
        alternative="greater",
        n_resamples=100,
    )
    assert result.frame["p_value"].dropna().iloc[0] == pytest.approx(p, abs=1e-8)


def test_micro_and_macro_means():
    table = read(case("micro-macro") / "verdicts.csv", labels=["gold"])
    assert values(table) == {"rm_a": 83.8, "rm_b": 78.7}
    assert values(table, by="task") == {"rm_a": 78.7, "rm_b": 73.7}

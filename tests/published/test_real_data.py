"""Published numbers on real score files, recomputed from the files by the readers and verbs."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from external import data

import metaeval as me
from metaeval.inference import as_rows_for, make_design
from metaeval.statistics import best_of_n, kendall, pairwise_accuracy, pearson, spearman


def values(table, statistic, **options):
    """Estimates by scorer, without resampling."""
    design = make_design(table, **options)
    ready = as_rows_for(statistic, design.table)
    return dict(zip(design.scorers, statistic.value(ready).tolist(), strict=True))


# REALSumm: Bhandari et al. (2020), notebook of the source, "Exp IV", all 25 systems.
REALSUMM = {
    "bert_recall_score": (0.468386, 58, 0.3474),
    "mover_score": (0.435992, 46, 0.2806),
    "rouge_1_recall": (0.489136, 72, 0.4064),
    "rouge_2_recall": (0.485954, 58, 0.3488),
    "rouge_l_recall": (0.487091, 70, 0.3929),
    "js-2": (0.425485, 46, 0.2569),
}


@pytest.fixture(scope="module")
def realsumm():
    return me.read(data("realsumm") / "scores.parquet", data("realsumm") / "human.parquet")


def test_realsumm_each_documents_tau_is_scipys_and_the_published_means_come_out(realsumm):
    statistic = kendall("b")
    table = make_design(realsumm, scorers=list(REALSUMM)).table
    pairs = as_rows_for(statistic, table)
    taus = statistic.contributions(pairs) * pairs.n_items
    assert pairs.n_items == 100
    for m, scorer in enumerate(table.scorers):
        known, n_kept, over_all = REALSUMM[scorer]
        kept = []
        for i in range(pairs.n_items):
            rows = table.item_codes == i
            ref = scipy.stats.kendalltau(
                table.scores[scorer].to_numpy()[rows], table.labels.iloc[:, 0].to_numpy()[rows]
            )
            assert taus[i, m] == pytest.approx(ref.statistic, abs=1e-9)
            if ref.pvalue <= 0.05:  # the filter of the publication
                kept.append(taus[i, m])
        assert len(kept) == n_kept
        assert np.mean(kept) == pytest.approx(known, abs=5e-7)
        assert taus[:, m].mean() == pytest.approx(over_all, abs=5e-5)


def test_realsumm_js2_has_noise_in_the_last_digit_that_the_published_mean_counts(realsumm):
    table = make_design(realsumm, scorers=["js-2"]).table
    x, h = table.scores["js-2"].to_numpy(), table.labels.iloc[:, 0].to_numpy()
    rows = [table.item_codes == i for i in range(table.n_items)]
    gaps = np.concatenate([np.diff(np.unique(x[r])) for r in rows])
    assert (gaps < 1e-15).sum() == 52
    tied = [scipy.stats.kendalltau(np.round(x[r], 12), h[r]) for r in rows]
    assert np.mean([t.statistic for t in tied if t.pvalue <= 0.05]) == pytest.approx(
        0.426227, abs=5e-7
    )


# UniEval: README of the source; Pearson, Spearman, Kendall over all rows.
UNIEVAL = {
    ("topical_chat", "naturalness"): (0.443666, 0.513986, 0.373973),
    ("topical_chat", "coherence"): (0.595143, 0.612942, 0.465915),
    ("topical_chat", "engagingness"): (0.55651, 0.604739, 0.455941),
    ("topical_chat", "groundedness"): (0.536209, 0.574954, 0.451533),
    ("topical_chat", "understandability"): (0.380038, 0.467807, 0.360741),
    ("topical_chat", "overall"): (0.632796, 0.662583, 0.487272),
    ("sfres", "naturalness"): (0.367252, 0.333399, 0.247094),
    ("sfres", "informativeness"): (0.282079, 0.224918, 0.169297),
    ("sfres", "overall"): (0.370815, 0.291593, 0.214708),
    ("qags_cnndm", "consistency"): (0.681681, 0.662255, 0.531636),
}


def test_unieval_ten_rows_of_three_correlations():
    folder = data("unieval")
    table = me.read(folder / "scores.parquet", folder / "human.parquet", keys=["dimension"])
    statistics = (pearson(), spearman(), kendall("b", grouping="none"))
    for (task, dimension), known in UNIEVAL.items():
        some = table.select(task=task, dimension=dimension)
        found = [values(some, statistic)["unieval"] for statistic in statistics]
        assert found == pytest.approx(known, abs=5e-7), (task, dimension)


# WMT21 en-ru news: Khaidanova's thesis, tables 5.12 (mqm), B.5 (da_raw), B.6 (da_z): BLEURT-20,
# COMET-MQM_2021 (means over two references), COMET-QE-MQM_2021, SacreBLEU, |TER|, CHRF2.
WMT21 = {
    "mqm": (0.276, 0.268, 0.234, 0.124, 0.128, 0.189),
    "da_raw": (0.260, 0.267, 0.246, 0.116, 0.144, 0.155),
    "da_z": (0.311, 0.313, 0.290, 0.128, 0.161, 0.178),
}
NEURAL = [f"{name}_ref_{r}" for name in ("BLEURT-20", "COMET-MQM_2021") for r in "AB"]
NEURAL += ["COMET-QE-MQM_2021"]


@pytest.fixture(scope="module")
def wmt21():
    folder = data("wmt21-enru-news")
    return me.read(folder / "scores.parquet", folder / "human.parquet", lower_is_better=["TER"])


@pytest.fixture(scope="module")
def wmt21_as_released():
    """The form of the source, with wrong system names, that the published table was made from."""
    folder = data("wmt21-enru-news")
    return me.read(
        folder / "scores_as_released.parquet",
        folder / "human.parquet",
        columns={"system": "system_as_released"},
        lower_is_better=["TER"],
    )


@pytest.mark.parametrize("label", WMT21)
def test_wmt21_segment_level_kendall_averages(wmt21, wmt21_as_released, label):
    by_system = kendall("b", grouping="system")
    neural = values(wmt21, by_system, label=label, scorers=NEURAL)
    old = values(wmt21_as_released, by_system, label=label)
    found = [
        (neural["BLEURT-20_ref_A"] + neural["BLEURT-20_ref_B"]) / 2,
        (neural["COMET-MQM_2021_ref_A"] + neural["COMET-MQM_2021_ref_B"]) / 2,
        neural["COMET-QE-MQM_2021"],
        old["sacre_BLEU"],
        old["TER"],
        old["CHRF2"],
    ]
    assert found == pytest.approx(WMT21[label], abs=1e-3)


def test_wmt21_with_the_repaired_names(wmt21):
    scorers = ["sacre_BLEU", "TER", "CHRF2"]
    found = values(wmt21, kendall("b", grouping="system"), label="mqm", scorers=scorers)
    assert [found[s] for s in scorers] == pytest.approx([0.139, 0.138, 0.206], abs=1e-3)


def test_wmt21_warns_first_which_scorers_cost_whole_systems(wmt21):
    result = me.evaluate(wmt21, pairwise_accuracy(), label="mqm", n_resamples=100)
    first = result.meta.warnings[0]
    assert "exclude CHRF2, TER, sacre_BLEU" in first and "'Facebook-AI'" in first
    assert first in result.to_markdown().replace("\\", "").splitlines()[0]


def test_wmt21_coarse_scorers_win_by_rounding_and_half_credit_reverses_it(wmt21):
    strict = values(wmt21, pairwise_accuracy("acc-eq"), label="mqm")
    half = values(wmt21, pairwise_accuracy("half"), label="mqm")
    assert strict["TER"] > strict["sb_chrF"] and half["TER"] < half["sb_chrF"]
    result = me.evaluate(wmt21, label="mqm", n_resamples=100)
    assert sum(w.startswith("nearly all ties: ") for w in result.meta.warnings) == 5


@pytest.fixture(scope="module")
def rewardmath():
    folder = data("rewardmath")
    return me.read(folder / "scores.parquet", folder / "gold.parquet")


def test_rewardmath_strict_and_lenient_accuracy_of_all_scorers(rewardmath):
    known = pd.read_csv(data("rewardmath") / "recomputed_reference.csv").set_index("scorer")
    strict = values(rewardmath, best_of_n("strict"))
    lenient = values(rewardmath, best_of_n("lenient"))
    assert len(known) == len(strict) == 42
    ties = next(c for c in known if "ties" in c)
    for scorer, row in known.iterrows():
        assert 100 * strict[scorer] == pytest.approx(row["acc_strict_pct"], abs=6e-4)
        assert 100 * lenient[scorer] == pytest.approx(row[ties], abs=6e-4)


def test_rewardmath_compared_without_naming_a_statistic(rewardmath):
    assert rewardmath.kind == "correct"
    result = me.compare(rewardmath, test="sign-flip", n_resamples=1000)
    assert result.row("internlm2", "beaver")["p_adjusted"] <= 0.05
    own = result.frame[result.frame["baseline"].isna()]
    assert len(own) == 42 and ((own["estimate"] - 0.8).abs() > 0.01).all()
    assert "best_of_n(ties=strict)" in result.signature
    assert result.meta.provenance.n_flips == 200 * 861


def test_pandalm_majorities_and_agreement_with_them():
    folder = data("pandalm")
    sources = (folder / "judge_pairs.parquet", folder / "human_pairs.parquet")
    table = me.read(*sources, columns={"cluster": "prompt"}, average_raters=True, refusals="wrong")
    majority = make_design(table).table.labels.iloc[:, 0]
    as_given = np.array(
        [a < b for a, b in zip(table.rows["first"], table.rows["second"], strict=True)]
    )
    assert as_given.all() and (table.rows["first"].astype(str) == "bloom-7b").any()
    assert majority.value_counts().to_dict() == {-1.0: 472, 1.0: 422, 0.0: 105}
    agreement = values(table, pairwise_accuracy("acc-eq", average="pairs"))
    assert agreement["gpt-3.5-turbo"] == pytest.approx(0.6977, abs=5e-5)
    assert agreement["pandalm-7b"] == pytest.approx(0.6677, abs=5e-5)

"""Holm by hand, letters and ranks by their laws."""

import dataclasses
import itertools
import time

import definitions as slow
import numpy as np
import pandas as pd
import pytest
from external import reference
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from statsmodels.stats.multitest import multipletests

import metaeval as me
from metaeval import MetaevalError
from metaeval.cli.terminal import as_text
from metaeval.resampling import (
    MAX_GROUPS,
    compact_letter_display,
    holm,
    letter,
    maximal_nonsignificant_groups,
    multiplicity,
    rank_intervals,
    wmt_rank_clusters,
)
from metaeval.resampling.multiplicity import ADJUST

p_values = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.02, 0.04, 0.3, 1.0]), max_size=12)


def test_holm_by_hand():
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert_allclose(found, [0.03, 0.06, 0.06, 0.02], rtol=0, atol=1e-15)
    assert holm(np.array([0.5, 0.6])).tolist() == [1.0, 1.0]


@given(p_values)
def test_holm_is_its_definition(p):
    assert_allclose(holm(np.array(p)), slow.holm(p), rtol=0, atol=1e-15)


@given(p_values)
def test_holm_never_lowers_and_keeps_the_order(p):
    adjusted = holm(np.array(p))
    assert (adjusted >= p).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("name", ["holm", "bh", "by"])
@given(p_values, st.integers(0, 3))
def test_missing_p_values_do_not_count(name, p, n_missing):
    adjust = ADJUST[name]
    found = adjust(np.array([*p, *[np.nan] * n_missing]))
    assert_allclose(found[: len(p)], adjust(np.array(p)), rtol=0, atol=0)
    assert np.isnan(found[len(p) :]).all()


@pytest.mark.parametrize(("name", "theirs"), [("holm", "holm"), ("bh", "fdr_bh"), ("by", "fdr_by")])
@given(p_values.filter(len))
def test_adjusted_p_values_are_those_of_statsmodels(name, theirs, p):
    expected = multipletests(p, method=theirs)[1]
    assert_allclose(ADJUST[name](np.array(p)), expected, rtol=1e-12, atol=1e-15)


def test_false_discovery_rates_are_scipys():
    case = next(c for c in reference("scipy_resampling")["cases"] if c["id"] == "sp_sfdr")
    assert [call["options"]["method"] for call in case["calls"]] == ["bh", "by"]
    for call in case["calls"]:
        found = ADJUST[call["options"]["method"]](np.array(case["p"]))
        assert_allclose(found, call["expected"], rtol=0, atol=call["tol"])


@given(p_values)
def test_false_discovery_control_is_between_none_and_any_dependence(p):
    p = np.array(p)
    assert (ADJUST["bh"](p) >= p).all()
    assert (ADJUST["bh"](p) <= holm(p) + 1e-15).all()
    assert (ADJUST["bh"](p) <= ADJUST["by"](p)).all()


def test_one_comparison_needs_no_adjustment():
    assert holm(np.array([0.03])).tolist() == [0.03]


def test_no_correction_copies():
    p = np.array([0.2, 0.01])
    found = ADJUST["none"](p)
    assert found.tolist() == p.tolist()
    assert found is not p


@pytest.mark.parametrize(("index", "text"), [(0, "a"), (25, "z"), (26, "A"), (27, "B"), (51, "Z")])
def test_letters_go_on_after_z(index, text):
    assert letter(index) == text


@st.composite
def separations(draw):
    n = draw(st.integers(1, 7))
    upper = np.triu(draw(arrays(bool, (n, n))), 1)
    return upper | upper.T


@given(separations())
def test_two_share_a_letter_exactly_if_they_are_not_separated(separated):
    slow.check_letters(compact_letter_display(separated), separated)


@given(st.integers(1, 30))
def test_letters_of_none_and_all_separated(n):
    assert compact_letter_display(np.zeros((n, n), dtype=bool)) == ["a"] * n
    assert compact_letter_display(~np.eye(n, dtype=bool)) == [letter(i) for i in range(n)]


def families(n):
    """Separated inside families of three and not between them: 3^n groups."""
    size = 3 * n
    same = np.arange(size)[:, None] // 3 == np.arange(size) // 3
    return same & ~np.eye(size, dtype=bool)


@pytest.mark.parametrize("n_families", [1, 2, 3, 4, 10, 66])
def test_letters_are_as_many_as_there_are_groups_or_none(n_families):
    found = compact_letter_display(families(n_families))
    if 3**n_families > MAX_GROUPS:
        assert found is None
    else:
        assert len(set("".join(found))) == 3**n_families
        slow.check_letters(found, families(n_families))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.2, 0.5, 0.8, 0.98, 1.0]))
def test_letters_of_200_scorers_take_bounded_work(seed, share):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((200, 200)) < share, 1)
    began = time.process_time()
    compact_letter_display(upper | upper.T)
    assert time.process_time() - began < 1


def test_a_search_never_holds_more_than_twice_as_many_groups(monkeypatch):
    sizes, largest = [], multiplicity._maximal
    monkeypatch.setattr(
        multiplicity, "_maximal", lambda groups: sizes.append(len(groups)) or largest(groups)
    )
    assert compact_letter_display(families(20)) is None
    assert max(sizes) <= 2 * MAX_GROUPS


@given(separations())
def test_groups_are_the_maximal_ones(separated):
    n = len(separated)
    free = [
        set(group)
        for k in range(1, n + 1)
        for group in itertools.combinations(range(n), k)
        if not separated[np.ix_(group, group)].any()
    ]
    expected = sorted(sorted(g) for g in free if not any(g < other for other in free))
    assert maximal_nonsignificant_groups(separated) == expected


def test_a_league_without_letters_says_so_in_every_output():
    names = [f"s{i:02d}" for i in range(60)]
    rng = np.random.default_rng(0)
    quality = rng.normal(size=40)
    noise = np.linspace(0.1, 3, 60)
    scores = {n: quality + noise[i] * rng.normal(size=40) for i, n in enumerate(names)}
    rows = pd.DataFrame({"item": range(40), "first": "a", "second": "b"})
    table = me.Pairs(rows, pd.DataFrame(scores), pd.DataFrame({"h": np.sign(quality)}))
    result = me.compare(table, "pairwise_accuracy(ties=half)", n_resamples=100)
    gaps = result.frame["baseline"].notna()
    frame = result.frame.assign(p_adjusted=result.frame["p_adjusted"].where(~gaps, 0.0))
    apart = dataclasses.replace(result, frame=frame)
    leaderboard = apart.leaderboard()
    assert (leaderboard["letters"] == "").all() and "more than 52" in leaderboard.attrs["notes"][0]
    said = [as_text(apart), apart.to_markdown(), apart.to_html(), apart.to_latex()]
    assert all("letters omitted: more than 52 would be needed" in text for text in said)
    assert "letters omitted" not in as_text(result)
    with pytest.raises(MetaevalError, match="draws at most 52 groups, got more"):
        me.plots.cd_diagram(apart)


def test_letters_where_separation_is_not_transitive():
    separated = np.zeros((3, 3), dtype=bool)
    separated[0, 2] = separated[2, 0] = True
    assert compact_letter_display(separated) == ["a", "ab", "b"]


@given(separations())
def test_ranks_count_those_found_better_and_worse(separated):
    better = np.triu(separated)
    low, high = rank_intervals(better)
    n = len(better)
    assert low.tolist() == [1 + sum(better[k, j] for k in range(n)) for j in range(n)]
    assert high.tolist() == [n - sum(better[j, k] for k in range(n)) for j in range(n)]
    assert (low <= np.arange(1, n + 1)).all() and (np.arange(1, n + 1) <= high).all()


def test_ranks_of_a_complete_order():
    low, high = rank_intervals(np.triu(np.ones((4, 4), dtype=bool), 1))
    assert low.tolist() == high.tolist() == [1, 2, 3, 4]


def test_clusters_are_those_of_the_wmt_code():
    matched = 0
    for case in reference("ranks_and_weights")["cases"]:
        for call in case["calls"]:
            name, known = call["function"].split(".")[-1], call["expected"]
            if name == "AssignRanks":
                p, alpha = np.array(case["sig_matrix_upper"]), call["options"]["pval"]
            elif name == "CompareMetrics":
                p, alpha = np.array(known["sig"]), 0.05
                known = [rank for _, rank in known["corr_and_rank"].values()]
            else:  # weights of tasks
                continue
            assert wmt_rank_clusters(p, alpha).tolist() == known, case["id"]
            matched += 1
    assert matched == 13


def test_clusters_read_nothing_below_the_diagonal_and_start_at_1():
    p = np.array([[0.0, 0.01, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    filled = np.where(np.triu(np.ones((3, 3)), 1) > 0, p, np.nan)
    assert (
        wmt_rank_clusters(p, 0.05).tolist() == wmt_rank_clusters(filled, 0.05).tolist() == [1, 2, 2]
    )
    assert wmt_rank_clusters(np.zeros((0, 0)), 0.05).tolist() == []


def test_clusters_are_not_transitive():
    p = np.ones((3, 3))
    p[0, 2] = 0.01
    assert wmt_rank_clusters(p, 0.05).tolist() == [1, 1, 2]  # nothing separates the last two

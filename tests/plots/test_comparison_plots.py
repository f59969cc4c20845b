"""Figures of values and comparisons: what they show, and that all of it can be read."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import check_texts, compared, names, pairs
from numpy.testing import assert_allclose

import metaeval as me
from metaeval import MetaevalError, plots
from metaeval.results import format_p

mpl.use("Agg")
MANY = (plots.forest, plots.rank_intervals, plots.cd_diagram, plots.significance_matrix)


@pytest.fixture(autouse=True)
def look():
    with me.style("acl"):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def results():
    return {number: compared(number) for number in (3, 12, 40)}


@pytest.fixture(scope="module")
def small():
    return compared(5, long=False, test="sign-flip")


def points(ax, marker="o"):
    """Places of the marks of a kind: (mark, 2)."""
    found = [line.get_xydata() for line in ax.lines if line.get_marker() == marker]
    return np.concatenate([xy for xy in found if len(xy)])


@pytest.mark.parametrize("number", [3, 12, 40])
@pytest.mark.parametrize("draw", MANY)
def test_every_text_can_be_read(draw, number, results):
    ax = draw(results[number])
    figure = ax.figure
    check_texts(figure)
    wide = draw is plots.significance_matrix and number > 8
    assert figure.get_figwidth() == pytest.approx(6.30 if wide else 3.03)
    whole = "".join(label.get_text().replace("\n", "") for label in ax.get_yticklabels())
    assert all(name[-30:] in whole for name in names(number)[5:])


@pytest.mark.parametrize("style", ["icml", "neurips", "slides"])
@pytest.mark.parametrize("draw", MANY)
def test_every_text_can_be_read_in_other_styles(draw, style, results):
    with me.style(style):
        check_texts(draw(results[12]).figure)


@pytest.mark.parametrize("draw", MANY)
def test_names_are_short_only_where_asked(draw, results):
    labels = [t.get_text() for t in draw(results[12], max_chars=12).get_yticklabels()]
    assert all(len(text.replace("\\$", "$")) == 12 for text in labels if "[U+" not in text)
    assert all("\u2026" in text for text in labels)


@pytest.mark.parametrize("draw", MANY)
def test_axes_that_are_given_are_drawn_on(draw, small):
    figure, both = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    assert draw(small, ax=both[1]) is both[1]
    assert figure.get_size_inches().tolist() == [8, 4]
    check_texts(figure)


@pytest.mark.parametrize("draw", MANY)
def test_data_draws_nothing(draw, small):
    assert isinstance(draw(small, return_data=True), pd.DataFrame)
    assert not plt.get_fignums()


def test_a_forest_is_the_league_table(small):
    frame, leaderboard = plots.forest(small, return_data=True), small.leaderboard()
    same = ["scorer", "estimate", "lower", "upper", "letters"]
    pd.testing.assert_frame_equal(frame[same], leaderboard[same])
    assert_allclose(frame["reference"], leaderboard["chance"])
    ax = plots.forest(small)
    assert_allclose(points(ax), np.c_[frame["estimate"], range(5)])
    assert_allclose(points(ax, "|"), np.c_[frame["reference"], range(5)])
    ends = np.array([s for c in ax.collections for s in c.get_segments()])
    assert_allclose(ends[:, :, 0], frame[["lower", "upper"]])
    assert [t.get_text() for t in ax.texts] == list(frame["letters"])
    low, high = ax.get_xlim()
    assert low < frame["lower"].min() and frame["upper"].max() < high
    assert ax.get_xlabel() == "pairwise accuracy (%), 95% CI"
    assert ax.xaxis.get_major_formatter()(0.625, 0) == "62.5"


def test_tasks_and_statistics_are_chosen():
    result = me.evaluate(
        pairs(4, long=False), ["pairwise_accuracy", "brier"], by="task", n_resamples=200
    )
    frame = plots.forest(result, statistic="brier", task="law", return_data=True)
    leaderboard = result.leaderboard("brier", "law")
    assert_allclose(frame["estimate"], leaderboard["estimate"])
    assert_allclose(frame["reference"], leaderboard["expected_if_calibrated"])
    assert frame["estimate"].is_monotonic_increasing
    ax = plots.forest(result, statistic="brier", task="law")
    assert "lower is better" in ax.get_xlabel()
    assert not any(t.get_text() for t in ax.texts)
    with pytest.raises(MetaevalError, match="There is no task 'lw'"):
        plots.forest(result, task="lw")


def test_values_that_are_none_are_named():
    result = me.evaluate(pairs(3, long=False), "pairwise_accuracy", n_resamples=200)
    frame = result.to_frame()
    frame.loc[0, ["estimate", "lower", "upper"]] = np.nan
    frame.loc[1, ["estimate", "upper"]] = np.inf
    frame.loc[2, "lower"] = -np.inf
    ax = plots.forest(type(result)(frame, None, result.meta))
    said = [t.get_text() for t in ax.texts]
    assert "not defined" in said and "infinite" in said
    assert len(points(ax)) == 1
    assert len(points(ax, ">")) == len(points(ax, "<")) == 1
    low, high = ax.get_xlim()
    assert low > -1 and high < 2


def test_ranks_are_those_of_the_leaderboard(small):
    frame, leaderboard = plots.rank_intervals(small, return_data=True), small.leaderboard()
    same = ["scorer", "rank_low", "rank_high"]
    pd.testing.assert_frame_equal(frame[same], leaderboard[same])
    ax = plots.rank_intervals(small)
    ends = np.array([s for c in ax.collections for s in c.get_segments()])
    assert_allclose(ends[:, :, 0], frame[["rank_low", "rank_high"]])
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_groups_are_the_letters(small):
    frame, leaderboard = plots.cd_diagram(small, return_data=True), small.leaderboard()
    groups = frame.groupby("scorer")["group"].agg("".join)
    assert dict(groups) == dict(zip(leaderboard["scorer"], leaderboard["letters"], strict=True))
    ax = plots.cd_diagram(small)
    bars = [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]
    ends = sorted(tuple(line.get_xdata()) for line in bars if line.get_linewidth() > 1.5)
    spans = frame.groupby("group")["estimate"].agg(["min", "max"])
    assert_allclose(ends, sorted(spans.itertuples(index=False)))


def test_a_matrix_holds_every_pair_from_both_sides(small):
    frame = plots.significance_matrix(small, return_data=True)
    assert len(frame) == 5 * 4
    for row in frame.itertuples():
        found = small.row(row.row, row.column)
        assert row.value == pytest.approx(found["p_adjusted"])
        better = int(found["p_adjusted"] <= 0.05) + int(found["p_adjusted"] <= 0.001)
        assert row.significance == np.sign(found["estimate"]) * better
    raw = plots.significance_matrix(small, value="p_value", order="leaderboard", return_data=True)
    assert list(dict.fromkeys(raw["row"])) == list(small.leaderboard()["scorer"])
    assert (raw["value"] == [small.row(r.row, r.column)["p_value"] for r in raw.itertuples()]).all()


def test_cells_say_their_values_for_few_scorers(small, results):
    ax = plots.significance_matrix(small)
    frame = plots.significance_matrix(small, return_data=True)
    names = list(dict.fromkeys(frame["row"]))
    cells = {t.get_position(): t.get_text() for t in ax.texts if t.get_text()[0] in "<.1"}
    for row in frame.itertuples():
        place = (names.index(row.column) + 0.5, names.index(row.row) + 0.5)
        assert cells[place] == format_p(row.value)
    shown = ax.collections[0].get_array().reshape(5, 5)
    assert int(np.ma.count(shown)) == 20
    many = plots.significance_matrix(results[40])
    assert [t.get_text() for t in many.texts] == [str(i) for i in range(1, 41)]


def test_clusters_of_a_matrix_stand_together(results):
    frame = plots.significance_matrix(results[12], return_data=True)
    order = list(dict.fromkeys(frame["row"]))
    assert sorted(order) == sorted(names(12))
    leaderboard = list(results[12].leaderboard()["scorer"])
    assert leaderboard.index(order[0]) < leaderboard.index(order[-1])


def test_pairs_that_were_not_compared_have_a_cross():
    result = compared(4, long=False, baseline="scorer 0")
    frame = plots.significance_matrix(result, return_data=True)
    assert frame["value"].isna().sum() == frame["significance"].isna().sum() == 6
    assert len(points(plots.significance_matrix(result), "x")) == 6
    assert not any(t.get_text() for t in plots.forest(result).texts)
    with pytest.raises(MetaevalError, match="cd_diagram requires comparisons of all pairs"):
        plots.cd_diagram(result)


def test_what_is_worse_in_grey_is_lighter():
    from metaeval.plots._significance_matrix import _COLORS

    light = [np.dot(mpl.colors.to_rgb(c), [0.2126, 0.7152, 0.0722]) for c in _COLORS]
    worse, slightly, none, better, clearly = light
    assert clearly < better - 0.1 < worse - 0.2 and worse < slightly - 0.1 < none


def test_wrong_arguments_are_told_what_to_type(small):
    alone = me.evaluate(pairs(1, long=False), "pairwise_accuracy", n_resamples=200)
    for draw in (plots.rank_intervals, plots.cd_diagram, plots.significance_matrix):
        with pytest.raises(MetaevalError, match=r"\(evaluate\) has none; call metaeval\.compare"):
            draw(alone)
    for draw in MANY:
        with pytest.raises(
            MetaevalError, match="expected a Result, got DataFrame; compute one with"
        ):
            draw(small.to_frame())
        with pytest.raises(
            MetaevalError, match=r"must be matplotlib axes, such as those of plt.*got 'axes'"
        ):
            draw(small, ax="axes")
    with pytest.raises(MetaevalError, match="value='p' is not one of 'p_adjusted'"):
        plots.significance_matrix(small, value="p")
    with pytest.raises(MetaevalError, match="requires a posterior"):
        plots.significance_matrix(small, value="prob_better")
    with pytest.raises(MetaevalError, match="order='size' is not one of 'cluster', 'leaderboard'"):
        plots.significance_matrix(small, order="size")
    assert len(plots.forest(alone, return_data=True)) == 1
    check_texts(plots.forest(alone).figure)


def test_a_statistic_without_a_good_side_has_no_ranks():
    slope = me.compare(pairs(3, long=False), "slope", n_resamples=200)
    with pytest.raises(MetaevalError, match="higher or lower values are better; use forest"):
        plots.rank_intervals(slope)
    plots.forest(slope)
    plots.significance_matrix(slope)
